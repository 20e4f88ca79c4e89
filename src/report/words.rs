//! Statuses in plain words.
//!
//! A report row shows why a target or a step is not `ok` in words that say what to believe: whether it ran, and
//! what rollcall did about it. The machine-readable reasons stay beside them in JSON. The words may hold remote
//! text; making it inert and hiding secrets is left to the formats.

use std::{borrow::Cow, fmt::Write as _};

use crate::engine::{Ran, Reason, Status, StepResult, TargetResult};

/// What is known of a target or a step, as far as words for it need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending<'a> {
    status: Status,
    reason: Option<Reason>,
    message: Option<&'a str>,
    ran: Ran,
    exit_code: Option<i64>,
    signal: Option<i64>,
}

impl<'a> From<&'a StepResult> for Ending<'a> {
    fn from(step: &'a StepResult) -> Self {
        Self {
            status: step.status,
            reason: step.reason,
            message: step.message.as_deref(),
            ran: step.ran,
            exit_code: step.exit_code,
            signal: step.signal,
        }
    }
}

impl<'a> From<&'a TargetResult> for Ending<'a> {
    fn from(target: &'a TargetResult) -> Self {
        let telling = target.telling_step();
        Self {
            status: target.status,
            reason: target.reason,
            message: target.message.as_deref(),
            ran: target.ran,
            exit_code: telling.and_then(|step| step.exit_code),
            signal: telling.and_then(|step| step.signal),
        }
    }
}

impl<'a> Ending<'a> {
    /// Why it ended so; empty where the status says it all.
    ///
    /// | status | words |
    /// |---|---|
    /// | `failed` | the exit code or the signal |
    /// | `unknown` | whether it ran, what went wrong, that it was not sent again |
    /// | `timed_out` | that it may be running still |
    /// | `unavailable` | the reason's word, then what the API or the network said |
    /// | others | the message, or else what the reason means |
    pub(super) fn words(self) -> Cow<'a, str> {
        match self.status {
            Status::Ok => Cow::Borrowed(""),
            Status::Failed => Cow::Owned(self.end()),
            Status::Unknown => self.unknown(),
            Status::TimedOut => Cow::Borrowed("no end within its time limit; may still be running"),
            Status::Unavailable => match self.reason {
                Some(reason) => {
                    let words = self.message.unwrap_or_else(|| meaning(reason));
                    Cow::Owned(format!("{reason}: {words}"))
                }
                None => self.message_or("not available"),
            },
            Status::Running => {
                Cow::Borrowed(self.message.unwrap_or("still running when rollcall stopped watching"))
            }
            Status::CheckFailed => self.message_or("an expectation does not hold"),
            Status::Refused => self.message_or("the API said no"),
            Status::Cancelled => self.message_or("not started: the run was interrupted"),
            Status::Skipped => self.message_or("not started"),
        }
    }

    /// `exit 3`, or the signal that ended it.
    fn end(self) -> String {
        match (self.exit_code, self.signal) {
            (Some(code), _) => format!("exit {code}"),
            (None, Some(signal)) => match signal_name(signal) {
                Some(name) => format!("killed by signal {signal} ({name})"),
                None => format!("killed by signal {signal}"),
            },
            (None, None) => self.message.unwrap_or("failed").to_owned(),
        }
    }

    fn unknown(self) -> Cow<'a, str> {
        let Some(reason) = self.reason else { return self.message_or("the outcome is not known") };
        // The start itself was answered badly, and the message says how, not what follows from it.
        if matches!(reason, Reason::NoReply | Reason::Http5xx | Reason::Redirect | Reason::Crashed) {
            let ran = if self.ran == Ran::Yes { "ran" } else { "maybe ran" };
            let mut words = format!("{ran}: {}", meaning(reason));
            if let Some(message) = self.message {
                write!(words, " ({message})").expect("a String takes everything");
            }
            // The engine says so in the message where an idempotent step was sent again.
            if !self.message.is_some_and(|message| message.contains("may have run up to")) {
                words.push_str("; not sent again");
            }
            return Cow::Owned(words);
        }
        match self.message {
            Some(message) if reason == Reason::PollLost => {
                Cow::Owned(format!("{} ({message})", meaning(reason)))
            }
            _ => self.message_or(meaning(reason)),
        }
    }

    fn message_or(self, otherwise: &'static str) -> Cow<'a, str> {
        Cow::Borrowed(self.message.unwrap_or_else(|| self.reason.map_or(otherwise, meaning)))
    }
}

/// What a reason means, where nobody has said more.
const fn meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::NoReply => "no answer to the start",
        Reason::Http5xx => "the start was answered with an error",
        Reason::Redirect => "the start was answered with a redirect",
        Reason::Crashed => "rollcall ended before the start was answered",
        Reason::NoPid => "started, but the answer names no process to ask about",
        Reason::ResultLost => "it ran, but its result is gone",
        Reason::PollLost => "it ran, but nobody answered when asked for its result",
        Reason::NoExitCode => "it has ended, but without an exit code",
        Reason::ResultTooLarge => "its answer is larger than rollcall reads",
        Reason::Mismatch => "the answer is about another process",
        Reason::Auth => "not started: the API no longer takes the key",
        Reason::Agent => "the guest agent does not answer",
        Reason::Gone => "the VPS is no longer there",
        Reason::ProbeFailed => "no usable answer to the question whether it can run commands",
        Reason::Unreachable => "no connection to the API",
        Reason::RateLimited => "the API let no request through",
        Reason::BadId => "its id is not safe to use",
        Reason::Api => "the API said no",
        Reason::Template => "the command could not be made for this target",
        Reason::Deadline => "not started: the run's deadline passed",
        Reason::EarlierStep => "not started: an earlier step ended so that this one must not run",
    }
}

/// The signals that end a command now and then, by their Linux numbers.
const fn signal_name(signal: i64) -> Option<&'static str> {
    Some(match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ending(status: Status, reason: Option<Reason>, message: Option<&str>, ran: Ran) -> Ending<'_> {
        Ending { status, reason, message, ran, exit_code: None, signal: None }
    }

    #[test]
    fn s5_an_ambiguous_start_says_that_it_was_not_sent_again() {
        let lost = ending(Status::Unknown, Some(Reason::NoReply), Some("connection reset"), Ran::Maybe);
        assert_eq!(lost.words(), "maybe ran: no answer to the start (connection reset); not sent again");
        let message = Some("timed out; may have run up to 3 times");
        let again = ending(Status::Unknown, Some(Reason::NoReply), message, Ran::Maybe);
        let words = "maybe ran: no answer to the start (timed out; may have run up to 3 times)";
        assert_eq!(again.words(), words);
    }

    #[test]
    fn an_end_is_named_by_its_code_or_else_its_signal() {
        let failed = ending(Status::Failed, None, None, Ran::Yes);
        assert_eq!(Ending { exit_code: Some(3), signal: Some(9), ..failed }.words(), "exit 3");
        assert_eq!(Ending { signal: Some(9), ..failed }.words(), "killed by signal 9 (SIGKILL)");
        let ntstatus = Ending { signal: Some(3_221_225_477), ..failed };
        assert_eq!(ntstatus.words(), "killed by signal 3221225477");
    }

    #[test]
    fn an_unavailable_target_names_its_reason_and_what_was_said() {
        let off = ending(Status::Unavailable, Some(Reason::Agent), Some("VM is stopped"), Ran::No);
        assert_eq!(off.words(), "agent: VM is stopped");
        let limited = ending(Status::Unavailable, Some(Reason::RateLimited), None, Ran::No);
        assert_eq!(limited.words(), "rate_limited: the API let no request through");
    }

    #[test]
    fn every_status_but_ok_has_words_of_its_own() {
        for status in Status::ALL {
            let words = ending(status, None, None, Ran::No).words().into_owned();
            assert_eq!(words.is_empty(), status == Status::Ok, "{status}: {words}");
        }
    }
}
