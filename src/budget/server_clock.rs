//! Server times in the run's time.
//!
//! A `Date` header says, in whole seconds, what the server's clock read between the request's leaving and the
//! answer's arrival. Each answer therefore bounds the offset `server − run`; their intersection narrows it.

use super::{RunTime, ServerTime};

/// What is known of `server clock − run time`, in seconds.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    bounds: Option<(f64, f64)>,
}

impl ServerClock {
    /// Takes note of a `Date` in an answer to a request that left at `sent` and came back at `received`.
    pub(super) fn observe(&mut self, date: ServerTime, sent: RunTime, received: RunTime) {
        let date = date.0.as_secs_f64();
        let low = date - received.since_start().as_secs_f64();
        let high = date + 1.0 - sent.since_start().as_secs_f64();
        self.bounds = match self.bounds {
            // An empty intersection means that a clock was stepped: start over.
            Some((known_low, known_high)) if known_low.max(low) <= known_high.min(high) => {
                Some((known_low.max(low), known_high.min(high)))
            }
            Some(_) | None => Some((low, high)),
        };
    }

    /// A server time in the run's time, on the late side; `None` before the first `Date`.
    pub(super) fn run_time(&self, time: ServerTime) -> Option<RunTime> {
        let (low, _) = self.bounds?;
        let seconds = (time.0.as_secs_f64() - low).max(0.0);
        std::time::Duration::try_from_secs_f64(seconds).ok().map(RunTime::from_start)
    }
}
