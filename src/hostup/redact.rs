//! Takes the API key out of text that the API sent.
//!
//! An API, or something in front of it, may repeat what it was given. What it says ends in reports and logs, so the
//! key is taken out where the text comes in.

use std::fmt::Write as _;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What stands where the key was.
const REDACTED: &str = "[redacted]";

/// A shorter key (the sandbox's, say) would be found inside ordinary words, and output must stay as it is.
const MIN_LENGTH: usize = 12;

/// Knows the forms in which a key may come back: plain, percent-encoded, base64.
#[derive(Debug, Clone, Default)]
pub(super) struct Redactor {
    forms: Vec<SecretString>,
}

impl Redactor {
    pub(super) fn new(key: &str) -> Self {
        if key.len() < MIN_LENGTH {
            return Self::default();
        }
        let percent_encoded = percent_encoded(key);
        let mut forms = vec![SecretString::from(key), SecretString::from(base64(key.as_bytes()))];
        if percent_encoded != key {
            forms.push(SecretString::from(percent_encoded));
        }
        Self { forms }
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

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Base64 (RFC 4648 §4) of the whole groups of three bytes: the part that is the same however the text goes on.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(bytes.len() / 3 * 4);
    for group in bytes.chunks_exact(3) {
        let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        for shift in [18, 12, 6, 0] {
            encoded.push(char::from(ALPHABET[(bits >> shift & 63) as usize]));
        }
    }
    encoded
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
            // The bytes after the last whole group stay, being too few to mean anything.
            ("aHVwX2xpdmUvNGYrOWM=", "[redacted]OWM="),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(redactor.clean(text.to_owned()), expected);
        }
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, encoded) in [("foo", "Zm9v"), ("foobar", "Zm9vYmFy"), ("fooba", "Zm9v"), ("", "")] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_key_short_enough_to_be_a_word_is_left_alone() {
        assert_eq!(Redactor::new("sandbox").clean("in the sandbox".to_owned()), "in the sandbox");
    }
}
