//! `rollcall show`: a run that is kept, in any format; sends nothing.

use std::io::{self, Write as _};

use clap::Args;

use super::{
    Failure,
    execution::{Performance, spec_of},
    history::{self, RunName},
    output::OutputArgs,
    recipe::{Recipe, Remade},
    resume::now_of,
    state::{StateDirectoryArgs, unusable},
};
use crate::{engine::RunSpec, fleet::Selection};

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
        let store = self.directory.open_existing()?.ok_or_else(|| Failure::usage("no runs are kept here"))?;
        let head = history::find(&store, &self.run)?;
        let past = history::read(&store, &head)?;
        let is_live =
            past.ending.is_none() && store.is_owned(&head.id).map_err(|error| unusable("", &error))?;
        let recipe = Recipe::from_json(&head.source)?;
        let Remade { playbook, .. } = recipe.playbook()?;
        let spec = RunSpec { fail_on: recipe.fail_on, ..spec_of(&playbook, Selection::default(), 1) };
        if past.ending.is_none() {
            let what = if is_live {
                "is in progress: what is known so far".to_owned()
            } else {
                format!("was cut short: `rollcall resume {}` goes on with it", head.id)
            };
            let _ = writeln!(io::stderr(), "rollcall: run {} {what}", head.id);
        }
        let at = if is_live { now_of(&head, past.last) } else { past.last };
        let mut run = past.as_it_stands(spec, at);
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
            secrets: playbook.vars.secrets().map(str::to_owned).collect(),
            output: &self.output,
            allow_empty: true,
            unfinished: Vec::new(),
        };
        let exit_code = head.exit_code.unwrap_or_default();
        // The exit code in the report is the run's; the one of this command says that it was shown.
        self.output.write(&performance.record(run, head.url.clone(), exit_code)).map(|_| 0)
    }
}
