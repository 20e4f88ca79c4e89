//! Whether a run asks before its first start, and how.

use std::io::{self, IsTerminal, Write};

use clap::Args;

use super::Failure;
use crate::{
    playbook::{Effects, Step},
    report::inert,
};

#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(super) struct ConfirmationArgs {
    /// Ask before a run on more targets than this, at a terminal
    #[arg(long, value_name = "N", default_value_t = 500)]
    confirm_over: usize,

    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
}

/// The question of one run.
pub(super) struct Confirmation {
    /// Above how many targets it is asked; `None`: never.
    pub(super) over: Option<usize>,
    /// The steps that change something, as they are called in it.
    changes: Vec<String>,
}

impl ConfirmationArgs {
    /// Decides whether there is a question. A run that changes something asks however few its targets are.
    ///
    /// # Errors
    /// Where such a run would have to ask and nobody is there to answer.
    pub(super) fn of(&self, steps: &[Step], on_sandbox: bool) -> Result<Confirmation, Failure> {
        let at_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        self.decide(steps, on_sandbox, at_terminal)
    }

    fn decide(&self, steps: &[Step], on_sandbox: bool, at_terminal: bool) -> Result<Confirmation, Failure> {
        let changes: Vec<String> = steps
            .iter()
            .filter(|step| step.effects == Effects::Change)
            .map(|step| inert(&step.name).into_owned())
            .collect();
        let over = match (self.yes || on_sandbox, at_terminal, changes.is_empty()) {
            (true, _, _) | (false, false, true) => None,
            (false, false, false) => {
                return Err(Failure::usage(format!(
                    "this changes servers ({}), and there is no terminal to ask at",
                    changes.join(", ")
                ))
                .hint("add --yes if that is meant, or --sandbox 200 to try it; nothing was sent"));
            }
            (false, true, true) => Some(self.confirm_over),
            (false, true, false) => Some(0),
        };
        Ok(Confirmation { over, changes })
    }
}

impl Confirmation {
    /// Asks at the terminal whether to go on.
    pub(super) async fn ask(&self, targets: usize) -> bool {
        let question = self.question(targets);
        let answer = tokio::task::spawn_blocking(move || {
            let _ = write!(io::stderr(), "rollcall: {question} Go on? [y/N] ");
            let mut line = String::new();
            io::stdin().read_line(&mut line).is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
        });
        answer.await.unwrap_or(false)
    }

    fn question(&self, targets: usize) -> String {
        let vpses = if targets == 1 { "VPS" } else { "VPSes" };
        match self.changes.as_slice() {
            [] => format!("this is for {targets} {vpses}."),
            changes => format!("this changes {targets} {vpses}: {}.", changes.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::Template;

    fn decided(
        effects: Effects,
        yes: bool,
        on_sandbox: bool,
        at_terminal: bool,
    ) -> Result<Option<usize>, ()> {
        let steps = [Step { effects, ..Step::new("restart nginx", Template::verbatim("true")) }];
        let flags = ConfirmationArgs { confirm_over: 500, yes };
        flags.decide(&steps, on_sandbox, at_terminal).map(|confirmation| confirmation.over).map_err(|_| ())
    }

    #[test]
    fn what_changes_something_is_asked_about_or_refused() {
        use Effects::{Change, Read};
        for (effects, yes, on_sandbox, at_terminal, expected) in [
            (Read, false, false, true, Ok(Some(500))),
            (Read, false, false, false, Ok(None)),
            (Read, true, false, true, Ok(None)),
            (Change, false, false, true, Ok(Some(0))),
            (Change, false, false, false, Err(())),
            (Change, true, false, false, Ok(None)),
            (Change, true, false, true, Ok(None)),
            (Change, false, true, false, Ok(None)),
            (Change, false, true, true, Ok(None)),
        ] {
            let case = (effects, yes, on_sandbox, at_terminal);
            assert_eq!(decided(effects, yes, on_sandbox, at_terminal), expected, "{case:?}");
        }
    }

    #[test]
    fn the_question_names_what_would_be_done() {
        let asked = |changes: &[&str], targets| {
            let changes = changes.iter().map(|&name| name.to_owned()).collect();
            Confirmation { over: None, changes }.question(targets)
        };
        assert_eq!(asked(&[], 501), "this is for 501 VPSes.");
        assert_eq!(asked(&["restart nginx"], 12), "this changes 12 VPSes: restart nginx.");
        assert_eq!(asked(&["a", "b"], 1), "this changes 1 VPS: a, b.");
    }
}
