//! What holds of conditions, captures and expectations, and of how one step's end decides about the next.

use rollcall::{
    engine::{Ran, Reason, Status},
    playbook::{Context, Effects, Judgement, OnFailure, Vars},
};
use serde_json::json;

use crate::invariants::{Evidence, Verdict, ensure, results};

/// A step runs where its `when` holds and nowhere else.
pub(crate) fn conditions_are_obeyed(evidence: &Evidence) -> Verdict {
    let vars = Vars::default();
    for (id, target) in results(evidence) {
        let fields = target.vps.fields();
        let context = Context::of_step(&fields, &vars, &target.captured);
        for (step, result) in evidence.world.spec.steps.iter().zip(&target.steps) {
            let Some(when) = &step.when else {
                ensure(result.reason != Some(Reason::When), || {
                    format!("{} of {id} has no `when`", result.name)
                })?;
                continue;
            };
            let holds = when.judge(&context) == Judgement::Holds;
            let left_out = result.reason == Some(Reason::When);
            ensure(!(holds && left_out), || {
                format!("{} of {id} is left out, but `{}`", result.name, when.text())
            })?;
            ensure(holds || result.ran == Ran::No, || {
                format!("{} of {id} ran, but not `{}`", result.name, when.text())
            })?;
        }
    }
    Ok(())
}

/// A capture is there exactly where its step was accepted, and it is the step's own.
pub(crate) fn captures_are_their_steps_own(evidence: &Evidence) -> Verdict {
    for (id, target) in results(evidence) {
        for (step, result) in evidence.world.spec.steps.iter().zip(&target.steps) {
            let accepted = matches!(result.status, Status::Ok | Status::CheckFailed);
            for capture in &step.capture {
                let expected =
                    (accepted && capture.value.text() == "exit_code").then(|| json!(result.exit_code));
                let found = target.captured.get(&capture.name);
                ensure(found == expected.as_ref(), || format!("`{}` of {id} is {found:?}", capture.name))?;
            }
            let failed = result.checks.iter().any(|check| !check.holds);
            ensure(failed == (result.status == Status::CheckFailed), || {
                format!("{} of {id} is {}: {:?}", result.name, result.status, result.checks)
            })?;
            let texts = |text: &str| step.capture.iter().any(|capture| capture.value.text() == text);
            ensure(
                !accepted || !texts("stdout | int") || result.reason == Some(Reason::CaptureFailed),
                || format!("{} of {id} captured what is not there", result.name),
            )?;
        }
    }
    Ok(())
}

/// What ran behind a step that ends its target's run did so only because nobody could know in time.
pub(crate) fn on_failure_is_obeyed(evidence: &Evidence) -> Verdict {
    for (id, target) in results(evidence) {
        for (number, result) in target.steps.iter().enumerate() {
            let step = &evidence.world.spec.steps[number];
            let stops = match (result.status, result.reason) {
                (Status::Failed | Status::Refused, _) | (Status::TimedOut, Some(Reason::Killed)) => {
                    step.on_failure == OnFailure::Stop
                }
                _ => false,
            };
            let lost = matches!(result.status, Status::Unknown | Status::Running | Status::TimedOut)
                && result.reason != Some(Reason::Killed);
            for later in &target.steps[number + 1..] {
                let most = if stops { Ran::No } else { Ran::Maybe };
                // A marker that was cut out of the output says nothing of the steps whose markers are there.
                let told = result.reason == Some(Reason::MarkerLost);
                ensure(!(stops || lost && !told) || later.ran <= most, || {
                    format!("{} of {id} ran after {} was {}", later.name, result.name, result.status)
                })?;
            }
        }
    }
    Ok(())
}

/// Nothing is changed on a target after an expectation that does not hold there.
pub(crate) fn nothing_is_changed_after_a_failed_expectation(evidence: &Evidence) -> Verdict {
    let steps = &evidence.world.spec.steps;
    for (id, target) in results(evidence) {
        for (number, result) in target.steps.iter().enumerate() {
            let failed = result.status == Status::CheckFailed && steps[number].on_failure == OnFailure::Stop;
            let mut later = target.steps.iter().zip(steps).skip(number + 1);
            let changed = later.find(|(later, step)| step.effects == Effects::Change && later.ran != Ran::No);
            ensure(!failed || changed.is_none(), || format!("{id}: {changed:?} after {}", result.name))?;
        }
    }
    Ok(())
}

/// A marker is missed only where the script was killed.
pub(crate) fn markers_are_not_missed_where_they_are(evidence: &Evidence) -> Verdict {
    for (id, target) in results(evidence) {
        for result in target.steps.iter().filter(|step| step.reason == Some(Reason::MarkerLost)) {
            let pid = result.pid.ok_or_else(|| format!("{} of {id} without a pid", result.name))?;
            let killed =
                evidence.journal.get(&pid.number()).is_some_and(|process| process.work.signal.is_some());
            ensure(killed, || format!("{} of {id}: the script ended by itself", result.name))?;
        }
    }
    Ok(())
}
