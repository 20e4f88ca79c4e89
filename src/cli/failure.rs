//! What goes wrong before or after a run: a message, a hint, an exit code.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use super::diagnostics;
use crate::{playbook::InvalidPlaybook, report::inert_lines};

/// Why a command could not do its work.
#[derive(Debug)]
pub(super) struct Failure {
    cause: Cause,
    hint: Option<String>,
    code: u8,
}

#[derive(Debug)]
enum Cause {
    Message(String),
    Playbook(InvalidPlaybook),
}

impl Failure {
    /// Usage, playbook or selection: no start was sent.
    pub(super) const USAGE: u8 = 2;
    /// The API or the key stopped it.
    pub(super) const API: u8 = 4;
    /// The store could not be used, or a report not be written.
    pub(super) const OUTPUT: u8 = 7;
    /// A defect of rollcall's own.
    pub(super) const INTERNAL: u8 = 70;

    pub(super) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { cause: Cause::Message(message.into()), hint: None, code }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Self::USAGE, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(Self::INTERNAL, message)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Prints it on stderr and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        let mut text = match &self.cause {
            Cause::Message(message) => format!("error: {}\n", inert_lines(message)),
            Cause::Playbook(invalid) => diagnostics::draw(invalid),
        };
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "  hint: {}", inert_lines(hint));
        }
        // A closed stderr is no reason to die; the exit code still speaks.
        let _ = anstream::AutoStream::auto(io::stderr()).write_all(text.as_bytes());
        ExitCode::from(self.code)
    }
}

impl From<InvalidPlaybook> for Failure {
    fn from(invalid: InvalidPlaybook) -> Self {
        Self { cause: Cause::Playbook(invalid), hint: None, code: Self::USAGE }
    }
}
