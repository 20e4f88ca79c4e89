//! `rollcall targets`: what a selection picks, listed or counted.

use clap::{Args, ValueEnum};

use super::{Failure, connection::ConnectionArgs, selection::SelectionArgs};
use crate::{
    budget::RunTime,
    engine::{Event, FinishedRun, Purpose, RunSpec, Stop},
    fleet::{Selection, census},
    playbook::TargetRules,
    progress::{Mode, Progress},
    report::{self, Style},
    runner::{self, Observer},
};

const AFTER_HELP: &str = "\
Examples:
  rollcall targets                                              all active, running VPSes
  rollcall targets --match operatingSystem.family=debian --where 'resources.memoryGb >= 8'
  rollcall targets --match name='db-*' -o json | jq -r '.[].id' > suspects.txt
  rollcall targets -o names                                     db-[1-4],web-[1-116,118]
  rollcall targets --by operatingSystem.family                  how many there are of each";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct TargetsArgs {
    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    connection: ConnectionArgs,

    /// What stdout gets; json is the API's own objects, names are folded on one line
    #[arg(
        short,
        long,
        value_enum,
        default_value_t = ListFormat::Table,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    output: ListFormat,

    /// Count the VPSes by the value of a field instead; of a list each element counts
    #[arg(long, value_name = "FIELD", value_parser = parse_field, help_heading = "Output")]
    by: Option<String>,
}

fn parse_field(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a field is named by its path, for example operatingSystem.family".to_owned()),
        path => Ok(path.to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    Table,
    Json,
    Names,
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
        let shares = match &self.by {
            Some(field) => {
                let shares = census(&run.selected, field);
                Some((field, shares.map_err(|unknown| Failure::usage(format!("--by: {unknown}")))?))
            }
            None => None,
        };
        let (selected, tally, style) = (&run.selected, &run.tally, Style::of_stdout(true));
        let count = selected.len();
        super::to_stdout(|out| match (self.output, &shares) {
            (ListFormat::Table, None) => report::write_inventory_table(selected, tally, style, out),
            (ListFormat::Json, None) => report::write_inventory_json(selected, out),
            (ListFormat::Names, None) => report::write_inventory_names(selected, out),
            (ListFormat::Table, Some((field, shares))) => {
                report::write_census_table(field, shares, tally, count, style, out)
            }
            (ListFormat::Json, Some((field, shares))) => report::write_census_json(field, shares, count, out),
            (ListFormat::Names, Some((_, shares))) => report::write_census_names(shares, out),
        })
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
