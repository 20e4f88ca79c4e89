//! `check`: mistakes are found offline, all of them in all files, and a value that is not here is none.

use std::{io::Write as _, process::Stdio};

use serde_json::{Value, json};

use crate::sandbox::{code, document, finish, rollcall, stderr, stdout};

const GOOD: &str = "name: good\nsteps:\n  - run: uptime\n  - run: df -P /\n";
const BAD: &str = "name: bad\nsteps:\n  - run: uptime\n    timout: 30s\n    accept: soon\n";
const SECRETIVE: &str = "\
name: secretive
vars:
  token: { from_env: ROLLCALL_TEST_NOWHERE, secret: true }
  limit: { from_file: nowhere.txt }
  mount:
steps:
  - run: curl -H {{ vars.token }} {{ vars.mount }} {{ vars.limit | int + 1 }}
";

struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        Self(directory)
    }

    fn check(&self, arguments: &[&str]) -> std::process::Output {
        finish(rollcall().current_dir(self.0.path()).arg("check").args(arguments))
    }
}

#[test]
fn each_file_has_its_verdict_and_a_mistake_anywhere_is_exit_2() {
    let files = Files::new(&[("good.yaml", GOOD), ("bad.yaml", BAD)]);
    let output = files.check(&["good.yaml"]);
    assert_eq!((code(&output), stdout(&output), stderr(&output)), (0, "good.yaml: ok, 2 steps\n", ""));

    let output = files.check(&["bad.yaml", "good.yaml", "missing.yaml"]);
    assert_eq!(code(&output), 2);
    insta::assert_snapshot!(stdout(&output));
    insta::assert_snapshot!("what_is_wrong_is_drawn_on_stderr", stderr(&output));
}

#[test]
fn a_directory_stands_for_its_playbooks() {
    let files = Files::new(&[("b.yaml", GOOD), ("a.yml", GOOD), (".hidden.yaml", BAD), ("notes.txt", "no")]);
    std::fs::create_dir(files.0.path().join("deeper.yaml")).unwrap();
    let output = files.check(&["."]);
    assert_eq!((code(&output), stdout(&output)), (0, "./a.yml: ok, 2 steps\n./b.yaml: ok, 2 steps\n"));
    let output = files.check(&["deeper.yaml"]);
    assert_eq!((code(&output), stdout(&output)), (2, "deeper.yaml: 1 error\n"));
    assert!(stderr(&output).contains("deeper.yaml: no .yaml or .yml file"), "{output:?}");
}

#[test]
fn stdin_is_a_playbook_too_but_only_once() {
    let mut command = rollcall();
    command.args(["check", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(GOOD.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((code(&output), stdout(&output)), (0, "<stdin>: ok, 2 steps\n"));

    let output = finish(rollcall().args(["check", "-", "-"]));
    assert_eq!((code(&output), stdout(&output)), (2, ""));
}

#[test]
fn pb15_a_value_that_is_not_here_is_a_note_and_the_rest_is_checked() {
    let broken = SECRETIVE.replace("run:", "rnu:");
    let files = Files::new(&[("fine.yaml", SECRETIVE), ("broken.yaml", &broken)]);
    let output = files.check(&["fine.yaml"]);
    assert_eq!((code(&output), stdout(&output)), (0, "fine.yaml: ok, 3 notes\n"));
    assert_eq!(stderr(&output).matches("note: ").count(), 3, "{output:?}");
    assert_eq!(code(&files.check(&["--deny-warnings", "fine.yaml"])), 0, "a note is no warning");

    let output = files.check(&["--var", "mount=/", "fine.yaml"]);
    assert_eq!((code(&output), stdout(&output)), (0, "fine.yaml: ok, 1 step, 1 warning, 2 notes\n"));
    let output = files.check(&["broken.yaml"]);
    assert_eq!(code(&output), 2, "{output:?}");

    // A run needs them.
    let output = finish(rollcall().current_dir(files.0.path()).args(["run", "--sandbox", "1", "fine.yaml"]));
    assert_eq!(code(&output), 2);
    assert_eq!(stderr(&output).matches("error: ").count(), 3, "{output:?}");
}

#[test]
fn warnings_are_named_and_stop_nothing_unless_they_are_denied() {
    let files = Files::new(&[(
        "restart.yaml",
        "name: x\nrun: echo {{ target.name | raw }} && systemctl restart cron\n",
    )]);
    let output = files.check(&["restart.yaml"]);
    assert_eq!((code(&output), stdout(&output)), (0, "restart.yaml: ok, 1 step, 2 warnings\n"));
    insta::assert_snapshot!("warnings", stderr(&output));
    assert_eq!(code(&files.check(&["--deny-warnings", "restart.yaml"])), 2);
    let json = document(&files.check(&["-o", "json", "restart.yaml"]));
    let first = &json["files"][0]["diagnostics"][0];
    assert_eq!(
        (&first["severity"], &first["name"], &first["reference"]),
        (&json!("warning"), &json!("raw-on-target"), &json!("docs/playbook.md#warnings"))
    );

    let output =
        finish(rollcall().current_dir(files.0.path()).args(["run", "--sandbox", "3", "restart.yaml"]));
    assert!(
        stderr(&output).contains("2 warnings in restart.yaml. Reference: docs/playbook.md"),
        "{output:?}"
    );
    assert!(stdout(&output).contains("3 targets"), "{output:?}");
}

#[test]
fn json_is_one_document_with_every_place() {
    let files = Files::new(&[("good.yaml", GOOD), ("bad.yaml", BAD)]);
    let output = files.check(&["-o", "json", "good.yaml", "bad.yaml", "missing.yaml"]);
    assert_eq!((code(&output), stderr(&output)), (2, ""));
    let document = document(&output);
    assert_eq!(document["schemaVersion"], 1);
    let file = |index: usize| &document["files"][index];
    assert_eq!(file(0), &json!({ "path": "good.yaml", "valid": true, "steps": 2, "diagnostics": [] }));
    assert_eq!((&file(1)["path"], &file(1)["valid"]), (&json!("bad.yaml"), &json!(false)));
    let expected = json!({
        "severity": "error", "name": null, "message": "unknown key `timout` in a step",
        "label": "did you mean `timeout`?", "help": null, "reference": "docs/playbook.md#steps",
        "line": 4, "column": 5, "endLine": 4, "endColumn": 11, "offset": 37, "length": 6,
    });
    assert_eq!(file(1)["diagnostics"][0], expected);
    assert_eq!(file(1)["diagnostics"].as_array().map(Vec::len), Some(2));
    let unread = &file(2)["diagnostics"][0];
    assert_eq!(
        (&unread["line"], &unread["offset"], &unread["length"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
}

#[test]
fn what_a_file_holds_is_shown_inert() {
    let files = Files::new(&[("x.yaml", "name: \"\u{1b}[2Jwiped\"\n\u{1b}[31mkey: 1\nrun: \u{9b}x\n")]);
    for arguments in [&["x.yaml"][..], &["-o", "json", "x.yaml"]] {
        let output = files.check(arguments);
        assert_eq!(code(&output), 2);
        let shown = [stdout(&output), stderr(&output)].concat();
        assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{shown:?}");
    }
}
