//! `rollcall targets`: what a selection picks.

use std::io::{self, Write};

use clap::{Args, ValueEnum};

use super::{Failure, connection::ConnectionArgs, selection::SelectionArgs};
use crate::{
    budget::RunTime,
    engine::{Event, FinishedRun, Purpose, RunSpec, Stop},
    fleet::Selection,
    playbook::TargetRules,
    progress::{Mode, Progress},
    report::{self, Style},
    runner::{self, Observer},
};

const AFTER_HELP: &str = "\
Examples:
  rollcall targets                                              all active, running VPSes
  rollcall targets --match operatingSystem.family=debian --where 'resources.memoryGb >= 8'
  rollcall targets --match name='db-*' -o json | jq -r '.[].id' > suspects.txt";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct TargetsArgs {
    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    connection: ConnectionArgs,

    /// What stdout gets; json is the API's own objects
    #[arg(short, long, value_enum, default_value_t = ListFormat::Table, value_name = "FORMAT")]
    output: ListFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    Table,
    Json,
}

impl TargetsArgs {
    pub(super) async fn execute(&self) -> Result<u8, Failure> {
        let selection = self.selection.with_rules(TargetRules::default())?;
        let connection = self.connection.open().await?;
        let interrupts = runner::interrupts()
            .map_err(|error| Failure::internal(format!("no signal handlers: {error}")))?;
        let mut watcher =
            Quiet { progress: Progress::new(Mode::None, super::stderr_moves_its_cursor(), "targets") };
        let run = runner::drive(
            listing(selection),
            connection.client.clone(),
            interrupts,
            async |_| true,
            &mut watcher,
        )
        .await;
        if let Some(sandbox) = connection.sandbox {
            sandbox.stop().await;
        }
        if let Some(stop) = &run.stop {
            return stopped(stop);
        }
        self.write(&run)?;
        Ok(0)
    }

    fn write(&self, run: &FinishedRun) -> Result<(), Failure> {
        let mut stdout = anstream::AutoStream::auto(io::stdout()).lock();
        let written = match self.output {
            ListFormat::Table => {
                report::write_inventory_table(&run.selected, &run.tally, Style::of_stdout(true), &mut stdout)
            }
            ListFormat::Json => report::write_inventory_json(&run.selected, &mut stdout),
        };
        match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(Failure::OUTPUT, format!("cannot write to stdout: {error}")))
            }
            _ => Ok(()),
        }
    }
}

fn listing(selection: Selection) -> RunSpec {
    RunSpec { purpose: Purpose::List, ..RunSpec::new(selection, Vec::new(), rand::random()) }
}

/// What ended a listing early, as a failure.
fn stopped(stop: &Stop) -> Result<u8, Failure> {
    let message = report::stop_message(stop);
    match stop {
        Stop::Signal(number) => Ok(u8::try_from(128 + number).unwrap_or(128)),
        Stop::Selection(_) | Stop::Declined => Err(Failure::usage(message)),
        Stop::Auth(_)
        | Stop::Inventory(_)
        | Stop::Deadline
        | Stop::Patience(_)
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
