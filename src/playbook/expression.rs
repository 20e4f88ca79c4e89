//! Conditions over a VPS's fields: `resources.memoryGb >= 2 and not cidr(primaryIp, "192.0.2.0/24")`.
//!
//! The language is minijinja's, read by its own parser, so that it is the one that templates use. It is judged
//! here, because a selection must never guess: minijinja says that `"4" > 2` holds and that a missing field
//! differs from everything. Here a missing or null field, or a number compared with text, makes a VPS *not
//! evaluable*, under negation too.
//!
//! | part | what there is |
//! |---|---|
//! | values | texts, numbers, `true`, `false`, lists; fields by dotted path, `vars.…` |
//! | operators | `and`, `or`, `not`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`, `+`, `-`, `*`, `/`, `//`, `%` on numbers, `~` on texts, `… if … else …` |
//! | tests | `is defined`, `is undefined`, `is matching("REGEX")`, `is startingwith("…")`, `is endingwith("…")` |
//! | filters | [`FILTERS`] |
//! | functions | `cidr(address, "NETWORK", …)` |
//!
//! There are no loops and no assignments, so judging takes no longer than the text is long.

mod judge;
mod read;

use std::{collections::BTreeSet, sync::Arc};

#[cfg(test)]
use minijinja::Value;
use serde_json::Map;

use self::{
    judge::{Judge, NotEvaluable},
    read::Node,
};
use super::{Span, Vars};

/// The longest condition, in bytes. Reading and judging recurse into its parts.
const MAX_LENGTH: usize = 1000;

/// Filters that a condition may use.
pub(super) const FILTERS: [&str; 12] = [
    "abs", "default", "first", "float", "int", "join", "last", "length", "lower", "replace", "trim", "upper",
];

/// A compiled condition.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Arc<str>,
    root: Arc<Node>,
}

/// What a condition says of one VPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is true.
    Holds,
    /// It is false.
    Fails,
    /// It cannot be judged, and why: a field that the VPS lacks, or values that cannot be compared.
    NotEvaluable(String),
}

/// A mistake in a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong, and what is there instead.
    pub message: String,
    /// Where, in bytes of the condition's text.
    pub span: Option<Span>,
}

impl Expression {
    /// Reads a condition.
    ///
    /// # Errors
    /// [`ExpressionError`] with the place: syntax, an unknown filter, test or function, a pattern or network
    /// that is none, or a condition that is too long or too deeply nested.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > MAX_LENGTH {
            let message = format!("too long: {} bytes, of at most {MAX_LENGTH}", text.len());
            return Err(ExpressionError { message, span: None });
        }
        Ok(Self { text: text.into(), root: Arc::new(read::read(text)?) })
    }

    /// The condition as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The dotted names that it reads, each once: `resources.memoryGb`, `vars.threshold`.
    pub fn names(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        self.root.visit(&mut |node| {
            if let Node::Path(path) = node {
                names.insert(path.join("."));
            }
        });
        names.into_iter().collect()
    }

    /// Judges one VPS: its fields are bare names, `vars` are the playbook's variables.
    pub fn judge(&self, fields: &Map<String, serde_json::Value>, vars: &Vars) -> Judgement {
        match Judge::new(fields, vars).value(&self.root) {
            Ok(value) if value.is_true() => Judgement::Holds,
            Ok(_) => Judgement::Fails,
            Err(NotEvaluable(why)) => Judgement::NotEvaluable(why),
        }
    }

    /// A constant, for tests of what it is compared with.
    #[cfg(test)]
    fn value(&self) -> Result<Value, String> {
        Judge::new(&Map::new(), &Vars::default()).value(&self.root).map_err(|NotEvaluable(why)| why)
    }
}

#[cfg(test)]
mod tests;
