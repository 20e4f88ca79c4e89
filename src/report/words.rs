//! The plain words for spans, reasons, limits and stops, the same in every format.

use std::{borrow::Cow, time::Duration};

use super::finding::Finding;
use crate::{
    budget::{LearnedFrom, LearnedLimit, Renewal},
    engine::{CheckResult, Problem, Ran, Reason, Status, Stop, TargetResult},
    playbook::Severity,
};

/// Characters of a step's name at the head of a sentence.
const LONGEST_NAME: usize = 40;

/// A span as people write it: `412 ms`, `10.2 s`, `2 min 5 s`, `1 h 30 min`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match span.as_millis() {
        0..1_000 => format!("{} ms", span.as_millis()),
        // Cut, not rounded: 59.96 s must not become 60.0 s.
        1_000..60_000 if span.subsec_millis() >= 100 => format!("{seconds}.{} s", span.subsec_millis() / 100),
        1_000..60_000 => format!("{seconds} s"),
        60_000..3_600_000 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ if (seconds / 60).is_multiple_of(60) => format!("{} h", seconds / 3600),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A number as people read it: `1,003`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A limit: `300 per 5 s`.
pub(crate) fn limit(requests: u64, window: Option<Duration>) -> String {
    match window {
        Some(window) => format!("{requests} per {}", span(window)),
        None => format!("{requests} a window of unknown length"),
    }
}

/// A limit and how it became known: `300 per 5 s, read from headers`.
pub(super) fn learned(learned: &LearnedLimit) -> String {
    let renewal = match learned.renewal {
        Renewal::AtOnce => "",
        Renewal::Steadily => ", refilled steadily",
    };
    let how = match learned.learned_from {
        LearnedFrom::Header => "read from headers",
        LearnedFrom::Refusals => "learned from refusals",
    };
    format!("{}{renewal}, {how}", limit(learned.limit, learned.window))
}

/// Why a target's status is what it is, in a line; `None` where the status says it all.
///
/// It may hold remote text and secrets: it is cleaned where it is shown.
pub(super) fn why(target: &TargetResult) -> Option<String> {
    let why = why_of_first(target)?;
    Some(match Finding::of(target) {
        Some(Finding { more: more @ 1.., .. }) => format!("{why} (+{more} more)"),
        _ => why,
    })
}

fn why_of_first(target: &TargetResult) -> Option<String> {
    let message = target.message.as_deref().filter(|message| !message.trim().is_empty());
    let said = || message.map(Cow::Borrowed).or_else(|| target.reason.map(|reason| meaning(reason).into()));
    match target.status {
        Status::Unknown => {
            let what = said().unwrap_or_else(|| "the outcome is not known".into());
            Some(match target.ran {
                Ran::Yes => format!("ran: {what}; what came of it is not known"),
                Ran::Maybe | Ran::No => format!("maybe ran: {what}; not sent again"),
            })
        }
        Status::TimedOut if target.reason == Some(Reason::Killed) => said().map(Cow::into_owned),
        Status::TimedOut => {
            let what = message.unwrap_or("its time limit passed");
            Some(format!("{what}; may still be running"))
        }
        Status::Running => Some(match said() {
            Some(what) => format!("still running when last seen: {what}"),
            None => "still running when last seen".to_owned(),
        }),
        Status::CheckFailed => Some(failed_check(target)),
        Status::Failed
        | Status::Refused
        | Status::Unavailable
        | Status::Cancelled
        | Status::Skipped
        | Status::Ok => match (target.reason, message) {
            (Some(reason), Some(message)) => Some(format!("{reason}: {message}")),
            (Some(reason), None) => Some(format!("{reason}: {}", meaning(reason))),
            (None, message) => message.map(str::to_owned),
        },
    }
}

/// What a failed target's message says besides how it exited, where that has a place of its own.
pub(super) fn beyond_exit(target: &TargetResult) -> Option<&str> {
    let message = target.message.as_deref()?.trim();
    let step = target.telling_step()?;
    let exit = match (step.exit_code, step.signal) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => return Some(message),
    };
    let rest = message.strip_prefix(exit.as_str()).map_or(Some(message), |rest| match rest {
        "" => None,
        rest => Some(rest.strip_prefix("; ").unwrap_or(message)),
    })?;
    Some(rest).filter(|rest| !rest.is_empty())
}

/// The failed expectation that weighs most: `warning: root disk: used < vars.threshold: 87 < 80`.
fn failed_check(target: &TargetResult) -> String {
    let Some(Finding { step, check, severity, .. }) = Finding::of(target) else {
        return target.message.clone().unwrap_or_else(|| "an expectation does not hold".to_owned());
    };
    let what = if let Some(check) = check {
        failed_check_alone(check)
    } else {
        let message = step.message.as_deref().filter(|message| !message.trim().is_empty());
        let meaning = step.reason.map_or("an expectation does not hold", meaning);
        let reason = step.reason.map_or_else(String::new, |reason| format!("{reason}: "));
        format!("{reason}{}", message.unwrap_or(meaning))
    };
    match severity {
        Severity::Error => what,
        Severity::Info | Severity::Warning => format!("{}: {what}", severity.word()),
    }
}

/// What a failed expectation says: its name, where it has one, and both sides.
pub(super) fn failed_check_alone(check: &CheckResult) -> String {
    match (check.name.as_deref(), check.message.as_deref()) {
        (Some(name), Some(message)) => format!("{name}: {message}"),
        (Some(name), None) => format!("{name}: does not hold"),
        (None, message) => message.unwrap_or("an expectation does not hold").to_owned(),
    }
}

/// A step's name at the head of a sentence: a step without a name is called by its command, which may be long.
pub(super) fn short(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]).into(),
        None => name.into(),
    }
}

/// As [`why`], after a run that stopped for a reason that it knows better than the targets which it kept from starting.
pub(super) fn why_after(target: &TargetResult, stopped: Option<&Stop>) -> Option<String> {
    match (stopped, target.reason) {
        (Some(Stop::MaxFailures { failed, allowed }), Some(reason @ Reason::MaxFailures))
            if target.message.is_none() =>
        {
            Some(format!("{reason}: stopped after {}", failures(*failed, *allowed)))
        }
        _ => why(target),
    }
}

/// `2 failures, 0 allowed`.
fn failures(failed: usize, allowed: usize) -> String {
    let ending = if failed == 1 { "" } else { "s" };
    format!("{failed} failure{ending}, {allowed} allowed")
}

fn meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::NoReply => "no answer to the start",
        Reason::Http5xx => "the start was answered by a server error, which proves nothing",
        Reason::Redirect => "the start was answered by a redirect, which is not followed",
        Reason::Crashed => "rollcall ended before the answer to the start came",
        Reason::NoPid => "the start was accepted, but its answer names no process",
        Reason::ResultLost => "the API no longer knows the process",
        Reason::PollLost => "no poll was answered until the time limit",
        Reason::NoExitCode => "it ended without a readable exit code",
        Reason::ResultTooLarge => "the answer was too large to read",
        Reason::Mismatch => "the answer is about another process",
        Reason::Auth => "the API no longer takes the key",
        Reason::Agent => "the guest agent does not answer",
        Reason::Gone => "the VPS is no longer there",
        Reason::ProbeFailed => "the probe brought no usable answer",
        Reason::Unreachable => "no connection could be made",
        Reason::RateLimited => "the API never let the request through",
        Reason::BadId => "its id is not safe to use in a URL",
        Reason::Api => "the API refused the command",
        Reason::Template => "the command could not be made for this target",
        Reason::Store => "what is started could not be written down any more",
        Reason::Secret => "a secret that it needs is no longer to be had",
        Reason::Deadline => "the run's deadline passed first",
        Reason::When => "its condition does not hold",
        Reason::MaxFailures => "the run stopped after too many failures",
        Reason::MarkerLost => "the bundle's end marker is missing (its shell was killed or its output cut)",
        Reason::Killed => "killed by `timeout` in the guest",
        Reason::CaptureFailed => "a value could not be taken from its output",
        Reason::EarlierStep => "an earlier step ended so that it must not run",
    }
}

/// The word for a kind of stop in JSON.
pub(super) fn stop_kind(stop: &Stop) -> &'static str {
    match stop {
        Stop::Signal(_) => "signal",
        Stop::Auth(_) => "auth",
        Stop::Inventory(_) => "inventory",
        Stop::Selection(_) => "selection",
        Stop::Declined => "declined",
        Stop::Deadline => "deadline",
        Stop::Patience(_) => "patience",
        Stop::Store(_) => "store",
        Stop::Secret(_) => "secret",
        Stop::MaxFailures { .. } => "max_failures",
    }
}

/// Why a run stopped, in one line. It may hold remote text and secrets.
pub(crate) fn stop(stop: &Stop) -> String {
    match stop {
        Stop::Signal(1) => "interrupted by SIGHUP: no new starts after it".to_owned(),
        Stop::Signal(2) => "interrupted by SIGINT (Ctrl-C): no new starts after it".to_owned(),
        Stop::Signal(15) => "interrupted by SIGTERM: no new starts after it".to_owned(),
        Stop::Signal(number) => format!("interrupted by signal {number}: no new starts after it"),
        Stop::Auth(problem) => {
            let what = if problem.status == 401 { "token rejected" } else { "the token may not do this" };
            format!("{what}: {} was answered {}", problem.endpoint, less_request(problem))
        }
        Stop::Inventory(why) => format!("inventory incomplete, so nothing was started: {why}"),
        Stop::Selection(error) => format!("the selection is wrong: {error}"),
        Stop::Declined => "answered no: nothing was started".to_owned(),
        Stop::Deadline => "the run's deadline passed: no new starts after it".to_owned(),
        Stop::Store(why) => {
            format!("what happens can no longer be written down, so nothing more was started: {why}")
        }
        Stop::Secret(names) => {
            format!("no longer to be had, so nothing more was started: the secret {}", names.join(", "))
        }
        Stop::Patience(Some(asked)) => {
            format!("the API asks to wait {}, longer than this run may", span(*asked))
        }
        Stop::MaxFailures { failed, allowed } => {
            format!("stopped after {}: no new starts after it", failures(*failed, *allowed))
        }
        Stop::Patience(None) => "the API asks to wait longer than this run may".to_owned(),
    }
}

/// A sentence less the request id that a problem ends with: it is another one for every target.
pub(super) fn without_request(text: &str) -> Cow<'_, str> {
    let found =
        text.split_once(" (request ").and_then(|(before, rest)| Some((before, rest.split_once(')')?.1)));
    found.map_or(Cow::Borrowed(text), |(before, after)| format!("{before}{after}").into())
}

/// The problem as it shows itself, less the request id, which has a line of its own.
fn less_request(problem: &Problem) -> Problem {
    Problem { request_id: None, ..problem.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_thousands_apart() {
        let shown = [0, 12, 999, 1_003, 12_345, 1_234_567].map(number);
        assert_eq!(shown, ["0", "12", "999", "1,003", "12,345", "1,234,567"]);
    }

    #[test]
    fn spans_read_well_at_every_size() {
        let shown = [0, 412, 999, 1_000, 3_050, 10_214, 59_960, 60_000, 125_000, 3_600_000, 5_430_000]
            .map(|ms| span(Duration::from_millis(ms)));
        let expected = [
            "0 ms",
            "412 ms",
            "999 ms",
            "1 s",
            "3 s",
            "10.2 s",
            "59.9 s",
            "1 min",
            "2 min 5 s",
            "1 h",
            "1 h 30 min",
        ];
        assert_eq!(shown, expected);
    }
}
