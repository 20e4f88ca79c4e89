//! What the budget promises, in every order of events.

mod connections;
mod parts;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use proptest::prelude::*;

use super::{
    Budget, LearnedFrom, Operation, Reset, RetryAfter, RunTime, ServerTime, Signals, Terms, Ticket, Wait,
};
use crate::playbook::Rate;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn at(millis: u64) -> RunTime {
    RunTime::from_start(Duration::from_millis(millis))
}

fn budget(connections: usize, rate: Option<Rate>, seed: u64) -> Budget {
    Budget::new(&Terms { connections, rate, seed, ..Terms::default() })
}

/// The right to send one more listing: one limit for everything needs no other.
fn take(budget: &mut Budget, now: RunTime) -> Result<Ticket, Wait> {
    budget.take(now, Operation::List, None)
}

/// An answer that says how much is left, until `reset` from now on.
fn left(limit: u64, remaining: u64, reset: u64) -> Signals {
    Signals {
        limit: Some(limit),
        remaining: Some(remaining),
        reset: Some(Reset::In(seconds(reset))),
        ..Signals::default()
    }
}

fn refused(retry_after: Option<RetryAfter>) -> Signals {
    Signals { throttled: true, retry_after, ..Signals::default() }
}

/// When the next request may leave, if nothing comes back before.
fn next(budget: &mut Budget, from: RunTime) -> RunTime {
    let mut now = from;
    loop {
        match take(budget, now) {
            Ok(_) => return now,
            Err(Wait::Until(later) | Wait::Rate(later)) => {
                assert!(later > now, "a wait that is none");
                now = later;
            }
            Err(Wait::ForAnswer) => panic!("nothing is in flight"),
        }
    }
}

/// The pause after one refusal at 10 s that says this.
fn pause_after(signals: &Signals) -> Duration {
    let mut budget = budget(32, None, 1);
    let ticket = take(&mut budget, at(9_000)).unwrap();
    budget.answered(at(10_000), ticket, signals);
    next(&mut budget, at(10_000)).since(at(10_000))
}

proptest! {
    #[test]
    fn no_span_holds_more_than_the_users_rate(
        requests in 1_u32..400,
        window in 1_u64..120,
        pauses in prop::collection::vec(0_u64..3_000, 1..600),
    ) {
        let window = seconds(window);
        let mut budget = budget(usize::MAX, Some(Rate { requests, window }), 1);
        let mut sent: Vec<RunTime> = Vec::new();
        let mut now = RunTime::START;
        for pause in pauses {
            now = now + Duration::from_millis(pause);
            while sent.len() < 1500 && let Ok(ticket) = take(&mut budget, now) {
                budget.answered(now, ticket, &Signals::default());
                sent.push(now);
            }
        }
        let apart = usize::try_from(requests).unwrap();
        for (first, last) in sent.iter().zip(sent.iter().skip(apart)) {
            prop_assert!(last.since(*first) >= window);
        }
    }

    /// A window of `limit` requests answers in any order, having seen them in any order.
    #[test]
    fn the_horizon_never_overspends_whatever_overtakes_what(
        limit in 1_u64..40,
        connections in 1_usize..40,
        choices in prop::collection::vec((0_usize..3, 0_usize..64), 1..400),
    ) {
        let mut budget = budget(connections, None, 1);
        // A first answer says what the limit is; before it, nothing can be known.
        let ticket = take(&mut budget, RunTime::START).unwrap();
        let mut used = 1;
        budget.answered(at(1), ticket, &left(limit, limit - used, 60));
        let mut travelling: VecDeque<Ticket> = VecDeque::new();
        let mut answers: Vec<(Ticket, u64)> = Vec::new();
        for (choice, which) in choices {
            match choice {
                0 => travelling.extend(take(&mut budget, at(2)).ok()),
                1 if !travelling.is_empty() => {
                    let ticket = travelling.remove(which % travelling.len()).unwrap();
                    used += 1;
                    prop_assert!(used <= limit, "request {used} of {limit}");
                    answers.push((ticket, limit - used));
                }
                2 if !answers.is_empty() => {
                    let (ticket, remaining) = answers.swap_remove(which % answers.len());
                    budget.answered(at(2), ticket, &left(limit, remaining, 60));
                }
                _ => {}
            }
        }
        prop_assert!(used + u64::try_from(travelling.len()).unwrap() <= limit);
    }

    #[test]
    fn nothing_leaves_before_the_pause_is_over(retry_after in 0_u64..4_000, reset in 0_u64..3_600) {
        let signals = Signals { reset: Some(Reset::In(seconds(reset))), ..refused(Some(RetryAfter::In(seconds(retry_after)))) };
        prop_assert_eq!(pause_after(&signals), seconds(retry_after.max(reset).max(1)));
    }

    /// Every wait ends, whatever the server says.
    #[test]
    fn asking_again_at_the_time_named_always_leads_on(
        said in prop::collection::vec((any::<bool>(), prop::option::of(0_u64..90), prop::option::of(0_u64..50), prop::option::of(0_u64..90)), 1..60),
    ) {
        let mut budget = budget(4, Some(Rate { requests: 50, window: seconds(10) }), 3);
        let mut now = RunTime::START;
        for (throttled, retry_after, remaining, reset) in said {
            let mut asked = 0;
            let ticket = loop {
                match take(&mut budget, now) {
                    Ok(ticket) => break ticket,
                    Err(Wait::Until(later) | Wait::Rate(later)) => now = later,
                    Err(Wait::ForAnswer) => panic!("nothing is in flight"),
                }
                asked += 1;
                prop_assert!(asked < 5, "asked {asked} times, and now it is {now}");
            };
            let signals = Signals {
                throttled,
                retry_after: retry_after.map(|wait| RetryAfter::In(seconds(wait))),
                limit: remaining.map(|_| 50),
                remaining,
                reset: reset.map(|wait| Reset::In(seconds(wait))),
                date: None,
            };
            budget.answered(now, ticket, &signals);
        }
    }
}

#[test]
fn after_a_pause_one_request_goes_first() {
    let mut budget = budget(32, None, 1);
    let ticket = take(&mut budget, at(0)).unwrap();
    budget.answered(at(100), ticket, &refused(Some(RetryAfter::In(seconds(5)))));
    assert_eq!(take(&mut budget, at(5_099)), Err(Wait::Until(at(5_100))));
    assert_eq!(budget.paused_until(at(5_099)), Some(at(5_100)));
    let scout = take(&mut budget, at(5_100)).unwrap();
    assert_eq!(take(&mut budget, at(5_200)), Err(Wait::ForAnswer));
    budget.answered(at(5_300), scout, &Signals::default());
    assert!(take(&mut budget, at(5_300)).is_ok() && take(&mut budget, at(5_300)).is_ok());
}

#[test]
fn a_scout_that_brings_no_answer_is_followed_by_another() {
    let mut budget = budget(32, None, 1);
    let ticket = take(&mut budget, at(0)).unwrap();
    budget.answered(at(100), ticket, &refused(Some(RetryAfter::In(seconds(5)))));
    let scout = take(&mut budget, at(5_100)).unwrap();
    budget.unanswered(scout);
    let again = take(&mut budget, at(5_200)).unwrap();
    assert_eq!(take(&mut budget, at(5_200)), Err(Wait::ForAnswer));
    budget.answered(at(5_300), again, &Signals::default());
    assert!(take(&mut budget, at(5_300)).is_ok());
}

#[test]
fn a_spent_window_is_waited_out_with_a_margin_and_then_scouted() {
    let mut budget = budget(32, None, 1);
    let ticket = take(&mut budget, at(0)).unwrap();
    budget.answered(at(100), ticket, &left(1, 0, 10));
    assert_eq!(take(&mut budget, at(200)), Err(Wait::Until(at(10_350))));
    let scout = take(&mut budget, at(10_350)).unwrap();
    budget.answered(at(10_400), scout, &left(3, 2, 10));
    assert!(take(&mut budget, at(10_400)).is_ok() && take(&mut budget, at(10_400)).is_ok());
    assert_eq!(take(&mut budget, at(10_400)), Err(Wait::ForAnswer));
}

#[test]
fn a_scout_that_comes_too_early_widens_the_margin_up_to_its_most() {
    let mut budget = budget(32, None, 1);
    let ticket = take(&mut budget, at(0)).unwrap();
    budget.answered(at(0), ticket, &left(1, 0, 10));
    let mut now = next_time(&mut budget, at(0));
    for margin in [750, 1250, 1250] {
        let scout = take(&mut budget, now).unwrap();
        budget.answered(now, scout, &refused(Some(RetryAfter::In(seconds(1)))));
        now = next_time(&mut budget, now);
        let scout = take(&mut budget, now).unwrap();
        budget.answered(now, scout, &left(1, 0, 10));
        let opens = next_time(&mut budget, now);
        assert_eq!(opens.since(now), seconds(10) + Duration::from_millis(margin));
        now = opens;
    }
}

fn next_time(budget: &mut Budget, now: RunTime) -> RunTime {
    match take(budget, now) {
        Err(Wait::Until(later)) => later,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_date_is_read_against_the_answers_own_date() {
    let date = Some(ServerTime(seconds(1_790_000_000)));
    let later = |by: u64| Some(RetryAfter::At(ServerTime(seconds(1_790_000_000 + by))));
    assert_eq!(pause_after(&Signals { date, ..refused(later(42)) }), seconds(42));
    // Without one it says nothing.
    assert!(pause_after(&refused(later(42))) <= seconds(2));
}

#[test]
fn a_reset_is_server_time_and_follows_its_date() {
    let date = Some(ServerTime(seconds(1_790_000_000)));
    let reset = Some(Reset::At(ServerTime(seconds(1_790_000_030))));
    let pause = pause_after(&Signals { reset, date, ..refused(None) });
    // The server's clock read 1790000000 and something when it answered: 30 s, taken on the late side.
    assert!(pause >= seconds(29) && pause <= seconds(31), "{pause:?}");
    // Without a date, and an hour or more away, it is not believed.
    assert!(pause_after(&Signals { reset, ..refused(None) }) <= seconds(2));
    let far = Some(Reset::In(seconds(3_601)));
    assert!(pause_after(&Signals { reset: far, ..refused(None) }) <= seconds(2));
}

#[test]
fn an_absurd_retry_after_overflows_nothing() {
    let mut budget = budget(32, None, 1);
    let ticket = take(&mut budget, at(0)).unwrap();
    budget.answered(at(100), ticket, &refused(Some(RetryAfter::In(Duration::MAX))));
    let until = budget.paused_until(at(100)).unwrap();
    assert_eq!(until, RunTime::from_start(Duration::MAX));
    assert_eq!(take(&mut budget, at(200)), Err(Wait::Until(until)));
}

#[test]
fn our_own_back_off_begins_at_a_second_grows_and_ends_at_a_minute() {
    let mut longest = Duration::ZERO;
    for seed in 0..20 {
        let mut budget = budget(32, None, seed);
        let mut now = RunTime::START;
        for round in 0..12 {
            let ticket = take(&mut budget, now).unwrap();
            budget.answered(now, ticket, &refused(None));
            let later = next_time(&mut budget, now);
            let pause = later.since(now);
            let most = seconds((1 << round.min(6)).min(60));
            assert!(pause >= seconds(1) && pause <= most, "pause {round}: {pause:?}");
            longest = longest.max(pause);
            now = later;
        }
    }
    assert!(longest > seconds(45), "{longest:?}");
}

/// A fixed window without headers but Retry-After: asks until the time is over, and says what was accepted when.
fn under_a_window(limit: u64, window: u64, until: u64) -> (Budget, BTreeMap<u64, u64>, u64) {
    let mut budget = budget(32, None, 1);
    let (mut now, mut refusals) = (RunTime::START, 0);
    let mut accepted: BTreeMap<u64, u64> = BTreeMap::new();
    while now < RunTime::from_start(seconds(until)) {
        match take(&mut budget, now) {
            Ok(ticket) => {
                let count = accepted.entry(now.since_start().as_secs() / window).or_default();
                if *count < limit {
                    *count += 1;
                    budget.answered(now, ticket, &Signals::default());
                } else {
                    refusals += 1;
                    let wait = window - now.since_start().as_secs() % window;
                    budget.answered(now, ticket, &refused(Some(RetryAfter::In(seconds(wait)))));
                }
                now = now + Duration::from_millis(10);
            }
            Err(Wait::Until(later) | Wait::Rate(later)) => now = later,
            Err(Wait::ForAnswer) => panic!("every answer is here"),
        }
    }
    (budget, accepted, refusals)
}

#[test]
fn a_limit_that_nobody_names_is_learned_by_counting() {
    let (budget, accepted, refusals) = under_a_window(120, 60, 3_600);
    let limits = budget.knowledge().limits;
    assert_eq!(limits.len(), 1);
    assert_eq!((limits[0].window, limits[0].learned_from), (Some(seconds(60)), LearnedFrom::Refusals));
    assert!((110..=135).contains(&limits[0].limit), "{limits:?}");
    let total: u64 = accepted.values().sum();
    assert!(total >= 60 * 120 * 95 / 100, "{total} of {}", 60 * 120);
    assert!(refusals <= 10, "{refusals} refused");
}

#[test]
fn a_limit_named_in_refusals_is_taken_at_its_word() {
    let mut budget = budget(32, None, 1);
    let ticket = take(&mut budget, at(0)).unwrap();
    budget.answered(at(0), ticket, &Signals { limit: Some(77), ..refused(Some(RetryAfter::In(seconds(3)))) });
    assert_eq!(budget.limit(), Some((77, None)));
    assert_eq!(budget.knowledge().limits[0].learned_from, LearnedFrom::Header);
}

/// Without a word from the server, when it lets a request through again lies between the last one refused and that one.
#[test]
fn refusals_without_a_word_teach_a_window_too() {
    let mut budget = budget(32, None, 1);
    let (mut now, mut refusals) = (RunTime::START, 0);
    let mut accepted: BTreeMap<u64, u64> = BTreeMap::new();
    while now < at(1_800_000) {
        match take(&mut budget, now) {
            Ok(ticket) => {
                let count = accepted.entry(now.since_start().as_secs() / 60).or_default();
                let throttled = *count >= 120;
                *count += u64::from(!throttled);
                refusals += u64::from(throttled);
                budget.answered(now, ticket, &if throttled { refused(None) } else { Signals::default() });
                now = now + Duration::from_millis(10);
            }
            Err(Wait::Until(later) | Wait::Rate(later)) => now = later,
            Err(Wait::ForAnswer) => panic!("every answer is here"),
        }
    }
    let total: u64 = accepted.values().sum();
    assert!(total >= 30 * 120 * 90 / 100, "{total} of {}", 30 * 120);
    assert!(refusals <= 30, "{refusals} refused");
}

#[test]
fn requests_in_flight_grow_slowly_while_no_limit_is_known() {
    let flight = |budget: &mut Budget| {
        let tickets: Vec<Ticket> = std::iter::from_fn(|| take(budget, at(0)).ok()).collect();
        for &ticket in &tickets {
            budget.answered(at(0), ticket, &Signals::default());
        }
        tickets.len()
    };
    let mut careful = budget(32, None, 1);
    let sizes: Vec<usize> = (0..100).map(|_| flight(&mut careful)).collect();
    assert_eq!((sizes.first(), sizes.last()), (Some(&8), Some(&32)));
    assert!(sizes.windows(2).all(|pair| pair[1] >= pair[0] && pair[1] <= pair[0] + 4), "{sizes:?}");
    // Unless another run has met none.
    let knowledge = careful.knowledge();
    assert!(knowledge.let_through.is_some() && knowledge.limits.is_empty());
    let mut knowing = Budget::new(&Terms { connections: 32, known: knowledge, ..Terms::default() });
    assert_eq!(flight(&mut knowing), 32);
}

/// A canary's requests go one by one, however long it takes.
#[test]
fn what_was_let_through_one_by_one_says_nothing_of_many_at_once() {
    let mut budget = budget(32, None, 1);
    for request in 0..500 {
        let ticket = take(&mut budget, at(request * 1_000)).unwrap();
        budget.answered(at(request * 1_000 + 10), ticket, &Signals::default());
    }
    let flight = std::iter::from_fn(|| take(&mut budget, at(500_000)).ok()).count();
    assert_eq!(flight, 8);
}

/// In any span of a minute 120 are let through, and those refused count as well: what the first pause hides, the second
/// shows.
#[test]
fn a_log_that_counts_refusals_too_refuses_no_more_after_the_second_pause() {
    let mut budget = budget(32, None, 1);
    let mut log: VecDeque<RunTime> = VecDeque::new();
    let mut travelling: VecDeque<(RunTime, Ticket, Signals)> = VecDeque::new();
    let (mut now, mut sent, mut refused_when) = (RunTime::START, 0, Vec::new());
    while now < at(600_000) {
        while travelling.front().is_some_and(|(arrives, ..)| *arrives <= now) {
            let (_, ticket, signals) = travelling.pop_front().unwrap();
            budget.answered(now, ticket, &signals);
        }
        // First there is little to ask, and then much.
        let wanted =
            if now < at(2_000) { usize::from(sent < now.since_start().as_millis() / 20) } else { 1_000 };
        for ticket in std::iter::from_fn(|| take(&mut budget, now).ok()).take(wanted).collect::<Vec<_>>() {
            sent += 1;
            log.retain(|&sent| sent + seconds(60) > now);
            log.push_back(now);
            let excess = log.len().saturating_sub(120);
            let signals = if excess > 0 {
                refused_when.push(now);
                let wait = (log[excess - 1] + seconds(60)).since(now).as_secs() + 1;
                Signals { limit: Some(120), ..refused(Some(RetryAfter::In(seconds(wait)))) }
            } else {
                Signals::default()
            };
            travelling.push_back((now + Duration::from_millis(40), ticket, signals));
        }
        now = now + Duration::from_millis(5);
    }
    assert!(refused_when.iter().all(|&when| when < at(62_000)), "{refused_when:?}");
    assert_eq!(budget.limit(), Some((120, Some(seconds(60)))));
}

#[test]
fn an_answer_says_nothing_twice() {
    let mut budget = budget(1, None, 1);
    let ticket = take(&mut budget, at(0)).unwrap();
    budget.answered(at(0), ticket, &Signals::default());
    budget.answered(at(0), ticket, &refused(None));
    assert_eq!(budget.paused_until(at(0)), None);
}
