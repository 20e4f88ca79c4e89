//! Takes secrets out of everything that is shown or kept.
//!
//! A secret may come back from where it was sent: a guest echoes its command, an API its headers. So each is
//! looked for in every text that is shown or written down, also in the spellings it may have taken on the way. Where it is
//! kept meanwhile, and that it is not logged, is the CLI's care.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use regex::{NoExpand, Regex};
use serde_json::Value;

use crate::spellings::spellings;

/// What is shown in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Replaces the secrets of a run by [`REDACTED`].
#[derive(Default)]
pub(crate) struct Redactor {
    secrets: Option<Regex>,
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
        let mut spellings: Vec<String> = secrets
            .iter()
            .flat_map(|secret| spellings(secret))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        if spellings.is_empty() {
            return Self::default();
        }
        // The longest first: one secret may be the beginning of another.
        spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        let alternatives: Vec<String> = spellings.iter().map(|spelling| regex::escape(spelling)).collect();
        let pattern = Regex::new(&alternatives.join("|")).expect("escaped text is a valid pattern");
        Self { secrets: Some(pattern) }
    }

    /// Whether there is nothing to look for.
    pub(crate) fn is_idle(&self) -> bool {
        self.secrets.is_none()
    }

    /// The text without secrets.
    pub(crate) fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.secrets {
            Some(secrets) => secrets.replace_all(text, NoExpand(REDACTED)),
            None => Cow::Borrowed(text),
        }
    }

    /// The value without secrets, in its strings, its keys and its numbers.
    pub(crate) fn value<'a>(&self, value: &'a Value) -> Cow<'a, Value> {
        if self.secrets.is_none() {
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
        assert_eq!(redactor.text("?k=s3cr3t%2Fkey%2B1&x"), "?k=[redacted]&x");
        assert_eq!(redactor.text("?k=s3cr3t%2fkey%2b1&x"), "?k=[redacted]&x");
        assert_eq!(redactor.text("YTpzM2NyM3Qva2V5KzE="), "YTp[redacted]E=");
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
