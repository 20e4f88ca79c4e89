//! Reads the inventory and picks from it, for the commands that start nothing.

use super::{Failure, connection::Connection};
use crate::{
    budget::RunTime,
    engine::{Event, FinishedRun, Purpose, RunSpec, Stop},
    progress::{Mode, Progress},
    report,
    runner::{self, Observer, Run},
};

/// How a listing ended.
pub(super) enum Listing {
    /// Well, with the address that it came from.
    Complete { run: Box<FinishedRun>, api_url: String },
    /// By a signal, which is this exit code.
    Interrupted(u8),
}

/// Lists what `spec` selects.
pub(super) async fn list(connection: Connection, spec: RunSpec, what: &str) -> Result<Listing, Failure> {
    let signals =
        runner::signals().map_err(|error| Failure::internal(format!("no signal handlers: {error}")))?;
    let mut watcher = Quiet { progress: Progress::new(Mode::None, super::stderr_moves_its_cursor(), what) };
    let spec = RunSpec { purpose: Purpose::List, ..spec };
    let driven = Run::new(spec).drive(connection.client.clone(), signals, async |_| true, &mut watcher).await;
    let run = driven.run;
    let api_url = connection.client.url().to_string();
    if let Some(sandbox) = connection.sandbox {
        sandbox.stop().await;
    }
    let Some(stop) = &run.stop else { return Ok(Listing::Complete { run: Box::new(run), api_url }) };
    let message = report::stop_message(stop);
    match stop {
        Stop::Signal(number) => Ok(Listing::Interrupted(u8::try_from(128 + number).unwrap_or(128))),
        Stop::Selection(_) | Stop::Declined => Err(Failure::usage(message)),
        Stop::Auth(_)
        | Stop::Inventory(_)
        | Stop::Deadline
        | Stop::Patience(_)
        | Stop::Store(_)
        | Stop::Secret(_)
        | Stop::MaxFailures { .. } => Err(Failure::new(Failure::API, message)),
    }
}

/// A listing is over too soon for a progress bar; only its retries are told.
struct Quiet {
    progress: Progress,
}

impl Observer for Quiet {
    fn observe(&mut self, event: &Event) {
        self.progress.observe(event);
    }

    fn tick(&mut self, now: RunTime) {
        self.progress.tick(now);
    }
}
