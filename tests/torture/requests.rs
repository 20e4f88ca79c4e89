//! Each request fails once, in every way that there is.

use futures::{StreamExt as _, stream};
use rollcall::{
    engine::{Status, Stop},
    runner::Run,
};

use crate::trial::{SERVERS, Trial, spec};

/// A request of a run: the listing, a probe, two starts and at least two polls a server.
const REQUESTS: usize = 1 + 5 * SERVERS;

/// Trials that go on at once: most of their time is waiting.
const AT_ONCE: usize = 64;

const FAULTS: [&str; 15] = [
    "reset-before",
    "reset-after",
    "hang",
    "truncate",
    "delay 20ms",
    "wrong-type",
    "html 502",
    "redirect",
    "500",
    "503",
    "404",
    "403",
    "429",
    "status 409 upstream_failed",
    "forget",
];

#[tokio::test]
async fn one_failing_request_costs_one_server_at_most_and_never_the_truth() {
    let trials = FAULTS.iter().flat_map(|fault| (1..=REQUESTS).map(move |number| (*fault, number)));
    let met: Vec<bool> = stream::iter(trials)
        .map(|(fault, number)| one(fault, number))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert!(met.into_iter().filter(|met| *met).count() > FAULTS.len() * REQUESTS / 2, "faults were not met");
}

/// A run whose so manieth request meets a fault; says whether it came to that.
async fn one(fault: &str, number: usize) -> bool {
    let trial = Trial::with_faults(&format!("- {{ on: any, nth: {number}, fault: '{fault}' }}")).await;
    let outcome = trial.drive(Run::new(spec())).await;
    let (run, what) = (outcome.run, format!("{fault} at request {number}"));
    assert!(!outcome.defect, "{what}");
    trial.judge(&run.targets, &what);
    let others = run.targets.iter().filter(|target| target.status == Status::Ok).count();
    match &run.stop {
        None => {
            assert_eq!(run.targets.len(), SERVERS, "{what}");
            assert!(others >= SERVERS - 1, "{what}: {:?}", run.targets);
        }
        // Without the inventory nothing is started.
        Some(Stop::Inventory(_) | Stop::Auth(_)) if number == 1 => assert!(run.targets.is_empty(), "{what}"),
        Some(stop) => panic!("{what}: {stop:?}"),
    }
    let met = trial.sandbox.served().total() >= number as u64;
    trial.sandbox.stop().await;
    met
}
