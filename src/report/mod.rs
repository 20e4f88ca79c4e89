//! What a run says in the end, one file a format.
//!
//! A [`RunRecord`] is everything a report may say; [`write()`] says it in a [`Format`]. The formats share the words
//! of `words.rs` and the closing paragraph of `summary.rs`; outside text goes through [`inert`] and secrets are
//! taken out on the way. Kept out: what happens while a run goes on (`progress/`), and where a report goes to
//! (`cli/` chooses stdout or, for `--report`, [`write_atomically`]).

mod apart;
mod census;
mod column;
mod difference;
mod file;
mod finding;
mod fold;
mod format;
mod grouped;
mod groups;
mod heading;
mod inert;
mod inert_json;
mod inventory;
mod json;
mod limits;
mod next;
mod normalize;
mod plan;
mod runs;
mod shown;
mod spent;
mod summary;
mod table;
mod text;
pub(crate) mod words;

#[cfg(test)]
mod tests;

use std::{fmt, io};

pub use crate::redact::REDACTED;
pub(crate) use crate::redact::Redactor;
pub use census::{write_census_json, write_census_names, write_census_table};
pub use file::write_atomically;
pub use format::{Format, UnknownFormat};
pub use inert::{inert, inert_lines};
pub use inventory::{write_inventory_json, write_inventory_names, write_inventory_table};
pub use limits::{write_limits_json, write_limits_table};
pub(crate) use next::{can_be_asked_again, is_tried_again};
pub use normalize::{Normalize, UnknownPart};
pub use plan::{PlanRecord, write_plan, write_plan_json};
pub use runs::{ListedRun, RunState, write_runs_json, write_runs_table};
pub(crate) use words::span;

use crate::engine::{FinishedRun, Stop};

/// What can be done with a run later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Later {
    /// Nothing: it is not kept.
    #[default]
    Nothing,
    /// It can be shown, but neither gone on with nor tried again: its API is gone, or a process still works on it.
    Show,
    /// All of that.
    Everything,
}

/// Characters of an id that tell it from others: those that a ULID has of the time, to the millisecond.
const SHORT_ID: usize = 10;

/// Everything a report says about a run.
#[derive(Clone)]
pub struct RunRecord {
    /// The run's id.
    pub run_id: String,
    /// The playbook's name.
    pub playbook_name: String,
    /// Where the playbook was read from; `None` if from no file.
    pub playbook_path: Option<String>,
    /// The hash of the playbook's text, in hexadecimal.
    pub playbook_sha256: String,
    /// The wall time of the run's first instant; all other times are given from it.
    pub started_at: jiff::Timestamp,
    /// The API's address.
    pub api_url: String,
    /// What the process will end with.
    pub exit_code: u8,
    /// The playbook's `report.columns`, if it has any.
    pub columns: Option<Vec<String>>,
    /// What the table's targets are put together by: `outcome`, or the name of a column.
    pub group_by: Option<String>,
    /// What is left out when outputs are compared, to put equal ones together.
    pub normalize: Normalize,
    /// Text to be shown as [`REDACTED`] wherever it occurs.
    pub secrets: Vec<String>,
    /// What can be done with it later.
    pub later: Later,
    /// What happened.
    pub run: FinishedRun,
}

impl RunRecord {
    /// As much of the id as tells it from others for good. A shorter beginning may be another run's tomorrow.
    pub fn short_id(&self) -> &str {
        self.run_id.get(..SHORT_ID).unwrap_or(&self.run_id)
    }
}

impl fmt::Debug for RunRecord {
    /// Says which run it is, and none of its secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RunRecord").field("run_id", &self.run_id).finish_non_exhaustive()
    }
}

/// How a report looks to a person. JSON does not depend on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether statuses are coloured.
    pub colour: bool,
    /// The columns of the terminal; cells are cut to fit. `None` where nothing has to fit, as in a pipe.
    pub width: Option<u16>,
    /// Lists every target, however alike.
    pub all: bool,
}

/// What stopped a run early, and what to do about it, in plain words. What is remote in it is [`inert`], so that none of
/// its lines is another's: only a selection has several mistakes, and quotes what it names.
pub fn stop_message(stop: &Stop) -> String {
    let text = words::stop(stop);
    match stop {
        Stop::Selection(_) => inert_lines(&text).into_owned(),
        _ => inert(&text).into_owned(),
    }
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

/// Writes the report of a run.
///
/// # Errors
/// Those of `out`. A closed pipe is one of them; whether it matters is the caller's to say.
pub fn write(format: Format, record: &RunRecord, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
    let redactor = Redactor::new(&record.secrets);
    match format {
        Format::Table => match groups::By::of(record) {
            Some(by) => grouped::write(record, &by, &redactor, style, out),
            None => table::write(record, &redactor, style, out),
        },
        Format::Json => json::write(record, &redactor, out),
        Format::Text => text::write(record, &redactor, style, out),
    }
}

/// Writes any document as JSON: pretty-printed, a newline at its end, and safe to look at in a terminal.
///
/// # Errors
/// Those of `out`.
pub fn write_json(document: &impl serde::Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    inert_json::write(document, out)
}

/// Writes what the text format leaves out: how many targets ended how, which were not ok, and what the time went
/// into. For stderr, beside a stdout that holds lines of servers only.
///
/// # Errors
/// Those of `out`.
pub fn write_summary(record: &RunRecord, out: &mut dyn io::Write) -> io::Result<()> {
    let redactor = Redactor::new(&record.secrets);
    summary::write_with_names(record, &redactor, out)
}
