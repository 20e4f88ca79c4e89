//! Playbooks: broken ones are explained before anything is sent. The shipped ones are tried in `tests/playbooks`.

use std::path::PathBuf;

use serde_json::json;

use crate::sandbox::{code, document, finish, rollcall, stderr, stdout};

/// The YAML files of a directory of the repository, in order.
fn files(directory: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

#[test]
fn a_broken_playbook_is_explained_with_its_file_line_and_remedy() {
    let broken = files("tests/fixtures/broken");
    assert_eq!(broken.len(), 49);
    for path in broken {
        let output = finish(rollcall().arg("run").arg(&path).args(["--sandbox", "1"]));
        assert_eq!((code(&output), stdout(&output)), (2, ""), "{output:?}");
        let place = format!("{}:", path.display());
        assert!(stderr(&output).contains(&place), "the place is missing: {}", stderr(&output));
        insta::assert_snapshot!(path.file_stem().unwrap().to_str().unwrap(), stderr(&output));
    }
}

#[test]
fn the_shipped_playbooks_have_nothing_to_warn_of() {
    let output = finish(rollcall().args(["check", "--deny-warnings", "playbooks"]));
    assert_eq!((code(&output), stderr(&output)), (0, ""), "{output:?}");
}

#[test]
fn the_shipped_playbooks_can_be_followed_on_simulated_servers_of_every_family() {
    for path in files("playbooks") {
        let mut command = rollcall();
        command.arg("run").arg(&path);
        // Sixty servers have all families among them.
        command.args(["-o", "json", "--sandbox", "60,rate=none,fleet=uniform,duration=0s"]);
        let output = finish(&mut command);
        assert!(matches!(code(&output), 0 | 1), "{}: {output:?}", path.display());
        assert_eq!(document(&output)["summary"]["coverage"], json!(1.0), "{}", path.display());
        assert!(!stdout(&output).contains("see guest=shell"), "{}: {}", path.display(), stdout(&output));
    }
}
