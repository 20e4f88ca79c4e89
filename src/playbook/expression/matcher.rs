//! The pattern of `is matching(…)` and of the filter `regex(…)`.

use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;

use super::{super::language, syntax::Node};

/// A regular expression that stands in the text, or in a variable.
///
/// Never in a field: what a provider or a guest says is compared, not interpreted.
#[derive(Debug, Clone)]
pub(super) enum Matcher {
    Fixed(Regex),
    Variable(Box<Node>, Latest),
}

impl Matcher {
    pub(super) fn of_variable(node: Node) -> Self {
        Self::Variable(Box::new(node), Latest::default())
    }

    /// The node that reads the variable.
    pub(super) fn variable(&self) -> Option<&Node> {
        match self {
            Self::Fixed(_) => None,
            Self::Variable(node, _) => Some(node),
        }
    }
}

/// The pattern that was compiled last, for a variable is the same for every VPS of a run.
#[derive(Clone, Default)]
pub(super) struct Latest(Arc<Mutex<Option<Regex>>>);

impl Latest {
    pub(super) fn compiled(&self, pattern: &str) -> Result<Regex, String> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some(regex) if regex.as_str() == pattern => Ok(regex.clone()),
            _ => Ok(latest.insert(language::regex(pattern)?).clone()),
        }
    }
}

impl std::fmt::Debug for Latest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The variable may be a secret.
        formatter.write_str("Latest")
    }
}
