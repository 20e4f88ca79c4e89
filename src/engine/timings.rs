//! How long commands take, for each thing that a start carries: a playbook's requests may be of very different length.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Carried, RunTimes,
    poll_timing::{PollTiming, Requests},
};

/// A [`PollTiming`] for each.
#[derive(Debug, Default)]
pub(super) struct Timings(BTreeMap<Carried, PollTiming>);

impl Timings {
    /// Begins with what another run found out.
    pub(super) fn new(known: &RunTimes) -> Self {
        Self(known.iter().map(|(carried, times)| (carried, PollTiming::with(times))).collect())
    }

    pub(super) fn of(&mut self, carried: Carried) -> &mut PollTiming {
        self.0.entry(carried).or_default()
    }

    /// The latest of the ages at which commands are polled first while requests are scarce; `None` while none is known.
    pub(super) fn longest_first_poll(&mut self) -> Option<Duration> {
        self.0.values_mut().filter_map(|timing| timing.first(Requests::Scarce)).max()
    }

    /// How many targets' first polls are not planned until a pilot has shown something.
    pub(super) fn waiting(&self) -> usize {
        self.0.values().filter(|timing| !timing.is_vague()).map(PollTiming::waiting).sum()
    }

    /// What is carried by starts whose first polls wait so.
    pub(super) fn kinds(&self) -> Vec<Carried> {
        self.0.iter().filter(|(_, timing)| timing.waiting() > 0).map(|(&carried, _)| carried).collect()
    }

    /// What was found out.
    pub(super) fn run_times(&self) -> RunTimes {
        let mut run_times = RunTimes::default();
        for (&carried, timing) in &self.0 {
            run_times.insert(carried, timing.found());
        }
        run_times
    }
}
