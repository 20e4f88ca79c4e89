//! What is told first of a target whose steps did not all end well.
//!
//! An audit's target may fail in many steps, and in many expectations of one. A row has room for one of them: the
//! one that weighs most, and of those the first. How many more there are is said too.

use crate::{
    engine::{CheckResult, Status, StepResult, TargetResult},
    playbook::Severity,
};

/// The one that is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finding<'a> {
    /// Whose it is.
    pub(super) step: &'a StepResult,
    /// The failed expectation, where the step has one to show.
    pub(super) check: Option<&'a CheckResult>,
    /// How much it weighs.
    pub(super) severity: Severity,
    /// How many other expectations and steps failed.
    pub(super) more: usize,
}

impl<'a> Finding<'a> {
    /// Finds it; `None` where there are no steps, as after a run that only lists.
    pub(super) fn of(target: &'a TargetResult) -> Option<Self> {
        let step = target.telling_step()?;
        let (check, severity) = match target.status {
            // Without a word on why, it counts in full.
            Status::CheckFailed => {
                let severity = step.severity().unwrap_or_default();
                (failed(step).find(|check| check.severity == severity), severity)
            }
            _ => (None, Severity::Error),
        };
        let told = matches!(step.status, Status::Failed | Status::CheckFailed);
        Some(Self { step, check, severity, more: failures(target) - usize::from(told) })
    }
}

/// A step's expectations that do not hold, and its captures that could not be made.
pub(super) fn failed(step: &StepResult) -> impl Iterator<Item = &CheckResult> {
    step.checks.iter().filter(|check| !check.holds)
}

/// Failed expectations, and steps that failed without one.
fn failures(target: &TargetResult) -> usize {
    let of_step = |step: &StepResult| match step.status {
        Status::Failed => 1,
        Status::CheckFailed => failed(step).count().max(1),
        Status::Unknown
        | Status::Running
        | Status::TimedOut
        | Status::Refused
        | Status::Unavailable
        | Status::Cancelled
        | Status::Skipped
        | Status::Ok => 0,
    };
    target.steps.iter().map(of_step).sum()
}
