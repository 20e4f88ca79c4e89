//! A run before the run: the engine itself, in virtual time, against a small model of the API.
//!
//! [`rehearse`] gives the engine a run of the same shape (as many targets, starts for each, batches and pauses, the same
//! rate, reserve and connections, the same knowledge of limits and run times) and answers its requests from a model
//! ([`Api`]) in which nothing fails. So what it finds follows the engine's own policy, whatever that is. Commands are
//! numbers here; neither a text nor a real VPS takes part.
//! Kept out: which starts a target needs (`forecast`), and anything that goes wrong.

mod api;
mod gate;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;

use self::{api::Api, gate::Gate};
use super::{
    Call, CallId, Carried, Effect, Engine, Input, Listed, Reply, RunSpec, RunTimes, StartForecast,
    TargetForecast, TimeSpent,
};
use crate::{
    budget::{LearnedLimit, RunTime},
    fleet::{Selection, Selector, Vps},
    playbook::{DEFAULT_TIMEOUT, Expression, Step, Template, Vars},
};

/// How long a step is taken to last, where no run has shown it.
pub const ASSUMED_RUN_TIME: Duration = Duration::from_secs(1);
/// The targets of a larger run are not all rehearsed: so many are, and a quarter as many, and the rest is as the
/// difference: a wide one, for luck in either counts less against it.
pub(super) const MOST_TARGETS: usize = 20_000;
/// A small run is rehearsed several times, for there luck has more of a part: until so many targets took part, and at most so
/// often.
const ENOUGH_TARGETS: usize = 6000;
const MOST_TIMES: usize = 9;
/// How long a window is taken to be whose length is not known: it matters to how often commands are polled only.
const ASSUMED_WINDOW: Duration = Duration::from_mins(1);
/// Inputs for each start, at most; what is left after so many is not told.
const MOST_STEPS: usize = 1000;
/// A deadline that never comes: a rehearsal has time for the longest windows.
const NEVER: Duration = Duration::from_hours(24 * 365);

/// What a rehearsal found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rehearsed {
    /// Polls that were answered.
    pub(super) polls: u64,
    /// Requests that were told to wait (429).
    pub(super) refused: u64,
    /// Where the time went; all of it is how long the run took.
    pub(super) time: TimeSpent,
}

/// Rehearses a run of `spec` on these targets under these limits, with at most so many targets.
pub(super) fn rehearse(
    spec: &RunSpec,
    targets: &[TargetForecast],
    limits: &[LearnedLimit],
    listed: &Listed,
    most: usize,
) -> Rehearsed {
    let play = Play::new(spec, targets, limits, listed);
    let several = |targets: usize| {
        // An odd number, so that one is in the middle.
        let times = (ENOUGH_TARGETS / targets.max(1)).clamp(1, MOST_TIMES) | 1;
        Rehearsed::typical((0..times).map(|time| play.perform(targets, time)).collect())
    };
    if targets.len() <= most {
        return several(targets.len());
    }
    let (quarter, whole) = (several(most / 4), several(most));
    Rehearsed::stretched(quarter, whole, most - most / 4, targets.len() - most)
}

impl Rehearsed {
    /// What is to be expected after so many rehearsals: their requests on average, and the time of the one that took
    /// neither the longest nor the shortest. Never of none.
    fn typical(mut all: Vec<Self>) -> Self {
        let average = |of: fn(&Self) -> u64| all.iter().map(of).sum::<u64>().div_ceil(all.len() as u64);
        let (polls, refused) = (average(|one| one.polls), average(|one| one.refused));
        all.sort_by_key(|one| one.time.total());
        Self { polls, refused, time: all[all.len() / 2].time }
    }

    /// What `whole` becomes with `more` targets, where `apart` of them make the difference between `quarter` and it.
    fn stretched(quarter: Self, whole: Self, apart: usize, more: usize) -> Self {
        let span = |one: Duration, other: Duration| {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let times = more as f64 / apart.max(1) as f64;
            other + other.saturating_sub(one).mul_f64(times)
        };
        let count =
            |one: u64, other: u64| other + other.saturating_sub(one) * more as u64 / apart.max(1) as u64;
        let (one, other) = (quarter.time, whole.time);
        Self {
            polls: count(quarter.polls, whole.polls),
            refused: count(quarter.refused, whole.refused),
            time: TimeSpent {
                limit: span(one.limit, other.limit),
                rate: span(one.rate, other.rate),
                network: span(one.network, other.network),
                guests: span(one.guests, other.guests),
                pauses: span(one.pauses, other.pauses),
            },
        }
    }
}

/// Something on its way.
enum Coming {
    Arrival(CallId, Call),
    Answer(CallId, Reply),
}

/// How long requests and answers travel: half a round trip each, some more and some less, as they do.
struct Travel {
    round_trip: Duration,
    luck: StdRng,
}

impl Travel {
    fn one_way(&mut self) -> Duration {
        (self.round_trip / 2).mul_f64(self.luck.random_range(0.5..=1.5)).max(Duration::from_micros(1))
    }
}

/// All that a performance needs.
struct Play<'a> {
    spec: &'a RunSpec,
    targets: &'a [TargetForecast],
    limits: &'a [LearnedLimit],
    listed: &'a Listed,
    /// The different starts, in the order in which a target has them: each a step of its own.
    starts: Vec<Carried>,
}

impl<'a> Play<'a> {
    fn new(
        spec: &'a RunSpec,
        targets: &'a [TargetForecast],
        limits: &'a [LearnedLimit],
        listed: &'a Listed,
    ) -> Self {
        let starts = targets.iter().flat_map(|target| &target.starts);
        let starts: BTreeSet<Carried> = starts.filter_map(StartForecast::carried).collect();
        Self { spec, targets, limits, listed, starts: starts.into_iter().collect() }
    }

    /// Rehearses with so many of the targets, evenly drawn, and its own luck each time.
    fn perform(&self, count: usize, time: usize) -> Rehearsed {
        let drawn: Vec<&TargetForecast> =
            (0..count).map(|place| &self.targets[place * self.targets.len() / count]).collect();
        // Not the run's seed: the same plan twice says the same.
        let luck = time as u64;
        let gates = self.limits.iter().map(|limit| Gate::new(limit, ASSUMED_WINDOW)).collect();
        let times = |&carried: &Carried| {
            let count = drawn
                .iter()
                .filter(|target| target.starts.iter().any(|start| start.carried() == Some(carried)));
            spread(&self.run_times(carried), count.count())
        };
        let run_times = self.starts.iter().map(times).collect();
        let mut api = Api::new(self.pages(&drawn), gates, run_times, luck);
        let mut engine = Engine::new(RunSpec { seed: luck, ..self.spec(&drawn) });
        let mut travel = Travel { round_trip: self.listed.round_trip, luck: StdRng::seed_from_u64(luck) };
        let mut calendar = BTreeMap::new();
        let mut entries = 0_u64;
        let mut schedule = |calendar: &mut BTreeMap<_, _>, at: RunTime, coming: Coming| {
            entries += 1;
            calendar.insert((at, entries), coming);
        };
        let (mut now, mut input) = (RunTime::START, Input::Begin);
        let mut steps = MOST_STEPS.saturating_mul(count * self.starts.len() + 10);
        'run: while steps > 0 {
            steps -= 1;
            let mut wake_at = None;
            for effect in engine.step(now, input) {
                match effect {
                    Effect::Send { id, call, duty: _ } => {
                        schedule(&mut calendar, now + travel.one_way(), Coming::Arrival(id, call));
                    }
                    Effect::WakeAt(at) => wake_at = Some(at),
                    Effect::Finish => break 'run,
                    Effect::Ask { .. } | Effect::Tell(_) | Effect::Record(_) => {}
                }
            }
            input = loop {
                let coming = calendar.first_key_value().map(|((at, _), _)| *at);
                let Some(next) = [coming, wake_at].into_iter().flatten().min() else { break 'run };
                now = now.max(next);
                if coming != Some(next) {
                    break Input::Tick;
                }
                match calendar.pop_first() {
                    Some((_, Coming::Arrival(id, call))) => {
                        let reply = api.reply(now, &call);
                        schedule(&mut calendar, now + travel.one_way(), Coming::Answer(id, reply));
                    }
                    Some((_, Coming::Answer(call, reply))) => break Input::Answered { call, reply },
                    None => {}
                }
            };
        }
        Rehearsed { polls: api.polls, refused: api.refused, time: engine.finish(now).time }
    }

    /// The inventory: as many pages as there were, with as many of the selected ones on each.
    fn pages(&self, drawn: &[&TargetForecast]) -> Vec<Vec<Vps>> {
        let share = drawn.len() as u64 * self.listed.requests.max(1);
        let pages = usize::try_from(share.div_ceil(self.targets.len().max(1) as u64)).unwrap_or(1).max(1);
        let mut vpses = drawn.iter().enumerate().map(|(number, target)| self.vps(number, target));
        (0..pages)
            .map(|page| {
                let end = |page: usize| drawn.len() * page / pages;
                vpses.by_ref().take(end(page + 1) - end(page)).collect()
            })
            .collect()
    }

    fn vps(&self, number: usize, target: &TargetForecast) -> Vps {
        let starts = target.starts.iter().filter_map(StartForecast::carried);
        let starts: Vec<usize> = starts.filter_map(|start| self.starts.binary_search(&start).ok()).collect();
        let mut fields = serde_json::Map::new();
        fields.insert("id".to_owned(), format!("vps_{number}").into());
        fields.insert("serviceStatus".to_owned(), "active".into());
        fields.insert("powerState".to_owned(), "running".into());
        fields.insert("starts".to_owned(), json!(starts));
        Vps::new(fields)
    }

    /// A run of the same shape.
    fn spec(&self, drawn: &[&TargetForecast]) -> RunSpec {
        let steps = self.starts.iter().enumerate().map(|(number, start)| self.step(number, *start)).collect();
        // Who must see the whole inventory before the first probe does so here.
        let waits = Selector::new(self.spec.selection.clone(), Vars::default()).needs_whole_listing();
        let selection = Selection { expect: waits.then_some(drawn.len()), ..Selection::default() };
        let mut run_times = RunTimes::default();
        for (first, &carried) in self.starts.iter().enumerate() {
            run_times.insert(Carried { first, steps: 1 }, self.spec.run_times.of(carried).to_vec());
        }
        RunSpec {
            order: self.spec.order,
            concurrency: self.spec.concurrency,
            connections: self.spec.connections,
            rate: self.spec.rate,
            batches: self.spec.batches.clone(),
            pause: self.spec.pause,
            max_failures: self.spec.max_failures,
            deadline: Some(NEVER),
            reserve: self.spec.reserve,
            known: self.spec.known.clone(),
            run_times,
            ..RunSpec::new(selection, steps, 0)
        }
    }

    /// A start as a step alone: its text is its number, and it is for those that have it.
    fn step(&self, number: usize, start: Carried) -> Step {
        let for_all = self
            .targets
            .iter()
            .all(|target| target.starts.iter().any(|other| other.carried() == Some(start)));
        let when = format!("{number} in target.starts");
        Step {
            timeout: Some(self.timeout(start)),
            when: if for_all { None } else { Expression::compile(&when).ok() },
            bundle: false,
            ..Step::new(number.to_string(), Template::verbatim(number.to_string()))
        }
    }

    fn timeout(&self, start: Carried) -> Duration {
        let steps = self.spec.steps.iter().skip(start.first).take(start.steps);
        steps.map(|step| step.timeout.unwrap_or(DEFAULT_TIMEOUT)).sum()
    }

    /// How long the commands of a start may take.
    fn run_times(&self, start: Carried) -> Vec<Duration> {
        let timeout = self.timeout(start);
        let in_time = |time: Duration| time.min(timeout);
        match self.spec.run_times.of(start) {
            [] => {
                vec![in_time(ASSUMED_RUN_TIME.saturating_mul(u32::try_from(start.steps).unwrap_or(u32::MAX)))]
            }
            known => known.iter().copied().map(in_time).collect(),
        }
    }
}

/// So many run times with the distribution of those known, which are ascending: the shortest and the longest are among
/// them, once.
fn spread(known: &[Duration], count: usize) -> Vec<Duration> {
    let steps = count.saturating_sub(1).max(1);
    let last = known.len().saturating_sub(1);
    let at = |number: usize| {
        let (place, part) = (number * last / steps, (number * last) % steps);
        let (shorter, longer) = (known[place], known[(place + 1).min(last)]);
        let (part, steps) = (u32::try_from(part).unwrap_or(0), u32::try_from(steps).unwrap_or(u32::MAX));
        shorter + longer.saturating_sub(shorter) * part / steps
    };
    (0..count).map(at).collect()
}

#[cfg(test)]
mod tests;
