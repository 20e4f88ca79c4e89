//! The tables of the failure model, row by row.

use super::*;
use crate::engine::{PollAnswer, Stream};

fn refused(status: u16, code: &str) -> Answer {
    Answer::Failed(Failure::Refused(Problem { status, code: Some(code.to_owned()), ..Problem::default() }))
}

fn failures() -> [(Answer, &'static str); 5] {
    let message = String::new;
    [
        (Answer::Failed(Failure::Unsent { message: message() }), "unsent"),
        (Answer::Failed(Failure::NoReply { message: message() }), "no reply"),
        (Answer::Failed(Failure::Unreadable { message: message() }), "unreadable"),
        (Answer::Failed(Failure::TooLarge), "too large"),
        (Answer::Failed(Failure::Throttled(Problem::default())), "throttled"),
    ]
}

/// Every status that an API or something in front of it may answer with, 2xx and 429 aside.
const STATUSES: [u16; 18] =
    [300, 301, 302, 307, 400, 401, 403, 404, 405, 408, 409, 410, 413, 422, 451, 500, 503, 599];

/// What a start proves: the command's `ran`, or what else follows.
fn of_start_word(answer: Answer) -> String {
    match of_start(answer) {
        StartVerdict::Accepted { pid, .. } => format!("accepted {pid}"),
        StartVerdict::Throttled => "throttled".to_owned(),
        StartVerdict::Unsent(_) => "unsent".to_owned(),
        StartVerdict::Unrecorded(_) => "unrecorded".to_owned(),
        StartVerdict::Refused(_) => "refused".to_owned(),
        StartVerdict::Denied(_) => "denied".to_owned(),
        StartVerdict::Forbidden(_) => "forbidden".to_owned(),
        StartVerdict::Ambiguous { reason, ran, .. } => format!("{reason} {ran}"),
    }
}

#[test]
fn a_status_to_a_start_proves_no_more_than_the_failure_model_says() {
    for status in STATUSES {
        let expected = match status {
            401 => "denied",
            403 => "forbidden",
            300..=399 => "redirect maybe",
            408 | 500.. => "http_5xx maybe",
            _ => "refused",
        };
        assert_eq!(of_start_word(refused(status, "vps_not_ready")), expected, "{status}");
    }
    assert_eq!(of_start_word(refused(409, "upstream_failed")), "http_5xx maybe");
    // A status outside HTTP's range proves nothing either.
    assert_eq!(of_start_word(refused(199, "")), "http_5xx maybe");
}

#[test]
fn a_failed_start_is_sent_again_only_if_it_never_left_or_was_throttled() {
    let words = failures().map(|(answer, _)| of_start_word(answer));
    assert_eq!(words, ["unsent", "no_reply maybe", "no_pid yes", "no_pid yes", "throttled"]);
}

#[test]
fn an_accepted_start_without_a_pid_ran() {
    let started = |pid| Answer::Started(Started { pid, url: None, raw: None, foreign_url: false });
    assert_eq!(of_start_word(started(Pid::new(7))), "accepted 7");
    assert_eq!(of_start_word(started(None)), "no_pid yes");
}

#[test]
fn a_probe_is_a_yes_only_when_it_says_so() {
    let word = |answer| match of_probe(answer) {
        ProbeVerdict::Available => "available".to_owned(),
        ProbeVerdict::NotAvailable(_) => "not available".to_owned(),
        ProbeVerdict::Unavailable(reason, _) => format!("unavailable {reason}"),
        ProbeVerdict::Throttled => "throttled".to_owned(),
        ProbeVerdict::Denied(_) => "denied".to_owned(),
        ProbeVerdict::Forbidden(_) => "forbidden".to_owned(),
        ProbeVerdict::Retry(reason, _) => format!("retry {reason}"),
    };
    let probed = |available| Answer::Probed(Availability { available, reason: None });
    assert_eq!((word(probed(true)).as_str(), word(probed(false)).as_str()), ("available", "not available"));
    for status in STATUSES {
        let expected = match status {
            401 => "denied",
            403 => "forbidden",
            404 | 410 => "unavailable gone",
            300..=399 | 408 | 409 | 500.. => "retry probe_failed",
            _ => "unavailable probe_failed",
        };
        assert_eq!(word(refused(status, "")), expected, "{status}");
    }
    assert_eq!(
        failures().map(|(answer, _)| word(answer)),
        [
            "retry unreachable",
            "retry probe_failed",
            "unavailable probe_failed",
            "unavailable probe_failed",
            "throttled"
        ]
    );
    assert_eq!(word(Answer::Polled(PollAnswer::Running)), "unavailable probe_failed");
}

#[test]
fn a_listing_is_read_again_only_where_that_may_help() {
    let word = |answer| match of_listing(answer) {
        ListVerdict::Page(_) => "page",
        ListVerdict::Throttled => "throttled",
        ListVerdict::Denied(_) => "denied",
        ListVerdict::BadCursor(_) => "bad cursor",
        ListVerdict::Retry(_) => "retry",
        ListVerdict::Broken(_) => "broken",
    };
    assert_eq!(word(Answer::Listed(Page::default())), "page");
    for status in STATUSES {
        let expected = match status {
            401 | 403 => "denied",
            408 | 409 | 500.. => "retry",
            _ => "broken",
        };
        assert_eq!(word(refused(status, "")), expected, "{status}");
    }
    assert_eq!(word(refused(400, "invalid_cursor")), "bad cursor");
    assert_eq!(
        failures().map(|(answer, _)| word(answer)),
        ["retry", "retry", "broken", "broken", "throttled"]
    );
}

#[test]
fn a_poll_is_asked_again_unless_its_answer_is_final() {
    let word = |answer| match of_poll(answer) {
        PollVerdict::Running => "running",
        PollVerdict::Exited(_) => "exited",
        PollVerdict::ProbeShape => "probe shape",
        PollVerdict::OtherPid => "other pid",
        PollVerdict::Throttled => "throttled",
        PollVerdict::Denied(_) => "denied",
        PollVerdict::Forbidden(_) => "forbidden",
        PollVerdict::Forgotten(_) => "forgotten",
        PollVerdict::Failing { answer_lost: true, .. } => "failing, perhaps lost",
        PollVerdict::Failing { server_error: true, .. } => "failing, 500",
        PollVerdict::Failing { .. } => "failing",
        PollVerdict::TooLarge => "too large",
    };
    for status in STATUSES {
        let expected = match status {
            401 => "denied",
            403 => "forbidden",
            400 | 404 | 410 => "forgotten",
            500 => "failing, 500",
            _ => "failing",
        };
        assert_eq!(word(refused(status, "")), expected, "{status}");
    }
    assert_eq!(
        failures().map(|(answer, _)| word(answer)),
        ["failing", "failing, perhaps lost", "failing, perhaps lost", "too large", "throttled"]
    );
    assert_eq!(word(Answer::Polled(PollAnswer::Running)), "running");
    assert_eq!(word(Answer::Polled(PollAnswer::Probe)), "probe shape");
    assert_eq!(word(Answer::Polled(PollAnswer::OtherPid)), "other pid");
    let exited =
        Exited { exit_code: Some(0), signal: None, stdout: Stream::default(), stderr: Stream::default() };
    assert_eq!(word(Answer::Polled(PollAnswer::Exited(exited))), "exited");
    // The server did not look at the pid.
    assert_eq!(word(Answer::Probed(Availability::default())), "probe shape");
}
