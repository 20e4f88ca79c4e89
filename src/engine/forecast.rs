//! What a run would send, worked out before it sends anything.
//!
//! [`forecast`] asks the planner and the rollout that the run itself asks, so that its texts, starts and batches are the
//! run's. What only the run can know is assumed: every agent answers, every step ends well, a condition on a capture
//! holds, and a capture is a stand-in of one character in the texts that read it. Such starts and texts are marked. How many
//! polls that takes and how long, `rehearsal` finds out by running it; `cost` puts it into numbers.
//! Kept out: the listing (a run of [`Purpose::List`](super::Purpose) brings it), and what is shown of it all (`report/`).

mod cost;

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{
    Carried, RunSpec, Status,
    rollout::Rollout,
    task::{Planned, Planner},
};
use crate::{
    budget::{LearnedLimit, RunTime},
    fleet::Vps,
    playbook::{
        Expression, OnFailure, Portion, Step,
        bundle::{Break, Marker},
    },
};

pub use self::cost::{HeldBack, Limit, RequestForecast, TimeForecast};

/// What stands in a text for what a step will capture.
const STAND_IN: &str = "…";

/// What the listing showed besides the targets.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its requests.
    pub requests: u64,
    /// How long one of them took, on average.
    pub round_trip: Duration,
    /// The API's limits, as far as its answers named them.
    pub limits: Vec<LearnedLimit>,
}

/// What a run would send.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// One for each selected VPS, in the order in which they are begun.
    pub targets: Vec<TargetForecast>,
    /// The ways in which steps share requests, the most frequent first.
    pub layouts: Vec<Layout>,
    /// How many targets each batch has; empty: all at once.
    pub batches: Vec<usize>,
    /// How many targets may fail.
    pub allowed: Allowed,
    /// Requests by kind.
    pub requests: RequestForecast,
    /// How long it takes, as far as that can be said.
    pub time: TimeForecast,
}

/// What one target would be sent.
#[derive(Debug, Clone)]
pub struct TargetForecast {
    /// The target.
    pub vps: Arc<Vps>,
    /// Its starts, in order. Without any it is not even probed.
    pub starts: Vec<StartForecast>,
    /// The steps that are not for it, from 0.
    pub skipped: Vec<usize>,
    /// Why it, or a step of its, cannot be sent; may hold remote text.
    pub refused: Option<String>,
}

/// One start.
#[derive(Debug, Clone, PartialEq)]
pub struct StartForecast {
    /// The steps whose commands it carries, from 0.
    pub steps: Vec<usize>,
    /// Why the step after it has a request of its own; `None` for the last.
    pub end: Option<Break>,
    /// Length of its text in characters.
    pub chars: usize,
    /// The text, where texts are kept. The marker of a bundle is made anew in each run.
    pub text: Option<Arc<str>>,
    /// It reads captures, so that the run's own text is another.
    pub reads_captures: bool,
    /// It depends on captures whether it is sent at all.
    pub conditional: bool,
}

impl StartForecast {
    /// What it carries, as run times are kept; `None` where that is nothing.
    pub fn carried(&self) -> Option<Carried> {
        self.steps.first().map(|&first| Carried { first, steps: self.steps.len() })
    }
}

/// How steps share requests, on some of the targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Its starts, as of the first such target.
    pub starts: Vec<StartForecast>,
    /// How many targets have it.
    pub targets: usize,
}

/// How many targets may fail before no new ones are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Any number.
    All,
    /// None in the first batch, any number later.
    NoneInFirstBatch,
    /// So many over the whole run.
    AtMost(usize),
}

/// Works out what a run of `spec` on these VPSes would send. Texts are kept where `keep_texts`.
///
/// `marker` stands in the texts of bundles.
pub fn forecast(
    spec: &RunSpec,
    selected: &[Arc<Vps>],
    listed: &Listed,
    marker: &Marker,
    keep_texts: bool,
) -> Forecast {
    let assumed = Assumed::new(spec);
    let targets: Vec<TargetForecast> =
        selected.iter().map(|vps| assumed.target(vps, marker, keep_texts)).collect();
    let begun = targets.iter().filter(|target| !target.starts.is_empty()).count();
    let batches = batches(spec, selected.len(), begun);
    let (requests, time) = cost::of(spec, &targets, &batches, listed);
    Forecast {
        layouts: layouts(&targets),
        allowed: allowed(spec, selected.len()),
        batches,
        requests,
        time,
        targets,
    }
}

/// The steps as they go where all ends well.
struct Assumed<'a> {
    spec: &'a RunSpec,
    /// With conditions on captures that hold.
    steps: Vec<Step>,
    names: Vec<Arc<str>>,
    captured: Map<String, Value>,
}

impl<'a> Assumed<'a> {
    fn new(spec: &'a RunSpec) -> Self {
        let made = spec.steps.iter().flat_map(|step| &step.capture);
        Self {
            spec,
            steps: spec.steps.iter().map(with_condition_that_holds).collect(),
            names: spec.steps.iter().map(|step| Arc::from(step.name.as_str())).collect(),
            captured: made.map(|made| (made.name.clone(), STAND_IN.into())).collect(),
        }
    }

    fn target(&self, vps: &Arc<Vps>, marker: &Marker, keep_texts: bool) -> TargetForecast {
        let mut target =
            TargetForecast { vps: Arc::clone(vps), starts: Vec::new(), skipped: Vec::new(), refused: None };
        if let Err(invalid) = vps.id() {
            target.refused = Some(invalid.to_string());
            return target;
        }
        let apart = vec![false; self.steps.len()];
        let planner = Planner::new(&self.steps, &self.names, &self.spec.vars, vps, &self.captured, &[]);
        let mut number = 0;
        while number < self.steps.len() {
            match planner.obstacle(number) {
                Some(result) if result.status == Status::Skipped => target.skipped.push(number),
                Some(_) if self.reads_captures(number) => {
                    // It could not be made of stand-ins, which says nothing of what it will be made of.
                    target.starts.push(self.start(vec![number], None, String::new(), keep_texts));
                }
                Some(result) => {
                    target.refused = target.refused.or(result.message);
                    if self.steps[number].on_failure == OnFailure::Stop {
                        break;
                    }
                }
                None => match planner.task(number, false, &apart, marker.clone()) {
                    Ok((task, text, end)) => {
                        let is_sent = |&step: &usize| matches!(task.steps[step - number], Planned::Sent);
                        let (sent, skipped): (Vec<usize>, Vec<usize>) =
                            (number..number + task.steps.len()).partition(is_sent);
                        target.starts.push(self.start(sent, end, text, keep_texts));
                        target.skipped.extend(skipped);
                        number += task.steps.len();
                        continue;
                    }
                    Err(message) => {
                        target.refused = target.refused.or(Some(message));
                        break;
                    }
                },
            }
            number += 1;
        }
        target
    }

    fn start(&self, steps: Vec<usize>, end: Option<Break>, text: String, keep_texts: bool) -> StartForecast {
        let depends = |&step: &usize| {
            self.spec.steps[step].when.as_ref().is_some_and(|when| when.captures_read().next().is_some())
        };
        StartForecast {
            chars: text.chars().count(),
            reads_captures: steps.iter().any(|&step| self.reads_captures(step)),
            conditional: steps.iter().all(depends),
            text: keep_texts.then(|| text.into()),
            steps,
            end,
        }
    }

    fn reads_captures(&self, step: usize) -> bool {
        !self.spec.steps[step].run.captures_read().is_empty()
    }
}

/// The step, its `when` replaced by one that reads the same captures and holds, if it reads any.
fn with_condition_that_holds(step: &Step) -> Step {
    let read: Vec<&str> = step.when.iter().flat_map(Expression::captures_read).collect();
    let mut step = step.clone();
    if !read.is_empty() {
        let defined: Vec<String> = read.iter().map(|name| format!("{name} is defined")).collect();
        step.when = Expression::compile(&defined.join(" or ")).ok().or(step.when);
    }
    step
}

fn layouts(targets: &[TargetForecast]) -> Vec<Layout> {
    let steps = |starts: &[StartForecast]| -> Vec<Vec<usize>> {
        starts.iter().map(|start| start.steps.clone()).collect()
    };
    let mut layouts: Vec<Layout> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for target in targets.iter().filter(|target| !target.starts.is_empty()) {
        let place = *places.entry(steps(&target.starts)).or_insert_with(|| {
            layouts.push(Layout { starts: target.starts.clone(), targets: 0 });
            layouts.len() - 1
        });
        layouts[place].targets += 1;
    }
    layouts.sort_by_key(|layout| std::cmp::Reverse(layout.targets));
    layouts
}

fn batches(spec: &RunSpec, selected: usize, begun: usize) -> Vec<usize> {
    if spec.batches.is_empty() {
        return Vec::new();
    }
    let mut rollout = Rollout::new(spec.batches.clone(), Duration::ZERO, spec.max_failures);
    rollout.selected(selected);
    let mut sizes = Vec::new();
    let mut left = begun;
    while left > 0 {
        let mut size = 0;
        while size < left && rollout.has_room(RunTime::START) {
            rollout.begin();
            size += 1;
        }
        sizes.push(size);
        left -= size;
        if size == 0 || rollout.next_batch(RunTime::START).is_none() {
            break;
        }
    }
    sizes
}

fn allowed(spec: &RunSpec, selected: usize) -> Allowed {
    let first = spec.batches.first().copied().map(|portion: Portion| portion.rounded_up(selected).max(1));
    match spec.max_failures {
        Some(portion) => Allowed::AtMost(portion.rounded_down(selected)),
        None if first.is_some_and(|first| first < selected) => Allowed::NoneInFirstBatch,
        None => Allowed::All,
    }
}

#[cfg(test)]
mod tests;
