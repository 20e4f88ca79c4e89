//! Rate-limit windows as servers count them: pure structs that are told the time and say yes or no.
//!
//! A [`Limiter`] is one bucket. It holds no clock and writes no headers, so that a simulation in virtual time can
//! drive the very windows that the HTTP server answers with. Which bucket a request falls in, and what of a
//! [`Decision`] a client gets to see, is decided in `throttle`.

use std::{collections::VecDeque, fmt, str::FromStr, time::Duration};

use super::choice::choices;

/// So many requests in so long a window, written `300/5s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many requests one window lets through; at least 1.
    pub limit: u32,
    /// How long a window is; longer than zero.
    pub window: Duration,
}

impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "REQUESTS/WINDOW with both above zero, such as 300/5s or 1000/1h".to_owned();
        let (limit, window) = text.split_once('/').ok_or_else(expected)?;
        let limit = limit.trim().parse().map_err(|_| expected())?;
        let window = super::duration::parse(window).map_err(|_| expected())?;
        if limit == 0 || window.is_zero() { Err(expected()) } else { Ok(Self { limit, window }) }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{:?}", self.limit, self.window)
    }
}

choices! {
    /// How a server counts the requests of a window.
    pub enum Window {
        /// Windows stand end to end from the server's start, whoever asks when. `phi` of a run, the time from its
        /// first request to the first boundary, is `window - (first request mod window)`.
        #[default]
        Fixed = "fixed",
        /// A window opens with the first request that finds none open.
        FixedFromFirst = "fixed-first",
        /// A log of the accepted requests: no span of a window's length holds more than the limit. Reset is when the
        /// oldest of them leaves.
        Sliding = "sliding",
        /// The same log, but refused requests are written into it too: who hammers stays out.
        SlidingCountingRefusals = "sliding-strict",
        /// A token bucket that holds `limit` and refills evenly. Reset is when it will be full.
        Bucket = "bucket",
        /// The same bucket, but Reset is when the next whole token comes in.
        BucketNext = "bucket-next",
    }
}

/// What a limiter said to one request, in exact times since the server's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may pass.
    pub allowed: bool,
    /// The limit in force, as `X-RateLimit-Limit`.
    pub limit: u32,
    /// How many more could pass at this instant, as `X-RateLimit-Remaining`.
    pub remaining: u32,
    /// When the limiter resets, in its own sense of the word, as `X-RateLimit-Reset`. Never before the request.
    pub reset_at: Duration,
    /// How long until a request could pass; zero where this one did. As `Retry-After`.
    pub retry_after: Duration,
}

/// One bucket of one [`RateLimit`].
#[derive(Clone, Debug)]
pub struct Limiter {
    rate: RateLimit,
    window: Window,
    count: Count,
    others: Option<Others>,
}

/// What has been counted so far.
#[derive(Clone, Debug)]
enum Count {
    Fixed {
        ends: Duration,
        used: u32,
    },
    /// The newest counted requests, oldest first, never more than the limit: older ones cannot decide anything.
    Log(VecDeque<Duration>),
    /// How far from full at `at`. A token is worth one window in nanoseconds, and `limit` of that comes in each
    /// nanosecond, so that no rate needs rounding.
    Bucket {
        missing: u128,
        at: Duration,
    },
}

/// Another client who spends from the same bucket.
#[derive(Clone, Copy, Debug)]
struct Others {
    gap: Duration,
    next: Duration,
}

/// Arrivals of others that are made up for at most, after a quiet time.
const MOST_OTHERS: u32 = 100_000;

impl Limiter {
    /// Makes a bucket in which nothing has been counted yet.
    pub fn new(rate: RateLimit, window: Window) -> Self {
        let count = match window {
            Window::Fixed | Window::FixedFromFirst => Count::Fixed { ends: Duration::ZERO, used: 0 },
            Window::Sliding | Window::SlidingCountingRefusals => Count::Log(VecDeque::new()),
            Window::Bucket | Window::BucketNext => Count::Bucket { missing: 0, at: Duration::ZERO },
        };
        let rate = RateLimit { limit: rate.limit.max(1), window: rate.window.max(Duration::from_nanos(1)) };
        Self { rate, window, count, others: None }
    }

    /// Lets another client take `per_second` requests a second, evenly spaced, from the same bucket; none for 0.
    #[must_use]
    pub fn with_others(mut self, per_second: f64) -> Self {
        let gap = Duration::try_from_secs_f64(1.0 / per_second).ok().filter(|gap| !gap.is_zero());
        self.others = gap.map(|gap| Others { gap, next: gap });
        self
    }

    /// Counts a request that arrives at `now` (since the server's start) and says whether it may pass.
    ///
    /// Times must not go backwards between calls.
    pub fn take(&mut self, now: Duration) -> Decision {
        self.take_for_others(now);
        self.take_one(now)
    }

    fn take_for_others(&mut self, now: Duration) {
        let Some(mut others) = self.others else { return };
        let earliest = now.saturating_sub(others.gap.saturating_mul(MOST_OTHERS));
        others.next = others.next.max(earliest);
        while others.next <= now {
            self.take_one(others.next);
            others.next += others.gap;
        }
        self.others = Some(others);
    }

    fn take_one(&mut self, now: Duration) -> Decision {
        let RateLimit { limit, window } = self.rate;
        match &mut self.count {
            Count::Fixed { ends, used } => {
                if now >= *ends {
                    *used = 0;
                    *ends = match self.window {
                        Window::FixedFromFirst => now + window,
                        _ => nanoseconds((now.as_nanos() / window.as_nanos() + 1) * window.as_nanos()),
                    };
                }
                let allowed = *used < limit;
                *used += u32::from(allowed);
                let retry_after = if allowed { Duration::ZERO } else { ends.saturating_sub(now) };
                Decision { allowed, limit, remaining: limit - *used, reset_at: *ends, retry_after }
            }
            Count::Log(log) => {
                while log.front().is_some_and(|first| *first + window <= now) {
                    log.pop_front();
                }
                let allowed = log.len() < limit as usize;
                if allowed || self.window == Window::SlidingCountingRefusals {
                    if !allowed {
                        log.pop_front();
                    }
                    log.push_back(now);
                }
                let counted = u32::try_from(log.len()).unwrap_or(limit);
                let reset_at = log.front().map_or(now, |first| *first + window);
                let retry_after = if allowed { Duration::ZERO } else { reset_at.saturating_sub(now) };
                Decision { allowed, limit, remaining: limit - counted, reset_at, retry_after }
            }
            Count::Bucket { missing, at } => {
                let refill = u128::from(limit);
                let token = window.as_nanos();
                let size = refill * token;
                *missing = missing.saturating_sub(now.saturating_sub(*at).as_nanos() * refill);
                *at = now;
                let allowed = *missing + token <= size;
                if allowed {
                    *missing += token;
                }
                let remaining = u32::try_from((size - *missing) / token).unwrap_or(limit);
                let wait = if allowed { 0 } else { (*missing + token - size).div_ceil(refill) };
                let until_reset = match self.window {
                    Window::BucketNext => ((*missing - 1) % token + 1).div_ceil(refill),
                    _ => missing.div_ceil(refill),
                };
                let reset_at = now + nanoseconds(until_reset);
                Decision { allowed, limit, remaining, reset_at, retry_after: nanoseconds(wait) }
            }
        }
    }
}

/// A duration of so many nanoseconds, at most some 584 years.
fn nanoseconds(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{super::choice::Choice as _, *};

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn limiter(window: Window) -> Limiter {
        Limiter::new("3/1s".parse().unwrap(), window)
    }

    fn allowed(limiter: &mut Limiter, times: &[u64]) -> Vec<bool> {
        times.iter().map(|at| limiter.take(ms(*at)).allowed).collect()
    }

    #[test]
    fn a_fixed_window_ends_at_a_multiple_of_its_length_whoever_came_when() {
        let mut limiter = limiter(Window::Fixed);
        assert_eq!(allowed(&mut limiter, &[2900, 2910, 2920, 2930]), [true, true, true, false]);
        let refused = limiter.take(ms(2940));
        assert_eq!((refused.remaining, refused.reset_at, refused.retry_after), (0, ms(3000), ms(60)));
        assert_eq!(limiter.take(ms(3000)).remaining, 2);
    }

    #[test]
    fn a_window_from_the_first_request_opens_with_it() {
        let mut limiter = limiter(Window::FixedFromFirst);
        assert_eq!(allowed(&mut limiter, &[2900, 2910, 2920, 3500]), [true, true, true, false]);
        assert_eq!(limiter.take(ms(3899)).retry_after, ms(1));
        assert_eq!(limiter.take(ms(4500)).reset_at, ms(5500));
    }

    #[test]
    fn a_log_lets_one_in_for_each_that_leaves() {
        let mut limiter = limiter(Window::Sliding);
        assert_eq!(allowed(&mut limiter, &[0, 400, 800, 999]), [true, true, true, false]);
        assert_eq!(limiter.take(ms(999)).retry_after, ms(1));
        assert_eq!(allowed(&mut limiter, &[1000, 1001, 1399, 1400]), [true, false, false, true]);
    }

    #[test]
    fn a_log_that_counts_refusals_keeps_who_hammers_out() {
        let mut limiter = limiter(Window::SlidingCountingRefusals);
        assert_eq!(allowed(&mut limiter, &[0, 0, 0]), [true, true, true]);
        assert!((1..50).all(|n| !limiter.take(ms(n * 300)).allowed), "three refusals stay in each second");
        let last = limiter.take(ms(14_800));
        assert!(limiter.take(ms(14_800) + last.retry_after).allowed, "waiting as told is enough");
    }

    #[test]
    fn a_bucket_refills_evenly_and_both_resets_are_right() {
        let mut full = limiter(Window::Bucket);
        let mut next = limiter(Window::BucketNext);
        assert_eq!(allowed(&mut full, &[0, 0, 0, 333]), [true, true, true, false]);
        assert_eq!(allowed(&mut next, &[0, 0, 0, 333]), [true, true, true, false]);
        let (full, next) = (full.take(ms(334)), next.take(ms(334)));
        assert!(full.allowed && next.allowed);
        assert_eq!(full.reset_at, nanoseconds(1_333_333_334));
        assert_eq!(next.reset_at, nanoseconds(666_666_667));
    }

    #[test]
    fn waiting_retry_after_is_enough_and_a_little_less_is_not() {
        for (_, window) in Window::ALL {
            let mut early = limiter(*window);
            while early.take(ms(50)).allowed {}
            let mut late = early.clone();
            let wait = early.take(ms(60)).retry_after;
            assert!(!early.take(ms(60) + wait.saturating_sub(Duration::from_nanos(1))).allowed, "{window:?}");
            let wait = late.take(ms(60)).retry_after;
            assert!(late.take(ms(60) + wait).allowed, "{window:?}");
        }
    }

    #[test]
    fn another_client_takes_its_share() {
        let mut limiter = limiter(Window::Fixed).with_others(2.0);
        assert_eq!(limiter.take(ms(990)).remaining, 1, "one of the others came at 500 ms");
        assert_eq!(limiter.take(ms(1990)).remaining, 0, "and two more at 1000 and 1500 ms");
    }

    #[test]
    fn a_rate_is_read_and_nonsense_is_not() {
        assert_eq!("300/5s".parse(), Ok(RateLimit { limit: 300, window: ms(5000) }));
        assert_eq!("1000/1h".parse(), Ok(RateLimit { limit: 1000, window: ms(3_600_000) }));
        for wrong in ["300", "0/5s", "300/0s", "x/5s", "300/soon", "-1/5s"] {
            assert!(wrong.parse::<RateLimit>().is_err(), "{wrong}");
        }
    }
}
