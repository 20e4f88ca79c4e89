//! The runs that are kept: found by what people call them (an id, the beginning of one, `last`, `last~2`), and how far they
//! came.

use std::{str::FromStr, sync::Arc};

use super::{
    Failure,
    execution::spec_of,
    recipe::{Recipe, Remade},
    state::unusable,
};
use crate::{
    engine::{RunSpec, TargetResult},
    fleet::Selection,
    report::{RunState, inert},
    store::{PastRun, RunCounts, RunHead, Store},
};

/// Candidates that a message names.
const NAMED: usize = 8;

/// How a run is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunName {
    /// So many before the last one, not counting runs in sandboxes.
    Last(usize),
    /// An id, or the beginning of one, in capitals.
    Id(String),
}

impl FromStr for RunName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let forms = || {
            let shown = inert(text);
            format!(
                "`{shown}` is no run: give an id or its beginning, `last`, or `last~2` for the second before it"
            )
        };
        if text == "last" {
            return Ok(Self::Last(0));
        }
        if let Some(before) = text.strip_prefix("last~") {
            return before.parse().map(Self::Last).map_err(|_| forms());
        }
        let fits = (1..=26).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits { Ok(Self::Id(text.to_ascii_uppercase())) } else { Err(forms()) }
    }
}

/// The run that is called so.
pub(super) fn find(store: &Store, name: &RunName) -> Result<RunHead, Failure> {
    let runs = store.runs().map_err(|error| unusable("", &error))?;
    pick(runs, name)
}

/// The last run that is not finished, and that no process works on.
pub(super) fn last_unfinished(store: &Store) -> Result<RunHead, Failure> {
    let mut live = None;
    for run in store.unfinished_runs().map_err(|error| unusable("", &error))? {
        if !is_in_progress(store, &run)? {
            return Ok(run);
        }
        live.get_or_insert(run);
    }
    Err(match live {
        Some(run) => in_progress(&run),
        None => Failure::usage("no run is unfinished")
            .hint("`rollcall runs` lists them; name one to look at it all the same"),
    })
}

/// Whether a process works on a run.
pub(super) fn is_in_progress(store: &Store, head: &RunHead) -> Result<bool, Failure> {
    store.is_owned(&head.id).map_err(|error| unusable("", &error))
}

/// That a process works on a run, so that nothing else can be done with it.
pub(super) fn in_progress(head: &RunHead) -> Failure {
    Failure::usage(format!("run {} is in progress: another process works on it", head.id))
        .hint("`rollcall show` shows how far it is; wait for its end, or end that process first")
}

/// That the API of a run is gone, so that nothing more can be asked of it.
pub(super) fn gone_with_its_sandbox(head: &RunHead) -> Failure {
    Failure::usage(format!(
        "run {} was on a sandbox inside its own process, whose servers are gone with it",
        head.id
    ))
    .hint("to try this, start `rollcall sandbox` by itself and run against its URL with --api-url")
}

/// Everything that is kept of a run.
pub(super) fn read(store: &Store, head: &RunHead) -> Result<PastRun, Failure> {
    let found = store.past_run(head.number).map_err(|error| unusable("", &error))?;
    found.ok_or_else(|| Failure::usage(format!("run {} has just been removed", head.id)))
}

/// Everything that is kept of a run, and whether a process works on it.
pub(super) fn look_at(store: &Store, head: &RunHead) -> Result<(PastRun, bool), Failure> {
    let past = read(store, head)?;
    if past.ending.is_some() {
        return Ok((past, false));
    }
    if is_in_progress(store, head)? {
        return Ok((past, true));
    }
    // Who worked on it may have ended it after it was read.
    Ok((read(store, head)?, false))
}

/// What is left to be done in a run, and how far it came; `None` where it has just been removed.
pub(super) fn listed(
    store: &Store,
    head: &RunHead,
) -> Result<Option<(RunHead, RunCounts, RunState)>, Failure> {
    let read = || store.run(head.number).map_err(|error| unusable("", &error));
    let is_finished = |(head, counts): &(RunHead, RunCounts)| head.ended_at.is_some() && counts.open == 0;
    let with = |state| move |(head, counts)| (head, counts, state);
    let finished = with(RunState::Finished);
    match read()? {
        None => Ok(None),
        Some(run) if is_finished(&run) => Ok(Some(finished(run))),
        Some(run) if is_in_progress(store, head)? => Ok(Some(with(RunState::InProgress)(run))),
        // Who worked on it may have ended it after it was read.
        Some(_) => Ok(read()?
            .map(|run| if is_finished(&run) { finished(run) } else { with(RunState::Unfinished)(run) })),
    }
}

/// What became of the targets of a run, as `show` shows it. Of a run in progress, only of those that are done.
pub(super) fn results(store: &Store, head: &RunHead) -> Result<Vec<Arc<TargetResult>>, Failure> {
    let (past, is_live) = look_at(store, head)?;
    if is_live {
        return Ok(past.left_off.targets.iter().filter_map(|target| target.result.clone()).collect());
    }
    let recipe = Recipe::from_json(&past.head.source)?;
    let Remade { playbook, .. } = recipe.playbook()?;
    let spec = RunSpec { fail_on: recipe.fail_on, ..spec_of(&playbook, Selection::default(), 1) };
    Ok(past.as_it_stands(spec, past.last).targets)
}

fn pick(runs: Vec<RunHead>, name: &RunName) -> Result<RunHead, Failure> {
    match name {
        RunName::Last(before) => {
            let known = runs.len();
            let mut real = runs.into_iter().filter(|run| !run.in_sandbox);
            real.nth(*before).ok_or_else(|| {
                let failure = Failure::usage(match before {
                    0 => "there is no last run".to_owned(),
                    before => format!("there is no run {before} before the last"),
                });
                match known {
                    0 => failure,
                    _ => failure.hint(
                        "runs with --sandbox are not counted; `rollcall runs` lists them with their ids",
                    ),
                }
            })
        }
        RunName::Id(beginning) => {
            let mut fitting = runs.into_iter().filter(|run| run.id.starts_with(beginning.as_str()));
            let Some(first) = fitting.next() else {
                return Err(Failure::usage(format!("no run begins with {beginning}"))
                    .hint("`rollcall runs` lists those that are kept"));
            };
            let others: Vec<RunHead> = fitting.collect();
            if others.is_empty() || first.id == *beginning {
                return Ok(first);
            }
            let ids = std::iter::once(&first).chain(&others).map(|run| run.id.as_str());
            let named: Vec<&str> = ids.take(NAMED).collect();
            let more = match (others.len() + 1).saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            Err(Failure::usage(format!("{beginning} may be any of {}{more}", named.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::store::RunNumber;

    fn run(id: &str, in_sandbox: bool) -> RunHead {
        RunHead {
            number: RunNumber::FIRST,
            id: id.to_owned(),
            started_at: Timestamp::UNIX_EPOCH,
            url: "https://cloud.hostup.se".to_owned(),
            in_sandbox,
            playbook_name: "uptime".to_owned(),
            playbook_path: None,
            playbook_sha256: String::new(),
            source: String::new(),
            ended_at: None,
            exit_code: None,
        }
    }

    fn picked(name: &str) -> Result<String, String> {
        let runs = vec![run("01C3", false), run("01C2", true), run("01B1", false), run("01A", false)];
        let name = name.parse().map_err(|error: String| error)?;
        pick(runs, &name).map(|run| run.id).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn y2_a_run_is_called_by_its_id_its_beginning_or_how_long_ago_it_was() {
        for (name, id) in
            [("last", "01C3"), ("last~1", "01B1"), ("last~2", "01A"), ("01c2", "01C2"), ("01b", "01B1")]
        {
            assert_eq!(picked(name).as_deref(), Ok(id), "{name}");
        }
    }

    #[test]
    fn y2_what_is_no_run_or_more_than_one_is_said_with_the_candidates() {
        let ambiguous = picked("01C").unwrap_err();
        assert!(ambiguous.contains("01C3") && ambiguous.contains("01C2"), "{ambiguous}");
        for name in ["../x", "", "last~", "last~x", "last~-1", "0/1", "01D", "last~3"] {
            assert!(picked(name).is_err(), "{name}");
        }
    }
}
