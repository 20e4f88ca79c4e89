//! A limit learned by counting, where successful answers carry no `X-RateLimit-Remaining`.
//!
//! What was accepted before a refusal is the quota; how long it takes until requests are let through again, seen from
//! the oldest of them, is the window. From then on no span as long as the window holds more than the quota, counted at
//! this end: a request leaves once the one a quota before it was answered a window ago. Every kind of limiter bears
//! that, a sliding log as well as a window or a token bucket, and none of them refuses anything any more.
//!
//! A second refusal corrects the window, or shows that refused requests count as well; until then few are in flight
//! where they might. After some clean windows a little more is tried, for the quota may have been shared when it was
//! counted.

use std::{collections::VecDeque, time::Duration};

use super::{LearnedFrom, LearnedLimit, Renewal, RunTime};

/// Windows that providers use; a measured one is snapped to these.
const WINDOWS_IN_SECONDS: [u64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 86400];
/// How far a measurement may be off, in seconds: two whole-second headers, one at each end.
const ROUNDING: f64 = 1.6;
/// By so much whole seconds may be late: the rounding, and the request's own travel.
const TOLD_LATE: Duration = Duration::from_millis(1100);
/// Less than this past a whole second is the request's own travel.
const CLOSE: f64 = 0.25;
/// Clean windows before a little more is tried: at first, and at most.
const CLEAN_WINDOWS: (u32, u32) = (2, 64);
/// Requests in flight after a refusal, at first.
pub(super) const AFTER_REFUSAL: usize = 4;
/// A rate is told in the server's own limit, unless that would be so many times what was seen.
const MOST_STRETCHED: f64 = 1000.0;
/// Times remembered while no quota is known.
const MOST_REMEMBERED: usize = 20_000;

/// Counts what one bucket accepts.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// What the server calls its limit.
    said: Option<u64>,
    /// What a window lets through.
    quota: Option<u64>,
    window: Option<Duration>,
    renewal: Renewal,
    /// When what counts was answered, oldest first.
    answered: VecDeque<RunTime>,
    /// When requests were refused within a window, while refusals are not known to count.
    refused: Vec<RunTime>,
    /// A refused request takes its place in the server's count.
    refusals_count: bool,
    /// Accepted since requests were last let through again.
    accepted: u64,
    reopened: Option<Reopening>,
    shut: Option<Reopening>,
    clean_since: RunTime,
    clean_needed: u32,
    tried: u64,
    /// By so much the quota was raised when more was tried.
    raised: u64,
}

/// When requests were let through again: not before, and not after.
#[derive(Debug, Clone, Copy)]
struct Reopening {
    earliest: RunTime,
    latest: RunTime,
}

/// Whether one more request fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Nothing is known.
    Unknown,
    /// It fits.
    Free,
    /// Not before.
    At(RunTime),
    /// Not before something in flight is back.
    AfterAnswer,
}

impl Tally {
    /// Begins with what another run found out.
    pub(super) fn begin_with(&mut self, known: &LearnedLimit) {
        self.quota = Some(known.limit.max(1));
        self.said = (known.learned_from == LearnedFrom::Header).then_some(known.limit);
        self.window = known.window;
        self.renewal = known.renewal;
    }

    /// Whether one more request fits beside `in_flight` others, where `reserve` per cent of the quota are left to others.
    pub(super) fn room(&mut self, now: RunTime, in_flight: usize, reserve: u8) -> Room {
        let (Some(quota), Some(window)) = (self.quota, self.window) else { return Room::Unknown };
        let allowed = to_index(quota - reserved(quota, reserve));
        let left = self.out_of(window, now);
        let counted = self.answered.len() - left;
        if in_flight >= self.caution() {
            return Room::AfterAnswer;
        }
        if counted + in_flight < allowed {
            // If refusals count as well, there is no room any more.
            let doubtful = counted + in_flight + self.refused_since(window, now) >= allowed;
            return if doubtful && in_flight >= AFTER_REFUSAL { Room::AfterAnswer } else { Room::Free };
        }
        if self.explores(now, window) && in_flight == 0 && counted < allowed + to_index(self.tried) {
            return Room::Free;
        }
        let too_many = counted + in_flight + 1 - allowed;
        match self.answered.get(left + too_many - 1) {
            Some(&at) => Room::At(at + window),
            None => Room::AfterAnswer,
        }
    }

    /// How many of those accepted are not counted any more: they were answered a window ago.
    fn out_of(&self, window: Duration, now: RunTime) -> usize {
        self.answered.partition_point(|&at| at + window <= now)
    }

    /// How many were refused within a window that may count or not.
    fn refused_since(&self, window: Duration, now: RunTime) -> usize {
        self.refused.iter().filter(|&&at| at + window > now).count()
    }

    /// When the window lets the next request through, by what has been counted, if `quota` in `window` is the limit.
    pub(super) fn opens(&self, quota: u64, window: Duration) -> Option<RunTime> {
        let oldest = self.answered.len().checked_sub(to_index(quota))?;
        Some(*self.answered.get(oldest)? + window)
    }

    /// How many may be in flight: few, until what was learned from a refusal has been seen to hold.
    fn caution(&self) -> usize {
        match (self.reopened, self.quota) {
            (Some(_), Some(quota)) if self.accepted < quota => AFTER_REFUSAL + to_index(self.accepted / 8),
            _ => usize::MAX,
        }
    }

    fn explores(&mut self, now: RunTime, window: Duration) -> bool {
        if self.tried == 0 && self.quota < self.said.or(Some(u64::MAX)) {
            let needed = self.clean_needed.max(CLEAN_WINDOWS.0);
            if now.since(self.clean_since) >= window.saturating_mul(needed) {
                let untried = |quota| self.said.map_or(u64::MAX, |said| said.saturating_sub(quota));
                self.tried = self.quota.map_or(0, |quota| (quota / 8).max(1).min(untried(quota)));
            }
        }
        self.tried > 0
    }

    /// What is left of the quota now, where that is known.
    pub(super) fn left(&self, now: RunTime, in_flight: usize, reserve: u8) -> Option<u64> {
        let (quota, window) = (self.quota?, self.window?);
        let counted = self.answered.len() - self.out_of(window, now);
        let allowed = quota - reserved(quota, reserve);
        Some(allowed.saturating_sub((counted + in_flight) as u64))
    }

    pub(super) fn quota(&self) -> Option<u64> {
        self.quota
    }

    pub(super) fn window(&self) -> Option<Duration> {
        self.window
    }

    /// When the oldest of what is counted leaves.
    pub(super) fn renews_at(&self, now: RunTime) -> Option<RunTime> {
        let window = self.window?;
        let left = self.out_of(window, now);
        self.answered.get(left).map(|&at| at + window)
    }

    /// A request was accepted; the answer came at `now`.
    pub(super) fn accepted(&mut self, now: RunTime) {
        self.accepted += 1;
        self.answered.push_back(now);
        let most = self.quota.map_or(MOST_REMEMBERED, |quota| to_index(quota + self.tried).max(1));
        while self.answered.len() > most {
            self.answered.pop_front();
        }
        if self.tried > 0
            && let (Some(quota), Some(window)) = (self.quota, self.window)
        {
            let counted = self.answered.len() - self.out_of(window, now);
            if counted >= to_index(quota + self.tried) {
                // More was tried and nothing was refused: that is the quota now.
                self.quota = Some(quota + self.tried);
                self.raised = self.tried;
                self.clean_again(now, self.clean_needed.max(1));
            }
        }
    }

    /// Twice as many clean windows as before, until more is tried again.
    fn more_clean_needed(&self) -> u32 {
        (self.clean_needed.max(CLEAN_WINDOWS.0) * 2).min(CLEAN_WINDOWS.1)
    }

    fn clean_again(&mut self, now: RunTime, needed: u32) {
        self.tried = 0;
        self.clean_since = now;
        self.clean_needed = needed;
    }

    /// A request that left at `sent` was refused at `now`: requests may leave again at `said`, and the limit is `limit`, if
    /// the server said so.
    pub(super) fn refused(&mut self, sent: RunTime, now: RunTime, said: Option<RunTime>, limit: Option<u64>) {
        if let Some(limit) = limit {
            if self.said != Some(limit) {
                self.quota = Some(limit.max(1));
            }
            self.said = Some(limit.max(1));
        }
        if self.refusals_count {
            self.answered.push_back(now);
        } else {
            self.refused.push(now);
        }
        let earliest = said.unwrap_or(sent);
        let latest = said.unwrap_or(RunTime::from_start(Duration::MAX));
        let shut = self.shut.get_or_insert(Reopening { earliest, latest });
        shut.earliest = shut.earliest.max(earliest);
        shut.latest = if said.is_some() { latest.max(shut.earliest) } else { latest };
        if self.tried > 0 {
            // Nothing new: just so much is let through.
            self.clean_again(now, self.more_clean_needed());
            self.shut = None;
        } else {
            self.clean_since = now;
        }
    }

    /// The first request after a pause was let through, at `now`.
    pub(super) fn let_through(&mut self, now: RunTime) {
        let Some(shut) = self.shut.take() else { return };
        let reopening = Reopening { latest: shut.latest.min(now), ..shut };
        // Where nothing was accepted since the last refusal, that pause was too short: no window lies between.
        if self.accepted > 0 {
            match self.reopened {
                None => self.first_window(reopening),
                Some(before) => self.another_window(before, reopening),
            }
        }
        self.count_refusals(now);
        self.accepted = 0;
        self.reopened = Some(reopening);
        self.clean_since = now;
    }

    /// Those refused within a window take their places, if that is known to be so, or are remembered in case it is.
    fn count_refusals(&mut self, now: RunTime) {
        if self.refusals_count && !self.refused.is_empty() {
            self.answered.extend(self.refused.drain(..));
            self.answered.make_contiguous().sort_unstable();
        }
        if let Some(window) = self.window {
            self.refused.retain(|&at| at + window > now);
        }
    }

    fn first_window(&mut self, reopening: Reopening) {
        let quota = *self.quota.get_or_insert(self.accepted);
        if self.window.is_none()
            && let Some(&oldest) = self
                .answered
                .get(self.answered.len().saturating_sub(to_index(quota)))
                .or(self.answered.front())
        {
            let shortest = reopening.earliest.since(oldest);
            self.window = Some(within(shortest, reopening.latest.since(oldest)));
        }
    }

    fn another_window(&mut self, before: Reopening, reopening: Reopening) {
        let shortest = reopening.earliest.since(before.latest);
        let longest = reopening.latest.since(before.earliest);
        // Where the window that was meant is what has just been refused, it was not meant.
        let meant = within(shortest, longest);
        let measured = if self.window.is_some_and(|known| known >= meant) { snap(longest) } else { meant };
        let quota = *self.quota.get_or_insert(self.accepted);
        if self.accepted.saturating_mul(5) >= quota.saturating_mul(6) {
            self.refused_in_a_flow(quota, measured);
        } else if self.accepted.saturating_mul(10) >= quota.saturating_mul(9) {
            // A whole quota was let through and no more: the window is longer than it was thought to be.
            self.quota = Some(self.said.unwrap_or(self.accepted.max(quota)));
            self.window = Some(self.window.map_or(measured, |known| known.max(measured)));
        } else if self.window.is_some_and(|window| self.accepted_faster_than(quota, window, measured)) {
            // That so much comes back so soon is not what a refusal shows. Something else takes the rest: refusals first.
            if self.refusals_count {
                self.quota = Some(quota.saturating_sub((quota / 16).max(1)).max(1));
            }
            self.refusals_count = true;
        } else {
            // What is spent comes back bit by bit, or others have taken the rest: this is what was let through.
            self.quota = Some(self.accepted);
            self.window = Some(measured);
            self.renewal = Renewal::Steadily;
        }
    }

    /// Whether what was accepted in `span` is more than `quota` in `window` makes of it.
    fn accepted_faster_than(&self, quota: u64, window: Duration, span: Duration) -> bool {
        ratio(self.accepted, quota) * window.as_secs_f64() > span.as_secs_f64()
    }

    /// Refused after windows that were let through: what was tried with success was an accident, or others spend more.
    fn refused_in_a_flow(&mut self, quota: u64, span: Duration) {
        let soon = self.window.is_some_and(|window| span < window * 4);
        let less = match self.raised {
            0 if soon => (quota / 16).max(1),
            raised => raised,
        };
        self.quota = Some(quota.saturating_sub(less).max(1));
        if self.raised > 0 {
            self.raised = 0;
            self.clean_needed = self.more_clean_needed();
        }
    }

    pub(super) fn learned(&self, bucket: &str) -> Option<LearnedLimit> {
        let quota = self.quota?;
        let limit = self.said.unwrap_or(quota);
        let window = self.window.map(|window| {
            if limit == quota {
                window
            } else {
                snap(window.mul_f64(ratio(limit, quota).min(MOST_STRETCHED)))
            }
        });
        Some(LearnedLimit {
            bucket: bucket.to_owned(),
            limit,
            window,
            renewal: self.renewal,
            learned_from: if self.said.is_some() { LearnedFrom::Header } else { LearnedFrom::Refusals },
        })
    }
}

/// How much of a limit is left to others.
pub(super) fn reserved(limit: u64, reserve: u8) -> u64 {
    (limit.saturating_mul(u64::from(reserve)) / 100).min(limit.saturating_sub(1))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn to_index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Windows that providers use, the shortest first.
pub(super) fn usual_windows() -> impl Iterator<Item = Duration> {
    WINDOWS_IN_SECONDS.into_iter().map(Duration::from_secs)
}

/// The window that lies between these two lengths: a usual one nearest their middle, if there is one.
fn within(shortest: Duration, longest: Duration) -> Duration {
    let middle = (shortest.as_secs_f64().max(0.5) * longest.as_secs_f64().max(0.5)).sqrt();
    if longest.saturating_sub(shortest).as_secs_f64() <= ROUNDING {
        // Whole seconds are told late, never early: a usual window that much shorter was meant.
        let told_late = usual_windows().filter(|&usual| usual <= longest && usual + TOLD_LATE >= longest);
        return told_late.max().unwrap_or_else(|| snap(longest));
    }
    let usual = usual_windows();
    let near = |window: &Duration| (window.as_secs_f64() / middle).ln().abs();
    usual
        .filter(|window| (shortest..=longest).contains(window))
        .min_by(|one, other| near(one).total_cmp(&near(other)))
        .unwrap_or_else(|| snap(longest))
}

/// The window that was meant by a measured one, which whole-second headers put up to a second off.
///
/// A usual window that is near enough; else whole seconds, rather more than fewer: too short a window costs a refusal.
pub(super) fn snap(measured: Duration) -> Duration {
    let seconds = measured.as_secs_f64();
    let near_enough = ROUNDING.min(seconds / 10.0);
    let usual = usual_windows();
    usual
        .min_by_key(|window| window.abs_diff(measured))
        .filter(|window| window.abs_diff(measured).as_secs_f64() <= near_enough)
        .unwrap_or_else(|| Duration::from_secs_f64((seconds - CLOSE).ceil().max(1.0)))
}
