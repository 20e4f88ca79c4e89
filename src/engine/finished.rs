//! A whole run, when it is over.

use std::{sync::Arc, time::Duration};

use super::{
    event::{RequestCounts, Stop},
    outcome::{Reason, Status, Summary, TargetResult},
    run_times::RunTimes,
    time_spent::TimeSpent,
};
use crate::{
    budget::{Knowledge, RunTime},
    fleet::{Tally, Vps},
    playbook::Severity,
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
    /// Where the time went.
    pub time: TimeSpent,
    /// How long it was worked on: from its beginning to its last answer, less the times between an interruption and the
    /// going on.
    pub duration: Duration,
    /// When it ended, on the run's own clock, which goes on through interruptions.
    pub ended: RunTime,
    /// What was learned of the API's limits.
    pub knowledge: Knowledge,
    /// What was learned of how long the commands take.
    pub run_times: RunTimes,
    /// Which of how many batches it came to, from 1; `None` where there were not several.
    pub batch: Option<(usize, usize)>,
    /// From which severity on a failed expectation is a failure.
    pub fail_on: Severity,
}

impl FinishedRun {
    /// One in which nothing happened.
    #[cfg(test)]
    pub(crate) fn blank() -> Self {
        Self {
            targets: Vec::new(),
            selected: Vec::new(),
            tally: Tally::default(),
            stop: None,
            requests: RequestCounts::default(),
            time: TimeSpent::default(),
            duration: Duration::ZERO,
            ended: RunTime::START,
            knowledge: Knowledge::default(),
            run_times: RunTimes::default(),
            batch: None,
            fail_on: Severity::default(),
        }
    }

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
    /// `empty_is_fine` is `--allow-empty`. Code 70 (internal), and 7 for a report, are for those who meet them.
    pub fn exit_code(&self, empty_is_fine: bool) -> u8 {
        let summary = self.summary();
        let any = |statuses: &[Status]| statuses.iter().any(|&status| summary.count(status) > 0);
        let check_failed = || {
            let targets = self.targets.iter().filter(|target| target.status == Status::CheckFailed);
            targets.into_iter().any(|target| target.failed(self.fail_on))
        };
        let skipped =
            || self.targets.iter().any(|target| target.status == Status::Skipped && !target.is_left_out());
        match &self.stop {
            Some(Stop::Signal(number)) => return u8::try_from(128 + number).unwrap_or(128),
            Some(Stop::Auth(_) | Stop::Inventory(_)) => return 4,
            Some(Stop::Selection(_) | Stop::Declined) => return 2,
            Some(Stop::Store(_)) => return 7,
            Some(Stop::Deadline | Stop::Patience(_) | Stop::MaxFailures { .. } | Stop::Secret(_)) | None => {}
        }
        if summary.targets() == 0 && self.selected.is_empty() {
            return if empty_is_fine { 0 } else { 8 };
        }
        if any(&[Status::Unknown, Status::Running]) {
            6
        } else if self.targets.iter().any(|target| target.reason == Some(Reason::MaxFailures)) {
            5
        } else if any(&[Status::Failed, Status::TimedOut]) || check_failed() {
            1
        } else if any(&[Status::Refused, Status::Unavailable, Status::Cancelled]) || skipped() {
            3
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::engine::{
        CheckResult, Problem, Ran,
        target::{blank_step, sum_up},
    };

    fn finished(stop: Option<Stop>, statuses: &[Status]) -> FinishedRun {
        let target = |&status: &Status| {
            let result = blank_step(&Arc::from("uptime"), status, Ran::No);
            let mut result = result;
            if status == Status::CheckFailed {
                let severity = Severity::Error;
                result.checks = vec![CheckResult { name: None, severity, holds: false, message: None }];
            }
            let vps = Arc::new(Vps::new(Map::new()));
            Arc::new(sum_up(vps, None, RunTime::START, Map::new(), vec![result]))
        };
        FinishedRun { targets: statuses.iter().map(target).collect(), stop, ..FinishedRun::blank() }
    }

    #[test]
    fn each_status_alone_has_its_exit_code() {
        for status in Status::ALL {
            let expected = match status {
                Status::Unknown | Status::Running => 6,
                Status::TimedOut | Status::Failed | Status::CheckFailed => 1,
                Status::Refused | Status::Unavailable | Status::Cancelled | Status::Skipped => 3,
                Status::Ok => 0,
            };
            assert_eq!(finished(None, &[Status::Ok, status]).exit_code(false), expected, "{status}");
        }
    }

    /// The precedence of the failure model, section 2: signal, 4, 6, 1, 3.
    #[test]
    fn of_several_reasons_the_one_to_act_on_first_decides() {
        let everything = Status::ALL;
        let auth = || Some(Stop::Auth(Problem::default()));
        for (stop, statuses, expected) in [
            (Some(Stop::Signal(2)), &everything[..], 130),
            (Some(Stop::Signal(15)), &[], 143),
            (Some(Stop::Signal(1)), &[Status::Ok], 129),
            (auth(), &everything[..], 4),
            (auth(), &[], 4),
            (Some(Stop::Inventory("no list".to_owned())), &[], 4),
            (Some(Stop::Declined), &[], 2),
            (Some(Stop::Deadline), &[Status::Skipped, Status::Ok], 3),
            (Some(Stop::Deadline), &[Status::TimedOut, Status::Skipped], 1),
            (Some(Stop::Patience(None)), &[Status::Unavailable], 3),
            (None, &everything[..], 6),
            (None, &[Status::Failed, Status::Unavailable, Status::Ok], 1),
            (None, &[Status::Refused, Status::Ok], 3),
            (None, &[Status::Ok], 0),
        ] {
            let run = finished(stop, statuses);
            assert_eq!(run.exit_code(false), expected, "{:?} {statuses:?}", run.stop);
        }
    }

    #[test]
    fn nothing_selected_is_8_unless_that_is_fine() {
        assert_eq!((finished(None, &[]).exit_code(false), finished(None, &[]).exit_code(true)), (8, 0));
        // A run that only lists has no results, but what it selected.
        let listed = FinishedRun { selected: vec![Arc::new(Vps::new(Map::new()))], ..finished(None, &[]) };
        assert_eq!(listed.exit_code(false), 0);
    }
}
