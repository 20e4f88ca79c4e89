//! R1 to R7: waiting as long as the API asks, and no longer.

use std::time::Duration;

use rollcall::{
    budget::{Reset, RetryAfter, ServerTime, Signals},
    engine::{Answer, Call, Failure, Reply, Stop},
    playbook::Rate,
};

use super::script::{Say, TRAVEL, exit_code, line, outcome, play, play_one, problem, spec, throttled, times};
use crate::harness::{Account, People};

fn pause(account: &Account) -> Duration {
    let starts = times(account, |call| matches!(call, Call::Start { .. }));
    assert_eq!(starts.len(), 2);
    // From the answer to the next request.
    starts[1].saturating_sub(starts[0] + TRAVEL + TRAVEL)
}

fn refused_once(signals: &Signals) -> Account {
    play_one(|moment| {
        (moment.is_start() && moment.nth == 0).then(|| {
            let answer = Answer::Failed(Failure::Throttled(problem(429, "")));
            Say(Reply { signals: Signals { throttled: true, ..signals.clone() }, answer }, TRAVEL)
        })
    })
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn r1_retry_after_is_waited_out_and_without_it_reset() {
    let retry_after = Some(RetryAfter::In(seconds(7)));
    assert_eq!(pause(&refused_once(&Signals { retry_after, ..Signals::default() })), seconds(7));
    let reset = Some(Reset::In(seconds(9)));
    assert_eq!(pause(&refused_once(&Signals { reset, ..Signals::default() })), seconds(9));
    assert_eq!(pause(&refused_once(&Signals { reset, retry_after, ..Signals::default() })), seconds(9));
}

#[test]
fn r1_a_reset_beyond_belief_does_not_count() {
    let reset = Some(Reset::In(seconds(86_400)));
    assert!(pause(&refused_once(&Signals { reset, ..Signals::default() })) < seconds(61));
}

#[test]
fn r2_a_retry_after_that_asks_for_nothing_is_answered_with_our_own_back_off() {
    let date = Some(ServerTime(seconds(1_790_000_000)));
    let past = Some(RetryAfter::At(ServerTime(seconds(1_700_000_000))));
    for signals in [
        Signals { retry_after: Some(RetryAfter::In(Duration::ZERO)), ..Signals::default() },
        Signals { retry_after: past, date, ..Signals::default() },
    ] {
        let paused = pause(&refused_once(&signals));
        assert!(paused >= seconds(1) && paused <= seconds(60), "{paused:?}");
    }
}

#[test]
fn r2_zero_again_and_again_makes_the_pauses_grow() {
    let account =
        play_one(|moment| (moment.is_start() && moment.nth < 12).then(|| throttled(Some(Duration::ZERO))));
    let starts = times(&account, |call| matches!(call, Call::Start { .. }));
    let pauses: Vec<Duration> = starts.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    assert!(pauses.iter().max() > Some(&seconds(5)), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause >= seconds(1) && *pause < seconds(61)), "{pauses:?}");
}

#[test]
fn r3_and_r7_a_wait_beyond_patience_stops_the_starts() {
    for wait in [seconds(3601), Duration::MAX] {
        let account =
            play(spec(1), 3, &People::default(), |moment| moment.is_start().then(|| throttled(Some(wait))));
        assert!(matches!(account.run.stop, Some(Stop::Patience(Some(_)))), "{:?}", account.run.stop);
        let lines: Vec<String> = account.run.targets.iter().map(|target| line(target)).collect();
        assert_eq!(lines, ["unavailable rate_limited no"; 3]);
        assert!(account.run.duration < seconds(5));
    }
}

#[test]
fn r3_with_a_deadline_patience_is_what_is_left_of_it() {
    let mut spec = spec(1);
    spec.deadline = Some(seconds(20));
    let account =
        play(spec, 1, &People::default(), |moment| moment.is_start().then(|| throttled(Some(seconds(30)))));
    assert_eq!((outcome(&account).as_str(), exit_code(&account)), ("unavailable rate_limited no", 3));
    assert!(account.run.duration < seconds(5));
}

#[test]
fn r3_the_users_own_rate_tries_nobodys_patience() {
    let mut spec = spec(1);
    spec.rate = Some(Rate { requests: 1, window: Duration::from_hours(2) });
    let account = play(spec, 1, &People::default(), |_| None);
    assert_eq!((outcome(&account).as_str(), account.run.requests.total()), ("ok yes", 4));
    assert!(account.run.duration >= Duration::from_hours(6));
}

#[test]
fn r4_after_a_pause_one_request_goes_first() {
    let mut refused = false;
    let account = play(spec(1), 60, &People::default(), |moment| {
        let first = moment.is_start() && !refused;
        refused |= first;
        first.then(|| throttled(Some(seconds(5))))
    });
    let answered = account.requests.iter().find_map(|request| {
        let (at, reply) = request.answer.as_ref()?;
        reply.signals.throttled.then_some(*at)
    });
    let after = answered.unwrap() + seconds(5);
    let first = account.requests.iter().position(|request| request.at >= after).unwrap();
    let scout = account.requests[first].answer.as_ref().unwrap().0;
    assert!(account.requests[first + 1].at >= scout);
}
