//! What of a run is written down as it happens, so that it can be gone on with after a crash.
//!
//! The engine says what ([`Entry`], [`Duty`]); whoever performs its effects sees to it. The rule is that of a write-ahead
//! log: a start's [`Intent`] is on the disk before its first byte leaves, and its answer, as a poll's that says "exited", before the
//! engine hears what it means.

use std::{sync::Arc, time::Duration};

use super::{
    Answer, CallId, Effect, EventKind, Exited, RequestCounts, TargetResult, TimeSpent,
    run::{Engine, Record, Slot},
};
use crate::{
    budget::RunTime,
    fleet::{Tally, Vps},
    playbook::bundle::Marker,
};

/// What must be written down of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Duty {
    /// Nothing: it changes nothing.
    None,
    /// Its intent before it leaves, and its answer, whatever it is, before the engine hears what it means.
    Start(Intent),
    /// An answer that says "exited", before the engine hears what it means: it may be the only one.
    Poll {
        /// The start of what is asked for.
        start: CallId,
    },
}

/// A start that is about to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Which target, by its place among the results.
    pub target: usize,
    /// The first step that it carries, from 0.
    pub first: usize,
    /// For each step from the first on, whether it is sent; one that is not is not for this target.
    pub sent: Vec<bool>,
    /// By which a bundle's output is taken apart; `None`: its only step is sent as it is.
    pub marker: Option<Marker>,
}

/// Something that is written down.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Whom the run is for. Comes once, before all others.
    Targets {
        /// In the order of the results.
        vpses: Vec<Arc<Vps>>,
        /// How the selection divided the inventory.
        tally: Tally,
    },
    /// A start is about to leave.
    Intent {
        /// Its call.
        start: CallId,
        /// When.
        at: RunTime,
        /// What it is.
        intent: Intent,
    },
    /// What came back for a start.
    Answered {
        /// Its call.
        start: CallId,
        /// When.
        at: RunTime,
        /// What.
        answer: Answer,
    },
    /// What was started has ended.
    Exited {
        /// The start's call.
        start: CallId,
        /// When the poll that found it so left.
        polled: RunTime,
        /// When its answer came.
        at: RunTime,
        /// How it ended.
        exited: Exited,
    },
    /// How far the run has come.
    Standing {
        /// When.
        at: RunTime,
        /// How long it was worked on.
        worked: Duration,
        /// Requests sent so far.
        requests: RequestCounts,
        /// What the time went into.
        time: TimeSpent,
    },
    /// A target is done.
    Finished {
        /// Which, by its place among the results.
        target: usize,
        /// What became of it.
        result: Arc<TargetResult>,
    },
}

impl Engine {
    /// Whoever performs its effects sees to each [`Duty`], and says with [`Input::Leaves`](super::Input::Leaves) when an intent is on the disk.
    /// Until then a start holds no connection.
    #[must_use]
    pub fn writing_ahead(mut self) -> Self {
        self.budget.prepare_starts();
        self
    }

    /// Requests that may be on their way at a time.
    pub fn connections(&self) -> usize {
        self.budget.connections()
    }

    /// Requests sent so far.
    pub fn requests(&self) -> RequestCounts {
        self.requests
    }

    /// How far the run has come.
    pub fn standing(&self, now: RunTime) -> Entry {
        Entry::Standing {
            at: now,
            worked: self.worked_before + now.since(self.began),
            requests: self.requests,
            time: self.time.spent_until(now),
        }
    }

    /// Before any start leaves.
    pub(super) fn write_down_targets(&mut self) {
        let vps = |slot: &Slot| match slot {
            Slot::Open(target) => Arc::clone(&target.vps),
            Slot::Done(result) => Arc::clone(&result.vps),
        };
        let vpses = self.slots.iter().map(vps).collect();
        let tally = self.selector.tally().clone();
        self.effects.push(Effect::Record(Entry::Targets { vpses, tally }));
        self.record = Record::Kept;
        for (index, slot) in self.slots.iter().enumerate() {
            if let Slot::Done(result) = slot {
                let entry = Entry::Finished { target: index, result: Arc::clone(result) };
                self.effects.push(Effect::Record(entry));
            }
        }
    }

    /// A target is done.
    pub(super) fn tell_finished(&mut self, now: RunTime, index: usize, result: Arc<TargetResult>) {
        if self.record != Record::NotYet {
            let entry = Entry::Finished { target: index, result: Arc::clone(&result) };
            self.effects.push(Effect::Record(entry));
        }
        self.tell(now, EventKind::TargetFinished(result));
    }
}
