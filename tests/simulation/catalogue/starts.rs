//! S1 to S15: the one call that changes anything.

use std::time::Duration;

use rollcall::{
    engine::{Answer, Call, EventKind, Pid, PollUrl, Started, Stop},
    playbook::OnFailure,
};

use super::script::{
    exit_code, exited, line, no_reply, only, outcome, play, play_one, refused, spec, started, starts,
    statuses, throttled, times, unreadable, unsent,
};
use crate::harness::{Account, People};

/// One target whose step may be repeated.
fn play_idempotent(told: impl FnMut(&super::script::Moment) -> Option<super::script::Say>) -> Account {
    let mut spec = spec(1);
    spec.steps[0].idempotent = true;
    play(spec, 1, &People::default(), told)
}

#[test]
fn s1_an_accepted_start_is_told_before_its_first_poll() {
    let account = play_one(|_| None);
    let told = account.told(|kind| matches!(kind, EventKind::StepStarted { pid: Some(_), .. })).unwrap();
    let polled = account.log.iter().position(|(_, seen)| {
        matches!(seen, crate::harness::Seen::Sent(_, Call::Poll { pid, .. }) if pid.number() == 4242)
    });
    assert!(told < polled.unwrap());
    assert_eq!((outcome(&account).as_str(), exit_code(&account)), ("ok yes", 0));
}

#[test]
fn s2_a_throttled_start_waits_and_is_sent_again() {
    let account = play_one(|moment| {
        (moment.is_start() && moment.nth == 0).then(|| throttled(Some(Duration::from_secs(3))))
    });
    let sent = times(&account, |call| matches!(call, Call::Start { .. }));
    assert_eq!((sent.len(), outcome(&account).as_str()), (2, "ok yes"));
    assert!(sent[1] >= sent[0] + Duration::from_secs(3), "{sent:?}");
}

#[test]
fn s3_a_refused_start_is_not_sent_again() {
    for status in [400, 404, 409, 410, 413, 415, 422] {
        let account = play_one(|moment| moment.is_start().then(|| refused(status, "blocked").into()));
        assert_eq!((outcome(&account).as_str(), starts(&account)), ("refused api no", 1), "{status}");
        assert_eq!(only(&account).message.as_deref(), Some(format!("{status} blocked").as_str()));
        assert_eq!(exit_code(&account), 3);
    }
}

#[test]
fn s4_a_start_that_never_left_is_tried_again_and_then_unreachable() {
    let account = play_one(|moment| moment.is_start().then(|| unsent().into()));
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("unavailable unreachable no", 6));
    assert_eq!(exit_code(&account), 3);
}

#[test]
fn n9_a_start_that_leaves_at_the_fourth_try_is_ok() {
    let account = play_one(|moment| (moment.is_start() && moment.nth < 3).then(|| unsent().into()));
    assert_eq!((outcome(&account).as_str(), starts(&account), exit_code(&account)), ("ok yes", 4, 0));
}

#[test]
fn s5_a_reset_after_the_request_was_written_is_unknown_and_never_sent_again() {
    let account = play_one(|moment| moment.is_start().then(|| no_reply().into()));
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("unknown no_reply maybe", 1));
    assert_eq!(exit_code(&account), 6);
}

#[test]
fn s6_no_reply_in_time_is_unknown() {
    let account = play_one(|moment| {
        moment.is_start().then(|| super::script::Say::from(no_reply()).after(Duration::from_secs(30)))
    });
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("unknown no_reply maybe", 1));
}

#[test]
fn s7_a_server_error_proves_nothing() {
    for (status, code) in [(408, ""), (409, "upstream_failed"), (500, ""), (502, ""), (503, ""), (504, "")] {
        let account = play_one(|moment| moment.is_start().then(|| refused(status, code).into()));
        assert_eq!((outcome(&account).as_str(), starts(&account)), ("unknown http_5xx maybe", 1), "{status}");
    }
}

#[test]
fn n7_a_redirected_start_is_unknown() {
    let account = play_one(|moment| moment.is_start().then(|| refused(307, "").into()));
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("unknown redirect maybe", 1));
}

#[test]
fn s8_and_s14_an_accepted_start_without_a_pid_ran_and_is_unknown() {
    for answer in [unreadable(), started(None), started(Some(0)), started(Some(1 << 53))] {
        let account = play_one(|moment| moment.is_start().then(|| answer.clone().into()));
        assert_eq!((outcome(&account).as_str(), exit_code(&account)), ("unknown no_pid yes", 6));
        assert_eq!((starts(&account), account.run.requests.poll), (1, 0));
    }
    let raw = Started { pid: None, url: None, raw: Some("{\"pid\":0}".to_owned()), foreign_url: false };
    let account = play_one(|moment| moment.is_start().then(|| Answer::Started(raw.clone()).into()));
    assert!(only(&account).message.as_ref().unwrap().contains("{\"pid\":0}"));
}

#[test]
fn s9_a_poll_url_that_is_not_ours_is_warned_of_and_not_used() {
    let foreign = Started { pid: Pid::new(9), url: None, raw: None, foreign_url: true };
    let account = play_one(|moment| moment.is_start().then(|| Answer::Started(foreign.clone()).into()));
    assert!(account.told(|kind| matches!(kind, EventKind::Warned(_))).is_some());
    assert!(account.requests.iter().any(|request| matches!(&request.call, Call::Poll { url: None, .. })));
    assert_eq!(outcome(&account), "ok yes");
}

#[test]
fn s10_a_poll_url_of_ours_is_used() {
    let ours = Some(PollUrl("/api/v2/vps/vps_0000/agent/exec?pid=9".to_owned()));
    let answer = Started { pid: Pid::new(9), url: ours.clone(), raw: None, foreign_url: false };
    let account = play_one(|moment| moment.is_start().then(|| Answer::Started(answer.clone()).into()));
    assert!(
        account
            .requests
            .iter()
            .any(|request| { matches!(&request.call, Call::Poll { url, .. } if *url == ours) })
    );
}

#[test]
fn s11_an_idempotent_step_is_sent_again_at_most_twice() {
    let account = play_idempotent(|moment| moment.is_start().then(|| no_reply().into()));
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("unknown no_reply maybe", 3));
    assert!(only(&account).message.as_ref().unwrap().ends_with("may have run up to 3 times"));
}

#[test]
fn s11_a_result_after_a_repeated_start_says_how_often_it_may_have_run() {
    let account = play_idempotent(|moment| (moment.is_start() && moment.nth == 0).then(|| no_reply().into()));
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("ok yes", 2));
    assert_eq!(only(&account).message.as_deref(), Some("may have run up to 2 times"));
}

#[test]
fn s11_a_repeated_start_that_is_refused_does_not_prove_that_the_first_never_ran() {
    for then in [refused(400, "blocked"), unsent()] {
        let account = play_idempotent(|moment| {
            moment.is_start().then(|| if moment.nth == 0 { no_reply() } else { then.clone() }.into())
        });
        assert_eq!(outcome(&account), "unknown no_reply maybe");
    }
}

#[test]
fn s11_a_signal_while_a_start_in_doubt_waits_leaves_it_unknown() {
    let mut spec = spec(1);
    spec.steps[0].idempotent = true;
    let people = People { signals: vec![(Duration::from_millis(500), 2)], confirms: None };
    let account = play(spec, 1, &people, |moment| moment.is_start().then(|| no_reply().into()));
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("unknown no_reply maybe", 1));
}

#[test]
fn s12_throttled_until_the_deadline_is_rate_limited() {
    let mut spec = spec(1);
    spec.deadline = Some(Duration::from_secs(30));
    let account = play(spec, 2, &People::default(), |moment| {
        moment.is_start().then(|| throttled(Some(Duration::from_secs(20))))
    });
    let lines: Vec<String> = account.run.targets.iter().map(|target| line(target)).collect();
    assert_eq!(lines, ["unavailable rate_limited no"; 2]);
    assert_eq!(exit_code(&account), 3);
}

#[test]
fn s12_throttled_for_an_hour_is_rate_limited() {
    let account = play_one(|moment| moment.is_start().then(|| throttled(Some(Duration::from_mins(10)))));
    assert_eq!(outcome(&account), "unavailable rate_limited no");
    assert!(account.run.duration > Duration::from_hours(1) && account.run.duration < Duration::from_hours(2));
}

#[test]
fn s13_the_first_three_starts_forbidden_end_the_run() {
    let account = play(spec(1), 20, &People::default(), |moment| {
        moment.is_start().then(|| refused(403, "forbidden").into())
    });
    assert!(matches!(&account.run.stop, Some(Stop::Auth(problem)) if problem.status == 403));
    assert_eq!(exit_code(&account), 4);
}

#[test]
fn s13_a_forbidden_start_later_on_is_refused_alone() {
    let mut spec = spec(1);
    spec.connections = 1;
    let account = play(spec, 9, &People::default(), |moment| {
        (moment.is_start() && !moment.is_to(0)).then(|| refused(403, "forbidden").into())
    });
    let refused = statuses(&account).iter().filter(|status| status.word() == "refused").count();
    assert_eq!((account.run.stop.is_none(), refused, exit_code(&account)), (true, 8, 3));
}

#[test]
fn s15_a_429_that_says_nothing_is_waited_out_with_our_own_back_off() {
    let account = play_one(|moment| (moment.is_start() && moment.nth < 5).then(|| throttled(None)));
    let sent = times(&account, |call| matches!(call, Call::Start { .. }));
    assert_eq!((sent.len(), outcome(&account).as_str()), (6, "ok yes"));
    assert!(sent.windows(2).all(|pair| pair[1] >= pair[0] + Duration::from_secs(1)), "{sent:?}");
}

#[test]
fn a_401_to_a_start_ends_the_run() {
    let account = play(spec(1), 3, &People::default(), |moment| {
        moment.is_start().then(|| refused(401, "unauthorized").into())
    });
    assert_eq!(exit_code(&account), 4);
    assert!(account.run.targets.iter().all(|target| target.ran.to_string() == "no"));
}

#[test]
fn a_failed_step_stops_its_target_or_not_as_it_says() {
    for (on_failure, expected) in
        [(OnFailure::Stop, ["failed", "skipped"]), (OnFailure::Continue, ["failed", "failed"])]
    {
        let mut spec = spec(2);
        spec.steps[0].on_failure = on_failure;
        let account = play(spec, 1, &People::default(), |moment| {
            moment.is_poll().then(|| exited(Some(1), None).into())
        });
        let words: Vec<&str> = only(&account).steps.iter().map(|step| step.status.word()).collect();
        assert_eq!((words, exit_code(&account)), (expected.to_vec(), 1));
    }
}
