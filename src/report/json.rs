//! One JSON document: the report for programs.
//!
//! Keys are camel case, values `snake_case`; every key is always there, every status in `summary`, every step under
//! each target. `null` means "not known" or "did not run", `""` an output known to be empty. Keys are only ever
//! added under the same `schemaVersion`.
//!
//! The document is written as it is made, target by target, and never held as a whole. Strings carry exactly what
//! the API gave; what would act on a terminal is written as a JSON escape, which programs read back unchanged.

use std::{
    borrow::Cow,
    io::{self, Write},
    time::Duration,
};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::ser::{Formatter, PrettyFormatter};

use super::{RunRecord, inert::is_active, redact::Redactor, stop};
use crate::{
    budget::RunTime,
    engine::{CheckResult, Pid, Ran, Reason, Status, StepResult, Stop, Stream, TargetResult},
};

/// Raised only when a key changes its meaning or goes away.
const SCHEMA_VERSION: u32 = 1;

/// Writes the document, and one newline.
pub(super) fn write(record: &RunRecord, out: &mut dyn Write) -> io::Result<()> {
    let redactor = Redactor::new(&record.secrets);
    let document = document(record, &redactor);
    document.serialize(&mut serializer(&mut *out))?;
    out.write_all(b"\n")
}

/// The writer of all JSON that rollcall shows.
pub(super) fn serializer<W: Write>(out: W) -> serde_json::Serializer<W, impl Formatter> {
    serde_json::Serializer::with_formatter(out, InertFormatter { pretty: PrettyFormatter::new() })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u32,
    run_id: Cow<'a, str>,
    rollcall_version: &'static str,
    playbook: Playbook<'a>,
    started_at: String,
    finished_at: String,
    duration_ms: u64,
    exit_code: u8,
    stopped: Option<Stopped<'a>>,
    api: Api<'a>,
    summary: Summary,
    targets: Targets<'a>,
}

#[derive(Serialize)]
struct Playbook<'a> {
    name: Cow<'a, str>,
    path: Option<Cow<'a, str>>,
    sha256: &'a str,
}

#[derive(Serialize)]
struct Stopped<'a> {
    kind: &'static str,
    message: Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Api<'a> {
    url: Cow<'a, str>,
    requests: Requests,
    throttled: u64,
    retried: u64,
    waited_ms: u64,
    limits: Vec<Limit<'a>>,
}

#[derive(Serialize)]
struct Requests {
    list: u64,
    probe: u64,
    start: u64,
    poll: u64,
    total: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the contract's keys")]
struct Limit<'a> {
    bucket: Cow<'a, str>,
    limit: u64,
    window_ms: Option<u64>,
    learned_from: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    targets: usize,
    ok: usize,
    failed: usize,
    check_failed: usize,
    timed_out: usize,
    unknown: usize,
    running: usize,
    unavailable: usize,
    refused: usize,
    skipped: usize,
    cancelled: usize,
    coverage: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target<'a> {
    id: Cow<'a, str>,
    name: Cow<'a, str>,
    primary_ip: Option<Cow<'a, str>>,
    status: Status,
    reason: Option<Reason>,
    message: Option<Cow<'a, str>>,
    ran: Ran,
    started_at: Option<String>,
    duration_ms: Option<u64>,
    captured: Captured<'a>,
    steps: Vec<Step<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the contract's keys")]
struct Step<'a> {
    name: Cow<'a, str>,
    status: Status,
    ran: Ran,
    exit_code: Option<i64>,
    signal: Option<i64>,
    stdout: Option<Cow<'a, str>>,
    stderr: Option<Cow<'a, str>>,
    stdout_truncated: bool,
    stderr_truncated: bool,
    lossy: bool,
    late: bool,
    pid: Option<u64>,
    duration_ms: Option<u64>,
    reason: Option<Reason>,
    message: Option<Cow<'a, str>>,
    checks: Vec<Check<'a>>,
}

#[derive(Serialize)]
struct Check<'a> {
    name: Option<Cow<'a, str>>,
    severity: &'static str,
    holds: bool,
    message: Option<Cow<'a, str>>,
}

fn document<'a>(record: &'a RunRecord, redactor: &'a Redactor) -> Document<'a> {
    let run = &record.run;
    Document {
        schema_version: SCHEMA_VERSION,
        run_id: redactor.hide(&record.run_id),
        rollcall_version: env!("CARGO_PKG_VERSION"),
        playbook: Playbook {
            name: redactor.hide(&record.playbook_name),
            path: record.playbook_path.as_deref().map(|path| redactor.hide(path)),
            sha256: &record.playbook_sha256,
        },
        started_at: wall_time(record.started_at, Duration::ZERO),
        finished_at: wall_time(record.started_at, run.duration),
        duration_ms: milliseconds(run.duration),
        exit_code: record.exit_code,
        stopped: run.stop.as_ref().map(|stop| stopped(stop, redactor)),
        api: api(record, redactor),
        summary: summary(record),
        targets: Targets { record, redactor },
    }
}

fn stopped<'a>(stop: &Stop, redactor: &Redactor) -> Stopped<'a> {
    let message = stop::stop_message(stop);
    Stopped { kind: stop::kind(stop), message: Cow::Owned(redactor.hide(&message).into_owned()) }
}

fn api<'a>(record: &'a RunRecord, redactor: &'a Redactor) -> Api<'a> {
    let requests = &record.run.requests;
    Api {
        url: redactor.hide(&record.api_url),
        requests: Requests {
            list: requests.list,
            probe: requests.probe,
            start: requests.start,
            poll: requests.poll,
            total: requests.total(),
        },
        throttled: requests.throttled,
        retried: requests.retried,
        waited_ms: milliseconds(record.run.waited),
        limits: record
            .run
            .limits
            .iter()
            .map(|limit| Limit {
                bucket: redactor.hide(&limit.bucket),
                limit: limit.limit,
                window_ms: limit.window.map(milliseconds),
                learned_from: limit.learned_from.word(),
            })
            .collect(),
    }
}

fn summary(record: &RunRecord) -> Summary {
    let summary = record.run.summary();
    let coverage = summary.coverage();
    Summary {
        targets: summary.targets(),
        ok: summary.count(Status::Ok),
        failed: summary.count(Status::Failed),
        check_failed: summary.count(Status::CheckFailed),
        timed_out: summary.count(Status::TimedOut),
        unknown: summary.count(Status::Unknown),
        running: summary.count(Status::Running),
        unavailable: summary.count(Status::Unavailable),
        refused: summary.count(Status::Refused),
        skipped: summary.count(Status::Skipped),
        cancelled: summary.count(Status::Cancelled),
        // Rounded to four places, but never up to the whole.
        coverage: if coverage < 1.0 { ((coverage * 1e4).round() / 1e4).min(0.9999) } else { 1.0 },
    }
}

/// The targets, each made when it is written.
struct Targets<'a> {
    record: &'a RunRecord,
    redactor: &'a Redactor,
}

impl Serialize for Targets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let began = self.record.started_at;
        serializer
            .collect_seq(self.record.run.targets.iter().map(|target| of_target(target, began, self.redactor)))
    }
}

/// Captured values, in the order of their capture.
struct Captured<'a> {
    target: &'a TargetResult,
    redactor: &'a Redactor,
}

impl Serialize for Captured<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let captured = &self.target.captured;
        let mut map = serializer.serialize_map(Some(captured.len()))?;
        for (name, value) in captured {
            map.serialize_entry(&self.redactor.hide(name), &self.redactor.hide_value(value))?;
        }
        map.end()
    }
}

fn of_target<'a>(target: &'a TargetResult, began: jiff::Timestamp, redactor: &'a Redactor) -> Target<'a> {
    let hide = |text: &'a str| redactor.hide(text);
    Target {
        id: hide(target.vps.raw_id()),
        name: hide(target.vps.name()),
        primary_ip: target.vps.primary_ip().map(hide),
        status: target.status,
        reason: target.reason,
        message: target.message.as_deref().map(hide),
        ran: target.ran,
        started_at: target.started_at.map(|at| wall_time(began, at.since(RunTime::START))),
        duration_ms: target.duration.map(milliseconds),
        captured: Captured { target, redactor },
        steps: target.steps.iter().map(|step| of_step(step, redactor)).collect(),
    }
}

fn of_step<'a>(step: &'a StepResult, redactor: &Redactor) -> Step<'a> {
    let hide = |text: &'a str| redactor.hide(text);
    let is = |stream: &Option<Stream>, question: fn(&Stream) -> bool| stream.as_ref().is_some_and(question);
    Step {
        name: hide(&step.name),
        status: step.status,
        ran: step.ran,
        exit_code: step.exit_code,
        signal: step.signal,
        stdout: step.stdout.as_ref().map(|stream| hide(&stream.text)),
        stderr: step.stderr.as_ref().map(|stream| hide(&stream.text)),
        stdout_truncated: is(&step.stdout, |stream| stream.truncated),
        stderr_truncated: is(&step.stderr, |stream| stream.truncated),
        lossy: is(&step.stdout, |stream| stream.lossy) || is(&step.stderr, |stream| stream.lossy),
        late: step.late,
        pid: step.pid.map(Pid::number),
        duration_ms: step.duration.map(milliseconds),
        reason: step.reason,
        message: step.message.as_deref().map(hide),
        checks: step.checks.iter().map(|check| of_check(check, redactor)).collect(),
    }
}

fn of_check<'a>(check: &'a CheckResult, redactor: &Redactor) -> Check<'a> {
    Check {
        name: check.name.as_deref().map(|name| redactor.hide(name)),
        severity: check.severity,
        holds: check.holds,
        message: check.message.as_deref().map(|message| redactor.hide(message)),
    }
}

/// A time of the run on the wall's clock: RFC 3339 in UTC, with milliseconds.
fn wall_time(began: jiff::Timestamp, since: Duration) -> String {
    let at = jiff::SignedDuration::try_from(since).ok().and_then(|since| began.checked_add(since).ok());
    format!("{:.3}", at.unwrap_or(began))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Pretty-printed JSON in which no string holds a character that a terminal would obey or hide.
struct InertFormatter {
    pretty: PrettyFormatter<'static>,
}

impl Formatter for InertFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() && !fragment.contains('\x7f') {
            return writer.write_all(fragment.as_bytes());
        }
        let mut plain = 0;
        for (at, character) in fragment.char_indices().filter(|&(_, character)| is_active(character)) {
            writer.write_all(&fragment.as_bytes()[plain..at])?;
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = at + character.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.pretty.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object_value(writer)
    }
}
