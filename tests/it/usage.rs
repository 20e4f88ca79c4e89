//! Mistakes on the command line: exit 2, a message on stderr, nothing on stdout, nothing sent.

use std::{
    path::Path,
    process::{Command, Output},
};

use crate::sandbox::{STATE_HOME, code, document, finish, rollcall, stderr, stdout};

/// A playbook that is fine, whatever else is not.
const PLAYBOOK: &str = "playbooks/os-inventory.yaml";

fn refused(command: &mut Command) -> Output {
    let output = finish(command);
    assert_eq!((code(&output), stdout(&output)), (2, ""), "{output:?}");
    output
}

#[test]
fn c1_a_missing_key_names_where_it_is_looked_for() {
    let output = refused(rollcall().args(["run", PLAYBOOK]));
    assert!(stderr(&output).contains("HOSTUP_API_KEY") && stderr(&output).contains("--api-key-file"));
}

#[test]
fn c1_what_sends_nothing_to_the_api_needs_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let finished = |arguments: &[&str]| {
        let output = finish(rollcall().env(STATE_HOME, folder.path()).args(arguments));
        assert_eq!(code(&output), 0, "{arguments:?}: {output:?}");
        output
    };
    finished(&["check", PLAYBOOK]);
    finished(&["schema", "playbook"]);
    finished(&["limits", "--all"]);
    let run = finished(&["run", "-o", "json", "--sandbox", "1,duration=0s,fleet=uniform", PLAYBOOK]);
    finished(&["show", document(&run)["runId"].as_str().unwrap()]);
}

#[test]
fn c4_plain_http_is_for_this_machine_only() {
    let mut command = rollcall();
    let output =
        refused(command.env("HOSTUP_API_KEY", "k").args(["run", PLAYBOOK, "--api-url", "http://192.0.2.1"]));
    assert!(stderr(&output).contains("https://"), "{output:?}");
}

#[test]
fn c9_an_unknown_flag_or_command_is_named() {
    let output = refused(rollcall().args(["run", PLAYBOOK, "--frobnicate"]));
    assert!(stderr(&output).contains("'--frobnicate'"), "{output:?}");
    let output = refused(rollcall().arg("frobnicate"));
    assert!(stderr(&output).contains("frobnicate"), "{output:?}");
}

#[test]
fn pb1_pb18_a_playbook_must_be_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let missing = directory.path().join("missing.yaml");
    for path in [directory.path(), &fifo, Path::new("/dev/zero"), &missing] {
        let output = refused(rollcall().args(["run", "--sandbox", "1"]).arg(path));
        assert!(stderr(&output).contains(path.to_str().unwrap()), "{output:?}");
    }
}

#[test]
fn c6_numbers_out_of_range_are_refused() {
    for arguments in
        [["--concurrency", "0"], ["--rate", "0/1s"], ["--timeout", "0s"], ["--min-coverage", "101"]]
    {
        let output = refused(rollcall().args(["run", PLAYBOOK, "--sandbox", "1"]).args(arguments));
        assert!(stderr(&output).contains(arguments[0]), "{output:?}");
    }
}
