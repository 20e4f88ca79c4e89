//! The report as text: every line of output after the name of its target.
//!
//! `name | line` is a line of standard output, `name ! line` one of standard error. A target that is not ok ends
//! with one more line, in brackets: `name | [failed: exit 3]`; so does a stream of which something is missing. Steps
//! and targets are in their own order. The name is as inert as the output, and no line begins with the latter.

use std::io;

use super::{Redactor, RunRecord, column, inert, inert_lines, words};
use crate::engine::{Status, Stream, TargetResult};

/// Writes the lines of every target.
pub(super) fn write(record: &RunRecord, redactor: &Redactor, out: &mut dyn io::Write) -> io::Result<()> {
    for target in &record.run.targets {
        let name = name(target, redactor);
        for step in &target.steps {
            write_stream(&name, '|', "output", step.stdout.as_ref(), redactor, out)?;
            write_stream(&name, '!', "error output", step.stderr.as_ref(), redactor, out)?;
        }
        if let Some(ending) = ending(target) {
            writeln!(out, "{name} | [{}]", inert(&redactor.text(&ending)))?;
        }
    }
    out.flush()
}

/// What leads a target's lines: its name, or its id where it has none.
fn name(target: &TargetResult, redactor: &Redactor) -> String {
    let name = Some(target.vps.name()).filter(|name| !name.trim().is_empty());
    inert(&redactor.text(name.unwrap_or_else(|| target.vps.raw_id()))).into_owned()
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
    let clean = redactor.text(&stream.text);
    let clean = inert_lines(&clean);
    // Not `lines`: a carriage return is shown, also at the end of a line.
    for line in clean.split_terminator('\n') {
        writeln!(out, "{name} {mark} {line}")?;
    }
    if stream.truncated {
        writeln!(out, "{name} {mark} [{what} cut: it was too long to be kept whole]")?;
    }
    Ok(())
}

/// How a target that is not ok ended: `failed in "root disk": exit 3`.
fn ending(target: &TargetResult) -> Option<String> {
    if target.status == Status::Ok {
        return None;
    }
    let step = target.telling_step();
    let place = match step {
        Some(step) if target.steps.len() > 1 && step.status == target.status => {
            format!(" in \"{}\"", step.name)
        }
        _ => String::new(),
    };
    let exit = if target.status == Status::Failed { column::exit(step) } else { None };
    let why: Vec<String> = exit.into_iter().chain(words::why(target)).collect();
    let why = if why.is_empty() { String::new() } else { format!(": {}", why.join(", ")) };
    Some(format!("{}{place}{why}", target.status))
}
