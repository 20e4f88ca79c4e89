//! What stands in a cell: inert, on one line, without secrets.

use serde_json::Value;

use super::{Redactor, inert};
use crate::engine::Stream;

/// Characters a cell may have at any width: a longer one would make every row as long in a pipe, where nothing is
/// cut to fit.
const LONGEST_CELL: usize = 1_000;

/// What stands where there is nothing to show.
const NOTHING: &str = "–";

/// What a column shows for one target: inert, on one line, without secrets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    pub(super) text: String,
    /// Where it is a number, the number: numbers are right-aligned, and a range can be told of them.
    pub(super) number: Option<f64>,
    /// There is nothing to show.
    pub(super) nothing: bool,
}

impl Shown {
    /// Nothing to show.
    pub(super) fn nothing() -> Self {
        Self { text: NOTHING.to_owned(), number: None, nothing: true }
    }

    /// A text, cut where it is very long.
    pub(super) fn text(text: &str, redactor: &Redactor) -> Self {
        let clean = redactor.text(text);
        let clean = inert(clean.trim_end());
        let text = match clean.char_indices().nth(LONGEST_CELL) {
            Some((end, _)) => format!("{}…", &clean[..end]),
            None => clean.into_owned(),
        };
        Self { text, number: None, nothing: false }
    }

    /// A text, if there is one.
    pub(super) fn maybe(text: Option<String>, redactor: &Redactor) -> Self {
        text.map_or_else(Self::nothing, |text| Self::text(&text, redactor))
    }

    /// A stream's first line that is not blank, and how many more there are.
    pub(super) fn stream(stream: Option<&Stream>, redactor: &Redactor) -> Self {
        let Some(stream) = stream else { return Self::nothing() };
        let text = stream.shown();
        // Secrets may hold line breaks, so they go before the lines are told apart.
        let clean = redactor.text(&text);
        let mut lines = clean.lines().filter(|line| !line.trim().is_empty());
        let first = Self::text(lines.next().unwrap_or_default(), &Redactor::default());
        match lines.count() {
            0 => first,
            1 => Self { text: format!("{} (+1 line)", first.text), ..first },
            more => Self { text: format!("{} (+{more} lines)", first.text), ..first },
        }
    }

    /// A field or a captured value.
    pub(super) fn value(value: &Value, redactor: &Redactor) -> Self {
        let text = match value {
            Value::Null => return Self::nothing(),
            Value::String(text) => return Self::text(text, redactor),
            Value::Array(items) => {
                let items =
                    items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
                items.collect::<Vec<_>>().join(", ")
            }
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
        };
        let shown = Self::text(&text, redactor);
        // A number that is a secret is none any more.
        Self { number: value.as_f64().filter(|_| shown.text == text), ..shown }
    }
}
