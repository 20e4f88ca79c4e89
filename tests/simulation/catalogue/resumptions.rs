//! Runs that are gone on with after what is on record of them.

use std::{sync::Arc, time::Duration};

use rollcall::{
    budget::RunTime,
    engine::{
        Answer, Call, CallId, Ended, Engine, Entry, Exited, Input, Intent, LeftOff, Ran, Reason, Remembered,
        RememberedStart, RunSpec, Status, Stream, give_back_outputs,
    },
    fleet::Vps,
    playbook::{Expression, OnFailure, bundle::Marker},
};
use serde_json::Value;

use super::script::{
    Moment, Say, exited, go_on, item, line, only, outcome, refused, running, spec, started, starts, statuses,
    throttled,
};
use crate::{
    harness::{Account, Seen},
    world::listed_vps,
};

/// When what is on record happened.
const BEFORE: RunTime = RunTime::from_start(Duration::from_secs(100));

fn seconds_later(seconds: u64) -> RunTime {
    BEFORE + Duration::from_secs(seconds)
}

fn vps(item: Value) -> Arc<Vps> {
    let Value::Object(fields) = item else { panic!("not a VPS") };
    Arc::new(Vps::new(fields))
}

/// A target without a result on record.
fn target(number: usize, starts: Vec<RememberedStart>) -> Remembered {
    Remembered { vps: vps(item(number)), result: None, starts }
}

fn left_off(targets: Vec<Remembered>) -> LeftOff {
    LeftOff { targets, ..LeftOff::default() }
}

/// The start of one step of a target, and what came of it.
fn start(call: u64, target: usize, first: usize, answer: Option<Answer>) -> RememberedStart {
    let intent = Intent { target, first, sent: vec![true], marker: None };
    let answer = answer.map(|answer| (BEFORE, answer));
    RememberedStart { call: CallId(call), at: BEFORE, intent, answer, ended: None }
}

fn ended(start: RememberedStart, exit_code: i64) -> RememberedStart {
    let exited = Exited { exit_code: Some(exit_code), ..Exited::default() };
    RememberedStart { ended: Some(Ended { polled: BEFORE, at: BEFORE, exited }), ..start }
}

fn as_it_should(_: &Moment) -> Option<Say> {
    None
}

/// How many requests of a kind were sent.
fn sent(account: &Account, fits: impl Fn(&Call) -> bool) -> usize {
    account.requests.iter().filter(|request| fits(&request.call)).count()
}

fn with(change: impl FnOnce(&mut RunSpec)) -> RunSpec {
    let mut spec = spec(2);
    change(&mut spec);
    spec
}

#[test]
fn k1_what_is_not_on_record_is_started_once() {
    let account = go_on(spec(1), left_off(vec![target(0, Vec::new())]), seconds_later(60), as_it_should);
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("ok yes", 1));
}

#[test]
fn k2_an_intent_without_an_answer_is_unknown_and_not_sent_again() {
    let crashed = left_off(vec![target(0, vec![start(7, 0, 0, None)])]);
    let account = go_on(spec(1), crashed, seconds_later(60), as_it_should);
    assert_eq!(outcome(&account), "unknown crashed maybe");
    assert_eq!(account.requests.len(), 0);
}

#[test]
fn k2_an_idempotent_step_is_sent_again_at_most_twice_over_all_crashes() {
    let idempotent = || with(|spec| spec.steps.iter_mut().for_each(|step| step.idempotent = true));
    for (crashes, more) in [(1, 1), (2, 1), (3, 0)] {
        let intents = (0..crashes).map(|call| start(call, 0, 0, None)).collect();
        let account = go_on(idempotent(), left_off(vec![target(0, intents)]), seconds_later(60), |moment| {
            moment.is_start().then(|| super::script::no_reply().into()).filter(|_| crashes == 2)
        });
        let first =
            sent(&account, |call| matches!(call, Call::Start { command, .. } if command.ends_with('0')));
        assert_eq!(first, more, "after {crashes} crashes");
    }
}

#[test]
fn k3_a_known_process_is_polled_and_not_started() {
    let started_before = left_off(vec![target(0, vec![start(7, 0, 0, Some(started(Some(4242))))])]);
    let account = go_on(spec(1), started_before, seconds_later(60), as_it_should);
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("ok yes", 0));
    assert_eq!(sent(&account, |call| matches!(call, Call::Poll { .. })), 1);
}

#[test]
fn k3_a_process_whose_time_is_over_is_polled_once() {
    let started_before = left_off(vec![target(0, vec![start(7, 0, 0, Some(started(Some(4242))))])]);
    let account = go_on(spec(1), started_before, seconds_later(100_000), |moment| {
        moment.is_poll().then(|| running().into())
    });
    assert_eq!(outcome(&account), "timed_out yes");
    assert_eq!(account.requests.len(), 1);
}

#[test]
fn k3_a_process_that_is_not_known_yet_is_asked_for_again() {
    let started_before = left_off(vec![target(0, vec![start(7, 0, 0, Some(started(Some(4242))))])]);
    let account = go_on(spec(1), started_before, seconds_later(1), |moment| {
        (moment.is_poll() && moment.at < seconds_later(4)).then(|| refused(404, "not_found").into())
    });
    assert_eq!(outcome(&account), "ok yes");
}

#[test]
fn a_target_of_which_nothing_was_started_is_probed_before_it_is() {
    let when = Expression::compile("target.name != 'web-0'").unwrap();
    let spec = with(|spec| spec.steps[0].when = Some(when));
    let account = go_on(spec, left_off(vec![target(0, Vec::new())]), seconds_later(60), as_it_should);
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("ok yes", 1));
    assert_eq!(sent(&account, |call| matches!(call, Call::Probe { .. })), 1);
}

#[test]
fn k16_a_target_without_a_usable_id_is_no_failure_of_a_resumed_run_either() {
    let bad = Remembered { vps: vps(listed_vps("../0", "bad")), result: None, starts: Vec::new() };
    let spec = || with(|spec| spec.max_failures = Some("0".parse().expect("a portion")));
    let account = go_on(spec(), left_off(vec![bad, target(1, Vec::new())]), seconds_later(60), as_it_should);
    assert_eq!(statuses(&account), [Status::Refused, Status::Ok]);
    // With its result on record as well.
    let bad = Remembered {
        result: Some(Arc::clone(&account.run.targets[0])),
        ..Remembered { vps: vps(listed_vps("../0", "bad")), result: None, starts: Vec::new() }
    };
    let account = go_on(spec(), left_off(vec![bad, target(1, Vec::new())]), seconds_later(60), as_it_should);
    assert_eq!(statuses(&account), [Status::Refused, Status::Ok]);
}

/// One target failed, and the other was left out for it.
fn stopped_by_a_failure() -> LeftOff {
    let failed = ended(start(7, 0, 0, Some(started(Some(4242)))), 3);
    let spec = with(|spec| spec.max_failures = Some("0".parse().expect("a portion")));
    let crashed = left_off(vec![target(0, vec![failed]), target(1, Vec::new())]);
    let account = go_on(spec, crashed.clone(), seconds_later(60), as_it_should);
    let reasons: Vec<_> = account.run.targets.iter().map(|target| line(target)).collect();
    assert_eq!(reasons, ["failed yes", "skipped max_failures no"]);
    let mut left_off = crashed;
    for (target, result) in left_off.targets.iter_mut().zip(account.run.targets) {
        target.result = Some(result);
    }
    left_off
}

#[test]
fn k16_what_was_left_out_for_failures_is_begun_only_where_more_may_fail() {
    let spec = || with(|spec| spec.max_failures = Some("1".parse().unwrap()));
    let account = go_on(spec(), stopped_by_a_failure(), seconds_later(90), as_it_should);
    assert_eq!((account.requests.len(), statuses(&account)[1]), (0, Status::Skipped));
    let more = LeftOff { more_may_fail: true, ..stopped_by_a_failure() };
    let account = go_on(spec(), more, seconds_later(90), as_it_should);
    assert_eq!(statuses(&account), [Status::Failed, Status::Ok]);
}

#[test]
fn k16_a_result_that_is_older_than_a_start_is_not_final() {
    // It was left out, then begun after all as more were let fail, and rollcall ended before the answer was on record.
    let mut left_off = stopped_by_a_failure();
    left_off.targets[1].starts.push(start(20, 1, 0, None));
    assert!(!left_off.is_finished());
    let spec = with(|spec| spec.max_failures = Some("0".parse().expect("a portion")));
    let as_it_stands = Engine::as_it_left_off(spec.clone(), left_off.clone(), seconds_later(90));
    assert_eq!(line(&as_it_stands.targets[1]), "unknown crashed maybe");
    let account = go_on(spec, left_off, seconds_later(120), as_it_should);
    assert_eq!(
        (line(&account.run.targets[1]).as_str(), account.requests.len()),
        ("unknown crashed maybe", 0)
    );
}

#[test]
fn k16_a_failure_that_is_looked_at_once_more_still_counts() {
    // Its time was over, which was one failure too many; rollcall ended before the others were left out.
    let spec = || with(|spec| spec.max_failures = Some("0".parse().expect("a portion")));
    let pid = start(7, 0, 0, Some(started(Some(4242))));
    let alone =
        go_on(spec(), left_off(vec![target(0, vec![pid.clone()])]), seconds_later(100_000), |moment| {
            moment.is_poll().then(|| running().into())
        });
    assert_eq!(outcome(&alone), "timed_out yes");
    let timed_out = Remembered { result: Some(Arc::new(only(&alone).clone())), ..target(0, vec![pid]) };
    let account =
        go_on(spec(), left_off(vec![timed_out, target(1, Vec::new())]), seconds_later(100_100), |moment| {
            moment.is_poll().then(|| Say::from(running()).after(Duration::from_secs(20)))
        });
    assert_eq!(line(&account.run.targets[1]), "skipped max_failures no");
    assert_eq!(starts(&account), 0);
}

#[test]
fn a_step_that_did_not_run_is_given_no_output() {
    let marker = Marker::new([1, 2]);
    let text = format!("one\n{} 0 3 1\n", marker.whole());
    let stream = |text: String| Stream { text: text.into(), ..Stream::default() };
    let exited = Exited {
        exit_code: Some(0),
        signal: None,
        stdout: stream(text),
        stderr: stream(format!("\n{} 0\n", marker.whole())),
    };
    let intent = Intent { target: 0, first: 0, sent: vec![true, true], marker: Some(marker) };
    let bundle = RememberedStart {
        intent,
        ended: Some(Ended { polled: BEFORE, at: BEFORE, exited }),
        ..start(7, 0, 0, Some(started(Some(4242))))
    };
    let spec = with(|spec| spec.steps.iter_mut().for_each(|step| step.on_failure = OnFailure::Stop));
    let account =
        go_on(spec, left_off(vec![target(0, vec![bundle.clone()])]), seconds_later(60), as_it_should);
    let result = only(&account);
    assert_eq!((result.steps[1].ran, result.steps[1].reason), (Ran::No, Some(Reason::EarlierStep)));
    let mut read_back = result.clone();
    for step in &mut read_back.steps {
        (step.stdout, step.stderr) = (None, None);
    }
    give_back_outputs(&mut read_back, &[bundle]);
    assert_eq!(read_back, *result);
}

#[test]
fn what_is_said_of_the_time_between_two_inputs_adds_up() {
    let started_before = left_off(vec![target(0, vec![start(7, 0, 0, Some(started(Some(4242))))])]);
    let mut engine = Engine::going_on(spec(1), started_before);
    engine.step(seconds_later(60), Input::Begin);
    let Entry::Standing { worked, time, .. } = engine.standing(seconds_later(65)) else {
        panic!("no standing")
    };
    assert_eq!((worked, time.total()), (Duration::from_secs(5), Duration::from_secs(5)));
}

#[test]
fn k15_what_runs_is_seen_through_past_the_deadline_where_secrets_are_lost() {
    let started_before = target(0, vec![start(7, 0, 0, Some(started(Some(4242))))]);
    let lost = LeftOff { lost_secrets: vec!["key".to_owned()], ..left_off(vec![started_before]) };
    let spec = with(|spec| {
        spec.deadline = Some(Duration::from_secs(5));
        spec.steps[0].timeout = Some(Duration::from_mins(10));
    });
    let account =
        go_on(spec, lost, seconds_later(60), |moment| match moment.at.since(seconds_later(60)).as_secs() {
            0..10 => Some(running().into()),
            10..20 => Some(throttled(Some(Duration::from_secs(3)))),
            _ => None,
        });
    assert_eq!(account.run.targets[0].steps[0].status, Status::Ok);
    assert_eq!(outcome(&account), "skipped secret yes");
}

#[test]
fn k11_a_finished_run_is_gone_on_with_without_a_request() {
    let failed = ended(start(7, 0, 0, Some(started(Some(4242)))), 3);
    let first =
        go_on(spec(2), left_off(vec![target(0, vec![failed.clone()])]), seconds_later(60), as_it_should);
    let finished = Remembered { result: Some(Arc::new(only(&first).clone())), ..target(0, vec![failed]) };
    let again =
        go_on(spec(2), left_off(vec![finished]), seconds_later(90), |_| Some(exited(Some(0), None).into()));
    assert_eq!(again.requests.len(), 0);
    assert_eq!(only(&again), only(&first));
    assert!(!again.log.iter().any(|(_, seen)| matches!(seen, Seen::Sent(..))));
}
