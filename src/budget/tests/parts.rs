//! Limits of one operation or VPS, what another run knew, and what is left to others.

use std::time::Duration;

use super::{at, left, refused, seconds, take};
use crate::budget::{
    Budget, Knowledge, LearnedFrom, LearnedLimit, Operation, Renewal, RetryAfter, RunTime, Signals, Terms,
    Ticket, Wait,
};

fn limit(bucket: &str, limit: u64, window: u64) -> LearnedLimit {
    LearnedLimit {
        bucket: bucket.to_owned(),
        limit,
        window: Some(seconds(window)),
        renewal: Renewal::AtOnce,
        learned_from: LearnedFrom::Refusals,
    }
}

fn knowing(limits: Vec<LearnedLimit>) -> Budget {
    let known = Knowledge { limits, let_through: None };
    Budget::new(&Terms { connections: 32, known, ..Terms::default() })
}

/// Sends as many as may leave at `now`, each for a VPS of its own, and answers them with what is left of `limit`.
fn spend(
    budget: &mut Budget,
    now: RunTime,
    operation: Operation,
    limit: u64,
    used: &mut u64,
    most: usize,
) -> usize {
    let mut sent = 0;
    while sent < most
        && let Ok(ticket) = budget.take(now, operation, Some(sent))
    {
        *used += 1;
        budget.answered(now + Duration::from_millis(1), ticket, &left(limit, limit - *used, 60));
        sent += 1;
    }
    sent
}

#[test]
fn an_operation_that_has_more_left_than_another_leaves_room_for_has_a_limit_of_its_own() {
    let mut budget = Budget::new(&Terms { connections: 32, ..Terms::default() });
    let (mut listed, mut probed) = (0, 0);
    for turn in 0..4 {
        let now = at(turn * 100);
        spend(&mut budget, now, Operation::List, 100, &mut listed, 1);
        spend(&mut budget, now + Duration::from_millis(50), Operation::Probe, 100, &mut probed, 20);
    }
    let limits = budget.knowledge().limits;
    let names: Vec<&str> = limits.iter().map(|limit| limit.bucket.as_str()).collect();
    assert!(names.contains(&"list") && names.contains(&"probe"), "{limits:?}");
    // One that is spent holds up nothing else.
    spend(&mut budget, at(1_000), Operation::Probe, 100, &mut probed, 100);
    assert_eq!(probed, 100);
    assert!(budget.take(at(1_100), Operation::Probe, Some(1)).is_err());
    assert!(budget.take(at(1_100), Operation::List, None).is_ok());
}

#[test]
fn what_is_left_to_an_operation_is_the_least_of_what_answers_in_flight_together_said() {
    let mut budget = Budget::new(&Terms { connections: 32, ..Terms::default() });
    let mut listed = 0;
    spend(&mut budget, at(0), Operation::List, 100, &mut listed, 1);
    let probes: Vec<Ticket> =
        (0..2).map(|vps| budget.take(at(10), Operation::Probe, Some(vps)).unwrap()).collect();
    for (remaining, ticket) in (10..).zip(probes) {
        budget.answered(at(10 + remaining), ticket, &left(100, remaining, 60));
    }
    spend(&mut budget, at(30), Operation::List, 100, &mut listed, 1);
    spend(&mut budget, at(40), Operation::List, 100, &mut listed, 1);
    let sent = std::iter::from_fn(|| budget.take(at(50), Operation::Probe, Some(0)).ok()).count();
    assert_eq!(sent, 10);
}

/// A bucket of 20 that gains one request in three seconds tells whole ones only: 1.99, 1.01 and 0.03 left are told as 1, 1
/// and 0.
#[test]
fn the_fraction_that_a_slow_bucket_does_not_tell_is_no_limit_of_its_own() {
    let mut budget = Budget::new(&Terms { connections: 8, ..Terms::default() });
    let mut now = at(0);
    for (operation, remaining, to_full) in
        [(Operation::Poll, 1, 55), (Operation::Probe, 1, 57), (Operation::Start, 0, 60)]
    {
        let ticket = budget.take(now, operation, Some(1)).unwrap();
        now = now + Duration::from_millis(60);
        budget.answered(now, ticket, &left(20, remaining, to_full));
    }
    let limits = budget.knowledge().limits;
    assert_eq!(limits.iter().map(|limit| limit.bucket.as_str()).collect::<Vec<_>>(), ["default"]);
    assert!(budget.take(now, Operation::Probe, Some(2)).is_err());
}

/// The server saw the request that much earlier than its answer is here.
#[test]
fn what_comes_back_while_an_answer_travels_is_no_limit_of_its_own() {
    let mut budget = Budget::new(&Terms { connections: 8, ..Terms::default() });
    // 600 in five seconds: 120 come back in a second, and all the answers are a second on their way.
    let signals = |remaining| left(600, remaining, 4);
    let ticket = budget.take(at(0), Operation::List, None).unwrap();
    budget.answered(at(1_000), ticket, &signals(200));
    for (remaining, operation) in [(318, Operation::Probe), (317, Operation::Start), (316, Operation::Poll)] {
        let ticket = budget.take(at(1_000), operation, Some(1)).unwrap();
        budget.answered(at(1_010), ticket, &signals(remaining));
    }
    assert_eq!(budget.knowledge().limits[0].bucket, "default");
}

/// What another run found out about operations may have changed.
#[test]
fn a_refusal_where_something_should_be_left_makes_one_limit_of_those_of_operations() {
    let mut budget = knowing(vec![limit("probe", 20, 60), limit("poll", 20, 60)]);
    for (remaining, operation) in [(1, Operation::Probe), (0, Operation::Poll)] {
        let ticket = budget.take(at(0), operation, Some(1)).unwrap();
        budget.answered(at(10), ticket, &left(20, remaining, 60));
    }
    let ticket = budget.take(at(20), Operation::Probe, Some(2)).unwrap();
    budget.answered(at(30), ticket, &refused(Some(RetryAfter::In(seconds(60)))));
    assert_eq!(budget.take(at(60_029), Operation::Start, Some(3)), Err(Wait::Until(at(60_030))));
    let scout = budget.take(at(60_030), Operation::Probe, Some(2)).unwrap();
    for operation in Operation::ALL {
        assert_eq!(budget.take(at(60_040), operation, Some(3)), Err(Wait::ForAnswer));
    }
    budget.answered(at(60_050), scout, &left(20, 19, 60));
    let sent = std::iter::from_fn(|| budget.take(at(60_060), Operation::Poll, Some(3)).ok()).count();
    assert_eq!(sent, 19);
}

#[test]
fn where_each_vps_has_a_limit_one_that_is_spent_waits_alone() {
    let mut budget = Budget::new(&Terms { connections: 32, ..Terms::default() });
    let mut now = at(0);
    for vps in 0..12 {
        let ticket = budget.take(now, Operation::Probe, Some(vps)).unwrap();
        now = now + Duration::from_millis(20);
        assert_eq!(budget.answered(now, ticket, &left(3, 2, 30)), None);
    }
    let known = budget.knowledge().limits;
    assert_eq!((known[0].bucket.as_str(), known[0].limit), ("vps", 3));
    let spent = budget.take(now, Operation::Start, Some(0)).unwrap();
    let until = budget.answered(now, spent, &left(3, 0, 30));
    assert_eq!(until, Some(now + seconds(30)));
    assert!(budget.take(now, Operation::Start, Some(1)).is_ok());
    // Another run begins with that, and a refusal overrules it.
    let mut next = knowing(known);
    let ticket = next.take(at(0), Operation::Probe, Some(0)).unwrap();
    let other = next.take(at(0), Operation::Probe, Some(1)).unwrap();
    next.answered(at(10), ticket, &refused(Some(RetryAfter::In(seconds(5)))));
    next.answered(at(10), other, &Signals::default());
    assert_eq!(next.take(at(20), Operation::Probe, Some(2)), Err(Wait::Until(at(5_010))));
}

#[test]
fn a_limit_that_another_run_met_is_kept_from_the_first_request_on() {
    let mut budget = knowing(vec![limit("default", 20, 10)]);
    let first: Vec<Ticket> = std::iter::from_fn(|| take(&mut budget, at(0)).ok()).collect();
    assert_eq!(first.len(), 20);
    for ticket in first {
        budget.answered(at(100), ticket, &Signals::default());
    }
    assert_eq!(take(&mut budget, at(200)), Err(Wait::Until(at(10_100))));
    // What an answer says counts more.
    let ticket = take(&mut budget, at(10_100)).unwrap();
    budget.answered(at(10_200), ticket, &left(50, 49, 10));
    assert_eq!(budget.limit(), Some((50, Some(seconds(10)))));
}

#[test]
fn a_limit_that_changes_is_followed() {
    let mut budget = Budget::new(&Terms { connections: 32, ..Terms::default() });
    let ticket = take(&mut budget, at(0)).unwrap();
    budget.answered(at(10), ticket, &left(30, 29, 10));
    let sent: Vec<Ticket> = std::iter::from_fn(|| take(&mut budget, at(20)).ok()).collect();
    assert_eq!(sent.len(), 29);
    // The last of them are told of a smaller one.
    for (place, ticket) in sent.into_iter().enumerate() {
        let remaining = if place < 20 { 28 - place as u64 } else { 0 };
        budget.answered(at(30), ticket, &left(if place < 20 { 30 } else { 10 }, remaining, 10));
    }
    assert_eq!(budget.limit().map(|(limit, _)| limit), Some(10));
    assert!(take(&mut budget, at(40)).is_err());
}

#[test]
fn a_reserve_is_left_in_every_window() {
    let mut budget = Budget::new(&Terms { connections: 64, reserve: 20, ..Terms::default() });
    let ticket = take(&mut budget, at(0)).unwrap();
    budget.answered(at(10), ticket, &left(50, 49, 10));
    let sent = std::iter::from_fn(|| take(&mut budget, at(20)).ok()).count();
    assert_eq!(1 + sent, 40);
    let mut counted = knowing(vec![limit("default", 50, 10)]);
    assert_eq!(std::iter::from_fn(|| take(&mut counted, at(0)).ok()).count(), 32);
}

#[test]
fn seconds_told_late_are_taken_for_a_usual_window() {
    let mut budget = Budget::new(&Terms { connections: 1, ..Terms::default() });
    for request in 0..10 {
        let ticket = take(&mut budget, at(request * 10)).unwrap();
        budget.answered(at(request * 10 + 5), ticket, &Signals::default());
    }
    // The window opened at 0 and is 5 s long: asked at 600 ms, the server rounds 4.4 s up.
    let ticket = take(&mut budget, at(600)).unwrap();
    budget.answered(at(605), ticket, &refused(Some(RetryAfter::In(seconds(5)))));
    let scout = take(&mut budget, at(5_605)).unwrap();
    budget.answered(at(5_610), scout, &Signals::default());
    assert_eq!(budget.limit(), Some((10, Some(seconds(5)))));
}
