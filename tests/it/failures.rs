//! What fails on the way: one test for each kind of failure, with what is told of it and what was sent.

use std::process::Command;

use serde_json::{Value, json};

use crate::sandbox::{ROLLCALL, Sandbox, code, document, finish, rollcall, stderr, stdout, with_status};

const PLAYBOOK: &str = "name: failures\nsteps:\n  - run: uname -r\n    timeout: 10s\n";

/// Runs on three servers, the first started of which meets the fault; gives the exit code and that target.
fn one_of_three(sandbox: &Sandbox, status: &str) -> (i32, Value) {
    let (code, report) = sandbox.run_json(PLAYBOOK, &[]);
    assert_eq!(with_status(&report, "ok").len(), 2, "the others go on: {report}");
    let met = with_status(&report, status);
    assert_eq!(met.len(), 1, "{report}");
    (code, met[0].clone())
}

fn told(target: &Value) -> Value {
    json!([target["reason"], target["ran"]])
}

fn starts_of(sandbox: &Sandbox, target: &Value) -> usize {
    sandbox.requests_of("start").iter().filter(|line| line["vps"] == target["id"]).count()
}

fn begun_on(sandbox: &Sandbox, target: &Value) -> usize {
    sandbox.begun().iter().filter(|id| target["id"] == **id).count()
}

#[test]
fn s3_a_blocked_command_is_refused_and_did_not_run() {
    let sandbox = Sandbox::with_faults(&["--vms", "3"], "- { on: start, nth: 1, fault: blocked }");
    let (code, target) = one_of_three(&sandbox, "refused");
    assert_eq!((code, told(&target)), (3, json!(["api", "no"])));
    assert!(target["message"].as_str().unwrap().contains("blocked for safety reasons"), "{target}");
    assert_eq!((starts_of(&sandbox, &target), begun_on(&sandbox, &target)), (1, 0));
}

#[test]
fn s7_a_server_error_at_the_start_leaves_the_outcome_unknown_and_is_never_sent_again() {
    let faults = "- { on: start, nth: 1, fault: status 503, headers: { Retry-After: \"1\" } }";
    let sandbox = Sandbox::with_faults(&["--vms", "3"], faults);
    let (code, target) = one_of_three(&sandbox, "unknown");
    assert_eq!((code, told(&target)), (6, json!(["http_5xx", "maybe"])));
    assert_eq!(starts_of(&sandbox, &target), 1);
}

#[test]
fn s5_a_connection_lost_after_the_start_leaves_the_outcome_unknown_and_the_command_began_once() {
    let sandbox = Sandbox::with_faults(&["--vms", "3"], "- { on: start, nth: 1, fault: reset-after }");
    let (code, target) = one_of_three(&sandbox, "unknown");
    assert_eq!((code, told(&target)), (6, json!(["no_reply", "maybe"])));
    assert_eq!((starts_of(&sandbox, &target), begun_on(&sandbox, &target)), (1, 1));
}

#[test]
fn p1_a_stopped_server_and_a_silent_agent_are_unavailable_and_get_no_command() {
    for fault in ["stopped", "agent-off"] {
        let faults = format!("- {{ on: probe, target: app-01, fault: {fault} }}");
        let sandbox = Sandbox::with_faults(&["--vms", "3"], &faults);
        let (code, target) = one_of_three(&sandbox, "unavailable");
        assert_eq!((code, told(&target)), (3, json!(["agent", "no"])), "{fault}");
        assert_eq!(target["name"], "app-01");
        assert_eq!(starts_of(&sandbox, &target), 0, "{fault}");
    }
}

#[test]
fn l6_a_command_that_outlives_its_timeout_is_timed_out_and_ran() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let (code, report) = sandbox.run_json("name: hang\nsteps:\n  - run: sleep 600\n    timeout: 1s\n", &[]);
    assert_eq!(code, 1);
    let late = with_status(&report, "timed_out");
    assert_eq!(late.len(), 2, "{report}");
    assert!(late.iter().all(|target| target["ran"] == "yes"));
    assert_eq!(sandbox.begun().len(), 2);
}

#[test]
fn l2_a_failing_command_fails_the_run() {
    let sandbox = Sandbox::start(&["--vms", "2", "--guest", "shell"]);
    let (code, report) = sandbox.run_json("name: fails\nrun: echo oh >&2; exit 17\n", &[]);
    assert_eq!(code, 1);
    for target in with_status(&report, "failed") {
        assert_eq!(
            (&target["steps"][0]["exitCode"], &target["steps"][0]["stderr"]),
            (&json!(17), &json!("oh\n"))
        );
    }
    assert_eq!(report["summary"]["failed"], 2);
}

#[test]
fn i1_a_rejected_key_ends_the_run_and_names_the_endpoint() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let (playbook, key) = (sandbox.file("playbook.yaml", PLAYBOOK), sandbox.file("other-key", "not-the-key"));
    let mut command = rollcall();
    command.args(["run", "-o", "json", "--api-url", &sandbox.url, "--api-key-file"]).arg(key).arg(playbook);
    let output = finish(&mut command);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("GET /api/v2/vps was answered 401"), "{output:?}");
    assert_eq!(document(&output)["stopped"]["kind"], "auth");
    assert_eq!(sandbox.requests().len(), 1, "not tried again, and nothing else either");
}

#[test]
fn i4_a_listing_that_breaks_off_starts_nothing() {
    let sandbox = Sandbox::with_faults(&["--vms", "150"], "- { on: list, nth: 2, fault: status 400 }");
    let output = sandbox.run(PLAYBOOK, &["-o", "json"]);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("inventory incomplete"), "{output:?}");
    assert_eq!(document(&output)["stopped"]["kind"], "inventory");
    assert_eq!((sandbox.requests_of("start").len(), sandbox.begun().len()), (0, 0));
}

#[test]
fn i5_a_cursor_loop_is_found_and_starts_nothing() {
    let sandbox = Sandbox::with_faults(&["--vms", "350"], "- { on: list, fault: repeat-cursor }");
    let output = sandbox.run(PLAYBOOK, &["-o", "json"]);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("cursor loop"), "{output:?}");
    assert!(sandbox.requests_of("list").len() <= 5);
    assert_eq!(sandbox.requests_of("start").len(), 0);
}

#[test]
fn i3_a_listing_that_recovers_is_used() {
    let sandbox = Sandbox::with_faults(&["--vms", "2"], "- { on: list, nth: 1, fault: status 503 }");
    let (code, report) = sandbox.run_json(PLAYBOOK, &[]);
    assert_eq!((code, &report["summary"]["ok"]), (0, &json!(2)));
    assert_eq!(sandbox.requests_of("list").len(), 2);
}

#[test]
fn f2_nothing_that_matches_is_exit_8_unless_allowed() {
    let sandbox = Sandbox::start(&["--vms", "3"]);
    let nothing = ["--match", "name=nothing-*"];
    let output = sandbox.run(PLAYBOOK, &nothing);
    assert_eq!(code(&output), 8);
    assert!(stdout(&output).contains("0 of 3 servers match"), "{output:?}");
    assert_eq!(code(&sandbox.run(PLAYBOOK, &[&nothing[..], &["--allow-empty"]].concat())), 0);
    assert!(sandbox.requests().iter().all(|line| line["operation"] == "list"));
}

/// Connections that cannot be opened are provably unsent: they wait, and are tried again.
#[test]
fn d10_with_few_file_descriptors_connections_wait_and_nothing_is_unknown() {
    let sandbox = Sandbox::start(&["--vms", "60", "--latency", "10ms", "--duration", "10ms"]);
    let playbook = sandbox.file("playbook.yaml", "run: uname -r\n");
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -n 24; exec \"$0\" \"$@\"",
        ROLLCALL,
        "run",
        "-o",
        "json",
        "--concurrency",
        "100",
    ]);
    command.args(["--api-url", &sandbox.url, "--api-key-file"]).arg(sandbox.directory().join("key"));
    let output = finish(command.arg("--state-dir").arg(sandbox.directory().join("state")).arg(playbook));
    let report = document(&output);
    assert_eq!((code(&output), &report["summary"]["ok"]), (0, &60.into()), "{output:?}");
    assert!(report["api"]["retried"].as_u64().unwrap() > 0, "there were enough of them");
    assert_eq!(sandbox.begun().len(), 60);
}
