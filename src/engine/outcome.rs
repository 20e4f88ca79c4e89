//! What is known of a step, a target and a run in the end.
//!
//! The words are those of the failure model; the report shows them in snake case.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, LazyLock},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::call::{Pid, Stream};
use crate::{budget::RunTime, fleet::Vps, playbook::Severity};

/// How a step or a target ended. The order is from worst to best: a target's status is its steps' worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The outcome is not known.
    Unknown,
    /// Not final: the process is known, but rollcall stopped watching.
    Running,
    /// Its time limit passed and the last good poll said running; it may run still.
    TimedOut,
    /// An exit code that is not accepted, or a signal.
    Failed,
    /// An accepted exit code, but an expectation does not hold.
    CheckFailed,
    /// The API said no: not started.
    Refused,
    /// The probe or the connection said no: not started.
    Unavailable,
    /// Not tried: the run was interrupted.
    Cancelled,
    /// Not tried, for the reason given.
    Skipped,
    /// An accepted exit code, and all expectations hold.
    Ok,
}

impl Status {
    /// All of them, worst first.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::Running,
        Self::TimedOut,
        Self::Failed,
        Self::CheckFailed,
        Self::Refused,
        Self::Unavailable,
        Self::Cancelled,
        Self::Skipped,
        Self::Ok,
    ];

    /// The word of the report: `timed_out`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Running => "running",
            Self::TimedOut => "timed_out",
            Self::Failed => "failed",
            Self::CheckFailed => "check_failed",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Ok => "ok",
        }
    }

    /// Whether the target gave an answer to the question asked: what `coverage` counts.
    pub const fn answered(self) -> bool {
        matches!(self, Self::Ok | Self::Failed | Self::CheckFailed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

/// Why a status is what it is, for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// unknown: no answer came to a start that may have been received.
    NoReply,
    /// unknown: a start was answered by a status that proves nothing (5xx, 408, 409 `upstream_failed`).
    #[serde(rename = "http_5xx")]
    Http5xx,
    /// unknown: a start was answered by a redirect.
    Redirect,
    /// unknown: rollcall ended between the intent and the answer.
    Crashed,
    /// unknown: accepted, but the answer names no process.
    NoPid,
    /// unknown: the process is known, its result is gone.
    ResultLost,
    /// unknown: polls failed until the time limit.
    PollLost,
    /// unknown: ended, but without a readable exit code.
    NoExitCode,
    /// unknown: the answer went past the hard cap.
    ResultTooLarge,
    /// unknown: the answer is about another process.
    Mismatch,
    /// running, skipped: the API no longer takes the token.
    Auth,
    /// unavailable: the guest agent does not answer.
    Agent,
    /// unavailable: the VPS is no longer there.
    Gone,
    /// unavailable: the probe brought no usable answer.
    ProbeFailed,
    /// unavailable: no connection could be made.
    Unreachable,
    /// unavailable: the API never let the request through.
    RateLimited,
    /// refused: the id is not safe to use.
    BadId,
    /// refused: the API said no to this command.
    Api,
    /// refused: the command could not be made from its template for this target.
    Template,
    /// skipped: what is started could not be written down any more.
    Store,
    /// skipped: a secret that the playbook needs is no longer to be had.
    Secret,
    /// skipped: the run's deadline passed.
    Deadline,
    /// skipped: an earlier step of this target ended so that it must not run.
    EarlierStep,
    /// skipped: its `when` does not hold.
    When,
    /// skipped: more targets failed than the run allows.
    MaxFailures,
    /// unknown: a bundle's end marker is missing from its output.
    MarkerLost,
    /// `timed_out`: ended by `timeout` in the guest.
    Killed,
    /// `check_failed`: a value could not be taken out of the output, or an expectation could not be judged.
    CaptureFailed,
}

impl Reason {
    /// The word of the report: `no_reply`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoReply => "no_reply",
            Self::Http5xx => "http_5xx",
            Self::Redirect => "redirect",
            Self::Crashed => "crashed",
            Self::NoPid => "no_pid",
            Self::ResultLost => "result_lost",
            Self::PollLost => "poll_lost",
            Self::NoExitCode => "no_exit_code",
            Self::ResultTooLarge => "result_too_large",
            Self::Mismatch => "mismatch",
            Self::Auth => "auth",
            Self::Agent => "agent",
            Self::Gone => "gone",
            Self::ProbeFailed => "probe_failed",
            Self::Unreachable => "unreachable",
            Self::RateLimited => "rate_limited",
            Self::BadId => "bad_id",
            Self::Api => "api",
            Self::Template => "template",
            Self::Store => "store",
            Self::Secret => "secret",
            Self::Deadline => "deadline",
            Self::EarlierStep => "earlier_step",
            Self::When => "when",
            Self::MaxFailures => "max_failures",
            Self::MarkerLost => "marker_lost",
            Self::Killed => "killed",
            Self::CaptureFailed => "capture_failed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

/// Whether a command ran. `No` is a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ran {
    /// It was never started.
    No,
    /// It may have been started.
    Maybe,
    /// It was started.
    Yes,
}

impl fmt::Display for Ran {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::No => "no",
            Self::Maybe => "maybe",
            Self::Yes => "yes",
        })
    }
}

/// What is known of one step on one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    /// The step's name in the playbook.
    pub name: Arc<str>,
    /// How it ended.
    pub status: Status,
    /// Why, where there is more to say.
    pub reason: Option<Reason>,
    /// Why, for people; may hold remote text, so it is made inert where it is shown.
    pub message: Option<String>,
    /// Whether its command ran.
    pub ran: Ran,
    /// The exit code, if it ended with one.
    pub exit_code: Option<i64>,
    /// The signal, if one ended it.
    pub signal: Option<i64>,
    /// Standard output; `None` where it is not known.
    #[serde(skip)]
    pub stdout: Option<Stream>,
    /// Standard error; `None` where it is not known.
    #[serde(skip)]
    pub stderr: Option<Stream>,
    /// The result came after the time limit.
    pub late: bool,
    /// The process in the guest.
    pub pid: Option<Pid>,
    /// From the accepted start to the answer that said it had ended.
    pub duration: Option<Duration>,
    /// What its expectations said.
    pub checks: Vec<CheckResult>,
}

/// What one expectation said; also a capture that could not be made, under its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Its name, if it has one.
    pub name: Option<Arc<str>>,
    /// How it counts.
    pub severity: Severity,
    /// Whether it holds.
    pub holds: bool,
    /// Both sides' values where it does not.
    pub message: Option<String>,
}

/// What is known of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetResult {
    /// The VPS, as the listing described it.
    pub vps: Arc<Vps>,
    /// Its steps' worst.
    pub status: Status,
    /// The reason of the step (or of the probe) that made the status.
    pub reason: Option<Reason>,
    /// For people; may hold remote text.
    pub message: Option<String>,
    /// Its steps' most.
    pub ran: Ran,
    /// When its first request left; `None` if none did.
    pub started_at: Option<RunTime>,
    /// From its first request to its last answer.
    pub duration: Option<Duration>,
    /// Captured values.
    pub captured: Captured,
    /// One for each step of the playbook, in order.
    pub steps: Vec<StepResult>,
}

/// Values by name, in the order in which they were captured. Most targets have none, so none takes no room.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Captured(Option<Box<Map<String, Value>>>);

impl Deref for Captured {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl DerefMut for Captured {
    fn deref_mut(&mut self) -> &mut Map<String, Value> {
        self.0.get_or_insert_default()
    }
}

impl From<Map<String, Value>> for Captured {
    fn from(values: Map<String, Value>) -> Self {
        Self(if values.is_empty() { None } else { Some(Box::new(values)) })
    }
}

impl TargetResult {
    /// The step that made the status: the first one that has it, or else the first. Of several whose expectations do
    /// not hold, the first of those that weigh most.
    pub fn telling_step(&self) -> Option<&StepResult> {
        let weight =
            |step: &StepResult| (step.status == Status::CheckFailed).then(|| step.severity()).flatten();
        let having_it = self.steps.iter().filter(|step| step.status == self.status);
        // The last of the greatest, seen from the end, is the first.
        having_it.rev().max_by_key(|step| weight(step)).or(self.steps.first())
    }

    /// Whether it counts as failed: what the exit code and `max_failures` go by. Source: failure model, section 2.
    pub fn failed(&self, fail_on: Severity) -> bool {
        match self.status {
            Status::Unknown | Status::TimedOut | Status::Failed | Status::Refused => true,
            Status::CheckFailed => {
                self.steps.iter().filter_map(StepResult::severity).any(|severity| severity >= fail_on)
            }
            Status::Running | Status::Unavailable | Status::Cancelled | Status::Skipped | Status::Ok => false,
        }
    }

    /// Whether no step was for this target, which is as good as ok.
    pub fn is_left_out(&self) -> bool {
        (self.status, self.reason) == (Status::Skipped, Some(Reason::When))
    }
}

impl StepResult {
    /// How the worst of its failed expectations counts.
    pub fn severity(&self) -> Option<Severity> {
        self.checks.iter().filter(|check| !check.holds).map(|check| check.severity).max()
    }
}

/// How many targets ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    counts: [usize; Status::ALL.len()],
}

impl Summary {
    /// Counts one more target.
    pub fn add(&mut self, status: Status) {
        self.counts[status as usize] += 1;
    }

    /// Targets that ended so.
    pub fn count(&self, status: Status) -> usize {
        self.counts[status as usize]
    }

    /// Targets in all.
    pub fn targets(&self) -> usize {
        self.counts.iter().sum()
    }

    /// The share that answered (`ok`, `failed`, `check_failed`), 0 to 1; `None` where there are no targets.
    #[expect(clippy::cast_precision_loss, reason = "counts of targets are far below 2^52")]
    pub fn coverage(&self) -> Option<f64> {
        let answered: usize =
            Status::ALL.iter().filter(|status| status.answered()).map(|&status| self.count(status)).sum();
        match self.targets() {
            0 => None,
            targets => Some(answered as f64 / targets as f64),
        }
    }
}
