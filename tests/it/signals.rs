//! Being told to stop, and nobody reading any more.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
};

use serde_json::Value;

use crate::{
    sandbox::{Sandbox, exit_code, send, with_status},
    waiting::until,
};

/// What the sandbox's clock says now: an odd request is made and found in the journal.
pub(crate) fn now(sandbox: &Sandbox) -> u64 {
    let mut connection = TcpStream::connect(sandbox.url.trim_start_matches("http://")).unwrap();
    connection.write_all(b"GET /now HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    connection.read_to_end(&mut Vec::new()).unwrap();
    let found =
        || sandbox.requests().iter().find(|line| line["path"] == "/now").and_then(|line| line["at"].as_u64());
    until("the sandbox's time", found)
}

/// Interrupts a run of 60 short commands, three at a time, once some have begun.
fn interrupted(signal: &str) -> (Sandbox, i32, Value, u64) {
    let sandbox = Sandbox::start(&["--vms", "60"]);
    let playbook = sandbox.file("playbook.yaml", "name: sleepers\nrun: sleep 0.5\n");
    let mut command = sandbox.rollcall("run");
    command.arg(playbook).args(["-o", "json", "--concurrency", "3"]);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    until("the first commands", || (sandbox.begun().len() >= 4).then_some(()));
    assert!(send(signal, &child));
    let signalled = now(&sandbox);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let code = exit_code(&mut child);
    (sandbox, code, serde_json::from_str(&text).unwrap(), signalled)
}

#[test]
fn k5_o8_an_interrupt_starts_nothing_more_and_the_report_is_whole() {
    let (sandbox, code, report, signalled) = interrupted("INT");
    assert_eq!((code, &report["exitCode"]), (130, &130.into()));
    assert_eq!(report["summary"]["targets"], 60);
    assert_eq!(report["targets"].as_array().unwrap().len(), 60);
    let late: Vec<_> = sandbox
        .requests_of("start")
        .into_iter()
        .filter(|line| line["at"].as_u64().unwrap() > signalled + 200)
        .collect();
    assert!(late.is_empty(), "{late:?}");

    let begun = sandbox.begun();
    let cancelled = with_status(&report, "cancelled");
    assert!(!cancelled.is_empty());
    assert_eq!(cancelled.len() + begun.len(), 60, "every server either began the command or was cancelled");
    for target in cancelled {
        assert_eq!(target["ran"], "no");
        assert!(!begun.iter().any(|id| target["id"] == **id), "{target}");
    }
}

#[test]
fn k8_a_termination_has_its_own_code() {
    let (_, code, report, _) = interrupted("TERM");
    assert_eq!((code, &report["exitCode"]), (143, &143.into()));
}

#[test]
fn k9_a_closed_stdout_changes_nothing_about_the_run() {
    for format in ["table", "json", "text"] {
        let sandbox = Sandbox::start(&["--vms", "3", "--guest", "shell"]);
        let playbook = sandbox.file("playbook.yaml", "name: unread\nrun: echo much; exit 1\n");
        let mut command = sandbox.rollcall("run");
        let report = sandbox.directory().join("report.json");
        command
            .arg(playbook)
            .args(["--output", format, "--report"])
            .arg(format!("json={}", report.display()));
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut errors = String::new();
        child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        assert_eq!(exit_code(&mut child), 1, "{errors}");
        assert!(!errors.contains("panicked") && !errors.contains("Broken pipe"), "{errors}");
        assert_eq!(sandbox.begun().len(), 3);
        let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        assert_eq!(report["summary"]["failed"], 3, "the files are written");
    }
}

#[test]
fn the_sandbox_ends_well_when_told_to() {
    let mut command = crate::sandbox::rollcall();
    command.args(["sandbox", "--port", "0", "--vms", "1"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    assert!(send("TERM", &child));
    assert_eq!(exit_code(&mut child), 0);
}
