//! What a column of the table shows for a target.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Redactor, RunRecord, finding::Finding, inert, shown::Shown, words};
use crate::engine::{Status, StepResult, Stop, Stream, TargetResult};

/// How many captured values have a column of their own where the playbook lists no columns.
const MOST_CAPTURES: usize = 8;

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) heading: String,
    source: Source,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    Status,
    /// Why the status is what it is; also how a failed target exited, and which step it is about, where no other
    /// column says so.
    Why {
        with_exit: bool,
        with_step: bool,
        /// Why the run stopped, which is why some targets were not started.
        stop: Option<Stop>,
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
            columns.extend(captures(targets).into_iter().map(|name| Self::named(name, record)));
            columns.push(Self::new("exit", Source::ExitCode));
            columns.push(Self::new("time", Source::Duration));
            columns.push(Self::new("output", Source::Output));
        }
        let has = |source: &Source| columns.iter().any(|column| column.source == *source);
        let why = Source::Why {
            with_exit: !has(&Source::ExitCode),
            with_step: !has(&Source::Step) && targets.iter().any(|target| target.steps.len() > 1),
            stop: record.run.stop.clone(),
        };
        if let Some(column) = columns.iter_mut().find(|column| column.is_why()) {
            column.source = why;
        } else {
            let column = Self::new("reason", why);
            if targets.iter().any(|target| column.why(target).is_some()) {
                columns.push(column);
            }
        }
        columns
    }

    fn new(heading: &str, source: Source) -> Self {
        Self { heading: heading.to_owned(), source }
    }

    /// A column by the name that playbooks and flags give it.
    pub(super) fn named(name: &str, record: &RunRecord) -> Self {
        let source = match name {
            "status" => Source::Status,
            // Which columns it stands beside is known when all are.
            "reason" => Source::Why { with_exit: true, with_step: true, stop: None },
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

    /// Whether targets that it shows differently are not alike. Who a target is and how long it took tells nothing of
    /// what became of it, and of numbers a range is said.
    pub(super) fn tells_apart(&self, shown: &Shown) -> bool {
        match self.source {
            Source::Why { .. }
            | Source::Ran
            | Source::Step
            | Source::ExitCode
            | Source::Output
            | Source::Stdout
            | Source::Stderr => true,
            Source::Capture(_) => shown.number.is_none(),
            Source::Status | Source::Duration | Source::Field(_) => false,
        }
    }

    /// Whether it shows the first line of a stream, of which there may be more.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self.source, Source::Stdout | Source::Stderr)
    }

    /// Whether it shows something that the command printed.
    pub(super) fn is_printed(&self) -> bool {
        self.is_stream() || self.source == Source::Output
    }

    /// Whether it shows standard error.
    pub(super) fn is_stderr(&self) -> bool {
        self.source == Source::Stderr
    }

    /// Whether it shows a field of the VPS.
    pub(super) fn is_field(&self) -> bool {
        matches!(self.source, Source::Field(_))
    }

    /// Whether it is a number by nature, whatever single cells say.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.source, Source::ExitCode | Source::Duration)
    }

    fn why(&self, target: &TargetResult) -> Option<String> {
        let Source::Why { with_exit, with_step, stop } = &self.source else { return None };
        let finding = Finding::of(target);
        let step = finding.map(|finding| finding.step);
        let why = match target.status {
            Status::Failed => {
                let exit = exit(step).filter(|_| *with_exit);
                let beyond = words::beyond_exit(target).map(str::to_owned);
                let more = finding.map_or(0, |finding| finding.more);
                let more = (more > 0).then(|| format!("{more} more failed"));
                let said: Vec<String> = [exit, beyond, more].into_iter().flatten().collect();
                Some(said.join("; ")).filter(|said| !said.is_empty())
            }
            _ => words::why_after(target, stop.as_ref()),
        }?;
        // A named expectation often has the name of its step.
        let name = finding.and_then(|finding| finding.check).and_then(|check| check.name.as_deref());
        match step.filter(|step| *with_step && is_of_one_step(target.status) && name != Some(&*step.name)) {
            Some(step) => Some(format!("{}: {why}", words::short(&step.name))),
            None => Some(why),
        }
    }

    /// What it shows for a target.
    pub(super) fn show(&self, target: &TargetResult, redactor: &Redactor) -> Shown {
        let step = Finding::of(target).map(|finding| finding.step);
        match &self.source {
            Source::Status => Shown::text(target.status.word(), redactor),
            Source::Why { .. } => Shown::text(&self.why(target).unwrap_or_default(), redactor),
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

/// The names of the captured values, in the order in which they are first met.
fn captures(targets: &[Arc<TargetResult>]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for target in targets {
        for name in target.captured.keys().map(String::as_str) {
            if names.len() < MOST_CAPTURES && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// Whether a status is about one step, and not about the target as a whole.
fn is_of_one_step(status: Status) -> bool {
    match status {
        Status::Unknown
        | Status::Running
        | Status::TimedOut
        | Status::Failed
        | Status::CheckFailed
        | Status::Refused => true,
        Status::Unavailable | Status::Cancelled | Status::Skipped | Status::Ok => false,
    }
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
    let silent = |stream: Option<&Stream>| stream.is_none_or(|stream| stream.shown().trim().is_empty());
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
