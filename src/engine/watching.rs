//! Following a command from its accepted start to its end.
//!
//! Polls are timed by `poll_timing`; what each answer means stands in `verdict`. An answer that says "exited" is
//! final, for the guest agent forgets it; one that was lost may have taken the result with it.

use super::{
    Carried, Ended, EventKind, Reason, Status, StepResult, Stop,
    backoff::backoff,
    ending::in_doubt,
    outcome::Ran,
    poll_timing::PollTiming,
    run::{Engine, Place, Slot},
    target::{Life, Target, Watch, blank_step},
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
        let Some(carried) = self.open(index).map(Target::carried) else { return };
        let known = self.first_or_pilot(carried);
        let timing = self.timing.of(carried);
        if known.is_none_or(|(_, pilot)| !pilot && timing.is_vague()) {
            // It waits until a pilot has shown how long commands take, or no longer than is known.
            timing.wait(index, known.map(|(age, _)| age));
        }
        self.follow(now, index, now, known.unwrap_or((Duration::MAX, false)));
    }

    /// The age at which one more command is polled first, and whether as a pilot; `None` while that is not known and no
    /// pilot is wanted.
    fn first_or_pilot(&mut self, carried: Carried) -> Option<(Duration, bool)> {
        let requests = self.requests_are(self.now);
        let targets = self.unfinished;
        let timing = self.timing.of(carried);
        let known = timing.first(requests);
        if known.is_some() && !timing.is_vague() {
            return known.map(|age| (age, false));
        }
        let pilot = timing.pilot(targets, requests).map(|age| (known.unwrap_or(age).min(age), true));
        pilot.or(known.map(|age| (age, false)))
    }

    fn follow(&mut self, now: RunTime, index: usize, accepted: RunTime, (age, pilot): (Duration, bool)) {
        if let Slot::Open(target) = &mut self.slots[index]
            && let Life::Watch(watch) = &mut target.life
        {
            watch.pilot = pilot;
        }
        self.poll_at(now, index, accepted + age);
    }

    /// A step is over. Who waited for it to show something may be polled now.
    pub(super) fn watch_ended(&mut self, now: RunTime, index: usize) {
        let Some(target) = self.open(index) else { return };
        let (carried, due) = (target.carried(), target.due);
        self.expected_polls.forget(index, due);
        let pilot = self.watch(index).is_some_and(|watch| watch.pilot);
        let timing = self.timing.of(carried);
        timing.over(index);
        if pilot {
            timing.pilot_ended();
        }
        self.send_pilots(now);
    }

    /// Plans the first polls of those who waited: of all once run times are known, otherwise of as many as are wanted.
    fn send_pilots(&mut self, now: RunTime) {
        for carried in self.timing.kinds() {
            if self.timing.of(carried).is_vague() {
                self.bring_first_polls_forward(now, carried);
                continue;
            }
            while let Some(index) = self.timing.of(carried).next_waiting() {
                let waits = self
                    .open(index)
                    .is_some_and(|target| target.due.is_some() && target.carried() == carried);
                if let Some(accepted) = self.watch(index).map(|watch| watch.accepted).filter(|_| waits) {
                    let Some(known) = self.first_or_pilot(carried) else { break };
                    self.follow(now, index, accepted, known);
                }
                self.timing.of(carried).waits_no_more();
            }
        }
    }

    /// It has become known that commands take no longer than a time that is shorter than was thought: those who wait for
    /// more to be known are polled sooner.
    fn bring_first_polls_forward(&mut self, now: RunTime, carried: Carried) {
        let requests = self.requests_are(now);
        let timing = self.timing.of(carried);
        let Some(age) = timing.first(requests).filter(|age| timing.is_news(*age)) else { return };
        for index in timing.take_waiting() {
            let waits = self
                .watch(index)
                .is_some_and(|watch| watch.seen_running.is_none() && watch.carried == carried);
            let due = self.open(index).and_then(|target| target.due).filter(|_| waits);
            let (Some(due), Some(accepted)) = (due, self.watch(index).map(|watch| watch.accepted)) else {
                continue;
            };
            if accepted + age < due {
                self.poll_at(now, index, accepted + age);
            }
            self.timing.of(carried).wait(index, Some(age));
        }
    }

    pub(super) fn poll_answered(&mut self, now: RunTime, index: usize, verdict: PollVerdict) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let Life::Watch(watch) = &mut target.life else { return };
        if !matches!(verdict, PollVerdict::ProbeShape | PollVerdict::Throttled) {
            watch.probe_shapes = 0;
        }
        match verdict {
            PollVerdict::Running => self.still_runs(now, index),
            PollVerdict::Exited(exited) => {
                let ended = Ended { polled: watch.polled, at: now, exited };
                self.learn_run_time(now, index);
                self.exited(now, index, ended);
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
                    self.queue(now, index, Place::Front);
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
                let known_by = watch.accepted + LAG;
                if now < known_by && !watch.answer_lost {
                    self.poll_once_more(now, index, message, Some(known_by));
                } else {
                    self.result_lost(now, index, &message);
                }
            }
            PollVerdict::Failing { message, answer_lost, server_error } => {
                watch.answer_lost |= answer_lost;
                let may_be_gone = watch.answer_lost || watch.taken_up;
                let silent_since = match (server_error, may_be_gone, watch.only_500_since) {
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

    /// A poll found the command running.
    fn still_runs(&mut self, now: RunTime, index: usize) {
        self.denials.poll.accepted();
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let Life::Watch(watch) = &mut target.life else { return };
        watch.only_500_since = None;
        let first = watch.seen_running.replace(watch.polled).is_none();
        target.failures = 0;
        if watch.polled >= watch.limit {
            let message = "still running at its time limit; it may be running still (also when it has ended but left a \
                           background process holding its output)";
            self.step_over(now, index, Status::TimedOut, None, Ran::Yes, message.to_owned());
            return;
        }
        let age = watch.polled.since(watch.accepted);
        let (pilot, accepted, carried) = (watch.pilot, watch.accepted, watch.carried);
        let requests = self.requests_are(now);
        let timing = self.timing.of(carried);
        if first && !pilot {
            timing.first_poll_found(age, false);
        }
        timing.still_runs(index, age);
        let next = if pilot && timing.first(requests).is_none() {
            timing.pilot_still_runs();
            self.send_pilots(now);
            PollTiming::next_of_pilot(age, requests)
        } else {
            PollTiming::next(age, requests)
        };
        self.poll_again_at(now, index, accepted + next);
    }

    /// A poll found the command ended: some time after it was last seen running.
    fn learn_run_time(&mut self, now: RunTime, index: usize) {
        self.denials.poll.accepted();
        let Some(watch) = self.watch(index) else { return };
        let (accepted, carried) = (watch.accepted, watch.carried);
        let seen_running = watch.seen_running.map(|at| at.since(accepted));
        let first = (seen_running.is_none() && !watch.pilot).then(|| watch.polled.since(accepted));
        let timing = self.timing.of(carried);
        timing.over(index);
        timing.observe(seen_running.unwrap_or_default(), now.since(accepted));
        if let Some(age) = first {
            timing.first_poll_found(age, true);
        }
    }

    /// What was started has ended, as the answer to a poll of this run or the record of one says.
    pub(super) fn exited(&mut self, now: RunTime, index: usize, ended: Ended) {
        let Ended { polled, at, exited } = ended;
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let Life::Watch(watch) = &target.life else { return };
        let common = StepResult {
            message: in_doubt(target.doubt.take().as_ref(), None),
            late: polled > watch.limit + LATE,
            pid: Some(watch.pid),
            duration: Some(at.since(watch.accepted)),
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
        self.poll_once_more(now, index, message, None);
    }

    /// Polls again after a pause, or at `latest` if that comes first: then the answer decides.
    fn poll_once_more(&mut self, now: RunTime, index: usize, message: String, latest: Option<RunTime>) {
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
        let at = latest.map_or(at, |latest| at.min(latest));
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
        let held = self.open(index).and_then(|target| target.held_until);
        self.wake_target(index, next.min(limit).max(now).max(held.unwrap_or_default()));
    }

    fn watch(&self, index: usize) -> Option<&Watch> {
        match &self.open(index)?.life {
            Life::Watch(watch) => Some(watch),
            Life::Probe { .. } | Life::Start => None,
        }
    }
}
