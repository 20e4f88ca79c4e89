//! How many requests may be on their way at a time.
//!
//! A request holds a connection from its leaving to its answer. Where starts are prepared first (their intents have to reach
//! a disk), the limits count one from the moment at which it is allowed, but it holds no connection until it leaves: what
//! waits for a disk keeps nobody else from the network.

use std::collections::BTreeSet;

use super::{Operation, scope::Key};

/// Starts that may be prepared at a time, for each connection: enough to keep it busy while a disk is waited for.
const PREPARED_PER_CONNECTION: usize = 2;

#[derive(Debug)]
pub(super) struct Connections {
    most: usize,
    /// Allowed and not answered, of each operation.
    in_flight: [u64; 4],
    prepares_starts: bool,
    /// Starts that have not left yet.
    prepared: BTreeSet<Key>,
}

impl Connections {
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), in_flight: [0; 4], prepares_starts: false, prepared: BTreeSet::new() }
    }

    /// How many there are.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn prepare_starts(&mut self) {
        self.prepares_starts = true;
    }

    /// Whether one more request may be allowed.
    pub(super) fn have_room_for(&self, operation: Operation) -> bool {
        let has_room_to_prepare = self.prepared.len() < PREPARED_PER_CONNECTION.saturating_mul(self.most);
        !self.are_all_in_use() && (has_room_to_prepare || !self.prepares(operation))
    }

    fn prepares(&self, operation: Operation) -> bool {
        self.prepares_starts && operation == Operation::Start
    }

    pub(super) fn are_all_in_use(&self) -> bool {
        let in_flight: u64 = self.in_flight.iter().sum();
        in_flight.saturating_sub(self.prepared.len() as u64) >= self.most as u64
    }

    /// Requests of an operation that were allowed and are not answered.
    pub(super) fn in_flight(&self, operation: Operation) -> u64 {
        self.in_flight[operation as usize]
    }

    pub(super) fn allow(&mut self, key: Key, operation: Operation) {
        self.in_flight[operation as usize] += 1;
        if self.prepares(operation) {
            self.prepared.insert(key);
        }
    }

    pub(super) fn leaves(&mut self, key: Key) {
        self.prepared.remove(&key);
    }

    /// It is over, whether it left or not.
    pub(super) fn is_over(&mut self, key: Key, operation: Operation) {
        self.prepared.remove(&key);
        self.in_flight[operation as usize] -= 1;
    }
}
