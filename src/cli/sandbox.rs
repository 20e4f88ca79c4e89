//! `rollcall sandbox`: the built-in API, served until stopped.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, error::ErrorKind, value_parser};
use futures::StreamExt;

use super::{Failure, connection};
use crate::{
    runner::{self, Signal},
    sandbox::{Options, Sandbox},
};

const AFTER_HELP: &str = "\
The URL is printed first, alone on a line. The API key it takes is `sandbox`, or what is in --api-key-file, so that a \
real key sent here by mistake is refused.

Example:
  rollcall sandbox --vms 300 --guest shell --port 8321 --journal /tmp/journal.jsonl &
  printf sandbox > key
  rollcall run playbooks/os-inventory.yaml --api-url http://127.0.0.1:8321 --api-key-file key";

/// The sandbox's options, one flag for each of its keys.
#[derive(Debug)]
pub(super) struct SandboxArgs {
    options: Options,
    key_file: Option<PathBuf>,
}

const KEY_FILE: &str = "api-key-file";

impl SandboxArgs {
    pub(super) async fn execute(mut self) -> Result<u8, Failure> {
        if let Some(path) = &self.key_file {
            connection::key_from_file(path)?.trim_end().clone_into(&mut self.options.token);
        }
        let mut signals =
            runner::signals().map_err(|error| Failure::internal(format!("no signal handlers: {error}")))?;
        let sandbox =
            Sandbox::start(self.options).await.map_err(|error| Failure::usage(error.to_string()))?;
        let _ = writeln!(io::stdout(), "{}", sandbox.url());
        let _ = io::stdout().flush();
        let mut number = None;
        while let Some(signal) = signals.next().await {
            if let Signal::Interrupt(signal) = signal {
                number = Some(signal);
                break;
            }
        }
        sandbox.stop().await;
        // Being told to stop is how this command ends well.
        Ok(number.filter(|&number| number == 1).map_or(0, |_| 129))
    }
}

impl Args for SandboxArgs {
    fn augment_args(command: Command) -> Command {
        let flags =
            Options::keys().iter().map(|&(key, help)| Arg::new(key).long(key).help(help).value_name("VALUE"));
        let key = Arg::new(KEY_FILE)
            .long(KEY_FILE)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("File that holds the API key to take [default key: sandbox]");
        command.args(flags).arg(key).after_help(AFTER_HELP)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SandboxArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut options = Options::default();
        for &(key, _) in Options::keys() {
            if let Some(value) = matches.get_one::<String>(key) {
                options.set(key, value).map_err(|error| {
                    clap::Error::raw(ErrorKind::ValueValidation, format!("--{key}: {error}\n"))
                })?;
            }
        }
        Ok(Self { options, key_file: matches.get_one::<PathBuf>(KEY_FILE).cloned() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
