//! A finished run, in every format.
//!
//! [`write()`] turns a [`RunRecord`] into a table, one JSON document, or plain text: a file a format. What a report
//! shows comes from servers and guests, so every format makes it inert ([`inert()`]) and hides secrets before it
//! shows anything. [`write_atomically`] puts a report into a file, whole or not at all.
//!
//! Kept out: the run while it goes on (`progress/`), which report goes where and what exit code follows
//! (`cli/`), and deciding anything: what a target's status is was settled in `engine/`.

mod closing;
mod columns;
mod file;
mod inert;
mod inventory;
mod json;
mod redact;
pub(crate) mod span;
mod stop;
mod table;
mod text;
mod words;

#[cfg(test)]
mod tests;

use std::{fmt, io, str::FromStr};

pub use file::write_atomically;
pub use inert::{inert, inert_lines};
pub use inventory::{write_inventory_json, write_inventory_table};
pub use stop::stop_message;

use crate::engine::FinishedRun;

/// Everything that a report says.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// The run's id.
    pub run_id: String,
    /// The playbook's name.
    pub playbook_name: String,
    /// Where the playbook came from, as the user gave it; `None` for a command without a file.
    pub playbook_path: Option<String>,
    /// SHA-256 of the playbook's text, in lower-case hexadecimal.
    pub playbook_sha256: String,
    /// When the run began.
    pub started_at: jiff::Timestamp,
    /// The API's base URL.
    pub api_url: String,
    /// What the process will exit with.
    pub exit_code: u8,
    /// Columns of the table, in order; `None`: the default ones.
    pub columns: Option<Vec<String>>,
    /// Texts to show as `[redacted]` wherever they occur, in any format.
    pub secrets: Vec<String>,
    /// The run itself.
    pub run: FinishedRun,
}

/// How a report looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A row a target, worst first, and a summary: for people.
    Table,
    /// One JSON document: for programs.
    Json,
    /// Every line of output with its target's name before it: for people and `grep`.
    Text,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Table, Self::Json, Self::Text];

    /// The format's name on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

/// A word that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no report format `{}`; it is one of table, json, text", inert(.0))]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|format| format.word() == word);
        known.ok_or_else(|| UnknownFormat(word.to_owned()))
    }
}

/// How a report for people is laid out. JSON has one layout only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether statuses are coloured.
    pub colour: bool,
    /// Columns of the terminal; `None` for a pipe or a file.
    pub width: Option<u16>,
    /// Lists each target, also where many are alike.
    pub all: bool,
}

impl Style {
    /// As fits this process's standard output: colours and width of a terminal, neither in a pipe.
    pub fn of_stdout(all: bool) -> Self {
        let stdout = io::stdout();
        let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        let width = comfy_table::Table::new().width().filter(|_| io::IsTerminal::is_terminal(&stdout));
        Self { colour, width, all }
    }
}

/// Writes a report.
///
/// # Errors
/// Those of `out`. A closed pipe is one of them; the run is over by then, so it need not be a failure.
pub fn write(format: Format, record: &RunRecord, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    match format {
        Format::Table => table::write(record, style, &mut out)?,
        Format::Json => json::write(record, &mut out)?,
        Format::Text => text::write(record, &mut out)?,
    }
    io::Write::flush(&mut out)
}
