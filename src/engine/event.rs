//! What happened, for whoever watches: the report, the progress line, later the store.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    call::{Pid, Problem},
    outcome::TargetResult,
};
use crate::{
    budget::RunTime,
    fleet::{SelectionError, Tally, VpsId},
};

/// Something happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When.
    pub at: RunTime,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// One more page of the inventory is here.
    PageListed(Tally),
    /// The inventory is complete, and so is the selection.
    SelectionCompleted(Tally),
    /// The run is gone on with. Comes once, first.
    GoneOn {
        /// How the selection divided the inventory.
        tally: Tally,
        /// What became of those that are done already.
        done: Vec<Arc<TargetResult>>,
    },
    /// A start was accepted.
    StepStarted {
        /// Where.
        vps: VpsId,
        /// Which step, from 0.
        step: usize,
        /// The process, if the answer named one.
        pid: Option<Pid>,
    },
    /// A target is done, for good or ill.
    TargetFinished(Arc<TargetResult>),
    /// The API said "not now": nothing leaves before `until`.
    Throttled {
        /// When requests may leave again.
        until: RunTime,
        /// What the API called the limit, where it said: requests and window.
        limit: Option<(u64, Option<Duration>)>,
    },
    /// A call is made again after a while.
    Retrying {
        /// Which VPS; `None` for the listing.
        vps: Option<VpsId>,
        /// Why, may hold remote text.
        message: String,
        /// When.
        at: RunTime,
    },
    /// Something odd that changes no outcome, may hold remote text.
    Warned(String),
    /// No new starts from here on.
    Stopping(Stop),
}

/// Why a run stops before all its targets are done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Stop {
    /// A signal, by its number (2 for SIGINT, 15 for SIGTERM, 1 for SIGHUP).
    Signal(i32),
    /// The API does not take the token, or not for this.
    Auth(Problem),
    /// The inventory could not be read to its end; nothing was started.
    Inventory(String),
    /// The selection is wrong, which only the whole inventory could show; nothing was started.
    Selection(SelectionError),
    /// The user said no to the question; nothing was started.
    Declined,
    /// The run's deadline passed.
    Deadline,
    /// The API asks to wait longer than the run may; the time it named.
    Patience(Option<Duration>),
    /// What happens cannot be written down any more, for this reason.
    Store(String),
    /// These variables hold secrets that are no longer to be had.
    Secret(Vec<String>),
    /// More targets failed than the run allows.
    MaxFailures {
        /// Targets that failed so far.
        failed: usize,
        /// How many may.
        allowed: usize,
    },
}

/// Requests sent, by kind: every one counts, answered or not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// Pages of the inventory.
    pub list: u64,
    /// Probes.
    pub probe: u64,
    /// Starts.
    pub start: u64,
    /// Polls.
    pub poll: u64,
    /// How many of all these were answered 429.
    pub throttled: u64,
    /// How many of all these were made again after a failure other than 429.
    pub retried: u64,
}

impl RequestCounts {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.list + self.probe + self.start + self.poll
    }
}
