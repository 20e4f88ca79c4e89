//! `rollcall limits`: what earlier runs learned of the API's limits.

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::{Failure, connection::ApiArgs, state::StateDirectoryArgs};
use crate::report::{self, Style};

const AFTER_HELP: &str = "\
What a run, or the listing of a plan, learns is kept by address and a fingerprint of the key, never the key itself. For 7 days the next run begins \
with it; any answer of the API overrules it. What is older is shown as stale, and forgotten after 90 days.

Examples:
  rollcall limits                     of the key at hand
  rollcall limits --all -o json | jq '.accounts[].limits'";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct LimitsArgs {
    #[command(flatten)]
    api: ApiArgs,

    #[command(flatten)]
    directory: StateDirectoryArgs,

    /// What stdout gets
    #[arg(
        short,
        long,
        value_enum,
        default_value_t = LimitsFormat::Table,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    output: LimitsFormat,

    /// Show all keys that were used at any address; needs none at hand
    #[arg(long, help_heading = "Output")]
    all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LimitsFormat {
    Table,
    Json,
}

impl LimitsArgs {
    pub(super) fn execute(&self) -> Result<u8, Failure> {
        let account = if self.all {
            None
        } else {
            Some(self.api.account(" To see what is known of all keys, add --all")?)
        };
        let learned = match (self.directory.open_existing()?, &account) {
            (None, _) => Ok(Vec::new()),
            (Some(store), Some(account)) => store.learned_on(account).map(Vec::from_iter),
            (Some(store), None) => store.all_learned(),
        };
        let learned = learned.map_err(|error| super::state::unusable("", &error))?;
        let now = Timestamp::now();
        super::to_stdout(|out| match self.output {
            LimitsFormat::Table => {
                report::write_limits_table(&learned, account.as_ref(), now, Style::of_stdout(true), out)
            }
            LimitsFormat::Json => report::write_limits_json(&learned, now, out),
        })?;
        Ok(0)
    }
}
