//! The guest agent of one server: the commands it knows of, and what it says when asked about them.
//!
//! This is qemu-ga's model. A pid is known from its start until a reply has said that it exited, and only to the
//! agent life that started it: a reboot forgets everything. Nothing in this file runs a command or asks the time:
//! `simulated` carries commands out on a toy shell (`script`, `answers`, `filters`), `shell` on the real one, and `qga`
//! leaves all of it to a real agent.

mod qga;
mod shell;
mod simulated;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::draw::Draw;

#[cfg(test)]
pub(super) use self::qga::scripted;
pub(super) use self::{
    qga::{QemuAgents, Trouble},
    shell::Shell,
    simulated::{Simulated, run as simulate},
};

/// What carries out the commands of all servers.
pub(super) enum Guests {
    Simulated,
    Shell(Shell),
    Qga(QemuAgents),
}

/// What a finished command leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) ended: Ended,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
}

/// How a command ended. The two exclude each other (QEMU qga, guest-exec-status).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Exit(i32),
    Signal(i32),
}

impl Default for Ended {
    fn default() -> Self {
        Self::Exit(0)
    }
}

/// One captured stream, cut at the cap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    pub(super) truncated: bool,
}

impl Output {
    /// Keeps the first `cap` bytes.
    pub(super) fn capped(mut bytes: Vec<u8>, cap: usize) -> Self {
        let truncated = bytes.len() > cap;
        bytes.truncate(cap);
        Self { bytes, truncated }
    }
}

/// How an agent comes to know that a command is over: reaped, and both its pipes closed.
pub(super) enum Work {
    /// At a time known beforehand.
    Until(Duration, Outcome),
    /// When somebody else says so.
    Elsewhere(Arc<OnceLock<Outcome>>),
}

impl Work {
    fn outcome(&self, now: Duration) -> Option<&Outcome> {
        match self {
            Self::Until(end, outcome) => (*end <= now).then_some(outcome),
            Self::Elsewhere(outcome) => outcome.get(),
        }
    }
}

/// What a poll finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Polled {
    Running,
    Exited(Outcome),
    /// Never started in this life, or already told.
    Unknown,
}

/// Whether the agent takes commands just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Ready,
    /// File systems are frozen for a backup: it answers pings and nothing else.
    Frozen,
    /// Rebooting.
    Away,
}

/// Pids go round between these two; Linux's own range on 64 bits, less what the system has taken at boot.
const FIRST_PID: u32 = 300;
const LAST_PID: u32 = 1 << 22;

/// The agent of one server.
#[derive(Default)]
pub(super) struct Agent {
    processes: Vec<(u32, Work)>,
    /// The last pid given; 0 before the first.
    last_pid: u32,
    lives: u32,
    begun: u32,
    frozen_until: Duration,
    away_until: Duration,
}

impl Agent {
    /// How many commands have begun here, in all lives.
    pub(super) fn begun(&self) -> u32 {
        self.begun
    }

    /// Counts a command that began somewhere else, under a pid from there.
    pub(super) fn begun_elsewhere(&mut self) {
        self.begun += 1;
    }

    /// Whether it takes commands at `now`.
    pub(super) fn condition(&self, now: Duration) -> Condition {
        if now < self.away_until {
            Condition::Away
        } else if now < self.frozen_until {
            Condition::Frozen
        } else {
            Condition::Ready
        }
    }

    /// Begins a command and gives its pid, fresh in this life: first somewhere from 600 to 30,000, then
    /// rising in small steps, as on a machine where other things run too.
    pub(super) fn begin(&mut self, work: Work, draw: Draw) -> u32 {
        let draw = draw.named("pid").at(self.lives.into());
        self.begun += 1;
        let mut pid = match self.last_pid {
            0 => draw.between(600, 30_000),
            last => last + draw.at(last.into()).between(1, 9),
        };
        while pid > LAST_PID || self.processes.iter().any(|(known, _)| *known == pid) {
            pid = if pid > LAST_PID { FIRST_PID } else { pid + 1 };
        }
        self.processes.push((pid, work));
        self.last_pid = pid;
        pid
    }

    /// Asks about a pid. A reply that says exited is the only one, unless `keep` is set.
    pub(super) fn poll(&mut self, pid: u32, now: Duration, keep: bool) -> Polled {
        let Some(place) = self.processes.iter().position(|(known, _)| *known == pid) else {
            return Polled::Unknown;
        };
        let Some(outcome) = self.processes[place].1.outcome(now) else { return Polled::Running };
        let outcome = outcome.clone();
        if !keep {
            self.processes.swap_remove(place);
        }
        Polled::Exited(outcome)
    }

    /// Restarts the machine: every pid is forgotten, and the agent is away until `back`.
    pub(super) fn reboot(&mut self, back: Duration) {
        self.processes.clear();
        self.last_pid = 0;
        self.lives += 1;
        self.away_until = back;
    }

    /// Freezes the file systems until `thaw`; what runs goes on, and records survive.
    pub(super) fn freeze(&mut self, thaw: Duration) {
        self.frozen_until = self.frozen_until.max(thaw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(10);
    const LATER: Duration = Duration::from_secs(20);

    fn work(end: Duration) -> Work {
        Work::Until(end, Outcome { ended: Ended::Exit(3), ..Outcome::default() })
    }

    fn exited(polled: &Polled) -> bool {
        matches!(polled, Polled::Exited(Outcome { ended: Ended::Exit(3), .. }))
    }

    #[test]
    fn an_exit_is_told_once() {
        let mut agent = Agent::default();
        let pid = agent.begin(work(LATER), Draw::new(7));
        assert_eq!(agent.poll(pid, NOW, false), Polled::Running);
        assert!(exited(&agent.poll(pid, LATER, false)));
        assert_eq!(agent.poll(pid, LATER, false), Polled::Unknown);
    }

    #[test]
    fn an_exit_may_be_kept_and_told_again() {
        let mut agent = Agent::default();
        let pid = agent.begin(work(NOW), Draw::new(7));
        assert!(exited(&agent.poll(pid, NOW, true)));
        assert!(exited(&agent.poll(pid, LATER, true)));
    }

    #[test]
    fn pids_are_fresh_and_do_not_begin_at_one() {
        let mut agent = Agent::default();
        let mut pids: Vec<u32> = (0..9000).map(|_| agent.begin(work(LATER), Draw::new(7))).collect();
        assert!(pids[0] >= 600);
        pids.sort_unstable();
        pids.dedup();
        assert_eq!(pids.len(), 9000);
        assert_eq!(agent.begun(), 9000);
    }

    #[test]
    fn a_reboot_forgets_and_a_freeze_does_not() {
        let mut agent = Agent::default();
        let pid = agent.begin(work(NOW), Draw::new(7));
        agent.freeze(LATER);
        assert_eq!((agent.condition(NOW), agent.condition(LATER)), (Condition::Frozen, Condition::Ready));
        assert!(exited(&agent.poll(pid, NOW, true)));
        agent.reboot(LATER);
        assert_eq!((agent.condition(NOW), agent.condition(LATER)), (Condition::Away, Condition::Ready));
        assert_eq!(agent.poll(pid, LATER, false), Polled::Unknown);
        assert_ne!(agent.begin(work(LATER), Draw::new(7)), pid, "a new life has a new range");
    }

    #[test]
    fn output_past_the_cap_is_dropped_and_flagged() {
        let output = Output::capped(b"abcdef".to_vec(), 4);
        assert_eq!((output.bytes.as_slice(), output.truncated), (b"abcd".as_slice(), true));
        assert!(!Output::capped(b"abcd".to_vec(), 4).truncated);
    }
}
