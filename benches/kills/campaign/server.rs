//! The sandbox in a process of its own, and its journal: what really happened.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde::Deserialize;

use super::{Faults, Place, Trouble};

/// A sandbox that serves until it is dropped.
pub(super) struct Server {
    process: Child,
    pub(super) url: String,
    journal: PathBuf,
}

/// A line of the journal, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum Line {
    Request,
    Began(Began),
    Ended(Ended),
}

/// A guest began a command.
#[derive(Debug, Deserialize)]
pub(super) struct Began {
    pub(super) vps: String,
    pub(super) command: String,
    pub(super) pid: u64,
}

/// A poll was told how a command ended.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ended {
    pub(super) vps: String,
    pub(super) pid: u64,
    pub(super) exit_code: Option<i64>,
}

impl Server {
    pub(super) fn start(
        place: &Place,
        servers: usize,
        seed: u64,
        faults: Option<&Faults>,
    ) -> Result<Self, Trouble> {
        let (journal, rules) = (place.file("journal"), place.file("faults.yaml"));
        fs::write(&rules, faults.map_or("[]", |faults| &faults.text))?;
        // A pid that is gone is told at once, not by five minutes of server errors: nobody wants to wait for those here.
        let mut process = Command::new(env!("CARGO_BIN_EXE_rollcall"))
            .args(["sandbox", "--port", "0", "--fleet", "uniform", "--agents", "all", "--rate", "none"])
            .args(["--duration", "20ms~0.5", "--latency", "0ms..4ms", "--gone-pid", "404"])
            .args(["--vms", &servers.to_string(), "--seed", &seed.to_string()])
            .arg("--journal")
            .arg(&journal)
            .arg("--faults")
            .arg(&rules)
            .env_remove("ROLLCALL_FAILPOINT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("the sandbox has no stdout")?;
        let mut server = Self { process, url: String::new(), journal };
        BufReader::new(stdout).read_line(&mut server.url)?;
        server.url.truncate(server.url.trim_end().len());
        if server.url.is_empty() { Err("the sandbox did not start".into()) } else { Ok(server) }
    }

    /// What happened so far.
    pub(super) fn journal(&self) -> Result<Vec<Line>, Trouble> {
        let text = fs::read_to_string(&self.journal)?;
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).map_err(Into::into)).collect()
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> Result<usize, Trouble> {
        Ok(self.journal()?.iter().filter(|line| matches!(line, Line::Request)).count())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that is gone already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
