//! What a run is at, for whoever asks while it goes on.

use std::sync::Arc;

use super::{
    Pid,
    run::{Engine, Slot},
    target::Life,
};
use crate::{
    budget::{Operation, RunTime},
    fleet::Vps,
};

/// Something that has begun and not ended.
#[derive(Debug, Clone, PartialEq)]
pub struct InFlight {
    /// Where; `None` for the listing.
    pub vps: Option<Arc<Vps>>,
    /// What.
    pub what: Doing,
    /// Since when.
    pub since: RunTime,
}

/// What has begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// A request that waits for its answer.
    Request(Operation),
    /// A command in a guest.
    Command {
        /// The step that it is, or the first one of a bundle.
        step: Arc<str>,
        /// Its process there.
        pid: Pid,
    },
}

impl Engine {
    /// Requests that wait for their answers and commands that run, those that began first first.
    pub fn what_is_in_flight(&self) -> Vec<InFlight> {
        let requests = self.calls.values().map(|call| InFlight {
            vps: call.subject.target().and_then(|index| Some(Arc::clone(&self.open(index)?.vps))),
            what: Doing::Request(call.subject.operation()),
            since: call.left,
        });
        let commands = self.slots.iter().filter_map(|slot| {
            let Slot::Open(target) = slot else { return None };
            let Life::Watch(watch) = &target.life else { return None };
            let step = Arc::clone(self.step_names.get(target.steps.len())?);
            let vps = Some(Arc::clone(&target.vps));
            Some(InFlight { vps, what: Doing::Command { step, pid: watch.pid }, since: watch.accepted })
        });
        let mut all: Vec<InFlight> = requests.chain(commands).collect();
        all.sort_by_key(|one| one.since);
        all
    }
}
