//! The sandbox in a process of its own, and where processes run.

use std::{
    error::Error,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread::available_parallelism,
};

/// Which of two cores a process is kept on.
#[derive(Clone, Copy)]
pub(crate) enum Pin {
    Server,
    Client,
}

impl Pin {
    /// A command that runs there. On a machine with one core, or without `taskset`, it runs anywhere.
    pub(crate) fn command(self, program: &str) -> Command {
        if !can_pin() {
            return Command::new(program);
        }
        let mut command = Command::new("taskset");
        let core = if let Self::Server = self { "1" } else { "0" };
        command.args(["--cpu-list", core, program]);
        command
    }

    /// What cannot be done on this machine.
    pub(crate) fn missing_tools() -> impl Iterator<Item = &'static str> {
        let pinned = (!can_pin()).then_some(
            "no two cores, or no taskset (util-linux): server and client are in each other's way, so no rate is right",
        );
        pinned.into_iter()
    }
}

fn can_pin() -> bool {
    available_parallelism().is_ok_and(|cores| cores.get() > 1) && Path::new("/usr/bin/taskset").exists()
}

/// A sandbox that runs until it is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts one with so many servers, all of them alike and well.
    pub(crate) fn start(servers: u32, options: &[&str]) -> Result<Self, Box<dyn Error>> {
        let mut process = Pin::Server
            .command(env!("CARGO_BIN_EXE_rollcall"))
            .args(["sandbox", "--port", "0", "--fleet", "uniform", "--agents", "all"])
            .args(["--vms", &servers.to_string()])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let stdout = process.stdout.take().ok_or("the sandbox has no stdout")?;
        BufReader::new(stdout).read_line(&mut url)?;
        let server = Self { process, url: url.trim_end().to_owned() };
        if server.url.is_empty() { Err("the sandbox did not start".into()) } else { Ok(server) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that is gone already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
