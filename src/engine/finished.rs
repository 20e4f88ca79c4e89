//! A whole run, when it is over.

use std::{sync::Arc, time::Duration};

use super::{
    event::{RequestCounts, Stop},
    outcome::{Ran, Status, Summary, TargetResult},
};
use crate::{
    budget::LearnedLimit,
    fleet::{Tally, Vps},
};

/// A run that is over, however it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedRun {
    /// One for each selected VPS, in the order of the listing. Empty where the run stopped before that.
    pub targets: Vec<Arc<TargetResult>>,
    /// The selected VPSes of a run that only listed them; empty otherwise.
    pub selected: Vec<Arc<Vps>>,
    /// How the selection divided the inventory.
    pub tally: Tally,
    /// Why it stopped early, if it did.
    pub stop: Option<Stop>,
    /// Requests sent.
    pub requests: RequestCounts,
    /// How long the run as a whole stood still because the API's limit (or the user's rate) let nothing leave.
    pub waited: Duration,
    /// From its beginning to its last answer.
    pub duration: Duration,
    /// What was learned of the API's limits.
    pub limits: Vec<LearnedLimit>,
}

impl FinishedRun {
    /// How many targets ended how.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for target in &self.targets {
            summary.add(target.status);
        }
        summary
    }

    /// The exit code of the failure model, section 2.
    ///
    /// `empty_is_fine` is `--allow-empty`. Codes 7 (store or report) and 70 (internal) are for those who meet them.
    pub fn exit_code(&self, empty_is_fine: bool) -> u8 {
        let summary = self.summary();
        let any = |statuses: &[Status]| statuses.iter().any(|&status| summary.count(status) > 0);
        match &self.stop {
            Some(Stop::Signal(number)) => return u8::try_from(128 + number).unwrap_or(128),
            Some(Stop::Auth(_) | Stop::Inventory(_)) => return 4,
            Some(Stop::Selection(_) | Stop::Declined) => return 2,
            Some(Stop::Deadline | Stop::Patience(_)) | None => {}
        }
        if summary.targets() == 0 {
            return if empty_is_fine { 0 } else { 8 };
        }
        if any(&[Status::Unknown, Status::Running]) {
            6
        } else if any(&[Status::Failed, Status::TimedOut, Status::CheckFailed]) {
            1
        } else if any(&[Status::Refused, Status::Unavailable, Status::Cancelled]) || self.some_not_run() {
            3
        } else {
            0
        }
    }

    fn some_not_run(&self) -> bool {
        self.targets.iter().any(|target| target.status == Status::Skipped && target.ran == Ran::No)
    }
}
