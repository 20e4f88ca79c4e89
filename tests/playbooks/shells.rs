//! On shells: each playbook answers on this machine as it is, with busybox alone, and on made-up servers.

use std::{env, ffi::OsStr, fs, path::Path, thread};

use serde_json::{Value, json};

use crate::{
    program::{name, playbook, report, shipped, targets},
    toolbox::Toolbox,
};

/// How many servers each playbook runs on.
const SERVERS: u64 = 3;

/// What keeps a test off the network, and gives it something to find.
fn vars(playbook: &str) -> &'static [&'static str] {
    match playbook {
        "reachability" => &["host=localhost", "url=http://127.0.0.1:9/"],
        _ => &[],
    }
}

/// Whether a server's answer is one: each step ended by itself with an accepted code, whatever was thought of it, and
/// what was to be captured is there.
fn assert_answered(playbook: &Path, report: &Value) {
    let shown = || format!("{}: {report:#}", playbook.display());
    assert_eq!(
        (&report["summary"]["coverage"], &report["summary"]["targets"]),
        (&json!(1.0), &json!(SERVERS)),
        "{}",
        shown()
    );
    let requests = &report["api"]["requests"];
    assert_eq!(
        (&requests["probe"], &requests["start"]),
        (&json!(SERVERS), &json!(SERVERS)),
        "all steps go in one request: {}",
        shown()
    );
    for target in targets(report) {
        for step in target["steps"].as_array().unwrap() {
            // Docker may be installed here and not answer: then its playbook has to say so.
            let silent_docker = name(playbook) == "containers"
                && step["status"] == "failed"
                && step["stderr"].as_str().is_some_and(|stderr| !stderr.is_empty());
            let answered = matches!(step["status"].as_str(), Some("ok" | "check_failed")) || silent_docker;
            assert!(answered && !is_unread(step), "{}", shown());
        }
    }
}

/// Whether a check could not be made, because something was not there or not of the kind that was thought.
fn is_unread(step: &Value) -> bool {
    step["reason"].to_string().contains("capture_failed")
}

/// Runs all of them at once, for they mostly wait.
fn all_answer(guest: &str, path: &OsStr) {
    let sandbox = &format!("{SERVERS},guest={guest}");
    thread::scope(|scope| {
        for playbook in shipped() {
            scope.spawn(move || {
                assert_answered(&playbook, &report(&playbook, sandbox, path, vars(name(&playbook))));
            });
        }
    });
}

#[test]
fn all_answer_on_this_machine_as_it_is() {
    let path = env::var_os("PATH").unwrap_or_default();
    all_answer("shell", &path);
}

/// What the pack's examples and its README promise.
#[test]
fn all_answer_on_made_up_servers() {
    all_answer("simulated", &env::var_os("PATH").unwrap_or_default());
}

/// Alpine has busybox's `sh` and tools. The script of every step is run by the `sh` of `PATH`, which the first
/// playbook proves.
#[test]
fn all_answer_with_nothing_but_busybox() {
    let Some(toolbox) = Toolbox::of_busybox() else { return };
    let directory = tempfile::tempdir().unwrap();
    let probe = directory.path().join("probe.yaml");
    fs::write(&probe, "run: readlink /proc/$$/exe\nkill_on_timeout: true\n").unwrap();
    let said = report(&probe, "1,guest=shell", toolbox.path().as_os_str(), &[]);
    let shell = said["targets"][0]["steps"][0]["stdout"].as_str().unwrap();
    assert!(shell.trim().ends_with("/busybox"), "{said:#}");
    all_answer("shell", toolbox.path().as_os_str());
}

/// A server may lack any of the tools that a playbook asks first: what is left then is an answer, never a failure.
#[test]
fn what_needs_a_tool_is_not_applicable_without_it() {
    let toolbox = Toolbox::of_this_machine();
    for name in [
        "containers",
        "failed-units",
        "listening-ports",
        "security-updates",
        "sshd-hardening",
        "time-sync",
        "tls-expiry",
    ] {
        let said = report(&playbook(name), "1,guest=shell", toolbox.path().as_os_str(), &[]);
        for target in targets(&said) {
            let stdout = target["steps"][0]["stdout"].as_str().unwrap();
            assert!(stdout.contains("not applicable: ") && target["status"] == "ok", "{said:#}");
        }
    }
}
