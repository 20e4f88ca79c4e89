//! Signals, stops and closed outputs: what was begun is told as it is, and what was not is not.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    running::{Running, resumed, statuses},
    sandbox::{ROLLCALL, STATE_HOME, Sandbox, code, exit_code, finish, stderr},
    signals::now,
    waiting::until,
};

/// Waits until so many commands have begun.
fn begun(sandbox: &Sandbox, count: usize) {
    until("commands that began", || (sandbox.begun().len() >= count).then_some(()));
}

/// The machine's own clock.
#[expect(clippy::disallowed_methods, reason = "another process is watched, on the machine's own clock")]
fn clock() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process stands still for so long: nothing can be looked for meanwhile"
)]
fn stand_still(time: Duration) {
    std::thread::sleep(time);
}

/// Each target: status, reason, ran.
fn told(report: &Value) -> Vec<(&str, &str, &str)> {
    let targets = report["targets"].as_array().unwrap().iter();
    targets
        .map(|target| {
            let of = |key: &str| target[key].as_str().unwrap_or("-");
            (of("status"), of("reason"), of("ran"))
        })
        .collect()
}

#[test]
fn k5_k8_after_a_signal_what_ends_within_the_grace_is_told_and_what_does_not_is_running() {
    let sandbox = Sandbox::start(&["--vms", "8"]);
    let playbook = "name: grace\nrun: case $(hostname) in *-01) sleep 60;; *) sleep 2;; esac\n";
    let running = Running::start(&sandbox, playbook, &["--concurrency", "4"]);
    begun(&sandbox, 4);
    running.signal("HUP");
    let (code, report) = running.end();
    assert_eq!(code, 129);
    let told = told(&report);
    assert_eq!(sandbox.begun().len(), 4);
    assert_eq!(told.iter().filter(|target| **target == ("cancelled", "-", "no")).count(), 4, "{told:?}");
    for (target, told) in report["targets"].as_array().unwrap().iter().zip(told).take(4) {
        let long = target["name"].as_str().unwrap().ends_with("-01");
        assert_eq!((told.0, told.2), (if long { "running" } else { "ok" }, "yes"), "{target}");
    }
}

#[test]
fn k6_a_second_signal_ends_the_run_at_once_and_it_can_be_gone_on_with() {
    let sandbox = Sandbox::start(&["--vms", "3"]);
    let running = Running::start(&sandbox, "name: twice\nrun: sleep 3\n", &[]);
    begun(&sandbox, 3);
    running.signal("INT");
    // Signals of one kind that come together are one.
    running.says("stopping: ");
    let second = clock();
    running.signal("INT");
    let (code, report) = running.end();
    assert!(second.elapsed() < Duration::from_secs(1), "{:?}", second.elapsed());
    assert_eq!((code, statuses(&report)), (130, vec!["running"; 3]));
    let (code, report) = resumed(&sandbox);
    assert_eq!((code, statuses(&report)), (0, vec!["ok"; 3]));
    assert_eq!(sandbox.requests_of("start").len(), 3);
}

#[test]
fn k7_a_start_that_awaits_its_reply_is_awaited_and_otherwise_unknown_but_never_cancelled() {
    for (fault, expected) in [("delay 2s", ("ok", "-", "yes")), ("hang", ("unknown", "no_reply", "maybe"))] {
        let sandbox = Sandbox::with_faults(
            &["--vms", "1", "--duration", "0s"],
            &format!("- {{ on: start, fault: {fault} }}"),
        );
        let running = Running::start(&sandbox, "name: awaited\nrun: uname\n", &[]);
        begun(&sandbox, 1);
        running.signal("INT");
        let (code, report) = running.end();
        assert_eq!((code, told(&report)), (130, vec![expected]), "{fault}");
        assert_eq!(sandbox.requests_of("start").len(), 1);
    }
}

#[test]
fn k9_g13_with_stdout_and_stderr_closed_the_run_goes_on_and_its_report_is_written() {
    for redirections in ["exec \"$0\" \"$@\" >&- 2>&-", "exec \"$0\" \"$@\" <&- >&- 2>&-"] {
        let sandbox = Sandbox::start(&["--vms", "3", "--duration", "10ms"]);
        let playbook = sandbox.file("playbook.yaml", "name: closed\nrun: uname\n");
        let report = sandbox.directory().join("report.json");
        let mut command = Command::new("sh");
        command.args([
            "-c",
            redirections,
            ROLLCALL,
            "run",
            "-v",
            "--api-url",
            &sandbox.url,
            "--api-key-file",
        ]);
        command.arg(sandbox.directory().join("key")).env(STATE_HOME, sandbox.directory());
        command.arg("--report").arg(format!("json={}", report.display())).arg(playbook);
        let output = finish(&mut command);
        assert_eq!((code(&output), output.stdout.len(), output.stderr.len()), (0, 0, 0), "{output:?}");
        let report: Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
        assert_eq!(statuses(&report), ["ok"; 3]);
    }
}

#[test]
fn k9_nobody_reads_stderr_any_more_and_the_run_goes_on() {
    let sandbox = Sandbox::start(&["--vms", "6", "--duration", "10ms"]);
    let playbook = sandbox.file("playbook.yaml", "name: unread\nrun: uname\n");
    let mut command = sandbox.rollcall("run");
    command.args(["-vv", "--concurrency", "2"]).arg(playbook);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!((exit_code(&mut child), sandbox.begun().len()), (0, 6));
}

#[test]
fn sigpipe_is_no_reason_to_die_and_sigusr1_is_answered_with_what_is_in_flight() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let running = Running::start(&sandbox, "name: asked\nsteps: [{ name: nap, run: sleep 2 }]\n", &[]);
    begun(&sandbox, 2);
    running.signal("PIPE");
    let is_nap = |line: &&str| line.contains(": nap (pid ") && line.contains("), for ");
    until("both to be named", || {
        running.signal("USR1");
        // An answer of before may name a request whose reply was on its way.
        let said = running.stderr();
        let mut answers = said.split("rollcall: 2 in flight\n").skip(1);
        answers.any(|answer| answer.lines().take(2).filter(is_nap).count() == 2).then_some(())
    });
    let (code, report) = running.end();
    assert_eq!((code, statuses(&report)), (0, vec!["ok"; 2]));
}

#[test]
fn k12_a_defect_in_one_call_leaves_the_others_alone_and_is_told_by_the_exit_code() {
    if !cfg!(debug_assertions) {
        return;
    }
    let sandbox = Sandbox::start(&["--vms", "5", "--duration", "10ms"]);
    let playbook = sandbox.file("playbook.yaml", "name: defect\nrun: uname\n");
    let mut command = sandbox.rollcall("run");
    command
        .arg(playbook)
        .args(["-o", "json", "--concurrency", "1"])
        .env("ROLLCALL_FAILPOINT", "panic_in_call:3");
    let output = finish(&mut command);
    assert_eq!(code(&output), 70, "{output:?}");
    let report = crate::sandbox::document(&output);
    let mut expected = vec![("ok", "-", "yes"); 5];
    expected[2] = ("unknown", "no_reply", "maybe");
    assert_eq!((told(&report), &report["exitCode"]), (expected, &70.into()));
    assert!(stderr(&output).contains("panicked"), "the defect is not told: {output:?}");
    assert_eq!(sandbox.begun().len(), 4);
    // The intent is on record, so it is not sent later either.
    assert_eq!(resumed(&sandbox).1["targets"], report["targets"]);
    assert_eq!(sandbox.begun().len(), 4);
}

#[test]
fn k17_a_process_that_stood_still_past_every_limit_starts_nothing_twice_and_looks_once_more() {
    // Half a second on the wire: the first starts have begun and are not answered when it stops.
    let sandbox = Sandbox::with_faults(&["--vms", "4"], "- { on: start, fault: delay 500ms }");
    let playbook = "name: frozen\nrun: case $(hostname) in *-01) sleep 1;; *) sleep 60;; esac\ntimeout: 2s\n";
    let running = Running::start(&sandbox, playbook, &["--deadline", "4s"]);
    begun(&sandbox, 4);
    running.signal("STOP");
    stand_still(Duration::from_secs(5));
    let woken = now(&sandbox);
    running.signal("CONT");
    let (code, report) = running.end();
    assert_eq!((code, sandbox.requests_of("start").len(), sandbox.begun().len()), (1, 4, 4), "{report}");
    let polls = sandbox.requests_of("poll");
    for target in report["targets"].as_array().unwrap() {
        let ends = target["name"].as_str().unwrap().ends_with("-01");
        assert_eq!(target["status"], if ends { "ok" } else { "timed_out" }, "{target}");
        let late =
            polls.iter().filter(|poll| poll["vps"] == target["id"] && poll["at"].as_u64() > Some(woken));
        assert!(late.count() >= 1, "nobody looked after it woke: {target}");
    }
}

#[test]
fn k19_a_signal_while_the_api_asks_for_a_long_wait_ends_the_run_at_once() {
    let sandbox = Sandbox::start(&["--vms", "6", "--rate", "4/60s", "--window", "fixed-first"]);
    let running = Running::start(&sandbox, "name: throttled\nrun: uname\n", &[]);
    running.says("for the limit");
    let signalled = clock();
    running.signal("INT");
    let (code, report) = running.end();
    assert!(signalled.elapsed() < Duration::from_secs(2), "{:?}", signalled.elapsed());
    assert_eq!((code, told(&report)), (130, vec![("cancelled", "-", "no"); 6]));
    assert_eq!(sandbox.begun().len(), 0);
}
