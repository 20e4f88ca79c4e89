//! Rate limits: the API's, learned from its refusals, and the user's own.

use serde_json::Value;

use crate::sandbox::{Sandbox, with_status};

const PLAYBOOK: &str = "name: limits\nsteps:\n  - run: uname -r\n    timeout: 60s\n";

fn at(line: &Value) -> u64 {
    line["at"].as_u64().unwrap()
}

fn each_began_once(sandbox: &Sandbox, servers: usize) {
    let mut begun = sandbox.begun();
    assert_eq!(begun.len(), servers);
    begun.dedup();
    assert_eq!(begun.len(), servers);
}

#[test]
fn no_request_is_sent_while_the_api_said_to_wait_and_all_targets_finish() {
    let sandbox =
        Sandbox::start(&["--vms", "40", "--rate", "40/1s", "--window", "fixed", "--headers", "429"]);
    let (code, report) = sandbox.run_json(PLAYBOOK, &[]);
    assert_eq!((code, with_status(&report, "ok").len()), (0, 40));
    each_began_once(&sandbox, 40);

    let requests = sandbox.requests();
    let refused: Vec<_> = requests.iter().filter(|line| line["status"] == 429).collect();
    assert!(!refused.is_empty(), "the limit was never met, so that nothing is proved");
    for refusal in &refused {
        let wait = refusal["retryAfter"].as_u64().unwrap() * 1000;
        // Those under way when the refusal arrived could not be held back.
        let held_back = at(refusal) + 100..(at(refusal) + wait).saturating_sub(50);
        let early: Vec<_> = requests.iter().filter(|line| held_back.contains(&at(line))).collect();
        assert!(early.is_empty(), "after {refusal}: {early:?}");
    }
}

#[test]
fn the_users_own_rate_is_never_exceeded() {
    let sandbox = Sandbox::start(&["--vms", "12"]);
    let (code, _) = sandbox.run_json(PLAYBOOK, &["--rate", "20/1s"]);
    assert_eq!(code, 0);
    each_began_once(&sandbox, 12);
    let times: Vec<_> = sandbox.requests().iter().map(at).collect();
    assert!(times.len() > 20, "too few requests to prove anything: {}", times.len());
    for (first, last) in times.iter().zip(&times[20..]) {
        // The journal has arrivals, which lie closer together than what was sent when one is held up on the way.
        assert!(last - first >= 950, "21 requests from {first} to {last} ms: {times:?}");
    }
}
