//! One line at a terminal, kept up to date.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::count::Count;
use crate::{budget::RunTime, report::inert};

/// Redrawn at most so often a second.
const DRAWS: u8 = 10;

pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(super) fn new(name: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(DRAWS));
        let style = ProgressStyle::with_template("{prefix}  {bar:24}  {pos}/{len}  {wide_msg}")
            .expect("the template is constant")
            .progress_chars("██░");
        bar.set_style(style);
        bar.set_prefix(inert(name).into_owned());
        Self { bar }
    }

    pub(super) fn show(&self, count: &Count, now: RunTime) {
        self.bar.set_length(count.selected() as u64);
        self.bar.set_position(count.done() as u64);
        let mut parts = vec![count.statuses()];
        parts.extend(count.waiting(now));
        parts.retain(|part| !part.is_empty());
        self.bar.set_message(parts.join("   "));
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    pub(super) fn suspend<R>(&self, other: impl FnOnce() -> R) -> R {
        self.bar.suspend(other)
    }
}
