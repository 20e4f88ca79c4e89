//! `exec`: what is typed is what runs, each line stands behind its server's name, and how it went is on stderr.

use serde_json::json;

use crate::sandbox::{Sandbox, code, document, finish, rollcall, stderr, stdout};

#[test]
fn one_word_is_shell_text_and_several_are_arguments() {
    let sandbox = Sandbox::start(&["--vms", "1", "--guest", "shell"]);
    for (words, expected) in [
        (&["echo a  b; echo $((6*7))"][..], "app-01 | a b\napp-01 | 42\n"),
        (&["echo", "a  b; echo $((6*7))"], "app-01 | a  b; echo $((6*7))\n"),
        (&["printf", r"%s\n", "", "it's", "-n"], "app-01 | \napp-01 | it's\napp-01 | -n\n"),
    ] {
        let output = finish(sandbox.rollcall("exec").arg("--").args(words));
        assert_eq!((code(&output), stdout(&output)), (0, expected), "{output:?}");
    }
}

#[test]
fn a_server_that_is_not_ok_says_so_on_its_own_line_and_again_at_the_end() {
    let faults = "- { on: probe, target: app-02, fault: agent-off }";
    let sandbox = Sandbox::with_faults(&["--vms", "4", "--guest", "shell"], faults);
    let command = "echo hello; case $ROLLCALL_SANDBOX_HOST in *3) echo oh >&2; exit 7;; esac";
    let output = finish(sandbox.rollcall("exec").args(["--", command]));
    assert_eq!(code(&output), 1);
    insta::assert_snapshot!(stdout(&output));
    let said: Vec<_> = stderr(&output).lines().filter(|line| !line.starts_with("rollcall: ")).collect();
    assert_eq!(
        said[..3],
        [
            "4 targets: 2 ok · 1 failed · 1 unavailable        coverage 75 %",
            "  failed        app-03",
            "  unavailable   app-02"
        ]
    );
}

#[test]
fn equal_answers_are_put_together_on_demand() {
    let sandbox = Sandbox::start(&["--vms", "4", "--guest", "shell"]);
    let command = "case $ROLLCALL_SANDBOX_HOST in *3) echo 11;; *) echo 12;; esac";
    let output = finish(sandbox.rollcall("exec").args(["--group", "--", command]));
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(stdout(&output).contains("3 targets: app-[01-02],worker-01"), "{output:?}");
    let output = finish(sandbox.rollcall("exec").args(["--group", "-o", "text", "--", command]));
    assert!(stdout(&output).starts_with("app-01 | 12\n"), "{output:?}");
}

#[test]
fn stderr_is_empty_where_nothing_is_to_be_shown() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let output = finish(sandbox.rollcall("exec").args(["--progress", "none", "--", "uname"]));
    assert_eq!((code(&output), stderr(&output)), (0, ""));
}

#[test]
fn it_takes_the_selection_the_pace_and_the_formats_of_a_run() {
    let sandbox = Sandbox::start(&["--vms", "6"]);
    let file = sandbox.directory().join("report.txt");
    let mut command = sandbox.rollcall("exec");
    command.args(["--match", "name=app-0[1-2]", "-f", "1", "--rate", "100/1s", "--batches", "1,100%"]);
    command.args(["--max-failures", "10%", "--timeout", "5s", "--deadline", "1m", "--yes", "-o", "json"]);
    command.arg("--report").arg(format!("text={}", file.display())).args(["--", "uname"]);
    let output = finish(&mut command);
    assert_eq!(code(&output), 0, "{output:?}");
    let report = document(&output);
    assert_eq!(
        (&report["playbook"]["name"], &report["playbook"]["path"]),
        (&json!("exec"), &serde_json::Value::Null)
    );
    assert_eq!(report["summary"]["targets"], 2);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "app-01 | Linux\napp-02 | Linux\n");
}

#[test]
fn without_a_command_it_says_where_one_goes_and_sends_nothing() {
    for (arguments, message) in [
        (&[][..], "no command"),
        (&["--"], "no command"),
        (&["cat", "/etc/os-release"], "rollcall exec … -- cat /etc/os-release"),
        (&["df -h"], "rollcall exec … -- 'df -h'"),
        (&["web-1", "--", "uptime"], "`web-1` stands before `--`"),
        (&["--", ""], "the command is empty"),
        (&["--", " \n"], "the command is empty"),
        (&["--batches", "1,0", "--", "uptime"], "--batches"),
        (&["--max-failures", "x", "--", "uptime"], "--max-failures"),
    ] {
        let output = finish(rollcall().args(["exec", "--sandbox", "1"]).args(arguments));
        assert_eq!((code(&output), stdout(&output)), (2, ""), "{arguments:?}: {output:?}");
        assert!(stderr(&output).contains(message), "{arguments:?}: {}", stderr(&output));
    }
    let long = "x".repeat(4097);
    let output = finish(rollcall().args(["exec", "--sandbox", "1", "--", &long]));
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("4097 characters"), "{output:?}");
}
