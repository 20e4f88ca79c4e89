//! A plan as one JSON document, for programs: every key is always there, null is "not known".

use std::{io, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    super::{Redactor, inert_json},
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
    let clean = |text: &str| redactor.text(text).into_owned();
    let (forecast, tally) = (record.forecast, record.tally);
    let requests = &forecast.requests;
    let names = |steps: &[usize]| -> Vec<String> {
        steps.iter().filter_map(|&step| record.steps.get(step)).map(|step| clean(&step.name)).collect()
    };
    let split = |start: &StartForecast| start.end.as_ref().map(|end| clean(&end.explain(record.steps)));
    let layouts: Vec<Value> = forecast
        .layouts
        .iter()
        .map(|layout| {
            let starts: Vec<Value> = layout
                .starts
                .iter()
                .map(|start| json!({ "steps": names(&start.steps), "splitAfter": split(start) }))
                .collect();
            json!({ "targets": layout.targets, "starts": starts })
        })
        .collect();
    let steps: Vec<Value> = record
        .steps
        .iter()
        .enumerate()
        .map(|(number, step)| {
            let skipped = |target: &&TargetForecast| target.skipped.contains(&number);
            json!({
                "name": clean(&step.name),
                "effects": effects(step),
                "skippedOn": forecast.targets.iter().filter(skipped).count(),
            })
        })
        .collect();
    let targets: Vec<Value> = forecast
        .targets
        .iter()
        .map(|target| {
            let starts: Vec<Value> = target
                .starts
                .iter()
                .map(|start| {
                    json!({
                        "steps": names(&start.steps),
                        "chars": start.chars,
                        "conditional": start.conditional,
                        "readsCaptures": start.reads_captures,
                        "text": start.text.as_deref().map(clean),
                    })
                })
                .collect();
            json!({
                "id": clean(target.vps.raw_id()),
                "name": clean(target.vps.name()),
                "primaryIp": target.vps.primary_ip().map(clean),
                "refused": target.refused.as_deref().map(clean),
                "skipped": names(&target.skipped),
                "starts": starts,
            })
        })
        .collect();
    let (most, scope) = match forecast.allowed {
        Allowed::All => (None, None),
        Allowed::NoneInFirstBatch => (Some(0), Some("first_batch")),
        Allowed::AtMost(most) => (Some(most), Some("run")),
    };
    let document = json!({
        "schemaVersion": SCHEMA_VERSION,
        "rollcallVersion": env!("CARGO_PKG_VERSION"),
        "playbook": {
            "name": clean(record.playbook_name),
            "path": record.playbook_path.map(clean),
            "sha256": record.playbook_sha256,
        },
        "api": { "url": clean(record.api_url) },
        "inventory": {
            "listed": tally.listed,
            "selected": forecast.targets.len(),
            "notRunning": tally.not_running,
            "notMatching": tally.not_matching,
            "excluded": tally.excluded,
            "notEvaluable": tally.not_evaluable,
            "notDrawn": tally.selected.saturating_sub(forecast.targets.len()),
            "lacking": tally.lacking.iter().map(|(field, count)| (clean(field), json!(count))).collect::<Map<_, _>>(),
        },
        "batches": forecast.batches,
        "maxFailures": { "allowed": most, "scope": scope },
        "steps": steps,
        "layouts": layouts,
        "requests": {
            "list": requests.list,
            "probe": requests.probe,
            "start": requests.start,
            "conditional": requests.conditional,
            "poll": requests.poll,
            "total": requests.total(),
        },
        "time": {
            "aboutMs": milliseconds(forecast.time.total()),
            "leastMs": milliseconds(forecast.time.least),
            "pausesMs": milliseconds(forecast.time.pauses),
            "commandsInARow": forecast.time.in_a_row,
            "limit": forecast.time.limit.as_ref().map(held_back),
        },
        "targets": targets,
    });
    inert_json::write(&document, out)
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

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
