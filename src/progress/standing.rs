//! How a run stands: the counts and waits that both the bar and the plain lines tell.

use crate::{
    budget::RunTime,
    engine::{Event, EventKind, Status, Stop, TargetResult},
    fleet::Tally,
    report::words,
};

/// Warnings that are shown; a fleet may give the same one ten thousand times.
const WARNINGS_SHOWN: usize = 20;

/// What has been seen of a run so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    now: RunTime,
    began: RunTime,
    tally: Tally,
    selected: bool,
    pub(super) done: usize,
    /// Of them, those that were done when the run was gone on with.
    pub(super) done_before: usize,
    pub(super) ok: usize,
    pub(super) unavailable: usize,
    pub(super) not_tried: usize,
    /// The API's limit, in words, once it has said it.
    limit: Option<String>,
    waiting_until: Option<RunTime>,
    warnings: usize,
}

/// Something to be said at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Notice {
    /// It is known what runs where.
    Selected,
    /// This; it may hold remote text and secrets.
    Text(String),
}

impl Standing {
    /// Takes note of an event; returns what cannot wait.
    pub(super) fn observe(&mut self, event: &Event) -> Option<Notice> {
        self.pass(event.at);
        match &event.kind {
            EventKind::PageListed(tally) => self.tally = tally.clone(),
            EventKind::SelectionCompleted(tally) => {
                self.tally = tally.clone();
                self.selected = true;
                return Some(Notice::Selected);
            }
            EventKind::GoneOn { tally, done } => {
                (self.tally, self.selected, self.began) = (tally.clone(), true, event.at);
                for target in done {
                    self.finished(target);
                }
                self.done_before = self.done;
                return Some(Notice::Selected);
            }
            EventKind::TargetFinished(target) => self.finished(target),
            EventKind::Throttled { until, limit } => {
                self.waiting_until = Some(*until);
                if let Some((requests, window)) = limit {
                    self.limit = Some(words::limit(*requests, *window));
                }
            }
            EventKind::Retrying { vps: None, message, at } => {
                let wait = words::span(at.since(self.now));
                return Some(Notice::Text(format!(
                    "asking for the list of servers again in {wait}: {message}"
                )));
            }
            // A target's starts and retries are many: they are for the log.
            EventKind::StepStarted { .. } | EventKind::Retrying { vps: Some(_), .. } => {}
            EventKind::Warned(message) => return self.warned(message),
            EventKind::Stopping(stop) => return Some(Notice::Text(stopping(stop))),
        }
        None
    }

    fn finished(&mut self, target: &TargetResult) {
        self.done += 1;
        self.ok += usize::from(target.status == Status::Ok);
        self.unavailable += usize::from(target.status == Status::Unavailable);
        self.not_tried += usize::from(matches!(target.status, Status::Cancelled | Status::Skipped));
    }

    fn warned(&mut self, message: &str) -> Option<Notice> {
        self.warnings += 1;
        match self.warnings {
            1..=WARNINGS_SHOWN => Some(Notice::Text(format!("warning: {message}"))),
            _ if self.warnings == WARNINGS_SHOWN + 1 => {
                Some(Notice::Text("warning: there are more warnings, which are not shown".to_owned()))
            }
            _ => None,
        }
    }

    /// Lets time pass; it never goes back.
    pub(super) fn pass(&mut self, now: RunTime) {
        self.now = self.now.max(now);
        self.waiting_until = self.waiting_until.filter(|&until| until > self.now);
    }

    /// The time of the last event or tick.
    pub(super) fn now(&self) -> RunTime {
        self.now
    }

    /// When the run began, or was gone on with.
    pub(super) fn began(&self) -> RunTime {
        self.began
    }

    /// How many targets there are, as far as is known; it only grows.
    pub(super) fn targets(&self) -> usize {
        self.tally.selected.max(self.done)
    }

    /// Whether all targets are known.
    pub(super) fn selected(&self) -> bool {
        self.selected
    }

    /// Targets that were tried and ended neither ok nor unavailable.
    pub(super) fn failing(&self) -> usize {
        self.done - self.ok - self.unavailable - self.not_tried
    }

    /// `200 of 214 servers`.
    pub(super) fn selection(&self) -> String {
        let unjudged = match self.tally.not_evaluable {
            0 => String::new(),
            count => format!(" ({count} could not be judged)"),
        };
        let before = match self.done_before {
            0 => String::new(),
            count => format!(", {count} of them done before"),
        };
        format!("{} of {} servers{unjudged}{before}", self.tally.selected, self.tally.listed)
    }

    /// How long nothing leaves: `3 s`.
    pub(super) fn wait(&self) -> Option<String> {
        // Whole seconds, rounded up: it is read by people, and "0 s" would look like a mistake.
        self.waiting_until.map(|until| {
            let left = until.since(self.now);
            words::span(std::time::Duration::from_secs(
                left.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX),
            ))
        })
    }

    /// The API's limit, once it is known: `300 per 5 s`.
    pub(super) fn limit(&self) -> Option<&str> {
        self.limit.as_deref()
    }

    /// How long the rest may take, if it goes on as so far: `4 s`.
    pub(super) fn left(&self) -> Option<String> {
        let number = |targets: usize| u32::try_from(targets).ok();
        let (done, left) = (number(self.done - self.done_before)?, number(self.targets() - self.done)?);
        // The first answers come in a burst after a wait: a tenth is needed before they tell anything.
        if !self.selected || left == 0 || done < left / 9 || done == 0 {
            return None;
        }
        let guess = self.now.since(self.began).checked_mul(left)? / done;
        (guess.as_secs() > 0).then(|| words::span(std::time::Duration::from_secs(guess.as_secs())))
    }
}

fn stopping(stop: &Stop) -> String {
    match stop {
        Stop::Signal(_) => {
            "stopping: no new starts, waiting a while for those that run; once more leaves now".to_owned()
        }
        Stop::Auth(_)
        | Stop::Inventory(_)
        | Stop::Selection(_)
        | Stop::Declined
        | Stop::Deadline
        | Stop::Patience(_)
        | Stop::Store(_)
        | Stop::Secret(_)
        | Stop::MaxFailures { .. } => format!("stopping: {}", words::stop(stop)),
    }
}
