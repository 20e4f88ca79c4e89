//! What is told first of a target whose steps did not all end well.
//!
//! An audit's target may fail in many steps, and in many expectations of one. A row has room for one of them: the
//! one that weighs most, and of those the first. How many more there are is said too.

use crate::{
    engine::{CheckResult, Reason, Status, StepResult, TargetResult},
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
        if target.status != Status::CheckFailed {
            let step = target.telling_step()?;
            let more = failures(target) - usize::from(step.status == Status::Failed);
            return Some(Self { step, check: None, severity: Severity::Error, more });
        }
        let mut heaviest: Option<(&StepResult, Severity)> = None;
        for step in target.steps.iter().filter(|step| step.status == Status::CheckFailed) {
            let severity = severity_of_step(step);
            if heaviest.is_none_or(|(_, known)| severity > known) {
                heaviest = Some((step, severity));
            }
        }
        let (step, severity) = heaviest.or_else(|| Some((target.telling_step()?, Severity::Error)))?;
        let check = match step.reason {
            // Without the value there is nothing to compare.
            Some(Reason::CaptureFailed) => None,
            _ => failed(step).find(|check| self::severity(check) == severity),
        };
        Some(Self { step, check, severity, more: failures(target).saturating_sub(1) })
    }
}

/// How a failed expectation counts.
pub(super) fn severity(check: &CheckResult) -> Severity {
    let known = [Severity::Info, Severity::Warning].into_iter().find(|known| known.word() == check.severity);
    // An unknown word counts in full.
    known.unwrap_or(Severity::Error)
}

/// A step's expectations that do not hold.
pub(super) fn failed(step: &StepResult) -> impl Iterator<Item = &CheckResult> {
    step.checks.iter().filter(|check| !check.holds)
}

/// The most that any failed expectation of the step weighs. A failed capture weighs what the step's expectations do.
fn severity_of_step(step: &StepResult) -> Severity {
    let captures = step.reason == Some(Reason::CaptureFailed);
    let checks = step.checks.iter().filter(|check| captures || !check.holds);
    checks.map(severity).max().unwrap_or_default()
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
