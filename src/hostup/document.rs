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
    /// Reads a body as it came; `None` if that is not JSON.
    pub(super) fn read(json: &[u8], redactor: &Redactor) -> Option<Self> {
        let mut value = serde_json::from_slice(json).ok()?;
        redactor.clean_value(&mut value);
        Some(Self { value, changes: BTreeMap::new() })
    }

    /// Reads what a [`JsonTrim`](super::trim::JsonTrim) left of a body; `None` if that is not JSON.
    pub(super) fn read_trimmed(trimmed: &str, redactor: &Redactor) -> Option<Self> {
        let mut reader = Reader { redactor, pointer: String::new(), changes: BTreeMap::new() };
        let value = reader.untag(serde_json::from_str(trimmed).ok()?);
        Some(Self { value, changes: reader.changes })
    }

    /// A document that nothing had to be done to.
    #[cfg(test)]
    pub(super) fn untrimmed(value: Value) -> Self {
        Self { value, changes: BTreeMap::new() }
    }

    /// What became of a string, or of any below a list or an object.
    pub(super) fn change(&self, pointer: &str) -> Change {
        let is_part = |place: &str| {
            place.strip_prefix(pointer).is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        let changes = self.changes.iter().filter(|(place, _)| is_part(place));
        changes.fold(Change::default(), |all, (_, &change)| all.and(change))
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
                self.note(change);
                Value::String(self.redactor.clean(text.to_owned()))
            }
            Value::Array(items) => {
                let below = items.into_iter().enumerate();
                Value::Array(below.map(|(index, item)| self.below(&index.to_string(), item)).collect())
            }
            Value::Object(fields) => {
                let mut untagged = Map::with_capacity(fields.len());
                for (name, field) in fields {
                    let (change, name) = Change::untag(&name);
                    self.note(change);
                    let field = self.below(name, field);
                    untagged.insert(self.redactor.clean(name.to_owned()), field);
                }
                Value::Object(untagged)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    /// Notes what became of the string here, or of the name of a field here.
    fn note(&mut self, change: Change) {
        if change != Change::default() {
            let noted = self.changes.entry(self.pointer.clone()).or_default();
            *noted = noted.and(change);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::hostup::trim::{JsonTrim, TrimLimits};

    const KEY: &str = "hup_live/4f+9c";

    proptest! {
        /// A short body is parsed as it came, a long one once it is trimmed: both must say the same.
        #[test]
        fn what_is_read_as_it_came_is_read_the_same_once_trimmed(
            text in "\\PC{0,12}", name in "\\PC{0,6}", key_in_it: bool, place: usize, byte: u8, torn: bool,
        ) {
            let text = if key_in_it { format!("{text}{KEY}{name}") } else { text };
            let value = json!({ "exited": true, &name: [text, { &text: name }], "n": [0, -1.5, null], KEY: "" });
            let mut body = value.to_string().into_bytes();
            if torn {
                let place = place % body.len();
                body[place] = byte;
            }
            let redactor = Redactor::new(KEY);
            let mut trim = JsonTrim::new(TrimLimits { string: 1 << 10, json: 1 << 14, values: 1 << 10 });
            trim.feed(&body).unwrap();
            let trimmed = Document::read_trimmed(&trim.finish().unwrap(), &redactor);
            match (Document::read(&body, &redactor), trimmed) {
                (Some(one), Some(other)) => {
                    prop_assert_eq!(one.value, other.value);
                    prop_assert_eq!(one.changes, other.changes);
                }
                // Trimming mends what a usual parser does not take, never the other way round.
                (one, other) => prop_assert!(one.is_none(), "{:?} {:?}", one, other),
            }
        }
    }
}
