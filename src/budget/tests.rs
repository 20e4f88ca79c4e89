use std::time::Duration;

use proptest::prelude::*;

use super::{tally::snap, *};

fn at(seconds: f64) -> RunTime {
    RunTime::from_start(Duration::from_secs_f64(seconds))
}

fn budget() -> Budget {
    Budget::new(DEFAULT_CONNECTIONS, None, 1)
}

/// An answer that says what remains.
fn left(remaining: u64, reset_in: f64) -> Signals {
    Signals {
        limit: Some(100),
        remaining: Some(remaining),
        reset: Some(Reset::In(Duration::from_secs_f64(reset_in))),
        ..Signals::default()
    }
}

fn refused(retry_after: Option<RetryAfter>) -> Signals {
    Signals { throttled: true, retry_after, ..Signals::default() }
}

/// When the next request may leave, if a time is all that it waits for.
fn wait(budget: &mut Budget, now: RunTime) -> Option<RunTime> {
    match budget.take(now) {
        Err(Wait::Until(until)) => Some(until),
        Err(Wait::ForAnswer) | Ok(_) => None,
    }
}

#[test]
fn what_remains_is_spent_and_not_more() {
    let mut budget = budget();
    let first = budget.take(at(0.0)).unwrap();
    budget.answered(at(0.1), first, &left(2, 5.0));
    let two = [budget.take(at(0.2)).unwrap(), budget.take(at(0.2)).unwrap()];
    assert_eq!(budget.take(at(0.2)), Err(Wait::ForAnswer), "the budget is spent, but answers may refill it");
    for ticket in two {
        budget.answered(at(0.3), ticket, &left(0, 4.8));
    }
    assert_eq!(wait(&mut budget, at(0.3)), Some(at(0.3 + 4.8 + 0.25)));
    // One scout goes first; its answer says that the window is open.
    let scout = budget.take(at(5.4)).unwrap();
    assert_eq!(budget.take(at(5.4)), Err(Wait::ForAnswer));
    budget.answered(at(5.5), scout, &left(99, 5.0));
    assert!(budget.take(at(5.5)).is_ok());
}

#[test]
fn requests_in_flight_are_counted_as_spent_in_whatever_order_they_are_answered() {
    let mut budget = budget();
    let first = budget.take(at(0.0)).unwrap();
    budget.answered(at(0.1), first, &left(3, 9.0));
    let [one, other, third] = [(); 3].map(|()| budget.take(at(0.2)).unwrap());
    // The last one was seen first: two more are on their way to the server.
    budget.answered(at(0.3), third, &left(2, 8.9));
    assert_eq!(budget.take(at(0.3)), Err(Wait::ForAnswer));
    budget.answered(at(0.3), one, &left(1, 8.9));
    budget.answered(at(0.3), other, &left(0, 8.9));
    assert!(wait(&mut budget, at(0.3)).is_some());
}

#[test]
fn r1_p5_a_retry_after_is_waited_out_and_then_one_goes_first() {
    let mut budget = budget();
    let ticket = budget.take(at(0.0)).unwrap();
    budget.answered(at(1.0), ticket, &refused(Some(RetryAfter::In(Duration::from_secs(2)))));
    assert_eq!(wait(&mut budget, at(1.0)), Some(at(3.0)));
    assert_eq!(wait(&mut budget, at(2.9)), Some(at(3.0)));
    assert!(budget.take(at(3.0)).is_ok());
    assert_eq!(budget.take(at(3.0)), Err(Wait::ForAnswer));
}

#[test]
fn a_retry_after_date_is_read_against_the_answers_own_date() {
    let mut budget = budget();
    let ticket = budget.take(at(0.0)).unwrap();
    let date = ServerTime(Duration::from_secs(1_000_000));
    let until = RetryAfter::At(ServerTime(Duration::from_secs(1_000_007)));
    budget.answered(at(1.0), ticket, &Signals { date: Some(date), ..refused(Some(until)) });
    assert_eq!(wait(&mut budget, at(1.0)), Some(at(8.0)));
}

#[test]
fn r2_s15_without_a_usable_retry_after_the_pause_is_ours_and_grows() {
    let mut budget = budget();
    let mut now = at(0.0);
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let ticket = budget.take(now).unwrap();
        budget.answered(now, ticket, &refused(None));
        let until = wait(&mut budget, now).unwrap();
        let pause = until.since(now);
        assert!((1.0..=60.0).contains(&pause.as_secs_f64()), "{pause:?}");
        longest = longest.max(pause);
        now = until;
    }
    assert!(longest > Duration::from_secs(20), "{longest:?}");
}

#[test]
fn r7_an_absurd_retry_after_neither_panics_nor_overflows() {
    let mut budget = budget();
    let ticket = budget.take(at(5.0)).unwrap();
    budget.answered(at(5.0), ticket, &refused(Some(RetryAfter::In(Duration::MAX))));
    assert!(wait(&mut budget, at(5.0)).is_some_and(|until| until > at(1e9)));
}

#[test]
fn a_limit_is_learned_by_counting_where_nothing_says_what_remains() {
    // 50 per 10 s, said by nobody but in the 429s' Retry-After.
    let (limit, window) = (50, 10.0_f64);
    let mut budget = budget();
    let (mut now, mut used, mut opened, mut refusals) = (0.0_f64, 0, 0.0_f64, 0);
    for _ in 0..2000 {
        if now - opened >= window {
            (opened, used) = (opened + window * ((now - opened) / window).floor(), 0);
        }
        match budget.take(at(now)) {
            Ok(ticket) if used < limit => {
                used += 1;
                budget.answered(at(now), ticket, &Signals::default());
            }
            Ok(ticket) => {
                refusals += 1;
                let wait = (opened + window - now).ceil();
                budget.answered(
                    at(now),
                    ticket,
                    &refused(Some(RetryAfter::In(Duration::from_secs_f64(wait)))),
                );
            }
            Err(Wait::Until(until)) => now = until.since_start().as_secs_f64(),
            Err(Wait::ForAnswer) => unreachable!("each is answered at once"),
        }
    }
    let learned = &budget.limits()[0];
    assert_eq!(learned.window, Some(Duration::from_secs(10)));
    assert!((50..=56).contains(&learned.limit), "{learned:?}");
    assert!(refusals <= 12, "{refusals} refusals in 2000 requests");
}

#[test]
fn measured_windows_are_taken_for_those_that_were_meant() {
    for (measured, meant) in
        [(59.2, 60), (61.4, 60), (10.6, 10), (6.02, 6), (6.0, 6), (5.3, 5), (4.4, 5), (0.3, 1), (301.0, 300)]
    {
        assert_eq!(snap(Duration::from_secs_f64(measured)), Duration::from_secs(meant), "{measured}");
    }
}

proptest! {
    /// Invariant 7 of the pacing policy.
    #[test]
    fn no_span_holds_more_than_the_users_rate(
        requests in 1_u32..500, window in 1_u64..120, gaps in prop::collection::vec(0_u64..3_000, 1..300),
    ) {
        let rate = Rate { requests, window: Duration::from_secs(window) };
        let mut budget = Budget::new(10_000, Some(rate), 1);
        let mut now = RunTime::START;
        let mut sent: Vec<RunTime> = Vec::new();
        for gap in gaps {
            now = now + Duration::from_millis(gap);
            // As greedy as can be: everything that may leave leaves.
            while let Ok(ticket) = budget.take(now) {
                budget.answered(now, ticket, &Signals::default());
                sent.push(now);
            }
        }
        for (index, first) in sent.iter().enumerate() {
            let in_span = sent[index..].iter().take_while(|&&other| other < *first + rate.window).count();
            prop_assert!(in_span <= requests as usize, "{} in {:?}", in_span, rate);
        }
    }

    #[test]
    fn a_server_time_is_never_read_too_early(
        offset in 0_u32..1_000_000, travel in prop::collection::vec((0.0_f64..2.0, 0.0_f64..2.0), 1..20),
    ) {
        let mut clock = server_clock::ServerClock::default();
        let mut now = 0.0;
        for (there, back) in travel {
            let date = (f64::from(offset) + now + there).floor();
            clock.observe(
                ServerTime(Duration::from_secs_f64(date)),
                at(now),
                at(now + there + back),
            );
            now += there + back;
        }
        let event = f64::from(offset) + now + 5.0;
        let read = clock.run_time(ServerTime(Duration::from_secs_f64(event))).unwrap();
        prop_assert!(read.since_start().as_secs_f64() >= now + 5.0 - 1e-6);
    }
}
