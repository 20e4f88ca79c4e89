//! What `X-RateLimit-Reset` and `X-RateLimit-Remaining` tell of a window, answer by answer: when it ends, how long it
//! is, whether spent requests come back steadily, and whether others spend too.

use std::time::Duration;

use super::{
    LearnedLimit, RunTime, ServerTime,
    heard::Heard,
    tally::{ratio, snap, usual_windows},
};

/// Two resets that differ by less may be the same one, rounded.
const ROUNDING: Duration = Duration::from_millis(1600);
/// Refills are asked for no more often than this.
const SHORTEST_REFILL: Duration = Duration::from_secs(1);
/// So often a reset must move on before its time, until spent requests are believed to come back steadily.
const MOVES: u32 = 2;
/// So many requests more than ours must be missing, until others are believed to spend as well.
const MISSING: u64 = 2;
/// A window that looks so long may be half as long.
const LONGEST_SHORT: Duration = Duration::from_secs(2);
/// Windows of the same length seen in a row until that length is relied upon.
const CONFIRMED: u32 = 2;

/// One limit's windows, as far as answers have shown them.
#[derive(Debug, Default)]
pub(super) struct Windows {
    reset: Option<RunTime>,
    by_server: Option<ServerTime>,
    window: Option<Duration>,
    /// So often in a row the window was found to be of that length.
    agreed: u32,
    moves: u32,
    /// Requests a second, where they come back steadily.
    rate: Option<f64>,
    /// A scout went by the rate or the counted window, and was refused.
    in_vain: bool,
    /// A window of two seconds is none of one.
    not_shorter: bool,
    gradual: bool,
    last: Option<Last>,
    missing: u64,
}

/// The newest answer.
#[derive(Debug, Clone, Copy)]
struct Last {
    number: u64,
    beside: u64,
    remaining: u64,
}

impl Windows {
    pub(super) fn begin_with(&mut self, known: &LearnedLimit) {
        self.window = known.window;
        self.agreed = CONFIRMED;
    }

    /// The answer to request `number` is here, the newest so far. `beside` others were in flight when it was sent, and
    /// `since` then more were sent: the server may have seen any of them before it or after.
    pub(super) fn count(
        &mut self,
        now: RunTime,
        (number, beside, since): (u64, u64, u64),
        remaining: u64,
        heard: &Heard,
    ) {
        if let Some(last) = self.last {
            let ours = (number - last.number) + last.beside + since;
            // A window that has begun anew says nothing of who spent from it.
            let same = self.by_server.zip(heard.reset_by_server).is_some_and(|(one, other)| one == other);
            if same && remaining + ours < last.remaining {
                self.missing += last.remaining - ours - remaining;
            }
            let opened = remaining > last.remaining
                && heard.limit.is_some_and(|limit| remaining + beside + since + 1 >= limit);
            if opened {
                self.opened(heard);
            }
        }
        self.last = Some(Last { number, beside, remaining });
        self.look_for_refill(now, remaining, heard);
        self.observe(now, heard);
    }

    /// A new window has begun: two resets of neighbouring windows lie a window apart.
    fn opened(&mut self, heard: &Heard) {
        let apart = match (self.by_server.zip(heard.reset_by_server), self.reset.zip(heard.reset)) {
            (Some((before, after)), _) => after.0.saturating_sub(before.0),
            (None, Some((before, after))) => after.since(before),
            (None, None) => return,
        };
        if apart < Duration::from_secs(1) {
            return;
        }
        let apart = snap(apart);
        match self.window {
            Some(known) if known == apart => self.agreed += 1,
            // After a quiet time a window or more lies between.
            Some(known) if known < apart => {}
            _ => {
                self.window = Some(apart);
                self.agreed = 1;
            }
        }
    }

    /// A reset that moves on long before its time: the limit is a bucket which refills, and reset says when it is full.
    fn look_for_refill(&mut self, now: RunTime, remaining: u64, heard: &Heard) {
        let (Some(before), Some(after), Some(limit)) = (self.reset, heard.reset, heard.limit) else { return };
        let moved = self.by_server.zip(heard.reset_by_server).is_some_and(|(one, other)| other > one);
        if moved && before.since(now) > ROUNDING && after > before {
            self.moves += 1;
        }
        let to_full = after.since(now);
        if self.moves >= MOVES && to_full > Duration::from_secs(3) && remaining < limit {
            self.rate = Some(ratio(limit - remaining, 1) / to_full.as_secs_f64());
            self.window = Some(snap(to_full.mul_f64(ratio(limit, limit - remaining))));
            self.agreed = 0;
        }
    }

    /// Takes note of when the window ends.
    pub(super) fn observe(&mut self, now: RunTime, heard: &Heard) {
        self.by_server = heard.reset_by_server.or(self.by_server);
        self.reset = heard.reset.or(self.reset);
        // What ends later than a whole window from now is no such window.
        if let (Some(window), Some(reset)) = (self.window, heard.reset)
            && reset.since(now) > window + ROUNDING
        {
            self.window = None;
            self.agreed = 0;
        }
    }

    /// A scout found so much left after a window's end. Less than half of the limit has not come back at once.
    pub(super) fn scouted(&mut self, remaining: u64, heard: &Heard) {
        self.gradual = heard.limit.is_some_and(|limit| remaining < limit / 2);
    }

    /// Whether spent requests come back in the order in which they were spent.
    pub(super) fn is_gradual(&self) -> bool {
        self.gradual
    }

    /// A scout was refused: who went before the announced time went too early.
    pub(super) fn scouted_in_vain(&mut self) {
        if self.shorter().is_some() {
            self.not_shorter = true;
        } else {
            self.in_vain = true;
        }
    }

    /// A usual window that is a little shorter than the one seen, while nothing speaks against it: who goes by whole seconds
    /// comes up to one and a half too late, and sees windows that much longer.
    fn shorter(&self) -> Option<Duration> {
        let window =
            self.window.filter(|_| self.agreed >= CONFIRMED && !self.not_shorter && !self.in_vain)?;
        usual_windows().filter(|&usual| usual < window && usual + ROUNDING >= window).max()
    }

    /// When a spent limit is worth asking again.
    pub(super) fn opens(&self, now: RunTime, reserve: u8) -> Option<RunTime> {
        match self.rate {
            Some(rate) if !self.in_vain => {
                let share = f64::from(100 - reserve.min(99)) / 100.0;
                Some(now + SHORTEST_REFILL.max(Duration::from_secs_f64(2.0 / rate)).div_f64(share))
            }
            _ => self.reset,
        }
    }

    /// The window's length, if it can be relied upon.
    pub(super) fn confirmed(&self) -> Option<Duration> {
        let enough =
            |window: &Duration| self.agreed >= CONFIRMED || (*window <= LONGEST_SHORT && self.agreed > 0);
        let confirmed = || self.window.filter(|window| enough(window) && !self.in_vain);
        self.shorter().or_else(confirmed)
    }

    /// The window's length, as far as it is known.
    pub(super) fn window(&self) -> Option<Duration> {
        self.window
    }

    /// Whether spent requests come back steadily.
    pub(super) fn refills(&self) -> bool {
        self.rate.is_some()
    }

    /// Whether others spend from the same limit.
    pub(super) fn is_shared(&self) -> bool {
        self.missing > MISSING
    }
}
