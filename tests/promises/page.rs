//! What `docs/promises.md` says: which tests hold a promise, and which stand for a case.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use crate::cases::Case;

/// How a case begins of which nothing is there to be tested.
pub(crate) const NOT_YET: &str = "not yet";

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/promises.md")
}

/// The page's text.
pub(crate) fn read() -> String {
    fs::read_to_string(path()).unwrap()
}

/// Writes the page anew where that was asked for, as with the other pages; says whether it was.
pub(crate) fn renew(text: &str) -> bool {
    let asked = env::var_os("UPDATE_DOCS").is_some();
    if asked {
        fs::write(path(), text).unwrap();
    }
    asked
}

/// The tests behind each promise (`G1`), from the line of its section that says by what it is held.
pub(crate) fn promises(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut promises = BTreeMap::new();
    let mut promise = None;
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            promise = heading.split(' ').next();
        } else if let (Some(promise), Some(held)) = (promise, line.strip_prefix("Held by ")) {
            promises.entry(promise).or_insert_with(Vec::new).extend(names(held));
        }
    }
    promises
}

/// A line of the tables of cases: `| PB4 | what happens | tests |`.
pub(crate) struct Row<'a> {
    pub(crate) case: Case,
    words: &'a str,
    pub(crate) tests: &'a str,
}

impl<'a> Row<'a> {
    /// Reads a line; `None` where it is none of a case.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        let (case, rest) = cells.split_once(" | ")?;
        let (words, tests) = rest.rsplit_once(" | ")?;
        Some(Self { case: Case::read(case)?, words, tests })
    }

    /// The line with these tests in place of its own. Without any, what it says of why not stands.
    pub(crate) fn with(&self, tests: &[&str]) -> String {
        let told = match tests {
            [] if self.tests.starts_with(NOT_YET) => self.tests.to_owned(),
            [] => NOT_YET.to_owned(),
            tests => tests.iter().map(|test| format!("`{test}`")).collect::<Vec<_>>().join(", "),
        };
        format!("| {} | {} | {told} |", self.case, self.words)
    }
}

/// What stands between backquotes.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
