//! P1 to P6: is the guest agent there?

use std::time::Duration;

use rollcall::engine::{Call, Reason};

use super::script::{
    available, exit_code, no_reply, only, outcome, play, play_one, refused, spec, starts, statuses,
    throttled, times, unreadable, unsent,
};
use crate::harness::People;

fn is_probe(call: &Call) -> bool {
    matches!(call, Call::Probe { .. })
}

#[test]
fn p1_an_agent_that_says_no_is_asked_once_more_after_a_pause() {
    let account = play_one(|moment| moment.is_probe().then(|| available(false).into()));
    let probes = times(&account, is_probe);
    assert_eq!(probes.len(), 2);
    assert!(probes[1] >= probes[0] + Duration::from_secs(3), "{probes:?}");
    assert_eq!((outcome(&account).as_str(), exit_code(&account)), ("unavailable agent no", 3));
    let account = play_one(|moment| (moment.is_probe() && moment.nth == 0).then(|| available(false).into()));
    assert_eq!(outcome(&account), "ok yes");
}

#[test]
fn p2_a_vps_deleted_since_the_listing_is_gone_and_the_others_run() {
    let account = play(spec(1), 3, &People::default(), |moment| {
        (moment.is_probe() && moment.is_to(1)).then(|| refused(404, "vps_not_found").into())
    });
    let words: Vec<&str> = statuses(&account).iter().map(|status| status.word()).collect();
    assert_eq!((words, exit_code(&account)), (vec!["ok", "unavailable", "ok"], 3));
    assert_eq!(account.run.targets[1].reason.map(Reason::word), Some("gone"));
}

#[test]
fn p3_server_errors_until_the_retries_end_are_probe_failed() {
    let account = play_one(|moment| moment.is_probe().then(|| refused(503, "upstream_unavailable").into()));
    assert_eq!((outcome(&account).as_str(), account.run.requests.probe), ("unavailable probe_failed no", 6));
    assert_eq!(only(&account).message.as_deref(), Some("503 upstream_unavailable"));
}

#[test]
fn p3_a_probe_that_brings_nothing_is_tried_as_often() {
    let account = play_one(|moment| moment.is_probe().then(|| no_reply().into()));
    assert_eq!((outcome(&account).as_str(), account.run.requests.probe), ("unavailable probe_failed no", 6));
    let account = play_one(|moment| moment.is_probe().then(|| unsent().into()));
    assert_eq!((outcome(&account).as_str(), account.run.requests.probe), ("unavailable unreachable no", 6));
}

#[test]
fn p4_an_unreadable_probe_is_never_taken_for_a_yes() {
    let account = play_one(|moment| moment.is_probe().then(|| unreadable().into()));
    assert_eq!((outcome(&account).as_str(), starts(&account)), ("unavailable probe_failed no", 0));
}

#[test]
fn p5_a_throttled_probe_waits_and_counts_no_attempt() {
    let account = play_one(|moment| {
        (moment.is_probe() && moment.nth < 8).then(|| throttled(Some(Duration::from_secs(2))))
    });
    assert_eq!((outcome(&account).as_str(), account.run.requests.throttled), ("ok yes", 8));
    let probes = times(&account, is_probe);
    assert!(probes.windows(2).all(|pair| pair[1] >= pair[0] + Duration::from_secs(2)), "{probes:?}");
}

#[test]
fn p6_available_and_then_no_is_refused_but_a_500_proves_nothing() {
    for (status, expected) in [(409, "refused api no"), (500, "unknown http_5xx maybe")] {
        let account = play_one(|moment| moment.is_start().then(|| refused(status, "vps_not_ready").into()));
        assert_eq!((outcome(&account).as_str(), starts(&account)), (expected, 1));
    }
}

#[test]
fn a_forbidden_probe_is_unavailable_and_three_at_first_end_the_run() {
    let account = play(spec(1), 5, &People::default(), |moment| {
        (moment.is_probe() && moment.is_to(3)).then(|| refused(403, "forbidden").into())
    });
    assert_eq!((statuses(&account)[3].word(), exit_code(&account)), ("unavailable", 3));
    let account = play(spec(1), 40, &People::default(), |moment| {
        moment.is_probe().then(|| refused(403, "forbidden").into())
    });
    assert_eq!((starts(&account), exit_code(&account)), (0, 4));
}
