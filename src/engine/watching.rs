//! Following a command from its accepted start to its end.
//!
//! Polls are timed by `poll_timing`; what each answer means stands in `verdict`. An answer that says "exited" is
//! final, for the guest agent forgets it; one that was lost may have taken the result with it.

use super::{
    EventKind, Exited, Reason, Status, StepResult, Stop,
    backoff::backoff,
    outcome::Ran,
    poll_timing::PollTiming,
    replies::in_doubt,
    run::{Engine, Slot},
    target::{Life, Watch, blank_step},
    verdict::PollVerdict,
};
use crate::budget::RunTime;
use std::time::Duration;

/// A pid that is not known so soon after its start may only be late. Source: failure model, L10.
const LAG: Duration = Duration::from_secs(10);
/// Nothing but 500s for this long after a lost answer means that the result went with it. Source: failure
/// model, L9.
const LOST_AFTER: Duration = Duration::from_mins(5);
/// Polls after the time limit, where the one at the limit failed.
const POLLS_PAST_LIMIT: u32 = 3;
/// A result found this long after its limit is called late: less is only the poll's own travel.
const LATE: Duration = Duration::from_secs(1);

impl Engine {
    /// A start was accepted: its first poll is planned.
    pub(super) fn watch_begins(&mut self, now: RunTime, index: usize) {
        let requests = self.requests_are();
        let known = self.timing.first(requests);
        let pilot = if known.is_none() { self.timing.pilot(self.unfinished, requests) } else { None };
        if known.or(pilot).is_none() {
            // It waits until a pilot has shown how long commands take.
            self.without_pilot.push_back(index);
        }
        if let Slot::Open(target) = &mut self.slots[index]
            && let Life::Watch(watch) = &mut target.life
        {
            watch.pilot = pilot.is_some();
        }
        self.poll_at(now, index, now + known.or(pilot).unwrap_or(Duration::MAX));
    }

    /// A step is over. Who waited for it to show something may be polled now.
    pub(super) fn watch_ended(&mut self, now: RunTime, index: usize) {
        self.timing.over(index);
        if self.watch(index).is_some_and(|watch| watch.pilot) {
            self.timing.pilot_ended();
        }
        self.send_pilots(now);
    }

    /// Plans the first polls of those who waited: of all once run times are known, otherwise of as many as are wanted.
    fn send_pilots(&mut self, now: RunTime) {
        let requests = self.requests_are();
        let known = self.timing.first(requests);
        while let Some(&index) = self.without_pilot.front() {
            let waits = self.open(index).is_some_and(|target| target.due.is_some());
            if let Some(accepted) = self.watch(index).map(|watch| watch.accepted).filter(|_| waits) {
                let pilot = if known.is_none() { self.timing.pilot(self.unfinished, requests) } else { None };
                let Some(age) = known.or(pilot) else { return };
                if let Slot::Open(target) = &mut self.slots[index]
                    && let Life::Watch(watch) = &mut target.life
                {
                    watch.pilot = pilot.is_some();
                }
                self.poll_at(now, index, accepted + age);
            }
            self.without_pilot.pop_front();
        }
    }

    pub(super) fn poll_answered(&mut self, now: RunTime, index: usize, verdict: PollVerdict) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let Life::Watch(watch) = &mut target.life else { return };
        if !matches!(verdict, PollVerdict::ProbeShape | PollVerdict::Throttled) {
            watch.probe_shapes = 0;
        }
        match verdict {
            PollVerdict::Running => {
                self.denials.poll.accepted();
                watch.only_500_since = None;
                watch.seen_running = Some(watch.polled);
                target.failures = 0;
                if watch.polled >= watch.limit {
                    let message = "still running at its time limit; it may be running still (also when it has \
                                   ended but left a background process holding its output)";
                    self.step_over(now, index, Status::TimedOut, None, Ran::Yes, message.to_owned());
                    return;
                }
                let age = watch.polled.since(watch.accepted);
                let (pilot, accepted) = (watch.pilot, watch.accepted);
                self.timing.still_runs(index, age);
                let next = if pilot && self.timing.first(self.requests_are()).is_none() {
                    self.timing.pilot_still_runs();
                    self.send_pilots(now);
                    PollTiming::next_of_pilot(age, self.requests_are())
                } else {
                    PollTiming::next(age, self.requests_are())
                };
                self.poll_again_at(now, index, accepted + next);
            }
            PollVerdict::Exited(exited) => {
                self.denials.poll.accepted();
                let seen_running = watch.seen_running.map_or(Duration::ZERO, |at| at.since(watch.accepted));
                self.timing.over(index);
                self.timing.observe(seen_running, now.since(watch.accepted));
                self.exited(now, index, exited);
            }
            PollVerdict::ProbeShape => {
                watch.probe_shapes += 1;
                if watch.probe_shapes >= 3 {
                    let message = "the API answers polls as if they were probes";
                    self.unknown(now, index, Reason::PollLost, message.to_owned());
                } else {
                    self.poll_failed(now, index, "an answer in the probe's shape".to_owned());
                }
            }
            PollVerdict::OtherPid => {
                self.unknown(now, index, Reason::Mismatch, "the answer is about another process".to_owned());
            }
            PollVerdict::Throttled => {
                if self.stops_watching() {
                    self.stop_watching(now, index);
                } else {
                    self.polls.push_front(index);
                }
            }
            PollVerdict::Denied(problem) => {
                self.stop_for(now, Stop::Auth(problem));
                self.stop_watching(now, index);
            }
            PollVerdict::Forbidden(problem) => {
                let last_straw = self.denials.poll.forbidden();
                let message = problem.to_string();
                self.step_over(now, index, Status::Running, Some(Reason::Auth), Ran::Yes, message);
                if last_straw {
                    self.stop_for(now, Stop::Auth(problem));
                }
            }
            PollVerdict::Forgotten(message) => {
                if now.since(watch.accepted) <= LAG && !watch.answer_lost {
                    self.poll_failed(now, index, message);
                } else {
                    self.result_lost(now, index, &message);
                }
            }
            PollVerdict::Failing { message, answer_lost, server_error } => {
                watch.answer_lost |= answer_lost;
                let silent_since = match (server_error, watch.answer_lost, watch.only_500_since) {
                    (true, true, None) => Some(now),
                    (true, true, since) => since,
                    _ => None,
                };
                watch.only_500_since = silent_since;
                if silent_since.is_some_and(|since| now.since(since) >= LOST_AFTER) {
                    self.result_lost(now, index, &message);
                } else {
                    self.poll_failed(now, index, message);
                }
            }
            PollVerdict::TooLarge => {
                let message = "its answer is larger than rollcall reads";
                self.unknown(now, index, Reason::ResultTooLarge, message.to_owned());
            }
        }
    }

    fn exited(&mut self, now: RunTime, index: usize, exited: Exited) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let Life::Watch(watch) = &target.life else { return };
        let common = StepResult {
            message: in_doubt(target.doubt.take().as_ref(), None),
            late: watch.polled > watch.limit + LATE,
            pid: Some(watch.pid),
            duration: Some(now.since(watch.accepted)),
            ..blank_step(&self.step_names[target.steps.len()], Status::Ok, Ran::Yes)
        };
        self.task_ended(index, exited, &common);
        self.after_step(now, index);
    }

    fn result_lost(&mut self, now: RunTime, index: usize, message: &str) {
        let message = format!(
            "it was started, but the API no longer knows it, and its result is gone ({message}); commands that \
             reboot or restart the guest agent end this way"
        );
        self.unknown(now, index, Reason::ResultLost, message);
    }

    fn unknown(&mut self, now: RunTime, index: usize, reason: Reason, message: String) {
        self.step_over(now, index, Status::Unknown, Some(reason), Ran::Yes, message);
    }

    fn poll_failed(&mut self, now: RunTime, index: usize, message: String) {
        if self.stops_watching() {
            self.stop_watching(now, index);
            return;
        }
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let Life::Watch(watch) = &mut target.life else { return };
        if watch.polled >= watch.limit {
            watch.failures_past_limit += 1;
            if watch.failures_past_limit > POLLS_PAST_LIMIT {
                self.unknown(now, index, Reason::PollLost, message);
                return;
            }
        }
        target.failures += 1;
        let at = now + backoff(target.failures, &mut self.random);
        let vps = Some(target.id.clone());
        self.requests.retried += 1;
        self.tell(now, EventKind::Retrying { vps, message, at });
        let past_limit = self.watch(index).is_some_and(|watch| watch.polled >= watch.limit);
        if past_limit { self.wake_target(index, at) } else { self.poll_again_at(now, index, at) }
    }

    /// Polls again at `next`, unless nothing is watched any more.
    fn poll_again_at(&mut self, now: RunTime, index: usize, next: RunTime) {
        if self.stops_watching() {
            self.stop_watching(now, index);
        } else {
            self.poll_at(now, index, next);
        }
    }

    /// Polls at `next`, or at the time limit if that comes first.
    fn poll_at(&mut self, now: RunTime, index: usize, next: RunTime) {
        let Some(limit) = self.watch(index).map(|watch| watch.limit) else { return };
        self.wake_target(index, next.min(limit).max(now));
    }

    fn watch(&self, index: usize) -> Option<&Watch> {
        match &self.open(index)?.life {
            Life::Watch(watch) => Some(watch),
            Life::Probe { .. } | Life::Start => None,
        }
    }
}
