//! What an expression may look at: the fields of a listed VPS, or what is known in a step.
//!
//! The same expression language has two scopes. `where` is about a VPS alone, whose fields are bare names. In a
//! step a bare name is a capture, the VPS is `target`, and after the command there is what it printed.

use std::fmt;

use serde_json::{Map, Value};

use super::super::Vars;

/// The names that the output of a command has.
pub(in super::super) const OUTPUT: [&str; 3] = ["stdout", "stderr", "exit_code"];

/// What an expression may look at.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    scope: Scope<'a>,
    pub(super) vars: &'a Vars,
}

#[derive(Clone, Copy)]
enum Scope<'a> {
    Fields(&'a Map<String, Value>),
    Step { target: &'a Map<String, Value>, captured: &'a Map<String, Value>, output: Option<Output<'a>> },
}

#[derive(Clone, Copy)]
struct Output<'a> {
    stdout: Option<&'a str>,
    stderr: Option<&'a str>,
    exit_code: i64,
}

/// What stands under a bare name.
pub(super) enum Bare<'a> {
    Value(&'a Value),
    /// The whole of `target`.
    Mapping(&'a Map<String, Value>),
    Text(&'a str),
    Number(i64),
    /// A stream that is there, but not all of it.
    Cut,
    /// A capture that was not made.
    NotCaptured,
    Missing,
}

impl<'a> Context<'a> {
    /// `where`: the VPS's fields are bare names.
    pub fn of_fields(fields: &'a Map<String, Value>, vars: &'a Vars) -> Self {
        Self { scope: Scope::Fields(fields), vars }
    }

    /// In a step: `target.…` and `vars.…`; captures are bare names.
    pub fn of_step(target: &'a Map<String, Value>, vars: &'a Vars, captured: &'a Map<String, Value>) -> Self {
        Self { scope: Scope::Step { target, captured, output: None }, vars }
    }

    /// After the command: `stdout`, `stderr` and `exit_code` too. A stream is `None` where it is cut: then it is
    /// undefined. A context of fields stays what it is.
    #[must_use]
    pub fn with_output(self, stdout: Option<&'a str>, stderr: Option<&'a str>, exit_code: i64) -> Self {
        let scope = match self.scope {
            Scope::Step { target, captured, .. } => {
                Scope::Step { target, captured, output: Some(Output { stdout, stderr, exit_code }) }
            }
            fields @ Scope::Fields(_) => fields,
        };
        Self { scope, ..self }
    }

    pub(super) fn bare(&self, name: &str) -> Bare<'a> {
        let (target, captured, output) = match self.scope {
            Scope::Fields(fields) => return fields.get(name).map_or(Bare::Missing, Bare::Value),
            Scope::Step { target, captured, output } => (target, captured, output),
        };
        let stream = |text: Option<&'a str>| text.map_or(Bare::Cut, Bare::Text);
        match (name, output) {
            ("target", _) => Bare::Mapping(target),
            ("stdout", Some(output)) => stream(output.stdout),
            ("stderr", Some(output)) => stream(output.stderr),
            ("exit_code", Some(output)) => Bare::Number(output.exit_code),
            ("stdout" | "stderr" | "exit_code", None) => Bare::Missing,
            _ => captured.get(name).map_or(Bare::NotCaptured, Bare::Value),
        }
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a command printed may hold a secret.
        formatter.debug_struct("Context").field("vars", self.vars).finish_non_exhaustive()
    }
}
