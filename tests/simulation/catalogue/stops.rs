//! K5 to K19: signals, the deadline, and a no to the question.

use std::time::Duration;

use rollcall::{
    engine::{Call, EventKind, Stop},
    playbook::Portion,
};

use super::script::{
    Say, exit_code, line, no_reply, outcome, play, refused, running, spec, started, starts, statuses,
    throttled, times,
};
use crate::harness::{Account, People, Seen};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn interrupted(at: &[Duration]) -> People {
    People { signals: at.iter().map(|&at| (at, 2)).collect(), confirms: None }
}

fn lines(account: &Account) -> Vec<String> {
    account.run.targets.iter().map(|target| line(target)).collect()
}

#[test]
fn k5_a_signal_lets_what_runs_finish_within_the_grace_and_cancels_the_rest() {
    let mut spec = spec(1);
    spec.concurrency = Some(2);
    let account = play(spec, 4, &interrupted(&[seconds(2)]), |moment| {
        let ends = moment.is_to(0) && moment.at.since_start() > seconds(5);
        (moment.is_poll() && !ends).then(|| running().into())
    });
    assert_eq!(lines(&account), ["ok yes", "running yes", "cancelled no", "cancelled no"]);
    assert_eq!((exit_code(&account), account.run.duration), (130, seconds(12)));
}

#[test]
fn k6_a_second_signal_ends_the_run_at_once() {
    let people = interrupted(&[seconds(2), seconds(3)]);
    let account = play(spec(2), 1, &people, |moment| moment.is_poll().then(|| running().into()));
    assert_eq!((outcome(&account).as_str(), account.run.duration), ("running yes", seconds(3)));
    assert_eq!(exit_code(&account), 130);
}

#[test]
fn k7_a_start_that_awaits_its_reply_is_awaited() {
    let account = play(spec(1), 1, &interrupted(&[Duration::from_millis(500)]), |moment| {
        moment.is_start().then(|| Say::from(started(Some(9))).after(seconds(5)))
    });
    assert_eq!((outcome(&account).as_str(), exit_code(&account)), ("ok yes", 130));
}

#[test]
fn k7_a_start_not_answered_within_the_grace_is_unknown_and_never_cancelled() {
    let account = play(spec(1), 1, &interrupted(&[Duration::from_millis(500)]), |moment| {
        moment.is_start().then(|| Say::from(started(Some(9))).after(seconds(30)))
    });
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("unknown no_reply maybe", 1));
    let two = interrupted(&[Duration::from_millis(500), Duration::from_millis(700)]);
    let account = play(spec(1), 1, &two, |moment| {
        moment.is_start().then(|| Say::from(started(Some(9))).after(seconds(30)))
    });
    assert_eq!(
        (outcome(&account).as_str(), account.run.duration),
        ("unknown no_reply maybe", Duration::from_millis(700))
    );
}

#[test]
fn k8_each_signal_has_its_exit_code() {
    for (number, code) in [(1, 129), (2, 130), (15, 143)] {
        let people = People { signals: vec![(Duration::ZERO, number)], confirms: None };
        let account = play(spec(1), 1, &people, |_| None);
        assert_eq!(exit_code(&account), code);
    }
}

#[test]
fn k13_after_the_deadline_what_runs_is_polled_once_more() {
    let mut spec = spec(1);
    spec.deadline = Some(seconds(20));
    spec.concurrency = Some(1);
    let account =
        play(spec.clone(), 2, &People::default(), |moment| moment.is_poll().then(|| running().into()));
    assert_eq!(lines(&account), ["timed_out yes", "skipped deadline no"]);
    let polls = times(&account, |call| matches!(call, Call::Poll { .. }));
    assert_eq!((polls.last(), exit_code(&account)), (Some(&seconds(20)), 1));
    // The last poll may bring the result.
    let account = play(spec, 2, &People::default(), |moment| {
        (moment.is_poll() && moment.at.since_start() < seconds(20)).then(|| running().into())
    });
    assert_eq!(
        (lines(&account), exit_code(&account)),
        (vec!["ok yes".into(), "skipped deadline no".into()], 3)
    );
}

#[test]
fn k13_a_poll_that_stands_in_the_queue_at_the_deadline_is_sent_once() {
    // All are due shortly before the deadline, and two connections are not enough for them.
    let mut spec = spec(1);
    spec.deadline = Some(seconds(5));
    spec.connections = 2;
    spec.steps[0].timeout = Some(Duration::from_millis(4500));
    let account = play(spec, 6, &People::default(), |moment| {
        moment.is_poll().then(|| Say::from(running()).after(seconds(2)))
    });
    let polled = account
        .requests
        .iter()
        .filter(|request| matches!(request.call, Call::Poll { .. }) && request.at.since_start() > seconds(5));
    let mut polled: Vec<&str> = polled.map(|request| request.vps().unwrap().as_str()).collect();
    let count = polled.len();
    polled.sort_unstable();
    polled.dedup();
    assert!(count >= 3 && polled.len() == count, "{count} polls of {polled:?}");
    assert_eq!(lines(&account), ["timed_out yes"; 6]);
}

#[test]
fn k13_a_step_left_undone_by_the_deadline_is_exit_3() {
    let mut spec = spec(2);
    spec.deadline = Some(seconds(10));
    let account = play(spec, 1, &People::default(), |moment| {
        (moment.is_poll() && moment.at.since_start() < seconds(10)).then(|| running().into())
    });
    assert_eq!((outcome(&account).as_str(), exit_code(&account)), ("skipped deadline yes", 3));
}

#[test]
fn k16_once_more_have_failed_than_may_nothing_is_started_and_what_runs_is_awaited() {
    let mut spec = spec(1);
    (spec.concurrency, spec.max_failures) = (Some(10), Some(Portion::Count(3)));
    let account = play(spec, 40, &People::default(), |moment| {
        moment.is_poll().then(|| super::script::exited(Some(1), None).into())
    });
    let mut failed = 0;
    let (mut before, mut after) = (0, 0);
    for (_, seen) in &account.log {
        match seen {
            Seen::Told(EventKind::TargetFinished(result)) if result.status.word() == "failed" => failed += 1,
            Seen::Sent(_, Call::Start { .. }) if failed <= 3 => before += 1,
            Seen::Sent(_, Call::Start { .. }) => after += 1,
            _ => {}
        }
    }
    assert_eq!((failed, after), (before, 0), "what was started is seen to its end");
    assert!((4..=13).contains(&before), "{before}: three may fail, and ten run at once");
    let skipped = lines(&account).iter().filter(|line| *line == "skipped max_failures no").count();
    assert_eq!((before + skipped, exit_code(&account)), (40, 5));
}

#[test]
fn k19_a_signal_during_a_long_pause_ends_the_run_at_once() {
    let account = play(spec(1), 1, &interrupted(&[seconds(9)]), |moment| {
        moment.is_start().then(|| throttled(Some(seconds(600))))
    });
    assert_eq!((outcome(&account).as_str(), account.run.duration), ("cancelled no", seconds(9)));
    assert_eq!(exit_code(&account), 130);
}

#[test]
fn a_401_while_polling_leaves_what_runs() {
    let account = play(spec(1), 3, &People::default(), |moment| {
        moment.is_poll().then(|| refused(401, "unauthorized").into())
    });
    assert_eq!((lines(&account), exit_code(&account)), (vec!["running auth yes".to_owned(); 3], 4));
}

#[test]
fn f3_a_no_to_the_question_sends_nothing_to_any_vps() {
    let mut spec = spec(1);
    spec.confirm_over = Some(2);
    let no = People { signals: Vec::new(), confirms: Some((seconds(3), false)) };
    let account = play(spec.clone(), 3, &no, |_| None);
    assert_eq!((account.requests.len(), exit_code(&account)), (1, 2));
    assert!(matches!(account.run.stop, Some(Stop::Declined)));
    let account = play(spec, 2, &no, |_| None);
    assert_eq!((statuses(&account).len(), exit_code(&account)), (2, 0));
}

#[test]
fn k5_the_inventory_may_be_interrupted_too() {
    let account = play(spec(1), 3, &interrupted(&[seconds(1)]), |moment| {
        moment.is_list().then(|| Say::from(no_reply()).after(seconds(20)))
    });
    assert_eq!((starts(&account), exit_code(&account), account.run.duration), (0, 130, seconds(1)));
}
