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

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::engine::Problem;

    fn run(statuses: &[Status], stop: Option<Stop>) -> FinishedRun {
        let fields = json!({ "id": "vps_1" });
        let target = |&status: &Status| {
            Arc::new(TargetResult {
                vps: Arc::new(Vps::new(fields.as_object().unwrap().clone())),
                status,
                reason: None,
                message: None,
                ran: Ran::No,
                started_at: None,
                duration: None,
                captured: Map::new(),
                steps: Vec::new(),
            })
        };
        FinishedRun {
            targets: statuses.iter().map(target).collect(),
            selected: Vec::new(),
            tally: Tally::default(),
            stop,
            requests: RequestCounts::default(),
            waited: Duration::ZERO,
            duration: Duration::ZERO,
            limits: Vec::new(),
        }
    }

    #[test]
    fn the_exit_code_is_that_of_the_gravest_of_what_applies() {
        use Status::{Cancelled, Failed, Ok, Refused, Running, Skipped, TimedOut, Unavailable, Unknown};
        let auth = || Some(Stop::Auth(Problem::default()));
        for (statuses, stop, code) in [
            (&[Ok, Ok][..], None, 0),
            (&[], None, 8),
            (&[Ok, Failed], None, 1),
            (&[Ok, TimedOut, Refused], None, 1),
            (&[Ok, Refused], None, 3),
            (&[Ok, Unavailable], None, 3),
            (&[Ok, Skipped], Some(Stop::Deadline), 3),
            (&[Ok, Cancelled], None, 3),
            (&[Failed, Unknown, Refused], None, 6),
            (&[Running, Unavailable], Some(Stop::Patience(None)), 6),
            (&[Unknown, Failed], auth(), 4),
            (&[], Some(Stop::Inventory(String::new())), 4),
            (&[], Some(Stop::Declined), 2),
            (&[Unknown], Some(Stop::Signal(2)), 130),
            (&[Ok], Some(Stop::Signal(15)), 143),
        ] {
            assert_eq!(run(statuses, stop.clone()).exit_code(false), code, "{statuses:?} {stop:?}");
        }
        assert_eq!(run(&[], None).exit_code(true), 0);
    }

    #[test]
    fn coverage_counts_answers_and_is_not_known_of_nobody() {
        let summary = run(&[Status::Ok, Status::Failed, Status::Unknown, Status::Skipped], None).summary();
        assert_eq!(summary.coverage(), Some(0.5));
        assert_eq!(run(&[], None).summary().coverage(), None);
    }
}
