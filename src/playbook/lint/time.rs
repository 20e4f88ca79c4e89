//! `timeout-over-deadline`: time limits that the run's deadline always cuts.

use std::time::Duration;

use super::{
    super::{Diagnostic, Step, bundle::breaks, format_duration, reader::Fields},
    Lint, Place,
};

pub(super) fn check(places: &[Place<'_>], deadline: Duration, playbook: &Fields<'_>) -> Vec<Diagnostic> {
    let shown = format_duration(deadline);
    let mut found = Vec::new();
    for place in places {
        if let (Some(timeout), Some(field)) = (place.step.timeout, &place.timeout)
            && timeout > deadline
        {
            let message =
                format!("a timeout of {}, and the run's deadline is {shown}", format_duration(timeout));
            found.push(
                Diagnostic::warning(Lint::TimeoutOverDeadline, field.node.span.clone(), message)
                    .label("the deadline always ends the wait first")
                    .help("make the timeout shorter, or `strategy.deadline` longer"),
            );
        }
    }
    let field = playbook.get("strategy").and_then(|field| super::Field::of(field.node, "deadline"));
    if let (true, Some(field)) = (found.is_empty(), field)
        && let Some((steps, sum)) =
            longest_request(places).filter(|(steps, sum)| *steps > 1 && *sum > deadline)
    {
        let message = format!(
            "the run's deadline is {shown}, and {steps} steps that share a request may take {}",
            format_duration(sum)
        );
        found.push(
            Diagnostic::warning(Lint::TimeoutOverDeadline, field.node.span.clone(), message)
                .label("shorter than the sum of their timeouts")
                .help("make it longer, or the steps' timeouts shorter"),
        );
    }
    found
}

/// Of the requests that a target takes, the one whose steps have the longest timeouts together: how many steps, and
/// how long. Only what the author wrote is counted; sixty seconds that nobody asked for are no reason to complain.
fn longest_request(places: &[Place<'_>]) -> Option<(usize, Duration)> {
    let steps: Vec<Step> = places.iter().map(|place| place.step.clone()).collect();
    let mut requests: Vec<(usize, Duration)> = Vec::new();
    let mut first = 0;
    for (index, step) in steps.iter().enumerate() {
        if requests.is_empty() || breaks(&steps, first, index).is_some() {
            first = index;
            requests.push((0, Duration::ZERO));
        }
        if let Some((count, sum)) = requests.last_mut() {
            *count += 1;
            *sum += step.timeout.unwrap_or_default();
        }
    }
    requests.into_iter().max_by_key(|(_, sum)| *sum)
}
