//! How far a run has come, and the line that says so.

use std::time::Duration;

use crate::{
    budget::RunTime,
    engine::{Event, EventKind, Ran, Status, Summary},
    report::span,
};

/// What the events have told so far.
#[derive(Debug, Default)]
pub(super) struct Count {
    listed: usize,
    selected: usize,
    listing_complete: bool,
    done: Summary,
    started: usize,
    ended: usize,
    /// Until when the API asked for silence, and the limit it named: requests and window.
    pause: Option<Pause>,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: RunTime,
    limit: Option<(u64, Option<Duration>)>,
}

impl Count {
    pub(super) fn observe(&mut self, event: &Event) {
        match &event.kind {
            EventKind::PageListed(tally) => {
                (self.listed, self.selected) = (tally.listed, tally.selected);
            }
            EventKind::SelectionCompleted(tally) => {
                (self.listed, self.selected) = (tally.listed, tally.selected);
                self.listing_complete = true;
            }
            EventKind::StepStarted { .. } => self.started += 1,
            EventKind::TargetFinished(result) => {
                self.done.add(result.status);
                self.ended +=
                    result.steps.iter().filter(|step| step.ran != Ran::No && step.pid.is_some()).count();
            }
            EventKind::Throttled { until, limit } => {
                self.pause = Some(Pause { until: *until, limit: *limit });
            }
            EventKind::Retrying { .. } | EventKind::Warned(_) | EventKind::Stopping(_) => {}
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.listed > 0
    }

    pub(super) fn done(&self) -> usize {
        self.done.targets()
    }

    pub(super) fn selected(&self) -> usize {
        self.selected.max(self.done())
    }

    /// Commands that were started and have not been seen to end. Steps of unfinished targets that have ended count
    /// here until their target is done.
    pub(super) fn running(&self) -> usize {
        self.started.saturating_sub(self.ended)
    }

    /// `ok 131 · failed 2 · unavailable 1`
    pub(super) fn statuses(&self) -> String {
        let counted = Status::ALL.into_iter().rev().filter(|&status| self.done.count(status) > 0);
        counted.map(|status| format!("{status} {}", self.done.count(status))).collect::<Vec<_>>().join(" · ")
    }

    /// `waiting 3 s for the limit (300 per 5 s)`, while the API asks to wait.
    pub(super) fn waiting(&self, now: RunTime) -> Option<String> {
        let Pause { until, limit } = self.pause.filter(|pause| pause.until > now)?;
        let limit = match limit {
            Some((limit, Some(window))) => format!(" ({} per {})", span::count(limit), span::window(window)),
            Some((limit, None)) => format!(" ({})", span::count(limit)),
            None => String::new(),
        };
        Some(format!("waiting {} for the limit{limit}", span::ahead(until.since(now))))
    }

    /// One plain line.
    pub(super) fn line(&self, now: RunTime) -> String {
        let waiting = self.waiting(now).map(|waiting| format!("; {waiting}")).unwrap_or_default();
        if !self.listing_complete && self.done() == 0 {
            return format!("{} listed, {} selected{waiting}", self.listed, self.selected);
        }
        let ok = self.done.count(Status::Ok);
        format!("{}/{} done, {ok} ok, {} not{waiting}", self.done(), self.selected(), self.done() - ok)
    }
}
