//! A `rollcall sandbox` in a process of its own, and `rollcall` run against it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::waiting::{DEADLINE, until};

/// The program under test.
pub(crate) const ROLLCALL: &str = env!("CARGO_BIN_EXE_rollcall");

/// The key that a sandbox takes.
pub(crate) const KEY: &str = "sandbox";

/// The variable that says below which directory a program keeps its state.
pub(crate) const STATE_HOME: &str = "XDG_STATE_HOME";

/// A running sandbox; ended when dropped.
pub(crate) struct Sandbox {
    child: Child,
    pub(crate) url: String,
    directory: TempDir,
}

impl Sandbox {
    /// Starts one without a rate limit (a later `--rate` in `flags` counts instead), all of whose servers are well.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::with_faults(flags, "[]")
    }

    /// The same with a faults file of this text.
    pub(crate) fn with_faults(flags: &[&str], faults: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let faults = write("faults.yaml", faults);
        fs::set_permissions(write("key", KEY), fs::Permissions::from_mode(0o600)).unwrap();
        let journal = write("journal", "");
        let mut command = Command::new(ROLLCALL);
        without_settings(&mut command);
        command.args(["sandbox", "--port", "0", "--fleet", "uniform"]);
        if !flags.contains(&"--rate") {
            command.args(["--rate", "none"]);
        }
        // The shell guest's directories go where this test's files go.
        command.env("TMPDIR", directory.path()).arg("--faults").arg(faults).arg("--journal").arg(journal);
        let mut child = command.args(flags).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{url:?}");
        Self { child, url: url.trim_end().to_owned(), directory }
    }

    /// Writes a file beside the journal.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Where the test may put files.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// `rollcall COMMAND` against this sandbox, ready for more arguments.
    pub(crate) fn rollcall(&self, command: &str) -> Command {
        let mut rollcall = rollcall();
        rollcall.args([command, "--api-url", &self.url]).arg("--api-key-file");
        rollcall.arg(self.directory.path().join("key")).env(STATE_HOME, self.directory());
        rollcall
    }

    /// Where `rollcall` keeps what it learns of this sandbox.
    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("rollcall")
    }

    /// Runs a playbook of this text to its end.
    pub(crate) fn run(&self, playbook: &str, arguments: &[&str]) -> Output {
        let playbook = self.file("playbook.yaml", playbook);
        finish(self.rollcall("run").arg(playbook).args(arguments))
    }

    /// The same with `-o json`: the exit code and the document.
    pub(crate) fn run_json(&self, playbook: &str, arguments: &[&str]) -> (i32, Value) {
        let output = self.run(playbook, &[&["-o", "json"], arguments].concat());
        (code(&output), document(&output))
    }

    /// The journal's whole lines so far.
    pub(crate) fn journal(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join("journal")).unwrap();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The requests so far, in the order in which they came.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let mut requests = self.journal();
        requests.retain(|line| line["kind"] == "request");
        requests.sort_by_key(|line| line["seq"].as_u64());
        requests
    }

    /// The requests of one operation: `list`, `probe`, `start` or `poll`.
    pub(crate) fn requests_of(&self, operation: &str) -> Vec<Value> {
        self.requests().into_iter().filter(|line| line["operation"] == operation).collect()
    }

    /// The ids of the servers on which a command began, once for each command, in order.
    pub(crate) fn begun(&self) -> Vec<String> {
        let began = self.journal().into_iter().filter(|line| line["kind"] == "began");
        let mut ids: Vec<_> = began.map(|line| line["vps"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }
}

impl Drop for Sandbox {
    /// Asks it to stop, so that it ends its guests' commands too; kills it when it does not.
    fn drop(&mut self) {
        if send("TERM", &self.child) {
            for _ in 0..200 {
                if matches!(self.child.try_wait(), Ok(Some(_))) {
                    return;
                }
                pause();
            }
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "another process is watched, on the machine's own clock")]
fn pause() {
    std::thread::sleep(std::time::Duration::from_millis(10));
}

/// Sends a signal to this process alone.
pub(crate) fn send(signal: &str, child: &Child) -> bool {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
    sent.is_ok_and(|status| status.success())
}

/// `rollcall` without any setting from the environment, and with another place for its state than the tester's own.
pub(crate) fn rollcall() -> Command {
    let mut command = Command::new(ROLLCALL);
    without_settings(&mut command);
    command.env("NO_COLOR", "1").env(STATE_HOME, env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Takes away what the tester's own environment would change.
fn without_settings(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let ours = text.starts_with("HOSTUP_") || text.starts_with("ROLLCALL_");
        if ours || matches!(&*text, "RUST_LOG" | "COLUMNS" | "NO_COLOR" | "CLICOLOR_FORCE") {
            command.env_remove(&name);
        }
    }
}

/// Runs a command to its end, or fails the test when it has none in time.
pub(crate) fn finish(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let id = child.id().to_string();
    let waiting = std::thread::spawn(move || child.wait_with_output().unwrap());
    let mut looks = 0;
    while !waiting.is_finished() {
        looks += 1;
        if looks * 10 > DEADLINE.as_millis() {
            drop(Command::new("kill").arg("-KILL").arg(&id).status());
            panic!("{command:?} did not end; it wrote {:?}", waiting.join().unwrap());
        }
        pause();
    }
    waiting.join().unwrap()
}

/// Starts a command of which nobody reads what it says.
pub(crate) fn begin(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Ends a process at once, without a chance to say or write anything.
pub(crate) fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Waits for a process that was started elsewhere, and gives its exit code.
pub(crate) fn exit_code(child: &mut Child) -> i32 {
    until("the end of rollcall", || child.try_wait().unwrap()).code().expect("ended by itself")
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("ended by itself")
}

pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The one JSON document that stdout is.
pub(crate) fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The report's targets with this status.
pub(crate) fn with_status<'a>(report: &'a Value, status: &str) -> Vec<&'a Value> {
    report["targets"].as_array().unwrap().iter().filter(|target| target["status"] == status).collect()
}
