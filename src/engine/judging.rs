//! What a command that has ended says of its steps.
//!
//! An exit code is held against `accept`, captures are made and expectations judged, in this order and step by step: a later
//! one may read what an earlier one captured. The output of a bundle is taken apart first.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde_json::Map;

use super::{
    CheckResult, Ended, Exited, Intent, Ran, Reason, RememberedStart, Status, StepResult, Stream,
    TargetResult,
    ending::joined,
    run::{Engine, Slot},
    target::{Target, blank_step},
    task::{Planned, Task},
};
use crate::playbook::{
    Context, Expression, Judgement, OnFailure, Severity, Step, Vars,
    bundle::{Bundle, End, Part, Printed, Whole, take_apart},
};

/// How one step ended, and what it printed.
struct Ending {
    exited: Exited,
    /// By `timeout` in the guest, after so long.
    killed: Option<Duration>,
}

impl Engine {
    /// Makes the results of all the steps of a task that has ended. `common` holds what they share.
    pub(super) fn task_ended(&mut self, index: usize, exited: Exited, common: &StepResult) {
        let Slot::Open(target) = &mut self.slots[index] else { return };
        let task = target.task.take();
        let first = target.steps.len();
        let Some(task @ Task { marker: Some(_), .. }) = task else {
            let ending = Ending { exited, killed: None };
            self.judge(index, first, ending, common);
            return;
        };
        self.bundle_ended(index, first, task, &exited, common);
    }

    fn bundle_ended(&mut self, index: usize, first: usize, task: Task, exited: &Exited, common: &StepResult) {
        let Some(marker) = &task.marker else { return };
        // What is lost counts as cut off.
        let (stdout, stderr) = (Read::of(&exited.stdout), Read::of(&exited.stderr));
        let parts = take_apart(marker, task.sent(), stdout.printed(), stderr.printed());
        let mut parts = parts.into_iter().peekable();
        for (offset, planned) in task.steps.into_iter().enumerate() {
            let number = first + offset;
            if let Planned::Skipped(result) = planned {
                if let Slot::Open(target) = &mut self.slots[index] {
                    target.step_ended(*result, self.spec.steps.len());
                }
                continue;
            }
            let Some(part) = parts.next() else { return };
            match part.end {
                End::Exited { code, seconds } => {
                    let limit = Bundle::limit(&self.spec.steps[number]);
                    let ending = Ending {
                        killed: limit.filter(|limit| part.end.is_killed(*limit)),
                        exited: Exited {
                            exit_code: Some(code),
                            signal: None,
                            stdout: stdout.part(&part.stdout),
                            stderr: stderr.part(&part.stderr),
                        },
                    };
                    let common =
                        StepResult { duration: Some(Duration::from_secs(seconds)), ..common.clone() };
                    let stops = self.judge(index, number, ending, &common);
                    let goes_on =
                        parts.peek().is_some_and(|next| matches!(next.end, End::Exited { .. } | End::Lost));
                    if stops && !goes_on {
                        // The guest itself went no further.
                        return;
                    }
                }
                End::Lost | End::Unfinished | End::NotReached => {
                    self.lost(index, number, &part, [&stdout, &stderr], common);
                }
            }
        }
    }

    /// A step of a bundle whose marker is missing.
    fn lost(
        &mut self,
        index: usize,
        number: usize,
        part: &Part<'_>,
        [stdout, stderr]: [&Read<'_>; 2],
        common: &StepResult,
    ) {
        let (ran, message) = match part.end {
            End::Lost => {
                (Ran::Yes, "it has ended, but how is lost: its end marker was cut out of the output")
            }
            _ => (
                Ran::Maybe,
                "its end marker is missing: the script that ran it was killed, or its output cut",
            ),
        };
        let reached = part.end != End::NotReached;
        let stream = |part: &_, whole: &Read<'_>| reached.then(|| whole.part(part));
        let result = StepResult {
            reason: Some(Reason::MarkerLost),
            message: Some(message.to_owned()),
            stdout: stream(&part.stdout, stdout),
            stderr: stream(&part.stderr, stderr),
            late: common.late,
            pid: common.pid,
            ..blank_step(&self.step_names[number], Status::Unknown, ran)
        };
        if let Slot::Open(target) = &mut self.slots[index] {
            target.step_ended(result, self.spec.steps.len());
        }
    }

    /// Makes the result of one step; says whether it keeps the next ones from being run.
    fn judge(&mut self, index: usize, number: usize, ending: Ending, common: &StepResult) -> bool {
        let Slot::Open(target) = &mut self.slots[index] else { return true };
        let step = &self.spec.steps[number];
        let Ending { exited, killed } = ending;
        let mut result = StepResult {
            name: Arc::clone(&self.step_names[number]),
            exit_code: exited.exit_code,
            signal: exited.signal,
            ..common.clone()
        };
        let (status, reason, message) = verdict(step, &exited, killed);
        (result.status, result.reason) = (status, reason);
        if message.is_some() {
            result.message = joined(message, result.message.take());
        }
        if status == Status::Ok && step.is_judged() {
            weigh(target, step, &exited, &self.spec.vars, &mut result);
        }
        result.stdout = Some(exited.stdout);
        result.stderr = Some(exited.stderr);
        target.step_ended(result, self.spec.steps.len());
        !matches!(status, Status::Ok | Status::CheckFailed) && step.on_failure == OnFailure::Stop
    }
}

/// Gives the steps of a target what they printed, from what is on record of its starts.
pub fn give_back_outputs(result: &mut TargetResult, starts: &[RememberedStart]) {
    for RememberedStart { intent: Intent { first, sent, marker, .. }, ended, .. } in starts {
        let Some(Ended { exited, .. }) = ended else { continue };
        let sent = (*first..).zip(sent).filter(|(_, sent)| **sent).map(|(number, _)| number);
        let Some(marker) = marker else {
            for number in sent {
                if let Some(step) = result.steps.get_mut(number).filter(|step| step.ran != Ran::No) {
                    (step.stdout, step.stderr) = (Some(exited.stdout.clone()), Some(exited.stderr.clone()));
                }
            }
            continue;
        };
        let sent: Vec<usize> = sent.collect();
        let (stdout, stderr) = (Read::of(&exited.stdout), Read::of(&exited.stderr));
        let parts = take_apart(marker, sent.len(), stdout.printed(), stderr.printed());
        for (number, part) in sent.into_iter().zip(parts) {
            if let Some(step) = result.steps.get_mut(number)
                && step.ran != Ran::No
                && part.end != End::NotReached
            {
                step.stdout = Some(stdout.part(&part.stdout));
                step.stderr = Some(stderr.part(&part.stderr));
            }
        }
    }
}

/// What the exit says.
fn verdict(
    step: &Step,
    exited: &Exited,
    killed: Option<Duration>,
) -> (Status, Option<Reason>, Option<String>) {
    match (exited.exit_code, exited.signal, killed) {
        (_, _, Some(limit)) => {
            let message = format!("ended by `timeout` in the guest after {} s", limit.as_secs());
            (Status::TimedOut, Some(Reason::Killed), Some(message))
        }
        (Some(code), _, _) if step.accept.contains(&code) => (Status::Ok, None, None),
        (Some(code), _, _) => (Status::Failed, None, Some(format!("exit {code}"))),
        (None, Some(signal), _) => (Status::Failed, None, Some(format!("killed by signal {signal}"))),
        (None, None, _) => {
            let message = "it has ended, but the API gave no exit code".to_owned();
            (Status::Unknown, Some(Reason::NoExitCode), Some(message))
        }
    }
}

/// Makes a step's captures and judges its expectations.
fn weigh(target: &mut Target, step: &Step, exited: &Exited, vars: &Vars, result: &mut StepResult) {
    let captures = step.capture.iter().map(|capture| &capture.value);
    let conditions = step.expect.iter().map(|expectation| &expectation.condition);
    let reads_target = captures.chain(conditions).any(Expression::reads_target);
    let fields = if reads_target { target.vps.fields() } else { Cow::Owned(Map::new()) };
    let (stdout, stderr) = (whole(&exited.stdout), whole(&exited.stderr));
    let (stdout, stderr) = (stdout.as_deref(), stderr.as_deref());
    let exit_code = exited.exit_code.unwrap_or_default();
    let mut undefined = false;
    for capture in &step.capture {
        let context = Context::of_step(&fields, vars, &target.captured);
        let context = context.with_output(stdout, stderr, exit_code);
        match capture.value.value(&context) {
            Ok(value) => {
                target.captured.insert(capture.name.clone(), value);
            }
            Err(why) => {
                undefined = true;
                result.checks.push(failed(
                    Some(&capture.name),
                    step.severity,
                    format!("not captured: {why}"),
                ));
            }
        }
    }
    let context = Context::of_step(&fields, vars, &target.captured);
    let context = context.with_output(stdout, stderr, exit_code);
    for expectation in &step.expect {
        let name = expectation.name.as_deref();
        result.checks.push(match expectation.condition.judge(&context) {
            Judgement::Holds => CheckResult {
                name: name.map(Into::into),
                severity: step.severity,
                holds: true,
                message: None,
            },
            Judgement::Fails => failed(name, step.severity, expectation.condition.why_not(&context)),
            Judgement::NotEvaluable(why) => {
                undefined = true;
                let condition = expectation.condition.text();
                failed(name, step.severity, format!("`{condition}` cannot be judged: {why}"))
            }
        });
    }
    let fails = result.checks.iter().filter(|check| !check.holds);
    let Some(first) = fails.clone().next() else { return };
    let more = match fails.count() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let name = first.name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
    let message = format!("{name}{}{more}", first.message.as_deref().unwrap_or_default());
    result.status = Status::CheckFailed;
    result.reason = undefined.then_some(Reason::CaptureFailed);
    result.message = joined(Some(message), result.message.take());
}

/// A stream's text, unless something of it is missing: what is not there cannot be judged.
fn whole(stream: &Stream) -> Option<Cow<'_, str>> {
    if stream.truncated { None } else { stream.text.read().ok() }
}

fn failed(name: Option<&str>, severity: Severity, message: String) -> CheckResult {
    CheckResult { name: name.map(Into::into), severity, holds: false, message: Some(message) }
}

/// A bundle's stream, and its text.
struct Read<'a> {
    stream: &'a Stream,
    text: Cow<'a, str>,
    truncated: bool,
}

impl<'a> Read<'a> {
    fn of(stream: &'a Stream) -> Self {
        let read = stream.text.read();
        let truncated = stream.truncated || read.is_err();
        Self { stream, text: read.unwrap_or_default(), truncated }
    }

    fn printed(&self) -> Whole<'_> {
        Whole { text: &self.text, truncated: self.truncated, gap: Stream::gap }
    }

    /// The stream of one of its steps.
    fn part(&self, part: &Printed<'_>) -> Stream {
        Stream {
            text: self.stream.text.part(&self.text, part.text),
            truncated: part.cut,
            // Whose bytes they were is told by what stands for them.
            lossy: self.stream.lossy && part.text.contains(char::REPLACEMENT_CHARACTER),
        }
    }
}
