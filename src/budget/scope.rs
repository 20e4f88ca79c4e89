//! What has a limit of its own: everything together, each operation, or each VPS.
//!
//! One limit for everything is assumed until answers contradict it; no request is ever sent to find out. An operation (or
//! a VPS) that has more left than another's answer before it leaves room for has a limit of its own. Only what remains,
//! said on every answer, can show that: of a refusal nobody could tell whether it is about everything without sending
//! something else in its pause. And a refusal that contradicts what is believed is taken to be about everything.

use std::{collections::BTreeMap, time::Duration};

use super::{Operation, RunTime, heard::Heard, tally::ratio};

/// Observations until something is believed: of an operation, and of a VPS.
const ENOUGH: (u32, u32) = (2, 4);
/// Requests of the same operation until a newer answer is looked at.
const ANCHORED: u64 = 8;
/// A window's end may be announced so much too late: the rounding of a second, and the clock's.
const ROUNDING: Duration = Duration::from_secs(2);

/// What has a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Scope {
    #[default]
    Everything,
    Operation,
    Vps,
}

/// For whom a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Party {
    pub(super) operation: Operation,
    pub(super) vps: Option<usize>,
}

/// A request: of which division, in which bucket, with which number.
pub(super) type Key = (u32, usize, u64);

/// An answer, and how many requests were let through for certain after it.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// When its request left: the server saw it after that.
    left: RunTime,
    /// How long after its answer the window ends, or the bucket is full.
    ends_after: Duration,
    /// Among everything that happened.
    place: u64,
    limit: u64,
    remaining: u64,
    reset: RunTime,
    /// Of any operation, and of its own.
    since: u64,
    since_of_its_own: u64,
}

/// What speaks for limits of their own.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// For each operation, an answer of its.
    anchors: [Option<Anchor>; 4],
    /// For each operation, what its newest answer said is left, and when that was. Of requests that were in flight
    /// together, the server saw the one with the least left last.
    newest: [Option<(RunTime, u64)>; 4],
    /// For each request in flight, when it left, among everything that happened, and the anchors then.
    anchored: BTreeMap<Key, (u64, [Option<Anchor>; 4])>,
    events: u64,
    by_operation: u32,
    by_vps: u32,
}

impl Evidence {
    /// A request leaves.
    pub(super) fn leaves(&mut self, key: Key) {
        self.events += 1;
        self.anchored.insert(key, (self.events, self.anchors));
    }

    /// Whether a request's answer is awaited.
    pub(super) fn is_in_flight(&self, key: Key) -> bool {
        self.anchored.contains_key(&key)
    }

    /// No answer to a request will come. Says whether it was awaited.
    pub(super) fn unanswered(&mut self, key: Key) -> bool {
        self.anchored.remove(&key).is_some()
    }

    /// An answer to a request that left at `left` is here. Says what is to be believed.
    pub(super) fn hear(
        &mut self,
        now: RunTime,
        key: Key,
        party: Party,
        left: RunTime,
        heard: &Heard,
    ) -> Option<Scope> {
        let (place, anchored) = self.anchored.remove(&key)?;
        self.events += 1;
        if !heard.throttled {
            if let (Some(limit), Some(remaining), Some(reset)) = (heard.limit, heard.remaining, heard.reset) {
                self.compare(now, party, (remaining, limit, reset), &anchored);
                let place = self.events;
                let ends_after = reset.since(now);
                let (since, since_of_its_own) = (0, 0);
                let anchor =
                    Anchor { left, ends_after, place, limit, remaining, reset, since, since_of_its_own };
                self.anchor(now, party, anchor);
            }
            self.count(party, place);
        }
        if self.by_vps >= ENOUGH.1 {
            Some(Scope::Vps)
        } else if self.by_operation >= ENOUGH.0 {
            Some(Scope::Operation)
        } else {
            None
        }
    }

    /// More is left than those let through after an earlier answer, this one and what came back in the meantime allow.
    fn compare(
        &mut self,
        now: RunTime,
        party: Party,
        (remaining, limit, reset): (u64, u64, RunTime),
        anchored: &[Option<Anchor>; 4],
    ) {
        for (operation, anchor) in Operation::ALL.into_iter().zip(anchored) {
            let Some(anchor) = anchor.as_ref().filter(|anchor| anchor.reset.since(now) >= ROUNDING) else {
                continue;
            };
            let own = operation == party.operation;
            let let_through = if own { anchor.since_of_its_own } else { anchor.since };
            // A token bucket's fractions are not told: almost one more may have been there than it said.
            let untold = u64::from(anchor.may_be_of_a_bucket(let_through + 1, reset));
            let there = ratio(anchor.remaining + untold, 1) + anchor.refill(now);
            let more = ratio(remaining, 1) > there - ratio(let_through + 1, 1);
            if own {
                self.by_vps += u32::from(more);
            } else {
                self.by_operation += u32::from(more || anchor.limit != limit);
            }
        }
    }

    fn anchor(&mut self, now: RunTime, party: Party, anchor: Anchor) {
        let place = party.operation as usize;
        let stale = |old: &Anchor| old.reset.since(now) < ROUNDING || old.since_of_its_own >= ANCHORED;
        if self.anchors[place].as_ref().is_none_or(stale) {
            self.anchors[place] = Some(anchor);
        }
        if self.newest[place].is_none_or(|(at, left)| at <= anchor.left || anchor.remaining <= left) {
            self.newest[place] = Some((now, anchor.remaining));
        }
    }

    /// A request was let through: after each answer that was here when it left.
    fn count(&mut self, party: Party, place: u64) {
        for (operation, anchor) in Operation::ALL.into_iter().zip(&mut self.anchors) {
            if let Some(anchor) = anchor.as_mut().filter(|anchor| anchor.place < place) {
                anchor.since += 1;
                anchor.since_of_its_own += u64::from(operation == party.operation);
            }
        }
    }

    /// What was believed was wrong.
    pub(super) fn start_over(&mut self) {
        (self.by_operation, self.by_vps) = (0, 0);
        self.anchors = Default::default();
    }

    /// What the newest answer of an operation said is left.
    pub(super) fn remaining_of(&self, operation: Operation) -> Option<u64> {
        self.newest[operation as usize].map(|(_, remaining)| remaining)
    }
}

impl Anchor {
    /// Whether the end has moved on as that of a token bucket does: by the time in which one comes back, for each that
    /// was let through.
    fn may_be_of_a_bucket(&self, let_through: u64, reset: RunTime) -> bool {
        let gap = self.ends_after.saturating_sub(ROUNDING).as_secs_f64() / ratio(self.limit, 1);
        (reset.since(self.reset) + ROUNDING).as_secs_f64() >= gap * ratio(let_through, 1)
    }

    /// How many may have come back since the server saw its request, at most.
    fn refill(&self, now: RunTime) -> f64 {
        let to_full = self.ends_after.saturating_sub(ROUNDING).as_secs_f64().max(0.25);
        let spent = ratio(self.limit.saturating_sub(self.remaining), 1);
        1.5 * now.since(self.left).as_secs_f64() * spent / to_full
    }
}
