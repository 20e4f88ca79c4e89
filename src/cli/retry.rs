//! `rollcall retry`: a new run of the same playbook, on the targets of an earlier one that failed or were never started.
//!
//! A command that may have run, or may be running still, is tried again only where a person says so by its status.

use std::io::{self, Write as _};

use clap::Args;

use super::{
    Failure,
    confirmation::ConfirmationArgs,
    connection::ConnectionArgs,
    execution::Execution,
    history::{self, RunName},
    output::OutputArgs,
    pace::PaceArgs,
    recipe::{Recipe, Remade},
    selection::parse_status,
    state::StoreArgs,
};
use crate::{
    engine::{Reason, Status, TargetResult},
    fleet::Selection,
    store::PastRun,
};

/// What is tried again where nobody says otherwise. Source: failure model, Y5.
const BY_DEFAULT: [Status; 6] = [
    Status::Failed,
    Status::CheckFailed,
    Status::Refused,
    Status::Unavailable,
    Status::Skipped,
    Status::Cancelled,
];

/// Whose command may have run, or may be running still.
const MAY_HAVE_RUN: [Status; 3] = [Status::Unknown, Status::TimedOut, Status::Running];

const AFTER_HELP: &str = "\
Without --status: failed, check_failed, refused, unavailable, skipped (but not by `when`) and cancelled. Targets that are \
unknown, timed_out or running may have run the command, or may be running it still, so only a person names them. All steps of \
the playbook are run, as it was then; files that were edited since play no part.

Examples:
  rollcall retry                      the last run
  rollcall retry 01JDX7 --status unavailable
  rollcall retry last~1 --status unknown --yes";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct RetryArgs {
    /// The run: an id or its beginning, last, or last~N
    #[arg(value_name = "RUN", default_value = "last")]
    run: RunName,

    /// Only targets that ended so; may be given more than once, or with commas
    #[arg(long, value_name = "STATUS", value_parser = parse_status, value_delimiter = ',', help_heading = "Selection")]
    status: Vec<Status>,

    #[command(flatten)]
    connection: ConnectionArgs,

    #[command(flatten)]
    store: StoreArgs,

    #[command(flatten)]
    pace: PaceArgs,

    #[command(flatten)]
    confirmation: ConfirmationArgs,

    #[command(flatten)]
    output: OutputArgs,
}

impl RetryArgs {
    pub(super) async fn execute(&self) -> Result<u8, Failure> {
        let store = self.store.directory().open_existing()?;
        let store = store.ok_or_else(|| Failure::usage("no runs are kept here"))?;
        let head = history::find(&store, &self.run)?;
        if head.in_sandbox && !self.connection.is_sandbox() {
            return Err(Failure::usage(format!(
                "run {} was on a sandbox inside its own process, whose servers are gone with it",
                head.id
            ))
            .hint("to try this, start `rollcall sandbox` by itself and run against its URL with --api-url"));
        }
        let recipe = Recipe::from_json(&head.source)?;
        let Remade { mut playbook, lost_secrets } = recipe.playbook()?;
        if !lost_secrets.is_empty() {
            return Err(Failure::usage(format!(
                "no longer to be had: the secret {}",
                lost_secrets.join(", ")
            ))
            .hint("set the variables, or put the files back, that the playbook names for them"));
        }
        let past = history::read(&store, &head)?;
        drop(store);
        let ids = self.ids(&past)?;
        self.pace.apply(&mut playbook);
        let execution = Execution {
            selection: Selection { listed: Some(ids), ..Selection::default() },
            allow_empty: false,
            confirmation: self.confirmation.of(&playbook.steps, self.connection.is_sandbox())?,
            connection: self.connection.open_or_at(&head.url).await?,
            playbook,
            store: &self.store,
            timeout: self.pace.timeout().or(recipe.timeout),
            reserve: self.pace.reserve().unwrap_or(recipe.reserve),
            fail_on: recipe.fail_on,
            output: &self.output,
        };
        execution.perform().await
    }

    /// Whom it is for; says so where that may do something twice.
    fn ids(&self, past: &PastRun) -> Result<Vec<String>, Failure> {
        let statuses = if self.status.is_empty() { &BY_DEFAULT[..] } else { &self.status };
        let results = || past.left_off.targets.iter().filter_map(|target| target.result.as_deref());
        let is_gone = |result: &TargetResult| result.reason == Some(Reason::Gone);
        let is_meant = |result: &&TargetResult| {
            statuses.contains(&result.status) && !result.is_left_out() && result.vps.id().is_ok()
        };
        let meant: Vec<&TargetResult> = results().filter(is_meant).collect();
        let mut say = Vec::new();
        match meant.iter().filter(|result| is_gone(result)).count() {
            0 => {}
            gone => say.push(format!("rollcall: {gone} of them are gone, and not tried again")),
        }
        let doubtful = meant.iter().filter(|result| MAY_HAVE_RUN.contains(&result.status)).count();
        if doubtful > 0 {
            say.push(format!(
                "rollcall: on {doubtful} of them the command may have run, or be running still: it may run a second time"
            ));
        }
        for line in say {
            let _ = writeln!(io::stderr(), "{line}");
        }
        let ids: Vec<String> = meant
            .into_iter()
            .filter(|result| !is_gone(result))
            .map(|result| result.vps.raw_id().to_owned())
            .collect();
        if !ids.is_empty() {
            return Ok(ids);
        }
        let id = &past.head.id;
        let words = statuses.iter().map(|status| status.word()).collect::<Vec<_>>().join(", ");
        let failure = Failure::usage(format!("nothing to try again: no target of run {id} is {words}"));
        let unclear = results().filter(|result| MAY_HAVE_RUN.contains(&result.status)).count();
        Err(match (unclear, past.ending.is_none()) {
            (_, true) => failure.hint(format!("it is not finished: `rollcall resume {id}` goes on with it")),
            (0, _) => failure,
            (_, _) => failure.hint(
                "those that are unknown, timed_out or running may have run: look first, then name them with --status",
            ),
        })
    }
}
