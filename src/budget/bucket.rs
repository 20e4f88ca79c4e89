//! The ledger of one of the server's limits.
//!
//! Requests are numbered in sending order. Where answers say what remains, one number, the *horizon*, holds all
//! that is known: a request may leave if its number is not beyond it. The answer to request `s` with `r` left and `f`
//! in flight when it was sent puts the horizon between `s + r − f` (the server saw those in flight later) and `s + r`
//! (it saw them before), so nothing is overspent in whatever order the server saw them.
//!
//! Where they do not, requests in flight are ramped up slowly until a 429 shows that there is a limit, and
//! [`Tally`] counts.
//!
//! After a pause one request goes first, the *scout*; nothing follows until its answer says that the window is open.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    LearnedFrom, LearnedLimit, Renewal, Reset, RetryAfter, RunTime, ServerTime, Signals, Ticket, Wait,
    server_clock::ServerClock,
    tally::{Tally, snap},
};

/// Waited past the announced end of a window, for a server that rounds: at first, how much more after an early
/// scout, and at most.
const MARGIN: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_millis(1250)];
/// The shortest pause after a 429, and the longest that is ever chosen without the server's word.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// A `X-RateLimit-Reset` further away than this is not believed.
const CREDIBLE_RESET: Duration = Duration::from_hours(1);
/// Requests in flight while no limit is known: at first, and accepted answers for one more.
const RAMP: (usize, u64) = (8, 40);
/// Requests in flight after a 429, while the quota is not known.
const AFTER_REFUSAL: usize = 4;

#[derive(Debug)]
pub(super) struct Bucket {
    connections: usize,
    next: u64,
    in_flight: BTreeMap<u64, Sent>,
    newest_answered: Option<u64>,
    accepted: u64,
    /// Numbers up to this one may be sent; known only where answers say what remains.
    horizon: Option<u64>,
    said: Option<LearnedLimit>,
    reset: Option<RunTime>,
    not_before: RunTime,
    scout: Scout,
    margin: Duration,
    /// The first number sent after the last pause began: older refusals belong to that pause.
    episode: u64,
    refused_in_a_row: u32,
    refused_ever: bool,
    clock: ServerClock,
    tally: Tally,
    jitter: StdRng,
}

#[derive(Debug)]
struct Sent {
    /// In flight when it was sent, itself not counted.
    beside: u64,
    at: RunTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scout {
    NotNeeded,
    Needed,
    Out(u64),
}

impl Bucket {
    pub(super) fn new(connections: usize, seed: u64) -> Self {
        Self {
            connections,
            next: 1,
            in_flight: BTreeMap::new(),
            newest_answered: None,
            accepted: 0,
            horizon: None,
            said: None,
            reset: None,
            not_before: RunTime::START,
            scout: Scout::NotNeeded,
            margin: MARGIN[0],
            episode: 0,
            refused_in_a_row: 0,
            refused_ever: false,
            clock: ServerClock::default(),
            tally: Tally::default(),
            jitter: StdRng::seed_from_u64(seed),
        }
    }

    /// Whether one more request may leave at `now`.
    pub(super) fn may_send(&mut self, now: RunTime) -> Result<(), Wait> {
        if self.in_flight.len() >= self.connections {
            return Err(Wait::ForAnswer);
        }
        if now < self.not_before {
            return Err(Wait::Until(self.not_before));
        }
        match self.scout {
            Scout::Out(_) => return Err(Wait::ForAnswer),
            Scout::Needed => return self.when_alone(),
            Scout::NotNeeded => {}
        }
        match self.horizon {
            Some(horizon) if self.next <= horizon => Ok(()),
            Some(_) => {
                self.when_alone()?;
                self.wait_for(self.reset.map(|reset| reset + self.margin), now)
            }
            None => self.may_send_by_counting(now),
        }
    }

    fn may_send_by_counting(&mut self, now: RunTime) -> Result<(), Wait> {
        if let Some(opens) = self.tally.spent_until() {
            self.when_alone()?;
            return self.wait_for(Some(opens + self.margin), now);
        }
        let ramp = if self.tally.within_quota() {
            self.connections
        } else if self.refused_ever {
            AFTER_REFUSAL
        } else {
            RAMP.0.saturating_add(usize::try_from(self.accepted / RAMP.1).unwrap_or(usize::MAX))
        };
        if self.in_flight.len() < ramp { Ok(()) } else { Err(Wait::ForAnswer) }
    }

    /// The budget is spent: a scout leaves at `opens`, or now where nobody said when.
    fn wait_for(&mut self, opens: Option<RunTime>, now: RunTime) -> Result<(), Wait> {
        self.scout = Scout::Needed;
        match opens {
            Some(opens) if opens > now => {
                self.not_before = opens;
                Err(Wait::Until(opens))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn when_alone(&self) -> Result<(), Wait> {
        if self.in_flight.is_empty() { Ok(()) } else { Err(Wait::ForAnswer) }
    }

    /// One request leaves, at a time for which [`Self::may_send`] said yes.
    pub(super) fn sent_at(&mut self, now: RunTime) -> Ticket {
        let number = self.next;
        self.next += 1;
        if self.scout == Scout::Needed {
            self.scout = Scout::Out(number);
            self.tally.open_window(now);
        }
        self.tally.sent();
        let beside = u64::try_from(self.in_flight.len()).unwrap_or(u64::MAX);
        self.in_flight.insert(number, Sent { beside, at: now });
        Ticket(number)
    }

    pub(super) fn unanswered(&mut self, Ticket(number): Ticket) {
        self.in_flight.remove(&number);
        if self.scout == Scout::Out(number) {
            self.scout = Scout::Needed;
        }
    }

    pub(super) fn answered(&mut self, now: RunTime, Ticket(number): Ticket, signals: &Signals) {
        let Some(sent) = self.in_flight.remove(&number) else { return };
        if let Some(date) = signals.date {
            self.clock.observe(date, sent.at, now);
        }
        let reset = self.reset_time(now, signals);
        if signals.throttled {
            self.refused(now, number, reset, signals);
            return;
        }
        self.accepted += 1;
        self.refused_in_a_row = 0;
        if number >= self.episode {
            self.tally.accepted();
        }
        if self.scout == Scout::Out(number) {
            self.scout = Scout::NotNeeded;
        }
        if let Some(remaining) = signals.remaining {
            self.learn_horizon(number, remaining, sent.beside);
            self.learn_limit(reset, signals.limit);
        }
    }

    fn learn_horizon(&mut self, number: u64, remaining: u64, beside: u64) {
        if self.newest_answered.is_some_and(|newest| newest > number) {
            return;
        }
        self.newest_answered = Some(number);
        let highest = number.saturating_add(remaining);
        let lowest = highest.saturating_sub(beside);
        self.horizon = Some(self.horizon.unwrap_or(lowest).clamp(lowest, highest));
    }

    fn learn_limit(&mut self, reset: Option<RunTime>, limit: Option<u64>) {
        // Two resets of neighbouring windows lie a window apart; smaller differences are the rounding of seconds.
        let apart = match (self.reset, reset) {
            (Some(before), Some(after)) if after.since(before) > Duration::from_millis(1600) => {
                Some(snap(after.since(before)))
            }
            _ => None,
        };
        self.reset = reset.or(self.reset);
        let Some(limit) = limit else { return };
        let known = self.said.as_ref().and_then(|said| said.window);
        let window = match (known, apart) {
            (Some(known), Some(apart)) => Some(known.min(apart)),
            (known, apart) => known.or(apart),
        };
        self.said = Some(LearnedLimit {
            bucket: "default".to_owned(),
            limit,
            window,
            renewal: Renewal::AtOnce,
            learned_from: LearnedFrom::Header,
        });
    }

    fn refused(&mut self, now: RunTime, number: u64, reset: Option<RunTime>, signals: &Signals) {
        self.refused_ever = true;
        if self.scout == Scout::Out(number) {
            self.margin = (self.margin + MARGIN[1]).min(MARGIN[2]);
        }
        self.scout = Scout::Needed;
        let asked = retry_after(signals).map(|span| now + span);
        let said = asked.max(reset);
        let until = said.map_or_else(|| now + self.own_pause(), |said| said.max(now + PAUSE.0));
        self.not_before = self.not_before.max(until);
        if self.horizon.is_some() {
            // Whatever was believed to be left is not; the scout's answer says what is.
            self.horizon = Some(self.next.saturating_sub(1));
            self.reset = reset.or(self.reset);
        }
        if number >= self.episode {
            self.episode = self.next;
            self.refused_in_a_row += 1;
            self.tally.refused(said, signals.limit);
        }
    }

    /// When the answer says that the window ends, in the run's time, if that can be believed.
    fn reset_time(&self, now: RunTime, signals: &Signals) -> Option<RunTime> {
        let reset = match signals.reset? {
            Reset::In(span) => now + span,
            Reset::At(time) => self.clock.run_time(time)?,
        };
        (reset.since(now) <= CREDIBLE_RESET).then_some(reset)
    }

    /// A pause of our own, where the server named none: doubling, with full jitter.
    fn own_pause(&mut self) -> Duration {
        let doubled = PAUSE.0.saturating_mul(1 << self.refused_in_a_row.min(10));
        let longest = doubled.min(PAUSE.1).as_secs_f64();
        let shortest = PAUSE.0.as_secs_f64();
        Duration::from_secs_f64(self.jitter.random_range(shortest..=longest.max(shortest)))
    }

    pub(super) fn is_spent(&self) -> bool {
        self.scout != Scout::NotNeeded || self.left() == Some(0)
    }

    pub(super) fn paused_until(&self) -> Option<RunTime> {
        (self.scout != Scout::NotNeeded).then_some(self.not_before)
    }

    pub(super) fn left(&self) -> Option<u64> {
        match self.horizon {
            Some(horizon) => Some((horizon + 1).saturating_sub(self.next)),
            None => self.tally.left(),
        }
    }

    pub(super) fn learned(&self) -> Option<LearnedLimit> {
        self.said.clone().or_else(|| self.tally.learned())
    }
}

/// How long the answer asks to wait; `None` where it does not say, or asks for nothing.
fn retry_after(signals: &Signals) -> Option<Duration> {
    let asked = match signals.retry_after? {
        RetryAfter::In(span) => span,
        RetryAfter::At(ServerTime(at)) => at.saturating_sub(signals.date?.0),
    };
    (!asked.is_zero()).then_some(asked)
}
