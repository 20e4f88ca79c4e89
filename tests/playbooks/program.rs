//! The built program on a sandbox inside of it, whose servers are this machine with a `PATH` of the test's choice.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// The shipped playbooks, in the order of their names.
pub(crate) fn shipped() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks");
    let mut files: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

/// The shipped playbook of this name.
pub(crate) fn playbook(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("playbooks/{name}.yaml"))
}

/// The name of a shipped playbook: its file's without the ending.
pub(crate) fn name(playbook: &Path) -> &str {
    playbook.file_stem().unwrap().to_str().unwrap()
}

/// Runs a playbook with `vars` on a sandbox (`3,guest=shell`) whose servers have this `PATH`, and gives the JSON report.
pub(crate) fn report(playbook: &Path, sandbox: &str, path: &OsStr, vars: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    for (name, _) in env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("HOSTUP_") || name_text.starts_with("ROLLCALL_") || name_text == "RUST_LOG" {
            command.env_remove(&name);
        }
    }
    let state = tempfile::tempdir().unwrap();
    command.env("PATH", path).env("ROLLCALL_STATE_DIR", state.path().join("state")).arg("run").arg(playbook);
    command.args(["-o", "json", "--sandbox"]);
    command.arg(format!("{sandbox},rate=none,fleet=uniform,agents=all"));
    for var in vars {
        command.args(["--var", var]);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{}: {error}: {output:?}", playbook.display()))
}

/// The report's targets. All servers are this machine, so all of them have the same to say.
pub(crate) fn targets(report: &Value) -> &[Value] {
    report["targets"].as_array().unwrap()
}
