//! Where a request must end, because the next step needs an answer first.

use std::fmt;

use super::super::{Effects, Expression, OnFailure, Step};

/// Why a step cannot share the request of the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Break {
    /// Its `when` reads this capture of that step.
    When {
        /// The capture.
        capture: String,
        /// The number of the step that makes it, from 0.
        step: usize,
    },
    /// Its `run` reads this capture of that step.
    Run {
        /// The capture.
        capture: String,
        /// The number of the step that makes it, from 0.
        step: usize,
    },
    /// It changes something, and that step's output is judged first.
    ChangeAfterJudged {
        /// The number of the step that is judged, from 0.
        step: usize,
    },
    /// It says `bundle: false`.
    Apart,
    /// The one before it says `bundle: false`.
    AfterApart,
    /// The script would be longer than the API takes.
    TooLong,
    /// Its command cannot be made for this target.
    Unrenderable,
    /// The API refused it before.
    Refused,
}

impl Break {
    /// What is said of it where a plan is shown; `steps` are the playbook's.
    pub fn explain(&self, steps: &[Step]) -> String {
        let name = |step: usize| steps.get(step).map_or("?", |step| step.name.as_str());
        match self {
            Self::When { capture, step } => {
                format!("its `when` reads `{capture}`, which \"{}\" captures", name(*step))
            }
            Self::Run { capture, step } => {
                format!("its `run` reads `{capture}`, which \"{}\" captures", name(*step))
            }
            Self::ChangeAfterJudged { step } => {
                format!("it changes something, and \"{}\" is judged first", name(*step))
            }
            Self::Apart => "it says `bundle: false`".to_owned(),
            Self::AfterApart => "the step before it says `bundle: false`".to_owned(),
            Self::TooLong => "the script would be longer than the API takes".to_owned(),
            Self::Unrenderable => "its command cannot be made for this target".to_owned(),
            Self::Refused => "the API refused it before".to_owned(),
        }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.explain(&[]))
    }
}

/// Why step `next` cannot join a request that begins with step `first`; `None` where it can, as far as can be said
/// without a target.
///
/// A `change` step after one whose output is judged waits for that judgement, for a failed expectation skips it; not so
/// where the judged step says `on_failure: continue`.
pub fn breaks(steps: &[Step], first: usize, next: usize) -> Option<Break> {
    let step = &steps[next];
    let before = first..next;
    if before.is_empty() {
        return None;
    }
    if !step.bundle {
        return Some(Break::Apart);
    }
    if !steps[next - 1].bundle {
        return Some(Break::AfterApart);
    }
    let made_by = |capture: &str| {
        before.clone().find(|&earlier| steps[earlier].capture.iter().any(|made| made.name == capture))
    };
    let when = step.when.iter().flat_map(Expression::captures_read);
    for (capture, is_when) in when
        .map(|name| (name, true))
        .chain(step.run.captures_read().iter().map(|name| (name.as_str(), false)))
    {
        if let Some(step) = made_by(capture) {
            let capture = capture.to_owned();
            return Some(if is_when { Break::When { capture, step } } else { Break::Run { capture, step } });
        }
    }
    if step.effects == Effects::Change {
        let judged = before
            .clone()
            .find(|&earlier| steps[earlier].is_judged() && steps[earlier].on_failure == OnFailure::Stop);
        return judged.map(|step| Break::ChangeAfterJudged { step });
    }
    None
}
