//! `init`: a playbook to begin with, which is fine as it is, and never takes the place of another unasked.

use std::fs;

use crate::sandbox::{code, document, finish, rollcall, stderr, stdout};

#[test]
fn the_starter_passes_check_and_runs_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut init = rollcall();
    let output = finish(init.current_dir(directory.path()).arg("init"));
    assert_eq!((code(&output), stdout(&output)), (0, ""));
    assert!(stderr(&output).contains("rollcall run playbook.yaml --sandbox 200"), "{output:?}");

    let output =
        finish(rollcall().current_dir(directory.path()).args(["check", "--deny-warnings", "playbook.yaml"]));
    assert_eq!((code(&output), stderr(&output)), (0, ""), "{output:?}");

    let mut run = rollcall();
    run.current_dir(directory.path()).args(["run", "playbook.yaml", "-o", "json", "--var", "threshold=101"]);
    let output = finish(run.args(["--sandbox", "12,rate=none,fleet=uniform,guest=shell"]));
    assert_eq!(code(&output), 0, "{output:?}");
    assert_eq!(document(&output)["summary"]["ok"], 12);
}

#[test]
fn it_names_the_file_that_it_is_in() {
    let directory = tempfile::tempdir().unwrap();
    let output = finish(rollcall().current_dir(directory.path()).args(["init", "my book.yaml"]));
    assert_eq!(code(&output), 0);
    assert!(stderr(&output).contains("rollcall check 'my book.yaml'"), "{output:?}");
    let text = fs::read_to_string(directory.path().join("my book.yaml")).unwrap();
    assert!(text.contains("rollcall check 'my book.yaml'") && !text.contains(" playbook.yaml"), "{text}");
}

#[test]
fn a_file_that_is_there_is_replaced_on_demand_only() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mine.yaml");
    fs::write(&path, "precious").unwrap();
    let output = finish(rollcall().arg("init").arg(&path));
    assert_eq!((code(&output), stdout(&output)), (2, ""));
    assert!(stderr(&output).contains("--force"), "{output:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    assert_eq!(code(&finish(rollcall().args(["init", "--force"]).arg(&path))), 0);
    assert!(fs::read_to_string(&path).unwrap().contains("steps:"));
    for unwritable in [directory.path().to_path_buf(), directory.path().join("missing/x.yaml")] {
        let output = finish(rollcall().args(["init", "--force"]).arg(unwritable));
        assert_eq!(code(&output), 2, "{output:?}");
    }
}

#[test]
fn a_dash_is_stdout() {
    let output = finish(rollcall().args(["init", "-"]));
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    assert!(stdout(&output).starts_with("# A playbook of rollcall"), "{output:?}");
}
