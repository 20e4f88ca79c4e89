//! What is written down, without secrets.
//!
//! Only texts are looked at, and what is free in its form (captured values, descriptions of VPSes). A number or a word of
//! rollcall's own that happens to look like a secret tells nothing of it, and what stands in its place could not be read back.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{
    archive::Lost,
    engine::{Answer, CheckResult, Failure, Problem, Started, StepResult, Stop, TargetResult},
    fleet::{SelectionError, Tally, Vps},
    redact::Redactor,
};

/// What the listing said of a VPS, as JSON. It keeps its id, by which it is gone on with.
pub(super) fn description(redactor: &Redactor, vps: &Vps) -> Result<String, Lost> {
    if redactor.is_idle() {
        return Ok(vps.json().read()?.into_owned());
    }
    // Not in the JSON as it is: there some characters are written otherwise.
    let fields = vps.fields();
    let cleaned = fields
        .iter()
        .map(|(name, value)| (redactor.text(name).into_owned(), redactor.value(value).into_owned()));
    let mut cleaned: Map<String, Value> = cleaned.collect();
    if let (Ok(_), Some(id)) = (vps.id(), fields.get("id")) {
        cleaned.insert("id".to_owned(), id.clone());
    }
    Ok(Value::Object(cleaned).to_string())
}

/// How a selection divided the inventory. Names of fields may be anything.
pub(super) fn tally(redactor: &Redactor, tally: &Tally) -> Tally {
    let lacking = tally.lacking.iter();
    let lacking = lacking.map(|(field, count)| (redactor.text(field).into_owned(), *count));
    Tally { lacking: lacking.collect(), ..tally.clone() }
}

/// What became of a target, less its outputs, which are kept elsewhere.
pub(super) fn result(redactor: &Redactor, result: &TargetResult) -> TargetResult {
    let name = |name: &Arc<str>| Arc::from(redactor.text(name));
    let check = |check: &CheckResult| CheckResult {
        name: check.name.as_ref().map(name),
        message: text(redactor, check.message.as_ref()),
        ..check.clone()
    };
    let step = |step: &StepResult| StepResult {
        name: name(&step.name),
        message: text(redactor, step.message.as_ref()),
        checks: step.checks.iter().map(check).collect(),
        stdout: None,
        stderr: None,
        ..step.clone()
    };
    let captured = match redactor.value(&Value::Object((*result.captured).clone())).into_owned() {
        Value::Object(captured) => captured,
        _ => Map::new(),
    };
    TargetResult {
        message: text(redactor, result.message.as_ref()),
        captured: captured.into(),
        steps: result.steps.iter().map(step).collect(),
        ..result.clone()
    }
}

/// What came back for a start.
pub(super) fn answer(redactor: &Redactor, answer: &Answer) -> Answer {
    match answer {
        Answer::Started(started) => {
            Answer::Started(Started {
                // Without it polls go to the URL that rollcall makes itself.
                url: started.url.clone().filter(|url| redactor.text(&url.0) == url.0),
                raw: text(redactor, started.raw.as_ref()),
                ..started.clone()
            })
        }
        Answer::Failed(failure) => Answer::Failed(self::failure(redactor, failure)),
        Answer::Listed(_) | Answer::Probed(_) | Answer::Polled(_) => answer.clone(),
    }
}

/// Why a run stopped early.
pub(super) fn stop(redactor: &Redactor, stop: &Stop) -> Stop {
    let text = |text: &str| redactor.text(text).into_owned();
    match stop {
        Stop::Auth(problem) => Stop::Auth(self::problem(redactor, problem)),
        Stop::Inventory(why) => Stop::Inventory(text(why)),
        Stop::Store(why) => Stop::Store(text(why)),
        Stop::Selection(SelectionError::NotEvaluable { reason, candidates }) => {
            Stop::Selection(SelectionError::NotEvaluable { reason: text(reason), candidates: *candidates })
        }
        Stop::Selection(_)
        | Stop::Signal(_)
        | Stop::Declined
        | Stop::Deadline
        | Stop::Patience(_)
        | Stop::Secret(_)
        | Stop::MaxFailures { .. } => stop.clone(),
    }
}

fn failure(redactor: &Redactor, failure: &Failure) -> Failure {
    let text = |message: &str| redactor.text(message).into_owned();
    match failure {
        Failure::Unsent { message } => Failure::Unsent { message: text(message) },
        Failure::NoReply { message } => Failure::NoReply { message: text(message) },
        Failure::Unreadable { message } => Failure::Unreadable { message: text(message) },
        Failure::Unrecorded { message } => Failure::Unrecorded { message: text(message) },
        Failure::Throttled(problem) => Failure::Throttled(self::problem(redactor, problem)),
        Failure::Refused(problem) => Failure::Refused(self::problem(redactor, problem)),
        Failure::TooLarge => Failure::TooLarge,
    }
}

fn problem(redactor: &Redactor, problem: &Problem) -> Problem {
    let text = |part: &Option<String>| text(redactor, part.as_ref());
    Problem {
        code: text(&problem.code),
        title: text(&problem.title),
        detail: text(&problem.detail),
        request_id: text(&problem.request_id),
        endpoint: redactor.text(&problem.endpoint).into_owned(),
        ..*problem
    }
}

fn text(redactor: &Redactor, text: Option<&String>) -> Option<String> {
    text.map(|text| redactor.text(text).into_owned())
}
