//! Killed without warning, and gone on with: never twice, nothing lost.
//!
//! The campaign of `benches/kills` in small. The named places at which a run dies are compiled into debug builds only
//! (`src/runner/failpoint.rs`).

use serde_json::Value;

use crate::{
    running::{Running, resumed, statuses},
    sandbox::{Sandbox, code, document, finish, rollcall},
};

#[path = "../../benches/kills/campaign/mod.rs"]
mod campaign;

use campaign::{Case, Tally};

const SINGLE: &str = "name: killed\nrun: uname -r\n";

/// Whether the program dies at named places; says so where it does not.
#[expect(clippy::print_stderr, reason = "a test that checks nothing must not look like one that does")]
fn dies_at_named_places() -> bool {
    if !cfg!(debug_assertions) {
        eprintln!("SKIPPED: a release build has no named places to die at");
    }
    cfg!(debug_assertions)
}

/// A run of six servers, one after the other, killed at the second passage of a place.
fn killed_at(place: &str) -> Option<Sandbox> {
    if !dies_at_named_places() {
        return None;
    }
    let sandbox = Sandbox::start(&["--vms", "6", "--duration", "10ms", "--gone-pid", "404"]);
    let playbook = sandbox.file("playbook.yaml", SINGLE);
    let number = if place == "before_report" { 1 } else { 2 };
    let mut command = sandbox.rollcall("run");
    command.arg(playbook).args(["-o", "json", "--concurrency", "1"]);
    let output = finish(command.env("ROLLCALL_FAILPOINT", format!("{place}:{number}")));
    assert_eq!((output.status.code(), output.stdout.len()), (None, 0), "{place}: {output:?}");
    Some(sandbox)
}

/// What the resumed run says of the second server; all others are ok.
fn second_after(place: &str) -> Option<(Sandbox, Value)> {
    let sandbox = killed_at(place)?;
    let (code, report) = resumed(&sandbox);
    let statuses = statuses(&report);
    assert!((0..6).all(|target| target == 1 || statuses[target] == "ok"), "{place}: {report}");
    assert_eq!(code, if statuses[1] == "unknown" { 6 } else { 0 }, "{place}");
    assert!(sandbox.requests_of("start").len() <= 6, "{place}: a start was sent twice");
    let second = report["targets"][1].clone();
    Some((sandbox, second))
}

fn status(second: &Value) -> (&str, &str, &str) {
    let word = |key: &str| second[key].as_str().unwrap_or("-");
    (word("status"), word("reason"), word("ran"))
}

#[test]
fn k1_killed_before_an_intent_is_written_the_task_is_started_once() {
    let Some((sandbox, second)) = second_after("before_intent") else { return };
    assert_eq!(status(&second), ("ok", "-", "yes"));
    assert_eq!(sandbox.begun().len(), 6);
}

#[test]
fn k2_killed_between_an_intent_and_its_pid_the_task_is_unknown_and_never_sent_again() {
    for (place, begun) in [("after_intent", 5), ("after_reply", 6)] {
        let Some((sandbox, second)) = second_after(place) else { return };
        assert_eq!(status(&second), ("unknown", "crashed", "maybe"), "{place}");
        assert_eq!(sandbox.begun().len(), begun, "{place}");
    }
}

#[test]
fn k3_k18_killed_while_polling_the_same_process_is_polled_and_a_lock_left_behind_keeps_nobody_out() {
    let Some(sandbox) = killed_at("after_pid") else { return };
    let left: Vec<_> = sandbox.state().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(
        left.iter().any(|path| path.extension().is_some_and(|extension| extension == "lock")),
        "{left:?}"
    );
    let pid = sandbox.requests_of("start")[1]["pid"].clone();
    let (code, report) = resumed(&sandbox);
    assert_eq!((code, &report["targets"][1]["steps"][0]["pid"]), (0, &pid));
    assert_eq!((sandbox.requests_of("start").len(), sandbox.begun().len()), (6, 6));
}

#[test]
fn g5_killed_with_the_only_answer_in_hand_the_result_is_lost_and_said_to_be() {
    let Some((_, second)) = second_after("after_poll") else { return };
    assert_eq!(status(&second), ("unknown", "result_lost", "yes"));
}

#[test]
fn k4_k11_killed_after_the_results_are_written_they_are_shown_as_they_were_and_nothing_is_sent() {
    for place in ["after_result", "before_report"] {
        let Some((sandbox, second)) = second_after(place) else { return };
        assert_eq!(status(&second), ("ok", "-", "yes"), "{place}");
        let sent = sandbox.requests().len();
        let mut show = rollcall();
        show.env(crate::sandbox::STATE_HOME, sandbox.directory()).args(["show", "last", "-o", "json"]);
        let shown = finish(&mut show);
        let (code_again, again) = resumed(&sandbox);
        assert_eq!((code(&shown), code_again, sandbox.requests().len()), (0, 0, sent), "{place}");
        assert_eq!(document(&shown)["targets"], again["targets"], "{place}");
    }
}

#[test]
fn k10_a_run_that_goes_on_is_not_gone_on_with() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let running = Running::start(&sandbox, "name: long\nrun: sleep 2\n", &[]);
    crate::waiting::until("the first command", || (!sandbox.begun().is_empty()).then_some(()));
    let mut resume = rollcall();
    resume.env(crate::sandbox::STATE_HOME, sandbox.directory()).args(["resume", "last", "--api-key-file"]);
    let output = finish(resume.arg(sandbox.directory().join("key")));
    assert_eq!(code(&output), 2);
    assert!(crate::sandbox::stderr(&output).contains("in progress"), "{output:?}");
    assert_eq!(running.end().0, 0);
    assert_eq!(sandbox.begun().len(), 2);
}

#[test]
fn g1_g2_g3_killed_at_any_place_and_time_nothing_runs_twice_and_no_row_contradicts_a_server() {
    let points = campaign::has_failpoints().unwrap();
    assert_eq!(points, cfg!(debug_assertions));
    let mut cases = Case::all(points);
    cases.retain(|case| !case.has_faults());
    let places = cases.len() - 2;
    let rounds: Vec<Case> = [&cases[..], &cases[..2], &cases[..2], &cases[..1]].concat();
    let mut sum = Tally::default();
    for some in rounds.chunks(4) {
        let tallies: Vec<Tally> = std::thread::scope(|scope| {
            let rounds: Vec<_> = (1..)
                .zip(some)
                .map(|(seed, case)| scope.spawn(move || campaign::round(case, seed, points).unwrap()))
                .collect();
            rounds.into_iter().map(|round| round.join().unwrap()).collect()
        });
        for tally in tallies {
            sum.add(tally);
        }
    }
    assert!(sum.is_clean(), "{:#?}", sum.contradictions);
    assert!(sum.kills >= 10 && sum.posts > 200, "too little happened: {sum:?}");
    let died = sum.by_place.keys().filter(|place| **place != "some time").count();
    assert!(died >= places, "died at {:?} only", sum.by_place);
}
