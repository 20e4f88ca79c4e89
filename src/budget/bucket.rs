//! The ledger of one of the server's limits.
//!
//! Requests are numbered in sending order. Where answers say what remains, one number, the *horizon*, holds all
//! that is known: a request may leave if its number is not beyond it. The answer to request `s` with `r` left and `f`
//! in flight when it was sent puts the horizon between `s + r − f` (the server saw those in flight later) and `s + r`
//! (it saw them before), so nothing is overspent in whatever order the server saw them. [`Windows`] says when a spent
//! horizon is worth asking again.
//!
//! Where they do not, requests in flight are ramped up slowly until a 429 shows that there is a limit, and
//! [`Tally`] counts.
//!
//! After a pause one request goes first, the *scout*; nothing follows until its answer says that the window is open.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    LearnedFrom, LearnedLimit, Renewal, RunTime, Wait,
    heard::Heard,
    tally::{AFTER_REFUSAL, Room, Tally, reserved},
    windows::Windows,
};

/// Waited past the announced end of a window, for a server that rounds: at first, how much more after an early
/// scout, and at most.
const MARGIN: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_millis(1250)];
/// The shortest pause after a 429, and the longest that is ever chosen without the server's word.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// By so much an announced end may be later than the real one.
const ROUNDED_UP: Duration = Duration::from_secs(1);
/// Requests in flight while no limit is known: at first, and answers accepted beside others for one more.
const RAMP: (usize, u64) = (8, 10);

#[derive(Debug)]
pub(super) struct Bucket {
    /// Which requests share it, in the words of the report.
    name: &'static str,
    /// Of its limit, left to others: per cent.
    reserve: u8,
    next: u64,
    in_flight: BTreeMap<u64, Sent>,
    newest_answered: Option<u64>,
    /// Accepted beside at least half of what was allowed to be in flight: only those say that as many are borne.
    accepted_beside_others: u64,
    /// Numbers up to this one may be sent; known only where answers say what remains.
    horizon: Option<u64>,
    limit_said: Option<u64>,
    windows: Windows,
    not_before: RunTime,
    scout: Scout,
    margin: Duration,
    /// The first number sent after the last pause began: older refusals belong to that pause.
    episode: u64,
    refused_in_a_row: u32,
    refused_ever: bool,
    /// The newest refusal was that of a scout.
    scout_refused: bool,
    /// In flight since before it was counted apart.
    from_before: u64,
    /// Requests that another run had let through at full speed.
    free_before: u64,
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
    pub(super) fn new(name: &'static str, reserve: u8, seed: u64) -> Self {
        Self {
            name,
            reserve,
            next: 1,
            in_flight: BTreeMap::new(),
            newest_answered: None,
            accepted_beside_others: 0,
            horizon: None,
            limit_said: None,
            windows: Windows::default(),
            not_before: RunTime::START,
            scout: Scout::NotNeeded,
            margin: MARGIN[0],
            episode: 0,
            refused_in_a_row: 0,
            refused_ever: false,
            scout_refused: false,
            from_before: 0,
            free_before: 0,
            tally: Tally::default(),
            jitter: StdRng::seed_from_u64(seed),
        }
    }

    /// Begins with what another run found out.
    pub(super) fn begin_with(&mut self, known: &LearnedLimit) {
        self.tally.begin_with(known);
        self.windows.begin_with(known);
    }

    /// Begins with what another run had let through.
    pub(super) fn begin_free(&mut self, requests: u64) {
        self.free_before = requests;
    }

    /// So many of its requests left before it was counted apart, and are in flight.
    pub(super) fn begin_with_in_flight(&mut self, count: u64) {
        self.from_before = count;
    }

    /// One of those is back.
    pub(super) fn one_from_before_is_back(&mut self) {
        self.from_before = self.from_before.saturating_sub(1);
    }

    /// Takes over what was said of its requests while they shared a bucket with others.
    pub(super) fn begin_at(&mut self, remaining: u64, heard: &Heard) {
        let left = self.unreserved(remaining, heard.limit).saturating_sub(self.from_before);
        self.horizon = Some(self.next - 1 + left);
        self.limit_said = heard.limit;
        self.windows.observe(RunTime::START, heard);
    }

    /// Whether one more request may leave at `now`.
    pub(super) fn may_send(&mut self, now: RunTime) -> Result<(), Wait> {
        if now < self.not_before {
            return Err(Wait::Until(self.not_before));
        }
        match self.scout {
            Scout::Out(_) => return Err(Wait::ForAnswer),
            Scout::Needed => return self.when_alone(),
            Scout::NotNeeded => {}
        }
        match self.horizon {
            Some(horizon) if self.next <= horizon && !self.is_crowded(horizon) => Ok(()),
            Some(_) => {
                self.when_alone()?;
                let counted = self.counted();
                let said = self.windows.opens(now, self.reserve).map(|at| at + self.margin);
                self.wait_for(counted.into_iter().chain(said).min(), now)
            }
            None => self.may_send_by_counting(now),
        }
    }

    /// When the next window opens by what was counted here, where its length can be relied upon.
    fn counted(&self) -> Option<RunTime> {
        self.tally.opens(self.limit_said?, self.windows.confirmed()?)
    }

    /// Where others spend from the same limit, what is left may be gone before a request arrives.
    fn is_crowded(&self, horizon: u64) -> bool {
        let left = (horizon + 1).saturating_sub(self.next);
        self.windows.is_shared() && self.in_flight.len() as u64 > left / 3
    }

    fn may_send_by_counting(&mut self, now: RunTime) -> Result<(), Wait> {
        match self.tally.room(now, self.in_flight.len(), self.reserve) {
            Room::Free => Ok(()),
            Room::At(at) => Err(Wait::Until(at.max(now + Duration::from_millis(1)))),
            Room::Unknown if self.in_flight.len() < self.ramp() => Ok(()),
            Room::AfterAnswer | Room::Unknown => Err(Wait::ForAnswer),
        }
    }

    /// How many requests may be in flight while no limit is known.
    fn ramp(&self) -> usize {
        if self.refused_ever {
            AFTER_REFUSAL
        } else if self.free_before > 0 {
            usize::MAX
        } else {
            let borne = usize::try_from(self.accepted_beside_others / RAMP.1);
            RAMP.0.saturating_add(borne.unwrap_or(usize::MAX))
        }
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

    /// One request leaves, at a time for which [`Self::may_send`] said yes: its number.
    pub(super) fn sent_at(&mut self, now: RunTime) -> u64 {
        let number = self.next;
        self.next += 1;
        if self.scout == Scout::Needed {
            self.scout = Scout::Out(number);
        }
        let beside = self.in_flight.len() as u64 + self.from_before;
        self.in_flight.insert(number, Sent { beside, at: now });
        number
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// A request that is counted here now, but left before that, was refused.
    pub(super) fn pause(&mut self, now: RunTime, left: RunTime, heard: &Heard) {
        self.refused(now, self.next, &Sent { beside: 0, at: left }, heard);
    }

    pub(super) fn unanswered(&mut self, number: u64) {
        self.in_flight.remove(&number);
        if self.scout == Scout::Out(number) {
            self.scout = Scout::Needed;
        }
    }

    pub(super) fn answered(&mut self, now: RunTime, number: u64, heard: &Heard) {
        let Some(sent) = self.in_flight.remove(&number) else { return };
        if heard.throttled {
            self.refused(now, number, &sent, heard);
            return;
        }
        if (sent.beside + 1) * 2 >= self.ramp() as u64 {
            self.accepted_beside_others += 1;
        }
        self.refused_in_a_row = 0;
        let was_scout = self.scout == Scout::Out(number);
        if was_scout {
            self.scout = Scout::NotNeeded;
            self.tally.let_through(now);
        }
        self.tally.accepted(now);
        let Some(remaining) = heard.remaining else { return };
        if self.newest_answered.is_none_or(|newest| newest < number) {
            self.newest_answered = Some(number);
            self.limit_said = heard.limit.or(self.limit_said);
            let since = self.next - 1 - number;
            if was_scout {
                self.windows.scouted(remaining, heard);
            }
            self.windows.count(now, (number, sent.beside, since), remaining, heard);
            let highest = number.saturating_add(self.unreserved(remaining, heard.limit));
            let lowest = highest.saturating_sub(sent.beside);
            self.horizon = Some(self.horizon.unwrap_or(lowest).clamp(lowest, highest));
        }
    }

    fn unreserved(&self, remaining: u64, limit: Option<u64>) -> u64 {
        let limit = limit.or(self.limit_said).unwrap_or(remaining);
        remaining.saturating_sub(reserved(limit, self.reserve))
    }

    /// Nothing leaves before `until`, and then one request goes first.
    pub(super) fn pause_until(&mut self, until: RunTime) {
        self.not_before = self.not_before.max(until);
        if self.scout == Scout::NotNeeded {
            self.scout = Scout::Needed;
        }
    }

    /// Whether the newest refusal was that of a scout, which goes when nothing is left.
    pub(super) fn is_refused_as_expected(&self) -> bool {
        self.scout_refused
    }

    /// Whether answers have said what is left.
    pub(super) fn is_told_what_is_left(&self) -> bool {
        self.horizon.is_some()
    }

    fn refused(&mut self, now: RunTime, number: u64, sent: &Sent, heard: &Heard) {
        self.refused_ever = true;
        self.scout_refused = self.scout == Scout::Out(number);
        if self.scout_refused {
            self.margin = (self.margin + MARGIN[1]).min(MARGIN[2]);
            self.windows.scouted_in_vain();
        }
        self.scout = Scout::Needed;
        let said = heard.pause.map(|span| now + span).max(heard.reset);
        let until = said.map_or_else(|| now + self.own_pause(), |said| said.max(now + PAUSE.0));
        self.not_before = self.not_before.max(until);
        self.limit_said = heard.limit.or(self.limit_said);
        if self.horizon.is_some() {
            // Whatever was believed to be left is not; the scout's answer says what is.
            self.horizon = Some(self.next.saturating_sub(1));
            self.windows.observe(now, heard);
        }
        self.tally.refused(sent.at, now, said, heard.limit);
        if number >= self.episode {
            self.episode = self.next;
            self.refused_in_a_row += 1;
        }
    }

    /// A pause of our own, where the server named none: doubling, with full jitter.
    fn own_pause(&mut self) -> Duration {
        let doubled = PAUSE.0.saturating_mul(1 << self.refused_in_a_row.min(10));
        let longest = doubled.min(PAUSE.1).as_secs_f64();
        let shortest = PAUSE.0.as_secs_f64();
        Duration::from_secs_f64(self.jitter.random_range(shortest..=longest.max(shortest)))
    }

    /// Whether the limit holds requests back, rather than caution about one that is not known yet.
    pub(super) fn is_spent(&self) -> bool {
        self.scout != Scout::NotNeeded || self.horizon.is_some_and(|horizon| self.next > horizon)
    }

    pub(super) fn paused_until(&self) -> Option<RunTime> {
        (self.scout != Scout::NotNeeded).then_some(self.not_before)
    }

    pub(super) fn is_shared(&self) -> bool {
        self.windows.is_shared()
    }

    pub(super) fn was_refused(&self) -> bool {
        self.refused_ever
    }

    /// How many more requests may leave before more come back, where that is known.
    pub(super) fn left(&self, now: RunTime) -> Option<u64> {
        match self.horizon {
            Some(horizon) => Some((horizon + 1).saturating_sub(self.next)),
            None => self.tally.left(now, self.in_flight.len(), self.reserve),
        }
    }

    /// When spent requests come back, where that is known, and they come back at once.
    pub(super) fn renews_at(&self, now: RunTime) -> Option<RunTime> {
        match self.horizon {
            Some(_) if self.windows.refills() || self.windows.is_gradual() => None,
            Some(_) => {
                let counted = self.counted().filter(|&at| at > now);
                counted.or_else(|| self.windows.opens(now, self.reserve).map(|at| at - ROUNDED_UP))
            }
            None => self.tally.renews_at(now),
        }
    }

    /// How long it takes on average until one more comes back, where that is known.
    pub(super) fn gap(&self) -> Option<Duration> {
        let window = match self.horizon {
            Some(_) => self.windows.window()?,
            None => self.tally.window()?,
        };
        Some(window / u32::try_from(self.limit()?.max(1)).unwrap_or(u32::MAX))
    }

    /// How many a whole window lets through, where that is known.
    pub(super) fn limit(&self) -> Option<u64> {
        let limit = match self.horizon {
            Some(_) => self.limit_said?,
            None => self.tally.quota()?,
        };
        Some(limit - reserved(limit, self.reserve))
    }

    pub(super) fn learned(&self) -> Option<LearnedLimit> {
        let Some(limit) = self.limit_said.filter(|_| self.horizon.is_some()) else {
            return self.tally.learned(self.name);
        };
        Some(LearnedLimit {
            bucket: self.name.to_owned(),
            limit,
            window: self.windows.window(),
            renewal: if self.windows.refills() { Renewal::Steadily } else { Renewal::AtOnce },
            learned_from: LearnedFrom::Header,
        })
    }
}
