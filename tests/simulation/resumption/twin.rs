//! A run that was gone on with, beside the same run that nothing interrupted.

use rollcall::{
    engine::{FinishedRun, Reason, Status, StepResult, Stop, Stream},
    playbook::DEFAULT_TIMEOUT,
};

use super::{invariants::told, story::Story};
use crate::{
    invariants::{Verdict, ensure},
    world::World,
};

/// Whether anything but a crash may have kept a target from being worked on to its end.
pub(crate) fn is_cut_short(world: &World) -> bool {
    world.faults.any() || world.spec.deadline.is_some()
}

/// Everything that a step is found to be, but for the process and the time that it took.
fn found(step: &StepResult) -> impl PartialEq + std::fmt::Debug + use<> {
    // The model writes the pid into every output.
    let text = |stream: &Stream| stream.shown().split(" in ").next().unwrap_or_default().to_owned();
    let streams = (step.stdout.as_ref().map(text), step.stderr.as_ref().map(text));
    let checks: Vec<_> =
        step.checks.iter().map(|check| (check.name.clone(), check.holds, check.message.clone())).collect();
    (step.status, step.reason, step.message.clone(), step.ran, step.exit_code, step.signal, streams, checks)
}

/// Where nothing but crashes and signals went wrong, each row is that of the run that nothing interrupted, but for what a crash
/// took along.
pub(crate) fn as_if_uninterrupted(story: &Story<'_>, twin: &FinishedRun) -> Verdict {
    let counts_failures = |run: &FinishedRun| matches!(run.stop, Some(Stop::MaxFailures { .. }));
    if is_cut_short(story.world)
        || twin.stop.is_some()
        || story.run.stop.as_ref().is_some_and(|_| !counts_failures(&story.run))
    {
        return Ok(());
    }
    // Whether a command that takes about as long as it may is found running still at its limit is a matter of when.
    let at_its_limit = |(number, (one, other)): (usize, (&StepResult, &StepResult))| {
        let limit = story.world.spec.steps[number].timeout.unwrap_or(DEFAULT_TIMEOUT);
        one.status == Status::TimedOut && other.duration.is_some_and(|duration| duration >= limit)
    };
    for (target, other) in story.run.targets.iter().zip(&twin.targets) {
        let lost = |step: &StepResult| {
            matches!(
                step.reason,
                Some(
                    Reason::Crashed
                        | Reason::ResultLost
                        | Reason::PollLost
                        | Reason::NoReply
                        | Reason::MaxFailures
                )
            ) || step.late
                || step.message.as_ref().is_some_and(|message| message.contains("may have run up to"))
        };
        let waited = |step: &StepResult| {
            step.status == Status::TimedOut && step.reason != Some(Reason::Killed)
                || step.status == Status::Unavailable
                || step.late
        };
        let mut both = target.steps.iter().zip(&other.steps).enumerate();
        if target.steps.iter().any(lost) || other.steps.iter().any(waited) || both.any(at_its_limit) {
            continue;
        }
        let equal = target.vps.raw_id() == other.vps.raw_id()
            && target.status == other.status
            && target.captured == other.captured
            && target.steps.iter().zip(&other.steps).all(|(one, other)| found(one) == found(other));
        ensure(equal, || {
            format!("{}\nuninterrupted {}\n{:?}\n{:?}", told(target), told(other), target.steps, other.steps)
        })?;
    }
    Ok(())
}
