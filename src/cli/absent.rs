//! Values that a playbook takes from around it and that are not here: no mistakes where it is only checked.
//!
//! A playbook is checked on other machines than it runs on, and its secrets belong on the latter only. So what
//! `from_env`, `from_file` or `--var` would bring there is missed here as a note, and all else is checked as in a run.

use std::cell::RefCell;

use super::playbook_file::Here;
use crate::playbook::{Diagnostic, Surroundings};

/// This process's surroundings, and a memory of what was not found in them.
pub(super) struct Remembering<'a> {
    here: &'a Here,
    missed: RefCell<Vec<String>>,
}

impl<'a> Remembering<'a> {
    pub(super) fn new(here: &'a Here) -> Self {
        Self { here, missed: RefCell::default() }
    }

    /// Whether a mistake is only that a value is not here. It says so in the words of the room that found it, and
    /// names what was looked for in vain.
    pub(super) fn is_about_absence(&self, mistake: &Diagnostic) -> bool {
        let message = &mistake.message;
        let not_given = message.starts_with("variable `") && message.ends_with("` has no value");
        not_given || self.missed.borrow().iter().any(|missed| missed == message)
    }
}

impl Surroundings for Remembering<'_> {
    fn environment_variable(&self, name: &str) -> Option<String> {
        let value = self.here.environment_variable(name);
        if value.is_none() {
            self.missed.borrow_mut().push(format!("environment variable `{name}` is not set"));
        }
        value
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let text = self.here.file(path);
        if let Err(reason) = &text {
            self.missed.borrow_mut().push(format!("cannot read `{path}`: {reason}"));
        }
        text
    }

    fn overrides(&self) -> &[(String, String)] {
        self.here.overrides()
    }
}

/// The same surroundings with something in place of what is not there, so that the rest can be looked at.
pub(super) struct StandIns<'a>(pub(super) &'a Here);

/// Read as a text or as a number, it is one.
const STAND_IN: &str = "1";

impl Surroundings for StandIns<'_> {
    fn environment_variable(&self, name: &str) -> Option<String> {
        self.0.environment_variable(name).or_else(|| Some(STAND_IN.to_owned()))
    }

    fn file(&self, path: &str) -> Result<String, String> {
        self.0.file(path).or_else(|_| Ok(STAND_IN.to_owned()))
    }

    fn overrides(&self) -> &[(String, String)] {
        self.0.overrides()
    }
}
