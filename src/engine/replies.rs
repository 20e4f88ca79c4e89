//! What a reply does to the run: verdicts become the next call, a wait, or a result.

use super::{
    CallId, EventKind, Problem, Reason, Reply, Status, Stop,
    backoff::backoff,
    outcome::Ran,
    run::{Engine, Outstanding, PATIENCE, Place, Slot, Subject, Timer},
    target::{Life, Target, Watch},
    task::{Planner, Task},
    verdict::{self, ListVerdict, ProbeVerdict, StartVerdict},
};
use crate::{
    budget::{RunTime, Signals},
    playbook::DEFAULT_TIMEOUT,
};
use std::time::Duration;

/// How often a list, a probe or an unsent start is tried again. Source: failure model, section 3.
const RETRIES: u32 = 5;
/// How long to wait before an agent that said no is asked once more.
const SECOND_PROBE: Duration = Duration::from_secs(3);

impl Engine {
    /// A start's intent is on the disk.
    pub(super) fn leaves(&mut self, now: RunTime, call: CallId) {
        if let Some(Outstanding { ticket: Some(ticket), left, .. }) = self.calls.get_mut(&call) {
            *left = now;
            self.budget.leaves(*ticket);
        }
    }

    /// A call's answer is there, and what it says of the limit counts from now on.
    pub(super) fn landed(&mut self, now: RunTime, call: CallId, signals: &Signals) {
        let Some(Outstanding { ticket, subject, left }) = self.calls.get_mut(&call) else { return };
        let (Some(ticket), subject, left) = (ticket.take(), *subject, *left) else { return };
        self.round_trip = match self.round_trip {
            Duration::ZERO => now.since(left),
            known => (known * 7 + now.since(left)) / 8,
        };
        let hold = self.budget.answered(now, ticket, signals);
        if let Some(index) = subject.target()
            && let Slot::Open(target) = &mut self.slots[index]
        {
            target.held_until = hold.max(target.held_until);
        }
        if signals.throttled {
            self.throttled(now);
        } else {
            self.last_accepted = now;
        }
    }

    /// A call came back.
    pub(super) fn answered(&mut self, now: RunTime, call: CallId, reply: Reply) {
        let Reply { signals, answer } = reply;
        if answer.is_the_servers() {
            self.landed(now, call, &signals);
        }
        let Some(Outstanding { ticket, subject, .. }) = self.calls.remove(&call) else { return };
        if let Some(ticket) = ticket {
            self.budget.unanswered(ticket);
        }
        if let Some(index) = subject.target() {
            match &mut self.slots[index] {
                Slot::Open(target) => target.call = None,
                // The run gave up on it while its call was in flight.
                Slot::Done(_) => return,
            }
        }
        match subject {
            Subject::Listing => self.listing_answered(now, verdict::of_listing(answer)),
            Subject::Probe(index) => self.probe_answered(now, index, verdict::of_probe(answer)),
            Subject::Start(index) => self.start_answered(now, index, call, verdict::of_start(answer)),
            Subject::Poll(index) => self.poll_answered(now, index, verdict::of_poll(answer)),
        }
    }

    fn throttled(&mut self, now: RunTime) {
        self.requests.throttled += 1;
        if let Some(until) = self.budget.paused_until(now) {
            let limit = self.budget.limit();
            self.tell(now, EventKind::Throttled { until, limit });
        }
        if now.since(self.last_accepted) > PATIENCE && !self.begins_nothing() {
            self.stop_for(now, Stop::Patience(None));
        }
    }

    fn listing_answered(&mut self, now: RunTime, verdict: ListVerdict) {
        if self.stop.is_some() {
            return;
        }
        match verdict {
            ListVerdict::Page(page) => {
                let next = self.listing.page(page.next);
                for vps in page.vpses {
                    self.listed(now, vps);
                }
                self.tell(now, EventKind::PageListed(self.selector.tally().clone()));
                match next {
                    Ok(()) if self.listing.is_complete() => self.listing_completed(now),
                    Ok(()) => {}
                    Err(loop_found) => self.inventory_failed(now, &loop_found),
                }
            }
            ListVerdict::Throttled => self.listing.again(),
            ListVerdict::Denied(problem) => self.stop_for(now, Stop::Auth(problem)),
            ListVerdict::BadCursor(message) => {
                if !self.listing.restart() {
                    self.inventory_failed(now, &message);
                }
            }
            ListVerdict::Retry(message) => {
                self.listing.failures += 1;
                if self.listing.failures > RETRIES {
                    self.inventory_failed(now, &message);
                } else {
                    self.requests.retried += 1;
                    let at = now + backoff(self.listing.failures, &mut self.random);
                    self.wake(at, Timer::Listing);
                    self.tell(now, EventKind::Retrying { vps: None, message, at });
                }
            }
            ListVerdict::Broken(message) => self.inventory_failed(now, &message),
        }
    }

    fn inventory_failed(&mut self, now: RunTime, message: &str) {
        self.stop_for(now, Stop::Inventory(message.to_owned()));
    }

    fn probe_answered(&mut self, now: RunTime, index: usize, verdict: ProbeVerdict) {
        if matches!(verdict, ProbeVerdict::Available | ProbeVerdict::NotAvailable(_)) {
            self.denials.probe.accepted();
        }
        if self.stop.is_some() {
            self.leave_unstarted(now, index);
            return;
        }
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let Life::Probe { declined } = &mut target.life else { return };
        match verdict {
            ProbeVerdict::Available => {
                target.failures = 0;
                target.life = Life::Start;
                self.queue(now, index, Place::Back);
            }
            ProbeVerdict::NotAvailable(_) if !*declined => {
                *declined = true;
                self.wake_target(index, now + SECOND_PROBE);
            }
            ProbeVerdict::NotAvailable(message) => self.unavailable(now, index, Reason::Agent, &message),
            ProbeVerdict::Unavailable(reason, message) => self.unavailable(now, index, reason, &message),
            ProbeVerdict::Throttled => self.queue(now, index, Place::Front),
            ProbeVerdict::Retry(reason, message) => {
                if self.may_retry(now, index, &message).is_none() {
                    self.unavailable(now, index, reason, &message);
                }
            }
            ProbeVerdict::Denied(problem) => {
                self.unavailable(now, index, Reason::ProbeFailed, &problem.to_string());
                self.stop_for(now, Stop::Auth(problem));
            }
            ProbeVerdict::Forbidden(problem) => {
                self.unavailable(now, index, Reason::ProbeFailed, &problem.to_string());
                if self.denials.probe.forbidden() {
                    self.stop_for(now, Stop::Auth(problem));
                }
            }
        }
    }

    /// Its next request may leave, unless the API asks this VPS to wait.
    pub(super) fn queue(&mut self, now: RunTime, index: usize, place: Place) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let held = target.held_until.filter(|&until| until > now);
        let queue = match target.life {
            Life::Probe { .. } => &mut self.probes,
            Life::Start => &mut self.starts,
            Life::Watch(_) => &mut self.polls,
        };
        match (held, place) {
            (Some(until), _) => self.wake_target(index, until),
            (None, Place::Front) => queue.push_front(index),
            (None, Place::Back) => queue.push_back(index),
        }
    }

    /// Waits and tries the target's call again, unless it has failed too often.
    fn may_retry(&mut self, now: RunTime, index: usize, message: &str) -> Option<RunTime> {
        let Slot::Open(target) = &mut self.slots[index] else { return None };
        target.failures += 1;
        if target.failures > RETRIES {
            return None;
        }
        let at = now + backoff(target.failures, &mut self.random);
        let vps = Some(target.id.clone());
        self.requests.retried += 1;
        self.wake_target(index, at);
        self.tell(now, EventKind::Retrying { vps, message: message.to_owned(), at });
        Some(at)
    }

    fn unavailable(&mut self, now: RunTime, index: usize, reason: Reason, message: &str) {
        let steps = self.same_for_all(Status::Unavailable, Some(reason), Some(message));
        self.close(now, index, steps);
    }

    fn start_answered(&mut self, now: RunTime, index: usize, call: CallId, verdict: StartVerdict) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        if !matches!(target.life, Life::Start) {
            return;
        }
        match verdict {
            StartVerdict::Accepted { pid, url, foreign_url } => {
                self.denials.start.accepted();
                target.failures = 0;
                let (id, number) = (target.id.clone(), target.steps.len());
                let timeout = target.task.as_ref().map_or(DEFAULT_TIMEOUT, |task| task.timeout);
                let watch = Watch::new(call, pid, url, target.carried(), now, timeout);
                target.life = Life::Watch(Box::new(watch));
                self.watched += 1;
                self.watch_begins(now, index);
                if foreign_url {
                    let warning = format!("{id}: a pollUrl that is not ours was not used");
                    self.tell(now, EventKind::Warned(warning));
                }
                self.tell(now, EventKind::StepStarted { vps: id, step: number, pid: Some(pid) });
                self.watch_under_stop(now, index);
            }
            StartVerdict::Unrecorded(why) => {
                // It counts as sent where it was handed out.
                self.requests.start -= 1;
                self.stop_for(now, Stop::Store(why));
                self.leave_unstarted(now, index);
            }
            StartVerdict::Throttled | StartVerdict::Unsent(_) if self.begins_nothing_on(index) => {
                self.leave_unstarted(now, index);
            }
            StartVerdict::Throttled => self.queue(now, index, Place::Front),
            StartVerdict::Unsent(message) => {
                if self.may_retry(now, index, &message).is_none() {
                    self.not_started(now, index, Status::Unavailable, Reason::Unreachable, message);
                }
            }
            StartVerdict::Refused(problem) if self.may_go_one_by_one(index, &problem) => {
                self.go_one_by_one(now, index);
            }
            StartVerdict::Refused(problem) => self.refused(now, index, &problem),
            StartVerdict::Denied(problem) => {
                self.refused(now, index, &problem);
                self.stop_for(now, Stop::Auth(problem));
            }
            StartVerdict::Forbidden(problem) => {
                self.refused(now, index, &problem);
                if self.denials.start.forbidden() {
                    self.stop_for(now, Stop::Auth(problem));
                }
            }
            StartVerdict::Ambiguous { reason, ran, message } => {
                self.ambiguous(now, index, reason, ran, message);
            }
        }
    }

    /// The start may have been carried out: said so, unless the step may be sent once more.
    fn ambiguous(&mut self, now: RunTime, index: usize, reason: Reason, ran: Ran, message: String) {
        let may_start = !self.begins_nothing();
        let Slot::Open(target) = &mut self.slots[index] else { return };
        if may_start && let Some(starts) = target.may_be_sent_again(ran, reason, &message) {
            let at = now + backoff(starts, &mut self.random);
            let vps = Some(target.id.clone());
            self.requests.retried += 1;
            self.wake_target(index, at);
            self.tell(now, EventKind::Retrying { vps, message, at });
            return;
        }
        self.step_over(now, index, Status::Unknown, Some(reason), ran, message);
    }

    /// Whether the API refused what it would perhaps take in parts: nothing of it has run.
    pub(super) fn may_go_one_by_one(&self, index: usize, problem: &Problem) -> bool {
        let shared = |task: &Task| task.sent() > 1;
        let target = self.open(index).filter(|target| target.doubt.is_none());
        matches!(problem.status, 400 | 413 | 422)
            && target.and_then(|target| target.task.as_ref()).is_some_and(shared)
    }

    /// The steps of a refused bundle are sent one by one, so that only the one at fault is refused.
    fn go_one_by_one(&mut self, now: RunTime, index: usize) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let steps = target.task.take().map_or(1, |task| task.steps.len());
        target.one_by_one_until = target.steps.len() + steps;
        if self.begins_nothing() {
            self.leave_unstarted(now, index);
        } else {
            self.queue(now, index, Place::Front);
        }
    }

    pub(super) fn refused(&mut self, now: RunTime, index: usize, problem: &Problem) {
        if let Some(target) = self.open(index)
            && target.steps.len() < target.one_by_one_until
            && matches!(problem.status, 400 | 413 | 422)
        {
            // Whoever comes later gets this step apart from the others.
            let at_fault = target.steps.len();
            self.apart[at_fault] = true;
        }
        self.not_started(now, index, Status::Refused, Reason::Api, problem.to_string());
    }

    /// This start was not carried out. If one before may have been, that is what counts.
    fn not_started(&mut self, now: RunTime, index: usize, status: Status, reason: Reason, message: String) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        match target.doubt.take() {
            None => self.step_over(now, index, status, Some(reason), Ran::No, message),
            Some(doubt) => {
                let message = format!("{}; then {message}", doubt.message);
                self.step_over(now, index, Status::Unknown, Some(doubt.reason), Ran::Maybe, message);
            }
        }
    }

    pub(super) fn planner<'a>(&'a self, target: &'a Target) -> Planner<'a> {
        let Target { vps, captured, steps, .. } = target;
        Planner::new(&self.spec.steps, &self.step_names, &self.spec.vars, vps, captured, steps)
    }
}
