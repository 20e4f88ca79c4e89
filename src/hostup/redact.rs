//! Takes the API key out of text that the API sent.
//!
//! An API, or something in front of it, may repeat what it was given. What it says ends in reports and logs, so the
//! key is taken out where the text comes in.

use std::borrow::Cow;

use serde_json::Value;

use crate::redact;

/// A shorter key (the sandbox's, say) would be found inside ordinary words, and output must stay as it is.
const MIN_LENGTH: usize = 12;

/// Knows the forms in which a key may come back: plain, percent-encoded, base64.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    key: redact::Redactor,
}

impl Redactor {
    pub(super) fn new(key: &str) -> Self {
        if key.len() < MIN_LENGTH {
            return Self::default();
        }
        Self { key: redact::Redactor::new(&[key.to_owned()]) }
    }

    /// The text without the key.
    pub(super) fn clean(&self, text: String) -> String {
        match self.key.text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(cleaned) => cleaned,
        }
    }

    /// Takes the key out of all strings and names of a JSON value.
    pub(super) fn clean_value(&self, value: &mut Value) {
        if self.key.is_idle() {
            return;
        }
        match value {
            Value::String(text) => *text = self.clean(std::mem::take(text)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean_value(item)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| self.clean_value(field));
                if fields.keys().any(|name| self.key.is_in(name)) {
                    let cleaned = std::mem::take(fields).into_iter();
                    *fields = cleaned.map(|(name, field)| (self.clean(name), field)).collect();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c10_every_form_of_the_key_is_taken_out() {
        let redactor = Redactor::new("hup_live/4f+9c");
        for (text, expected) in [
            ("bad key hup_live/4f+9c.", "bad key [redacted]."),
            ("?key=hup_live%2F4f%2B9c&x", "?key=[redacted]&x"),
            ("?key=hup_live%2f4f%2b9c&x", "?key=[redacted]&x"),
            // The bits after the last whole character stay, being too few to mean anything.
            ("aHVwX2xpdmUvNGYrOWM=", "[redacted]M="),
            // As a part of `Bearer hup_live/4f+9c`.
            ("QmVhcmVyIGh1cF9saXZlLzRmKzlj", "QmVhcmVyIG[redacted]"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(redactor.clean(text.to_owned()), expected);
        }
    }

    #[test]
    fn a_key_short_enough_to_be_a_word_is_left_alone() {
        assert_eq!(Redactor::new("sandbox").clean("in the sandbox".to_owned()), "in the sandbox");
    }
}
