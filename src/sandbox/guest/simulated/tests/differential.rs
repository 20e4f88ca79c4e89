//! The proof of honesty: scripts of shell words and text filters do here what they do on a real `/bin/sh`.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
};

use super::*;

/// The scripts, each after a line `### what it is about`.
const CORPUS: &str = include_str!("corpus.txt");

fn scripts() -> Vec<(&'static str, &'static str)> {
    let blocks = CORPUS.split("### ").skip(1);
    blocks.map(|block| block.split_once('\n').unwrap()).collect()
}

fn real(script: &str) -> (Ended, String) {
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new("/bin/sh")
        .args(["-c", script])
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("HOME", "/root"), ("LC_ALL", "C")])
        .env("TMPDIR", directory.path())
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let ended =
        output.status.code().map_or_else(|| Ended::Signal(output.status.signal().unwrap()), Ended::Exit);
    (ended, String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn scripts_do_what_they_do_on_a_real_shell() {
    let scripts = scripts();
    assert!(scripts.len() >= 100, "{}", scripts.len());
    let mut wrong = Vec::new();
    for (about, script) in scripts {
        let (ended, stdout) = real(script);
        let here = first(script);
        if (here.ended, &here.stdout) != (ended, &stdout) {
            wrong.push(format!(
                "{about}: {ended:?}, {stdout:?}\n  here: {:?}, {:?}\n  {}",
                here.ended, here.stdout, here.stderr
            ));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
