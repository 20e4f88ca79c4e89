//! `rollcall targets`: what a selection picks, listed or counted.

use clap::{Args, ValueEnum};

use super::{
    Failure,
    connection::ConnectionArgs,
    listing::{self, Listing},
    selection::SelectionArgs,
    state::StateDirectoryArgs,
};
use crate::{
    engine::{FinishedRun, RunSpec},
    fleet::census,
    playbook::TargetRules,
    report::{self, Style},
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

    #[command(flatten)]
    directory: StateDirectoryArgs,

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
        let selection = self.selection.with_rules(TargetRules::default(), &self.directory)?;
        let spec = RunSpec::new(selection, Vec::new(), rand::random());
        match listing::list(self.connection.open().await?, spec, "targets").await? {
            Listing::Complete { run, .. } => self.write(&run).map(|()| 0),
            Listing::Interrupted(code) => Ok(code),
        }
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
