//! What is no mistake, and yet better done otherwise.
//!
//! A [`Lint`] has a name for people to look up, a reason, and a remedy in each warning. It looks at a playbook that
//! could be read, and speaks only where it is nearly sure: a warning that is mostly wrong is one that nobody reads.
//! `commands` follows a shell through a step's text; each other file is one theme.

mod background;
mod bundles;
mod changes;
mod commands;
mod time;
mod values;

use super::{
    Diagnostic, Step, Strategy, Vars,
    reader::{Field, Fields, Reader},
    template::segments::{Segment, segments},
    yaml::Content,
};

/// A thing that is better done otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lint {
    /// `| raw` on what a server says.
    RawOnTarget,
    /// A secret in a command.
    SecretInRun,
    /// A time limit that the run's deadline always cuts.
    TimeoutOverDeadline,
    /// A process that outlives its step and holds its output open.
    AlwaysBackground,
    /// A command that changes the server, in a step that says it only looks.
    ChangesInRead,
    /// A request more a server than needed.
    SplitBundle,
}

impl Lint {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 6] = [
        Self::RawOnTarget,
        Self::SecretInRun,
        Self::TimeoutOverDeadline,
        Self::AlwaysBackground,
        Self::ChangesInRead,
        Self::SplitBundle,
    ];

    /// The name under which it is shown and looked up; it never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RawOnTarget => "raw-on-target",
            Self::SecretInRun => "secret-in-run",
            Self::TimeoutOverDeadline => "timeout-over-deadline",
            Self::AlwaysBackground => "always-background",
            Self::ChangesInRead => "changes-in-read",
            Self::SplitBundle => "split-bundle",
        }
    }

    /// What it finds, and why that is better done otherwise.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::RawOnTarget => {
                "`| raw` puts a field of the server, or a capture, into a command without quotes. Whoever can rename \
                 a server, or decides what it prints, can then run commands on it."
            }
            Self::SecretInRun => {
                "A secret variable is part of a command. rollcall shows and stores it nowhere, but the guest agent \
                 logs command lines, every process of the server can list them, and the API may keep them."
            }
            Self::TimeoutOverDeadline => {
                "A step's `timeout`, or the sum of those that share a request, is longer than the run's `deadline`, \
                 which always ends the wait first."
            }
            Self::AlwaysBackground => {
                "A command leaves a process in the background that holds its output open. The output then never \
                 ends, and the step waits until its timeout."
            }
            Self::ChangesInRead => {
                "A command changes the server, and its step has no `effects: change`. So the run neither asks first \
                 nor begins with one server, and the step runs even after an earlier check has failed."
            }
            Self::SplitBundle => {
                "A step reads a capture that depends on nothing that was printed. It waits for an earlier step's \
                 answer all the same: two requests more for each server."
            }
        }
    }
}

/// A step, and where it stands.
struct Place<'p> {
    step: &'p Step,
    run: Field<'p>,
    when: Option<Field<'p>>,
    timeout: Option<Field<'p>>,
    /// The text of the command with blanks and placeholders where its template has statements and expressions: what
    /// a shell sees of it, as long as the text itself.
    seen: String,
}

/// Looks at a playbook whose steps could be read.
pub(super) fn check(
    reader: &mut Reader<'_>,
    playbook: &Fields<'_>,
    steps: &[Step],
    vars: &Vars,
    strategy: Option<&Strategy>,
) {
    let Some(places) = places(playbook, steps) else { return };
    for place in &places {
        let text = place.step.run.text();
        let found = values::check(text, place.step.run.captures_read(), vars)
            .into_iter()
            .chain(background::check(&place.seen))
            .chain(changes::check(place.step, &place.seen));
        for warning in found {
            reader.note_inside(&place.run, text, Diagnostic { section: Some(SECTION), ..warning });
        }
    }
    let deadline = strategy.and_then(|strategy| strategy.deadline);
    let about_all = deadline.map(|deadline| time::check(&places, deadline, playbook)).unwrap_or_default();
    for warning in about_all.into_iter().chain(bundles::check(&places)) {
        reader.note(Diagnostic { section: Some(SECTION), ..warning });
    }
}

/// The section of the reference that lists the lints.
const SECTION: &str = "warnings";

/// Finds the steps in the text; `None` where some could not be read, and more is wrong than a lint could say.
fn places<'p>(playbook: &Fields<'p>, steps: &'p [Step]) -> Option<Vec<Place<'p>>> {
    let place = |step: &'p Step, run: Field<'p>, when, timeout| Place {
        seen: seen_by_a_shell(step.run.text()),
        step,
        run,
        when,
        timeout,
    };
    if let (Some(run), [step]) = (playbook.get("run"), steps) {
        let (when, timeout) = (playbook.get("when").cloned(), playbook.get("timeout").cloned());
        return Some(vec![place(step, run.clone(), when, timeout)]);
    }
    let Content::List(nodes) = &playbook.get("steps")?.node.content else { return None };
    if nodes.len() != steps.len() {
        return None;
    }
    let placed = nodes.iter().zip(steps).map(|(node, step)| {
        let field = |key: &str| Field::of(node, key);
        Some(place(step, field("run")?, field("when"), field("timeout")))
    });
    placed.collect()
}

fn seen_by_a_shell(text: &str) -> String {
    let mut seen = text.to_owned();
    for segment in segments(text) {
        let (span, stand_in) = match segment {
            Segment::Literal(_) => continue,
            Segment::Expression { whole, .. } => (whole, "x"),
            // With its braces.
            Segment::Statement { inner } => (inner.start - 2..(inner.end + 2).min(text.len()), " "),
        };
        let width = span.len();
        seen.replace_range(span, &stand_in.repeat(width));
    }
    seen
}

#[cfg(test)]
mod tests;
