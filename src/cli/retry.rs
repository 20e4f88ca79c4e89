//! `rollcall retry`: a new run of the same playbook, on the targets of an earlier one that failed or were never started.
//!
//! A command that may have run, or may be running still, is tried again only where a person says so by its status.

use std::{
    io::{self, Write as _},
    sync::Arc,
};

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
    report::{can_be_asked_again, is_tried_again},
    store::RunHead,
};

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
        let store = self.store.directory().open_kept()?;
        let head = history::find(&store, &self.run)?;
        if head.in_sandbox && !self.connection.is_sandbox() {
            return Err(history::gone_with_its_sandbox(&head));
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
        if history::is_in_progress(&store, &head)? {
            return Err(history::in_progress(&head));
        }
        let results = history::results(&store, &head)?;
        drop(store);
        let ids = self.ids(&head, &results)?;
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
            given: Vec::new(),
            output: &self.output,
        };
        execution.perform().await
    }

    /// Whom it is for; says so where that may do something twice.
    fn ids(&self, head: &RunHead, results: &[Arc<TargetResult>]) -> Result<Vec<String>, Failure> {
        let is_named =
            |result: &TargetResult| self.status.contains(&result.status) && can_be_asked_again(result);
        let is_meant = |result: &&Arc<TargetResult>| {
            if self.status.is_empty() { is_tried_again(result) } else { is_named(result) }
        };
        let meant: Vec<&Arc<TargetResult>> = results.iter().filter(is_meant).collect();
        let gone = results.iter().filter(|result| result.reason == Some(Reason::Gone)).count();
        if gone > 0 {
            let _ = writeln!(io::stderr(), "rollcall: {gone} of its targets are gone, and not tried again");
        }
        let may_have_run = |result: &&Arc<TargetResult>| MAY_HAVE_RUN.contains(&result.status);
        let doubtful = meant.iter().copied().filter(may_have_run).count();
        if doubtful > 0 {
            let _ = writeln!(
                io::stderr(),
                "rollcall: on {doubtful} of them the command may have run, or be running still: it may run a second time"
            );
        }
        if !meant.is_empty() {
            return Ok(meant.into_iter().map(|result| result.vps.raw_id().to_owned()).collect());
        }
        let id = &head.id;
        let failure = Failure::usage(if self.status.is_empty() {
            format!("nothing to try again: no target of run {id} failed or was never started")
        } else {
            let words = self.status.iter().map(|status| status.word()).collect::<Vec<_>>().join(", ");
            format!("nothing to try again: no target of run {id} is {words}")
        });
        Err(match results.iter().filter(may_have_run).count() {
            _ if head.ended_at.is_none() => {
                failure.hint(format!("it is not finished: `rollcall resume {id}` goes on with it"))
            }
            0 => failure,
            _ => failure.hint(
                "those that are unknown, timed_out or running may have run: look first, then name them with --status",
            ),
        })
    }
}
