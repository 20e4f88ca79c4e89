//! One expression over a VPS: what it says, or that it cannot say.
//!
//! The language is a part of minijinja's, with the same words ([`language`](super::language)) and a stricter
//! evaluation of its own: minijinja finds `"4" > 2` true and `missing == 1` merely false, so that `not` would
//! pick servers about which nothing is known. Here
//!
//! - a null or missing field is *undefined*, and the first one that an evaluation reaches, left to right, makes
//!   the target not evaluable. Only `is defined`, `is undefined` and `default(…)` look at it without that;
//! - so does a comparison of values of different types;
//! - `and` and `or` do not reach what they do not need.

mod comparison;
mod evaluation;
mod matcher;
mod parser;
mod syntax;
mod token;

use std::sync::Arc;

use serde_json::{Map, Value};

use self::{evaluation::Evaluation, syntax::Node};
use super::{Span, Vars};

/// The longest expression, in bytes: a list of a thousand names fits.
const MAX_TEXT: usize = 16 * 1024;

/// A compiled expression of the one language.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Arc<str>,
    root: Arc<Node>,
    names: Arc<[String]>,
}

/// What an expression says of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is true.
    Holds,
    /// It is false.
    Fails,
    /// It cannot be judged: an undefined field, or a comparison of different types; says which.
    NotEvaluable(String),
}

/// A mistake in an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong, and what to do.
    pub message: String,
    /// Where, in bytes of the expression's text.
    pub span: Option<Span>,
}

impl ExpressionError {
    fn at(span: Span, message: impl Into<String>) -> Self {
        Self { message: message.into(), span: Some(span) }
    }
}

impl Expression {
    /// Compiles.
    ///
    /// # Errors
    /// A syntax error, an unknown filter, test or function, a broken pattern or network, an expression that is
    /// too long or nested too deeply.
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        if text.len() > MAX_TEXT {
            let message = format!("too long: {} bytes, of at most {MAX_TEXT}", text.len());
            return Err(ExpressionError { message, span: Some(0..text.len()) });
        }
        if text.trim().is_empty() {
            return Err(ExpressionError { message: "an empty expression".to_owned(), span: None });
        }
        let root = parser::parse(text)?;
        let mut names = Vec::new();
        root.collect_names(&mut names);
        Ok(Self { text: text.into(), root: Arc::new(root), names: names.into() })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The dotted names that it reads (`resources.memoryGb`, `vars.threshold`), each once.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The captures that it reads, in a step.
    pub fn captures_read(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Judges one VPS: its fields are bare names; `vars` are the playbook's. No secret is in the reason.
    pub fn judge(&self, fields: &Map<String, Value>, vars: &Vars) -> Judgement {
        match Evaluation::new(&self.text, fields, vars).truth(&self.root) {
            Ok(true) => Judgement::Holds,
            Ok(false) => Judgement::Fails,
            Err(stop) => Judgement::NotEvaluable(vars.redacted(stop.reason()).into_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
