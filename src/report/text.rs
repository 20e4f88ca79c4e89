//! The report as text: every line of output after the name of its target.
//!
//! The mark after the name says whose words follow: `name | line` is a line of standard output, `name ! line` one of
//! standard error, and `name # failed: exit 3` is rollcall's own, for a target that is not ok and for a stream of which
//! something is missing. The first mark of a line is always the true one: none can be in a name, and no line begins
//! with what a server printed. Steps and targets are in their own order; how many ended how is not said here
//! (`summary`).

use std::io;

use owo_colors::OwoColorize;

use super::{Redactor, RunRecord, Style, column, inert, inert_lines, words};
use crate::engine::{Status, Stream, TargetResult};

/// Writes the lines of every target.
pub(super) fn write(
    record: &RunRecord,
    redactor: &Redactor,
    style: Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    for target in &record.run.targets {
        let name = name(target, redactor);
        for step in &target.steps {
            write_stream(&name, '|', "output", step.stdout.as_ref(), redactor, out)?;
            write_stream(&name, '!', "error output", step.stderr.as_ref(), redactor, out)?;
        }
        if target.status != Status::Ok {
            let why = redactor.text(&ending(target)).into_owned();
            writeln!(out, "{name} # {}{}", shown(target.status, style), inert(&why))?;
        }
    }
    out.flush()
}

/// The word of a status, in its colour where colours are shown.
fn shown(status: Status, style: Style) -> String {
    let word = status.word();
    match status {
        _ if !style.colour => word.to_owned(),
        Status::Failed | Status::CheckFailed | Status::Refused => word.red().to_string(),
        Status::Unknown | Status::Running | Status::TimedOut => word.magenta().to_string(),
        Status::Unavailable => word.yellow().to_string(),
        Status::Cancelled | Status::Skipped | Status::Ok => word.bright_black().to_string(),
    }
}

/// What leads a target's lines: its name, or its id where it has none. A mark in it is shown escaped.
fn name(target: &TargetResult, redactor: &Redactor) -> String {
    let mut name = inert(&redactor.text(target.vps.name_or_id())).into_owned();
    for mark in ['|', '!', '#'] {
        name = name.replace(&format!(" {mark}"), &format!(" \\x{:02x}", u32::from(mark)));
    }
    name
}

fn write_stream(
    name: &str,
    mark: char,
    what: &str,
    stream: Option<&Stream>,
    redactor: &Redactor,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(stream) = stream else { return Ok(()) };
    let text = stream.shown();
    let clean = redactor.text(&text);
    let clean = inert_lines(&clean);
    // Not `lines`: a carriage return is shown, also at the end of a line.
    for line in clean.split_terminator('\n') {
        writeln!(out, "{name} {mark} {line}")?;
    }
    if stream.truncated {
        writeln!(out, "{name} # {what} cut: it was too long to be kept whole")?;
    }
    Ok(())
}

/// How a target ended, after its status: ` in "root disk": exit 3`.
fn ending(target: &TargetResult) -> String {
    let step = target.telling_step();
    let place = match step {
        Some(step) if target.steps.len() > 1 && step.status == target.status => {
            format!(" in \"{}\"", step.name)
        }
        _ => String::new(),
    };
    let exit = || column::exit(step).filter(|_| target.status == Status::Failed);
    let why = words::why(target).or_else(exit).map_or_else(String::new, |why| format!(": {why}"));
    format!("{place}{why}")
}
