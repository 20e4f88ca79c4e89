//! When to ask whether a command has ended.
//!
//! A poll too early is a wasted request, one too late delays a result. The run times seen so far in this run
//! say when the first poll is likely to find the command ended; later ones back off. While requests are scarce
//! the first poll waits for the slow ones too; while they are not, it goes for the median.

use std::{collections::VecDeque, time::Duration};

/// Run times remembered.
const SAMPLE: usize = 256;
/// The first poll while nothing is known, and the shortest wait for one.
const FIRST: Duration = Duration::from_millis(300);
const SHORTEST_FIRST: Duration = Duration::from_millis(20);
/// Shortest and longest wait between polls of one command.
const GAP: (Duration, Duration) = (Duration::from_millis(200), Duration::from_mins(1));

/// How dear a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requests {
    /// The API's limit decides how long the run takes.
    Scarce,
    /// The guests do.
    Plenty,
}

/// The run times of this run's commands, as far as polls have shown them.
#[derive(Debug, Default)]
pub(super) struct PollTiming {
    seen: VecDeque<Duration>,
}

impl PollTiming {
    /// A command was last seen running at the age `running` and first seen ended at the age `ended`.
    pub(super) fn observe(&mut self, running: Duration, ended: Duration) {
        if self.seen.len() == SAMPLE {
            self.seen.pop_front();
        }
        // The truth lies between; the middle lets the estimate fall as well as rise.
        self.seen.push_back(running + ended.saturating_sub(running) / 2);
    }

    /// The age at which a command is polled first.
    pub(super) fn first(&self, requests: Requests) -> Duration {
        let quantile = match requests {
            Requests::Scarce => 95,
            Requests::Plenty => 50,
        };
        let mut sorted: Vec<Duration> = self.seen.iter().copied().collect();
        sorted.sort_unstable();
        match sorted.get((sorted.len() * quantile / 100).min(sorted.len().saturating_sub(1))) {
            Some(&known) => (known + known / 10).max(SHORTEST_FIRST),
            None => FIRST,
        }
    }

    /// The age at which a command that was running at the age `age` is polled again.
    pub(super) fn next(age: Duration, requests: Requests) -> Duration {
        let grown = match requests {
            Requests::Scarce => age * 2,
            Requests::Plenty => age + age / 4,
        };
        age + grown.saturating_sub(age).clamp(GAP.0, GAP.1)
    }
}
