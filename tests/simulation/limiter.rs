//! Models of the rate limits that an API may have: pure, in the server's own time.

use std::{collections::VecDeque, time::Duration};

/// What a limit says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ruling {
    pub(crate) admitted: bool,
    pub(crate) remaining: u64,
    /// When it will be worth asking again, or when the window ends.
    pub(crate) reset: Duration,
}

/// How a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Windows begin at whole multiples of their length.
    FixedAligned,
    /// A window begins with the first request after the one before.
    FixedFromFirst,
    /// At most so many in any span.
    SlidingLog,
    /// The same, and a refused request counts too.
    SlidingLogCountingRefusals,
    /// A bucket that refills continuously; `Reset` says when it is full.
    TokenBucketFull,
    /// The same; `Reset` says when the next token is there.
    TokenBucketNext,
    /// No limit.
    None,
}

/// One limit and what it has counted.
#[derive(Debug, Clone)]
pub(crate) struct Limiter {
    kind: Kind,
    pub(crate) limit: u64,
    pub(crate) window: Duration,
    opened: Option<Duration>,
    ends: Option<Duration>,
    count: u64,
    log: VecDeque<Duration>,
    tokens: f64,
    refilled: Duration,
    /// How far into a window an aligned one is at the beginning.
    pub(crate) phase: Duration,
}

impl Limiter {
    pub(crate) fn new(kind: Kind, limit: u64, window: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "limits are small")]
        let tokens = limit as f64;
        Self {
            kind,
            limit,
            window,
            opened: None,
            ends: None,
            count: 0,
            log: VecDeque::new(),
            tokens,
            refilled: Duration::ZERO,
            phase: Duration::ZERO,
        }
    }

    /// The same, at the beginning so far into a window, if it is an aligned one.
    pub(crate) fn begun_before(self, phase: Duration) -> Self {
        Self { phase, ..self }
    }

    /// Counts a request that arrives at `now`.
    pub(crate) fn ask(&mut self, now: Duration) -> Ruling {
        match self.kind {
            Kind::FixedAligned => {
                let whole = (now + self.phase).as_nanos() / self.window.as_nanos();
                let ends = self.window * u32::try_from(whole + 1).expect("few windows");
                let ends = ends.saturating_sub(self.phase);
                self.fixed(ends)
            }
            Kind::FixedFromFirst => {
                let opened = self.opened.filter(|&opened| now < opened + self.window).unwrap_or(now);
                self.fixed(opened + self.window)
            }
            Kind::SlidingLog => self.sliding(now, false),
            Kind::SlidingLogCountingRefusals => self.sliding(now, true),
            Kind::TokenBucketFull | Kind::TokenBucketNext => self.bucket(now),
            Kind::None => Ruling { admitted: true, remaining: u64::MAX, reset: now },
        }
    }

    fn fixed(&mut self, ends: Duration) -> Ruling {
        let opened = ends.saturating_sub(self.window);
        if self.ends != Some(ends) {
            (self.opened, self.ends) = (Some(opened), Some(ends));
            self.count = 0;
        }
        let admitted = self.count < self.limit;
        self.count += u64::from(admitted);
        Ruling { admitted, remaining: self.limit - self.count, reset: ends }
    }

    fn sliding(&mut self, now: Duration, refusals_count: bool) -> Ruling {
        while self.log.front().is_some_and(|&at| at + self.window <= now) {
            self.log.pop_front();
        }
        let count = self.log.len() as u64;
        let admitted = count < self.limit;
        if admitted || refusals_count {
            self.log.push_back(now);
        }
        // Once refusals count as well, the log can hold more than the limit: then the one that matters is later.
        let excess = (self.log.len() as u64).saturating_sub(self.limit);
        let index = usize::try_from(excess).expect("a short log");
        let oldest = self.log.get(index).copied().unwrap_or(now);
        Ruling {
            admitted,
            remaining: self.limit.saturating_sub(self.log.len() as u64),
            reset: oldest + self.window,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "limits are small and tokens never negative"
    )]
    fn bucket(&mut self, now: Duration) -> Ruling {
        let rate = self.limit as f64 / self.window.as_secs_f64();
        let refill = now.saturating_sub(self.refilled).as_secs_f64() * rate;
        self.tokens = (self.tokens + refill).min(self.limit as f64);
        self.refilled = self.refilled.max(now);
        let admitted = self.tokens >= 1.0;
        if admitted {
            self.tokens -= 1.0;
        }
        let wanted =
            if self.kind == Kind::TokenBucketFull { self.limit as f64 } else { self.tokens.floor() + 1.0 };
        let wait = Duration::from_secs_f64((wanted - self.tokens) / rate);
        Ruling { admitted, remaining: self.tokens as u64, reset: now + wait }
    }
}
