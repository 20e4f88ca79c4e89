//! What a rehearsal does with the shape of a run; that it comes close to real ones is shown in `tests/simulation/plan.rs`.

use std::sync::Arc;

use serde_json::Map;

use super::*;
use crate::budget::{LearnedFrom, Renewal};

const SECOND: Duration = Duration::from_secs(1);

fn target(starts: &[&[usize]]) -> TargetForecast {
    let start = |steps: &&[usize]| StartForecast {
        steps: steps.to_vec(),
        end: None,
        chars: 0,
        text: None,
        reads_captures: false,
        conditional: false,
    };
    TargetForecast {
        vps: Arc::new(Vps::new(Map::new())),
        starts: starts.iter().map(start).collect(),
        skipped: Vec::new(),
        refused: None,
    }
}

fn spec() -> RunSpec {
    let step = |name: &str| Step::new(name, Template::verbatim("a text that takes no part"));
    RunSpec::new(Selection::default(), vec![step("a"), step("b"), step("c")], 1)
}

fn limit(renewal: Renewal, learned_from: LearnedFrom) -> LearnedLimit {
    LearnedLimit { bucket: "default".to_owned(), limit: 60, window: Some(10 * SECOND), renewal, learned_from }
}

fn rehearsed(spec: &RunSpec, targets: &[TargetForecast], limits: &[LearnedLimit]) -> Rehearsed {
    let listed = Listed { requests: 2, round_trip: Duration::from_millis(20), limits: Vec::new() };
    rehearse(spec, targets, limits, &listed, MOST_TARGETS)
}

#[test]
fn each_target_has_the_starts_that_were_found_for_it() {
    let mut spec = spec();
    for (first, steps) in [(0, 2), (2, 1), (0, 1)] {
        spec.run_times.insert(Carried { first, steps }, vec![Duration::ZERO]);
    }
    // What has ended before it is first asked about is asked about once: five starts, on three of the targets.
    let targets = [target(&[&[0, 1], &[2]]), target(&[&[0], &[2]]), target(&[]), target(&[&[2]])];
    let Rehearsed { polls, refused, time } = rehearsed(&spec, &targets, &[]);
    assert_eq!((polls, refused, time.held_back()), (5, 0, Duration::ZERO));
    assert_eq!(rehearsed(&spec, &[target(&[])], &[]).polls, 0);
    assert_eq!(rehearsed(&spec, &[], &[]).polls, 0);
}

#[test]
fn starts_in_a_row_take_their_times_in_a_row() {
    let mut spec = spec();
    spec.run_times.insert(Carried { first: 0, steps: 1 }, vec![5 * SECOND]);
    spec.run_times.insert(Carried { first: 1, steps: 2 }, vec![7 * SECOND]);
    let time = rehearsed(&spec, &[target(&[&[0], &[1, 2]])], &[]).time;
    assert!((12 * SECOND..25 * SECOND).contains(&time.total()), "{time:?}");
    assert!(time.guests > 11 * SECOND, "{time:?}");
}

#[test]
fn a_known_limit_is_waited_for_and_only_an_unannounced_one_refuses() {
    let targets: Vec<_> = (0..100).map(|_| target(&[&[0]])).collect();
    for renewal in [Renewal::AtOnce, Renewal::Steadily] {
        let announced = rehearsed(&spec(), &targets, &[limit(renewal, LearnedFrom::Header)]);
        // 302 requests, 60 of which need no wait.
        assert!(announced.time.total() >= 40 * SECOND, "{announced:?}");
        assert!(announced.time.limit > 20 * SECOND && announced.refused <= 2, "{announced:?}");
        let met = rehearsed(&spec(), &targets, &[limit(renewal, LearnedFrom::Refusals)]);
        assert!(met.refused > 0 && met.time.total() >= 40 * SECOND, "{met:?}");
    }
}

#[test]
fn the_users_rate_batches_and_pauses_are_kept() {
    let targets: Vec<_> = (0..30).map(|_| target(&[&[0]])).collect();
    let run = RunSpec { rate: Some(crate::playbook::Rate { requests: 60, window: 60 * SECOND }), ..spec() };
    // 92 requests, a second apart but for the first.
    let paced = rehearsed(&run, &targets, &[]).time;
    assert!(paced.total() >= 91 * SECOND && paced.rate > 60 * SECOND, "{paced:?}");
    let run = RunSpec {
        batches: ["1", "10%", "100%"].map(|size| size.parse().unwrap()).to_vec(),
        pause: 3 * SECOND,
        ..spec()
    };
    let batched = rehearsed(&run, &targets, &[]).time;
    assert!(batched.pauses >= 6 * SECOND && batched.total() >= 9 * SECOND, "{batched:?}");
}

#[test]
fn windows_longer_than_a_runs_patience_are_sat_through() {
    let targets: Vec<_> = (0..40).map(|_| target(&[&[0]])).collect();
    let daily =
        LearnedLimit { window: Some(24 * 3600 * SECOND), ..limit(Renewal::AtOnce, LearnedFrom::Header) };
    let time = rehearsed(&spec(), &targets, &[daily]).time;
    assert!(time.total() >= 2 * 24 * 3600 * SECOND, "{time:?}");
}

#[test]
fn a_large_run_is_stretched_from_a_smaller_one() {
    let targets: Vec<_> = (0..1500).map(|_| target(&[&[0]])).collect();
    let limits = [limit(Renewal::AtOnce, LearnedFrom::Header)];
    let listed = Listed { requests: 15, round_trip: Duration::from_millis(20), limits: Vec::new() };
    let whole = rehearse(&spec(), &targets, &limits, &listed, MOST_TARGETS);
    let stretched = rehearse(&spec(), &targets, &limits, &listed, 500);
    let near = |one: f64, other: f64| (one - other).abs() <= other * 0.03;
    let seconds = |rehearsed: &Rehearsed| rehearsed.time.total().as_secs_f64();
    assert!(near(seconds(&stretched), seconds(&whole)), "{stretched:?} {whole:?}");
    // A plan tells of requests as a whole: here a start for each target, and the polls.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let requests = |rehearsed: &Rehearsed| (1500 + rehearsed.polls) as f64;
    assert!(near(requests(&stretched), requests(&whole)), "{stretched:?} {whole:?}");
}
