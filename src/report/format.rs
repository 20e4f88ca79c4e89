//! The names of the formats.

use std::{fmt, str::FromStr};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A row a target, for people.
    Table,
    /// One document, for programs.
    Json,
    /// Every line of output, after the name of its target.
    Text,
}

/// A format that rollcall does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no report format is called `{0}`; there are {known}", known = Format::list())]
pub struct UnknownFormat(String);

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Table, Self::Json, Self::Text];

    /// The name, as in `-o json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Text => "text",
        }
    }

    fn list() -> String {
        let names: Vec<String> = Self::ALL.iter().map(|format| format!("`{format}`")).collect();
        names.join(", ")
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.name() == text);
        found.ok_or_else(|| UnknownFormat(super::inert(text).into_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_gives_its_format_and_another_names_them_all() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let error = "jsn".parse::<Format>().unwrap_err();
        assert_eq!(error.to_string(), "no report format is called `jsn`; there are `table`, `json`, `text`");
    }
}
