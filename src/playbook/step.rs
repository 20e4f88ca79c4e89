//! One step: a command, and what is thought of what it says.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Expression, Template};

/// One command of a playbook.
#[derive(Debug, Clone)]
pub struct Step {
    /// The step's `name`, or the first line of its `run`.
    pub name: String,
    /// The command, a template.
    pub run: Template,
    /// From the accepted start until rollcall stops waiting; `None`: [`DEFAULT_TIMEOUT`](super::DEFAULT_TIMEOUT), or
    /// what a flag says.
    pub timeout: Option<Duration>,
    /// Whether the guest itself ends the command after its timeout, by coreutils `timeout`. Default: only a `read`
    /// step in a bundle.
    pub kill_on_timeout: bool,
    /// Whether it is for this target at all, over its fields, `vars` and earlier captures.
    pub when: Option<Expression>,
    /// Exit codes that count as success. Default `[0]`.
    pub accept: Vec<i64>,
    /// Values taken out of what it printed, in this order.
    pub capture: Vec<Capture>,
    /// What must hold of it, in this order.
    pub expect: Vec<Expectation>,
    /// How a failed expectation counts.
    pub severity: Severity,
    /// What a failure means for the target's later steps.
    pub on_failure: OnFailure,
    /// Whether it only looks, or changes the target.
    pub effects: Effects,
    /// Whether an ambiguous start may be sent again. Default: never.
    pub idempotent: bool,
    /// Whether it may share a request with its neighbours. Default: yes.
    pub bundle: bool,
}

impl Step {
    /// A step of which only the command is given.
    pub fn new(name: impl Into<String>, run: Template) -> Self {
        Self {
            name: name.into(),
            run,
            timeout: None,
            kill_on_timeout: false,
            when: None,
            accept: vec![0],
            capture: Vec::new(),
            expect: Vec::new(),
            severity: Severity::default(),
            on_failure: OnFailure::default(),
            effects: Effects::default(),
            idempotent: false,
            bundle: true,
        }
    }

    /// Whether its output is judged, so that only rollcall can say how it went.
    pub fn is_judged(&self) -> bool {
        !self.capture.is_empty() || !self.expect.is_empty()
    }
}

/// A value taken out of what a step printed.
#[derive(Debug, Clone)]
pub struct Capture {
    /// What it is called, in later expressions, templates and columns.
    pub name: String,
    /// How it is made.
    pub value: Expression,
}

/// Something that must hold of what a step printed.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// What it is called, where there are several.
    pub name: Option<String>,
    /// What must hold.
    pub condition: Expression,
}

/// How a failed expectation counts, from least to most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth looking at.
    Warning,
    /// A failure.
    #[default]
    Error,
}

impl Severity {
    /// The word of the playbook and the report: `warning`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What a step's failure means for the later steps of its target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// They are skipped.
    #[default]
    Stop,
    /// They run all the same.
    Continue,
}

/// Whether a step changes anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Effects {
    /// It only looks.
    #[default]
    Read,
    /// It changes the target.
    Change,
}
