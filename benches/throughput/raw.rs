//! How fast the sandbox answers a load generator that does nothing but send: `wrk`.

use std::{error::Error, fmt::Write as _, fs, io::ErrorKind, process::Command};

use crate::{
    CONNECTIONS,
    server::{Pin, Server},
};

/// How long it is measured, each time.
const SECONDS: u32 = 3;

/// A run's requests but for the listing: each target's id, and the process that was started there.
pub(crate) struct Replay(pub(crate) Vec<(String, u64)>);

impl Replay {
    /// A line for each target.
    pub(crate) fn lines(&self) -> String {
        self.0.iter().fold(String::new(), |mut lines, (id, pid)| {
            // Writing to a string cannot fail.
            let _ = writeln!(lines, "{id} {pid}");
            lines
        })
    }
}

/// Requests a second with as many connections as rollcall has; `None` where there is no `wrk`.
pub(crate) fn measure(server: &Server, replay: &Replay) -> Result<Option<f64>, Box<dyn Error>> {
    match Command::new("wrk").arg("--version").output() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let directory = tempfile::tempdir()?;
    let lines = directory.path().join("targets");
    fs::write(&lines, replay.lines())?;
    let output = Pin::Client
        .command("wrk")
        .args(["--threads", "1", "--connections", &CONNECTIONS.to_string()])
        .args(["--duration", &format!("{SECONDS}s"), "--script"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/throughput/replay.lua"))
        .arg(&server.url)
        .arg("--")
        .arg(&lines)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let measured = said.lines().find_map(|line| line.strip_prefix("measured "));
    let numbers: Vec<f64> =
        measured.unwrap_or_default().split(' ').map_while(|word| word.parse().ok()).collect();
    match numbers[..] {
        // Answers that say no cost less than those that do something.
        [requests, microseconds, 0.0] => Ok(Some(requests * 1e6 / microseconds)),
        _ => Err(format!("wrk said:\n{said}{}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}
