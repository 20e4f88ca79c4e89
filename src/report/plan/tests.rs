//! How a forecast's time reads.

use super::*;
use crate::budget::{LearnedFrom, LearnedLimit, Renewal};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn learned(window: Option<Duration>) -> LearnedLimit {
    LearnedLimit {
        bucket: "default".to_owned(),
        limit: 300,
        window,
        renewal: Renewal::AtOnce,
        learned_from: LearnedFrom::Header,
    }
}

fn forecast(spent: Option<TimeSpent>, limit: Option<HeldBack>) -> TimeForecast {
    let limits = limit.iter().filter_map(|held| match &held.limit {
        Limit::Learned(learned) => Some(learned.clone()),
        Limit::Own(_) => None,
    });
    TimeForecast {
        spent,
        limits: limits.collect(),
        rate: None,
        limit,
        least: seconds(3),
        pauses: Duration::ZERO,
        in_a_row: 2,
        assumed: None,
    }
}

#[test]
fn a_known_limit_says_how_long_and_what_of_it_is_its_own() {
    let spent =
        TimeSpent { limit: Duration::from_millis(15_612), guests: seconds(9), ..TimeSpent::default() };
    let held =
        HeldBack { limit: Limit::Learned(learned(Some(seconds(5)))), windows: 5, span: Some(seconds(20)) };
    let lines = time(&forecast(Some(spent), Some(held)), 1_500);
    assert_eq!(
        lines,
        [
            "about 25 s: 16 s waiting for the limit (300 per 5 s, read from headers), 9 s for the guests",
            "20 s of it is what 1,500 requests take at this limit, however they are sent",
        ]
    );
}

#[test]
fn a_limit_that_holds_nothing_back_is_not_spoken_of() {
    let spent = TimeSpent { guests: seconds(4), ..TimeSpent::default() };
    let held =
        HeldBack { limit: Limit::Learned(learned(Some(seconds(5)))), windows: 1, span: Some(Duration::ZERO) };
    let lines = time(&forecast(Some(spent), Some(held)), 60);
    assert_eq!(lines, ["about 4 s, waiting for the guests"]);
}

#[test]
fn what_is_not_known_is_said() {
    let spent = TimeSpent { guests: seconds(4), ..TimeSpent::default() };
    let unknown = TimeForecast { assumed: Some(seconds(1)), ..forecast(Some(spent), None) };
    assert_eq!(
        time(&unknown, 600),
        [
            "about 4 s, waiting for the guests",
            "the API's limit is not known yet, and 600 requests may meet it",
            "commands are taken to last 1 s each; a run learns how long they do",
        ]
    );
    let held = HeldBack { limit: Limit::Learned(learned(None)), windows: 4, span: None };
    assert_eq!(
        time(&forecast(None, Some(held)), 1_016),
        [
            "4 windows of the limit (300 a window of unknown length, read from headers); at least 3 s and what 2 \
             commands in a row take"
        ]
    );
}
