//! `rollcall resume`: finishes a run that was cut short.
//!
//! What was started is polled, what was not is started, and nothing is repeated. Playbook, targets and API are those that
//! are kept with the run, never an edited file or a new listing.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::{
    Failure,
    connection::ApiArgs,
    execution::{Performance, spec_of},
    history::{self, RunName},
    output::OutputArgs,
    pace::parse_portion,
    recipe::{Recipe, Remade},
    state::{Memory, StateDirectoryArgs, unusable},
};
use crate::{
    budget::RunTime,
    engine::{LeftOff, RunSpec},
    fleet::Selection,
    playbook::{Portion, parse_duration},
    report::Later,
    runner::Run,
    store::{PastRun, RunHead},
};

const AFTER_HELP: &str = "\
A command that was started is asked for, never started again; where rollcall ended between sending a start and reading its \
answer, the outcome is `unknown`, for the command may have run. A run that is finished is shown as it was, and nothing is sent.

Examples:
  rollcall resume                     the last run that is not finished
  rollcall resume 01JDX7 -o json";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ResumeArgs {
    /// The run: an id or its beginning, last, or last~N [default: the last one that is not finished]
    #[arg(value_name = "RUN")]
    run: Option<RunName>,

    #[command(flatten)]
    api: ApiArgs,

    #[command(flatten)]
    directory: StateDirectoryArgs,

    /// How many targets may fail, those that have failed counted; takes up those that were left out for too many
    #[arg(long, value_name = "N|PCT", value_parser = parse_portion, help_heading = "Run")]
    max_failures: Option<Portion>,

    /// How long the rest of the run may take [default: as long as the whole of it]
    #[arg(long, value_name = "SPAN", value_parser = parse_duration, help_heading = "Run")]
    deadline: Option<Duration>,

    #[command(flatten)]
    output: OutputArgs,
}

impl ResumeArgs {
    pub(super) async fn execute(&self) -> Result<u8, Failure> {
        let store = self.directory.open_kept()?;
        let head = match &self.run {
            Some(name) => history::find(&store, name)?,
            None => history::last_unfinished(&store)?,
        };
        self.check(&head)?;
        let owner = store.own(&head.id).map_err(|error| unusable("", &error))?;
        let owner = owner.ok_or_else(|| history::in_progress(&head))?;
        // Only now is it certain that nothing changes any more.
        let past = history::read(&store, &head)?;
        if !past.was_selected {
            return Err(Failure::usage(format!(
                "run {} ended before it was known whom it is for, so nothing was started",
                head.id
            ))
            .hint("run it again; nothing can be repeated by that"));
        }
        let recipe = Recipe::from_json(&head.source)?;
        let Remade { playbook, lost_secrets } = recipe.playbook()?;
        let PastRun { left_off, last, .. } = &past;
        let left_off =
            LeftOff { more_may_fail: self.max_failures.is_some(), lost_secrets, ..left_off.clone() };
        let is_over = left_off.is_finished() && past.ending.is_some();
        // They were taken out of what is kept; what comes may hold them.
        let secrets =
            if is_over { Vec::new() } else { playbook.vars.secrets().map(str::to_owned).collect::<Vec<_>>() };
        let performance = Performance {
            id: head.id.clone(),
            started_at: head.started_at,
            playbook: &playbook,
            secrets,
            output: &self.output,
            allow_empty: true,
            unfinished: Vec::new(),
            later: Later::Everything,
        };
        let spec = RunSpec {
            fail_on: recipe.fail_on,
            reserve: recipe.reserve,
            max_failures: self.max_failures.or(playbook.strategy.max_failures),
            deadline: self.deadline.or(playbook.strategy.deadline),
            ..spec_of(&playbook, Selection::default(), rand::random())
        };
        if is_over {
            let run = past.as_it_stands(spec, *last);
            let exit_code = past.head.exit_code.unwrap_or_else(|| run.exit_code(true));
            return self.output.write(&performance.record(run, head.url.clone(), exit_code));
        }
        let connection = self.api.open_at(&head.url)?;
        let spec = Memory::recall_from(
            &store,
            connection.account.as_ref(),
            spec,
            &head.playbook_sha256,
            Timestamp::now(),
        )?;
        let mut memory = Memory::of(store, connection.account.clone());
        let (kept, recorder) = memory.go_on(head.number, owner, &performance.secrets)?;
        let run = Run::going_on(spec, left_off, now_of(&head, *last)).recorded(recorder);
        performance.perform(run, connection, memory, kept, async |_| true).await
    }

    fn check(&self, head: &RunHead) -> Result<(), Failure> {
        if head.in_sandbox {
            return Err(history::gone_with_its_sandbox(head));
        }
        match self.api.other_than(&head.url) {
            Some(other) => {
                Err(Failure::usage(format!("run {} belongs to {}, not to {other}", head.id, head.url)).hint(
                    "leave --api-url (and ROLLCALL_API_URL) out: the run knows its API; nothing was sent",
                ))
            }
            None => Ok(()),
        }
    }
}

/// The time on the run's own clock. A wall clock that was put back does not make it go back.
pub(super) fn now_of(head: &RunHead, last: RunTime) -> RunTime {
    let since = Timestamp::now().duration_since(head.started_at);
    let since = RunTime::from_start(Duration::try_from(since).unwrap_or_default());
    since.max(last + Duration::from_millis(1))
}
