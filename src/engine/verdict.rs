//! What an answer means for the call it answers.
//!
//! Pure tables, a function a call: the same reply means different things to a start, which must never be sent
//! twice, and to a poll, which may be. Nothing here knows about queues, time or other targets.

use super::{
    Answer, Availability, Exited, Failure, Page, Pid, PollAnswer, PollUrl, Problem, Ran, Reason, Started,
};

/// What an answer means for the listing.
#[derive(Debug)]
pub(super) enum ListVerdict {
    Page(Page),
    Throttled,
    /// 401 or 403: the token does not do.
    Denied(Problem),
    /// The cursor is no longer good: begin again, once.
    BadCursor(String),
    Retry(String),
    Broken(String),
}

/// | answer | verdict |
/// |---|---|
/// | 401, 403 | denied: stops the run |
/// | 400 `invalid_cursor` | begin again, once |
/// | 408, 409, 5xx, no answer | retry |
/// | 3xx, other 4xx, not JSON, no list, too large | broken: stops the run |
pub(super) fn of_listing(answer: Answer) -> ListVerdict {
    match answer {
        Answer::Listed(page) => ListVerdict::Page(page),
        Answer::Failed(Failure::Throttled(_)) => ListVerdict::Throttled,
        Answer::Failed(
            Failure::Unsent { message } | Failure::NoReply { message } | Failure::Unrecorded { message },
        ) => ListVerdict::Retry(message),
        Answer::Failed(Failure::Refused(problem)) => match problem.status {
            401 | 403 => ListVerdict::Denied(problem),
            400 if problem.code.as_deref() == Some("invalid_cursor") => {
                ListVerdict::BadCursor(problem.to_string())
            }
            408 | 409 | 500.. => ListVerdict::Retry(problem.to_string()),
            _ => ListVerdict::Broken(problem.to_string()),
        },
        Answer::Failed(Failure::Unreadable { message }) => ListVerdict::Broken(message),
        Answer::Failed(Failure::TooLarge) => ListVerdict::Broken("a page is too large".to_owned()),
        Answer::Probed(_) | Answer::Started(_) | Answer::Polled(_) => {
            ListVerdict::Broken("an answer of another kind".to_owned())
        }
    }
}

/// What an answer means for a probe.
#[derive(Debug)]
pub(super) enum ProbeVerdict {
    Available,
    /// The agent says no; it is asked once more before that is believed.
    NotAvailable(String),
    /// Final.
    Unavailable(Reason, String),
    Throttled,
    Denied(Problem),
    Forbidden(Problem),
    /// To be asked again; the reason to give when that has been done often enough.
    Retry(Reason, String),
}

/// | answer | verdict |
/// |---|---|
/// | 401 / 403 | denied / forbidden |
/// | 404, 410 | gone |
/// | 408, 409, 3xx, 5xx, no answer | retry |
/// | other 4xx, not readable | `probe_failed` |
pub(super) fn of_probe(answer: Answer) -> ProbeVerdict {
    match answer {
        Answer::Probed(Availability { available: true, .. }) => ProbeVerdict::Available,
        Answer::Probed(Availability { available: false, reason }) => ProbeVerdict::NotAvailable(
            reason.unwrap_or_else(|| "the guest agent is not available".to_owned()),
        ),
        Answer::Failed(Failure::Throttled(_)) => ProbeVerdict::Throttled,
        Answer::Failed(Failure::Unsent { message } | Failure::Unrecorded { message }) => {
            ProbeVerdict::Retry(Reason::Unreachable, message)
        }
        Answer::Failed(Failure::NoReply { message }) => ProbeVerdict::Retry(Reason::ProbeFailed, message),
        Answer::Failed(Failure::Refused(problem)) => match problem.status {
            401 => ProbeVerdict::Denied(problem),
            403 => ProbeVerdict::Forbidden(problem),
            404 | 410 => ProbeVerdict::Unavailable(Reason::Gone, problem.to_string()),
            300..=399 | 408 | 409 | 500.. => ProbeVerdict::Retry(Reason::ProbeFailed, problem.to_string()),
            _ => ProbeVerdict::Unavailable(Reason::ProbeFailed, problem.to_string()),
        },
        Answer::Failed(Failure::Unreadable { message }) => {
            ProbeVerdict::Unavailable(Reason::ProbeFailed, message)
        }
        Answer::Failed(Failure::TooLarge) => {
            ProbeVerdict::Unavailable(Reason::ProbeFailed, "the answer is too large".to_owned())
        }
        Answer::Listed(_) | Answer::Started(_) | Answer::Polled(_) => {
            ProbeVerdict::Unavailable(Reason::ProbeFailed, "an answer of another kind".to_owned())
        }
    }
}

/// What an answer means for a start.
#[derive(Debug)]
pub(super) enum StartVerdict {
    Accepted {
        pid: Pid,
        url: Option<PollUrl>,
        foreign_url: bool,
    },
    Throttled,
    /// Not a byte left: the only failure after which a start is sent again.
    Unsent(String),
    /// Not a byte left, and none will: it cannot be written down.
    Unrecorded(String),
    /// The API said no; it did not start.
    Refused(Problem),
    Denied(Problem),
    Forbidden(Problem),
    /// Whether it started, or what became of it, is not known.
    Ambiguous {
        reason: Reason,
        ran: Ran,
        message: String,
    },
}

/// | answer | verdict | ran |
/// |---|---|---|
/// | 2xx with a pid | accepted | yes |
/// | 2xx without | ambiguous `no_pid` | yes |
/// | no connection | unsent | no |
/// | not written down | unrecorded | no |
/// | 429 | throttled | no |
/// | 401 / 403 | denied / forbidden | no |
/// | 4xx but 408 and 409 `upstream_failed` | refused | no |
/// | 3xx | ambiguous `redirect` | maybe |
/// | 408, 409 `upstream_failed`, 5xx | ambiguous `http_5xx` | maybe |
/// | no answer | ambiguous `no_reply` | maybe |
pub(super) fn of_start(answer: Answer) -> StartVerdict {
    let ambiguous = |reason, ran, message| StartVerdict::Ambiguous { reason, ran, message };
    match answer {
        Answer::Started(Started { pid: Some(pid), url, foreign_url, .. }) => {
            StartVerdict::Accepted { pid, url, foreign_url }
        }
        Answer::Started(Started { pid: None, raw, .. }) => {
            let raw = raw.unwrap_or_default();
            ambiguous(Reason::NoPid, Ran::Yes, format!("started, but the answer names no process: {raw}"))
        }
        Answer::Failed(Failure::Throttled(_)) => StartVerdict::Throttled,
        Answer::Failed(Failure::Unsent { message }) => StartVerdict::Unsent(message),
        Answer::Failed(Failure::Unrecorded { message }) => StartVerdict::Unrecorded(message),
        Answer::Failed(Failure::NoReply { message }) => ambiguous(Reason::NoReply, Ran::Maybe, message),
        Answer::Failed(Failure::Refused(problem)) => match problem.status {
            401 => StartVerdict::Denied(problem),
            403 => StartVerdict::Forbidden(problem),
            300..=399 => ambiguous(Reason::Redirect, Ran::Maybe, problem.to_string()),
            409 if problem.code.as_deref() == Some("upstream_failed") => {
                ambiguous(Reason::Http5xx, Ran::Maybe, problem.to_string())
            }
            400..=407 | 409..=499 => StartVerdict::Refused(problem),
            _ => ambiguous(Reason::Http5xx, Ran::Maybe, problem.to_string()),
        },
        Answer::Failed(Failure::Unreadable { message }) => ambiguous(Reason::NoPid, Ran::Yes, message),
        Answer::Failed(Failure::TooLarge) => {
            ambiguous(Reason::NoPid, Ran::Yes, "the answer is too large".to_owned())
        }
        Answer::Listed(_) | Answer::Probed(_) | Answer::Polled(_) => {
            ambiguous(Reason::NoPid, Ran::Yes, "an answer of another kind".to_owned())
        }
    }
}

/// What an answer means for a poll.
#[derive(Debug)]
pub(super) enum PollVerdict {
    Running,
    Exited(Exited),
    /// The server answered as if asked for a probe.
    ProbeShape,
    OtherPid,
    Throttled,
    Denied(Problem),
    Forbidden(Problem),
    /// The server does not know the pid (400, 404, 410).
    Forgotten(String),
    /// To be asked again.
    Failing {
        message: String,
        /// The answer may have been made and lost on its way, and with it the result.
        answer_lost: bool,
        /// It was a 500, which is how a forgotten pid can look as well.
        server_error: bool,
    },
    TooLarge,
}

pub(super) fn of_poll(answer: Answer) -> PollVerdict {
    let failing =
        |message, answer_lost, server_error| PollVerdict::Failing { message, answer_lost, server_error };
    match answer {
        Answer::Polled(PollAnswer::Running) => PollVerdict::Running,
        Answer::Polled(PollAnswer::Exited(exited)) => PollVerdict::Exited(exited),
        Answer::Polled(PollAnswer::Probe) | Answer::Probed(_) => PollVerdict::ProbeShape,
        Answer::Polled(PollAnswer::OtherPid) => PollVerdict::OtherPid,
        Answer::Failed(Failure::Throttled(_)) => PollVerdict::Throttled,
        Answer::Failed(Failure::Unsent { message } | Failure::Unrecorded { message }) => {
            failing(message, false, false)
        }
        Answer::Failed(Failure::NoReply { message } | Failure::Unreadable { message }) => {
            failing(message, true, false)
        }
        Answer::Failed(Failure::Refused(problem)) => match problem.status {
            401 => PollVerdict::Denied(problem),
            403 => PollVerdict::Forbidden(problem),
            400 | 404 | 410 => PollVerdict::Forgotten(problem.to_string()),
            status => failing(problem.to_string(), false, status == 500),
        },
        Answer::Failed(Failure::TooLarge) => PollVerdict::TooLarge,
        Answer::Listed(_) | Answer::Started(_) => {
            failing("an answer of another kind".to_owned(), false, false)
        }
    }
}

#[cfg(test)]
mod tests;
