//! What is known of the API's limits: found out by a run, told in its report, and what the next run begins with.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::tally::reserved;

/// What is known of the limits on one token.
///
/// What another run found out is a first guess: any answer overrules it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knowledge {
    /// The limits met or named.
    pub limits: Vec<LearnedLimit>,
    /// What was let through where none was met or named.
    pub let_through: Option<LetThrough>,
}

/// One limit of the API, as far as it became known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedLimit {
    /// Which requests share it: `default` for all of them, an operation (`list`, `probe`, `start`, `poll`), or `vps` for
    /// those to one VPS.
    pub bucket: String,
    /// Requests a window.
    pub limit: u64,
    /// The window's length, where it became known.
    pub window: Option<Duration>,
    /// How spent requests come back.
    pub renewal: Renewal,
    /// How it became known.
    pub learned_from: LearnedFrom,
}

impl LearnedLimit {
    /// Requests a window, less what is left to others: so many per cent, whole requests, and never all of them.
    pub fn less_reserve(&self, percent: u8) -> u64 {
        self.limit - reserved(self.limit, percent)
    }
}

/// How spent requests come back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Renewal {
    /// All at once, when the window ends; also where nothing else is known.
    #[default]
    AtOnce,
    /// One by one, as in a token bucket.
    Steadily,
}

impl Renewal {
    /// The word of the report.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AtOnce => "at_once",
            Self::Steadily => "steadily",
        }
    }
}

/// How a limit became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LearnedFrom {
    /// The API said it in a header.
    Header,
    /// By counting what was accepted between two refusals.
    Refusals,
}

impl LearnedFrom {
    /// The word of the report.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Refusals => "refusals",
        }
    }
}

/// Requests that left as fast as they could, none of which was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetThrough {
    /// How many.
    pub requests: u64,
    /// In which time.
    pub span: Duration,
}
