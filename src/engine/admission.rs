//! What goes first while requests are scarce, and who waits so that what was begun can be ended.
//!
//! Usually what finishes a target goes before what begins one: polls, then starts, then probes. While the limit decides
//! how long the run takes, a target is begun only if the window holds all its requests and the polls that are
//! expected before it ends, for one begun and not ended shows nothing; what is left shortly before the window's end is
//! spent all the same. Towards the end of the run, what begins goes first: the last command to start decides when it
//! is over.

use std::time::Duration;

use super::{
    poll_timing::{PollTiming, Requests},
    run::{Engine, Subject},
    target::Life,
};
use crate::budget::{Credit, RunTime};

/// What is left so long before the window's end is spent on whatever there is.
const SHORTLY_BEFORE: Duration = Duration::from_millis(800);
/// The end of the run is near when all that is left takes no longer than two of the longest commands, and this.
const LONGEST_ENDGAME: Duration = Duration::from_mins(5);

/// Who may be begun, and in which order requests go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admission {
    pub(super) starts: bool,
    pub(super) probes: bool,
    /// Starts and probes go before polls.
    pub(super) endgame: bool,
    /// When it may be otherwise without anything happening.
    pub(super) until: Option<RunTime>,
}

impl Engine {
    pub(super) fn admission(&mut self, now: RunTime) -> Admission {
        let mut admission = Admission { starts: true, probes: true, endgame: false, until: None };
        if self.starts.is_empty() && self.probes.is_empty() {
            return admission;
        }
        let credit = self.budget.credit(now);
        if self.requests_with(&credit) == Requests::Plenty {
            admission.endgame = self.network_is_in_its_endgame();
            return admission;
        }
        admission.endgame = self.is_endgame(&credit);
        let (Some(left), Some(renews_at)) = (credit.left, credit.renews_at) else { return admission };
        if credit.shared || admission.endgame {
            return admission;
        }
        // As many requests as are left take so long to leave.
        let leaving =
            self.round_trip.mul_f64(1.5).saturating_mul(u32::try_from(left).unwrap_or(u32::MAX)) / 16;
        let last_call = renews_at - leaving.max(SHORTLY_BEFORE);
        if now >= last_call {
            return admission;
        }
        admission.until = Some(last_call);
        let takes = self.timing.longest_first_poll().unwrap_or_default();
        let poll_after = |requests: u32| u64::from(now + self.round_trip * requests + takes < renews_at);
        let expected = self.polls.len() + self.expected_polls.before(renews_at) + self.timing.waiting();
        let expected = expected as u64;
        let (probes, starts) = self.in_flight();
        let (after_start, after_probe) = (poll_after(1), poll_after(2));
        let begun = expected + starts * after_start + probes * (1 + after_probe);
        admission.starts = left >= begun + 1 + after_start;
        admission.probes = left >= begun + self.starts.len() as u64 * (1 + after_start) + 2 + after_probe;
        admission
    }

    /// Probes and starts in flight.
    fn in_flight(&self) -> (u64, u64) {
        let count = |wanted: fn(Subject) -> bool| {
            self.calls.values().filter(|call| wanted(call.subject)).count() as u64
        };
        (
            count(|subject| matches!(subject, Subject::Probe(_))),
            count(|subject| matches!(subject, Subject::Start(_))),
        )
    }

    /// The same where the connections are what a run waits for: what is left takes them no longer than two of the longest
    /// commands.
    fn network_is_in_its_endgame(&mut self) -> bool {
        let Some(longest) = self.timing.longest_first_poll() else { return false };
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let requests = count(self.unfinished).saturating_mul(3);
        self.listing.is_complete()
            && self.round_trip.saturating_mul(requests) / count(self.connections()) <= longest * 2
    }

    /// What is left of the run fits into this window and the next one, or takes no longer than the longest commands.
    fn is_endgame(&mut self, credit: &Credit) -> bool {
        // As long as nobody knows how long commands take, somebody has to find out.
        let Some(longest) = self.timing.longest_first_poll() else { return false };
        if let (Some(left), Some(limit), Some(_)) = (credit.left, credit.limit, credit.renews_at) {
            let (probes, starts) = (self.probes.len(), self.starts.len());
            let running = self.unfinished.saturating_sub(probes + starts);
            let wanted = (3 * probes + 2 * starts + running) as u64;
            if self.listing.is_complete() && wanted + wanted / 32 <= left + limit {
                return true;
            }
        }
        let Some(gap) = credit.gap else { return false };
        let unfinished = u32::try_from(self.unfinished).unwrap_or(u32::MAX);
        gap.saturating_mul(unfinished) <= (longest * 2).min(LONGEST_ENDGAME)
    }

    /// How dear a request is at the moment: scarce if what is left may not do for all that is still to be sent.
    pub(super) fn requests_are(&self, now: RunTime) -> Requests {
        self.requests_with(&self.budget.credit(now))
    }

    fn requests_with(&self, credit: &Credit) -> Requests {
        let (probes, starts) = (self.probes.len(), self.starts.len());
        let running = self.unfinished.saturating_sub(probes + starts);
        // Polls that find nothing are counted on: one for each target.
        let wanted = 4 * probes + 3 * starts + 2 * running + 2;
        let scarce = self.spec.rate.is_some()
            || match credit.left {
                Some(left) => u64::try_from(wanted).unwrap_or(u64::MAX) > left,
                None => credit.was_refused,
            };
        if scarce { Requests::Scarce } else { Requests::Plenty }
    }

    /// Polls that were put off while requests were scarce need not be any more, once they are plenty.
    pub(super) fn bring_polls_forward(&mut self, now: RunTime) {
        let scarce = self.requests_are(now) == Requests::Scarce;
        if std::mem::replace(&mut self.was_scarce, scarce) == scarce || scarce || self.stop.is_some() {
            return;
        }
        for index in 0..self.slots.len() {
            let Some(target) = self.open(index) else { continue };
            let Life::Watch(watch) = &target.life else { continue };
            let (Some(due), Some(seen)) = (target.due, watch.seen_running) else { continue };
            let age = seen.since(watch.accepted);
            let sooner = (watch.accepted + PollTiming::next(age, Requests::Plenty)).max(now);
            if sooner < due && target.held_until.is_none_or(|until| until <= sooner) {
                self.wake_target(index, sooner);
            }
        }
    }

    /// A first poll's time has come. If it would be early by what has been learned since it was planned, it waits some more.
    pub(super) fn is_early(&mut self, now: RunTime, index: usize) -> Option<RunTime> {
        let target = self.open(index)?;
        let Life::Watch(watch) = &target.life else { return None };
        if watch.seen_running.is_some() || watch.pilot || now >= watch.limit || self.stop.is_some() {
            return None;
        }
        let (accepted, limit, carried) = (watch.accepted, watch.limit, target.carried());
        let requests = self.requests_are(now);
        let later = (accepted + self.timing.of(carried).first(requests)?).min(limit);
        (later > now).then_some(later)
    }
}
