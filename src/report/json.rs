//! The report as one JSON document, for programs.
//!
//! The keys are a contract (`schemaVersion` 1): every key is always there, and null means "not known" or "did not
//! run". Everything borrows from the record and is written as it is visited, so ten thousand targets cost no
//! second copy of their output.

use std::{io, time::Duration};

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap},
};
use serde_json::{Map, Value};

use super::{Redactor, RunRecord, inert_json, words};
use crate::{
    budget::{LearnedLimit, RunTime},
    engine::{
        CheckResult, Ran, Reason, RequestCounts, Status, StepResult, Stream, Summary, TargetResult, TimeSpent,
    },
};

/// Raised when a key goes away or changes its meaning; a new key does not raise it.
const SCHEMA_VERSION: u32 = 1;

/// Writes the document and a newline.
pub(super) fn write(record: &RunRecord, redactor: &Redactor, out: &mut dyn io::Write) -> io::Result<()> {
    inert_json::write(&Document::new(record, redactor), out)
}

/// A text without secrets.
#[derive(Clone, Copy)]
struct Text<'a>(&'a str, &'a Redactor);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.1.text(self.0))
    }
}

/// The text of a stream, without secrets. One that is lost is an error: this report is taken at its word.
#[derive(Clone, Copy)]
struct Output<'a>(&'a Stream, &'a Redactor);

impl Serialize for Output<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.text.read().map_err(S::Error::custom)?;
        serializer.serialize_str(&self.1.text(&text))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u32,
    run_id: &'a str,
    rollcall_version: &'static str,
    playbook: Playbook<'a>,
    started_at: String,
    finished_at: String,
    duration_ms: u64,
    exit_code: u8,
    stopped: Option<Stopped>,
    api: Api<'a>,
    summary: Counts,
    targets: Targets<'a>,
}

#[derive(Serialize)]
pub(super) struct Playbook<'a> {
    name: Text<'a>,
    path: Option<Text<'a>>,
    sha256: &'a str,
}

impl<'a> Playbook<'a> {
    pub(super) fn new(name: &'a str, path: Option<&'a str>, sha256: &'a str, redactor: &'a Redactor) -> Self {
        Self { name: Text(name, redactor), path: path.map(|path| Text(path, redactor)), sha256 }
    }
}

#[derive(Serialize)]
struct Stopped {
    kind: &'static str,
    message: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Api<'a> {
    url: Text<'a>,
    requests: Requests,
    throttled: u64,
    retried: u64,
    waited_ms: u64,
    time: Time,
    limits: Vec<KnownLimit<'a>>,
}

/// Where the time went: the parts add up to `durationMs`, but for what is lost in rounding each down.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "a key carries its unit")]
pub(super) struct Time {
    limit_ms: u64,
    rate_ms: u64,
    network_ms: u64,
    guests_ms: u64,
    pauses_ms: u64,
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
pub(super) struct KnownLimit<'a> {
    bucket: Text<'a>,
    limit: u64,
    window_ms: Option<u64>,
    renewal: &'static str,
    learned_from: &'static str,
}

impl<'a> Document<'a> {
    fn new(record: &'a RunRecord, redactor: &'a Redactor) -> Self {
        let run = &record.run;
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: &record.run_id,
            rollcall_version: env!("CARGO_PKG_VERSION"),
            playbook: Playbook::new(
                &record.playbook_name,
                record.playbook_path.as_deref(),
                &record.playbook_sha256,
                redactor,
            ),
            started_at: wall_time(record.started_at, Duration::ZERO),
            finished_at: wall_time(record.started_at, run.ended.since_start()),
            duration_ms: milliseconds(run.duration),
            exit_code: record.exit_code,
            stopped: run.stop.as_ref().map(|stop| Stopped {
                kind: words::stop_kind(stop),
                message: redactor.text(&words::stop(stop)).into_owned(),
            }),
            api: Api {
                url: Text(&record.api_url, redactor),
                requests: Requests::new(&run.requests),
                throttled: run.requests.throttled,
                retried: run.requests.retried,
                waited_ms: milliseconds(run.time.held_back()),
                time: Time::new(&run.time),
                limits: run.knowledge.limits.iter().map(|limit| KnownLimit::new(limit, redactor)).collect(),
            },
            summary: Counts { summary: run.summary(), targets: run.targets.len() },
            targets: Targets { record, redactor },
        }
    }
}

impl Time {
    pub(super) fn new(time: &TimeSpent) -> Self {
        Self {
            limit_ms: milliseconds(time.limit),
            rate_ms: milliseconds(time.rate),
            network_ms: milliseconds(time.network),
            guests_ms: milliseconds(time.guests),
            pauses_ms: milliseconds(time.pauses),
        }
    }
}

impl Requests {
    fn new(counts: &RequestCounts) -> Self {
        Self {
            list: counts.list,
            probe: counts.probe,
            start: counts.start,
            poll: counts.poll,
            total: counts.total(),
        }
    }
}

impl<'a> KnownLimit<'a> {
    pub(super) fn new(limit: &'a LearnedLimit, redactor: &'a Redactor) -> Self {
        Self {
            bucket: Text(&limit.bucket, redactor),
            limit: limit.limit,
            window_ms: limit.window.map(milliseconds),
            renewal: limit.renewal.word(),
            learned_from: limit.learned_from.word(),
        }
    }
}

/// `summary`: how many targets, how many of each status, and the coverage to four places.
pub(super) struct Counts {
    /// Of those that are done.
    pub(super) summary: Summary,
    /// All of them.
    pub(super) targets: usize,
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { summary, targets } = self;
        let mut map = serializer.serialize_map(Some(Status::ALL.len() + 2))?;
        map.serialize_entry("targets", targets)?;
        map.serialize_entry("ok", &summary.count(Status::Ok))?;
        for status in Status::ALL.into_iter().filter(|&status| status != Status::Ok) {
            map.serialize_entry(key(status), &summary.count(status))?;
        }
        map.serialize_entry("coverage", &self.coverage())?;
        map.end()
    }
}

impl Counts {
    /// Rounded to four places. Where nobody was asked, nothing is known: not 0, and certainly not 1.
    #[expect(clippy::cast_precision_loss, reason = "counts of targets are far below 2^52")]
    fn coverage(&self) -> Option<f64> {
        let answered = Status::ALL.into_iter().filter(|status| status.answered());
        let answered: usize = answered.map(|status| self.summary.count(status)).sum();
        let share = answered as f64 / self.targets as f64;
        (self.targets > 0).then(|| (share * 10_000.0).round() / 10_000.0)
    }
}

/// A status as a key, in camel case as all keys are.
fn key(status: Status) -> &'static str {
    match status {
        Status::TimedOut => "timedOut",
        Status::CheckFailed => "checkFailed",
        Status::Unknown
        | Status::Running
        | Status::Failed
        | Status::Refused
        | Status::Unavailable
        | Status::Cancelled
        | Status::Skipped
        | Status::Ok => status.word(),
    }
}

/// The targets, each made when it is written.
struct Targets<'a> {
    record: &'a RunRecord,
    redactor: &'a Redactor,
}

impl Serialize for Targets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let targets = self.record.run.targets.iter();
        serializer
            .collect_seq(targets.map(|target| Target::new(target, self.record.started_at, self.redactor)))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Target<'a> {
    id: Text<'a>,
    name: Option<Text<'a>>,
    primary_ip: Option<Text<'a>>,
    status: Status,
    reason: Option<Reason>,
    message: Option<Text<'a>>,
    ran: Ran,
    started_at: Option<String>,
    duration_ms: Option<u64>,
    captured: Captured<'a>,
    steps: Vec<Step<'a>>,
}

impl<'a> Target<'a> {
    fn new(target: &'a TargetResult, run_started: Timestamp, redactor: &'a Redactor) -> Self {
        let text = |text: &'a str| Text(text, redactor);
        let vps = &target.vps;
        Self {
            id: text(vps.raw_id()),
            name: Some(vps.name()).filter(|name| !name.is_empty()).map(text),
            primary_ip: vps.primary_ip().map(text),
            status: target.status,
            reason: target.reason,
            message: target.message.as_deref().map(text),
            ran: target.ran,
            started_at: target.started_at.map(|at| wall_time(run_started, at.since(RunTime::START))),
            duration_ms: target.duration.map(milliseconds),
            captured: Captured(&target.captured, redactor),
            steps: target.steps.iter().map(|step| Step::new(step, redactor)).collect(),
        }
    }
}

/// Captured values, without secrets.
struct Captured<'a>(&'a Map<String, Value>, &'a Redactor);

impl Serialize for Captured<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (Text(name, self.1), self.1.value(value))))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Step<'a> {
    name: Text<'a>,
    status: Status,
    ran: Ran,
    exit_code: Option<i64>,
    signal: Option<i64>,
    stdout: Option<Output<'a>>,
    stderr: Option<Output<'a>>,
    stdout_truncated: Option<bool>,
    stderr_truncated: Option<bool>,
    lossy: Option<bool>,
    late: bool,
    pid: Option<u64>,
    duration_ms: Option<u64>,
    reason: Option<Reason>,
    message: Option<Text<'a>>,
    checks: Vec<Check<'a>>,
}

impl<'a> Step<'a> {
    fn new(step: &'a StepResult, redactor: &'a Redactor) -> Self {
        let (stdout, stderr) = (step.stdout.as_ref(), step.stderr.as_ref());
        let text = |stream: &'a Stream| Output(stream, redactor);
        Self {
            name: Text(&step.name, redactor),
            status: step.status,
            ran: step.ran,
            exit_code: step.exit_code,
            signal: step.signal,
            stdout: stdout.map(text),
            stderr: stderr.map(text),
            stdout_truncated: stdout.map(|stream| stream.truncated),
            stderr_truncated: stderr.map(|stream| stream.truncated),
            lossy: [stdout, stderr].into_iter().flatten().map(|stream| stream.lossy).reduce(|a, b| a || b),
            late: step.late,
            pid: step.pid.map(crate::engine::Pid::number),
            duration_ms: step.duration.map(milliseconds),
            reason: step.reason,
            message: step.message.as_deref().map(|message| Text(message, redactor)),
            checks: step.checks.iter().map(|check| Check::new(check, redactor)).collect(),
        }
    }
}

#[derive(Serialize)]
struct Check<'a> {
    name: Option<Text<'a>>,
    severity: &'static str,
    holds: bool,
    message: Option<Text<'a>>,
}

impl<'a> Check<'a> {
    fn new(check: &'a CheckResult, redactor: &'a Redactor) -> Self {
        Self {
            name: check.name.as_deref().map(|name| Text(name, redactor)),
            severity: check.severity.word(),
            holds: check.holds,
            message: check.message.as_deref().map(|message| Text(message, redactor)),
        }
    }
}

pub(super) fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// A moment of the run in RFC 3339, with milliseconds and `Z`.
fn wall_time(run_started: Timestamp, since: Duration) -> String {
    rfc3339(run_started.checked_add(since).unwrap_or(Timestamp::MAX), 3)
}

/// RFC 3339 with so many decimals of a second, and `Z`.
pub(super) fn rfc3339(moment: Timestamp, decimals: u8) -> String {
    DateTimePrinter::new().precision(Some(decimals)).timestamp_to_string(&moment)
}
