//! What a run would do, said before anything is sent: for people here, as JSON in `json`.
//!
//! The numbers come from `engine/`'s forecast; here they only find their words. What stands in a text that a server or
//! a secret could have a part in is cleaned as in every report.

mod json;

use std::{fmt::Write as _, io, time::Duration};

use super::{Redactor, inert, inert_lines, inventory, spent, words};
use crate::{
    engine::{
        Allowed, Forecast, HeldBack, Layout, Limit, RequestForecast, StartForecast, TargetForecast,
        TimeForecast, TimeSpent,
    },
    fleet::Tally,
    playbook::{Effects, MAX_COMMAND_CHARS, Step},
};

pub use json::write_plan_json;

/// Batches of the same size that are counted instead of listed.
const LISTED_BATCHES: usize = 6;
/// Targets that are named where something is wrong with them.
const NAMED: usize = 3;

/// Everything that is said of a plan.
pub struct PlanRecord<'a> {
    /// The playbook's name.
    pub playbook_name: &'a str,
    /// Where the playbook was read from; `None` if from no file.
    pub playbook_path: Option<&'a str>,
    /// The hash of the playbook's text, in hexadecimal.
    pub playbook_sha256: &'a str,
    /// The API's address.
    pub api_url: &'a str,
    /// The playbook's steps.
    pub steps: &'a [Step],
    /// How the selection divided the inventory.
    pub tally: &'a Tally,
    /// What would be sent; with the texts where they are to be shown.
    pub forecast: &'a Forecast,
    /// Whether people see the texts for the first target; programs get those for all.
    pub show_text: bool,
    /// Text to be shown as [`REDACTED`](super::REDACTED) wherever it occurs.
    pub secrets: &'a [String],
}

/// Writes the plan for people.
///
/// # Errors
/// Those of `out`.
pub fn write_plan(record: &PlanRecord<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let redactor = Redactor::new(record.secrets);
    let clean = |text: &str| inert(&redactor.text(text)).into_owned();
    let forecast = record.forecast;
    let selected = forecast.targets.len();
    writeln!(out, "{}: {}", clean(record.playbook_name), inventory::divided(record.tally, selected))?;
    let mut say = |what: &str, text: String| writeln!(out, "  {what:11} {}", clean(&text));
    for (field, count) in &record.tally.lacking {
        say("lacking", format!("{count} of {} have no {field}", record.tally.listed))?;
    }
    if let Some(refused) = refused(&forecast.targets) {
        say("refused", refused)?;
    }
    for (number, step) in record.steps.iter().enumerate() {
        let skipped = forecast.targets.iter().filter(|target| target.skipped.contains(&number)).count();
        if skipped > 0 {
            say(
                "skipped",
                format!("\"{}\" on {skipped} of {selected}: its `when` does not hold", step.name),
            )?;
        }
    }
    if let Some(batches) = batches(&forecast.batches) {
        say("batches", format!("{batches}; {}", allowed(forecast.allowed)))?;
    } else if forecast.allowed != Allowed::All {
        say("failures", allowed(forecast.allowed))?;
    }
    for (number, line) in steps(record.steps, &forecast.layouts).into_iter().enumerate() {
        say(if number == 0 { "steps" } else { "" }, line)?;
    }
    say("requests", requests(&forecast.requests))?;
    if forecast.requests.start > 0 {
        for (number, line) in time(&forecast.time, forecast.requests.total()).into_iter().enumerate() {
            say(if number == 0 { "time" } else { "" }, line)?;
        }
    }
    let first = forecast.targets.iter().find(|target| !target.starts.is_empty());
    let Some(first) = first else { return Ok(()) };
    say("text", lengths(first, record.show_text))?;
    if record.show_text {
        write_texts(first, record.steps, &redactor, out)?;
    }
    Ok(())
}

fn refused(targets: &[TargetForecast]) -> Option<String> {
    let refused: Vec<_> =
        targets.iter().filter_map(|target| Some((target, target.refused.as_ref()?))).collect();
    let (_, why) = refused.first()?;
    let names: Vec<&str> = refused.iter().take(NAMED).map(|(target, _)| target.vps.name_or_id()).collect();
    let more = if refused.len() > NAMED { ", …" } else { "" };
    Some(format!("a command cannot be made for {} ({}{more}): {why}", refused.len(), names.join(", ")))
}

/// `1, then 20, then 179`; equal ones in a row are counted.
fn batches(sizes: &[usize]) -> Option<String> {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for &size in sizes {
        match parts.last_mut() {
            Some((count, last)) if *last == size => *count += 1,
            _ => parts.push((1, size)),
        }
    }
    let shown: Vec<String> = parts
        .iter()
        .flat_map(|&(count, size)| match count {
            count if count < LISTED_BATCHES => vec![words::number(size as u64); count],
            count => vec![format!("{count} times {}", words::number(size as u64))],
        })
        .collect();
    (!shown.is_empty()).then(|| shown.join(", then "))
}

fn allowed(allowed: Allowed) -> String {
    match allowed {
        Allowed::All => "goes on however many targets fail".to_owned(),
        Allowed::NoneInFirstBatch => "stops when a target of the first batch fails".to_owned(),
        Allowed::AtMost(0) => "stops when a target fails".to_owned(),
        Allowed::AtMost(1) => "stops when more than 1 target fails".to_owned(),
        Allowed::AtMost(most) => format!("stops when more than {most} targets fail"),
    }
}

/// `14 read, 0 change; 2 requests a server`, then a line for each reason why steps do not share one.
fn steps(steps: &[Step], layouts: &[Layout]) -> Vec<String> {
    let changes = steps.iter().filter(|step| step.effects == Effects::Change).count();
    let counted = format!("{} read, {changes} change", steps.len() - changes);
    let Some((most, others)) = layouts.split_first() else { return vec![counted] };
    let starts = |layout: &Layout| match layout.starts.len() {
        1 => "1 start".to_owned(),
        count => format!("{count} starts"),
    };
    let mut lines = vec![format!("{counted}; {} a server", starts(most))];
    for pair in most.starts.windows(2) {
        let next = pair[1].steps.first().and_then(|&step| steps.get(step));
        if let (Some(step), Some(why)) = (next, &pair[0].end) {
            let maybe = if pair[1].conditional { ", if it is for the server at all" } else { "" };
            lines.push(format!("split before \"{}\": {}{maybe}", step.name, why.explain(steps)));
        }
    }
    let differ: usize = others.iter().map(|layout| layout.targets).sum();
    if differ > 0 {
        let counts: Vec<String> =
            others.iter().map(|layout| format!("{} on {}", starts(layout), layout.targets)).collect();
        lines.push(format!("{differ} servers differ: {}", counts.join(", ")));
    }
    lines
}

fn requests(requests: &RequestForecast) -> String {
    let RequestForecast { list, probe, start, conditional, poll, refused } = *requests;
    let mut text = format!(
        "about {}: {} listing, {} probe, {} start, about {} poll",
        words::number(requests.total()),
        words::number(list),
        words::number(probe),
        words::number(start),
        words::number(poll),
    );
    if refused > 0 {
        let _ = write!(text, ", about {} told to wait (429)", words::number(refused));
    }
    if conditional > 0 {
        let _ =
            write!(text, "; {} of the starts depend on what earlier steps find", words::number(conditional));
    }
    text
}

/// How long, where it goes, and what of it is a guess: a line each.
fn time(time: &TimeForecast, requests: u64) -> Vec<String> {
    let requests = words::number(requests);
    let mut lines = Vec::new();
    match (&time.spent, &time.limit) {
        (Some(spent), held) => {
            let (whole, spent) = (rounded(spent.total()), roughly(spent));
            lines.push(format!("about {}", spent::sentence(whole, &spent, &time.limits, time.rate)));
            if held.is_none() {
                lines.push(format!("the API's limit is not known yet, and {requests} requests may meet it"));
            }
            if let Some(held) = held.as_ref().filter(|held| held.span.is_some_and(|span| span > time.least)) {
                let at = match held.limit {
                    Limit::Learned(_) => "limit",
                    Limit::Own(_) => "rate",
                };
                let bound = words::span(rounded(time.bound()));
                lines.push(format!(
                    "{bound} of it is what {requests} requests take at this {at}, however they are sent"
                ));
            }
        }
        (None, held) => {
            let limits = held.iter().map(|HeldBack { limit, windows, .. }| match limit {
                Limit::Learned(learned) => {
                    format!("{windows} windows of the limit ({})", words::learned(learned))
                }
                Limit::Own(rate) => words::limit(rate.requests.into(), Some(rate.window)),
            });
            let row = match time.in_a_row {
                1 => "and what the command takes".to_owned(),
                count => format!("and what {count} commands in a row take"),
            };
            let least = words::span(time.least);
            lines.push(format!("{}; at least {least} {row}", limits.collect::<String>()));
        }
    }
    if let Some(assumed) = time.assumed.filter(|_| time.spent.is_some()) {
        let assumed = words::span(assumed);
        lines.push(format!("commands are taken to last {assumed} each; a run learns how long they do"));
    }
    lines
}

/// A forecast's time, each part without more digits than it deserves.
fn roughly(time: &TimeSpent) -> TimeSpent {
    let TimeSpent { limit, rate, network, guests, pauses } = *time;
    let [limit, rate, network, guests, pauses] = [limit, rate, network, guests, pauses].map(rounded);
    TimeSpent { limit, rate, network, guests, pauses }
}

/// From ten seconds on, whole ones.
fn rounded(span: Duration) -> Duration {
    match span.as_secs() {
        0..10 => span,
        _ => Duration::from_secs((span + Duration::from_millis(500)).as_secs()),
    }
}

fn lengths(target: &TargetForecast, shown: bool) -> String {
    let length = |(number, start): (usize, &StartForecast)| {
        let about = if start.reads_captures { "about " } else { "" };
        format!("start {} is {about}{} characters", number + 1, words::number(start.chars as u64))
    };
    let mut lengths: Vec<String> = target.starts.iter().enumerate().take(NAMED).map(length).collect();
    if target.starts.len() > NAMED {
        lengths.push("…".to_owned());
    }
    let name = target.vps.name_or_id();
    let hint = if shown {
        format!("; below, for {name}")
    } else {
        format!("; --show-text prints what {name} would get")
    };
    format!("{} of at most {}{hint}", lengths.join(", "), words::number(MAX_COMMAND_CHARS as u64))
}

/// The texts, each under a line that says what it is.
fn write_texts(
    target: &TargetForecast,
    steps: &[Step],
    redactor: &Redactor,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let clean = |text: &str| inert(&redactor.text(text)).into_owned();
    for (number, start) in target.starts.iter().enumerate() {
        let names: Vec<String> = start
            .steps
            .iter()
            .filter_map(|&step| steps.get(step))
            .map(|step| format!("\"{}\"", step.name))
            .collect();
        let notes = [
            (start.steps.len() > 1).then_some("the digits in its second line are drawn anew in each run"),
            start.reads_captures.then_some("… stands for what is captured"),
            start.conditional.then_some("sent only where its `when` holds"),
        ];
        let notes: Vec<&str> = notes.into_iter().flatten().collect();
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        writeln!(out, "\n── start {}: {}{notes}", number + 1, clean(&names.join(", ")))?;
        let text = redactor.text(start.text.as_deref().unwrap_or_default()).into_owned();
        // A name with a newline in it is in there as it is: it must not begin a line of ours.
        for line in inert_lines(text.trim_end_matches('\n')).split('\n') {
            writeln!(out, " | {line}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
