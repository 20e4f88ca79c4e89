//! The sandbox's clock: time since the server started, and the wall time that it claims.
//!
//! The only file of the room that asks what time it is. It uses tokio's clock, so that a test with paused time
//! moves the server too; whatever judges time (windows, processes, freezes) is told it as a [`Duration`].

use std::{sync::Mutex, time::Duration};

use axum::http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Time since the server's start, and that start on the (skewed) wall clock.
pub(super) struct Clock {
    started: Instant,
    started_wall: Timestamp,
    /// The last `Date` header made, with its Unix second: it changes once a second, not once a request.
    date: Mutex<(i64, HeaderValue)>,
}

impl Clock {
    /// Starts the clock. `skew` is how far the server's idea of the wall time is ahead of ours.
    pub(super) fn start(skew: SignedDuration) -> Self {
        Self {
            started: Instant::now(),
            started_wall: Timestamp::now().saturating_add(skew).unwrap_or(Timestamp::UNIX_EPOCH),
            date: Mutex::new((i64::MIN, HeaderValue::from_static(""))),
        }
    }

    /// Time since the start.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// The server's wall time at `at` after its start.
    pub(super) fn wall(&self, at: Duration) -> Timestamp {
        self.started_wall.saturating_add(at).unwrap_or(Timestamp::MAX)
    }

    /// The `Date` header for an answer made at `at` (RFC 9110 §6.6.1).
    pub(super) fn date(&self, at: Duration) -> HeaderValue {
        let wall = self.wall(at);
        let Ok(mut last) = self.date.lock() else { return http_date(wall) };
        if last.0 != wall.as_second() {
            *last = (wall.as_second(), http_date(wall));
        }
        last.1.clone()
    }
}

/// A wall time as HTTP writes it, whole seconds cut.
pub(super) fn http_date(wall: Timestamp) -> HeaderValue {
    let text = wall.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_follows_virtual_time_and_the_skew() {
        let clock = Clock::start(SignedDuration::from_secs(90));
        let before = clock.wall(clock.now());
        assert!(before > Timestamp::now(), "90 s ahead of us");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(clock.now(), Duration::from_secs(5));
        assert_eq!(clock.wall(clock.now()).duration_since(before).as_secs(), 5);
    }

    #[test]
    fn a_date_is_written_as_http_wants_it() {
        let wall = "1994-11-06T08:49:37.9Z".parse().unwrap();
        assert_eq!(http_date(wall), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
