//! `rollcall runs`: the runs that are kept, and the end of old ones.

use std::collections::HashSet;

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

use super::{
    Failure, history,
    state::{StateDirectoryArgs, unusable},
};
use crate::{
    engine::Status,
    report::{self, ListedRun, Style, inert},
    store::{RunCounts, RunHead, Store},
};

const AFTER_HELP: &str = "\
`open` counts the targets that `rollcall resume` would go on with, `not ok` those that are done and are not ok. A run is \
known by its id, or by as much of its beginning as is shown.

Examples:
  rollcall runs
  rollcall runs -o json | jq -r '.runs[] | select(.state == \"unfinished\") | .runId'
  rollcall runs prune --keep 90d --dry-run";

const AFTER_HELP_OF_PRUNE: &str = "\
A run in progress is never removed. Runs that are not finished, or that have targets which are unknown or running, are kept \
and named, unless --force is given: somebody may want to look at them, or go on with them.

Examples:
  rollcall runs prune --keep 90d
  rollcall runs prune --keep 30d --keep-last 10 --dry-run";

/// Characters of an id that are always shown.
const SHORTEST_ID: usize = 6;

#[derive(Debug, Args)]
#[command(
    after_help = AFTER_HELP,
    disable_help_subcommand = true,
    mut_arg("state_dir", |directory| directory.global(true))
)]
pub(super) struct RunsArgs {
    #[command(subcommand)]
    action: Option<Action>,

    #[command(flatten)]
    directory: StateDirectoryArgs,

    /// How many are listed, the newest first
    #[arg(long, value_name = "N", default_value_t = 20, help_heading = "Output")]
    limit: usize,

    /// What stdout gets
    #[arg(
        short,
        long,
        value_enum,
        default_value_t = RunsFormat::Table,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    output: RunsFormat,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Remove old runs, and what only they printed
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP_OF_PRUNE)]
struct PruneArgs {
    /// Keep the runs of the last so many days, weeks or hours, for example 90d
    #[arg(long, value_name = "SPAN", value_parser = parse_age, required_unless_present = "keep_last")]
    keep: Option<SignedDuration>,

    /// Keep the last N runs, however old
    #[arg(long, value_name = "N")]
    keep_last: Option<usize>,

    /// Remove also runs that are not finished, or of which some outcomes are unknown
    #[arg(long)]
    force: bool,

    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RunsFormat {
    Table,
    Json,
}

/// Reads `90d`, `12w` or `36h`.
fn parse_age(text: &str) -> Result<SignedDuration, String> {
    let forms = || "write a span like 90d, 12w or 36h".to_owned();
    let span: Span = text.trim().parse().map_err(|_| forms())?;
    let age = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| forms())?;
    if age.is_negative() { Err("a span cannot be negative".to_owned()) } else { Ok(age) }
}

impl RunsArgs {
    pub(super) fn execute(&self) -> Result<u8, Failure> {
        let store = self.directory.open_existing()?;
        match &self.action {
            Some(Action::Prune(prune)) => prune.execute(store),
            None => self.list(store.as_ref()),
        }
    }

    fn list(&self, store: Option<&Store>) -> Result<u8, Failure> {
        let known = match store {
            Some(store) => store.runs().map_err(|error| unusable("", &error))?,
            None => Vec::new(),
        };
        let mut runs = Vec::new();
        for head in known.iter().take(self.limit) {
            let listed = store.map(|store| history::listed(store, head)).transpose()?.flatten();
            if let Some((head, counts, state)) = listed {
                let short_id = shortest(&head.id, &known).to_owned();
                runs.push(ListedRun { head, counts, state, short_id });
            }
        }
        let more = known.len().saturating_sub(self.limit);
        super::to_stdout(|out| match self.output {
            RunsFormat::Table => report::write_runs_table(&runs, more, Style::of_stdout(true), out),
            RunsFormat::Json => report::write_runs_json(&runs, more, out),
        })?;
        Ok(0)
    }
}

/// The beginning of an id that no other run has.
fn shortest<'a>(id: &'a str, known: &[RunHead]) -> &'a str {
    let in_common = |other: &str| id.bytes().zip(other.bytes()).take_while(|(one, two)| one == two).count();
    let others = known.iter().filter(|other| other.id != id);
    let most = others.map(|other| in_common(&other.id)).max().unwrap_or(0);
    id.get(..SHORTEST_ID.max(most + 1)).unwrap_or(id)
}

impl PruneArgs {
    fn execute(&self, store: Option<Store>) -> Result<u8, Failure> {
        let Some(mut store) = store else { return say("no runs") };
        let failed = |error| unusable("", &error);
        let known = store.runs().map_err(failed)?;
        let last: HashSet<&str> =
            known.iter().take(self.keep_last.unwrap_or(0)).map(|run| run.id.as_str()).collect();
        let since = self.keep.map(|keep| Timestamp::now().checked_sub(keep).unwrap_or(Timestamp::MIN));
        let is_old = |run: &&RunHead| {
            let newest = run.ended_at.map_or(run.started_at, |ended| ended.max(run.started_at));
            !last.contains(run.id.as_str()) && since.is_none_or(|since| newest < since)
        };
        let mut removed = 0;
        let mut lines = Vec::new();
        // The oldest first, so that an interruption leaves no gap.
        for head in known.iter().rev().filter(is_old) {
            match self.remove(&mut store, head)? {
                Fate::Removed => removed += 1,
                Fate::Kept(why) => lines.push(format!(
                    "kept {} ({}, {}): {why}",
                    shortest(&head.id, &known),
                    inert(&head.playbook_name),
                    head.started_at.strftime("%Y-%m-%d"),
                )),
                Fate::Gone => {}
            }
        }
        if self.dry_run {
            lines.push(format!("would remove {}", plural(removed, "run")));
        } else {
            let outputs = store.remove_unused_outputs().map_err(failed)?;
            if removed + outputs > 0 {
                store.compact().map_err(failed)?;
            }
            lines.push(format!("removed {} and {}", plural(removed, "run"), plural(outputs, "output")));
        }
        say(&lines.join("\n"))
    }

    /// Removes a run, unless there is a reason to keep it.
    fn remove(&self, store: &mut Store, head: &RunHead) -> Result<Fate, Failure> {
        let failed = |error| unusable("", &error);
        let owner = if self.dry_run { None } else { store.own(&head.id).map_err(failed)? };
        if owner.is_none() && (!self.dry_run || history::is_in_progress(store, head)?) {
            return Ok(Fate::Kept("in progress".to_owned()));
        }
        // Only now is it certain that nothing changes any more.
        let Some((now, counts)) = store.run(head.number).map_err(failed)? else { return Ok(Fate::Gone) };
        let reasons = reasons_to_keep(&now, &counts);
        if !self.force && !reasons.is_empty() {
            return Ok(Fate::Kept(reasons.join(", ")));
        }
        if !self.dry_run {
            store.remove_run(head.number).map_err(failed)?;
        }
        Ok(Fate::Removed)
    }
}

/// What became of a run that is old enough to be removed.
enum Fate {
    Removed,
    /// It stays, for this reason.
    Kept(String),
    /// Another process has removed it.
    Gone,
}

/// Why somebody may still want a run.
fn reasons_to_keep(head: &RunHead, counts: &RunCounts) -> Vec<String> {
    let mut reasons = Vec::new();
    if head.ended_at.is_none() || counts.open > 0 {
        reasons.push("unfinished".to_owned());
    }
    for status in [Status::Unknown, Status::Running] {
        match counts.summary.count(status) {
            0 => {}
            count => reasons.push(format!("{count} {status}")),
        }
    }
    reasons
}

fn say(text: &str) -> Result<u8, Failure> {
    super::to_stdout(|out| writeln!(out, "{text}"))?;
    Ok(0)
}

fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_days_weeks_and_hours() {
        for (text, hours) in [("90d", 2_160), ("2w", 336), ("36h", 36), ("1d 12h", 36), ("0d", 0)] {
            assert_eq!(parse_age(text), Ok(SignedDuration::from_hours(hours)), "{text}");
        }
        for text in ["", "90", "d", "-1d", "3mo", "1y", "soon"] {
            assert!(parse_age(text).is_err(), "{text}");
        }
    }
}
