//! Takes secrets out of everything that is shown or kept.
//!
//! A secret may come back from where it was sent: a guest echoes its command, an API its headers. So each is
//! looked for in every text that is shown or written down, also in the spellings it may have taken on the way: percent-encoded
//! and in base64. Where it is kept meanwhile, and that it is not logged, is the CLI's care.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use regex::{NoExpand, Regex};
use serde_json::Value;

/// What is shown in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Shorter secrets are looked for as they are only: their base64 is too likely to be part of something else.
const LEAST_ENCODED: usize = 6;

/// Longer secrets, of which a file may hold up to 64 KiB, make no pattern of reasonable size. They are looked for spelling by
/// spelling, percent-encoded as a whole only.
const LONGEST_PATTERN: usize = 1024;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Replaces the secrets of a run by [`REDACTED`].
#[derive(Clone, Default)]
pub(crate) struct Redactor {
    /// Spellings of long ones.
    long: Vec<String>,
    others: Option<Regex>,
}

impl fmt::Debug for Redactor {
    /// Without the pattern, which spells the secrets out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// Prepares to look for these; empty ones are passed over.
    pub(crate) fn new(secrets: &[String]) -> Self {
        let (long, others): (Vec<&String>, Vec<&String>) =
            secrets.iter().partition(|secret| secret.len() > LONGEST_PATTERN);
        let encoded = long.iter().map(|secret| {
            secret.chars().map(|one| percent_encoded(one).unwrap_or(one.into())).collect::<String>()
        });
        let long: Vec<String> =
            long_first(encoded.chain(long.iter().flat_map(|secret| spellings(secret))).collect());
        let alternatives = long_first(others.iter().flat_map(|secret| spellings(secret)).collect());
        let alternatives: Vec<String> = alternatives.iter().map(|spelling| pattern(spelling)).collect();
        let others = (!alternatives.is_empty()).then(|| {
            Regex::new(&alternatives.join("|")).expect("escaped text of a reasonable size is a valid pattern")
        });
        Self { long, others }
    }

    /// Whether there is nothing to look for.
    pub(crate) fn is_idle(&self) -> bool {
        self.others.is_none() && self.long.is_empty()
    }

    /// Whether there is a secret in the text.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        matches!(self.text(text), Cow::Owned(_))
    }

    /// The text without secrets.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for spelling in &self.long {
            if text.contains(spelling) {
                text = Cow::Owned(text.replace(spelling, REDACTED));
            }
        }
        let Some(others) = &self.others else { return text };
        match others.replace_all(&text, NoExpand(REDACTED)) {
            Cow::Borrowed(_) => text,
            Cow::Owned(without) => Cow::Owned(without),
        }
    }

    /// The value without secrets, in its strings, its keys and its numbers.
    pub(crate) fn value<'a>(&self, value: &'a Value) -> Cow<'a, Value> {
        if self.is_idle() {
            return Cow::Borrowed(value);
        }
        Cow::Owned(match value {
            Value::Null | Value::Bool(_) => return Cow::Borrowed(value),
            Value::Number(number) => match self.text(&number.to_string()) {
                Cow::Borrowed(_) => return Cow::Borrowed(value),
                Cow::Owned(text) => Value::String(text),
            },
            Value::String(text) => Value::String(self.text(text).into_owned()),
            Value::Array(items) => items.iter().map(|item| self.value(item).into_owned()).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, field)| (self.text(key).into_owned(), self.value(field).into_owned()))
                .collect(),
        })
    }
}

/// Each once, the longest first: one may be the beginning of another.
fn long_first(spellings: BTreeSet<String>) -> Vec<String> {
    let mut spellings: Vec<String> = spellings.into_iter().collect();
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    spellings
}

/// The ways in which a secret may be written, but for how it is percent-encoded.
fn spellings(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned()];
    if secret.len() >= LEAST_ENCODED {
        for alphabet in [STANDARD, URL_SAFE] {
            all.extend((0..3).map(|offset| base64_core(secret.as_bytes(), offset, alphabet)));
        }
    }
    all.retain(|spelling| !spelling.is_empty());
    all
}

/// Finds a text, also with any of its characters but letters and digits percent-encoded: which ones are, and in which
/// case, differs from encoder to encoder.
fn pattern(text: &str) -> String {
    let mut pattern = String::new();
    for character in text.chars() {
        let plain = regex::escape(character.encode_utf8(&mut [0; 4]));
        match percent_encoded(character) {
            None => pattern.push_str(&plain),
            // `%` is how its own code begins.
            Some(encoded) => {
                write!(pattern, "(?:(?i:{encoded})|{plain})")
                    .expect("a String takes whatever is written to it");
            }
        }
    }
    pattern
}

/// A character's code in percent signs; `None` for letters and digits.
fn percent_encoded(character: char) -> Option<String> {
    if character.is_ascii_alphanumeric() {
        return None;
    }
    let mut encoded = String::new();
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        write!(encoded, "%{byte:02X}").expect("a String takes whatever is written to it");
    }
    Some(encoded)
}

/// The base64 characters that these bytes alone decide when they begin `offset` bytes into a group of three.
fn base64_core(bytes: &[u8], offset: usize, alphabet: &[u8; 64]) -> String {
    let bit = |position: usize| (bytes[position / 8] >> (7 - position % 8)) & 1;
    // The first character whose six bits are all the secret's: the ones before share bits with what precedes.
    let first = (6 - offset * 8 % 6) % 6;
    let whole = (bytes.len() * 8).saturating_sub(first) / 6;
    (0..whole)
        .map(|character| {
            let from = first + character * 6;
            let sextet =
                (from..from + 6).fold(0, |sextet, position| (sextet << 1) | usize::from(bit(position)));
            char::from(alphabet[sextet])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_occurrence_goes_the_longer_secret_first() {
        let redactor = Redactor::new(&["abc".to_owned(), "abcdef".to_owned(), String::new()]);
        assert_eq!(redactor.text("x abcdef abc, abd"), "x [redacted] [redacted], abd");
    }

    #[test]
    fn encoded_spellings_go_too() {
        let redactor = Redactor::new(&["s3cr3t/key+1".to_owned()]);
        for text in ["?k=s3cr3t%2Fkey%2B1&x", "?k=s3cr3t%2fkey%2b1&x", "?k=s3cr3t/key%2B1&x"] {
            assert_eq!(redactor.text(text), "?k=[redacted]&x");
        }
        // "s3cr3t/key+1", "a:s3cr3t/key+1" and "x:y:s3cr3t/key+1" in base64.
        assert_eq!(redactor.text("czNjcjN0L2tleSsx"), "[redacted]");
        assert_eq!(redactor.text("YTpzM2NyM3Qva2V5KzE="), "YTp[redacted]E=");
        assert_eq!(redactor.text("eDp5OnMzY3IzdC9rZXkrMQ=="), "eDp5On[redacted]Q==");
    }

    #[test]
    fn an_encoded_percent_sign_goes_whole() {
        let redactor = Redactor::new(&["5%off".to_owned(), "100%".to_owned()]);
        assert_eq!(redactor.text("5%25off 100%25 100% 5%off"), "[redacted] [redacted] [redacted] [redacted]");
    }

    #[test]
    fn the_longest_secret_that_a_file_may_hold_is_found_too() {
        let secret: String = "a-+/é\n".chars().cycle().take(56 << 10).collect();
        let redactor = Redactor::new(std::slice::from_ref(&secret));
        assert_eq!(redactor.text(&format!("x{secret}y")), "x[redacted]y");
        let encoded: String = secret.chars().map(|one| percent_encoded(one).unwrap_or(one.into())).collect();
        assert_eq!(redactor.text(&encoded), "[redacted]");
    }

    #[test]
    fn values_lose_secrets_in_keys_and_numbers_too() {
        let redactor = Redactor::new(&["4711".to_owned()]);
        let value = json!({ "pin 4711": [4711, 12, null, "is 4711"] });
        let expected = json!({ "pin [redacted]": ["[redacted]", 12, null, "is [redacted]"] });
        assert_eq!(*redactor.value(&value), expected);
    }

    proptest! {
        #[test]
        fn no_secret_is_left(secret in "[a-z]{4,8}", before in "[A-Z.]{0,9}", after in "[A-Z.]{0,9}") {
            let redactor = Redactor::new(std::slice::from_ref(&secret));
            let text = format!("{before}{secret}{after}");
            prop_assert_eq!(redactor.text(&text), format!("{before}[redacted]{after}"));
        }
    }
}
