//! Where a run's time went, in one sentence.
//!
//! The account itself is the engine's ([`TimeSpent`]); here its parts find their words, the largest first. Parts too small
//! to matter are left out, so what is said may add up to a little less than the whole.

use std::time::Duration;

use super::words;
use crate::{budget::LearnedLimit, engine::TimeSpent, playbook::Rate};

/// Shorter parts are not said.
const SHORTEST: Duration = Duration::from_millis(100);
/// Parts of less than one in so many of the whole are not said.
const SMALLEST: u32 = 100;
/// Said before the first part only.
const WAITING: &str = "waiting ";

/// `11.1 s: 5.7 s waiting for the limit (300 per 5 s, read from headers), 3.2 s for the guests, 2.2 s for the network`.
///
/// `whole` is all of it, `limits` are the API's and `rate` is the user's own, as far as they are to be named.
pub(super) fn sentence(
    whole: Duration,
    time: &TimeSpent,
    limits: &[LearnedLimit],
    rate: Option<Rate>,
) -> String {
    let all = words::span(whole);
    let mut parts = parts(time, limits, rate);
    parts.sort_by_key(|part| std::cmp::Reverse(part.0));
    parts.retain(|(span, _)| *span >= SHORTEST && *span >= whole / SMALLEST);
    match &parts[..] {
        [] => all,
        [(_, what)] => format!("{all}, {WAITING}{what}"),
        several => {
            let mut waiting = WAITING;
            let said: Vec<String> = several
                .iter()
                .map(|(span, what)| format!("{} {}{what}", words::span(*span), std::mem::take(&mut waiting)))
                .collect();
            format!("{all}: {}", said.join(", "))
        }
    }
}

/// Each part, and what was waited for.
fn parts(time: &TimeSpent, limits: &[LearnedLimit], own: Option<Rate>) -> Vec<(Duration, String)> {
    let TimeSpent { limit, rate, network, guests, pauses } = *time;
    let own = own.map_or_else(String::new, |rate| {
        format!(" ({})", words::limit(rate.requests.into(), Some(rate.window)))
    });
    vec![
        (limit, format!("for the limit{}", in_brackets(limits))),
        (rate, format!("for your rate{own}")),
        (guests, "for the guests".to_owned()),
        (network, "for the network".to_owned()),
        (pauses, "for pauses to end".to_owned()),
    ]
}

/// ` (300 per 5 s, read from headers)`; nothing where no limit is known.
fn in_brackets(limits: &[LearnedLimit]) -> String {
    match limits {
        [] => String::new(),
        [one] => format!(" ({})", words::learned(one)),
        several => {
            let named = |limit: &LearnedLimit| format!("{}: {}", limit.bucket, words::learned(limit));
            format!(" ({})", several.iter().map(named).collect::<Vec<_>>().join("; "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{LearnedFrom, Renewal};

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn limit(bucket: &str) -> LearnedLimit {
        LearnedLimit {
            bucket: bucket.to_owned(),
            limit: 300,
            window: Some(Duration::from_secs(5)),
            renewal: Renewal::AtOnce,
            learned_from: LearnedFrom::Header,
        }
    }

    fn said(time: TimeSpent, limits: &[LearnedLimit]) -> String {
        sentence(time.total(), &time, limits, None)
    }

    #[test]
    fn the_largest_part_is_said_first_and_waiting_once() {
        let spent =
            TimeSpent { limit: ms(5700), guests: ms(3200), network: ms(2200), ..TimeSpent::default() };
        assert_eq!(
            said(spent, &[limit("default")]),
            "11.1 s: 5.7 s waiting for the limit (300 per 5 s, read from headers), 3.2 s for the guests, \
             2.2 s for the network"
        );
        let spent = TimeSpent { pauses: ms(4000), rate: ms(3000), guests: ms(2000), ..TimeSpent::default() };
        assert_eq!(
            said(spent, &[]),
            "9 s: 4 s waiting for pauses to end, 3 s for your rate, 2 s for the guests"
        );
    }

    #[test]
    fn what_is_next_to_nothing_is_not_said() {
        let spent = TimeSpent { limit: ms(60_000), guests: ms(590), network: ms(90), ..TimeSpent::default() };
        assert_eq!(
            said(spent, &[limit("default")]),
            "1 min, waiting for the limit (300 per 5 s, read from headers)"
        );
        let spent = TimeSpent { network: ms(290), guests: ms(30), ..TimeSpent::default() };
        assert_eq!(said(spent, &[limit("default")]), "320 ms, waiting for the network");
        assert_eq!(said(TimeSpent { network: ms(90), ..TimeSpent::default() }, &[]), "90 ms");
        assert_eq!(said(TimeSpent::default(), &[]), "0 ms");
    }

    #[test]
    fn the_users_rate_is_named_where_it_is_known() {
        let spent = TimeSpent { rate: ms(3000), ..TimeSpent::default() };
        let rate = crate::playbook::parse_rate("60/1m").ok();
        assert_eq!(sentence(spent.total(), &spent, &[], rate), "3 s, waiting for your rate (60 per 1 min)");
    }

    #[test]
    fn of_several_limits_each_is_named() {
        let spent = TimeSpent { limit: ms(5000), network: ms(500), ..TimeSpent::default() };
        assert_eq!(
            said(spent, &[limit("probe"), limit("poll")]),
            "5.5 s: 5 s waiting for the limit (probe: 300 per 5 s, read from headers; poll: 300 per 5 s, read \
             from headers), 500 ms for the network"
        );
    }
}
