//! What a run says of itself where somebody asks (SIGUSR1, or Ctrl-T where the system has it).

use std::fmt::Write as _;

use crate::{
    budget::RunTime,
    engine::{Doing, InFlight},
    report::{inert, span},
};

/// Lines that are shown; a run may have ten thousand commands going.
const SHOWN: usize = 40;

/// A line for each request and command, those that began first first.
pub(super) fn lines(now: RunTime, all: &[InFlight]) -> String {
    let mut text = match all.len() {
        0 => "rollcall: nothing is in flight\n".to_owned(),
        count => format!("rollcall: {count} in flight\n"),
    };
    for InFlight { vps, what, since } in all.iter().take(SHOWN) {
        let whom = vps.as_ref().map_or("the inventory".into(), |vps| inert(vps.name_or_id()));
        let what = match what {
            Doing::Request(operation) => format!("{} request", operation.word()),
            Doing::Command { step, pid } => format!("{} (pid {pid})", inert(step)),
        };
        // Infallible for a String.
        let _ = writeln!(text, "  {whom}: {what}, for {}", span(now.since(*since)));
    }
    if let Some(more @ 1..) = all.len().checked_sub(SHOWN) {
        let _ = writeln!(text, "  and {more} more");
    }
    text
}
