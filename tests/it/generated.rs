//! What other programs are fed with: the JSON Schema, completions, manual pages.

use std::process::Command;

use crate::sandbox::{code, document, finish, rollcall, stderr, stdout};

#[test]
fn the_schema_of_playbooks_is_one_json_document() {
    let output = finish(rollcall().args(["schema", "playbook"]));
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    let schema = document(&output);
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert!(schema["properties"]["steps"].is_object(), "{schema}");
    assert_eq!(code(&finish(rollcall().args(["schema", "nothing"]))), 2);
}

#[test]
fn completions_are_scripts_that_their_shell_can_read() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = finish(rollcall().args(["completions", shell]));
        assert_eq!((code(&output), stderr(&output)), (0, ""));
        assert!(stdout(&output).contains("sandbox"), "{shell}");
    }
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("rollcall.bash");
    std::fs::write(&script, finish(rollcall().args(["completions", "bash"])).stdout).unwrap();
    let output = finish(Command::new("bash").arg("-n").arg(script));
    assert_eq!((code(&output), stderr(&output)), (0, ""));
}

#[test]
fn each_command_has_a_manual_page() {
    for (arguments, title) in [(&["man"][..], ".TH rollcall 1"), (&["man", "exec"], ".TH rollcall-exec 1")] {
        let output = finish(rollcall().args(arguments));
        assert_eq!((code(&output), stderr(&output)), (0, ""));
        assert!(stdout(&output).contains(title), "{output:?}");
    }
    let output = finish(rollcall().args(["man", "nothing"]));
    assert_eq!((code(&output), stdout(&output)), (2, ""));
}
