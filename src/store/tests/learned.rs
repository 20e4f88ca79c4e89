//! What is kept, for whom and for how long.

use std::{path::Path, time::Duration};

use jiff::SignedDuration;
use rusqlite::Connection;

use super::{SHA, account, days, knowledge, learned, limit, now, place, times};
use crate::{
    budget::{Knowledge, LearnedFrom, LearnedLimit, LetThrough, Renewal},
    engine::RunTimes,
    hostup::ApiKey,
    store::{Account, FILE, FRESH_DAYS, KEPT_DAYS, Store},
};

#[test]
fn what_was_learned_comes_back_as_it_was() {
    let (_folder, directory) = place();
    let everything = Knowledge {
        limits: vec![
            limit("start", 300),
            LearnedLimit {
                window: None,
                renewal: Renewal::Steadily,
                learned_from: LearnedFrom::Header,
                ..limit("default", 7)
            },
        ],
        let_through: Some(LetThrough { requests: 6003, span: Duration::from_nanos(5_200_000_007) }),
    };
    // A kind that is added must be added to what can be read back, too.
    for limit in &everything.limits {
        match (limit.renewal, limit.learned_from) {
            (Renewal::AtOnce | Renewal::Steadily, LearnedFrom::Header | LearnedFrom::Refusals) => {}
        }
    }
    let kept = learned("one", now(), everything.clone());
    Store::open(&directory).unwrap().keep_learned(&kept).unwrap();

    let store = Store::open(&directory).unwrap();
    assert_eq!(store.known(&account("one"), now()).unwrap(), everything);
    assert_eq!(store.learned_on(&account("one")).unwrap(), Some(kept.clone()));
    assert_eq!(store.all_learned().unwrap(), [kept]);
}

#[test]
fn keys_and_addresses_have_limits_of_their_own() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    store.keep_learned(&learned("one", now(), knowledge(vec![limit("default", 1)]))).unwrap();
    store.keep_learned(&learned("two", now(), knowledge(vec![limit("default", 2)]))).unwrap();
    let elsewhere =
        Account::new(&"https://gateway.example/hostup".parse().unwrap(), &ApiKey::from_text("one").unwrap());
    assert_eq!(store.known(&account("one"), now()).unwrap().limits, [limit("default", 1)]);
    assert_eq!(store.known(&account("two"), now()).unwrap().limits, [limit("default", 2)]);
    assert_eq!(store.known(&elsewhere, now()).unwrap(), Knowledge::default());
    assert_eq!(store.all_learned().unwrap().len(), 2);
}

#[test]
fn what_is_newer_replaces_unless_nothing_was_learned() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    let (later, latest) = (now() + days(1), now() + days(2));
    store.keep_learned(&learned("one", now(), knowledge(vec![limit("a", 1), limit("b", 2)]))).unwrap();
    let second = learned("one", later, knowledge(vec![limit("c", 3)]));
    store.keep_learned(&second).unwrap();
    store.keep_learned(&learned("one", latest, Knowledge::default())).unwrap();
    assert_eq!(store.all_learned().unwrap(), [second]);
}

#[test]
fn a_count_beyond_all_bounds_is_kept_as_the_most_that_can_be() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    let absurd = LearnedLimit { window: Some(Duration::MAX), ..limit("default", u64::MAX) };
    store.keep_learned(&learned("one", now(), knowledge(vec![absurd]))).unwrap();
    let known = store.known(&account("one"), now()).unwrap();
    assert_eq!(known.limits[0].limit, i64::MAX.unsigned_abs());
    assert_eq!(known.limits[0].window, Some(Duration::from_nanos(i64::MAX.unsigned_abs())));
}

#[test]
fn what_is_older_than_a_week_begins_no_run_but_is_still_told() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    store.keep_learned(&learned("one", now(), knowledge(vec![limit("default", 300)]))).unwrap();
    let moment = SignedDuration::from_millis(1);
    for (age, fresh) in [
        (days(0), true),
        (days(FRESH_DAYS), true),
        (days(FRESH_DAYS) + moment, false),
        // The clock was wrong then, or is now.
        (-days(FRESH_DAYS), true),
        (-days(FRESH_DAYS) - moment, false),
    ] {
        let known = store.known(&account("one"), now() + age).unwrap();
        assert_eq!(known != Knowledge::default(), fresh, "{age:?}");
        let told = store.learned_on(&account("one")).unwrap().unwrap();
        assert_eq!(told.is_stale(now() + age), !fresh, "{age:?}");
    }
}

#[test]
fn what_is_older_than_a_quarter_is_forgotten_when_something_is_kept() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    store.keep_learned(&learned("old", now(), knowledge(vec![limit("default", 300)]))).unwrap();
    store.keep_learned(&learned("new", now() + days(KEPT_DAYS), knowledge(vec![limit("a", 1)]))).unwrap();
    assert_eq!(store.all_learned().unwrap().len(), 2, "not older yet");
    let later = now() + days(KEPT_DAYS) + SignedDuration::from_millis(1);
    store.keep_learned(&learned("new", later, knowledge(vec![limit("a", 1)]))).unwrap();
    assert_eq!(store.learned_on(&account("old")).unwrap(), None);
    let left: i64 = count(&directory, "learned_limit");
    assert_eq!(left, 1, "no limit stays behind without its account");
}

#[test]
fn run_times_come_back_by_account_and_playbook_and_the_newer_of_the_same_steps_counts() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    let (one, two) = (account("one"), account("two"));
    let first = times(&[(0, 1, &[1, 2_000_000_003]), (1, 2, &[7])]);
    store.keep_run_times(&one, SHA, now(), &first).unwrap();
    assert_eq!(store.run_times(&one, SHA, now()).unwrap(), first);
    assert!(store.run_times(&two, SHA, now()).unwrap().is_empty());
    assert!(store.run_times(&one, "other", now()).unwrap().is_empty());

    let second = times(&[(0, 1, &[5]), (0, 3, &[9])]);
    store.keep_run_times(&one, SHA, now(), &second).unwrap();
    store.keep_run_times(&one, SHA, now(), &RunTimes::default()).unwrap();
    let merged = times(&[(0, 1, &[5]), (0, 3, &[9]), (1, 2, &[7])]);
    assert_eq!(store.run_times(&one, SHA, now()).unwrap(), merged);
}

#[test]
fn run_times_are_told_for_a_quarter_and_then_forgotten() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    let one = account("one");
    store.keep_run_times(&one, SHA, now(), &times(&[(0, 1, &[5])])).unwrap();
    let (last, after) = (now() + days(KEPT_DAYS), now() + days(KEPT_DAYS) + SignedDuration::from_millis(1));
    assert!(!store.run_times(&one, SHA, last).unwrap().is_empty());
    assert!(store.run_times(&one, SHA, after).unwrap().is_empty());
    store.keep_run_times(&one, "other", last, &times(&[(0, 1, &[5])])).unwrap();
    assert_eq!(count(&directory, "run_times"), 2);
    store.keep_run_times(&one, "other", after, &times(&[(0, 1, &[5])])).unwrap();
    assert_eq!(count(&directory, "run_times"), 1);
}

fn count(directory: &Path, table: &str) -> i64 {
    let connection = Connection::open(directory.join(FILE)).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}
