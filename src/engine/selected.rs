//! From the listing to the targets: who is picked, who is held back till it is complete, and who may begin.

use std::sync::Arc;

use rand::seq::SliceRandom;
use serde_json::Map;

use super::{
    Effect, EventKind, Purpose, Ran, Reason, Status, StepResult, Stop,
    run::{Engine, Slot},
    target::{Target, blank_step, sum_up},
};
use crate::{
    budget::RunTime,
    fleet::{Vps, natural_cmp},
    playbook::Order,
};

impl Engine {
    /// Admits a VPS that the listing brought.
    pub(super) fn listed(&mut self, now: RunTime, vps: Vps) {
        if !self.listing.is_new(&vps) || !self.selector.picks(&vps) {
            return;
        }
        let vps = Arc::new(vps.settled());
        if self.must_hold() { self.held.push(vps) } else { self.admit(now, vps) }
    }

    /// Whether targets wait for the complete listing before even their probes.
    fn must_hold(&self) -> bool {
        self.spec.purpose == Purpose::List
            || self.spec.confirm_over.is_some()
            || self.spec.order != Order::Listed
            || self.rollout.needs_whole_listing()
            || self.selector.needs_whole_listing()
    }

    /// The listing is complete: the selection as a whole is judged, and what was held may go.
    pub(super) fn listing_completed(&mut self, now: RunTime) {
        if let Err(error) = self.selector.finish() {
            self.stop_for(now, Stop::Selection(error));
            return;
        }
        if let Some(sample) = self.selector.sample() {
            self.held.shuffle(&mut self.random);
            self.held.truncate(sample);
        }
        match self.spec.order {
            Order::Listed => {}
            Order::Name => self.held.sort_by(|one, other| natural_cmp(one.name(), other.name())),
            Order::Random => self.held.shuffle(&mut self.random),
        }
        self.tell(now, EventKind::SelectionCompleted(self.selector.tally().clone()));
        match self.spec.confirm_over {
            Some(most) if self.held.len() > most && self.spec.purpose == Purpose::Run => {
                self.asked = true;
                self.effects.push(Effect::Ask { targets: self.held.len() });
            }
            Some(_) | None => self.release(now),
        }
    }

    /// Starts may leave from now on.
    pub(super) fn release(&mut self, now: RunTime) {
        self.asked = false;
        self.released = true;
        self.rollout.selected(self.held.len());
        if self.spec.purpose == Purpose::Run {
            for vps in std::mem::take(&mut self.held) {
                self.admit(now, vps);
            }
            self.write_down_targets();
        }
    }

    pub(super) fn admit(&mut self, now: RunTime, vps: Arc<Vps>) {
        let index = self.slots.len();
        let id = match vps.id() {
            Ok(id) => id.clone(),
            Err(invalid) => {
                let message = invalid.to_string();
                let steps = self.same_for_all(Status::Refused, Some(Reason::BadId), Some(&message));
                let result = Arc::new(sum_up(vps, None, now, Map::new(), steps));
                self.slots.push(Slot::Done(Arc::clone(&result)));
                self.tell_finished(now, index, result);
                return;
            }
        };
        self.slots.push(Slot::Open(Box::new(Target::new(vps, id))));
        self.unfinished += 1;
        // No request is spent on a target on which nothing would be started.
        if self.stop.is_some() {
            self.leave_unstarted(now, index);
        } else if self.goes_on(index) {
            self.probes.push_back(index);
        } else {
            self.end(now, index);
        }
    }

    /// Results of steps none of which ran, for the same reason.
    pub(super) fn same_for_all(
        &self,
        status: Status,
        reason: Option<Reason>,
        message: Option<&str>,
    ) -> Vec<StepResult> {
        let blank = |name| StepResult {
            reason,
            message: message.map(str::to_owned),
            ..blank_step(name, status, Ran::No)
        };
        self.step_names.iter().map(blank).collect()
    }
}
