//! The end of a step, and of a target: what it leads to.
//!
//! A step that is over makes room for the next one, or ends its target; a target that is done counts towards its batch and
//! the failures that the run allows.

use std::sync::Arc;

use super::{
    Reason, Status, StepResult, Stop, TargetResult,
    outcome::Ran,
    run::{Engine, Place, Record, Slot, Timer},
    target::{Doubt, Life, blank_step, sum_up},
    task::Planned,
};
use crate::{
    budget::RunTime,
    playbook::{OnFailure, Step},
};

impl Engine {
    /// The current task is over without results of its own: all that was sent with it ends so.
    pub(super) fn step_over(
        &mut self,
        now: RunTime,
        index: usize,
        status: Status,
        reason: Option<Reason>,
        ran: Ran,
        message: String,
    ) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let message = in_doubt(target.doubt.take().as_ref(), Some(message));
        let (pid, duration) = match &target.life {
            Life::Watch(watch) => (Some(watch.pid), Some(now.since(watch.accepted))),
            Life::Probe { .. } | Life::Start => (None, None),
        };
        let planned = target.task.take().map_or_else(|| vec![Planned::Sent], |task| task.steps);
        // What stands behind the first step of a bundle may not have been reached.
        let mut ran = ran;
        for planned in planned {
            let number = target.steps.len();
            let result = match planned {
                Planned::Skipped(result) => *result,
                Planned::Sent => StepResult {
                    reason,
                    message: message.clone(),
                    pid,
                    duration,
                    ..blank_step(&self.step_names[number], status, ran)
                },
            };
            target.steps.push(result);
            let ended_here = match status {
                Status::Refused => self.spec.steps[number].on_failure == OnFailure::Stop,
                status => status == Status::Unavailable,
            };
            if ended_here {
                break;
            }
            ran = ran.min(Ran::Maybe);
        }
        self.after_step(now, index);
    }

    /// Goes on to the next step, or ends the target.
    pub(super) fn after_step(&mut self, now: RunTime, index: usize) {
        self.watch_ended(now, index);
        let Slot::Open(target) = &mut self.slots[index] else { return };
        if matches!(target.life, Life::Watch(_)) {
            self.watched -= 1;
        }
        target.life = Life::Start;
        target.failures = 0;
        if target.one_by_one_until > 0 && target.steps.len() >= target.one_by_one_until {
            target.one_by_one_until = 0;
            self.learn_from_one_by_one();
        }
        if !self.goes_on(index) {
            self.end(now, index);
        } else if self.begins_nothing_on(index) {
            self.leave_unstarted(now, index);
        } else {
            self.queue(now, index, Place::Back);
        }
    }

    /// Every step of a refused bundle was taken alone: together they are too much, for whoever comes later too.
    fn learn_from_one_by_one(&mut self) {
        if !self.apart.contains(&true) {
            self.apart.fill(true);
        }
    }

    /// Writes down the steps that need no request; says whether there is one that does.
    pub(super) fn goes_on(&mut self, index: usize) -> bool {
        loop {
            let Some(target) = self.open(index) else { return false };
            let number = target.steps.len();
            if number == self.spec.steps.len() {
                return false;
            }
            let stops = |(result, step): (&StepResult, &Step)| match (result.status, result.reason) {
                (Status::Failed | Status::Refused, _) | (Status::TimedOut, Some(Reason::Killed)) => {
                    step.on_failure == OnFailure::Stop
                }
                (Status::Ok | Status::CheckFailed | Status::Skipped, _) => false,
                // It may be running still, or nobody can be reached: nothing more is started there.
                _ => true,
            };
            if target.steps.iter().zip(&self.spec.steps).any(stops) {
                return false;
            }
            let Some(result) = self.planner(target).obstacle(number) else { return true };
            if let Slot::Open(target) = &mut self.slots[index] {
                target.steps.push(result);
            }
        }
    }

    /// Ends a target of which no more steps are run.
    pub(super) fn end(&mut self, now: RunTime, index: usize) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let mut steps = std::mem::take(&mut target.steps);
        for name in &self.step_names[steps.len()..] {
            let mut skipped = blank_step(name, Status::Skipped, Ran::No);
            skipped.reason = Some(Reason::EarlierStep);
            steps.push(skipped);
        }
        self.close(now, index, steps);
    }

    /// The target is done.
    pub(super) fn close(&mut self, now: RunTime, index: usize, steps: Vec<StepResult>) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let captured = std::mem::take(&mut target.captured);
        let is_counted = target.failure_counted;
        let result = Arc::new(sum_up(Arc::clone(&target.vps), target.began, now, captured, steps));
        if target.has_begun() {
            self.active -= 1;
            if !target.posted {
                self.rollout.give_back();
            }
        }
        self.unfinished -= 1;
        self.slots[index] = Slot::Done(Arc::clone(&result));
        self.tell_finished(now, index, Arc::clone(&result));
        if !is_counted {
            self.count_failure(now, &result);
        }
        if self.active == 0
            && self.stop.is_none()
            && let Some(begins) = self.rollout.next_batch(now)
        {
            self.wake(begins, Timer::Batch);
        }
    }

    /// Stops the run where this is one failure too many.
    pub(super) fn count_failure(&mut self, now: RunTime, result: &TargetResult) {
        if result.failed(self.spec.fail_on)
            && let Some((failed, allowed)) = self.rollout.failed()
        {
            self.too_many = Some((failed, allowed));
        }
        // What was retraced first is not all there is to see.
        if self.record != Record::Retraced
            && let Some((failed, allowed)) = self.too_many.take()
            && self.leaves_anyone_unstarted()
        {
            self.stop_for(now, Stop::MaxFailures { failed, allowed });
        }
    }
}

/// Two messages in one.
pub(super) fn joined(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one}; {other}")),
        (one, other) => one.or(other),
    }
}

/// A message, with how often the step may have run where an earlier start of it is in doubt.
pub(super) fn in_doubt(doubt: Option<&Doubt>, message: Option<String>) -> Option<String> {
    let Some(Doubt { starts, .. }) = doubt else { return message };
    let often = format!("may have run up to {} times", starts + 1);
    Some(message.map_or(often.clone(), |message| format!("{message}; {often}")))
}
