//! A limit learned by counting, where successful answers carry no `X-RateLimit-Remaining`.
//!
//! What was accepted between two refusals is the window's quota; what lies between the two times at which the
//! server let requests through again is its length. Once both are known, the quota is sent, the window's end is
//! awaited, and nothing is refused any more. After some clean windows a little more is tried, for the quota may
//! have been shared when it was counted.

use std::time::Duration;

use super::{LearnedFrom, LearnedLimit, Renewal, RunTime};

/// Windows that providers use; a measured one is snapped to these.
const WINDOWS_IN_SECONDS: [u64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 86400];
/// How far a measurement may be off, in seconds: two whole-second headers, one at each end.
const ROUNDING: f64 = 1.6;
/// Less than this past a whole second is the request's own travel.
const CLOSE: f64 = 0.25;
/// Clean windows before a little more is tried: at first, and at most.
const CLEAN_WINDOWS: (u32, u32) = (4, 64);

/// Counts what one bucket accepts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    quota: Option<u64>,
    quota_said: bool,
    window: Option<Duration>,
    reopened: Option<RunTime>,
    window_opened: RunTime,
    sent: u64,
    accepted: u64,
    clean: u32,
    clean_needed: u32,
    tried: u64,
}

impl Tally {
    /// Whether the quota of the running window is spent; if so, when the next one opens.
    pub(super) fn spent_until(&self) -> Option<RunTime> {
        let (quota, window) = (self.quota?, self.window?);
        (self.sent >= quota + self.tried).then(|| self.window_opened + window)
    }

    /// Whether the quota is known and not yet sent in the running window.
    pub(super) fn within_quota(&self) -> bool {
        self.quota.is_some_and(|quota| self.sent < quota + self.tried)
    }

    /// What is left of the running window's quota, where that is known.
    pub(super) fn left(&self) -> Option<u64> {
        Some((self.quota? + self.tried).saturating_sub(self.sent))
    }

    /// The next window has begun with a request that left at `now`.
    pub(super) fn open_window(&mut self, now: RunTime) {
        if self.window.is_some() && self.sent > 0 {
            self.clean += 1;
            if self.tried > 0 {
                // More was tried and nothing was refused: that is the quota now.
                self.quota = self.quota.map(|quota| quota + self.tried);
                self.tried = 0;
            }
            let needed = self.clean_needed.max(CLEAN_WINDOWS.0);
            if self.clean >= needed && !self.quota_said {
                self.tried = self.quota.map_or(0, |quota| (quota / 8).max(1));
                self.clean = 0;
            }
        }
        self.window_opened = now;
        self.sent = 0;
        self.accepted = 0;
    }

    pub(super) fn sent(&mut self) {
        self.sent += 1;
    }

    pub(super) fn accepted(&mut self) {
        self.accepted += 1;
    }

    /// The first refusal of an episode: when requests may leave again and what the limit is, if the server said so.
    pub(super) fn refused(&mut self, reopens: Option<RunTime>, limit: Option<u64>) {
        if let Some(limit) = limit {
            self.quota = Some(limit.max(1));
            self.quota_said = true;
        }
        // Where nothing was accepted since the last refusal, that pause was too short: no window lies between.
        let Some(reopens) = reopens.filter(|_| self.accepted > 0) else { return };
        if let Some(before) = self.reopened {
            let measured = snap(reopens.since(before));
            self.window = Some(self.window.map_or(measured, |known| known.min(measured)));
            if !self.quota_said {
                self.quota = Some(self.accepted);
            }
            if self.tried > 0 {
                self.tried = 0;
                self.clean_needed = (self.clean_needed.max(CLEAN_WINDOWS.0) * 2).min(CLEAN_WINDOWS.1);
            }
        }
        self.clean = 0;
        self.reopened = Some(reopens);
    }

    pub(super) fn learned(&self) -> Option<LearnedLimit> {
        Some(LearnedLimit {
            bucket: "default".to_owned(),
            limit: self.quota?,
            window: self.window,
            renewal: Renewal::AtOnce,
            learned_from: if self.quota_said { LearnedFrom::Header } else { LearnedFrom::Refusals },
        })
    }
}

/// The window that was meant by a measured one, which whole-second headers put up to a second off.
///
/// A usual window that is near enough; else whole seconds, rather more than fewer: too short a window costs a refusal.
pub(super) fn snap(measured: Duration) -> Duration {
    let seconds = measured.as_secs_f64();
    let near_enough = ROUNDING.min(seconds / 10.0);
    let usual = WINDOWS_IN_SECONDS.into_iter().map(Duration::from_secs);
    usual
        .min_by_key(|window| window.abs_diff(measured))
        .filter(|window| window.abs_diff(measured).as_secs_f64() <= near_enough)
        .unwrap_or_else(|| Duration::from_secs_f64((seconds - CLOSE).ceil().max(1.0)))
}
