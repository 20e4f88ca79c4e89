//! How many requests may leave now?
//!
//! A [`Budget`] is told what was sent and what the server answered ([`Signals`]); asked for one more request it
//! says "now", "not before t", or "when something in flight has come back". It knows targets as numbers only, and never
//! waits: choosing the request is `engine/`'s work, sleeping `runner/`'s, reading headers `hostup/`'s. It owns no
//! clock; every call is given the time.
//!
//! Three things in series: the connections (`connections`), the server's own limits, learned from what it says (`bucket`,
//! one for each that `scope` has found to be counted apart), and the user's ceiling (`rate`), which is asked last because
//! asking it is charging it.

mod bucket;
mod connections;
mod heard;
mod learned;
mod rate;
mod scope;
mod server_clock;
mod signals;
mod tally;
mod time;
mod windows;

use std::time::Duration;

pub use learned::{Knowledge, LearnedFrom, LearnedLimit, LetThrough, Renewal};
pub use signals::{Reset, RetryAfter, ServerTime, Signals};
pub use time::RunTime;

use self::{
    bucket::Bucket,
    connections::Connections,
    heard::Heard,
    rate::Ceiling,
    scope::{Evidence, Party, Scope},
    server_clock::ServerClock,
    tally::snap,
};
use crate::playbook::Rate;

/// Requests in flight at a time, where nobody says otherwise.
pub const DEFAULT_CONNECTIONS: usize = 32;
/// Requests let through, none refused, from which on it is worth telling the next run.
const WORTH_TELLING: u64 = 100;

/// What is known about how many requests may leave.
#[derive(Debug)]
pub struct Budget {
    connections: Connections,
    /// One for everything; or one for each operation; or one for listings and one for the rest.
    buckets: Vec<Bucket>,
    scope: Scope,
    /// Buckets were divided so often.
    generation: u32,
    evidence: Evidence,
    clock: ServerClock,
    ceiling: Option<Ceiling>,
    reserve: u8,
    /// The limit that each VPS has of its own, if it has one.
    of_each_vps: Option<LearnedLimit>,
    seed: u64,
    accepted: u64,
    last_accepted: RunTime,
}

/// What a request does: each may have a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A page of the inventory.
    List,
    /// Is the guest agent there?
    Probe,
    /// Start a command.
    Start,
    /// Has it ended?
    Poll,
}

impl Operation {
    const ALL: [Self; 4] = [Self::List, Self::Probe, Self::Start, Self::Poll];

    /// The word of the report.
    pub const fn word(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Probe => "probe",
            Self::Start => "start",
            Self::Poll => "poll",
        }
    }
}

/// A request that was allowed to leave; handed back with its answer.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
pub struct Ticket {
    /// Buckets were divided so often before.
    generation: u32,
    bucket: usize,
    number: u64,
    party: Party,
    left: RunTime,
}

impl Ticket {
    fn key(self) -> scope::Key {
        (self.generation, self.bucket, self.number)
    }
}

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

/// What a [`Budget`] is told before it begins.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Requests in flight at a time.
    pub connections: usize,
    /// The user's ceiling.
    pub rate: Option<Rate>,
    /// How much of a limit is left to others, in per cent.
    pub reserve: u8,
    /// What another run found out: a first guess, which any answer overrules.
    pub known: Knowledge,
    /// Feeds the jitter of waits for which the server named no length.
    pub seed: u64,
}

impl Wait {
    /// The time that it names.
    pub fn until(self) -> Option<RunTime> {
        match self {
            Self::Until(at) | Self::Rate(at) => Some(at),
            Self::ForAnswer => None,
        }
    }
}

impl Budget {
    /// A budget that knows what it is told, and nothing else.
    pub fn new(terms: &Terms) -> Self {
        let mut budget = Self {
            connections: Connections::new(terms.connections),
            buckets: vec![Bucket::new("default", terms.reserve, terms.seed)],
            scope: Scope::Everything,
            generation: 0,
            evidence: Evidence::default(),
            clock: ServerClock::default(),
            ceiling: terms.rate.map(Ceiling::new),
            reserve: terms.reserve,
            of_each_vps: None,
            seed: terms.seed,
            accepted: 0,
            last_accepted: RunTime::START,
        };
        budget.begin_with(&terms.known);
        budget
    }

    fn begin_with(&mut self, known: &Knowledge) {
        let named = |name: &str| known.limits.iter().find(|limit| limit.bucket == name);
        if named("vps").is_some() {
            self.divide(Scope::Vps);
        } else if Operation::ALL.into_iter().any(|operation| named(operation.word()).is_some()) {
            self.divide(Scope::Operation);
        }
        self.of_each_vps = named("vps").cloned();
        for bucket in &mut self.buckets {
            // What each VPS is allowed says nothing of all of them together.
            if let Some(limit) = named(bucket.name()).filter(|limit| limit.bucket != "vps") {
                bucket.begin_with(limit);
            } else if let Some(let_through) = known.let_through {
                bucket.begin_free(let_through.requests);
            }
        }
    }

    /// Takes the right to send one request at `now`, for the VPS with this number of the caller's, or says what must
    /// happen first.
    ///
    /// # Errors
    /// [`Wait`], if none may leave now; nothing is charged then.
    pub fn take(&mut self, now: RunTime, operation: Operation, vps: Option<usize>) -> Result<Ticket, Wait> {
        if !self.connections.have_room_for(operation) {
            return Err(Wait::ForAnswer);
        }
        let bucket = bucket_of(self.scope, operation);
        self.buckets[bucket].may_send(now)?;
        if let Some(ceiling) = &mut self.ceiling {
            ceiling.take(now)?;
        }
        let number = self.buckets[bucket].sent_at(now);
        let party = Party { operation, vps };
        let ticket = Ticket { generation: self.generation, bucket, number, party, left: now };
        self.connections.allow(ticket.key(), operation);
        self.evidence.leaves(ticket.key());
        Ok(ticket)
    }

    /// Requests that may be on their way at a time: at least one.
    pub fn connections(&self) -> usize {
        self.connections.most()
    }

    /// From here on something is done before a start leaves, and it holds no connection until it [leaves](Self::leaves).
    pub fn prepare_starts(&mut self) {
        self.connections.prepare_starts();
    }

    /// Takes note that a start leaves that was prepared.
    pub fn leaves(&mut self, ticket: Ticket) {
        self.connections.leaves(ticket.key());
    }

    /// Takes note of an answer, received at `now`. Returns until when its VPS must not be asked again, where that is all
    /// that the answer means.
    pub fn answered(&mut self, now: RunTime, ticket: Ticket, signals: &Signals) -> Option<RunTime> {
        let Ticket { party, left, .. } = ticket;
        if !self.evidence.is_in_flight(ticket.key()) {
            return None;
        }
        if let Some(date) = signals.date {
            self.clock.observe(date, left, now);
        }
        let heard = Heard::read(signals, now, &self.clock);
        self.connections.is_over(ticket.key(), party.operation);
        if !heard.throttled {
            self.accepted += 1;
            self.last_accepted = now;
        }
        let news = self.evidence.hear(now, ticket.key(), party, left, &heard);
        // What remains is the VPS's own; a refusal may be about everything.
        let of_vps = self.scope == Scope::Vps && party.vps.is_some();
        let told = if of_vps && !heard.throttled { Heard::default() } else { heard.clone() };
        if ticket.generation == self.generation {
            self.buckets[ticket.bucket].answered(now, ticket.number, &told);
        } else {
            // It left under another division.
            let bucket = &mut self.buckets[bucket_of(self.scope, party.operation)];
            bucket.one_from_before_is_back();
            if heard.throttled {
                bucket.pause(now, left, &told);
            }
        }
        if heard.throttled {
            self.refused_in_part(now, ticket);
        } else if of_vps {
            self.learn_of_vps(now, &heard);
        }
        if let Some(scope) = news.filter(|&scope| scope > self.scope) {
            self.divide(scope);
            self.inherit(&heard);
        }
        let spent = heard.reset.filter(|_| of_vps && heard.remaining == Some(0));
        spent.filter(|&until| until > now)
    }

    /// Nobody is refused where it is known what is left, but for scouts: until that is understood, the refusal is about
    /// everything. Limits that are counted apart wrongly would be overspent in every window, so they are one again, until
    /// answers show once more that they are not.
    fn refused_in_part(&mut self, now: RunTime, ticket: Ticket) {
        let refused = &self.buckets[bucket_of(self.scope, ticket.party.operation)];
        let contradicted = match self.scope {
            Scope::Everything => return,
            Scope::Operation if refused.is_refused_as_expected() => return,
            // What left under another division contradicts nothing, and neither does what nobody told of.
            Scope::Operation => ticket.generation == self.generation && refused.is_told_what_is_left(),
            // It was waited wherever nothing was left: there is another limit, or none of each VPS.
            Scope::Vps => true,
        };
        if contradicted {
            self.divide(Scope::Everything);
            self.evidence.start_over();
            self.of_each_vps = None;
        } else if let Some(until) = refused.paused_until() {
            for bucket in &mut self.buckets {
                bucket.pause_until(until.max(now));
            }
        }
    }

    fn learn_of_vps(&mut self, now: RunTime, heard: &Heard) {
        let (Some(limit), Some(reset)) = (heard.limit, heard.reset) else { return };
        let window = snap(reset.since(now)).max(Duration::from_secs(1));
        let known =
            self.of_each_vps.as_ref().filter(|known| known.limit == limit).and_then(|known| known.window);
        self.of_each_vps = Some(LearnedLimit {
            bucket: "vps".to_owned(),
            limit,
            window: Some(known.map_or(window, |known| known.max(window))),
            renewal: Renewal::default(),
            learned_from: LearnedFrom::Header,
        });
    }

    /// From here on limits are counted so.
    fn divide(&mut self, scope: Scope) {
        let paused_until = self.buckets.iter().filter_map(Bucket::paused_until).max();
        let bucket = |name| Bucket::new(name, self.reserve, self.seed);
        self.buckets = match scope {
            Scope::Everything => vec![bucket("default")],
            Scope::Operation => {
                Operation::ALL.into_iter().map(|operation| bucket(operation.word())).collect()
            }
            Scope::Vps => vec![bucket("list"), bucket("vps")],
        };
        if let Some(until) = paused_until {
            for bucket in &mut self.buckets {
                bucket.pause_until(until);
            }
        }
        self.scope = scope;
        self.generation += 1;
        for operation in Operation::ALL {
            let count = self.connections.in_flight(operation);
            self.buckets[bucket_of(scope, operation)].begin_with_in_flight(count);
        }
    }

    /// What an operation's own answers said is left still holds, but for what is in flight.
    fn inherit(&mut self, heard: &Heard) {
        if self.scope != Scope::Operation {
            return;
        }
        for operation in Operation::ALL {
            if let Some(remaining) = self.evidence.remaining_of(operation) {
                self.buckets[operation as usize].begin_at(remaining, heard);
            }
        }
    }

    /// Takes note that no answer will come.
    pub fn unanswered(&mut self, ticket: Ticket) {
        if !self.evidence.unanswered(ticket.key()) {
            return;
        }
        self.connections.is_over(ticket.key(), ticket.party.operation);
        if ticket.generation == self.generation {
            self.buckets[ticket.bucket].unanswered(ticket.number);
        } else {
            self.buckets[bucket_of(self.scope, ticket.party.operation)].one_from_before_is_back();
        }
    }

    /// Until when the server has asked for silence, if that is after `now`: where it counts several things apart, the
    /// longest.
    pub fn paused_until(&self, now: RunTime) -> Option<RunTime> {
        self.buckets.iter().filter_map(Bucket::paused_until).filter(|&until| until > now).max()
    }

    /// Whether a limit is what a request waits for, rather than a free connection.
    pub fn is_spent(&self) -> bool {
        !self.connections.are_all_in_use() && self.buckets.iter().any(Bucket::is_spent)
    }

    /// What the limit that everything shares lets leave, as far as it is known.
    pub fn credit(&self, now: RunTime) -> Credit {
        let bucket = &self.buckets[bucket_of(self.scope, Operation::Probe)];
        let each = |of: fn(&Bucket, RunTime) -> Option<u64>| {
            self.buckets.iter().skip(1).filter_map(|bucket| of(bucket, now)).min()
        };
        Credit {
            left: match self.scope {
                Scope::Everything => bucket.left(now),
                // Of each kind a target needs one.
                Scope::Operation => each(Bucket::left).map(|left| left.saturating_mul(3)),
                Scope::Vps => None,
            },
            renews_at: bucket.renews_at(now).filter(|&at| at > now && self.scope == Scope::Everything),
            limit: bucket.limit(),
            gap: bucket.gap(),
            was_refused: bucket.was_refused(),
            shared: bucket.is_shared(),
        }
    }

    /// What was learned of the server's limits.
    pub fn knowledge(&self) -> Knowledge {
        let of_each_vps = self.of_each_vps.iter().filter(|_| self.scope == Scope::Vps).cloned();
        let limits: Vec<LearnedLimit> =
            self.buckets.iter().filter_map(Bucket::learned).chain(of_each_vps).collect();
        let fast = self.ceiling.is_none();
        let free = fast && limits.is_empty() && !self.buckets.iter().any(Bucket::was_refused);
        let let_through = (free && self.accepted >= WORTH_TELLING)
            .then(|| LetThrough { requests: self.accepted, span: self.last_accepted.since_start() });
        Knowledge { limits, let_through }
    }

    /// The limit that the next pause is about, if known: requests and window.
    pub fn limit(&self) -> Option<(u64, Option<Duration>)> {
        self.buckets.iter().find_map(Bucket::learned).map(|limit| (limit.limit, limit.window))
    }
}

/// Where an operation is counted.
const fn bucket_of(scope: Scope, operation: Operation) -> usize {
    match (scope, operation) {
        (Scope::Everything, _) | (Scope::Vps, Operation::List) => 0,
        (Scope::Operation, operation) => operation as usize,
        (Scope::Vps, _) => 1,
    }
}

/// What may still leave in the running window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// So many requests; `None` where nobody knows.
    pub left: Option<u64>,
    /// When more come back, where that is known.
    pub renews_at: Option<RunTime>,
    /// How many a whole window lets through, where that is known.
    pub limit: Option<u64>,
    /// How long it takes on average until one more comes back, where that is known.
    pub gap: Option<Duration>,
    /// Something was refused in this run.
    pub was_refused: bool,
    /// Others spend from it too.
    pub shared: bool,
}

#[cfg(test)]
mod tests;
