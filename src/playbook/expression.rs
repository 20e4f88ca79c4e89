//! One expression over a VPS or over what a step printed: what it says, or that it cannot say.
//!
//! What it may look at is its [`Context`]. The language is a part of minijinja's, with the same words ([`language`](super::language)) and a stricter
//! evaluation of its own: minijinja finds `"4" > 2` true and `missing == 1` merely false, so that `not` would
//! pick servers about which nothing is known. Here
//!
//! - a null or missing field is *undefined*, and the first one that an evaluation reaches, left to right, makes
//!   the target not evaluable. Only `is defined`, `is undefined` and `default(…)` look at it without that;
//! - so does a comparison of values of different types;
//! - `and` and `or` do not reach what they do not need.

mod captured;
mod comparison;
mod context;
mod evaluation;
mod forecast;
mod matcher;
mod parser;
mod syntax;
mod token;
mod why;

use std::sync::Arc;

pub use self::context::Context;
pub(super) use self::{
    comparison::Sort,
    context::OUTPUT,
    forecast::{Known, Read},
};
use self::{evaluation::Evaluation, syntax::Node, why::Why};
use super::Span;

/// The longest expression, in bytes: a list of a thousand names fits.
const MAX_TEXT: usize = 16 * 1024;

/// How many characters of an expression's own text a message shows.
const MAX_SHOWN: usize = 120;

/// The largest captured value, in bytes of its JSON.
pub const MAX_CAPTURE: usize = 64 * 1024;

/// A compiled expression of the one language.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Arc<str>,
    root: Arc<Node>,
    names: Arc<[String]>,
    captures: Arc<[String]>,
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
        let (mut names, mut captures) = (Vec::new(), Vec::new());
        let mut read = Vec::new();
        root.collect_names(&mut read);
        for (name, _) in read {
            let first = name.split('.').next().unwrap_or_default();
            if !matches!(first, "vars" | "target") && !OUTPUT.contains(&first) {
                once(&mut captures, first.to_owned());
            }
            once(&mut names, name);
        }
        Ok(Self { text: text.into(), root: Arc::new(root), names: names.into(), captures: captures.into() })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The dotted names that it reads (`resources.memoryGb`, `vars.threshold`), each once.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether it reads `target` or something below, in a step.
    pub fn reads_target(&self) -> bool {
        self.names.iter().any(|name| name == "target" || name.starts_with("target."))
    }

    /// The bare names that it reads besides `stdout`, `stderr`, `exit_code`, `target` and `vars`, each once: in a
    /// step, captures.
    pub fn captures_read(&self) -> impl Iterator<Item = &str> {
        self.captures.iter().map(String::as_str)
    }

    /// Judges. No secret is in the reason.
    pub fn judge(&self, context: &Context<'_>) -> Judgement {
        match Evaluation::new(&self.text, context).truth(&self.root) {
            Ok(true) => Judgement::Holds,
            Ok(false) => Judgement::Fails,
            Err(stop) => Judgement::NotEvaluable(context.vars.redacted(stop.reason()).into_owned()),
        }
    }

    /// The value, for a capture. Where the output holds a secret, so may the value.
    ///
    /// # Errors
    /// Why there is none: something undefined, values that do not fit together, a value that is not one of JSON or
    /// over [`MAX_CAPTURE`] bytes as JSON. No secret is in it.
    pub fn value(&self, context: &Context<'_>) -> Result<serde_json::Value, String> {
        let value = Evaluation::new(&self.text, context).value(&self.root);
        let value = value.map_err(|stop| stop.reason().to_owned()).and_then(|value| captured::json(&value));
        value.map_err(|reason| context.vars.redacted(&reason).into_owned())
    }

    /// Why it does not hold, with the values on both sides: `used < vars.threshold: 97 < 90`. Of an `and` it is the
    /// first part that fails. Where it cannot be judged, why not. One line; long values are shortened, and no secret
    /// is in it.
    pub fn why_not(&self, context: &Context<'_>) -> String {
        let why = Why::new(&self.text, context.vars, Evaluation::new(&self.text, context)).not(&self.root);
        let why = why.unwrap_or_else(|stop| stop.reason().to_owned());
        context.vars.redacted(&why).into_owned()
    }
}

/// A part of an expression, or what is said of it, on one short line.
fn brief(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    shortened(&words.join(" "), MAX_SHOWN)
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Adds a name that is not there yet.
fn once(names: &mut Vec<String>, name: String) {
    if !names.contains(&name) {
        names.push(name);
    }
}

#[cfg(test)]
mod step_tests;
#[cfg(test)]
mod tests;
