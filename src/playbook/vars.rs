//! The values that templates and expressions may use, and where they may come from.
//!
//! [`Vars`] knows which of its values are secret: its `Debug` hides them, and [`Vars::secrets`] names the texts
//! that must be redacted wherever output is shown or stored. Reading files and the environment is the
//! caller's work ([`Surroundings`]); the shape of `vars:` is read in `schema`.

use std::{borrow::Cow, fmt};

use serde_json::Value;

/// What a playbook may take from around it, handed in so that this room touches nothing.
pub trait Surroundings {
    /// An environment variable, `None` where it is not set.
    fn environment_variable(&self, name: &str) -> Option<String>;

    /// The text of a file, its path as the playbook writes it.
    ///
    /// # Errors
    /// A reason to show, without any of the content: not found, not a regular file, over 64 KiB, not UTF-8.
    fn file(&self, path: &str) -> Result<String, String>;

    /// `--var k=v`, in the order given; the values are YAML scalars.
    fn overrides(&self) -> &[(String, String)];
}

/// The values that templates and expressions may use, in the order of the playbook.
#[derive(Clone, Default)]
pub struct Vars {
    variables: Vec<Variable>,
}

#[derive(Clone)]
struct Variable {
    name: String,
    value: Value,
    secret: bool,
}

impl Vars {
    /// Takes values none of which is secret. A name that comes twice keeps its last value.
    pub fn from_values(values: impl IntoIterator<Item = (String, Value)>) -> Self {
        let mut vars = Self::default();
        for (name, value) in values {
            vars.set(name, value, false);
        }
        vars
    }

    pub(super) fn set(&mut self, name: String, value: Value, secret: bool) {
        match self.variables.iter_mut().find(|variable| variable.name == name) {
            Some(variable) => *variable = Variable { name, value, secret },
            None => self.variables.push(Variable { name, value, secret }),
        }
    }

    /// With these values in the place of those that are not secret.
    #[must_use]
    pub fn with_values(mut self, values: impl IntoIterator<Item = (String, Value)>) -> Self {
        for (name, value) in values {
            if let Some(variable) =
                self.variables.iter_mut().find(|variable| variable.name == name && !variable.secret)
            {
                variable.value = value;
            }
        }
        self
    }

    /// All names and values that are not secret.
    pub fn without_secrets(&self) -> impl Iterator<Item = (&str, &Value)> {
        let open = self.variables.iter().filter(|variable| !variable.secret);
        open.map(|variable| (variable.name.as_str(), &variable.value))
    }

    /// The names of secrets that are empty.
    pub fn empty_secrets(&self) -> impl Iterator<Item = &str> {
        let secret = self.variables.iter().filter(|variable| variable.secret);
        secret.filter(|variable| variable.value.as_str() == Some("")).map(|variable| variable.name.as_str())
    }

    /// The value under a name.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.variables.iter().find(|variable| variable.name == name).map(|variable| &variable.value)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|variable| variable.name.as_str())
    }

    /// All names and values, the secret ones too.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.variables.iter().map(|variable| (variable.name.as_str(), &variable.value))
    }

    /// Whether the value under a name is secret.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        self.variables.iter().any(|variable| variable.name == name && variable.secret)
    }

    /// The texts that must be redacted wherever they are shown or stored. Never an empty text; the longest
    /// first, so that replacing one in turn leaves no tail of another.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let secret = self.variables.iter().filter(|variable| variable.secret);
        let mut texts: Vec<&str> =
            secret.filter_map(|variable| variable.value.as_str()).filter(|text| !text.is_empty()).collect();
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.into_iter()
    }

    /// A text with every secret value replaced.
    pub(super) fn redacted<'text>(&self, text: &'text str) -> Cow<'text, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.secrets() {
            if text.contains(secret) {
                text = Cow::Owned(text.replace(secret, "[redacted]"));
            }
        }
        text
    }
}

impl fmt::Debug for Vars {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = formatter.debug_map();
        for variable in &self.variables {
            if variable.secret {
                map.entry(&variable.name, &"[redacted]");
            } else {
                map.entry(&variable.name, &variable.value);
            }
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_found_by_name_and_listed_in_order() {
        let vars = Vars::from_values([
            ("b".to_owned(), json!(1)),
            ("a".to_owned(), json!("x")),
            ("b".to_owned(), json!(2)),
        ]);
        assert_eq!(vars.names().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(vars.value("b"), Some(&json!(2)));
        assert_eq!(vars.value("c"), None);
        assert_eq!(vars.iter().count(), 2);
        assert_eq!(vars.secrets().count(), 0);
    }

    #[test]
    fn secret_texts_are_named_for_redaction_and_hidden_from_debug() {
        let mut vars = Vars::default();
        vars.set("user".to_owned(), json!("hunter"), true);
        vars.set("token".to_owned(), json!("hunter2"), true);
        vars.set("empty".to_owned(), json!(""), true);
        vars.set("mount".to_owned(), json!("/"), false);
        assert_eq!(vars.secrets().collect::<Vec<_>>(), ["hunter2", "hunter"]);
        let shown = format!("{vars:?}");
        assert!(!shown.contains("hunter") && shown.contains("[redacted]") && shown.contains('/'), "{shown}");
        assert_eq!(vars.redacted("no hunter2 here"), "no [redacted] here");
    }
}
