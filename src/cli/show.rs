//! `rollcall show`: a run that is kept, in any format; sends nothing.

use std::{
    io::{self, Write as _},
    sync::Arc,
};

use clap::Args;

use super::{
    Failure,
    execution::{Performance, spec_of},
    history::{self, RunName},
    output::OutputArgs,
    recipe::{Recipe, Remade},
    resume::now_of,
    state::StateDirectoryArgs,
};
use crate::{
    engine::{Reason, RunSpec, Status, TargetResult},
    fleet::Selection,
    report::Later,
};

const AFTER_HELP: &str = "\
Of a run that is not finished, what is known so far is shown.

Examples:
  rollcall show                       the last run, as a table
  rollcall show last~1 -o json
  rollcall show 01JDX7 --target web-117 -o text";

#[derive(Debug, Args)]
#[command(
    after_help = AFTER_HELP,
    mut_arg("progress", |progress| progress.hide(true)),
    mut_arg("min_coverage", |coverage| coverage.hide(true))
)]
pub(super) struct ShowArgs {
    /// The run: an id or its beginning, last, or last~N
    #[arg(value_name = "RUN", default_value = "last")]
    run: RunName,

    /// Only this target, by name, id or address; may be given more than once
    #[arg(long, value_name = "NAME|ID|IP")]
    target: Vec<String>,

    #[command(flatten)]
    directory: StateDirectoryArgs,

    #[command(flatten)]
    output: OutputArgs,
}

impl ShowArgs {
    pub(super) fn execute(&self) -> Result<u8, Failure> {
        let store = self.directory.open_kept()?;
        let head = history::find(&store, &self.run)?;
        let (past, is_live) = history::look_at(&store, &head)?;
        let head = &past.head;
        let recipe = Recipe::from_json(&head.source)?;
        let Remade { playbook, .. } = recipe.playbook()?;
        let spec = RunSpec { fail_on: recipe.fail_on, ..spec_of(&playbook, Selection::default(), 1) };
        let at = if is_live { now_of(head, past.last) } else { past.last };
        let mut run = past.as_it_stands(spec, at);
        if is_live {
            say(&format!(
                "run {} is in progress: what has not begun is shown as cancelled, what has not ended as running",
                head.id
            ));
            for (result, known) in run.targets.iter_mut().zip(&past.left_off.targets) {
                if known.result.is_none() {
                    not_answered_yet(result);
                }
            }
        } else if past.ending.is_none() {
            let id = &head.id;
            say(&if head.in_sandbox {
                format!("run {id} was cut short")
            } else {
                format!("run {id} was cut short: `rollcall resume {id}` goes on with it")
            });
        }
        let exit_code = head.exit_code.unwrap_or_else(|| run.exit_code(true));
        if !self.target.is_empty() {
            for name in &self.target {
                if !run.targets.iter().any(|target| target.vps.is_called(name)) {
                    return Err(Failure::usage(format!("run {} has no target {name}", head.id)));
                }
            }
            run.targets.retain(|target| self.target.iter().any(|name| target.vps.is_called(name)));
        }
        let performance = Performance {
            id: head.id.clone(),
            started_at: head.started_at,
            playbook: &playbook,
            // They were taken out of what is kept. Only what is judged anew may hold them again.
            secrets: match past.ending {
                Some(_) => Vec::new(),
                None => playbook.vars.secrets().map(str::to_owned).collect(),
            },
            output: &self.output,
            allow_empty: true,
            unfinished: Vec::new(),
            later: if is_live || head.in_sandbox { Later::Show } else { Later::Everything },
        };
        // The exit code in the report is the run's; the one of this command says that it was shown.
        self.output.write(&performance.record(run, head.url.clone(), exit_code)).map(|_| 0)
    }
}

fn say(what: &str) {
    let _ = writeln!(io::stderr(), "rollcall: {what}");
}

/// A start whose answer is not on record is a lost one after a crash; while the run goes on, it may come any moment.
fn not_answered_yet(result: &mut Arc<TargetResult>) {
    let is_lost = |status: Status, reason| (status, reason) == (Status::Unknown, Some(Reason::Crashed));
    if !is_lost(result.status, result.reason) {
        return;
    }
    let result = Arc::make_mut(result);
    let message = Some("the answer to its start is not there yet".to_owned());
    for step in result.steps.iter_mut().filter(|step| is_lost(step.status, step.reason)) {
        (step.status, step.reason, step.message) = (Status::Running, None, message.clone());
    }
    (result.status, result.reason, result.message) = (Status::Running, None, message);
}
