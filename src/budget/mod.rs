//! How many requests may leave now?
//!
//! A [`Budget`] is told what was sent and what the server answered ([`Signals`]); asked for one more request it
//! says "now", "not before t", or "when something in flight has come back". It knows no targets and never waits:
//! choosing the request is `engine/`'s work, sleeping `runner/`'s, reading headers `hostup/`'s. It owns no clock;
//! every call is given the time.
//!
//! Two things in series: the server's own limit, learned from what it says (`bucket`), and the user's ceiling
//! (`rate`), which is asked last because asking it is charging it.

mod bucket;
mod learned;
mod rate;
mod server_clock;
mod signals;
mod tally;
mod time;

use std::time::Duration;

pub use learned::{Knowledge, LearnedFrom, LearnedLimit, LetThrough, Renewal};
pub use signals::{Reset, RetryAfter, ServerTime, Signals};
pub use time::RunTime;

use self::{bucket::Bucket, rate::Ceiling};
use crate::playbook::Rate;

/// Requests in flight at a time, where nobody says otherwise.
pub const DEFAULT_CONNECTIONS: usize = 32;

/// What is known about how many requests may leave.
#[derive(Debug)]
pub struct Budget {
    bucket: Bucket,
    ceiling: Option<Ceiling>,
}

/// A request that was allowed to leave; handed back with its answer.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
pub struct Ticket(u64);

/// Why no request may leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not before this time, for the server's sake.
    Until(RunTime),
    /// Not before this time, for the user's own rate.
    Rate(RunTime),
    /// Until an answer to something in flight is here.
    ForAnswer,
}

impl Budget {
    /// A budget about which nothing is known yet.
    ///
    /// `connections` caps the requests in flight, `rate` is the user's ceiling, `seed` feeds the jitter of waits for
    /// which the server named no length.
    pub fn new(connections: usize, rate: Option<Rate>, seed: u64) -> Self {
        Self { bucket: Bucket::new(connections.max(1), seed), ceiling: rate.map(Ceiling::new) }
    }

    /// Takes the right to send one request at `now`, or says what must happen first.
    ///
    /// # Errors
    /// [`Wait`], if none may leave now; nothing is charged then.
    pub fn take(&mut self, now: RunTime) -> Result<Ticket, Wait> {
        self.bucket.may_send(now)?;
        if let Some(ceiling) = &mut self.ceiling {
            ceiling.take(now)?;
        }
        Ok(self.bucket.sent_at(now))
    }

    /// Takes note of an answer, received at `now`.
    pub fn answered(&mut self, now: RunTime, ticket: Ticket, signals: &Signals) {
        self.bucket.answered(now, ticket, signals);
    }

    /// Takes note that no answer will come.
    pub fn unanswered(&mut self, ticket: Ticket) {
        self.bucket.unanswered(ticket);
    }

    /// Until when the server has asked for silence, if that is after `now`.
    pub fn paused_until(&self, now: RunTime) -> Option<RunTime> {
        self.bucket.paused_until().filter(|&until| until > now)
    }

    /// Whether the limit is what a request waits for, rather than a free connection.
    pub fn is_spent(&self) -> bool {
        self.bucket.is_spent()
    }

    /// How many more requests the server's limit lets leave before its window ends, where that is known.
    pub fn left(&self) -> Option<u64> {
        self.bucket.left()
    }

    /// What was learned of the server's limits.
    pub fn knowledge(&self) -> Knowledge {
        Knowledge { limits: self.bucket.learned().into_iter().collect(), let_through: None }
    }

    /// The limit that the next pause is about, if known: requests and window.
    pub fn limit(&self) -> Option<(u64, Option<Duration>)> {
        self.bucket.learned().map(|limit| (limit.limit, limit.window))
    }
}

#[cfg(test)]
mod tests;
