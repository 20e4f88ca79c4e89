//! One run of rollcall as a process, and what its report and the system say of it.

use std::{error::Error, fs::File, io::BufReader, path::Path, process::Stdio};

use serde::Deserialize;

use crate::{
    count,
    raw::Replay,
    server::{Pin, Server},
};

const TIME: &str = "/usr/bin/time";

/// A run that is to be measured.
pub(crate) struct Run {
    playbook: &'static str,
    format: &'static str,
    keeps: bool,
}

/// What came of it.
pub(crate) struct Figures {
    pub(crate) requests: u64,
    pub(crate) throttled: u64,
    /// From the first request to the last answer; starting and reporting are not in it.
    pub(crate) seconds: f64,
    /// `None` where the system cannot say.
    pub(crate) process: Option<Process>,
    targets: Vec<Target>,
}

/// What the system counted for the process, from its start to its end.
pub(crate) struct Process {
    /// Its resident set at its largest.
    pub(crate) megabytes: f64,
    /// Seconds of processor time.
    pub(crate) user: f64,
    pub(crate) system: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    duration_ms: u64,
    api: Api,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Api {
    requests: Requests,
    throttled: u64,
}

#[derive(Deserialize)]
struct Requests {
    total: u64,
}

#[derive(Deserialize)]
struct Target {
    id: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    pid: Option<u64>,
}

impl Run {
    pub(crate) fn of(playbook: &'static str) -> Self {
        Self { playbook, format: "json", keeps: true }
    }

    /// What it writes to stdout: `json` or `table`. The figures are taken from a JSON report in any case.
    pub(crate) fn writing(self, format: &'static str) -> Self {
        Self { format, ..self }
    }

    /// Writes nothing down of itself.
    pub(crate) fn without_store(self) -> Self {
        Self { keeps: false, ..self }
    }

    pub(crate) fn on(self, server: &Server) -> Result<Figures, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let at = |name: &str| directory.path().join(name);
        let playbook = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/throughput").join(self.playbook);
        let is_timed = Path::new(TIME).exists();
        let mut command = Pin::Client.command(if is_timed { TIME } else { env!("CARGO_BIN_EXE_rollcall") });
        if is_timed {
            command.args(["-f", "%M %U %S", "-o"]).arg(at("time")).arg(env!("CARGO_BIN_EXE_rollcall"));
        }
        let output = command
            .arg("run")
            .arg(playbook)
            .args(["--api-url", &server.url, "--yes", "--progress", "none", "-o", self.format])
            .args(if self.keeps { &[][..] } else { &["--no-store"] })
            // What earlier runs have learned must not help this one.
            .env("XDG_STATE_HOME", at("state"))
            .env("HOSTUP_API_KEY", "sandbox")
            .env_remove("HOSTUP_API_KEY_FILE")
            .stdout(File::create(at("report"))?)
            .stderr(Stdio::piped())
            .output()?;
        // A run that did not do its work would be fast.
        if !output.status.success() {
            let messages = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the run ended with {}\n{messages}", output.status).into());
        }
        let process = if is_timed { Some(Process::read(&at("time"))?) } else { None };
        if self.format != "json" {
            return Ok(Figures { requests: 0, throttled: 0, seconds: 0.0, process, targets: Vec::new() });
        }
        let report: Report = serde_json::from_reader(BufReader::new(File::open(at("report"))?))?;
        Ok(Figures {
            requests: report.api.requests.total,
            throttled: report.api.throttled,
            seconds: count(report.duration_ms) / 1000.0,
            process,
            targets: report.targets,
        })
    }
}

impl Figures {
    pub(crate) fn requests_a_target(&self) -> f64 {
        count(self.requests) / count(self.targets.len() as u64)
    }

    pub(crate) fn requests_a_second(&self) -> f64 {
        count(self.requests) / self.seconds
    }

    /// In microseconds, starting and reporting included.
    pub(crate) fn processor_a_request(&self) -> String {
        self.process.as_ref().map_or_else(
            || "?".to_owned(),
            |process| format!("{:.1} µs", (process.user + process.system) * 1e6 / count(self.requests)),
        )
    }

    /// The requests that were sent to the targets, for others to send them too.
    pub(crate) fn replay(&self) -> Replay {
        let processes =
            self.targets.iter().filter_map(|target| Some((target.id.clone(), target.steps.first()?.pid?)));
        Replay(processes.collect())
    }
}

impl Process {
    fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let text = std::fs::read_to_string(path)?;
        let numbers: Vec<f64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
        match numbers[..] {
            // A kilobyte of `time` has 1024 bytes.
            [kilobytes, user, system] => Ok(Self { megabytes: kilobytes * 1024.0 / 1e6, user, system }),
            _ => Err(format!("{TIME} said: {text}").into()),
        }
    }
}
