//! The ways of telling, by name.

use std::{fmt, str::FromStr};

/// How progress is told, as in `--progress plain`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// A bar on a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// A bar, where there is a terminal to draw it on.
    Bar,
    /// A line now and then.
    Plain,
    /// Not at all.
    None,
}

/// A way of telling that rollcall does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no way of showing progress is called `{0}`; there are `auto`, `bar`, `plain`, `none`")]
pub struct UnknownMode(String);

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Bar, Self::Plain, Self::None];

    /// The name, as in `--progress bar`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Bar => "bar",
            Self::Plain => "plain",
            Self::None => "none",
        }
    }
}

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == text);
        found.ok_or_else(|| UnknownMode(crate::report::inert(text).into_owned()))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}
