//! L1 to L17: has it ended?

use std::time::Duration;

use rollcall::engine::{Answer, Call, Failure, PollAnswer};

use super::script::{
    exit_code, exited, no_reply, only, outcome, play, play_one, refused, running, spec, throttled, times,
    unreadable,
};
use crate::harness::{Account, People};

fn polls(account: &Account) -> Vec<Duration> {
    times(account, |call| matches!(call, Call::Poll { .. }))
}

#[test]
fn l1_running_for_a_while_and_then_0_is_ok() {
    let account = play_one(|moment| (moment.is_poll() && moment.nth < 3).then(|| running().into()));
    assert_eq!((outcome(&account).as_str(), polls(&account).len()), ("ok yes", 4));
    let step = &only(&account).steps[0];
    assert_eq!((step.exit_code, &*step.stdout.as_ref().unwrap().shown()), (Some(0), "ok\n"));
}

#[test]
fn l2_l3_l4_l14_an_end_is_judged_by_its_exit_code_alone() {
    for (exit_code, signal, expected) in [
        (Some(3), None, "failed yes"),
        (None, Some(9), "failed yes"),
        (None, None, "unknown no_exit_code yes"),
        (Some(256), None, "failed yes"),
        (Some(-1), None, "failed yes"),
        (Some(3_221_225_477), None, "failed yes"),
        (Some(0), None, "ok yes"),
    ] {
        let account = play_one(|moment| moment.is_poll().then(|| exited(exit_code, signal).into()));
        assert_eq!(outcome(&account), expected);
        let step = &only(&account).steps[0];
        assert_eq!((step.exit_code, step.signal), (exit_code, signal));
    }
}

#[test]
fn l2_an_exit_code_that_is_accepted_is_ok() {
    let mut spec = spec(1);
    spec.steps[0].accept = vec![0, 3];
    let account =
        play(spec, 1, &People::default(), |moment| moment.is_poll().then(|| exited(Some(3), None).into()));
    assert_eq!((outcome(&account).as_str(), exit_code(&account)), ("ok yes", 0));
}

#[test]
fn l5_polls_that_fail_until_the_limit_and_three_times_more_are_lost() {
    for failure in [refused(503, ""), no_reply(), refused(302, "")] {
        let account = play_one(|moment| moment.is_poll().then(|| failure.clone().into()));
        assert_eq!(outcome(&account), "unknown poll_lost yes");
        let limit = Duration::from_mins(1);
        let accepted = account.starts().next().unwrap().answer.as_ref().unwrap().0.since_start();
        let late = polls(&account).iter().filter(|&&at| at >= accepted + limit).count();
        assert_eq!((late, exit_code(&account)), (4, 6));
    }
}

#[test]
fn l5_a_failed_poll_is_tried_again() {
    let account = play_one(|moment| {
        moment.is_poll().then(|| match moment.nth {
            0 => no_reply().into(),
            1 => refused(500, "").into(),
            2 => unreadable().into(),
            _ => exited(Some(0), None).into(),
        })
    });
    assert_eq!((outcome(&account).as_str(), account.run.requests.retried), ("ok yes", 3));
}

#[test]
fn l6_and_l7_running_at_its_limit_is_timed_out() {
    let account = play_one(|moment| moment.is_poll().then(|| running().into()));
    assert_eq!((outcome(&account).as_str(), exit_code(&account)), ("timed_out yes", 1));
    let message = only(&account).message.as_ref().unwrap();
    assert!(message.contains("running still") && message.contains("background"), "{message}");
    let accepted = account.starts().next().unwrap().answer.as_ref().unwrap().0.since_start();
    assert_eq!(polls(&account).last(), Some(&(accepted + Duration::from_mins(1))));
}

#[test]
fn l6_later_steps_of_a_timed_out_target_are_skipped() {
    let account = play(spec(2), 1, &People::default(), |moment| moment.is_poll().then(|| running().into()));
    let words: Vec<&str> = only(&account).steps.iter().map(|step| step.status.word()).collect();
    assert_eq!(words, ["timed_out", "skipped"]);
}

#[test]
fn l8_three_answers_in_the_probes_shape_are_poll_lost() {
    let shape = || Answer::Polled(PollAnswer::Probe);
    let account = play_one(|moment| moment.is_poll().then(|| shape().into()));
    assert_eq!((outcome(&account).as_str(), polls(&account).len()), ("unknown poll_lost yes", 3));
    // Not in a row.
    let account = play_one(|moment| {
        moment.is_poll().then(|| match moment.nth {
            0 | 1 | 3 | 4 => shape().into(),
            2 => running().into(),
            _ => exited(Some(0), None).into(),
        })
    });
    assert_eq!(outcome(&account), "ok yes");
}

#[test]
fn l9_a_pid_forgotten_after_a_lost_reply_is_result_lost() {
    for status in [400, 404, 410] {
        let account = play_one(|moment| {
            moment.is_poll().then(|| if moment.nth == 0 { no_reply() } else { refused(status, "") }.into())
        });
        assert_eq!((outcome(&account).as_str(), polls(&account).len()), ("unknown result_lost yes", 2));
        assert_eq!(exit_code(&account), 6);
    }
}

#[test]
fn l9_nothing_but_500s_after_a_lost_reply_are_result_lost_after_five_minutes() {
    let mut spec = spec(1);
    spec.steps[0].timeout = Some(Duration::from_hours(1));
    let account = play(spec, 1, &People::default(), |moment| {
        moment.is_poll().then(|| if moment.nth == 0 { no_reply() } else { refused(500, "") }.into())
    });
    assert_eq!(outcome(&account), "unknown result_lost yes");
    assert!(account.run.duration >= Duration::from_mins(5) && account.run.duration < Duration::from_mins(8));
}

#[test]
fn l9_500s_without_a_lost_reply_are_tried_until_the_limit() {
    let mut spec = spec(1);
    spec.steps[0].timeout = Some(Duration::from_mins(20));
    let account = play(spec, 1, &People::default(), |moment| {
        (moment.is_poll() && moment.at.since_start() < Duration::from_mins(15))
            .then(|| refused(500, "").into())
    });
    assert_eq!(outcome(&account), "ok yes");
}

#[test]
fn l10_a_pid_not_known_yet_is_tried_again_and_later_lost() {
    let account = play_one(|moment| (moment.is_poll() && moment.nth == 0).then(|| refused(404, "").into()));
    assert_eq!(outcome(&account), "ok yes");
    let account = play_one(|moment| moment.is_poll().then(|| refused(404, "").into()));
    assert_eq!(outcome(&account), "unknown result_lost yes");
    let accepted = account.starts().next().unwrap().answer.as_ref().unwrap().0.since_start();
    let (known_by, last) = (accepted + Duration::from_secs(10), *polls(&account).last().unwrap());
    assert!(last >= known_by && last < known_by + Duration::from_secs(1), "{last:?}");
}

#[test]
fn l12_an_answer_beyond_the_hard_cap_is_unknown() {
    let account = play_one(|moment| moment.is_poll().then(|| Answer::Failed(Failure::TooLarge).into()));
    assert_eq!((outcome(&account).as_str(), polls(&account).len()), ("unknown result_too_large yes", 1));
}

#[test]
fn l16_not_exited_is_running_whatever_else_it_says() {
    // The decoder reads `exited: false` with an exit code as running; the engine polls on.
    let account = play_one(|moment| (moment.is_poll() && moment.nth == 0).then(|| running().into()));
    assert_eq!((outcome(&account).as_str(), polls(&account).len()), ("ok yes", 2));
}

#[test]
fn l17_an_answer_about_another_process_is_a_mismatch() {
    let account = play_one(|moment| moment.is_poll().then(|| Answer::Polled(PollAnswer::OtherPid).into()));
    assert_eq!(outcome(&account), "unknown mismatch yes");
    assert_eq!(only(&account).steps[0].stdout, None);
}

#[test]
fn r5_a_throttled_poll_is_no_failure() {
    let account = play_one(|moment| {
        (moment.is_poll() && moment.nth < 9).then(|| throttled(Some(Duration::from_secs(1))))
    });
    assert_eq!((outcome(&account).as_str(), account.run.requests.retried), ("ok yes", 0));
}

#[test]
fn n6_five_minutes_without_a_network_lose_nothing() {
    let mut spec = spec(1);
    spec.steps[0].timeout = Some(Duration::from_mins(10));
    let away = Duration::from_secs(2)..Duration::from_secs(302);
    let account = play(spec, 1, &People::default(), |moment| {
        let at = moment.at.since_start();
        if !moment.is_poll() || at > away.end {
            return None;
        }
        Some(if away.contains(&at) { super::script::unsent() } else { running() }.into())
    });
    assert_eq!((outcome(&account).as_str(), exit_code(&account)), ("ok yes", 0));
}

#[test]
fn r6_and_a_result_found_long_after_its_limit_is_late() {
    // The poll at the limit is held up by a pause; the time limit itself begins with the accepted start.
    let account = play_one(|moment| {
        moment.is_poll().then(|| match moment.nth {
            0 => throttled(Some(Duration::from_secs(90))),
            _ => exited(Some(0), None).into(),
        })
    });
    assert_eq!(outcome(&account), "ok yes");
    assert!(only(&account).steps[0].late);
}

#[test]
fn r6_a_time_limit_begins_when_the_start_is_accepted() {
    let account = play_one(|moment| match moment.nth {
        0 if moment.is_start() => Some(throttled(Some(Duration::from_mins(2)))),
        _ if moment.is_poll() => Some(running().into()),
        _ => None,
    });
    let accepted = account.starts().last().unwrap().answer.as_ref().unwrap().0.since_start();
    assert!(accepted > Duration::from_mins(2));
    assert_eq!(outcome(&account), "timed_out yes");
    assert!(*polls(&account).last().unwrap() >= accepted + Duration::from_mins(1));
}
