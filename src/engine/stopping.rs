//! Stopping before all targets are done: signals, the deadline, a token that no longer does, impatience.
//!
//! What was never started is closed at once, with the stop's own status. What runs is polled on while the stop
//! allows it, and called `running` when it does not. A start in flight is awaited in any case: its answer is
//! the only proof of whether it ran.

use super::{
    EventKind, Reason, Status, StepResult, Stop,
    outcome::Ran,
    run::{Engine, GRACE, Slot, Subject, Timer},
    target::{Doubt, Life, Target, blank_step},
};
use crate::budget::RunTime;
use serde_json::Map;
use std::time::Duration;

/// How long after a signal a command is polled at the latest: time enough for its answer within the grace.
const LAST_LOOK: Duration = Duration::from_secs(7);

impl Engine {
    /// A signal. The first one stops starts and waits for what runs; the second ends the run at once.
    pub(super) fn interrupted(&mut self, now: RunTime, number: i32) {
        if matches!(self.stop, Some(Stop::Signal(_))) {
            self.give_up(now);
            return;
        }
        self.stop_for(now, Stop::Signal(number));
        self.wake(now + GRACE, Timer::Grace);
    }

    /// No new starts from here on.
    pub(super) fn stop_for(&mut self, now: RunTime, stop: Stop) {
        let stop = match stop {
            // Without the whole inventory nothing was started, and nobody knows who was meant.
            Stop::Patience(_) | Stop::Deadline if !self.listing.is_complete() => {
                let why = match stop {
                    Stop::Deadline => "the deadline passed before it was read to its end",
                    _ => "the API lets no request through for longer than the run may wait",
                };
                Stop::Inventory(why.to_owned())
            }
            other => other,
        };
        // A signal overrules what came before it, and whatever stops targets that were begun overrules what lets them
        // end; otherwise the first reason stands.
        let overruled = match &self.stop {
            None => true,
            Some(Stop::MaxFailures { .. }) => !matches!(stop, Stop::MaxFailures { .. }),
            Some(_) => matches!(stop, Stop::Signal(_)),
        };
        if !overruled {
            return;
        }
        self.stop = Some(stop.clone());
        self.asked = false;
        self.tell(now, EventKind::Stopping(stop.clone()));
        if matches!(stop, Stop::Inventory(_) | Stop::Selection(_) | Stop::Declined) {
            self.forget_targets();
            return;
        }
        for vps in std::mem::take(&mut self.held) {
            let (status, reason) = self.status_of_unstarted();
            let steps = self.same_for_all(status, reason, None);
            let result = super::target::sum_up(vps, None, now, Map::new(), steps);
            let index = self.slots.len();
            let result = std::sync::Arc::new(result);
            self.slots.push(Slot::Done(std::sync::Arc::clone(&result)));
            self.tell_finished(now, index, result);
        }
        for index in 0..self.slots.len() {
            let Some(target) = self.open(index) else { continue };
            match (&target.life, target.call) {
                _ if !self.begins_nothing_on(index) => {}
                // A probe's answer no longer matters; a start's always does.
                (Life::Probe { .. }, _) | (Life::Start, None) => self.leave_unstarted(now, index),
                (Life::Start, Some(_)) => {}
                (Life::Watch(_), _) => self.watch_under_stop(now, index),
            }
        }
        self.probes.clear();
        let (starts, slots) = (&mut self.starts, &self.slots);
        starts.retain(|&index| matches!(slots[index], Slot::Open(_)));
        if self.begins_nothing() {
            self.starts.clear();
        }
    }

    /// Whether no start leaves any more, not even on a target that was begun.
    pub(super) fn begins_nothing(&self) -> bool {
        !matches!(self.stop, None | Some(Stop::MaxFailures { .. }))
    }

    /// Whether what was started is seen through to its end, however long that takes, though nothing more is started.
    pub(super) fn sees_through(&self) -> bool {
        matches!(self.stop, Some(Stop::Store(_) | Stop::Secret(_)))
    }

    /// Whether no more starts leave on this target. Too many failures stop those only on which nothing was started: a
    /// target half way through its steps is worse than either end.
    pub(super) fn begins_nothing_on(&self, index: usize) -> bool {
        let begun = || self.open(index).is_some_and(Target::is_committed);
        self.stop.is_some() && (self.begins_nothing() || !begun())
    }

    /// Whether a stop would keep anyone from being started.
    pub(super) fn leaves_anyone_unstarted(&self) -> bool {
        let mut open = (0..self.slots.len()).filter_map(|index| self.open(index));
        open.any(|target| !target.is_committed()) || !self.held.is_empty()
    }

    /// Nothing was started and nothing will be.
    fn forget_targets(&mut self) {
        self.slots.clear();
        self.held.clear();
        self.probes.clear();
        self.timers.clear();
        self.calls.clear();
        self.active = 0;
        self.unfinished = 0;
    }

    /// The run's deadline: what runs gets one last poll.
    pub(super) fn deadline_passed(&mut self, now: RunTime) {
        self.stop_for(now, Stop::Deadline);
    }

    /// A command that runs while the run stops: whether and until when it is watched.
    pub(super) fn watch_under_stop(&mut self, now: RunTime, index: usize) {
        let in_flight = self.open(index).is_some_and(|target| target.call.is_some());
        match &self.stop {
            Some(Stop::Deadline) => {
                if let Slot::Open(target) = &mut self.slots[index]
                    && let Life::Watch(watch) = &mut target.life
                {
                    watch.limit = watch.limit.min(now);
                }
                // Without a due time its poll stands in the queue already.
                if self.open(index).is_some_and(|target| target.due.is_some()) {
                    self.wake_target(index, now);
                }
            }
            // Whoever would be polled only after the grace gets one look before its end.
            Some(Stop::Signal(_)) => {
                let look = now + LAST_LOOK;
                if self.open(index).is_some_and(|target| target.due.is_some_and(|due| due > look)) {
                    self.wake_target(index, look);
                }
            }
            Some(Stop::Auth(_) | Stop::Patience(_)) if !in_flight => self.stop_watching(now, index),
            Some(_) | None => {}
        }
    }

    /// Whether commands that run are no longer polled.
    pub(super) fn stops_watching(&self) -> bool {
        matches!(self.stop, Some(Stop::Auth(_) | Stop::Patience(_)))
    }

    /// Leaves a running command: its process is known, its end is not.
    pub(super) fn stop_watching(&mut self, now: RunTime, index: usize) {
        let (reason, why) = match &self.stop {
            Some(Stop::Auth(_)) => (Some(Reason::Auth), "the API no longer takes the token"),
            Some(Stop::Patience(_) | Stop::Deadline | Stop::Store(_) | Stop::Secret(_)) => {
                (Some(Reason::RateLimited), "the API lets no request through")
            }
            _ => (None, "rollcall was interrupted"),
        };
        let message = why.to_owned();
        self.step_over(now, index, Status::Running, reason, Ran::Yes, message);
    }

    /// Closes a target whose current step was not started: that step and all later ones get the stop's status.
    pub(super) fn leave_unstarted(&mut self, now: RunTime, index: usize) {
        let (status, reason) = self.status_of_unstarted();
        let Slot::Open(target) = &mut self.slots[index] else { return };
        if let Some(Doubt { reason, message, .. }) = target.doubt.take() {
            self.step_over(now, index, Status::Unknown, Some(reason), Ran::Maybe, message);
            return;
        }
        let mut steps = std::mem::take(&mut target.steps);
        for name in &self.step_names[steps.len()..] {
            steps.push(StepResult { reason, ..blank_step(name, status, Ran::No) });
        }
        self.close(now, index, steps);
    }

    fn status_of_unstarted(&self) -> (Status, Option<Reason>) {
        match &self.stop {
            Some(Stop::Auth(_)) => (Status::Skipped, Some(Reason::Auth)),
            Some(Stop::Deadline) => (Status::Skipped, Some(Reason::Deadline)),
            Some(Stop::Store(_)) => (Status::Skipped, Some(Reason::Store)),
            Some(Stop::Secret(_)) => (Status::Skipped, Some(Reason::Secret)),
            Some(Stop::MaxFailures { .. }) => (Status::Skipped, Some(Reason::MaxFailures)),
            Some(Stop::Patience(_)) => (Status::Unavailable, Some(Reason::RateLimited)),
            Some(Stop::Signal(_) | Stop::Inventory(_) | Stop::Selection(_) | Stop::Declined) | None => {
                (Status::Cancelled, None)
            }
        }
    }

    /// The grace is over, or the user does not want to wait for it: everything open is closed as what it is.
    pub(super) fn give_up(&mut self, now: RunTime) {
        for index in 0..self.slots.len() {
            let Some(target) = self.open(index) else { continue };
            match target.life {
                Life::Probe { .. } => self.leave_unstarted(now, index),
                Life::Start if target.call.is_none() => self.leave_unstarted(now, index),
                Life::Start => {
                    let message = "interrupted before the start was answered".to_owned();
                    let reason = Some(Reason::NoReply);
                    self.step_over(now, index, Status::Unknown, reason, Ran::Maybe, message);
                }
                Life::Watch(_) => self.stop_watching(now, index),
            }
        }
        self.calls.retain(|_, call| call.subject == Subject::Listing);
    }
}
