//! The API as a rehearsal takes it to be: every agent answers, every command ends well after its time, and nothing
//! but the known limits refuses anything.
//!
//! It is asked in the order in which requests arrive, and remembers what runs.

use std::{collections::HashMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{
    super::{
        Answer, Availability, Call, Exited, Failure, Page, Pid, PollAnswer, Problem, Reply, Started, Stream,
    },
    gate::{Gate, Left},
};
use crate::{
    budget::{Reset, RetryAfter, RunTime, ServerTime, Signals},
    fleet::Vps,
};

/// The server's clock when a run begins, but for the part of a second: headers tell whole ones, so it is drawn.
const CLOCK: Duration = Duration::from_secs(1_000_000);
/// A model of the API.
#[derive(Debug)]
pub(super) struct Api {
    pages: Vec<Vec<Vps>>,
    gates: Vec<Gate>,
    /// How long each command of a kind takes, by its text, which is its number here: the last one first.
    run_times: Vec<Vec<Duration>>,
    /// When each process ends.
    processes: HashMap<Pid, RunTime>,
    started: u64,
    clock: Duration,
    /// Polls that were answered.
    pub(super) polls: u64,
    /// Requests that were refused.
    pub(super) refused: u64,
}

impl Api {
    pub(super) fn new(
        pages: Vec<Vec<Vps>>,
        gates: Vec<Gate>,
        mut run_times: Vec<Vec<Duration>>,
        luck: u64,
    ) -> Self {
        let mut luck = StdRng::seed_from_u64(luck);
        for times in &mut run_times {
            times.shuffle(&mut luck);
        }
        Self {
            pages,
            gates,
            run_times,
            processes: HashMap::new(),
            started: 0,
            clock: CLOCK + Duration::from_millis(luck.random_range(0..1000)),
            polls: 0,
            refused: 0,
        }
    }

    /// Answers a call that arrives at `at`.
    pub(super) fn reply(&mut self, at: RunTime, call: &Call) -> Reply {
        let refused = self.gates.iter().filter(|gate| gate.is_about(call));
        let refused =
            refused.filter_map(|gate| Some((gate.refuses(at, call)?, gate))).max_by_key(|one| one.0);
        if let Some((opens, gate)) = refused {
            let left = Left { remaining: 0, reset: opens };
            let signals = Signals {
                throttled: true,
                retry_after: Some(RetryAfter::In(whole_seconds(opens.since(at)))),
                ..self.signals(at, gate.announced.then_some((gate.limit, left)))
            };
            self.refused += 1;
            let problem = Problem { status: 429, ..Problem::default() };
            return Reply { signals, answer: Answer::Failed(Failure::Throttled(problem)) };
        }
        let counted = self.gates.iter_mut().filter(|gate| gate.is_about(call));
        let counted = counted.map(|gate| (gate.announced, gate.limit, gate.count(at, call)));
        // Of several limits, an answer tells of the one that is spent first.
        let told = counted.filter(|told| told.0).min_by_key(|told| told.2.remaining);
        let signals = self.signals(at, told.map(|(_, limit, left)| (limit, left)));
        Reply { signals, answer: self.answer(at, call) }
    }

    /// An answer's headers at this time, with what is left of a limit. Times are whole seconds, rounded up, as the API
    /// writes them.
    fn signals(&self, at: RunTime, told: Option<(u64, Left)>) -> Signals {
        let date = ServerTime(Duration::from_secs((self.clock + at.since_start()).as_secs()));
        let reset = |left: Left| Reset::At(ServerTime(whole_seconds(self.clock + left.reset.since_start())));
        Signals {
            limit: told.map(|(limit, _)| limit),
            remaining: told.map(|(_, left)| left.remaining),
            reset: told.map(|(_, left)| reset(left)),
            date: Some(date),
            ..Signals::default()
        }
    }

    fn answer(&mut self, at: RunTime, call: &Call) -> Answer {
        match call {
            Call::List { cursor } => {
                let page: usize = cursor.as_ref().and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
                let vpses = self.pages.get_mut(page).map(std::mem::take).unwrap_or_default();
                let next = (page + 1 < self.pages.len()).then(|| (page + 1).to_string());
                Answer::Listed(Page { vpses, next })
            }
            Call::Probe { .. } => Answer::Probed(Availability { available: true, reason: None }),
            Call::Start { command, .. } => {
                self.started += 1;
                let pid = Pid::new(self.started);
                let takes = self.takes(command);
                self.processes.extend(pid.map(|pid| (pid, at + takes)));
                Answer::Started(Started { pid, url: None, raw: None, foreign_url: false })
            }
            Call::Poll { pid, .. } => {
                self.polls += 1;
                if self.processes.get(pid).is_some_and(|&ends| ends > at) {
                    return Answer::Polled(PollAnswer::Running);
                }
                self.processes.remove(pid);
                Answer::Polled(PollAnswer::Exited(Exited {
                    exit_code: Some(0),
                    signal: None,
                    stdout: Stream::default(),
                    stderr: Stream::default(),
                }))
            }
        }
    }

    /// How long the command that is started now takes: the next of those that are to come.
    fn takes(&mut self, command: &str) -> Duration {
        let coming = command.parse().ok().and_then(|number: usize| self.run_times.get_mut(number));
        coming.and_then(Vec::pop).unwrap_or_default()
    }
}

fn whole_seconds(span: Duration) -> Duration {
    Duration::from_secs(span.as_secs() + u64::from(span.subsec_nanos() > 0))
}
