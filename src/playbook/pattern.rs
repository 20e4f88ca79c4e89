//! What a field of `match` and `exclude` is compared with.
//!
//! A [`Pattern`] judges one scalar of the API's JSON. Finding the field, and walking lists on the way to it, is
//! `fleet/`'s work.

use globset::{GlobBuilder, GlobMatcher};
use serde_json::{Number, Value};

/// One pattern of a field rule: a glob, a number or a boolean.
///
/// | pattern | matches |
/// |---|---|
/// | `web-*`, `[1-3]`, `{a,b}`, `?`, or plain text | text, letter case aside; `*` crosses anything |
/// | a number | a number of that value (`4` matches `4.0`), and text written exactly so (a version `12`) |
/// | a boolean | that boolean, and text written exactly so |
///
/// Null, an empty text, a list and an object match nothing. `?` and `[…]` stand for one ASCII character.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    glob: Option<GlobMatcher>,
    scalar: Option<Value>,
}

/// A pattern that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(pub String);

impl Pattern {
    /// A glob (`web-*`), which without special characters is a literal.
    ///
    /// # Errors
    /// An empty text, an unclosed bracket and the like.
    pub fn glob(text: &str) -> Result<Self, PatternError> {
        if text.trim().is_empty() {
            return Err(PatternError("an empty pattern matches nothing".to_owned()));
        }
        // Both sides are lowered, because a glob's own folding knows ASCII only.
        let glob = GlobBuilder::new(&text.to_lowercase())
            .literal_separator(false)
            .backslash_escape(true)
            .build()
            .map_err(|error| PatternError(format!("not a valid glob: {}", error.kind())))?;
        Ok(Self { text: text.to_owned(), glob: Some(glob.compile_matcher()), scalar: None })
    }

    /// A number. `text` is how it was written.
    pub fn number(number: Number, text: &str) -> Self {
        Self { text: text.to_owned(), glob: None, scalar: Some(Value::Number(number)) }
    }

    /// A boolean. `text` is how it was written.
    pub fn boolean(boolean: bool, text: &str) -> Self {
        Self { text: text.to_owned(), glob: None, scalar: Some(Value::Bool(boolean)) }
    }

    /// A pattern of a flag (`--match PATH=PATTERN`), which has no types: besides text, it matches the number or
    /// the boolean that it reads as.
    ///
    /// # Errors
    /// See [`Pattern::glob`].
    pub fn untyped(text: &str) -> Result<Self, PatternError> {
        let scalar = match serde_json::from_str(text.trim()) {
            Ok(scalar @ (Value::Number(_) | Value::Bool(_))) => Some(scalar),
            _ => None,
        };
        Ok(Self { scalar, ..Self::glob(text)? })
    }

    /// Whether a scalar of the API's JSON matches. Null, empty text, lists and objects never do.
    pub fn matches(&self, value: &Value) -> bool {
        match value {
            Value::String(text) if text.is_empty() => false,
            Value::String(text) => match &self.glob {
                Some(glob) => glob.is_match(text.to_lowercase()),
                None => text.to_lowercase() == self.text.to_lowercase(),
            },
            Value::Number(number) => match &self.scalar {
                Some(Value::Number(wanted)) => same_number(wanted, number),
                _ => false,
            },
            Value::Bool(_) => self.scalar.as_ref() == Some(value),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Compares by value. Whole numbers are compared as such first: a float cannot tell 2^53 from its neighbour.
fn same_number(left: &Number, right: &Number) -> bool {
    let whole = |number: &Number| number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => left == right,
        _ => left.as_f64() == right.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn glob(pattern: &str, text: &str) -> bool {
        Pattern::glob(pattern).unwrap().matches(&json!(text))
    }

    #[test]
    fn globs_ignore_case_and_cross_anything() {
        for (pattern, text) in [
            ("web-*", "WEB-1.example/x"),
            ("WEB-1", "web-1"),
            ("db-0[1-3]", "db-02"),
            ("{web,db}-?", "db-7"),
            ("företag*", "FÖRETAG-1"),
            ("*", "a\nb"),
            ("..", ".."),
            (r"a\*", "a*"),
        ] {
            assert!(glob(pattern, text), "{pattern} should match {text:?}");
        }
        for (pattern, text) in [("web", "web-1"), ("db-0[1-3]", "db-04"), (r"a\*", "ab"), ("*", "")] {
            assert!(!glob(pattern, text), "{pattern} should not match {text:?}");
        }
    }

    #[test]
    fn text_never_matches_a_field_of_another_type() {
        let any = Pattern::glob("*").unwrap();
        for value in [json!(null), json!(4), json!(true), json!(["a"]), json!({"a": "b"})] {
            assert!(!any.matches(&value), "{value}");
        }
        assert!(!Pattern::glob("4").unwrap().matches(&json!(4)));
    }

    #[test]
    fn numbers_compare_by_value_and_booleans_by_identity() {
        let four = Pattern::number(4.into(), "4");
        assert!(four.matches(&json!(4)) && four.matches(&json!(4.0)));
        assert!(!four.matches(&json!(5)) && !four.matches(&json!(true)) && !four.matches(&json!("4.0")));
        let large = Pattern::number(9_007_199_254_740_993_u64.into(), "9007199254740993");
        assert!(!large.matches(&json!(9_007_199_254_740_992_u64)));
        let yes = Pattern::boolean(true, "true");
        assert!(yes.matches(&json!(true)) && !yes.matches(&json!(false)) && !yes.matches(&json!(1)));
    }

    #[test]
    fn an_unquoted_version_matches_the_text_written_like_it() {
        let ubuntu = Pattern::number(Number::from_f64(20.10).unwrap(), "20.10");
        assert!(ubuntu.matches(&json!("20.10")) && !ubuntu.matches(&json!("20.1")));
        assert!(Pattern::boolean(true, "true").matches(&json!("True")));
    }

    #[test]
    fn a_pattern_of_a_flag_matches_what_it_reads_as() {
        let four = Pattern::untyped("4").unwrap();
        assert!(four.matches(&json!(4.0)) && four.matches(&json!("4")) && !four.matches(&json!(5)));
        let yes = Pattern::untyped("true").unwrap();
        assert!(yes.matches(&json!(true)) && yes.matches(&json!("true")) && !yes.matches(&json!(false)));
        assert!(Pattern::untyped("web-*").unwrap().matches(&json!("web-1")));
    }

    #[test]
    fn broken_patterns_are_refused() {
        for (text, part) in [
            ("", "empty"),
            ("  ", "empty"),
            ("web-[1-3", "unclosed character class"),
            ("web-{a,b", "unclosed alternate"),
            ("[3-1]", "invalid range"),
        ] {
            let PatternError(message) = Pattern::glob(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_and_no_text_make_matching_panic(pattern in ".{0,20}", text in ".{0,20}") {
            if let Ok(pattern) = Pattern::untyped(&pattern) {
                pattern.matches(&json!(text));
            }
        }

        #[test]
        fn plain_text_matches_itself(text in "[a-zA-Z0-9_. -]{1,20}") {
            prop_assume!(!text.trim().is_empty());
            prop_assert!(glob(&text, &text.to_uppercase()));
        }
    }
}
