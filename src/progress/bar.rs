//! The bar, for terminals.

use std::{fmt, io};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::standing::Standing;

/// The message fills what the terminal leaves, and is cut there.
const TEMPLATE: &str = "  {bar:24} {pos:>4}/{len}  {wide_msg}";

/// Draws one line that stays at the bottom: how many are done, how they ended, what is waited for.
///
/// It is drawn when it is told something and never by itself: indicatif's own ticking would need a thread.
pub(super) struct Bar {
    bar: ProgressBar,
    /// The same terminal, for lines above the bar.
    lines: Box<dyn io::Write + Send>,
}

impl fmt::Debug for Bar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bar").field("bar", &self.bar).finish_non_exhaustive()
    }
}

impl Bar {
    /// Draws on `target`, and writes other lines to `lines`.
    pub(super) fn new(target: ProgressDrawTarget, lines: Box<dyn io::Write + Send>) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE).expect("the template is valid, as the tests show");
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style.progress_chars("█░"));
        Self { bar, lines }
    }

    /// Writes a line above the bar.
    pub(super) fn say(&mut self, line: &str) {
        let lines = &mut self.lines;
        // A terminal that is gone must not end the run.
        self.bar.suspend(|| {
            let _ = writeln!(lines, "{line}");
        });
    }

    /// Draws how the run stands.
    pub(super) fn show(&self, standing: &Standing) {
        self.bar.update(|state| {
            state.set_len(standing.targets() as u64);
            state.set_pos(standing.done as u64);
        });
        self.bar.set_message(message(standing));
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Runs `f` with the bar out of the way.
    pub(super) fn suspend<R>(&self, f: impl FnOnce() -> R) -> R {
        self.bar.suspend(f)
    }
}

/// `ok 131 · failing 2 · unavailable 1   300 per 5 s · window opens in 3 s · about 4 s left`.
pub(super) fn message(standing: &Standing) -> String {
    let counts = [
        ("ok", standing.ok),
        ("failing", standing.failing()),
        ("unavailable", standing.unavailable),
        ("not tried", standing.not_tried),
    ];
    let counts = counts.into_iter().filter(|&(word, count)| count > 0 || word == "ok");
    let mut counts: Vec<String> = counts.map(|(word, count)| format!("{word} {count}")).collect();
    if !standing.selected() {
        counts.push("still listing".to_owned());
    }
    let limit = standing.limit().map(str::to_owned);
    let wait = standing.wait().map(|wait| format!("window opens in {wait}"));
    let left = standing.left().map(|left| format!("about {left} left"));
    let times: Vec<String> = [limit, wait, left].into_iter().flatten().collect();
    format!("{}   {}", counts.join(" · "), times.join(" · ")).trim_end().to_owned()
}
