//! One target's life: probe, then for each step start and poll, then its result.

use std::{sync::Arc, time::Duration};

use super::{
    CallId, Captured, Carried, Duty, Intent, Pid, PollUrl, Ran, Reason, Status, StepResult, TargetResult,
    task::{Planned, Task},
};
use crate::{
    budget::RunTime,
    fleet::{Vps, VpsId},
};

/// How often a start of an idempotent step is sent again after an unclear answer. Source: failure model, S11.
const AMBIGUOUS_RETRIES: u32 = 2;

/// A selected VPS that is not done yet.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) vps: Arc<Vps>,
    pub(super) id: VpsId,
    pub(super) life: Life,
    /// Its request in flight.
    pub(super) call: Option<CallId>,
    /// When it is looked at again, where it waits for a time.
    pub(super) due: Option<RunTime>,
    /// The API asks not to be asked about this VPS before.
    pub(super) held_until: Option<RunTime>,
    /// When its first request left.
    pub(super) began: Option<RunTime>,
    /// Results of the steps that are over.
    pub(super) steps: Vec<StepResult>,
    /// What they captured.
    pub(super) captured: Captured,
    /// What the start in flight, or the one that runs, carries.
    pub(super) task: Option<Task>,
    /// Steps before this one go one by one: the API refused them together.
    pub(super) one_by_one_until: usize,
    /// A start of it has left.
    pub(super) posted: bool,
    /// Failures in a row of the call that it is at.
    pub(super) failures: u32,
    /// The current step may have run already (idempotent steps only).
    pub(super) doubt: Option<Doubt>,
    /// It counts among the failures already.
    pub(super) failure_counted: bool,
}

/// Starts of a step that were sent and whose answers proved nothing. Nothing that comes later may say that the step
/// did not run.
#[derive(Debug)]
pub(super) struct Doubt {
    pub(super) starts: u32,
    pub(super) reason: Reason,
    pub(super) message: String,
}

/// What a target is at.
#[derive(Debug)]
pub(super) enum Life {
    /// Before its probe's good answer.
    Probe {
        /// The agent has said no once.
        declined: bool,
    },
    /// Before the accepted start of its current step.
    Start,
    /// Its current step runs.
    Watch(Box<Watch>),
}

/// A started command.
#[derive(Debug)]
pub(super) struct Watch {
    /// The call that started it.
    pub(super) start: CallId,
    pub(super) pid: Pid,
    pub(super) url: Option<PollUrl>,
    pub(super) carried: Carried,
    pub(super) accepted: RunTime,
    /// When rollcall stops waiting.
    pub(super) limit: RunTime,
    /// When the poll that last said "running" left.
    pub(super) seen_running: Option<RunTime>,
    /// Failures after the limit.
    pub(super) failures_past_limit: u32,
    /// A poll's answer may have been lost, and the result with it.
    pub(super) answer_lost: bool,
    /// The process that started it is gone. A poll of its may have been under way, and taken the result with it.
    pub(super) taken_up: bool,
    /// Since when there has been nothing but 500s after a lost answer.
    pub(super) only_500_since: Option<RunTime>,
    /// Answers in the probe's shape in a row.
    pub(super) probe_shapes: u32,
    /// It is polled to learn how long commands take.
    pub(super) pilot: bool,
    /// When the poll in flight left.
    pub(super) polled: RunTime,
}

impl Watch {
    pub(super) fn new(
        start: CallId,
        pid: Pid,
        url: Option<PollUrl>,
        carried: Carried,
        accepted: RunTime,
        timeout: Duration,
    ) -> Self {
        Self {
            start,
            pid,
            url,
            carried,
            accepted,
            limit: accepted + timeout,
            seen_running: None,
            failures_past_limit: 0,
            answer_lost: false,
            taken_up: false,
            only_500_since: None,
            probe_shapes: 0,
            pilot: false,
            polled: accepted,
        }
    }
}

impl Target {
    pub(super) fn new(vps: Arc<Vps>, id: VpsId) -> Self {
        Self {
            vps,
            id,
            life: Life::Probe { declined: false },
            call: None,
            due: None,
            held_until: None,
            began: None,
            steps: Vec::new(),
            captured: Captured::default(),
            task: None,
            one_by_one_until: 0,
            posted: false,
            failures: 0,
            doubt: None,
            failure_counted: false,
        }
    }

    /// Whether a command of its was started, may have been, or is being started: its steps are seen through.
    pub(super) fn is_committed(&self) -> bool {
        let started = self.steps.iter().any(|step| step.ran != Ran::No);
        let starting = self.call.is_some() && self.task.is_some();
        started || starting || self.doubt.is_some() || matches!(self.life, Life::Watch(_))
    }

    /// Notes that its start may have been carried out, where it may be sent again all the same; says how many such starts
    /// there are by now. Once it is known to run, one more start would be a second one for certain.
    pub(super) fn may_be_sent_again(&mut self, ran: Ran, reason: Reason, message: &str) -> Option<u32> {
        let starts = self.doubt.as_ref().map_or(0, |doubt| doubt.starts) + 1;
        let idempotent = self.task.as_ref().is_some_and(|task| task.idempotent);
        let may_be = ran == Ran::Maybe && idempotent && starts <= AMBIGUOUS_RETRIES;
        may_be.then(|| {
            self.doubt = Some(Doubt { starts, reason, message: message.to_owned() });
            starts
        })
    }

    /// Whether an answer to one of its starts ended a step: then there is somebody who answers.
    pub(super) fn was_answered(&self) -> bool {
        self.steps.iter().any(|step| step.ran != Ran::No || step.reason == Some(Reason::Api))
    }

    /// What must be written down of its next call.
    pub(super) fn duty(&self, index: usize) -> Duty {
        match (&self.life, &self.task) {
            (Life::Watch(watch), _) => Duty::Poll { start: watch.start },
            (Life::Start, Some(task)) => Duty::Start(Intent {
                target: index,
                first: self.steps.len(),
                sent: task.steps.iter().map(Planned::is_sent).collect(),
                marker: task.marker.clone(),
            }),
            (Life::Start, None) | (Life::Probe { .. }, _) => Duty::None,
        }
    }

    /// What its start carries.
    pub(super) fn carried(&self) -> Carried {
        if let Life::Watch(watch) = &self.life {
            return watch.carried;
        }
        Carried { first: self.steps.len(), steps: self.task.as_ref().map_or(1, Task::sent) }
    }

    /// One more of its `of` steps is over.
    pub(super) fn step_ended(&mut self, result: StepResult, of: usize) {
        // Left to itself, the first one would make room for four; there may be very many targets, and most of them
        // have one step.
        self.steps.reserve_exact(of.saturating_sub(self.steps.len()));
        self.steps.push(result);
    }

    /// Whether a request of its has left, so that it counts as being worked on.
    pub(super) fn has_begun(&self) -> bool {
        self.began.is_some()
    }
}

/// A step's result before anything is known of it.
pub(super) fn blank_step(name: &Arc<str>, status: Status, ran: Ran) -> StepResult {
    StepResult {
        name: Arc::clone(name),
        status,
        reason: None,
        message: None,
        ran,
        exit_code: None,
        signal: None,
        stdout: None,
        stderr: None,
        late: false,
        pid: None,
        duration: None,
        checks: Vec::new(),
    }
}

/// Puts a target's result together from its steps': their worst status, their most `ran`. A step that was not for
/// this target does not count, unless none was.
pub(super) fn sum_up(
    vps: Arc<Vps>,
    began: Option<RunTime>,
    now: RunTime,
    captured: impl Into<Captured>,
    mut steps: Vec<StepResult>,
) -> TargetResult {
    // Nothing is added to them any more, and there may be very many targets.
    steps.shrink_to_fit();
    let counts = |step: &&StepResult| step.reason != Some(Reason::When);
    let status = steps.iter().filter(counts).map(|step| step.status).min().unwrap_or(Status::Skipped);
    let ran = steps.iter().map(|step| step.ran).max().unwrap_or(Ran::No);
    let telling = steps.iter().filter(counts).find(|step| step.status == status).or(steps.first());
    let reason: Option<Reason> = telling.and_then(|step| step.reason);
    let message = telling.and_then(|step| step.message.clone());
    TargetResult {
        vps,
        status,
        reason,
        message,
        ran,
        started_at: began,
        duration: began.map(|began| now.since(began)),
        captured: captured.into(),
        steps,
    }
}
