//! Which request leaves next, while the budget lets any go.

use std::{sync::Arc, time::Duration};

use rand::RngExt;

use super::{
    Call, CallId, Duty, Effect, PATIENCE, Ran, Reason, Status, Stop,
    run::{Engine, Outstanding, Slot, Subject},
    target::{Life, Target},
};
use crate::{
    budget::{RunTime, Ticket, Wait},
    playbook::bundle::Marker,
};

/// How long a run that is stopping waits for the API to let its last polls through.
const PATIENCE_WHEN_STOPPING: Duration = Duration::from_mins(1);

impl Engine {
    /// Sends what may leave; says what the next one must wait for, if there is one.
    pub(super) fn dispatch(&mut self, now: RunTime) -> Option<Wait> {
        loop {
            let mut held_back = None;
            let mut sent = false;
            for subject in self.candidates(now, &mut held_back).into_iter().flatten() {
                match self.budget.take(now, subject.operation(), subject.target()) {
                    Ok(ticket) => {
                        self.send(now, subject, ticket);
                        sent = true;
                        break;
                    }
                    Err(wait) => held_back = sooner(held_back, wait),
                }
            }
            if sent {
                continue;
            }
            match held_back {
                Some(wait @ (Wait::Until(_) | Wait::Rate(_))) if self.is_beyond_patience(now, wait) => {
                    if self.begins_nothing() {
                        self.give_up(now);
                    } else {
                        self.stop_for(now, Stop::Patience(wait.until().map(|at| at.since(now))));
                    }
                }
                held_back => return held_back,
            }
        }
    }

    /// The most urgent request of each kind, the most urgent kind first. What waits for a better time says so in
    /// `held_back`.
    fn candidates(&mut self, now: RunTime, held_back: &mut Option<Wait>) -> [Option<Subject>; 4] {
        while let Some(&index) = self.polls.front()
            && self.open(index).is_none()
        {
            self.polls.pop_front();
        }
        let listing = (self.listing.is_due() && self.stop.is_none()).then_some(Subject::Listing);
        let poll = self.polls.front().map(|&index| Subject::Poll(index));
        if self.begins_nothing() || self.asked {
            return [listing, poll, None, None];
        }
        let start = self.starts.front().filter(|_| self.released).map(|&index| Subject::Start(index));
        let probe =
            self.probes.front().copied().filter(|&index| self.may_begin(now, index)).map(Subject::Probe);
        let admission = self.admission(now);
        let (starts, probes) = (start.filter(|_| admission.starts), probe.filter(|_| admission.probes));
        if (starts, probes) != (start, probe)
            && let Some(until) = admission.until
        {
            *held_back = Some(Wait::Until(until));
        }
        if admission.endgame { [listing, starts, probes, poll] } else { [listing, poll, starts, probes] }
    }

    /// Whether the target may be begun, or was.
    fn may_begin(&self, now: RunTime, index: usize) -> bool {
        let room = self.spec.concurrency.is_none_or(|most| self.active < most) && self.rollout.has_room(now);
        room || self.open(index).is_some_and(Target::has_begun)
    }

    fn send(&mut self, now: RunTime, subject: Subject, ticket: Ticket) {
        let Some(call) = self.take_call(now, subject) else {
            // It turned out that there is nothing to send (its command cannot be made); the permission lapses.
            self.budget.unanswered(ticket);
            return;
        };
        let id = CallId(self.next_call);
        self.next_call += 1;
        let target = subject.target().and_then(|index| Some((index, self.open(index)?)));
        let duty = target.map_or(Duty::None, |(index, target)| target.duty(index));
        self.calls.insert(id, Outstanding { ticket: Some(ticket), subject, left: now });
        if let Subject::Probe(index) | Subject::Start(index) | Subject::Poll(index) = subject
            && let Slot::Open(target) = &mut self.slots[index]
        {
            target.call = Some(id);
            if target.began.is_none() {
                target.began = Some(now);
                self.active += 1;
                self.rollout.begin();
            }
        }
        self.effects.push(Effect::Send { id, call, duty });
    }

    /// Takes the call out of its queue.
    fn take_call(&mut self, now: RunTime, subject: Subject) -> Option<Call> {
        match subject {
            Subject::Listing => {
                self.requests.list += 1;
                Some(Call::List { cursor: self.listing.take() })
            }
            Subject::Probe(index) => {
                self.probes.pop_front();
                self.requests.probe += 1;
                Some(Call::Probe { vps: self.open(index)?.id.clone() })
            }
            Subject::Start(index) => {
                self.starts.pop_front();
                match self.next_command(index) {
                    Ok(command) => {
                        let Slot::Open(target) = &mut self.slots[index] else { return None };
                        target.posted = true;
                        self.requests.start += 1;
                        Some(Call::Start { vps: target.id.clone(), command: Arc::from(command) })
                    }
                    Err(message) => {
                        self.step_over(now, index, Status::Refused, Some(Reason::Template), Ran::No, message);
                        None
                    }
                }
            }
            Subject::Poll(index) => {
                self.polls.pop_front();
                let Slot::Open(target) = &mut self.slots[index] else { return None };
                let Life::Watch(watch) = &mut target.life else { return None };
                watch.polled = now;
                self.requests.poll += 1;
                Some(Call::Poll { vps: target.id.clone(), pid: watch.pid, url: watch.url.clone() })
            }
        }
    }

    /// The text of a target's next start. One that is sent again, for nothing of it was carried out or it may be twice, is
    /// the same as before.
    fn next_command(&mut self, index: usize) -> Result<String, String> {
        let marker = Marker::new([self.random.random(), self.random.random()]);
        let Some(target) = self.open(index) else { return Err("the target is done".to_owned()) };
        let (planner, first) = (self.planner(target), target.steps.len());
        if let Some(task) = &target.task {
            return planner.text(first, task);
        }
        let alone = first < target.one_by_one_until;
        let (task, text, _) = planner.task(first, alone, &self.apart, marker)?;
        if let Slot::Open(target) = &mut self.slots[index] {
            target.task = Some(task);
        }
        Ok(text)
    }

    /// Whether nothing may leave before that, and it is too long. What the user's own rate asks for is never too long, but
    /// for a run that is stopping.
    fn is_beyond_patience(&self, now: RunTime, wait: Wait) -> bool {
        let Some(at) = wait.until() else { return false };
        if self.begins_nothing() && !self.sees_through() {
            return at.since(now) > PATIENCE_WHEN_STOPPING;
        }
        let patience = match self.spec.deadline {
            // What is seen through is so past the deadline too.
            Some(deadline) if !self.sees_through() => (self.began + deadline).since(now),
            Some(_) | None => PATIENCE,
        };
        matches!(wait, Wait::Until(_)) && self.budget.paused_until(now).is_some() && at.since(now) > patience
    }
}

/// The wait that is over first. An answer may come at any time.
fn sooner(one: Option<Wait>, other: Wait) -> Option<Wait> {
    match (one.and_then(Wait::until), other.until()) {
        (Some(before), Some(after)) if before <= after => one,
        (_, None) if one.is_some() => one,
        _ => Some(other),
    }
}
