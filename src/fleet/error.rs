//! What can be wrong with a selection, known once the listing is complete.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

/// How many names a message lists.
const SHOWN: usize = 10;

/// Why a selection cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum SelectionError {
    /// Rules read fields that no VPS has and the API's documents do not know.
    #[error("{}", lines(.0))]
    UnknownFields(Vec<UnknownField>),
    /// Names that were asked for do not each name exactly one VPS.
    #[error("{}", lines(.0))]
    Names(Vec<NameProblem>),
    /// `where` could not be judged for any VPS that the other rules leave.
    #[error(
        "`where` could not be judged for any of {candidates} VPS(es): {reason}; compare values of the same type \
         (a filter such as `| int` converts)"
    )]
    NotEvaluable {
        /// Why, of one of them.
        reason: String,
        /// How many it was asked about.
        candidates: usize,
    },
    /// Not as many as `--expect` says.
    #[error(
        "expected {expected} target(s), but the selection picks {selected}; nothing was run. List them with \
         `rollcall targets` and the same selection, then correct the selection or `--expect`"
    )]
    UnexpectedCount {
        /// `--expect`.
        expected: usize,
        /// How many there are, after `--sample`.
        selected: usize,
    },
}

/// A field that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownField {
    /// Its path, as written.
    pub path: String,
    /// The known path that was probably meant.
    pub nearest: Option<String>,
}

impl Display for UnknownField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "unknown field `{}`: no VPS has it", self.path)?;
        match &self.nearest {
            Some(nearest) => write!(formatter, "; did you mean `{nearest}`?"),
            None => formatter.write_str("; `rollcall targets -o json` shows the fields that there are"),
        }
    }
}

/// A name of `--target` or `--targets` that does not name exactly one VPS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NameProblem {
    /// It names none.
    Missing {
        /// As written.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// It names several.
    Shared {
        /// As written.
        name: String,
        /// Their ids.
        ids: Vec<String>,
    },
}

impl Display for NameProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { name, nearest } => {
                write!(formatter, "no VPS has the name, id or address {name:?}")?;
                match nearest {
                    Some(nearest) => write!(formatter, "; did you mean {nearest:?}?"),
                    None => Ok(()),
                }
            }
            Self::Shared { name, ids } => {
                let shown = ids.iter().take(SHOWN).map(|id| format!("{id:?}")).collect::<Vec<_>>().join(", ");
                write!(formatter, "{} VPSes are called {name:?}: {shown}", ids.len())?;
                if ids.len() > SHOWN {
                    write!(formatter, " and {} more", ids.len() - SHOWN)?;
                }
                formatter.write_str("; name the one that is meant by its id")
            }
        }
    }
}

/// One a line, the first ones of very many.
fn lines(problems: &[impl Display]) -> String {
    let mut lines: Vec<String> = problems.iter().take(SHOWN).map(ToString::to_string).collect();
    if problems.len() > SHOWN {
        lines.push(format!("and {} more like these", problems.len() - SHOWN));
    }
    lines.join("\n")
}
