//! A plan as one JSON document, for programs: every key is always there, null is "not known".

use std::io;

use serde_json::{Map, Value, json};

use super::{
    super::{
        Redactor, inert_json,
        json::{Time, milliseconds},
    },
    PlanRecord,
};
use crate::{
    budget::LearnedLimit,
    engine::{Allowed, HeldBack, Limit, StartForecast, TargetForecast},
    playbook::{Effects, Step},
};

/// Raised when a key goes away or changes its meaning; a new key does not raise it.
const SCHEMA_VERSION: u32 = 1;

/// Writes the plan as one JSON document.
///
/// # Errors
/// Those of `out`.
pub fn write_plan_json(record: &PlanRecord<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let redactor = Redactor::new(record.secrets);
    inert_json::write(&Document { record, redactor: &redactor }.whole(), out)
}

struct Document<'a> {
    record: &'a PlanRecord<'a>,
    redactor: &'a Redactor,
}

impl Document<'_> {
    fn whole(&self) -> Value {
        let record = self.record;
        let forecast = record.forecast;
        let requests = &forecast.requests;
        let (most, scope) = match forecast.allowed {
            Allowed::All => (None, None),
            Allowed::NoneInFirstBatch => (Some(0), Some("first_batch")),
            Allowed::AtMost(most) => (Some(most), Some("run")),
        };
        json!({
            "schemaVersion": SCHEMA_VERSION,
            "rollcallVersion": env!("CARGO_PKG_VERSION"),
            "playbook": {
                "name": self.clean(record.playbook_name),
                "path": record.playbook_path.map(|path| self.clean(path)),
                "sha256": record.playbook_sha256,
            },
            "api": { "url": self.clean(record.api_url) },
            "inventory": self.inventory(),
            "batches": forecast.batches,
            "maxFailures": { "allowed": most, "scope": scope },
            "steps": self.steps(),
            "layouts": self.layouts(),
            "requests": {
                "list": requests.list,
                "probe": requests.probe,
                "start": requests.start,
                "conditional": requests.conditional,
                "poll": requests.poll,
                "refused": requests.refused,
                "total": requests.total(),
            },
            "time": {
                "aboutMs": forecast.time.total().map(milliseconds),
                "spent": forecast.time.spent.as_ref().map(Time::new),
                "boundMs": milliseconds(forecast.time.bound()),
                "assumedStepMs": forecast.time.assumed.map(milliseconds),
                "leastMs": milliseconds(forecast.time.least),
                "pausesMs": milliseconds(forecast.time.pauses),
                "commandsInARow": forecast.time.in_a_row,
                "limit": forecast.time.limit.as_ref().map(held_back),
            },
            "targets": forecast.targets.iter().map(|target| self.target(target)).collect::<Vec<_>>(),
        })
    }

    fn inventory(&self) -> Value {
        let tally = self.record.tally;
        let selected = self.record.forecast.targets.len();
        let lacking = tally.lacking.iter().map(|(field, count)| (self.clean(field), json!(count)));
        json!({
            "listed": tally.listed,
            "selected": selected,
            "notRunning": tally.not_running,
            "notMatching": tally.not_matching,
            "excluded": tally.excluded,
            "notEvaluable": tally.not_evaluable,
            "notDrawn": tally.selected.saturating_sub(selected),
            "lacking": lacking.collect::<Map<_, _>>(),
        })
    }

    fn steps(&self) -> Vec<Value> {
        let skipped_on = |number: usize| {
            let targets = self.record.forecast.targets.iter();
            targets.filter(|target| target.skipped.contains(&number)).count()
        };
        let steps = self.record.steps.iter().enumerate();
        let step = |(number, step): (usize, &Step)| {
            json!({
                "name": self.clean(&step.name),
                "effects": effects(step),
                "skippedOn": skipped_on(number),
            })
        };
        steps.map(step).collect()
    }

    fn layouts(&self) -> Vec<Value> {
        let start = |start: &StartForecast| {
            let split = start.end.as_ref().map(|end| self.clean(&end.explain(self.record.steps)));
            json!({ "steps": self.names(&start.steps), "splitAfter": split })
        };
        let layouts = self.record.forecast.layouts.iter();
        layouts
            .map(|layout| {
                let starts: Vec<Value> = layout.starts.iter().map(start).collect();
                json!({ "targets": layout.targets, "starts": starts })
            })
            .collect()
    }

    fn target(&self, target: &TargetForecast) -> Value {
        let start = |start: &StartForecast| {
            json!({
                "steps": self.names(&start.steps),
                "chars": start.chars,
                "conditional": start.conditional,
                "readsCaptures": start.reads_captures,
                "text": start.text.as_deref().map(|text| self.clean(text)),
            })
        };
        json!({
            "id": self.clean(target.vps.raw_id()),
            "name": self.clean(target.vps.name()),
            "primaryIp": target.vps.primary_ip().map(|ip| self.clean(ip)),
            "refused": target.refused.as_deref().map(|why| self.clean(why)),
            "skipped": self.names(&target.skipped),
            "starts": target.starts.iter().map(start).collect::<Vec<_>>(),
        })
    }

    fn clean(&self, text: &str) -> String {
        self.redactor.text(text).into_owned()
    }

    fn names(&self, steps: &[usize]) -> Vec<String> {
        let steps = steps.iter().filter_map(|&step| self.record.steps.get(step));
        steps.map(|step| self.clean(&step.name)).collect()
    }
}

fn effects(step: &Step) -> &'static str {
    match step.effects {
        Effects::Read => "read",
        Effects::Change => "change",
    }
}

fn held_back(held: &HeldBack) -> Value {
    let (limit, window, learned_from) = match &held.limit {
        Limit::Learned(LearnedLimit { limit, window, learned_from, .. }) => {
            (*limit, *window, learned_from.word())
        }
        Limit::Own(rate) => (rate.requests.into(), Some(rate.window), "user"),
    };
    json!({
        "limit": limit,
        "windowMs": window.map(milliseconds),
        "learnedFrom": learned_from,
        "windows": held.windows,
        "holdsBackMs": held.span.map(milliseconds),
    })
}
