//! Arguments become calls into the rooms above; one file a command.
//!
//! This room, and only this one, reads the command line and the environment, prints messages, and chooses the
//! exit code. What it prints of a run comes from `report/`; what a mistake says comes from the room that found
//! it.

mod absent;
mod check;
mod completions;
mod confirmation;
mod connection;
mod diagnostics;
mod exec;
mod execution;
mod failure;
mod history;
mod in_flight;
mod init;
mod limits;
mod listing;
mod logging;
mod man;
mod output;
mod pace;
mod plan;
mod playbook_file;
mod recipe;
mod resume;
mod retry;
mod run;
mod runs;
mod sandbox;
mod schema;
mod selection;
mod show;
mod state;
mod targets;

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use self::failure::Failure;
use crate::report;
use crate::runner;

const AFTER_HELP: &str = "\
Examples:
  rollcall run playbooks/disk-pressure.yaml --sandbox 200      try it, no account needed
  rollcall run playbooks/os-inventory.yaml --match name='web-*' -o json | jq .summary
  rollcall exec --match name='web-*' -- 'cat /etc/os-release'
  rollcall targets --where 'resources.memoryGb >= 8'

The API key is read from --api-key-file, HOSTUP_API_KEY_FILE or HOSTUP_API_KEY, and is never an argument.

Exit codes: 0 all ok; 1 some failed or timed out; 2 usage, playbook or selection; 3 some were refused, unavailable \
or not run; 4 the API or the key stopped the run; 5 too many failed, so that others were not started; 6 some \
outcomes are unknown: look before you rerun; 7 the store or a report could not be written; 8 nothing matched; 129, 130, 143 interrupted.";

/// Run one command on a whole fleet of HostUp VPSes, as fast as the API allows, and say exactly what happened
#[derive(Debug, Parser)]
#[command(name = "rollcall", version, after_help = AFTER_HELP, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    logging: logging::LoggingArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a playbook on the VPSes that it selects
    Run(Box<run::RunArgs>),
    /// Run one command on the VPSes that a selection picks, without a file
    Exec(Box<exec::ExecArgs>),
    /// Say what a run would do, how many requests it would take and how long; starts nothing
    Plan(Box<plan::PlanArgs>),
    /// Look for mistakes in playbooks, offline
    Check(check::CheckArgs),
    /// List the VPSes that a selection picks; starts nothing
    Targets(Box<targets::TargetsArgs>),
    /// Finish a run that was cut short: asks for what was started, starts what was not, repeats nothing
    Resume(Box<resume::ResumeArgs>),
    /// Run the same playbook again on the targets of a run that failed or were never started
    Retry(Box<retry::RetryArgs>),
    /// List the runs that are kept, or remove old ones; sends nothing
    Runs(runs::RunsArgs),
    /// Show a run that is kept, in any format; sends nothing
    Show(Box<show::ShowArgs>),
    /// Show what earlier runs learned of the API's limits; sends nothing
    Limits(limits::LimitsArgs),
    /// Serve the built-in HostUp-compatible API on this machine until stopped
    Sandbox(Box<sandbox::SandboxArgs>),
    /// Write a commented playbook to begin with
    Init(init::InitArgs),
    /// Print the JSON Schema of playbooks, for editors
    Schema(schema::SchemaArgs),
    /// Print what a shell needs to complete commands and flags
    Completions(completions::CompletionsArgs),
    /// Print a manual page
    Man(man::ManArgs),
}

impl Command {
    /// What carries it out. A run is one loop with a few requests at a time: on one thread that takes an eighth
    /// less processor time than handing them from thread to thread. The sandbox serves any number of clients.
    fn runtime(&self) -> tokio::runtime::Builder {
        match self {
            Self::Sandbox(_) => tokio::runtime::Builder::new_multi_thread(),
            _ => tokio::runtime::Builder::new_current_thread(),
        }
    }
}

/// Writes a command's result to stdout. Nobody reading any more is no failure.
fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut stdout = anstream::AutoStream::auto(io::stdout()).lock();
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Failure::OUTPUT, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Whether stderr is a terminal that can redraw a line.
fn stderr_moves_its_cursor() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Shows help, or what is wrong with the arguments. They may come from anywhere, and a message repeats them: what could move
/// a cursor is escaped, which costs the colours.
fn show_usage(usage: &clap::Error) {
    let plain = usage.render().to_string();
    let inert = report::inert_lines(&plain);
    // Nothing can be done about a closed stdout or stderr; the code still says what happened.
    let _ = if usage.use_stderr() && inert != plain {
        io::stderr().write_all(inert.as_bytes())
    } else {
        usage.print()
    };
}

/// Runs the program for these arguments, the first of which is its name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(usage) => {
            show_usage(&usage);
            return ExitCode::from(if usage.use_stderr() { Failure::USAGE } else { 0 });
        }
    };
    arguments.logging.install();
    let runtime = match arguments.command.runtime().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::internal(format!("no runtime: {error}")).report(),
    };
    let outcome = runtime.block_on(async {
        if let Err(error) = runner::outlive_the_limit_on_files() {
            tracing::debug!(%error, "a limit on the size of files will end the process");
        }
        match arguments.command {
            Command::Run(run) => run.execute().await,
            Command::Exec(exec) => exec.execute().await,
            Command::Plan(plan) => plan.execute().await,
            Command::Check(check) => check.execute(),
            Command::Targets(targets) => targets.execute().await,
            Command::Resume(resume) => resume.execute().await,
            Command::Retry(retry) => Box::pin(retry.execute()).await,
            Command::Runs(runs) => runs.execute(),
            Command::Show(show) => show.execute(),
            Command::Limits(limits) => limits.execute(),
            Command::Sandbox(sandbox) => sandbox.execute().await,
            Command::Init(init) => init.execute(),
            Command::Schema(schema) => schema.execute(),
            Command::Completions(completions) => completions.execute(),
            Command::Man(man) => man.execute(),
        }
    });
    // A question that nobody answered may still hold a thread at stdin.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => failure.report(),
    }
}
