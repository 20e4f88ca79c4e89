//! A file becomes a checked plan.
//!
//! [`Playbook::parse`] turns YAML text into a [`Playbook`] whose every key, type, name, pattern and expression
//! has been looked at, or into all of its mistakes at once, each with its place in the file
//! ([`Diagnostic`]). What leaves this room is checked: nobody below parses text from a playbook again.
//!
//! Kept out: files, clocks, the network and printing. Reading the file and `from_env`/`from_file` variables
//! is done by whoever calls ([`Surroundings`]); showing a diagnostic is `cli/`'s work. Which VPS a rule picks
//! is decided in `fleet/`.

pub mod bundle;
mod diagnostic;
pub(crate) mod documented;
mod expression;
mod json_schema;
mod keys;
mod language;
mod lint;
mod nearest;
mod pattern;
mod placement;
mod portion;
mod quantity;
mod quoting;
mod reader;
#[cfg(test)]
mod reference;
mod schema;
mod scope;
mod step;
mod template;
mod vars;
mod yaml;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

pub use diagnostic::{Diagnostic, InvalidPlaybook, Source, Span};
pub use expression::{Context, Expression, ExpressionError, Judgement, MAX_CAPTURE};
pub use json_schema::json_schema;
pub use lint::Lint;
pub(crate) use nearest::nearest;
pub use pattern::{Pattern, PatternError};
pub use portion::Portion;
pub use quantity::{
    CONCURRENCY, QuantityError, Rate, format_duration, parse_concurrency, parse_duration, parse_rate,
};
pub use quoting::quoted;
pub use step::{Capture, Effects, Expectation, OnFailure, Severity, Step};
pub use template::{RenderError, Template};
pub use vars::{Surroundings, Vars};

/// The longest command the API takes, in Unicode scalar values. Source: hostup-api, "start".
pub const MAX_COMMAND_CHARS: usize = 4096;

/// A checked playbook: who, how carefully, what, and which columns to show.
#[derive(Debug, Clone)]
pub struct Playbook {
    /// The playbook's `name`, or its file name without the extension.
    pub name: String,
    /// What it is for, in the author's words.
    pub description: Option<String>,
    /// Which VPSes it is for.
    pub targets: TargetRules,
    /// How carefully it goes about it.
    pub strategy: Strategy,
    /// The values its templates and expressions may use.
    pub vars: Vars,
    /// What is run, in this order, on each target. Never empty.
    pub steps: Vec<Step>,
    /// What the report shows.
    pub report: ReportOptions,
    /// Where the text came from (as given by the user), `None` for a command without a file.
    pub path: Option<String>,
    /// The text itself; of a command without a file, the command.
    pub text: Arc<str>,
    /// It is one command without a file.
    pub is_command: bool,
    /// SHA-256 of the text, in lower-case hexadecimal.
    pub sha256: String,
    /// What is better done otherwise, in the order of the text.
    pub warnings: Vec<Diagnostic>,
}

/// `targets:` of a playbook, or the same rules from flags.
#[derive(Debug, Clone, Default)]
pub struct TargetRules {
    /// All of these must hold.
    pub matching: Vec<FieldRule>,
    /// Any of these throws a VPS out.
    pub exclude: Vec<FieldRule>,
    /// An expression over the VPS's fields (bare) and `vars`.
    pub condition: Option<Expression>,
}

/// One line under `match` or `exclude`: a field, and the patterns of which any may match.
#[derive(Debug, Clone)]
pub struct FieldRule {
    /// The field's dotted path, in the API's own names (`operatingSystem.family`).
    pub path: String,
    /// Any of these may match. Never empty.
    pub patterns: Vec<Pattern>,
}

/// `strategy:` of a playbook.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Strategy {
    /// Targets between probe and last answer at a time; `None`: as many as the budget feeds.
    pub concurrency: Option<u32>,
    /// A ceiling of the user's own on requests.
    pub rate: Option<Rate>,
    /// How many targets are started before the outcome of all of them is awaited: a size a batch, the last one
    /// repeats. Empty: all at once.
    pub batches: Vec<Portion>,
    /// How long to wait between two batches.
    pub pause: Option<Duration>,
    /// How many targets may fail before no new ones are started; `None`: none in the first of several batches, any
    /// number otherwise.
    pub max_failures: Option<Portion>,
    /// In which order targets are taken.
    pub order: Order,
    /// How long the whole run may take.
    pub deadline: Option<Duration>,
}

/// In which order targets are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// As the API lists them, which lets work begin before the listing ends.
    #[default]
    Listed,
    /// By name, numbers inside names by value.
    Name,
    /// Shuffled.
    Random,
}

/// `report:` of a playbook.
#[derive(Debug, Clone, Default)]
pub struct ReportOptions {
    /// Columns of the table, in order: target paths or built-in names; `None`: the default ones.
    pub columns: Option<Vec<String>>,
    /// What the table's targets are put together by: `outcome` or the name of a column; `None`: a row a target.
    pub group_by: Option<String>,
}

/// How long a step may take where its playbook does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
