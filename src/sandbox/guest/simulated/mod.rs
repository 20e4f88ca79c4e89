//! The simulated guest: carries a command out in this process, on a shell, files and programs that are all made up.
//!
//! Nothing runs for real and nothing is kept: a command gets a fresh [`Machine`] of its server, and its end is its end.
//! `sh` is the shell, `programs` is what it finds, `files` what they read, `facts` what a server is like, `stream` how
//! output finds its way, `machine` the clock and the bounds. Those bounds hold for any text: a command costs fuel, and
//! what cannot be followed, or does too much, ends with exit code 2 and says so on its standard error.

mod facts;
mod files;
mod machine;
mod programs;
mod sh;
mod stream;

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

use self::{
    machine::Machine,
    sh::{Shell, State},
    stream::Descriptor,
};
use super::Ended;
use crate::sandbox::fleet::Server;

/// What a simulated command did.
#[derive(Debug)]
pub(in crate::sandbox) struct Simulated {
    pub(in crate::sandbox) ended: Ended,
    pub(in crate::sandbox) stdout: Vec<u8>,
    pub(in crate::sandbox) stderr: Vec<u8>,
    /// How long it slept, and how long something in its background kept its pipes open.
    pub(in crate::sandbox) took: Duration,
}

/// Carries out a command as this server would at this wall time.
pub(in crate::sandbox) fn run(server: &Server, command: &str, wall: Timestamp) -> Simulated {
    if server.system.family == "windows" {
        return windows(command);
    }
    let mut machine = Machine::new(server, wall);
    let ((output, stdout), (error, stderr)) = (Descriptor::sink(), Descriptor::sink());
    let mut descriptors = std::array::from_fn(|_| None);
    descriptors[..3].clone_from_slice(&[Some(Descriptor::Null), Some(output), Some(error)]);
    let pid = machine.fork();
    // What stops a shell and is no end of its own can only be a signal to one that is gone.
    let ended = Shell::new(&mut machine, State::new(pid, descriptors)).run(command).unwrap_or(Ended::Exit(2));
    let ((stdout, held_out), (stderr, held_err)) =
        (stdout.borrow_mut().finish(), stderr.borrow_mut().finish());
    Simulated { ended, stdout, stderr, took: machine.clock.max(held_out).max(held_err) }
}

/// All that a Windows server has to say to a shell script.
fn windows(command: &str) -> Simulated {
    let program = command.split_whitespace().next().unwrap_or_default();
    let stderr = format!(
        "'{program}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"
    );
    Simulated { ended: Ended::Exit(1), stdout: Vec::new(), stderr: stderr.into_bytes(), took: Duration::ZERO }
}
