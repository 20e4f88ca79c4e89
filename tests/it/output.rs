//! What users and scripts read: help, formats, report files, and lists that feed the next run.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, process::Stdio};

use serde_json::Value;

use crate::sandbox::{Sandbox, code, document, finish, rollcall, stderr, stdout};

const PLAYBOOK: &str = "name: output\nrun: echo one; echo two; echo three >&2\n";

#[test]
fn each_commands_help_is_as_agreed() {
    for command in [
        "rollcall",
        "run",
        "exec",
        "plan",
        "check",
        "targets",
        "resume",
        "retry",
        "runs",
        "runs prune",
        "show",
        "limits",
        "sandbox",
        "init",
        "schema",
        "completions",
        "man",
    ] {
        let subcommand = command.split(' ').filter(|&word| word != "rollcall");
        let output = finish(rollcall().args(subcommand).arg("--help"));
        assert_eq!((code(&output), stderr(&output)), (0, ""));
        insta::assert_snapshot!(format!("help_{}", command.replace(' ', "_")), stdout(&output));
    }
}

#[test]
fn the_version_is_the_packages() {
    let output = finish(rollcall().arg("--version"));
    assert_eq!((code(&output), stdout(&output)), (0, concat!("rollcall ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn text_has_every_line_behind_its_servers_name() {
    let sandbox = Sandbox::start(&["--vms", "2", "--guest", "shell"]);
    let output = sandbox.run(PLAYBOOK, &["-o", "text"]);
    assert_eq!(code(&output), 0);
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn a_report_file_is_private_and_what_stdout_has() {
    let sandbox = Sandbox::start(&["--vms", "4", "--guest", "shell"]);
    let path = sandbox.directory().join("report.json");
    let report = format!("json={}", path.display());
    let output = sandbox.run(PLAYBOOK, &["-o", "json", "--report", &report]);
    assert_eq!(code(&output), 0);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&path).unwrap(), stdout(&output));
    assert_eq!(document(&output)["summary"]["ok"], 4);
}

#[test]
fn o8_json_is_one_document_on_stdout_and_all_messages_are_on_stderr() {
    let faults = "- { on: list, nth: 1, fault: status 503 }\n- { on: start, nth: 2, fault: blocked }\n";
    let sandbox = Sandbox::with_faults(&["--vms", "3", "--guest", "shell", "--poll-url", "foreign"], faults);
    let output = sandbox.run(PLAYBOOK, &["-o", "json", "-vvv", "--progress", "plain"]);
    let text = stdout(&output);
    assert!(text.starts_with('{') && text.ends_with("}\n"), "{text}");
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    assert_eq!(documents.next().unwrap().unwrap()["summary"]["targets"], 3);
    assert!(documents.next().is_none(), "{text}");
    for message in ["asking for the list of servers again", "warning", "DEBUG", "of 3 servers"] {
        assert!(stderr(&output).contains(message), "{message}: {output:?}");
    }
    assert_eq!(code(&output), 3, "{output:?}");
}

#[test]
fn a_report_that_cannot_be_written_is_exit_7_and_the_result_is_still_told() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let output = sandbox.run(PLAYBOOK, &["-o", "json", "--report", "json=/nowhere/report.json"]);
    assert_eq!(code(&output), 7);
    assert!(stderr(&output).contains("/nowhere/report.json"), "{output:?}");
    assert_eq!(document(&output)["summary"]["targets"], 2);
}

#[test]
fn listed_targets_and_reports_are_targets_of_the_next_run() {
    let sandbox = Sandbox::start(&["--vms", "12", "--guest", "shell"]);
    let listed =
        finish(sandbox.rollcall("targets").args(["-o", "json", "--where", "resources.memoryGb >= 8"]));
    let ids = |list: &Value| -> Vec<String> {
        let mut ids: Vec<_> =
            list.as_array().unwrap().iter().map(|server| server["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let chosen = ids(&document(&listed));
    assert!((1..12).contains(&chosen.len()), "{chosen:?}");

    let report = run_on(&sandbox, &listed.stdout);
    assert_eq!(ids(&report["targets"]), chosen);
    let again = run_on(&sandbox, report.to_string().as_bytes());
    assert_eq!(ids(&again["targets"]), chosen);
    let mut twice = [&chosen[..], &chosen].concat();
    twice.sort();
    assert_eq!(sandbox.begun(), twice);
}

/// Runs with `--targets -` and this on stdin.
fn run_on(sandbox: &Sandbox, list: &[u8]) -> Value {
    let playbook = sandbox.file("playbook.yaml", PLAYBOOK);
    let mut command = sandbox.rollcall("run");
    command.arg(playbook).args(["-o", "json", "--targets", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(list).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "{output:?}");
    document(&output)
}

#[test]
fn equal_answers_are_put_together_and_exec_then_prints_a_table() {
    let sandbox = Sandbox::start(&["--vms", "6", "--guest", "shell"]);
    let exec = |flags: &[&str]| {
        let output = finish(sandbox.rollcall("exec").args(flags).args(["--", "echo same; hostname | wc -l"]));
        assert_eq!(code(&output), 0, "{output:?}");
        stdout(&output).to_owned()
    };
    let grouped = exec(&["--group"]);
    let (heading, rest) = grouped.split_once('\n').unwrap();
    assert!(heading.starts_with(" ── 6 targets: ") && heading.ends_with("─ ok, exit 0"), "{grouped}");
    assert!(rest.starts_with(" | same\n | 1\n\n6 targets: 6 ok"), "{grouped}");
    let by_name = exec(&["--group=name", "--normalize", "self,numbers"]);
    assert_eq!(by_name.matches("\n ── 1 target: ").count(), 5, "{by_name}");
    assert!(exec(&["--group", "-o", "text"]).contains(" | same\n"));

    let refused = finish(sandbox.rollcall("exec").args(["--normalize", "selfie", "--", "true"]));
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("there are `self`, `time`, `numbers`"), "{refused:?}");
}
