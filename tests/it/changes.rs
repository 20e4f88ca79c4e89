//! Playbooks that change servers: nothing is sent unasked, and one canary goes first.

use crate::sandbox::{Sandbox, code, document, finish, rollcall, stderr, stdout};

const CHANGE: &str = "name: change\nsteps:\n  - name: restart nginx\n    effects: change\n    run: exit 3\n";

#[test]
fn away_from_a_terminal_a_change_wants_yes_before_any_request() {
    let sandbox = Sandbox::start(&["--vms", "5"]);
    let output = sandbox.run(CHANGE, &[]);
    assert_eq!((code(&output), stdout(&output)), (2, ""));
    assert!(stderr(&output).contains("restart nginx") && stderr(&output).contains("--yes"), "{output:?}");
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn without_batches_a_change_starts_with_one_canary_whose_failure_stops_it() {
    let sandbox = Sandbox::start(&["--vms", "5", "--guest", "shell"]);
    let (_, report) = sandbox.run_json(CHANGE, &["--yes"]);
    assert_eq!(report["summary"]["failed"], 1, "{report}");
    assert_eq!(sandbox.begun().len(), 1);

    let (_, report) = sandbox.run_json(CHANGE, &["--yes", "--batches", "2", "--max-failures", "3"]);
    assert_eq!(report["summary"]["failed"], 4, "the second batch of two is the last: {report}");
    let (_, report) = sandbox.run_json(CHANGE, &["--yes", "--batches", "100%"]);
    assert_eq!(report["summary"]["failed"], 5, "{report}");
}

#[test]
fn on_the_sandbox_nobody_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let playbook = directory.path().join("change.yaml");
    std::fs::write(&playbook, CHANGE.replace("exit 3", "echo done")).unwrap();
    let mut command = rollcall();
    command.args(["run", "-o", "json", "--sandbox", "3,rate=none,fleet=uniform,guest=shell"]).arg(playbook);
    let output = finish(&mut command);
    assert_eq!(code(&output), 0, "{output:?}");
    assert_eq!(document(&output)["summary"]["ok"], 3);
}

#[test]
fn what_is_worth_a_warning_fails_the_run_on_demand() {
    let sandbox = Sandbox::start(&["--vms", "2", "--guest", "shell"]);
    let playbook = "steps:\n  - run: echo 1\n    expect: stdout == '2'\n    severity: warning\n";
    for (severity, expected) in [("info", 1), ("warning", 1), ("error", 0)] {
        let (code, report) = sandbox.run_json(playbook, &["--fail-on", severity]);
        assert_eq!(code, expected, "{severity}: {report}");
        assert_eq!(report["summary"]["checkFailed"], 2);
    }
    assert_eq!(code(&sandbox.run(playbook, &["--fail-on", "fatal"])), 2);
}
