//! What a table's columns show of one target.

use serde_json::Value;

use super::{inert::inert, redact::Redactor, span, words::Ending};
use crate::engine::{StepResult, Stream, TargetResult};

/// Shown without `report.columns`.
const DEFAULT: [&str; 4] = ["name", "exit_code", "duration", "stdout"];

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) heading: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Why,
    Reason,
    Ran,
    Step,
    ExitCode,
    Duration,
    Stdout,
    Stderr,
    /// A capture, or else a dotted path into the VPS's fields.
    Value(String),
}

impl Column {
    fn new(name: &str) -> Self {
        let kind = match name {
            "reason" => Kind::Reason,
            "ran" => Kind::Ran,
            "step" => Kind::Step,
            "exit_code" => Kind::ExitCode,
            "duration" => Kind::Duration,
            "stdout" => Kind::Stdout,
            "stderr" => Kind::Stderr,
            other => Kind::Value(other.to_owned()),
        };
        let heading = match name {
            "exit_code" => "exit".to_owned(),
            "duration" => "time".to_owned(),
            "stdout" => "output".to_owned(),
            other => inert(other).into_owned(),
        };
        Self { heading, kind }
    }

    /// The columns of a table: those asked for, or the default ones, then why targets are not ok, if any is not.
    pub(super) fn of_table(asked: Option<&[String]>, some_not_ok: bool) -> Vec<Self> {
        let mut columns: Vec<Self> = match asked {
            Some(names) => names.iter().map(|name| Self::new(name)).collect(),
            None => DEFAULT.iter().map(|name| Self::new(name)).collect(),
        };
        let says_why = columns.iter().any(|column| column.kind == Kind::Reason);
        if some_not_ok && !says_why {
            columns.push(Self { heading: "why".to_owned(), kind: Kind::Why });
        }
        columns
    }

    /// The cell: one inert line without secrets. Empty where there is nothing to show.
    pub(super) fn cell(&self, target: &TargetResult, redactor: &Redactor) -> String {
        let step = target.telling_step();
        let text = match &self.kind {
            Kind::Why => Ending::from(target).words().into_owned(),
            Kind::Reason => target.reason.map(|reason| reason.to_string()).unwrap_or_default(),
            Kind::Ran => target.ran.to_string(),
            Kind::Step => step.map(|step| step.name.to_string()).unwrap_or_default(),
            Kind::ExitCode => step.and_then(exit).unwrap_or_default(),
            Kind::Duration => step.and_then(|step| step.duration).map(span::took).unwrap_or_default(),
            Kind::Stdout => return first_line(step.and_then(|step| step.stdout.as_ref()), redactor),
            Kind::Stderr => return first_line(step.and_then(|step| step.stderr.as_ref()), redactor),
            Kind::Value(path) => value(target, path).map(shown).unwrap_or_default(),
        };
        inert(redactor.hide(&text).lines().next().unwrap_or_default()).into_owned()
    }

    /// Whether all its values are numbers or times, which stand best at the right.
    pub(super) fn is_numeric(&self) -> bool {
        matches!(self.kind, Kind::ExitCode | Kind::Duration)
    }
}

/// The exit code, or `SIG` and the signal's number.
fn exit(step: &StepResult) -> Option<String> {
    let signal = || step.signal.map(|signal| format!("signal {signal}"));
    step.exit_code.map(|code| code.to_string()).or_else(signal)
}

/// The first line of a stream, and a sign that there is more. Secrets are hidden in the whole before it is cut.
fn first_line(stream: Option<&Stream>, redactor: &Redactor) -> String {
    let Some(stream) = stream else { return String::new() };
    let text = redactor.hide(&stream.text);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let more = if lines.next().is_some() { " …" } else { "" };
    format!("{}{more}", inert(first.trim_end()))
}

fn value<'a>(target: &'a TargetResult, path: &str) -> Option<&'a Value> {
    if let Some(captured) = target.captured.get(path) {
        return Some(captured);
    }
    let mut names = path.split('.');
    let first = target.vps.fields().get(names.next()?)?;
    names.try_fold(first, |value, name| value.get(name))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
