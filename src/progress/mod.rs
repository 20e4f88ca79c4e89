//! A running run, on standard error.
//!
//! [`Progress`] is fed the run's events and the time. At a terminal it keeps one line up to date; elsewhere it
//! writes a plain line now and then. It never fails: a closed stderr is nobody's problem but the reader's.
//!
//! Kept out: results (`report/` writes them when the run is over) and log lines (tracing's).

mod bar;
mod count;

use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
    time::Duration,
};

use self::{bar::Bar, count::Count};
use crate::{
    budget::RunTime,
    engine::{Event, EventKind},
    report::{inert, inert_lines, stop_message},
};

/// Between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// What stderr shows while a run goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// A bar at a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// A bar.
    Bar,
    /// Plain lines.
    Plain,
    /// Nothing but why a run stops early.
    None,
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Auto => "auto",
            Self::Bar => "bar",
            Self::Plain => "plain",
            Self::None => "none",
        })
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "auto" => Ok(Self::Auto),
            "bar" => Ok(Self::Bar),
            "plain" => Ok(Self::Plain),
            "none" => Ok(Self::None),
            _ => Err("it is one of auto, bar, plain, none".to_owned()),
        }
    }
}

/// Shows a run as it goes on.
pub struct Progress {
    count: Count,
    shown: Shown,
    spoke: RunTime,
}

enum Shown {
    Bar(Bar),
    Plain(Box<dyn Write + Send>),
    None,
}

impl Progress {
    /// Shows nothing yet; `name` is the playbook's.
    pub fn new(mode: Mode, stderr_is_terminal: bool, name: &str) -> Self {
        match mode {
            Mode::Bar => Self::on(Shown::Bar(Bar::new(name))),
            Mode::Auto if stderr_is_terminal => Self::on(Shown::Bar(Bar::new(name))),
            Mode::Auto | Mode::Plain => Self::plain_on(Box::new(io::stderr())),
            Mode::None => Self::on(Shown::None),
        }
    }

    /// Plain lines, to any writer.
    pub fn plain_on(writer: Box<dyn Write + Send>) -> Self {
        Self::on(Shown::Plain(writer))
    }

    fn on(shown: Shown) -> Self {
        Self { count: Count::default(), shown, spoke: RunTime::START }
    }

    /// Takes in what happened.
    pub fn observe(&mut self, event: &Event) {
        self.count.observe(event);
        match &event.kind {
            EventKind::Stopping(stop) => {
                let why = inert_lines(&stop_message(stop)).into_owned();
                let running = self.count.running();
                let waiting = if running > 0 && matches!(stop, crate::engine::Stop::Signal(_)) {
                    format!("; no new starts, waiting up to 10 s for {running} running; once more leaves now")
                } else {
                    String::new()
                };
                self.say(event.at, &format!("rollcall: stopping: {why}{waiting}"));
            }
            EventKind::Warned(warning) => {
                self.say(event.at, &format!("rollcall: warning: {}", inert(warning)));
            }
            _ => self.tick(event.at),
        }
    }

    /// Takes in that time has passed.
    pub fn tick(&mut self, now: RunTime) {
        match &mut self.shown {
            Shown::Bar(bar) => bar.show(&self.count, now),
            Shown::Plain(writer) => {
                if now.since(self.spoke) >= PLAIN_EVERY && self.count.has_begun() {
                    self.spoke = now;
                    let _ = writeln!(writer, "rollcall: {}", self.count.line(now));
                }
            }
            Shown::None => {}
        }
    }

    /// Takes everything off the screen, so that the result can follow.
    pub fn finish(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.clear();
        }
    }

    /// Does something else with stderr, without the bar in its way.
    pub fn suspend<R>(&self, other: impl FnOnce() -> R) -> R {
        match &self.shown {
            Shown::Bar(bar) => bar.suspend(other),
            Shown::Plain(_) | Shown::None => other(),
        }
    }

    fn say(&mut self, now: RunTime, line: &str) {
        self.spoke = now;
        match &mut self.shown {
            Shown::Plain(writer) => {
                let _ = writeln!(writer, "{line}");
            }
            Shown::Bar(bar) => bar.suspend(|| {
                let _ = writeln!(io::stderr(), "{line}");
            }),
            Shown::None => {}
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Progress").field("count", &self.count).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
