//! Which request leaves next, while the budget lets any go.

use std::{sync::Arc, time::Duration};

use rand::RngExt;

use super::{
    Call, CallId, Effect, PATIENCE, Ran, Reason, Status, Stop,
    poll_timing::Requests,
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
        while let Some(subject) = self.most_urgent(now) {
            match self.budget.take(now) {
                Ok(ticket) => self.send(now, subject, ticket),
                Err(Wait::ForAnswer) => return Some(Wait::ForAnswer),
                Err(wait @ (Wait::Until(at) | Wait::Rate(at))) => {
                    if self.is_beyond_patience(now, at) {
                        if self.begins_nothing() {
                            self.give_up(now);
                        } else {
                            self.stop_for(now, Stop::Patience(Some(at.since(now))));
                        }
                        continue;
                    }
                    return Some(wait);
                }
            }
        }
        None
    }

    /// Depth first: what finishes a target goes before what begins one.
    fn most_urgent(&mut self, now: RunTime) -> Option<Subject> {
        while let Some(&index) = self.polls.front()
            && self.open(index).is_none()
        {
            self.polls.pop_front();
        }
        if self.listing.is_due() && self.stop.is_none() {
            return Some(Subject::Listing);
        }
        if let Some(&index) = self.polls.front() {
            return Some(Subject::Poll(index));
        }
        if self.begins_nothing() || self.asked {
            return None;
        }
        if self.released
            && let Some(&index) = self.starts.front()
        {
            return Some(Subject::Start(index));
        }
        let &index = self.probes.front()?;
        let begun = self.open(index).is_some_and(Target::has_begun);
        let room = self.spec.concurrency.is_none_or(|most| self.active < most) && self.rollout.has_room(now);
        (begun || room).then_some(Subject::Probe(index))
    }

    fn send(&mut self, now: RunTime, subject: Subject, ticket: Ticket) {
        let Some(call) = self.take_call(now, subject) else {
            // It turned out that there is nothing to send (its command cannot be made); the permission lapses.
            self.budget.unanswered(ticket);
            return;
        };
        let id = CallId(self.next_call);
        self.next_call += 1;
        self.calls.insert(id, Outstanding { ticket, subject });
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
        self.effects.push(Effect::Send { id, call });
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

    /// How dear a request is at the moment: scarce if what is left may not do for all that is still to be sent.
    pub(super) fn requests_are(&self) -> Requests {
        let (probes, starts) = (self.probes.len(), self.starts.len());
        let running = self.unfinished.saturating_sub(probes + starts);
        let wanted = (3 * probes + 2 * starts + running) * 5 / 4 + 2;
        let scarce = self.spec.rate.is_some()
            || match self.budget.left() {
                Some(left) => u64::try_from(wanted).unwrap_or(u64::MAX) > left,
                None => self.requests.throttled > 0,
            };
        if scarce { Requests::Scarce } else { Requests::Plenty }
    }

    /// Whether nothing may leave before `at`, and that is too long. What the user's own rate asks for is never too
    /// long, but for a run that is stopping.
    fn is_beyond_patience(&self, now: RunTime, at: RunTime) -> bool {
        if self.begins_nothing() {
            return at.since(now) > PATIENCE_WHEN_STOPPING;
        }
        let patience = match self.spec.deadline {
            Some(deadline) => (RunTime::START + deadline).since(now),
            None => PATIENCE,
        };
        self.budget.paused_until(now).is_some_and(|until| until.since(now) > patience)
    }
}
