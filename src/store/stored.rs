//! What is kept of a run as JSON, where no query looks into it.
//!
//! Secrets are taken out of its texts only. A short one may be a part of any number and any word, and what it was taken out
//! of there could not be read back.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    budget::{Knowledge, RunTime},
    engine::{
        Answer, Failure, FinishedRun, Ran, Reason, RequestCounts, Started, Status, StepResult, Stop,
        TargetResult, TimeSpent,
    },
    fleet::Vps,
    playbook::Severity,
};

/// What came back for a start.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredAnswer {
    Started(Started),
    Failed(Failure),
}

impl StoredAnswer {
    pub(super) fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Started(started) => Self::Started(started.clone()),
            Answer::Failed(failure) => Self::Failed(failure.clone()),
            Answer::Listed(_) | Answer::Probed(_) | Answer::Polled(_) => {
                Self::Failed(Failure::Unreadable { message: "an answer of another kind".to_owned() })
            }
        }
    }
}

impl From<StoredAnswer> for Answer {
    fn from(stored: StoredAnswer) -> Self {
        match stored {
            StoredAnswer::Started(started) => Self::Started(started),
            StoredAnswer::Failed(failure) => Self::Failed(failure),
        }
    }
}

/// What became of a target; what its steps printed is taken from what is kept of its starts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredResult<'a> {
    status: Status,
    reason: Option<Reason>,
    message: Option<Cow<'a, str>>,
    ran: Ran,
    started_at: Option<RunTime>,
    duration: Option<Duration>,
    captured: Cow<'a, Map<String, Value>>,
    steps: Cow<'a, [StepResult]>,
}

impl<'a> StoredResult<'a> {
    pub(super) fn of(result: &'a TargetResult) -> Self {
        Self {
            status: result.status,
            reason: result.reason,
            message: result.message.as_deref().map(Cow::Borrowed),
            ran: result.ran,
            started_at: result.started_at,
            duration: result.duration,
            captured: Cow::Borrowed(&*result.captured),
            steps: Cow::Borrowed(&result.steps),
        }
    }

    pub(super) fn into_result(self, vps: Arc<Vps>) -> TargetResult {
        let Self { status, reason, message, ran, started_at, duration, captured, steps } = self;
        TargetResult {
            vps,
            status,
            reason,
            message: message.map(Cow::into_owned),
            ran,
            started_at,
            duration,
            captured: captured.into_owned().into(),
            steps: steps.into_owned(),
        }
    }
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) at: RunTime,
    pub(super) worked: Duration,
    pub(super) requests: RequestCounts,
    pub(super) time: TimeSpent,
}

impl Ending {
    /// That of a run.
    pub fn of(run: &FinishedRun) -> Self {
        Self {
            stop: run.stop.clone(),
            ended: run.ended,
            duration: run.duration,
            requests: run.requests,
            time: run.time,
            knowledge: run.knowledge.clone(),
            batch: run.batch,
            fail_on: run.fail_on,
        }
    }
}

/// What is known of a run at its end only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// Why it stopped early, if it did.
    pub stop: Option<Stop>,
    /// When it ended, on its own clock.
    pub ended: RunTime,
    /// How long it was worked on.
    pub duration: Duration,
    /// Requests sent.
    pub requests: RequestCounts,
    /// What the time went into.
    pub time: TimeSpent,
    /// What was learned of the API's limits.
    pub knowledge: Knowledge,
    /// Which of how many batches it came to.
    pub batch: Option<(usize, usize)>,
    /// From which severity on a failed expectation is a failure.
    pub fail_on: Severity,
}
