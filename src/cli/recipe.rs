//! What a run is made of, kept with it: enough to go on with it, and to make another like it.
//!
//! The playbook's text and its variables are kept as they were; files and the environment may have changed since. Only
//! secrets are not kept: they are read again where the playbook says that they are.

use std::{cell::Cell, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Failure, playbook_file::Here};
use crate::playbook::{Playbook, Severity, Source, Strategy, Surroundings};

/// What a run is made of.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Recipe {
    /// The playbook's text, or the command.
    text: String,
    is_command: bool,
    path: Option<String>,
    /// Without the secret ones.
    variables: Map<String, Value>,
    /// Secret variables whose values were given as flags: they are nowhere to be had again.
    given_secrets: Vec<String>,
    /// The playbook's, with what flags put in its place.
    strategy: Strategy,
    /// For steps that do not say how long they may take.
    pub(super) timeout: Option<Duration>,
    pub(super) reserve: u8,
    pub(super) fail_on: Severity,
}

/// A playbook made again from its recipe.
pub(super) struct Remade {
    pub(super) playbook: Playbook,
    /// The secret variables that are no longer to be had.
    pub(super) lost_secrets: Vec<String>,
}

impl Recipe {
    /// Of a run of this playbook, to which what flags say has been added; these variables were given by them.
    pub(super) fn new(
        playbook: &Playbook,
        given: &[&str],
        timeout: Option<Duration>,
        reserve: u8,
        fail_on: Severity,
    ) -> Self {
        let variables = playbook.vars.without_secrets();
        Self {
            text: playbook.text.to_string(),
            is_command: playbook.is_command,
            path: playbook.path.clone(),
            variables: variables.map(|(name, value)| (name.to_owned(), value.clone())).collect(),
            given_secrets: given
                .iter()
                .filter(|name| playbook.vars.without_secrets().all(|(open, _)| open != **name))
                .map(|&name| name.to_owned())
                .collect(),
            strategy: playbook.strategy.clone(),
            timeout,
            reserve,
            fail_on,
        }
    }

    /// As it is kept.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("names of variables are texts")
    }

    /// What was kept.
    pub(super) fn from_json(json: &str) -> Result<Self, Failure> {
        serde_json::from_str(json).map_err(|error| {
            Failure::new(Failure::OUTPUT, format!("what is kept of the run cannot be read: {error}"))
        })
    }

    /// The playbook as it was.
    pub(super) fn playbook(&self) -> Result<Remade, Failure> {
        let around = Remembered::new(&self.variables, &self.given_secrets);
        let mut playbook = if self.is_command {
            Playbook::of_command(&self.text)?
        } else {
            let name = self.path.as_deref().unwrap_or("the playbook");
            Playbook::parse(&Source::new(name, self.text.as_str()), &around)?
        };
        playbook.path.clone_from(&self.path);
        playbook.vars = playbook.vars.with_values(self.variables.clone());
        playbook.strategy = self.strategy.clone();
        if let Some(timeout) = self.timeout {
            for step in &mut playbook.steps {
                step.timeout.get_or_insert(timeout);
            }
        }
        let is_lost =
            |name: &&str| around.anything_gone.get() || self.given_secrets.iter().any(|given| given == name);
        let lost_secrets = playbook.vars.empty_secrets().filter(is_lost).map(str::to_owned).collect();
        Ok(Remade { playbook, lost_secrets })
    }
}

/// Where variables come from when a playbook is made again: what is gone is empty. If it is no secret, its value was kept.
struct Remembered {
    here: Here,
    anything_gone: Cell<bool>,
}

impl Remembered {
    /// Variables whose values were kept need no other source; secrets that flags gave have none, and must not take another
    /// value than the run's.
    fn new(kept: &Map<String, Value>, given_secrets: &[String]) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let kept = kept.iter().map(|(name, value)| (name.clone(), text(value)));
        let given = given_secrets.iter().map(|name| (name.clone(), String::new()));
        Self { here: Here { overrides: kept.chain(given).collect() }, anything_gone: Cell::new(false) }
    }

    fn or_gone(&self, found: Option<String>) -> String {
        found.unwrap_or_else(|| {
            self.anything_gone.set(true);
            String::new()
        })
    }
}

impl Surroundings for Remembered {
    fn environment_variable(&self, name: &str) -> Option<String> {
        Some(self.or_gone(self.here.environment_variable(name)))
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Ok(self.or_gone(self.here.file(path).ok()))
    }

    fn overrides(&self) -> &[(String, String)] {
        self.here.overrides()
    }
}
