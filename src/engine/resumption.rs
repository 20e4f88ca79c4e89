//! Going on with a run that was interrupted: each target is put together again from what was written down of it.
//!
//! What is on record is judged by the same rules as when it happened, so that going on leads to the same results. A start
//! whose answer is not on record may have been carried out: it is not sent again, unless all that it carries is idempotent.

use std::{sync::Arc, time::Duration};

use super::{
    Answer, CallId, EventKind, Exited, FinishedRun, Intent, Ran, Reason, RequestCounts, RunSpec, Status,
    StepResult, Stop, TargetResult, TimeSpent,
    listing::Listing,
    run::{Engine, Record, Slot, Timer},
    target::{Life, Target, Watch},
    time_spent::TimeAccount,
    verdict::{self, StartVerdict},
};
use crate::{
    budget::RunTime,
    fleet::{Tally, Vps},
};

/// What a start whose answer is not on record says of itself.
const CRASHED: &str = "rollcall ended before the answer to the start came";

/// Where a run left off.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LeftOff {
    /// Whom it is for, in the order of the results.
    pub targets: Vec<Remembered>,
    /// How the selection divided the inventory.
    pub tally: Tally,
    /// Requests sent so far, as far as they are known.
    pub requests: RequestCounts,
    /// What the time went into so far, as far as that is known.
    pub time: TimeSpent,
    /// How long it was worked on so far, as far as that is known.
    pub worked: Duration,
    /// Whether those are taken up again that were left out for too many failures.
    pub more_may_fail: bool,
    /// Variables that hold secrets that are no longer to be had: nothing more is started without them.
    pub lost_secrets: Vec<String>,
}

/// What is on record of a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// The VPS, as it was listed.
    pub vps: Arc<Vps>,
    /// What became of it, where that is known.
    pub result: Option<Arc<TargetResult>>,
    /// Its starts, in the order in which they left.
    pub starts: Vec<RememberedStart>,
}

/// What is on record of a start.
#[derive(Debug, Clone, PartialEq)]
pub struct RememberedStart {
    /// Its call.
    pub call: CallId,
    /// When it was about to leave.
    pub at: RunTime,
    /// What it carried.
    pub intent: Intent,
    /// When which answer came; `None`: not on record.
    pub answer: Option<(RunTime, Answer)>,
    /// How what it started ended, if that is on record.
    pub ended: Option<Ended>,
}

/// How a started command ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// When the poll that found it so left.
    pub polled: RunTime,
    /// When its answer came.
    pub at: RunTime,
    /// How.
    pub exited: Exited,
}

/// Whether there is nothing to be gone on with in what became of a target. Source: failure model, section 2.
///
/// A command that was not seen to end in its time has a status of its own, and is looked at once more all the same.
pub fn is_final(result: &TargetResult, more_may_fail: bool) -> bool {
    let is_open = |step: &StepResult| match (step.status, step.reason) {
        (Status::Running | Status::Cancelled, _) => true,
        (Status::TimedOut, reason) => reason != Some(Reason::Killed),
        (Status::Skipped, Some(Reason::MaxFailures)) => more_may_fail,
        (Status::Skipped, reason) => {
            matches!(reason, Some(Reason::Deadline | Reason::Store | Reason::Secret | Reason::Auth))
        }
        _ => false,
    };
    result.status == Status::Unknown || !result.steps.iter().any(is_open)
}

impl LeftOff {
    /// Whether there is nothing that could be gone on with.
    pub fn is_finished(&self) -> bool {
        self.targets.iter().all(|target| target.final_result(self.more_may_fail).is_some())
    }
}

impl Remembered {
    /// What became of it, where there is nothing to be gone on with. A result says nothing of what was started after it: one
    /// who was left out may have been begun after all, since more were let fail.
    fn final_result(&self, more_may_fail: bool) -> Option<&Arc<TargetResult>> {
        let result = self.result.as_ref()?;
        let is_outdated = |start: &RememberedStart| {
            let step = result.steps.get(start.intent.first);
            step.is_some_and(|step| step.ran == Ran::No) && start.may_have_been_carried_out()
        };
        (is_final(result, more_may_fail) && !self.starts.iter().any(is_outdated)).then_some(result)
    }
}

impl RememberedStart {
    fn may_have_been_carried_out(&self) -> bool {
        let Some((_, answer)) = &self.answer else { return true };
        matches!(
            verdict::of_start(answer.clone()),
            StartVerdict::Accepted { .. } | StartVerdict::Ambiguous { .. }
        )
    }
}

impl Engine {
    /// What is known of a run as it left off: what was not begun is cancelled, what ran was running when last seen.
    pub fn as_it_left_off(spec: RunSpec, left_off: LeftOff, at: RunTime) -> FinishedRun {
        let mut engine = Self::new(spec);
        (engine.began, engine.now) = (at, at);
        engine.go_on(at, LeftOff { lost_secrets: Vec::new(), ..left_off });
        engine.stop = None;
        engine.give_up(at);
        engine.finish(at)
    }

    /// Begins where a run left off.
    pub(super) fn go_on(&mut self, now: RunTime, left_off: LeftOff) {
        let LeftOff { targets, tally, requests, time, worked, more_may_fail, lost_secrets } = left_off;
        self.listing = Listing::complete();
        let done = targets.iter().filter_map(|target| target.final_result(more_may_fail).cloned()).collect();
        self.tell(now, EventKind::GoneOn { tally: tally.clone(), done });
        self.tally = Some(tally);
        self.requests = requests;
        self.worked_before = worked;
        self.time = TimeAccount::going_on(time, now);
        (self.released, self.record) = (true, Record::Retraced);
        self.rollout.selected(targets.len());
        let calls = targets.iter().flat_map(|target| &target.starts).map(|start| start.call.0);
        self.next_call = calls.max().map_or(1, |last| last + 1);

        let mut open = Vec::new();
        for (index, remembered) in targets.into_iter().enumerate() {
            let done = remembered.final_result(more_may_fail).cloned();
            let Remembered { vps, result, starts } = remembered;
            let Ok(id) = vps.id() else {
                // What has no usable id fails before a run begins; it does not count.
                match done {
                    Some(result) => self.slots.push(Slot::Done(result)),
                    None => self.admit(now, vps),
                }
                continue;
            };
            if let Some(result) = done {
                if !starts.is_empty() {
                    self.rollout_goes_on(now);
                }
                self.slots.push(Slot::Done(Arc::clone(&result)));
                self.count_failure(now, &result);
                continue;
            }
            let mut target = Target::new(Arc::clone(&vps), id.clone());
            // What has failed and is looked at once more goes on to count.
            if let Some(result) = result.filter(|result| result.failed(self.spec.fail_on)) {
                target.failure_counted = true;
                self.count_failure(now, &result);
            }
            self.slots.push(Slot::Open(Box::new(target)));
            self.unfinished += 1;
            open.push((index, starts));
        }
        for (index, starts) in open {
            self.retrace(now, index, starts);
        }
        self.record = Record::Kept;
        self.take_up(now);
        if !lost_secrets.is_empty() {
            self.stop_for(now, Stop::Secret(lost_secrets));
        }
        if let Some((failed, allowed)) = self.too_many.take()
            && self.leaves_anyone_unstarted()
        {
            self.stop_for(now, Stop::MaxFailures { failed, allowed });
        }
    }

    /// One more target was begun before.
    fn rollout_goes_on(&mut self, now: RunTime) {
        if !self.rollout.has_room(now) {
            self.rollout.next_batch(now);
        }
        self.rollout.begin();
    }

    /// Goes through the starts of a target as they happened.
    fn retrace(&mut self, now: RunTime, index: usize, starts: Vec<RememberedStart>) {
        for start in starts {
            if !self.goes_on(index) {
                break;
            }
            if let Slot::Open(target) = &mut self.slots[index]
                && target.began.is_none()
            {
                (target.began, target.posted) = (Some(start.at), true);
                self.active += 1;
                self.rollout_goes_on(now);
            }
            let Some(target) = self.open(index) else { return };
            let Intent { first, sent, marker, .. } = &start.intent;
            if target.steps.len() != *first || first + sent.len() > self.spec.steps.len() {
                let message = "what is on record of it does not fit together".to_owned();
                self.step_over(now, index, Status::Unknown, Some(Reason::Crashed), Ran::Maybe, message);
                return;
            }
            let task = self.planner(target).same_task(*first, sent, marker.as_ref());
            if let Slot::Open(target) = &mut self.slots[index] {
                target.task = Some(task);
            }
            self.retrace_answer(now, index, start);
        }
        // A target on which nothing is to be run needs no request.
        if self.open(index).is_some_and(|target| matches!(target.life, Life::Start | Life::Probe { .. }))
            && !self.goes_on(index)
        {
            self.end(now, index);
        }
    }

    fn retrace_answer(&mut self, now: RunTime, index: usize, start: RememberedStart) {
        let RememberedStart { call, answer, ended, .. } = start;
        let Some((at, answer)) = answer else {
            self.retrace_doubt(now, index, Reason::Crashed, Ran::Maybe, CRASHED.to_owned());
            return;
        };
        let Slot::Open(target) = &mut self.slots[index] else { return };
        match verdict::of_start(answer) {
            StartVerdict::Accepted { pid, url, .. } => {
                let timeout = target.task.as_ref().map_or(Duration::ZERO, |task| task.timeout);
                let mut watch = Watch::new(call, pid, url, target.carried(), at, timeout);
                watch.taken_up = true;
                target.life = Life::Watch(Box::new(watch));
                self.watched += 1;
                if let Some(ended) = ended {
                    self.exited(now, index, ended);
                }
            }
            StartVerdict::Throttled | StartVerdict::Unsent(_) | StartVerdict::Unrecorded(_) => {}
            StartVerdict::Refused(problem) if self.may_go_one_by_one(index, &problem) => {
                if let Slot::Open(target) = &mut self.slots[index] {
                    let steps = target.task.take().map_or(1, |task| task.steps.len());
                    target.one_by_one_until = target.steps.len() + steps;
                }
            }
            StartVerdict::Refused(problem)
            | StartVerdict::Denied(problem)
            | StartVerdict::Forbidden(problem) => self.refused(now, index, &problem),
            StartVerdict::Ambiguous { reason, ran, message } => {
                self.retrace_doubt(now, index, reason, ran, message);
            }
        }
    }

    fn retrace_doubt(&mut self, now: RunTime, index: usize, reason: Reason, ran: Ran, message: String) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        if target.may_be_sent_again(ran, reason, &message).is_none() {
            self.step_over(now, index, Status::Unknown, Some(reason), ran, message);
        }
    }

    /// What is open has its next call.
    fn take_up(&mut self, now: RunTime) {
        self.starts.clear();
        self.probes.clear();
        self.polls.clear();
        self.timers.clear();
        if self.active == 0 {
            self.rollout.next_batch(now);
        }
        self.wake(self.rollout.begins(), Timer::Batch);
        for index in 0..self.slots.len() {
            let Slot::Open(target) = &mut self.slots[index] else { continue };
            target.due = None;
            match target.life {
                Life::Watch(_) => self.wake_target(index, now),
                // Of what was never carried out nothing is left; its agent is asked for once more.
                Life::Start | Life::Probe { .. } if target.doubt.is_none() && !target.was_answered() => {
                    target.life = Life::Probe { declined: false };
                    target.task = None;
                    self.probes.push_back(index);
                }
                Life::Start | Life::Probe { .. } => {
                    target.life = Life::Start;
                    self.starts.push_back(index);
                }
            }
        }
    }
}
