//! What the simulated guest does, from the outside.

mod bundle;
mod differential;
mod features;
mod playbooks;
mod properties;
mod servers;

use std::time::Duration;

use super::{Ended, Server, run};
use crate::sandbox::{
    fleet::Fleet,
    options::{Agents, Variety},
};

/// What a command did, as text.
struct Did {
    ended: Ended,
    stdout: String,
    stderr: String,
    took: Duration,
}

fn fleet() -> Fleet {
    Fleet::new(7, 200, Variety::Mixed, Agents::Most)
}

fn on(server: &Server, command: &str) -> Did {
    let done = run(server, command, "2026-03-04T05:06:07Z".parse().unwrap());
    let [stdout, stderr] =
        [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Did { ended: done.ended, stdout, stderr, took: done.took }
}

/// The same on the first server of a family.
fn on_family(family: &str, command: &str) -> Did {
    let fleet = fleet();
    let (_, server) = fleet.iter().find(|(_, server)| server.system.family == family).unwrap();
    on(server, command)
}

/// The same on a server whose shell is dash.
fn first(command: &str) -> Did {
    on_family("debian", command)
}
