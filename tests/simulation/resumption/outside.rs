//! What goes on whether or not a process lives.

use rand::{SeedableRng, rngs::StdRng};
use rollcall::{budget::RunTime, engine::Call};

use super::disk::Disk;
use crate::{
    harness::{Provider, Request, Seen},
    server::Server,
    world::World,
};

/// The API, what is on its way there, and what is seen of it all.
#[derive(Debug)]
pub(crate) struct Outside<'a> {
    pub(crate) server: Server<'a>,
    /// Requests of processes that are gone.
    pub(crate) strays: Vec<(RunTime, Call)>,
    pub(crate) disk: Disk,
    pub(crate) log: Vec<(RunTime, Seen)>,
    /// In sending order; also starts whose intent is on record and that never left.
    pub(crate) requests: Vec<Request>,
    pub(crate) random: StdRng,
}

impl<'a> Outside<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self {
            server: Server::new(world),
            strays: Vec::new(),
            disk: Disk::default(),
            log: Vec::new(),
            requests: Vec::new(),
            random: StdRng::seed_from_u64(world.seed ^ 0xd15c),
        }
    }

    /// What is on its way arrives, up to this time.
    pub(crate) fn let_arrive(&mut self, until: RunTime) {
        self.strays.sort_by_key(|(at, _)| *at);
        let later = self.strays.split_off(self.strays.partition_point(|(at, _)| *at <= until));
        for (at, call) in std::mem::replace(&mut self.strays, later) {
            self.server.arrives(at, &call);
        }
    }
}
