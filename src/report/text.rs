//! Every line of output with its target's name before it: `name | line`, `name ! line` for standard error.
//!
//! As clush and pdsh print it: made for `grep`. A target that is not ok has a line of its own that says so:
//! `name | [failed: exit 3]`.

use std::io::{self, Write};

use super::{RunRecord, closing, inert::inert, redact::Redactor, words::Ending};
use crate::engine::{Status, Stream};

pub(super) fn write(record: &RunRecord, out: &mut dyn Write) -> io::Result<()> {
    let redactor = Redactor::new(&record.secrets);
    let several = record.run.targets.first().is_some_and(|target| target.steps.len() > 1);
    for target in &record.run.targets {
        let name = match target.vps.name() {
            "" => target.vps.raw_id(),
            name => name,
        };
        let name = inert(&redactor.hide(name)).into_owned();
        for step in &target.steps {
            let prefix = if several { format!("{name} {}", inert(&step.name)) } else { name.clone() };
            write_stream(step.stdout.as_ref(), &format!("{prefix} |"), &redactor, out)?;
            write_stream(step.stderr.as_ref(), &format!("{prefix} !"), &redactor, out)?;
            if step.status != Status::Ok {
                let words = Ending::from(step).words().into_owned();
                let words = inert(&redactor.hide(&words)).into_owned();
                let separator = if words.is_empty() { "" } else { ": " };
                writeln!(out, "{prefix} | [{}{separator}{words}]", step.status)?;
            }
        }
    }
    if record.run.targets.is_empty() { closing::write(record, &redactor, out) } else { Ok(()) }
}

fn write_stream(
    stream: Option<&Stream>,
    prefix: &str,
    redactor: &Redactor,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(stream) = stream else { return Ok(()) };
    for line in redactor.hide(&stream.text).split_terminator('\n') {
        writeln!(out, "{prefix} {}", super::inert::inert_lines(line))?;
    }
    Ok(())
}
