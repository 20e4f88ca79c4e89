//! What to type next: the last lines for people, and only what makes sense after this run.

use std::io;

use super::{Later, Redactor, RunRecord, fold, inert};
use crate::{
    engine::{Ran, Reason, Status, StepResult, TargetResult, is_final},
    fleet::Vps,
    playbook::quoted,
};

/// Between a command and what it does.
const GAP: &str = "    ";

/// What `rollcall retry` tries again where nobody says otherwise. Source: failure model, Y5.
const TRIED_AGAIN: [Status; 6] = [
    Status::Failed,
    Status::CheckFailed,
    Status::Refused,
    Status::Unavailable,
    Status::Skipped,
    Status::Cancelled,
];

/// Whether `rollcall retry` tries a target again where nobody says otherwise: it is one that failed or was never started,
/// and it can be asked again at all.
pub(crate) fn is_tried_again(target: &TargetResult) -> bool {
    TRIED_AGAIN.contains(&target.status) && can_be_asked_again(target)
}

/// Whether a target is still there, can be asked, and has a part in the run.
pub(crate) fn can_be_asked_again(target: &TargetResult) -> bool {
    !target.is_left_out() && target.reason != Some(Reason::Gone) && target.vps.id().is_ok()
}

/// A line: what is typed, and what that does.
pub(super) struct Next {
    typed: String,
    does: String,
}

impl Next {
    pub(super) fn new(typed: impl Into<String>, does: impl Into<String>) -> Self {
        Self { typed: typed.into(), does: does.into() }
    }
}

/// Writes the lines below each other, after a blank one.
pub(super) fn write(lines: &[Next], out: &mut dyn io::Write) -> io::Result<()> {
    let width = lines.iter().map(|line| line.typed.chars().count()).max().unwrap_or(0);
    for (index, Next { typed, does }) in lines.iter().enumerate() {
        let blank = if index == 0 { "\n" } else { "" };
        writeln!(out, "{blank}  {typed:width$}{GAP}{does}")?;
    }
    Ok(())
}

/// How to go on with a run that is not finished, or else how to ask those again that were not ok.
pub(super) fn go_on(record: &RunRecord) -> Option<Next> {
    if record.later != Later::Everything {
        return None;
    }
    let targets = || record.run.targets.iter().map(AsRef::as_ref);
    let (mut collected, mut started) = (0, 0);
    for target in targets().filter(|target| is_open(target)) {
        let is_running = |step: &StepResult| step.status == Status::Running;
        if target.steps.iter().any(is_running) { collected += 1 } else { started += 1 }
    }
    let id = inert(record.short_id());
    let parts: Vec<String> = [("collects", collected), ("starts", started)]
        .into_iter()
        .filter(|&(_, count)| count > 0)
        .map(|(does, count)| format!("{does} the {count}"))
        .collect();
    if !parts.is_empty() {
        let does = format!("{}, repeats nothing", parts.join(", "));
        return Some(Next::new(format!("rollcall resume {id}"), does));
    }
    match targets().filter(|target| is_tried_again(target)).count() {
        0 => None,
        count => Some(Next::new(format!("rollcall retry {id}"), format!("asks the {count} again"))),
    }
}

/// How to see all that the first target of the table printed, where it is not ok.
pub(super) fn look_at(record: &RunRecord, redactor: &Redactor) -> Option<Next> {
    if record.later == Later::Nothing {
        return None;
    }
    let targets = &record.run.targets;
    let groups = fold::groups(targets, true, |_| String::new());
    let worst = groups.iter().flat_map(|group| &group.listed).find(|target| has_printed(target))?;
    // Where most are like that, none stands out.
    let alike = targets.iter().filter(|target| target.status == worst.status).count();
    if worst.status == Status::Ok || alike * 2 > targets.len() {
        return None;
    }
    let is_plain = |word: &&str| {
        !word.is_empty() && !word.starts_with('-') && inert(word) == *word && redactor.text(word) == *word
    };
    let is_only_one = |word: &&str| targets.iter().filter(|target| target.vps.is_called(word)).count() == 1;
    let vps: &Vps = &worst.vps;
    let word = [vps.name(), vps.raw_id()].into_iter().filter(is_plain).find(is_only_one)?;
    let typed = format!("rollcall show {} --target {}", inert(record.short_id()), quoted(word));
    Some(Next::new(typed, "what it printed"))
}

/// Whether it is a reason to go on with the run. A command that outran its time is looked at then, but is none.
fn is_open(target: &TargetResult) -> bool {
    !is_final(target, false) && target.status != Status::TimedOut
}

fn has_printed(target: &TargetResult) -> bool {
    let printed = |step: &StepResult| {
        [&step.stdout, &step.stderr].into_iter().flatten().any(|stream| !stream.text.is_empty())
    };
    target.ran != Ran::No && target.steps.iter().any(printed)
}
