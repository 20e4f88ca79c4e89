//! Secrets, kept out of everything that is shown.
//!
//! A [`Redactor`] knows the texts that must not be seen and writes `[redacted]` in their place, also where they come
//! back percent-encoded or in base64. It works on whole texts, before they are cut into lines or cells: half a
//! secret would not be recognised.

use std::{borrow::Cow, fmt::Write as _};

use serde_json::{Map, Value};

/// What stands in a secret's place.
const REDACTED: &str = "[redacted]";

/// Secrets shorter than this are looked for only as they are: their encoded forms are so short that they would
/// be found in innocent text.
const SHORTEST_ENCODED: usize = 6;

/// Hides secrets.
#[derive(Debug, Default)]
pub(super) struct Redactor {
    needles: Vec<String>,
}

impl Redactor {
    /// Hides these texts. Empty ones hide nothing.
    pub(super) fn new(secrets: &[String]) -> Self {
        let mut needles = Vec::new();
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            needles.push(secret.clone());
            if secret.len() >= SHORTEST_ENCODED {
                needles.push(percent_encoded(secret));
                needles.push(percent_encoded(secret).to_lowercase());
                for offset in 0..3 {
                    let standard = base64_core(secret.as_bytes(), offset);
                    needles.push(standard.replace('+', "-").replace('/', "_"));
                    needles.push(standard);
                }
            }
        }
        needles.sort_unstable();
        needles.dedup();
        Self { needles }
    }

    /// The text without secrets.
    pub(super) fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for needle in &self.needles {
            found.extend(text.match_indices(needle.as_str()).map(|(start, _)| (start, start + needle.len())));
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_unstable();
        let mut shown = String::with_capacity(text.len());
        let mut done = 0;
        for (start, end) in found {
            // Secrets that overlap are hidden together: what one leaves of the other is still secret.
            if start >= done {
                shown.push_str(&text[done..start]);
                shown.push_str(REDACTED);
            }
            done = done.max(end);
        }
        shown.push_str(&text[done..]);
        Cow::Owned(shown)
    }

    /// A value without secrets, in its keys, its texts, and numbers that are one.
    pub(super) fn hide_value<'a>(&self, value: &'a Value) -> Cow<'a, Value> {
        if self.needles.is_empty() {
            return Cow::Borrowed(value);
        }
        Cow::Owned(match value {
            Value::String(text) => Value::String(self.hide(text).into_owned()),
            Value::Number(number) if self.needles.contains(&number.to_string()) => {
                Value::String(REDACTED.to_owned())
            }
            Value::Array(items) => {
                Value::Array(items.iter().map(|item| self.hide_value(item).into_owned()).collect())
            }
            Value::Object(fields) => Value::Object(self.hide_fields(fields)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }

    fn hide_fields(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        let hidden = |(key, value): (&String, &Value)| {
            (self.hide(key).into_owned(), self.hide_value(value).into_owned())
        };
        fields.iter().map(hidden).collect()
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes everything");
        }
    }
    encoded
}

/// The part of a base64 text that depends on these bytes only, where `offset` (0 to 2) bytes modulo 3 precede them.
fn base64_core(bytes: &[u8], offset: usize) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // Digit n holds the bits from 6n on; those that reach beyond the bytes depend on what stands around them.
    let bits = 8 * offset..8 * (offset + bytes.len());
    (bits.start.div_ceil(6)..bits.end / 6)
        .map(|digit| {
            let value = (6 * digit..6 * digit + 6).fold(0, |value, bit| {
                let byte = bytes[bit / 8 - offset];
                value << 1 | usize::from(byte >> (7 - bit % 8) & 1)
            });
            char::from(DIGITS[value])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn hiding(secrets: &[&str]) -> Redactor {
        Redactor::new(&secrets.iter().map(|&secret| secret.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_occurs() {
        let redactor = hiding(&["hunter2", ""]);
        assert_eq!(redactor.hide("hunter2, then hunter2hunter2"), "[redacted], then [redacted][redacted]");
        assert!(matches!(redactor.hide("nothing here"), Cow::Borrowed(_)));
    }

    #[test]
    fn overlapping_secrets_leave_nothing_of_each_other() {
        assert_eq!(hiding(&["abcd", "cdef", "abc"]).hide("-abcdef-"), "-[redacted]-");
        assert_eq!(hiding(&["redacted", "key"]).hide("key redacted"), "[redacted] [redacted]");
    }

    #[test]
    fn g7_a_secret_is_hidden_percent_encoded_and_in_base64_too() {
        let redactor = hiding(&["tök/en+1"]);
        assert_eq!(redactor.hide("t%C3%B6k%2Fen%2B1"), "[redacted]");
        assert_eq!(redactor.hide("t%c3%b6k%2fen%2b1"), "[redacted]");
        // `printf 'user:tök/en+1' | base64`: the first digits are the user's, the last byte shares its digit.
        assert_eq!(redactor.hide("dXNlcjp0w7ZrL2VuKzE="), "dXNlcjp[redacted]E=");
    }

    #[test]
    fn values_are_searched_to_the_leaves() {
        let redactor = hiding(&["4711", "pass"]);
        let value = json!({ "pin": 4711, "more": ["a pass", 47110, null, true], "pass": 1 });
        let shown =
            json!({ "pin": "[redacted]", "more": ["a [redacted]", 47110, null, true], "[redacted]": 1 });
        assert_eq!(redactor.hide_value(&value).into_owned(), shown);
    }

    proptest! {
        #[test]
        fn no_secret_is_left(around in "[a-c]{0,6}", secret in "[a-c]{1,4}", other in "[a-c]{1,4}") {
            let shown = hiding(&[&secret, &other]).hide(&format!("{around}{secret}{around}{other}")).into_owned();
            for part in shown.split(REDACTED) {
                prop_assert!(!part.contains(&secret) && !part.contains(&other), "{}", shown);
            }
        }
    }
}
