//! `rollcall plan`: what a run would do. It lists the inventory and starts nothing.

use std::{io::Write as _, time::Duration};

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::{
    Failure,
    connection::ConnectionArgs,
    execution,
    listing::{self, Listing},
    pace::PaceArgs,
    playbook_file,
    selection::SelectionArgs,
    state::StoreArgs,
};
use crate::{
    engine::{FinishedRun, Listed, RunSpec, forecast},
    playbook::{Playbook, bundle::Marker},
    report::{self, PlanRecord},
};

const AFTER_HELP: &str = "\
It costs the listing only: one request a hundred VPSes. What the run itself will learn is assumed: every agent \
answers and every step ends well. With --sample or a random order, the run draws anew.

Examples:
  rollcall plan nightly.yaml
  rollcall plan nightly.yaml --match tags=staging --show-text
  rollcall plan nightly.yaml -o json | jq '.requests, .time'";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct PlanArgs {
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

    /// What stdout gets
    #[arg(
        short,
        long,
        value_enum,
        default_value_t = PlanFormat::Text,
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    output: PlanFormat,

    /// Show the very text that the first target would get; with -o json, what each would
    #[arg(long, help_heading = "Output")]
    show_text: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    Text,
    Json,
}

impl PlanArgs {
    pub(super) async fn execute(&self) -> Result<u8, Failure> {
        let mut playbook = playbook_file::read(&self.playbook, self.vars.clone())?;
        self.pace.apply(&mut playbook);
        let selection = self.selection.with_rules(playbook.targets.clone(), self.store.directory())?;
        let connection = self.connection.open().await?;
        let mut memory = self.store.open_to_learn(&connection)?;
        let reserve = self.pace.reserve().unwrap_or(0);
        let spec = RunSpec { reserve, ..execution::spec_of(&playbook, selection, rand::random()) };
        let spec = memory.recall(spec, &playbook.sha256, Timestamp::now())?;
        let (run, api_url) = match listing::list(connection, spec.clone(), &playbook.name).await? {
            Listing::Complete { run, api_url } => (run, api_url),
            Listing::Interrupted(code) => return Ok(code),
        };
        let kept = memory.keep_listed(&spec.known, &run.knowledge, Timestamp::now());
        let marker = Marker::new([rand::random(), rand::random()]);
        let forecast = forecast(&spec, &run.selected, &listed(&run), &marker, self.show_text);
        let secrets: Vec<String> = playbook.vars.secrets().map(str::to_owned).collect();
        let Playbook { name, path, sha256, steps, .. } = &playbook;
        let record = PlanRecord {
            playbook_name: name,
            playbook_path: path.as_deref(),
            playbook_sha256: sha256,
            api_url: &api_url,
            steps,
            tally: &run.tally,
            forecast: &forecast,
            show_text: self.show_text,
            secrets: &secrets,
        };
        super::to_stdout(|out| match self.output {
            PlanFormat::Text => report::write_plan(&record, out),
            PlanFormat::Json => report::write_plan_json(&record, out),
        })?;
        let nothing = run.selected.is_empty() && !self.selection.allow_empty();
        if nothing {
            let _ = writeln!(std::io::stderr(), "rollcall: 0 of {} listed VPSes match", run.tally.listed);
        }
        kept.map(|()| if nothing { execution::NOTHING_MATCHED } else { 0 })
    }
}

/// What the listing showed of the API.
fn listed(run: &FinishedRun) -> Listed {
    let pages = u32::try_from(run.requests.list).unwrap_or(u32::MAX).max(1);
    let working = run.duration.saturating_sub(run.time.held_back());
    Listed {
        requests: run.requests.list,
        round_trip: (working / pages).max(Duration::from_millis(1)),
        limits: run.knowledge.limits.clone(),
    }
}
