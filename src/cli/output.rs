//! Where a run's result goes: stdout, files, and for text a closing paragraph on stderr.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use clap::{Args, builder::ArgPredicate};

use super::Failure;
use crate::{
    progress::Mode,
    report::{self, Format, Later, Normalize, RunRecord, Style},
};

/// What `--group` without a column puts together.
const OUTCOME: &str = "outcome";

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// What stdout gets: table, json or text
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "table",
        default_value_if("group", ArgPredicate::IsPresent, "table")
    )]
    output: Format,

    /// Put together in the table what ended alike, or what has the same value in a column
    #[arg(
        long,
        value_name = "COLUMN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = OUTCOME,
        value_parser = parse_column
    )]
    group: Option<String>,

    /// Leave this out when outputs are compared: self (own names), time, numbers, with commas between
    #[arg(long, value_name = "PARTS")]
    normalize: Option<Normalize>,

    /// Write a report to a file as well; may be given more than once
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = parse_report)]
    reports: Vec<(Format, PathBuf)>,

    /// What stderr shows besides errors: auto, bar, plain or none
    #[arg(long, value_name = "MODE", default_value = "auto")]
    progress: Mode,

    /// List every target, also those that are alike
    #[arg(long)]
    all: bool,

    /// Exit 0 where at least this percentage of the targets answered, though some did not
    #[arg(long, value_name = "PCT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
}

fn parse_column(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err(format!("name a column, or `{OUTCOME}`")),
        name => Ok(name.to_owned()),
    }
}

fn parse_report(text: &str) -> Result<(Format, PathBuf), String> {
    match text.split_once('=') {
        Some((format, path)) if !path.is_empty() => {
            Ok((format.parse().map_err(|error| format!("{error}"))?, PathBuf::from(path)))
        }
        _ => Err("a report is given as FORMAT=PATH, for example json=audit.json".to_owned()),
    }
}

impl OutputArgs {
    /// How stderr shows that a run goes on.
    pub(super) fn progress(&self) -> Mode {
        self.progress
    }

    /// What the table's targets are put together by, if the flags say so.
    pub(super) fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// What is left out when outputs are compared.
    pub(super) fn normalize(&self) -> Normalize {
        self.normalize.unwrap_or_default()
    }

    /// The percentage of targets that must have answered for the others to be forgiven, if any is enough.
    pub(super) fn min_coverage(&self) -> Option<u8> {
        self.min_coverage
    }

    /// Writes the result everywhere, and gives the exit code.
    pub(super) fn write(&self, record: &RunRecord) -> Result<u8, Failure> {
        let mut trouble = None;
        for (format, path) in &self.reports {
            if let Err(error) =
                report::write_atomically(path, *format, record, Style { all: true, ..Style::default() })
            {
                let message = format!("cannot write the report to {}: {error}", path.display());
                let failure = Failure::new(Failure::OUTPUT, message);
                trouble.get_or_insert(match record.later {
                    Later::Nothing => failure,
                    Later::Show | Later::Everything => failure.hint(format!(
                        "the result is kept: rollcall show {} --report {format}=PATH",
                        record.short_id()
                    )),
                });
            }
        }
        let style = Style::of_stdout(self.all);
        let mut stdout: Box<dyn Write> = match self.output {
            // There is nothing in it to be stripped, and there may be much of it.
            Format::Json => Box::new(io::stdout().lock()),
            Format::Table | Format::Text => Box::new(anstream::AutoStream::auto(io::stdout()).lock()),
        };
        let written = report::write(self.output, record, style, &mut *stdout).and_then(|()| stdout.flush());
        match written {
            // Whoever read it has seen enough: not our failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => {
                let message = format!("cannot write the report to stdout: {error}");
                trouble.get_or_insert(Failure::new(Failure::OUTPUT, message));
            }
            Ok(()) => {}
        }
        if self.output == Format::Text && self.progress != Mode::None {
            // Text is all lines of servers; how it went as a whole must not be among them.
            let mut stderr = io::stderr().lock();
            if stderr.is_terminal() {
                let _ = writeln!(stderr);
            }
            let _ = report::write_summary(record, &mut stderr);
        }
        match trouble {
            // A signal's code says more than a report's trouble; the trouble is on stderr all the same.
            Some(failure) if record.exit_code >= 128 => {
                let _ = failure.report();
                Ok(record.exit_code)
            }
            Some(failure) => Err(failure),
            None => Ok(record.exit_code),
        }
    }
}
