//! `rollcall man`: the manual pages, made from the same words as `--help`.

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::{Arguments, Failure};

const AFTER_HELP: &str = "\
Examples:
  rollcall man > rollcall.1
  rollcall man run | man -l -";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ManArgs {
    /// The page of this command [default: that of rollcall itself]
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

impl ManArgs {
    pub(super) fn execute(&self) -> Result<u8, Failure> {
        let mut command = Arguments::command();
        command.build();
        if let Some(name) = &self.command {
            let found = command.find_subcommand(name).filter(|found| found.get_name() != "help");
            command = found
                .cloned()
                .ok_or_else(|| Failure::usage(format!("no command is called `{name}`")))?
                .name(format!("rollcall-{name}"));
        }
        let mut page = Vec::new();
        Man::new(command)
            .source(concat!("rollcall ", env!("CARGO_PKG_VERSION")))
            .render(&mut page)
            .map_err(|error| Failure::internal(format!("no manual page: {error}")))?;
        super::to_stdout(|out| out.write_all(&page))?;
        Ok(0)
    }
}
