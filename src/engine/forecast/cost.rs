//! What a run costs: its requests, its time, and the least that it can take.
//!
//! The starts are counted, for the planner knows them; polls, refusals and the time are those of a rehearsal. The least
//! is arithmetic, for no rehearsal can tell what a better one might do.

use std::time::Duration;

use super::{
    super::{
        TimeSpent,
        rehearsal::{self, MOST_TARGETS},
    },
    Listed, RunSpec, StartForecast, TargetForecast,
};
use crate::{
    budget::{LearnedLimit, Renewal},
    playbook::Rate,
};

/// Requests by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestForecast {
    /// Pages of the inventory.
    pub list: u64,
    /// Probes.
    pub probe: u64,
    /// Starts, those included that depend on captures.
    pub start: u64,
    /// How many of the starts depend on captures.
    pub conditional: u64,
    /// Polls, as many as in the rehearsal: at least one a start.
    pub poll: u64,
    /// Requests of any kind that the API tells to wait (429), as many as in the rehearsal.
    pub refused: u64,
}

impl RequestForecast {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.list + self.probe + self.start + self.poll + self.refused
    }
}

/// How long a run takes.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeForecast {
    /// Where the time went in the rehearsal, all of which is how long the run takes; `None` where the length of a limit's
    /// window is not known, and the requests fill more than one.
    pub spent: Option<TimeSpent>,
    /// The API's limits under which it was rehearsed.
    pub limits: Vec<LearnedLimit>,
    /// The user's ceiling.
    pub rate: Option<Rate>,
    /// What holds the requests back most; `None`: no limit is known.
    pub limit: Option<HeldBack>,
    /// What no limit and no connection shortens: requests that wait for one another, and pauses; without what the
    /// commands themselves take.
    pub least: Duration,
    /// Of that, the pauses between batches.
    pub pauses: Duration,
    /// How many commands run one after another, counting those that run beside each other once.
    pub in_a_row: usize,
    /// How long a step is taken to last, where some start's run time is not known.
    pub assumed: Option<Duration>,
}

/// How a limit holds requests back.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldBack {
    /// Which limit.
    pub limit: Limit,
    /// How many of its windows the requests fill.
    pub windows: u64,
    /// For how long, at least; `None` where the window's length is not known and they fill more than one.
    pub span: Option<Duration>,
}

/// What holds requests back.
#[derive(Debug, Clone, PartialEq)]
pub enum Limit {
    /// The API's.
    Learned(LearnedLimit),
    /// The user's own.
    Own(Rate),
}

impl TimeForecast {
    /// How long the run takes, where that can be said.
    pub fn total(&self) -> Option<Duration> {
        self.spent.map(|spent| spent.total())
    }

    /// No run takes less, under these limits and with commands that take no time.
    pub fn bound(&self) -> Duration {
        self.limit.as_ref().and_then(|held| held.span).map_or(self.least, |span| self.least.max(span))
    }
}

/// The requests and the time of a run of `spec` on these targets.
pub(super) fn of(
    spec: &RunSpec,
    targets: &[TargetForecast],
    batches: &[usize],
    listed: &Listed,
) -> (RequestForecast, TimeForecast) {
    let starts = || targets.iter().flat_map(|target| &target.starts);
    let limits = limits(spec, listed);
    let rehearsed = rehearsal::rehearse(spec, targets, &limits, listed, MOST_TARGETS);
    let requests = RequestForecast {
        list: listed.requests,
        probe: number(begun(targets)),
        start: number(starts().count()),
        conditional: number(starts().filter(|start| start.conditional).count()),
        poll: rehearsed.polls,
        refused: rehearsed.refused,
    };
    let learned = limits.iter().map(|limit| held_back(spec, targets, &requests, limit));
    let own = spec.rate.map(|rate| HeldBack {
        limit: Limit::Own(rate),
        windows: requests.total().div_ceil(u64::from(rate.requests.max(1))),
        span: Some(at_rate(rate, requests.total())),
    });
    let held: Vec<HeldBack> = learned.chain(own).collect();
    // A limit of unknown length may hold back longest of all.
    let unknown = held.iter().find(|held| held.span.is_none()).cloned();
    let known =
        |start: &StartForecast| start.carried().is_none_or(|carried| !spec.run_times.of(carried).is_empty());
    let row = InARow::of(spec, targets, batches, listed);
    let wide = requests.total().div_ceil(number(spec.connections.max(1)));
    let time = TimeForecast {
        spent: unknown.is_none().then_some(rehearsed.time),
        limit: unknown.or_else(|| held.into_iter().max_by_key(|held| held.span)),
        assumed: (!starts().all(known)).then_some(rehearsal::ASSUMED_RUN_TIME),
        rate: spec.rate,
        limits,
        least: times(listed.round_trip, row.requests.max(wide)) + row.pauses,
        pauses: row.pauses,
        in_a_row: row.commands,
    };
    (requests, time)
}

/// The limits that the run will meet. What runs found out is known more of than a listing shows (windows, limits of
/// other requests), and counts as long as the listing does not contradict it.
fn limits(spec: &RunSpec, listed: &Listed) -> Vec<LearnedLimit> {
    let known = &spec.known.limits;
    let agrees = |met: &LearnedLimit| {
        known
            .iter()
            .any(|known| known.limit == met.limit && (known.bucket == met.bucket || known.bucket == "list"))
    };
    if !listed.limits.iter().all(agrees) {
        return listed.limits.clone();
    }
    let with_window = |limit: &LearnedLimit| {
        let met = listed.limits.iter().find(|met| met.bucket == limit.bucket);
        LearnedLimit { window: limit.window.or(met.and_then(|met| met.window)), ..limit.clone() }
    };
    known.iter().map(with_window).collect()
}

fn begun(targets: &[TargetForecast]) -> usize {
    targets.iter().filter(|target| !target.starts.is_empty()).count()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// How long one of the API's limits holds requests back at least: the windows before the last, or, where requests come
/// back one by one, those beyond the first.
fn held_back(
    spec: &RunSpec,
    targets: &[TargetForecast],
    requests: &RequestForecast,
    learned: &LearnedLimit,
) -> HeldBack {
    let counted = match learned.bucket.as_str() {
        "list" => requests.list,
        "probe" => requests.probe,
        "start" => requests.start,
        "poll" => requests.poll,
        "vps" => number(targets.iter().map(|target| 1 + 2 * target.starts.len()).max().unwrap_or_default()),
        _ => requests.total(),
    };
    let limit = learned.less_reserve(spec.reserve).max(1);
    let windows = counted.div_ceil(limit);
    let span = match learned.renewal {
        // The first window is open: nothing waits for it.
        _ if windows <= 1 => Some(Duration::ZERO),
        Renewal::AtOnce => learned.window.map(|window| times(window, windows - 1)),
        Renewal::Steadily => {
            let beyond = counted - learned.limit.min(counted);
            learned.window.map(|window| times(window, beyond) / u32::try_from(limit).unwrap_or(u32::MAX))
        }
    };
    HeldBack { limit: Limit::Learned(learned.clone()), windows, span }
}

/// What waits for one another: round trips, pauses between batches, commands.
struct InARow {
    requests: u64,
    pauses: Duration,
    commands: usize,
}

impl InARow {
    fn of(spec: &RunSpec, targets: &[TargetForecast], batches: &[usize], listed: &Listed) -> Self {
        let starts = targets.iter().map(|target| target.starts.len()).max().unwrap_or_default();
        let rounds = |size: usize| size.div_ceil(spec.concurrency.unwrap_or(usize::MAX).max(1));
        let rounds: usize = if batches.is_empty() {
            rounds(begun(targets))
        } else {
            batches.iter().map(|&size| rounds(size)).sum()
        };
        Self {
            requests: listed.requests + number(rounds * (1 + 2 * starts)),
            pauses: times(spec.pause, number(batches.len().saturating_sub(1))),
            commands: rounds * starts,
        }
    }
}

/// How long the user's rate holds so many requests back: a burst leaves at once, the others as it is refilled. Source:
/// `budget/rate.rs`.
fn at_rate(rate: Rate, requests: u64) -> Duration {
    let burst = (rate.requests / 50).max(1);
    let refills = rate.requests.saturating_sub(burst).saturating_add(1);
    times(rate.window, requests.saturating_sub(u64::from(burst))) / refills
}

/// A span many times over, the longest there is where that is longer.
fn times(span: Duration, count: u64) -> Duration {
    u32::try_from(count).ok().and_then(|count| span.checked_mul(count)).unwrap_or(Duration::MAX)
}
