//! `rollcall run`: the main job, a playbook on the VPSes that it selects.

use clap::Args;

use super::{
    Failure,
    confirmation::ConfirmationArgs,
    connection::ConnectionArgs,
    execution::{self, Execution},
    output::OutputArgs,
    pace::PaceArgs,
    playbook_file,
    selection::SelectionArgs,
    state::StoreArgs,
};
use crate::playbook::Severity;

const AFTER_HELP: &str = "\
Examples:
  rollcall run playbooks/disk-pressure.yaml --sandbox 200
  rollcall run audit.yaml --match name='web-*' --exclude tags=legacy
  rollcall run audit.yaml --targets suspects.txt -o json | jq '.targets[] | select(.status != \"ok\") | .name'
  rollcall run audit.yaml --rate 100/1m --deadline 30m --report json=audit.json
  rollcall run upgrade.yaml --batches 1,10%,100% --max-failures 2%";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct RunArgs {
    /// The playbook, or - for stdin
    #[arg(value_name = "PLAYBOOK")]
    playbook: String,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    connection: ConnectionArgs,

    #[command(flatten)]
    store: StoreArgs,

    #[command(flatten)]
    pace: PaceArgs,

    /// Set a variable of the playbook
    #[arg(
        long = "var",
        value_name = "NAME=VALUE",
        value_parser = playbook_file::parse_override,
        help_heading = "Run"
    )]
    vars: Vec<(String, String)>,

    /// From which severity on a check that does not hold fails the run: info, warning or error [default: error]
    #[arg(long, value_name = "SEVERITY", value_parser = execution::parse_severity, help_heading = "Run")]
    fail_on: Option<Severity>,

    #[command(flatten)]
    confirmation: ConfirmationArgs,

    #[command(flatten)]
    output: OutputArgs,
}

impl RunArgs {
    pub(super) async fn execute(&self) -> Result<u8, Failure> {
        let mut playbook = playbook_file::read(&self.playbook, self.vars.clone())?;
        self.pace.apply(&mut playbook);
        let execution = Execution {
            selection: self.selection.with_rules(playbook.targets.clone(), self.store.directory())?,
            allow_empty: self.selection.allow_empty(),
            confirmation: self.confirmation.of(&playbook.steps, self.connection.is_sandbox())?,
            connection: self.connection.open().await?,
            playbook,
            store: &self.store,
            timeout: self.pace.timeout(),
            reserve: self.pace.reserve().unwrap_or(0),
            fail_on: self.fail_on.unwrap_or_default(),
            given: self.vars.iter().map(|(name, _)| name.as_str()).collect(),
            output: &self.output,
        };
        execution.perform().await
    }
}
