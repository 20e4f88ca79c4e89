//! `rollcall completions`: what a shell needs to complete rollcall's commands and flags.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Failure};

const AFTER_HELP: &str = "\
Examples:
  rollcall completions bash > ~/.local/share/bash-completion/completions/rollcall
  rollcall completions zsh > ~/.zfunc/_rollcall       (a directory of your fpath)
  rollcall completions fish > ~/.config/fish/completions/rollcall.fish";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CompletionsArgs {
    /// For which shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn execute(&self) -> Result<u8, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "rollcall", &mut script);
        super::to_stdout(|out| out.write_all(&script))?;
        Ok(0)
    }
}
