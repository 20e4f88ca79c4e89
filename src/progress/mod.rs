//! What a run says while it goes on, always on stderr.
//!
//! A [`Progress`] is fed the run's events and the time. On a terminal it draws a bar, elsewhere it writes a plain
//! line now and then; warnings and stops are said at once in both. It owns no clock and no thread, and a stderr
//! that is closed or slow to break costs the run nothing: what cannot be written is dropped. Kept out: what the
//! run says in the end (`report/`), and logs (`cli/` sends them through [`Progress::suspend`]).

mod bar;
mod mode;
mod plain;
mod standing;

use std::io;

use bar::Bar;
use indicatif::ProgressDrawTarget;
pub use mode::{Mode, UnknownMode};
use plain::Plain;
use standing::{Notice, Standing};

use crate::{
    budget::RunTime,
    engine::Event,
    report::{Redactor, inert},
};

/// Tells people how a run is doing.
#[derive(Debug)]
pub struct Progress {
    playbook_name: String,
    redactor: Redactor,
    standing: Standing,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Bar(Bar),
    Plain(Plain),
    None,
}

impl Progress {
    /// Prepares to tell of a run on stderr.
    ///
    /// `stderr_is_terminal` means one that can move its cursor, so not `TERM=dumb`; without one there is no bar,
    /// whatever the mode.
    pub fn new(mode: Mode, stderr_is_terminal: bool, playbook_name: &str) -> Self {
        let shape = match (mode, stderr_is_terminal) {
            (Mode::None, _) => Shape::None,
            (Mode::Auto | Mode::Bar, true) => {
                Shape::Bar(Bar::new(ProgressDrawTarget::stderr(), Box::new(io::stderr())))
            }
            (Mode::Plain, _) | (_, false) => Shape::Plain(Plain::new(Box::new(io::stderr()))),
        };
        Self::of_shape(shape, playbook_name)
    }

    fn of_shape(shape: Shape, playbook_name: &str) -> Self {
        Self {
            playbook_name: inert(playbook_name).into_owned(),
            redactor: Redactor::default(),
            standing: Standing::default(),
            shape,
        }
    }

    /// Never shows these texts: warnings repeat what servers said, and a server may repeat a secret.
    #[must_use]
    pub fn without(mut self, secrets: &[String]) -> Self {
        self.redactor = Redactor::new(secrets);
        self
    }

    /// Takes note of an event, and says at once what cannot wait.
    pub fn observe(&mut self, event: &Event) {
        let notice = self.standing.observe(event);
        // First, so that the bar that a notice is written above is up to date.
        self.show();
        if let Some(notice) = notice {
            let line = match notice {
                Notice::Selected => format!("{}: {}", self.playbook_name, self.standing.selection()),
                Notice::Text(text) => inert(&self.redactor.text(&text)).into_owned(),
            };
            match &mut self.shape {
                Shape::Bar(bar) => bar.say(&line),
                Shape::Plain(plain) => plain.say(&line),
                Shape::None => {}
            }
        }
    }

    /// Lets time pass: call it now and then, so that waits are seen to go on.
    pub fn tick(&mut self, now: RunTime) {
        self.standing.pass(now);
        self.show();
    }

    /// Ends it: the bar goes away.
    pub fn finish(&mut self) {
        if let Shape::Bar(bar) = &self.shape {
            bar.clear();
        }
    }

    /// Runs `f`, which may write to the terminal, with the bar out of its way.
    pub fn suspend<R>(&self, f: impl FnOnce() -> R) -> R {
        match &self.shape {
            Shape::Bar(bar) => bar.suspend(f),
            Shape::Plain(_) | Shape::None => f(),
        }
    }

    fn show(&mut self) {
        match &mut self.shape {
            Shape::Bar(bar) => bar.show(&self.standing),
            Shape::Plain(plain) => plain.show(&self.standing),
            Shape::None => {}
        }
    }
}

#[cfg(test)]
mod tests;
