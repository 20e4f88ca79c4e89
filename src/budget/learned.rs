//! What a run found out about the API's limits, for its report.

use std::time::Duration;

/// One limit of the API, as far as it became known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearnedLimit {
    /// Which requests share it: `default` for all of them.
    pub bucket: String,
    /// Requests a window.
    pub limit: u64,
    /// The window's length, where it became known.
    pub window: Option<Duration>,
    /// How it became known.
    pub learned_from: LearnedFrom,
}

/// How a limit became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
