//! What the next start of a target carries: one step, or a bundle of several.
//!
//! A [`Planner`] looks at a target as it is now. Steps that need no request (their `when` does not hold, a capture that
//! they read was never made) are found here; so is how far a bundle reaches, for `playbook::bundle` knows only what can
//! be said without a target.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde_json::{Map, Value};

use super::{Ran, Reason, Status, StepResult, target::blank_step};
use crate::{
    fleet::Vps,
    playbook::{
        Context, DEFAULT_TIMEOUT, Effects, Expression, Judgement, OnFailure, Step, Vars,
        bundle::{self, Break, Bundle, Marker},
    },
};

/// What `timeout` in the guest gives a step that ignores its first signal, in addition to its limit.
const LAST_SIGNAL: Duration = Duration::from_secs(5);

/// What one start carries.
#[derive(Debug)]
pub(super) struct Task {
    /// The steps it covers, from the target's current one on.
    pub(super) steps: Vec<Planned>,
    /// By which a bundle's output is taken apart; `None`: the only step is sent as it is.
    pub(super) marker: Option<Marker>,
    /// From the accepted start until rollcall stops waiting.
    pub(super) timeout: Duration,
    /// All that is sent may be sent again.
    pub(super) idempotent: bool,
}

/// One step of a task.
#[derive(Debug)]
pub(super) enum Planned {
    /// Its command is sent.
    Sent,
    /// It is not for this target.
    Skipped(Box<StepResult>),
}

impl Planned {
    pub(super) fn is_sent(&self) -> bool {
        matches!(self, Self::Sent)
    }
}

impl Task {
    /// Steps whose command is sent.
    pub(super) fn sent(&self) -> usize {
        self.steps.iter().filter(|step| step.is_sent()).count()
    }
}

/// Plans requests for one target.
pub(super) struct Planner<'a> {
    steps: &'a [Step],
    names: &'a [Arc<str>],
    vars: &'a Vars,
    fields: Cow<'a, Map<String, Value>>,
    captured: &'a Map<String, Value>,
    results: &'a [StepResult],
}

impl<'a> Planner<'a> {
    /// For a target with these captures and results so far.
    pub(super) fn new(
        steps: &'a [Step],
        names: &'a [Arc<str>],
        vars: &'a Vars,
        vps: &'a Vps,
        captured: &'a Map<String, Value>,
        results: &'a [StepResult],
    ) -> Self {
        let reads =
            |step: &Step| step.run.reads_target() || step.when.as_ref().is_some_and(Expression::reads_target);
        let fields =
            if steps[results.len()..].iter().any(reads) { vps.fields() } else { Cow::Owned(Map::new()) };
        Self { steps, names, vars, fields, captured, results }
    }

    /// Why a step needs no request: its result.
    pub(super) fn obstacle(&self, number: usize) -> Option<StepResult> {
        self.skipped(number).or_else(|| {
            let message = self.command(number).err()?;
            let refused = blank_step(&self.names[number], Status::Refused, Ran::No);
            Some(StepResult { reason: Some(Reason::Template), message: Some(message), ..refused })
        })
    }

    fn skipped(&self, number: usize) -> Option<StepResult> {
        let step = &self.steps[number];
        let skip = |reason, message: Option<String>| {
            let skipped = blank_step(&self.names[number], Status::Skipped, Ran::No);
            Some(StepResult { reason: Some(reason), message, ..skipped })
        };
        if step.effects == Effects::Change
            && let Some((earlier, _)) = self.results.iter().zip(self.steps).find(|(result, step)| {
                result.status == Status::CheckFailed && step.on_failure == OnFailure::Stop
            })
        {
            let message = format!(
                "an expectation of \"{}\" does not hold, and this step changes something",
                earlier.name
            );
            return skip(Reason::EarlierStep, Some(message));
        }
        let read = step.when.iter().flat_map(Expression::captures_read);
        let mut read = read.chain(step.run.captures_read().iter().map(String::as_str));
        if let Some(missing) = read.find(|name| !self.captured.contains_key(*name)) {
            return skip(Reason::EarlierStep, Some(format!("`{missing}` was not captured")));
        }
        let context = Context::of_step(&self.fields, self.vars, self.captured);
        match step.when.as_ref()?.judge(&context) {
            Judgement::Holds => None,
            Judgement::Fails => skip(Reason::When, None),
            Judgement::NotEvaluable(why) => {
                skip(Reason::When, Some(format!("`when` cannot be judged: {why}")))
            }
        }
    }

    fn command(&self, number: usize) -> Result<String, String> {
        let run = &self.steps[number].run;
        run.render(&self.fields, self.captured, self.vars).map_err(|error| error.to_string())
    }

    /// The task that begins with step `first`, which has no obstacle, its text, and why it ends where it does; `None` where
    /// that is the last step.
    ///
    /// # Errors
    /// Why there is no command after all.
    pub(super) fn task(
        &self,
        first: usize,
        alone: bool,
        apart: &[bool],
        marker: Marker,
    ) -> Result<(Task, String, Option<Break>), String> {
        let command = self.command(first)?;
        let step = &self.steps[first];
        let mut bundle = Bundle::new();
        let fits = bundle.push(step, &command);
        let mut planned = vec![Planned::Sent];
        let mut end = None;
        for next in first + 1..self.steps.len() {
            if end.is_some() {
                break;
            }
            end = if alone || apart[first] || apart[next] {
                Some(Break::Refused)
            } else if !fits {
                Some(Break::TooLong)
            } else {
                bundle::breaks(self.steps, first, next).or_else(|| {
                    if let Some(skipped) = self.skipped(next) {
                        planned.push(Planned::Skipped(Box::new(skipped)));
                        return None;
                    }
                    let Ok(command) = self.command(next) else { return Some(Break::Unrenderable) };
                    if !bundle.push(&self.steps[next], &command) {
                        return Some(Break::TooLong);
                    }
                    planned.push(Planned::Sent);
                    None
                })
            };
        }
        // What was found to be skipped after the last command is found again at its turn.
        while matches!(planned.last(), Some(Planned::Skipped(_))) {
            planned.pop();
        }
        let task = self.task_of(first, planned, marker);
        let text = if task.marker.is_some() { self.text(first, &task)? } else { command };
        Ok((task, text, end))
    }

    /// A task as it was planned before: which steps from `first` on it sends, and by which marker its output is taken apart.
    pub(super) fn same_task(&self, first: usize, sent: &[bool], marker: Option<&Marker>) -> Task {
        let planned = (first..).zip(sent).map(|(number, &sent)| {
            let skipped = || {
                self.skipped(number).unwrap_or_else(|| StepResult {
                    reason: Some(Reason::When),
                    ..blank_step(&self.names[number], Status::Skipped, Ran::No)
                })
            };
            if sent { Planned::Sent } else { Planned::Skipped(Box::new(skipped())) }
        });
        let marker = marker.cloned();
        Task {
            marker: marker.clone(),
            ..self.task_of(first, planned.collect(), marker.unwrap_or(Marker::new([0, 0])))
        }
    }

    fn task_of(&self, first: usize, planned: Vec<Planned>, marker: Marker) -> Task {
        let sent: Vec<&Step> = sent(first, &planned).map(|number| &self.steps[number]).collect();
        let wrapped = sent.len() > 1 || sent.iter().any(|step| step.kill_on_timeout);
        let limit = |step: &Step| step.timeout.unwrap_or(DEFAULT_TIMEOUT);
        let timeout: Duration = sent.iter().map(|step| limit(step)).sum();
        let idempotent = sent.iter().all(|step| step.idempotent);
        let marker = wrapped.then_some(marker);
        let timeout = if wrapped { timeout + LAST_SIGNAL } else { timeout };
        Task { steps: planned, marker, timeout, idempotent }
    }

    /// The text of a task that begins with step `first`: the same whenever it is asked for.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn text(&self, first: usize, task: &Task) -> Result<String, String> {
        let Some(marker) = &task.marker else { return self.command(first) };
        let mut bundle = Bundle::new();
        for number in sent(first, &task.steps) {
            if !bundle.push(&self.steps[number], &self.command(number)?) {
                return Err("the command is too long with what `kill_on_timeout` adds to it".to_owned());
            }
        }
        Ok(bundle.text(marker))
    }
}

/// The numbers of the steps that are sent, of a task that begins with step `first`.
fn sent(first: usize, planned: &[Planned]) -> impl Iterator<Item = usize> {
    let numbered = planned.iter().enumerate().filter(|(_, step)| step.is_sent());
    numbered.map(move |(offset, _)| first + offset)
}
