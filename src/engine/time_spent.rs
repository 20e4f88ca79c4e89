//! Where a run's time went.
//!
//! At each moment a run waits for one thing: the first of these that holds. A request is ready and the API's limit
//! holds it back, or the user's rate does; a request is in flight; a command runs in a guest; anything else (a pause
//! between batches or before something is tried again, a question).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::budget::RunTime;

/// Where a run's time went. The parts add up to the run's duration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeSpent {
    /// Waiting for the API's limit.
    pub limit: Duration,
    /// Waiting for the user's own rate.
    pub rate: Duration,
    /// Requests were on their way.
    pub network: Duration,
    /// Nothing to be sent before a command in a guest is asked for.
    pub guests: Duration,
    /// Pauses between batches and before something is tried again, questions.
    pub pauses: Duration,
}

impl TimeSpent {
    /// All of it.
    pub fn total(&self) -> Duration {
        self.limit + self.rate + self.network + self.guests + self.pauses
    }

    /// While requests were ready, and held back.
    pub fn held_back(&self) -> Duration {
        self.limit + self.rate
    }
}

/// What a run waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum WaitsFor {
    Limit,
    Rate,
    Network,
    Guests,
    #[default]
    Pause,
}

/// Keeps the account.
#[derive(Debug, Default)]
pub(super) struct TimeAccount {
    spent: TimeSpent,
    since: RunTime,
    waits_for: WaitsFor,
}

impl TimeAccount {
    /// Goes on at `now` with what was spent before.
    pub(super) fn going_on(spent: TimeSpent, now: RunTime) -> Self {
        Self { spent, since: now, waits_for: WaitsFor::default() }
    }

    /// From `now` on, the run waits for this.
    pub(super) fn waits_for(&mut self, now: RunTime, what: WaitsFor) {
        self.spent = self.spent_until(now);
        self.since = self.since.max(now);
        self.waits_for = what;
    }

    pub(super) fn spent(&self) -> TimeSpent {
        self.spent
    }

    /// With what it has waited for since.
    pub(super) fn spent_until(&self, now: RunTime) -> TimeSpent {
        let mut spent = self.spent;
        let part = match self.waits_for {
            WaitsFor::Limit => &mut spent.limit,
            WaitsFor::Rate => &mut spent.rate,
            WaitsFor::Network => &mut spent.network,
            WaitsFor::Guests => &mut spent.guests,
            WaitsFor::Pause => &mut spent.pauses,
        };
        *part += now.since(self.since);
        spent
    }
}
