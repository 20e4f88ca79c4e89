//! A run that goes on while the test does something to it.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{
    sandbox::{Sandbox, exit_code, send},
    waiting::until,
};

/// A run as a process whose output goes to files.
pub(crate) struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    /// Runs a playbook of this text, with `-o json`.
    pub(crate) fn start(sandbox: &Sandbox, playbook: &str, arguments: &[&str]) -> Self {
        let mut command = sandbox.rollcall("run");
        command.arg(sandbox.file("playbook.yaml", playbook)).args(arguments);
        Self::of(sandbox, command)
    }

    /// Starts this command, with `-o json`.
    pub(crate) fn of(sandbox: &Sandbox, mut command: Command) -> Self {
        let (out, err) = (sandbox.directory().join("run.out"), sandbox.directory().join("run.err"));
        command.args(["-o", "json"]).stdin(Stdio::null());
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Self { child: command.spawn().unwrap(), out, err }
    }

    pub(crate) fn signal(&self, signal: &str) {
        assert!(send(signal, &self.child));
    }

    /// What it has said so far.
    pub(crate) fn stderr(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// Waits until it has said this.
    pub(crate) fn says(&self, what: &str) {
        until(what, || self.stderr().contains(what).then_some(()));
    }

    /// Waits for its end: its exit code and its report.
    pub(crate) fn end(mut self) -> (i32, Value) {
        let code = exit_code(&mut self.child);
        let told = self.stderr();
        assert!(!told.contains("panicked"), "{told}");
        let text = fs::read_to_string(&self.out).unwrap();
        (code, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}; {told}")))
    }
}

impl Drop for Running {
    /// A failed test leaves nothing behind.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Goes on with the last run, to its end: exit code and report.
pub(crate) fn resumed(sandbox: &Sandbox) -> (i32, Value) {
    let mut command = crate::sandbox::rollcall();
    command.env(crate::sandbox::STATE_HOME, sandbox.directory()).args(["resume", "last", "--api-key-file"]);
    command.arg(sandbox.directory().join("key"));
    Running::of(sandbox, command).end()
}

/// The statuses of a report's targets, in their order.
pub(crate) fn statuses(report: &Value) -> Vec<&str> {
    let targets = report["targets"].as_array().unwrap().iter();
    targets.map(|target| target["status"].as_str().unwrap()).collect()
}
