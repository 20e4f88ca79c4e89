//! What a column of the table shows for a target.

use serde_json::{Map, Value};

use super::{Redactor, RunRecord, inert, words};
use crate::engine::{Status, StepResult, Stream, TargetResult};

/// Characters a cell may have at any width: a longer one would make every row as long in a pipe, where nothing is
/// cut to fit.
const LONGEST_CELL: usize = 1_000;

/// What stands where there is nothing to show.
const NOTHING: &str = "–";

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) heading: String,
    source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Status,
    /// Why the status is what it is; for a failed target also how it exited, where no other column says it.
    Why {
        with_exit: bool,
    },
    Ran,
    Step,
    ExitCode,
    Duration,
    Output,
    Stdout,
    Stderr,
    Capture(String),
    Field(String),
}

/// What a column shows for one target: inert, on one line, without secrets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    pub(super) text: String,
    /// Where it is a number, the number: numbers are right-aligned, and a range can be told of them.
    pub(super) number: Option<f64>,
    /// There is nothing to show.
    pub(super) nothing: bool,
}

impl Column {
    /// The columns of a report: the playbook's, or else name, exit code, time and output; the status first, and the
    /// reason last where any target has one.
    pub(super) fn of(record: &RunRecord) -> Vec<Self> {
        let targets = &record.run.targets;
        let mut columns = vec![Self::new("status", Source::Status)];
        if let Some(names) = record.columns.as_ref().filter(|names| !names.is_empty()) {
            let names = names.iter().filter(|name| *name != "status");
            columns.extend(names.map(|name| Self::named(name, record)));
        } else {
            columns.push(Self::new("name", Source::Field("name".to_owned())));
            if targets.iter().any(|target| target.steps.len() > 1) {
                columns.push(Self::new("step", Source::Step));
            }
            columns.push(Self::new("exit", Source::ExitCode));
            columns.push(Self::new("time", Source::Duration));
            columns.push(Self::new("output", Source::Output));
        }
        let with_exit = !columns.iter().any(|column| column.source == Source::ExitCode);
        let told = |target: &TargetResult| words::why(target).is_some() || (with_exit && failed(target));
        if !columns.iter().any(Self::is_why) && targets.iter().any(|target| told(target)) {
            columns.push(Self::new("reason", Source::Why { with_exit }));
        }
        columns
    }

    fn new(heading: &str, source: Source) -> Self {
        Self { heading: heading.to_owned(), source }
    }

    fn named(name: &str, record: &RunRecord) -> Self {
        let source = match name {
            "reason" => Source::Why { with_exit: true },
            "ran" => Source::Ran,
            "step" => Source::Step,
            "exit_code" => Source::ExitCode,
            "duration" => Source::Duration,
            "stdout" => Source::Stdout,
            "stderr" => Source::Stderr,
            // A capture that this target has not made must not show the field of the same name instead.
            _ if record.run.targets.iter().any(|target| target.captured.contains_key(name)) => {
                Source::Capture(name.to_owned())
            }
            _ => Source::Field(name.to_owned()),
        };
        Self::new(&inert(name), source)
    }

    /// Whether it says why, which is worth more room than other columns.
    pub(super) fn is_why(&self) -> bool {
        matches!(self.source, Source::Why { .. })
    }

    /// Whether it is a number by nature, whatever single cells say.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.source, Source::ExitCode | Source::Duration)
    }

    /// What it shows for a target.
    pub(super) fn show(&self, target: &TargetResult, redactor: &Redactor) -> Shown {
        let step = target.telling_step();
        match &self.source {
            Source::Status => Shown::text(target.status.word(), redactor),
            Source::Why { with_exit } => match words::why(target) {
                Some(why) => Shown::text(&why, redactor),
                None if *with_exit && failed(target) => {
                    Shown::text(&exit(step).unwrap_or_default(), redactor)
                }
                None => Shown::text("", redactor),
            },
            Source::Ran => Shown::text(&target.ran.to_string(), redactor),
            Source::Step => Shown::maybe(step.map(|step| step.name.to_string()), redactor),
            Source::ExitCode => match step.and_then(|step| step.exit_code) {
                Some(code) => Shown::value(&code.into(), redactor),
                None => Shown::maybe(
                    step.and_then(|step| step.signal).map(|signal| format!("signal {signal}")),
                    redactor,
                ),
            },
            Source::Duration => match step.and_then(|step| step.duration) {
                Some(span) => {
                    Shown { number: Some(span.as_secs_f64()), ..Shown::text(&words::span(span), redactor) }
                }
                None => Shown::nothing(),
            },
            Source::Output => output(target.status, step, redactor),
            Source::Stdout => Shown::stream(step.and_then(|step| step.stdout.as_ref()), redactor),
            Source::Stderr => Shown::stream(step.and_then(|step| step.stderr.as_ref()), redactor),
            Source::Capture(name) => {
                Shown::value(target.captured.get(name).unwrap_or(&Value::Null), redactor)
            }
            Source::Field(path) if path == "name" => {
                // Without a name the id says which one it is.
                let name = Some(target.vps.name()).filter(|name| !name.is_empty());
                Shown::text(name.unwrap_or_else(|| target.vps.raw_id()), redactor)
            }
            Source::Field(path) => Shown::value(&field(&target.vps.fields(), path), redactor),
        }
    }
}

fn failed(target: &TargetResult) -> bool {
    target.status == Status::Failed
}

/// How a step ended: `exit 3`, `signal 9`.
pub(super) fn exit(step: Option<&StepResult>) -> Option<String> {
    let step = step?;
    let exit = step.exit_code.map(|code| format!("exit {code}"));
    exit.or_else(|| step.signal.map(|signal| format!("signal {signal}")))
}

/// The first line of what the step printed; for a failed one that printed nothing else, of its errors.
fn output(status: Status, step: Option<&StepResult>, redactor: &Redactor) -> Shown {
    let stdout = step.and_then(|step| step.stdout.as_ref());
    let stderr = step.and_then(|step| step.stderr.as_ref());
    let silent = |stream: Option<&Stream>| stream.is_none_or(|stream| stream.text.trim().is_empty());
    if status == Status::Failed && silent(stdout) && !silent(stderr) {
        return Shown::stream(stderr, redactor);
    }
    Shown::stream(stdout, redactor)
}

/// The value at a dotted path; null where there is none. A path through a list visits its elements.
fn field(fields: &Map<String, Value>, path: &str) -> Value {
    let mut names = path.split('.');
    let mut found: Vec<&Value> = names.next().and_then(|name| fields.get(name)).into_iter().collect();
    for name in names {
        let elements = found.into_iter().flat_map(|value| match value {
            Value::Array(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        });
        found = elements.filter_map(|value| value.get(name)).collect();
    }
    match found.as_slice() {
        [] => Value::Null,
        [value] => (*value).clone(),
        values => values.iter().copied().cloned().collect(),
    }
}

impl Shown {
    fn nothing() -> Self {
        Self { text: NOTHING.to_owned(), number: None, nothing: true }
    }

    fn text(text: &str, redactor: &Redactor) -> Self {
        let clean = redactor.text(text);
        let clean = inert(clean.trim_end());
        let text = match clean.char_indices().nth(LONGEST_CELL) {
            Some((end, _)) => format!("{}…", &clean[..end]),
            None => clean.into_owned(),
        };
        Self { text, number: None, nothing: false }
    }

    fn maybe(text: Option<String>, redactor: &Redactor) -> Self {
        text.map_or_else(Self::nothing, |text| Self::text(&text, redactor))
    }

    /// A stream's first line that is not blank, and how many more there are.
    fn stream(stream: Option<&Stream>, redactor: &Redactor) -> Self {
        let Some(stream) = stream else { return Self::nothing() };
        // Secrets may hold line breaks, so they go before the lines are told apart.
        let clean = redactor.text(&stream.text);
        let mut lines = clean.lines().filter(|line| !line.trim().is_empty());
        let first = Self::text(lines.next().unwrap_or_default(), &Redactor::default());
        match lines.count() {
            0 => first,
            1 => Self { text: format!("{} (+1 line)", first.text), ..first },
            more => Self { text: format!("{} (+{more} lines)", first.text), ..first },
        }
    }

    fn value(value: &Value, redactor: &Redactor) -> Self {
        let text = match value {
            Value::Null => return Self::nothing(),
            Value::String(text) => return Self::text(text, redactor),
            Value::Array(items) => {
                let items =
                    items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
                items.collect::<Vec<_>>().join(", ")
            }
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
        };
        Self { number: value.as_f64(), ..Self::text(&text, redactor) }
    }
}
