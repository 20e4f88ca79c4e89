//! A body as JSON, and what had to be changed to read it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{redact::Redactor, trim::Change};

/// The JSON of one body, without the API key.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The JSON. Of a name that is there twice the last value counts.
    pub(super) value: Value,
    /// The strings that are not as they came, by JSON pointer (RFC 6901, without its escapes).
    changes: BTreeMap<String, Change>,
}

impl Document {
    /// Reads what a [`JsonTrim`](super::trim::JsonTrim) left of a body; `None` if that is not JSON.
    pub(super) fn read(trimmed: &str, redactor: &Redactor) -> Option<Self> {
        let mut reader = Reader { redactor, pointer: String::new(), changes: BTreeMap::new() };
        let value = reader.untag(serde_json::from_str(trimmed).ok()?);
        Some(Self { value, changes: reader.changes })
    }

    /// A document that nothing had to be done to.
    #[cfg(test)]
    pub(super) fn untrimmed(value: Value) -> Self {
        Self { value, changes: BTreeMap::new() }
    }

    /// What became of a string.
    pub(super) fn change(&self, pointer: &str) -> Change {
        self.changes.get(pointer).copied().unwrap_or_default()
    }
}

/// Walks a value once. It is as deep as the JSON parser allowed: 128.
struct Reader<'a> {
    redactor: &'a Redactor,
    pointer: String,
    changes: BTreeMap<String, Change>,
}

impl Reader<'_> {
    fn untag(&mut self, value: Value) -> Value {
        match value {
            Value::String(tagged) => {
                let (change, text) = Change::untag(&tagged);
                if change != Change::default() {
                    self.changes.insert(self.pointer.clone(), change);
                }
                Value::String(self.redactor.clean(text.to_owned()))
            }
            Value::Array(items) => {
                let below = items.into_iter().enumerate();
                Value::Array(below.map(|(index, item)| self.below(&index.to_string(), item)).collect())
            }
            Value::Object(fields) => {
                let mut untagged = Map::with_capacity(fields.len());
                for (name, field) in fields {
                    let (_, name) = Change::untag(&name);
                    let field = self.below(name, field);
                    untagged.insert(self.redactor.clean(name.to_owned()), field);
                }
                Value::Object(untagged)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    fn below(&mut self, name: &str, value: Value) -> Value {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(name);
        let untagged = self.untag(value);
        self.pointer.truncate(length);
        untagged
    }
}
