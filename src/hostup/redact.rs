//! Takes the API key out of text that the API sent.
//!
//! An API, or something in front of it, may repeat what it was given. What it says ends in reports and logs, so the
//! key is taken out where the text comes in.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::spellings::spellings;

/// What stands where the key was.
const REDACTED: &str = "[redacted]";

/// A shorter key (the sandbox's, say) would be found inside ordinary words, and output must stay as it is.
const MIN_LENGTH: usize = 12;

/// Knows the forms in which a key may come back.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    forms: Vec<SecretString>,
}

impl Redactor {
    pub(super) fn new(key: &str) -> Self {
        if key.len() < MIN_LENGTH {
            return Self::default();
        }
        Self { forms: spellings(key).into_iter().map(SecretString::from).collect() }
    }

    /// The text without the key.
    pub(super) fn clean(&self, mut text: String) -> String {
        for form in &self.forms {
            if text.contains(form.expose_secret()) {
                text = text.replace(form.expose_secret(), REDACTED);
            }
        }
        text
    }

    /// Takes the key out of all strings and names of a JSON value.
    pub(super) fn clean_value(&self, value: &mut Value) {
        if self.forms.is_empty() {
            return;
        }
        match value {
            Value::String(text) => *text = self.clean(std::mem::take(text)),
            Value::Array(items) => items.iter_mut().for_each(|item| self.clean_value(item)),
            Value::Object(fields) => {
                fields.values_mut().for_each(|field| self.clean_value(field));
                if fields.keys().any(|name| self.is_in(name)) {
                    let cleaned = std::mem::take(fields).into_iter();
                    *fields = cleaned.map(|(name, field)| (self.clean(name), field)).collect();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn is_in(&self, text: &str) -> bool {
        self.forms.iter().any(|form| text.contains(form.expose_secret()))
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
            // The last character depends on what follows, so it stays.
            ("aHVwX2xpdmUvNGYrOWM=", "[redacted]M="),
            // "Bearer hup_live/4f+9c", as a proxy may echo a header.
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
