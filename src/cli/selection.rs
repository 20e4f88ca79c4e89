//! The flags that pick targets.

use std::{fs, io::Read, path::Path, str::FromStr};

use clap::Args;
use serde_json::Value;

use super::{
    Failure,
    history::{self, RunName},
    state::StateDirectoryArgs,
};
use crate::{
    engine::Status,
    fleet::Selection,
    playbook::{Expression, FieldRule, Pattern, TargetRules},
};

/// A list of targets larger than this is none.
const MAX_LIST: u64 = 256 * 1024 * 1024;

/// Which VPSes; with a playbook these flags narrow its own selection.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct SelectionArgs {
    /// Only VPSes whose field matches, for example name='web-*'; for one field given twice, either may match
    #[arg(long = "match", value_name = "PATH=GLOB")]
    matching: Vec<FieldPattern>,

    /// No VPSes whose field matches
    #[arg(long, value_name = "PATH=GLOB")]
    exclude: Vec<FieldPattern>,

    /// Only VPSes for which this holds, for example 'resources.memoryGb >= 4'
    #[arg(long = "where", value_name = "EXPR")]
    condition: Option<String>,

    /// Only this VPS, by name, id or address; may be given more than once
    #[arg(long, value_name = "NAME|ID|IP")]
    target: Vec<String>,

    /// Only the VPSes listed in a file, or - for stdin: names or ids one a line, or JSON that rollcall wrote; or those that
    /// ended so in a run that is kept, for example last:failed
    #[arg(long, value_name = "FILE|-|RUN:STATUS")]
    targets: Option<String>,

    /// Only N of the selected, drawn at random
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,

    /// Exit 0 where nothing matches
    #[arg(long)]
    allow_empty: bool,

    /// Start nothing unless exactly N are selected
    #[arg(long, value_name = "N")]
    expect: Option<usize>,
}

/// `PATH=GLOB`.
#[derive(Debug, Clone)]
struct FieldPattern {
    path: String,
    pattern: Pattern,
}

impl FromStr for FieldPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, glob) = text.split_once('=').ok_or("write PATH=GLOB, for example name='web-*'")?;
        if path.trim().is_empty() || glob.is_empty() {
            // An empty shell variable must never widen a selection to everything.
            return Err("both the field and the pattern must be there, for example name='web-*'".to_owned());
        }
        let pattern = Pattern::untyped(glob).map_err(|error| error.to_string())?;
        Ok(Self { path: path.trim().to_owned(), pattern })
    }
}

impl SelectionArgs {
    /// Whether a selection that picks nothing is no failure.
    pub(super) fn allow_empty(&self) -> bool {
        self.allow_empty
    }

    /// These flags and the rules of a playbook, which must agree.
    pub(super) fn with_rules(
        &self,
        playbook: TargetRules,
        directory: &StateDirectoryArgs,
    ) -> Result<Selection, Failure> {
        let listed = match self.targets.as_deref() {
            Some("") => return Err(empty("--targets")),
            Some(text) => Some(match of_run(text) {
                Some((run, statuses)) => kept_targets(directory, &run, &statuses, text)?,
                None => read_list(text)?,
            }),
            None => None,
        };
        if self.target.iter().any(|name| name.trim().is_empty()) {
            return Err(empty("--target"));
        }
        Ok(Selection {
            rules: vec![playbook, self.rules()?],
            named: self.target.clone(),
            listed,
            sample: self.sample.map(|sample| sample as usize),
            expect: self.expect,
        })
    }

    fn rules(&self) -> Result<TargetRules, Failure> {
        let condition = match self.condition.as_deref() {
            Some(text) if text.trim().is_empty() => return Err(empty("--where")),
            Some(text) => Some(Expression::compile(text).map_err(|error| {
                let caret = error.span.as_ref().map(|span| {
                    let before = text.get(..span.start).map_or(0, |before| before.chars().count());
                    let width = text.get(span.clone()).map_or(1, |part| part.chars().count().max(1));
                    format!("\n  {text}\n  {}{}", " ".repeat(before), "^".repeat(width))
                });
                Failure::usage(format!("--where: {error}{}", caret.unwrap_or_default()))
            })?),
            None => None,
        };
        if let Some(name) =
            condition.iter().flat_map(Expression::names).find(|name| name.starts_with("vars."))
        {
            // Variables belong to a playbook, and are checked there; on the command line the shell has its own.
            return Err(Failure::usage(format!(
                "--where: `{name}`: variables can be used in a playbook only"
            )));
        }
        Ok(TargetRules {
            matching: field_rules(&self.matching),
            exclude: field_rules(&self.exclude),
            condition,
        })
    }
}

fn empty(flag: &str) -> Failure {
    Failure::usage(format!("{flag} is empty"))
        .hint("an unset shell variable? To select all, leave the flag out")
}

/// Patterns of one path become one rule, of which any may match.
fn field_rules(patterns: &[FieldPattern]) -> Vec<FieldRule> {
    let mut rules: Vec<FieldRule> = Vec::new();
    for FieldPattern { path, pattern } in patterns {
        match rules.iter_mut().find(|rule| rule.path == *path) {
            Some(rule) => rule.patterns.push(pattern.clone()),
            None => rules.push(FieldRule { path: path.clone(), patterns: vec![pattern.clone()] }),
        }
    }
    rules
}

/// `RUN:STATUS`, with commas between several statuses, where the text is that and no file of that name is there.
fn of_run(text: &str) -> Option<(RunName, Vec<Status>)> {
    let (run, statuses) = text.split_once(':')?;
    let run = run.parse().ok()?;
    let statuses: Option<Vec<Status>> = statuses.split(',').map(|word| parse_status(word).ok()).collect();
    statuses.filter(|_| !Path::new(text).exists()).map(|statuses| (run, statuses))
}

/// Reads a status.
pub(super) fn parse_status(word: &str) -> Result<Status, String> {
    let found = Status::ALL.into_iter().find(|status| status.word() == word.trim());
    found.ok_or_else(|| format!("there are {}", Status::ALL.map(Status::word).join(", ")))
}

/// The ids of the targets that ended so in a run.
fn kept_targets(
    directory: &StateDirectoryArgs,
    run: &RunName,
    statuses: &[Status],
    text: &str,
) -> Result<Vec<String>, Failure> {
    let store = directory.open_kept()?;
    let head = history::find(&store, run)?;
    let ids: Vec<String> = history::results(&store, &head)?
        .into_iter()
        .filter(|result| statuses.contains(&result.status))
        .map(|result| result.vps.raw_id().to_owned())
        .collect();
    if ids.is_empty() {
        return Err(Failure::usage(format!("--targets {text}: no target of run {} ended so", head.id)));
    }
    Ok(ids)
}

fn read_list(path: &str) -> Result<Vec<String>, Failure> {
    let unreadable = |error: std::io::Error| Failure::usage(format!("--targets {path}: {error}"));
    let mut text = String::new();
    let read = if path == "-" {
        std::io::stdin().lock().take(MAX_LIST).read_to_string(&mut text)
    } else {
        fs::File::open(path).map_err(unreadable)?.take(MAX_LIST).read_to_string(&mut text)
    };
    read.map_err(unreadable)?;
    parse_list(&text).map_err(|why| Failure::usage(format!("--targets {path}: {why}")))
}

/// Names or ids one a line, or JSON: an array of VPSes, of texts, or an object with such an array as `targets`.
fn parse_list(text: &str) -> Result<Vec<String>, String> {
    let names = if text.trim_start().starts_with(['[', '{']) {
        let document: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        let items = document.get("targets").unwrap_or(&document).as_array();
        let items = items.ok_or("JSON without a list of targets")?;
        items
            .iter()
            .map(|item| item.get("id").unwrap_or(item).as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .ok_or("an entry without an `id`")?
    } else {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    // "Nothing" must never be read as "no such flag".
    if names.is_empty() { Err("it lists no target".to_owned()) } else { Ok(names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_lines_or_what_rollcall_itself_writes() {
        let expected = Ok(vec!["web-1".to_owned(), "vps_2".to_owned()]);
        for text in [
            "# suspects\nweb-1\n\n  vps_2  # the other\n",
            r#"[{"id": "web-1", "name": "x"}, {"id": "vps_2"}]"#,
            r#"{"schemaVersion": 1, "targets": [{"id": "web-1"}, {"id": "vps_2"}]}"#,
            r#"["web-1", "vps_2"]"#,
        ] {
            assert_eq!(parse_list(text), expected, "{text}");
        }
        for text in ["", "# none\n", "[]", "{}", r#"[{"name": "x"}]"#, "[1"] {
            assert!(parse_list(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_empty_value_is_never_all() {
        for text in ["name=", "=x", "name", " =x", ""] {
            assert!(text.parse::<FieldPattern>().is_err(), "{text}");
        }
        for flags in [
            SelectionArgs { target: vec![String::new()], ..SelectionArgs::default() },
            SelectionArgs { condition: Some(" ".to_owned()), ..SelectionArgs::default() },
            SelectionArgs { targets: Some(String::new()), ..SelectionArgs::default() },
        ] {
            assert!(flags.with_rules(TargetRules::default(), &StateDirectoryArgs::default()).is_err());
        }
    }

    #[test]
    fn patterns_of_one_field_are_alternatives() {
        let patterns: Vec<FieldPattern> =
            ["name=a*", "tags=x", "name=b*"].iter().map(|text| text.parse().unwrap()).collect();
        let rules = field_rules(&patterns);
        assert_eq!(rules.len(), 2);
        assert_eq!((rules[0].path.as_str(), rules[0].patterns.len()), ("name", 2));
    }
}
