//! Which bucket a request falls in, and what the answer's headers say of it.
//!
//! The counting is `limiter`'s; here its exact times become the whole seconds and dates of HTTP.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};
use jiff::Timestamp;

use super::{
    choice::choices,
    clock::{Clock, http_date},
    limiter::{Decision, Limiter, RateLimit, Window},
    request::Operation,
};

choices! {
    /// What has a bucket of its own.
    pub enum Scope {
        /// The API key: one bucket for everything.
        #[default]
        Key = "key",
        /// Each operation: listing, probe, start, poll, and the rest.
        Operation = "operation",
        /// Each VPS; requests about none share one.
        Vps = "vps",
    }

    /// Where rate-limit headers appear.
    pub enum LimitHeaders {
        /// `Retry-After` and `X-RateLimit-*` on 429 only.
        #[default]
        Refusals = "429",
        /// `X-RateLimit-*` on every answer, `Retry-After` on 429.
        All = "all",
        /// `Retry-After` alone, on 429.
        RetryAfter = "retry-after",
        /// Nowhere.
        None = "none",
    }

    /// How the reset time is rounded to whole seconds.
    pub enum Rounding {
        /// Late: whoever waits for it is never early.
        #[default]
        Up = "up",
        /// Early, by up to a second.
        Down = "down",
    }

    /// How `X-RateLimit-Reset` is written.
    pub enum ResetFormat {
        /// An ISO timestamp, as documented.
        #[default]
        Iso = "iso",
        /// Unix seconds.
        Epoch = "epoch",
        /// Seconds to go.
        Seconds = "seconds",
    }

    /// How `Retry-After` is written.
    pub enum RetryAfterFormat {
        /// Whole seconds, rounded up.
        #[default]
        Seconds = "seconds",
        /// An HTTP date, rounded up.
        Date = "date",
    }

    /// The code of a 429; HostUp documents both.
    pub enum LimitCode {
        /// `rate_limited`.
        #[default]
        Limited = "rate_limited",
        /// `rate_limit_exceeded`.
        Exceeded = "rate_limit_exceeded",
    }
}

/// Everything about rate limiting besides the rate and the kind of window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Throttling {
    /// Which bucket a request falls in.
    pub scope: Scope,
    /// Where the headers are.
    pub headers: LimitHeaders,
    /// How Reset is rounded.
    pub rounding: Rounding,
    /// How Reset is written.
    pub reset: ResetFormat,
    /// How Retry-After is written.
    pub retry_after: RetryAfterFormat,
    /// What a 429 is coded.
    pub code: LimitCode,
    /// Requests a second that another client takes from each bucket.
    pub others: f64,
}

/// The buckets of one server.
pub(super) struct Throttle {
    throttling: Throttling,
    fresh: Option<Limiter>,
    /// One for each operation; the first alone where there is one for all.
    shared: [Mutex<Option<Limiter>>; Operation::COUNT],
    by_vps: Mutex<HashMap<usize, Limiter>>,
}

impl Throttle {
    /// Makes a server's buckets, all of them fresh.
    pub(super) fn new(rate: Option<RateLimit>, window: Window, throttling: Throttling) -> Self {
        let fresh = rate.map(|rate| Limiter::new(rate, window).with_others(throttling.others));
        let shared = std::array::from_fn(|_| Mutex::new(fresh.clone()));
        Self { throttling, fresh, shared, by_vps: Mutex::default() }
    }

    /// Counts a request and says when that was and whether it may pass; no decision where nothing is limited.
    ///
    /// The time is read with the bucket held, so that a bucket's requests are counted in the order of their times.
    pub(super) fn take(
        &self,
        clock: &Clock,
        operation: Operation,
        vps: Option<usize>,
    ) -> (Duration, Option<Decision>) {
        let Some(fresh) = &self.fresh else { return (clock.now(), None) };
        let judge = |limiter: &mut Limiter| {
            let now = clock.now();
            (now, Some(limiter.take(now)))
        };
        if let (Scope::Vps, Some(vps)) = (self.throttling.scope, vps) {
            let mut buckets = self.by_vps.lock().unwrap_or_else(PoisonError::into_inner);
            return judge(buckets.entry(vps).or_insert_with(|| fresh.clone()));
        }
        let bucket = if self.throttling.scope == Scope::Operation { operation as usize } else { 0 };
        let mut bucket = self.shared[bucket].lock().unwrap_or_else(PoisonError::into_inner);
        judge(bucket.get_or_insert_with(|| fresh.clone()))
    }

    /// The `code` of a refusal.
    pub(super) fn code(&self) -> &'static str {
        match self.throttling.code {
            LimitCode::Limited => "rate_limited",
            LimitCode::Exceeded => "rate_limit_exceeded",
        }
    }

    /// Writes what the answer to a request decided upon `now` shows of its bucket.
    pub(super) fn write(&self, headers: &mut HeaderMap, decision: Decision, clock: &Clock, now: Duration) {
        let refused = !decision.allowed;
        let (retry_after, limits) = match self.throttling.headers {
            LimitHeaders::Refusals => (refused, refused),
            LimitHeaders::All => (refused, true),
            LimitHeaders::RetryAfter => (refused, false),
            LimitHeaders::None => (false, false),
        };
        if retry_after {
            headers.insert(RETRY_AFTER, self.retry_after(decision, clock, now));
        }
        if limits {
            headers.insert(HeaderName::from_static("x-ratelimit-limit"), decision.limit.into());
            headers.insert(HeaderName::from_static("x-ratelimit-remaining"), decision.remaining.into());
            headers.insert(HeaderName::from_static("x-ratelimit-reset"), self.reset(decision, clock, now));
        }
    }

    fn retry_after(&self, decision: Decision, clock: &Clock, now: Duration) -> HeaderValue {
        match self.throttling.retry_after {
            RetryAfterFormat::Seconds => retry_after_seconds(decision).into(),
            RetryAfterFormat::Date => http_date(whole(clock.wall(now + decision.retry_after), Rounding::Up)),
        }
    }

    fn reset(&self, decision: Decision, clock: &Clock, now: Duration) -> HeaderValue {
        let at = whole(clock.wall(decision.reset_at), self.throttling.rounding);
        match self.throttling.reset {
            ResetFormat::Iso => {
                HeaderValue::from_str(&at.to_string()).unwrap_or(HeaderValue::from_static(""))
            }
            ResetFormat::Epoch => at.as_second().into(),
            ResetFormat::Seconds => (at.as_second() - clock.wall(now).as_second()).max(0).into(),
        }
    }
}

/// The whole seconds that `Retry-After` gives, rounded up.
pub(super) fn retry_after_seconds(decision: Decision) -> u64 {
    let wait = decision.retry_after;
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn whole(time: Timestamp, rounding: Rounding) -> Timestamp {
    let up = rounding == Rounding::Up && time.subsec_nanosecond() > 0;
    Timestamp::from_second(time.as_second() + i64::from(up)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn decision(allowed: bool) -> Decision {
        let (reset_at, retry_after) = (Duration::from_secs(5), Duration::from_millis(2100));
        Decision { allowed, limit: 3, remaining: 1, reset_at, retry_after }
    }

    fn written(throttling: Throttling, allowed: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let throttle = Throttle::new(None, Window::Fixed, throttling);
        let clock = Clock::start(SignedDuration::ZERO);
        throttle.write(&mut headers, decision(allowed), &clock, Duration::from_millis(2900));
        headers
    }

    #[tokio::test]
    async fn each_header_is_where_the_mode_says() {
        for (mode, allowed, count) in [
            (LimitHeaders::Refusals, true, 0),
            (LimitHeaders::Refusals, false, 4),
            (LimitHeaders::All, true, 3),
            (LimitHeaders::All, false, 4),
            (LimitHeaders::RetryAfter, false, 1),
            (LimitHeaders::None, false, 0),
        ] {
            let headers = written(Throttling { headers: mode, ..Throttling::default() }, allowed);
            assert_eq!(headers.len(), count, "{mode:?}, allowed {allowed}");
        }
    }

    #[tokio::test]
    async fn seconds_are_rounded_up_and_dates_are_dates() {
        assert_eq!(written(Throttling::default(), false)[RETRY_AFTER], "3");
        let throttling = Throttling { retry_after: RetryAfterFormat::Date, ..Throttling::default() };
        assert!(written(throttling, false)[RETRY_AFTER].to_str().unwrap().ends_with(" GMT"));
    }

    #[test]
    fn reset_rounds_to_the_asked_side() {
        let time: Timestamp = "2026-01-01T00:00:04.25Z".parse().unwrap();
        assert_eq!(whole(time, Rounding::Up).to_string(), "2026-01-01T00:00:05Z");
        assert_eq!(whole(time, Rounding::Down).to_string(), "2026-01-01T00:00:04Z");
    }
}
