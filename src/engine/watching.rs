//! What a poll's answer means to a command that runs.

use std::time::Duration;

use super::{
    EventKind, Exited, Ran, Reason, Status, Stop,
    backoff::backoff,
    poll_timing::PollTiming,
    run::{Engine, Slot},
    target::{Life, Watch, blank_step},
    verdict::PollVerdict,
};
use crate::budget::RunTime;

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
    pub(super) fn poll_answered(&mut self, now: RunTime, index: usize, verdict: PollVerdict) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let Life::Watch(watch) = &mut target.life else { return };
        if !matches!(verdict, PollVerdict::ProbeShape | PollVerdict::Throttled) {
            watch.probe_shapes = 0;
        }
        match verdict {
            PollVerdict::Running => {
                self.denials.poll.accepted();
                watch.failing = false;
                watch.only_500_since = None;
                watch.seen_running = Some(watch.polled);
                if watch.polled >= watch.limit {
                    let message = "still running at its time limit; it may be running still (also when it has \
                                   ended but left a background process holding its output)";
                    self.step_over(now, index, Status::TimedOut, None, Ran::Yes, message.to_owned());
                    return;
                }
                let age = watch.polled.since(watch.accepted);
                let next = watch.accepted + PollTiming::next(age, self.requests_are());
                self.poll_again_at(now, index, next);
            }
            PollVerdict::Exited(exited) => {
                self.denials.poll.accepted();
                let seen_running = watch.seen_running.map_or(Duration::ZERO, |at| at.since(watch.accepted));
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
        let number = target.steps.len();
        let step = &self.spec.steps[number];
        let (status, reason, message) = match (exited.exit_code, exited.signal) {
            (Some(code), _) if step.accept.contains(&code) => (Status::Ok, None, None),
            (Some(code), _) => (Status::Failed, None, Some(format!("exit {code}"))),
            (None, Some(signal)) => (Status::Failed, None, Some(format!("killed by signal {signal}"))),
            (None, None) => {
                let message = "it has ended, but the API gave no exit code".to_owned();
                (Status::Unknown, Some(Reason::NoExitCode), Some(message))
            }
        };
        let mut result = blank_step(&self.step_names[number], status, Ran::Yes);
        result.reason = reason;
        result.message = message;
        result.exit_code = exited.exit_code;
        result.signal = exited.signal;
        result.stdout = Some(exited.stdout);
        result.stderr = Some(exited.stderr);
        result.late = watch.polled > watch.limit + LATE;
        result.pid = Some(watch.pid);
        result.duration = Some(now.since(watch.accepted));
        target.steps.push(result);
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
        watch.failing = true;
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

    /// Polls again at `next`, or at the time limit if that comes first.
    pub(super) fn poll_again_at(&mut self, now: RunTime, index: usize, next: RunTime) {
        if self.stops_watching() {
            self.stop_watching(now, index);
            return;
        }
        let Some(limit) = self.watch(index).map(|watch| watch.limit) else { return };
        self.wake_target(index, next.min(limit).max(now));
    }

    pub(super) fn watch(&self, index: usize) -> Option<&Watch> {
        match &self.open(index)?.life {
            Life::Watch(watch) => Some(watch),
            Life::Probe { .. } | Life::Start { .. } => None,
        }
    }
}
