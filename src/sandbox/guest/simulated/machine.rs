//! What all processes of one simulated command share: the server, its clock and files, and how much may still be done.
//!
//! Time passes only where a program says so (`sleep`), and everything that is done costs fuel. Whoever runs out of it
//! counts as endless: under `timeout` it is killed when its time is up, otherwise the interpreter gives up and says so.

use std::time::Duration;

use jiff::Timestamp;

use super::files::Files;
use crate::sandbox::fleet::Server;

/// How much one command may do: a shell's command costs about twenty of these, as do a few hundred bytes.
const FUEL: u64 = 3_000_000;

/// What is given back when a time limit has ended something endless, so that what comes after it can be done.
const FUEL_AGAIN: u64 = 500_000;

/// How deep commands may stand in commands, functions and substitutions in each other.
const DEEPEST: u32 = 64;

/// As far as time goes: what sleeps longer sleeps for ever.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Why a process does not go on with its next command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Exit(i32),
    Return(i32),
    Break(u32),
    Continue(u32),
    /// A signal for the shell with this process id.
    Killed {
        pid: u32,
        signal: i32,
    },
    /// The time limit that is due now.
    TimedOut,
    /// Something that the interpreter cannot follow, or will not.
    Lost(String),
}

/// When `timeout` ends what runs under it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Duration,
    /// When it ends even what ignores the first signal.
    pub(crate) kill: Duration,
}

pub(crate) struct Machine<'a> {
    pub(crate) server: &'a Server,
    pub(crate) files: Files<'a>,
    /// Time since the command began.
    pub(crate) clock: Duration,
    pub(crate) deadline: Option<Deadline>,
    began: Timestamp,
    fuel: u64,
    depth: u32,
    last_pid: u32,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(server: &'a Server, wall: Timestamp) -> Self {
        let first_pid = server.draw("pid").between(600, 30_000);
        Self {
            server,
            files: Files::new(server, wall),
            clock: Duration::ZERO,
            deadline: None,
            began: wall,
            fuel: FUEL,
            depth: 0,
            last_pid: first_pid,
        }
    }

    /// The server's wall time.
    pub(crate) fn wall(&self) -> Timestamp {
        self.began.saturating_add(self.clock).unwrap_or(Timestamp::MAX)
    }

    /// A fresh process id.
    pub(crate) fn fork(&mut self) -> u32 {
        self.last_pid += 1;
        self.last_pid
    }

    /// Uses fuel.
    ///
    /// # Errors
    /// When there is none left.
    pub(crate) fn spend(&mut self, fuel: u64) -> Result<(), Stop> {
        self.fuel = self.fuel.saturating_sub(fuel);
        if self.fuel > 0 {
            return Ok(());
        }
        match self.deadline.take() {
            Some(deadline) => {
                self.clock = self.clock.max(deadline.at);
                self.fuel = FUEL_AGAIN;
                Err(Stop::TimedOut)
            }
            None => Err(lost("this does more than the simulated guest has patience for")),
        }
    }

    /// Uses fuel for so many bytes of output, which may leave none for what comes next.
    pub(crate) fn burn(&mut self, bytes: usize) {
        self.fuel = self.fuel.saturating_sub(bytes as u64 / 16);
    }

    /// Uses fuel for so many bytes.
    pub(crate) fn spend_bytes(&mut self, bytes: usize) -> Result<(), Stop> {
        self.spend(1 + bytes as u64 / 16)
    }

    /// Goes one level deeper, and gives the level that [`rise_to`](Self::rise_to) comes back to.
    pub(crate) fn dive(&mut self) -> Result<u32, Stop> {
        self.depth += 1;
        if self.depth > DEEPEST { Err(lost("this is nested too deep")) } else { Ok(self.depth - 1) }
    }

    /// Comes back to a level, maybe out of several at once, as `exit` and `break` do.
    pub(crate) fn rise_to(&mut self, depth: u32) {
        self.depth = depth;
    }

    /// Lets time pass until `then`, or until a limit that comes first.
    pub(crate) fn reach(&mut self, then: Duration, ignores_term: bool) -> Result<(), Stop> {
        let then = then.min(FOREVER);
        let end = self.deadline.map(|deadline| if ignores_term { deadline.kill } else { deadline.at });
        if let Some(end) = end.filter(|end| *end < then) {
            self.clock = self.clock.max(end);
            return Err(Stop::TimedOut);
        }
        self.clock = self.clock.max(then);
        Ok(())
    }
}

/// The end of what the interpreter can do.
pub(crate) fn lost(what: impl Into<String>) -> Stop {
    Stop::Lost(what.into())
}
