//! What a run came to, in a few sentences under its rows.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{RunRecord, inert::inert_lines, redact::Redactor, span, stop};
use crate::{
    budget::LearnedLimit,
    engine::{FinishedRun, Status, Stop},
};

pub(super) fn write(record: &RunRecord, redactor: &Redactor, out: &mut dyn Write) -> io::Result<()> {
    let run = &record.run;
    if let Some(stop) = &run.stop {
        let message = stop::stop_message(stop);
        writeln!(out, "stopped: {}", inert_lines(&redactor.hide(&message)))?;
    }
    let nothing_was_meant =
        matches!(run.stop, Some(Stop::Inventory(_) | Stop::Selection(_) | Stop::Declined));
    if run.targets.is_empty() {
        if !nothing_was_meant && run.stop.is_none() {
            writeln!(out, "0 of {} match", span::counted(run.tally.listed, "server"))?;
        }
    } else {
        writeln!(out, "{}", counts(run))?;
    }
    writeln!(out, "{}", spent(run))
}

/// `200 targets: 197 ok · 2 failed · 1 unavailable   coverage 99.5 %`
fn counts(run: &FinishedRun) -> String {
    let summary = run.summary();
    // What is well first, then the rest, worst first, as in the table.
    let counted: Vec<String> = std::iter::once(Status::Ok)
        .chain(Status::ALL.into_iter().filter(|&status| status != Status::Ok))
        .filter(|&status| summary.count(status) > 0)
        .map(|status| format!("{} {status}", span::count(summary.count(status) as u64)))
        .collect();
    let targets = span::counted(summary.targets(), "target");
    format!("{targets}: {}   coverage {}", counted.join(" · "), span::percent(summary.coverage()))
}

/// `10.2 s, of which 8.1 s waiting for the limit (300 per 5 s, read from headers); 603 requests, 1 more than …`
fn spent(run: &FinishedRun) -> String {
    let requests = run.requests.total();
    let mut text = span::took(run.duration);
    if !run.waited.is_zero() {
        let limit = run.limits.first().map_or_else(|| "the rate".to_owned(), described);
        let _ = write!(text, ", of which {} waiting for {limit}", span::took(run.waited));
    }
    let plural = if requests == 1 { "" } else { "s" };
    let _ = write!(text, "; {} request{plural}", span::count(requests));
    let more = requests.saturating_sub(least(run));
    if more > 0 {
        let _ = write!(text, ", {} more than the least possible", span::count(more));
    }
    if run.requests.throttled > 0 {
        let _ = write!(text, ", {} answered \"not now\" (429)", span::count(run.requests.throttled));
    }
    text
}

fn described(limit: &LearnedLimit) -> String {
    let window = limit.window.map(|window| format!(" per {}", span::window(window))).unwrap_or_default();
    let source = match limit.learned_from {
        crate::budget::LearnedFrom::Header => "read from headers",
        crate::budget::LearnedFrom::Refusals => "found by counting",
    };
    format!("the limit ({}{window}, {source})", span::count(limit.limit))
}

/// The fewest requests with which the same results could have been had: the pages, a probe for each target that was
/// asked, a start for each command that was sent, and one poll for each that has ended.
fn least(run: &FinishedRun) -> u64 {
    let steps = || run.targets.iter().flat_map(|target| &target.steps);
    let probes = run.targets.iter().filter(|target| target.started_at.is_some()).count();
    let ended = steps().filter(|step| step.exit_code.is_some() || step.signal.is_some()).count();
    // Every start that was sent was needed but those that a 429 sent back.
    let again = run.requests.throttled.min(run.requests.start.saturating_sub(ended as u64));
    let starts = run.requests.start - again;
    let pages = u64::try_from(run.tally.listed.div_ceil(100).max(1)).unwrap_or(u64::MAX);
    pages + probes as u64 + starts + ended as u64
}
