//! The user's own ceiling on requests.
//!
//! A rate `N/W` promises: never more than `N` in *any* span of length `W`. That is a token bucket with burst
//! `b = max(1, N/50)` refilled at `(N − b + 1)/W`: in a span `W` at most `b + (N − b)` leave. governor counts; it
//! is given the run's time and only ever asked, for its own clock and sleeps would not follow the core's.

use std::{num::NonZeroU32, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::FakeRelativeClock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};

use super::{RunTime, Wait};
use crate::playbook::Rate;

type Limiter = RateLimiter<NotKeyed, InMemoryState, FakeRelativeClock, NoOpMiddleware<Nanos>>;

/// The user's ceiling.
#[derive(Debug)]
pub(super) struct Ceiling {
    limiter: Limiter,
    clock: FakeRelativeClock,
    now: RunTime,
}

impl Ceiling {
    pub(super) fn new(rate: Rate) -> Self {
        let burst = NonZeroU32::new(rate.requests / 50).unwrap_or(NonZeroU32::MIN);
        let refills = rate.requests.saturating_sub(burst.get()).saturating_add(1);
        // Rounded up to a whole nanosecond, so that the promise errs on the quiet side.
        let period = rate.window / refills + Duration::from_nanos(1);
        let quota = Quota::with_period(period).expect("a period of at least 1 ns").allow_burst(burst);
        let clock = FakeRelativeClock::default();
        Self { limiter: RateLimiter::direct_with_clock(quota, clock.clone()), clock, now: RunTime::START }
    }

    /// Charges one request, or says when one may leave.
    pub(super) fn take(&mut self, now: RunTime) -> Result<(), Wait> {
        self.clock.advance(now.since(self.now));
        self.now = self.now.max(now);
        self.limiter.check().map_err(|not_until| {
            Wait::Rate(RunTime::from_start(not_until.earliest_possible().into()).max(now))
        })
    }
}
