//! Playbooks: broken ones are explained before anything is sent. The shipped ones are tried in `tests/playbooks`.

use std::path::PathBuf;

use crate::sandbox::{code, finish, rollcall, stderr, stdout};

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
