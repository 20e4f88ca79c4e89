//! What an answer says about a limit, in the run's own time.

use std::time::Duration;

use super::{Reset, RetryAfter, RunTime, ServerTime, Signals, server_clock::ServerClock};

/// A `X-RateLimit-Reset` further away than this is not believed.
const CREDIBLE_RESET: Duration = Duration::from_hours(1);

/// The budget-related part of one answer, its times read against the answer's own date.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Heard {
    pub(super) throttled: bool,
    /// How long it asks to wait; `None` where it does not say, or asks for nothing.
    pub(super) pause: Option<Duration>,
    pub(super) limit: Option<u64>,
    pub(super) remaining: Option<u64>,
    /// When the window ends, on the late side, if that can be believed.
    pub(super) reset: Option<RunTime>,
    /// The same by the server's clock, where it was said so: two of them differ exactly by what lies between.
    pub(super) reset_by_server: Option<ServerTime>,
}

impl Heard {
    /// Reads the signals of an answer received at `now`.
    pub(super) fn read(signals: &Signals, now: RunTime, clock: &ServerClock) -> Self {
        let by_server = match signals.reset {
            Some(Reset::At(time)) => Some(time),
            Some(Reset::In(_)) | None => None,
        };
        let reset = match signals.reset {
            Some(Reset::In(span)) => Some(now + span),
            Some(Reset::At(time)) => clock.run_time(time),
            None => None,
        };
        let reset = reset.filter(|reset| reset.since(now) <= CREDIBLE_RESET);
        Self {
            throttled: signals.throttled,
            pause: retry_after(signals),
            limit: signals.limit,
            remaining: signals.remaining,
            reset,
            reset_by_server: by_server.filter(|_| reset.is_some()),
        }
    }
}

fn retry_after(signals: &Signals) -> Option<Duration> {
    let asked = match signals.retry_after? {
        RetryAfter::In(span) => span,
        RetryAfter::At(ServerTime(at)) => at.saturating_sub(signals.date?.0),
    };
    (!asked.is_zero()).then_some(asked)
}
