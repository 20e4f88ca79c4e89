//! The closing paragraph for people: how many ended how, what the time went into, and why it stopped early.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
    io,
    sync::Arc,
};

use super::{Redactor, RunRecord, finding::Finding, inert, next, spent, words};
use crate::{
    engine::{FinishedRun, Ran, Reason, Status, Stop, TargetResult},
    fleet::{Tally, fold_names},
    playbook::Severity,
};

/// Columns between the counts and the coverage, which stands apart.
const GAP: &str = "        ";

/// Names said of one status in the paragraph, at most.
const NAMES: usize = 40;

/// Writes the paragraph.
pub(super) fn write(record: &RunRecord, redactor: &Redactor, out: &mut dyn io::Write) -> io::Result<()> {
    write_paragraph(record, redactor, None, out)
}

/// Writes the paragraph, and in it who was not ok: for formats without rows.
pub(super) fn write_with_names(
    record: &RunRecord,
    redactor: &Redactor,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    write_paragraph(record, redactor, Some(&names(&record.run, redactor)), out)?;
    next::write(&Vec::from_iter(next::go_on(record)), out)
}

fn write_paragraph(
    record: &RunRecord,
    redactor: &Redactor,
    names: Option<&str>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let run = &record.run;
    if let Some(stop) = &run.stop {
        write_stop(run, stop, redactor, out)?;
    }
    writeln!(out, "{}", counts(run))?;
    write!(out, "{}", names.unwrap_or_default())?;
    writeln!(out, "{}", spent::sentence(run.duration, &run.time, &run.knowledge.limits, None))?;
    writeln!(out, "{}", requests(run))
}

/// A line for each status but ok, worst first: `  unavailable   db-[3,12]`.
fn names(run: &FinishedRun, redactor: &Redactor) -> String {
    let mut lines = String::new();
    for status in Status::ALL.into_iter().filter(|&status| status != Status::Ok) {
        let targets = run.targets.iter().filter(|target| target.status == status);
        let mut names: Vec<&str> = targets.map(|target| target.vps.name_or_id()).collect();
        let unnamed = names.len().saturating_sub(NAMES);
        names.truncate(NAMES);
        if !names.is_empty() {
            let folded = fold_names(&names);
            let more = if unnamed > 0 { format!(" and {unnamed} more") } else { String::new() };
            let _ = writeln!(lines, "  {:13} {}{more}", status.word(), inert(&redactor.text(&folded)));
        }
    }
    lines
}

/// `200 targets: 197 ok · 2 check_failed · 1 unavailable        coverage 99.5 %`.
fn counts(run: &FinishedRun) -> String {
    let summary = run.summary();
    let targets = summary.targets();
    if targets == 0 {
        return nothing_selected(&run.tally);
    }
    let worst_first = Status::ALL.into_iter().filter(|&status| status != Status::Ok);
    let counted =
        std::iter::once(Status::Ok).chain(worst_first).map(|status| (status, summary.count(status)));
    let parts: Vec<String> = counted
        .filter(|&(_, count)| count > 0)
        .map(|(status, count)| match status {
            Status::CheckFailed => format!("{count} {status}{}", milder(run)),
            _ => format!("{count} {status}"),
        })
        .collect();
    let answered: usize =
        Status::ALL.into_iter().filter(|status| status.answered()).map(|status| summary.count(status)).sum();
    // In tenths of a per cent, cut: 100 % is said only of all.
    let tenths = answered * 1000 / targets;
    let coverage = match tenths % 10 {
        0 => format!("{}", tenths / 10),
        tenth => format!("{}.{tenth}", tenths / 10),
    };
    format!("{}: {}{GAP}coverage {coverage} %", plural(targets, "target"), parts.join(" · "))
}

/// How many of the failed checks are no errors: ` (1 warning)`.
fn milder(run: &FinishedRun) -> String {
    let mut counts = [(Severity::Warning, 0), (Severity::Info, 0)];
    for target in run.targets.iter().filter(|target| target.status == Status::CheckFailed) {
        let severity = Finding::of(target).map(|finding| finding.severity);
        if let Some((_, count)) = counts.iter_mut().find(|(known, _)| Some(*known) == severity) {
            *count += 1;
        }
    }
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|&(_, count)| count > 0)
        .map(|(severity, count)| match severity {
            Severity::Info => format!("{count} info"),
            Severity::Warning | Severity::Error => plural(count, severity.word()),
        })
        .collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn nothing_selected(tally: &Tally) -> String {
    let unjudged = match tally.not_evaluable {
        0 => String::new(),
        count => format!(" ({count} could not be judged: a field that `where` compares is missing)"),
    };
    match tally.listed {
        0 => "0 targets: no servers were listed".to_owned(),
        1 => format!("0 of 1 server matches{unjudged}"),
        listed => format!("0 of {listed} servers match{unjudged}"),
    }
}

/// `603 requests, 1 more than the least possible; 1 told to wait (429)`.
fn requests(run: &FinishedRun) -> String {
    let total = run.requests.total();
    let over = match total.saturating_sub(least_requests(run)) {
        _ if total == 0 => String::new(),
        // Of a run that stopped early it would be no praise.
        0 if run.stop.is_some() => String::new(),
        0 => ", the least possible".to_owned(),
        over => format!(", {over} more than the least possible"),
    };
    let throttled = match run.requests.throttled {
        0 => String::new(),
        throttled => format!("; {throttled} told to wait (429)"),
    };
    format!("{}{over}{throttled}", plural(total, "request"))
}

/// The fewest requests that could have had this result: the listing as it was, and for each target asked one
/// probe, one start for each command sent (a bundle's steps share a process and so a start), and one poll for each
/// that was seen to end.
fn least_requests(run: &FinishedRun) -> u64 {
    let targets = run.targets.iter().filter(|target| target.started_at.is_some());
    run.requests.list + targets.map(|target| 1 + least_for_steps(target)).sum::<u64>()
}

fn least_for_steps(target: &TargetResult) -> u64 {
    let mut started = BTreeSet::new();
    let mut ended = BTreeSet::new();
    let mut unnamed = 0;
    for step in &target.steps {
        let sent = step.ran != Ran::No || step.reason == Some(Reason::Api);
        match step.pid {
            Some(pid) => {
                started.insert(pid);
                let unread = matches!(step.reason, Some(Reason::MarkerLost | Reason::NoExitCode));
                if step.exit_code.is_some() || step.signal.is_some() || unread {
                    ended.insert(pid);
                }
            }
            None if sent => unnamed += 1,
            None => {}
        }
    }
    [started.len(), ended.len(), unnamed].into_iter().map(|count| count as u64).sum()
}

fn write_stop(
    run: &FinishedRun,
    stop: &Stop,
    redactor: &Redactor,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let clean = |text: &str| inert(&redactor.text(text)).into_owned();
    let nothing_started = (run.requests.start == 0).then_some("nothing was started");
    match stop {
        Stop::Auth(problem) => {
            writeln!(out, "error: {}", clean(&words::stop(stop)))?;
            let request = problem.request_id.as_deref().map(|id| format!("request {id}"));
            let known = [request.as_deref(), nothing_started].into_iter().flatten().collect::<Vec<_>>();
            if !known.is_empty() {
                writeln!(out, "  {}", clean(&known.join("; ")))?;
            }
            writeln!(
                out,
                "  hint: keys are made under cloud.hostup.se/api-management and need read:vm and write:vm; \
                 one may be limited to certain IPs"
            )?;
        }
        Stop::MaxFailures { failed, allowed } => {
            let kept = |target: &&Arc<TargetResult>| target.reason == Some(Reason::MaxFailures);
            let not_started = match run.targets.iter().filter(kept).count() {
                0 => String::new(),
                count => format!("; {count} not started"),
            };
            let batch =
                run.batch.map_or_else(String::new, |(batch, of)| format!(" after batch {batch} of {of}"));
            writeln!(out, "stopped{batch}: {failed} failed, {allowed} allowed{not_started}")?;
            writeln!(
                out,
                "  hint: see why they failed before more are tried; --max-failures N lets N targets fail"
            )?;
        }
        Stop::Inventory(_) | Stop::Store(_) | Stop::Secret(_) => {
            writeln!(out, "error: {}", clean(&words::stop(stop)))?;
        }
        Stop::Selection(_) => {
            writeln!(out, "error: {}", clean(&words::stop(stop)))?;
            writeln!(out, "  nothing was started")?;
        }
        Stop::Signal(_) | Stop::Declined | Stop::Deadline | Stop::Patience(_) => {
            writeln!(out, "{}", clean(&words::stop(stop)))?;
        }
    }
    writeln!(out)
}

fn plural(count: impl fmt::Display, noun: &str) -> String {
    let count = count.to_string();
    let ending = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
