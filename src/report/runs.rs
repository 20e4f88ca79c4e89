//! The runs that are kept, as a table and as JSON.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Row, Table, presets::NOTHING};
use serde::Serialize;

use super::{
    Redactor, Style, inert, inert_json, inventory,
    json::{Counts, Playbook, rfc3339},
    words,
};
use crate::{
    engine::Status,
    store::{RunCounts, RunHead},
};

const SCHEMA_VERSION: u32 = 1;

/// The last one has no heading: it marks what is unlike the others.
const HEADINGS: [&str; 10] =
    ["run", "started", "playbook", "targets", "ok", "not ok", "open", "state", "exit", ""];

/// The columns that hold numbers.
const NUMBERS: [usize; 5] = [3, 4, 5, 6, 8];

/// Whether anything is left to be done in a run, and whether somebody is at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// All has been done that could be.
    Finished,
    /// It was cut short.
    Unfinished,
    /// A process works on it.
    InProgress,
}

impl RunState {
    /// The word for people; JSON has `_` for the space.
    const fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Unfinished => "unfinished",
            Self::InProgress => "in progress",
        }
    }
}

/// A run in the list.
#[derive(Debug, Clone)]
pub struct ListedRun {
    /// What it is.
    pub head: RunHead,
    /// How far it came.
    pub counts: RunCounts,
    /// What is left to be done.
    pub state: RunState,
    /// As much of its id as no other run begins with.
    pub short_id: String,
}

/// Writes a row a run, in the order given; `more` is how many others there are.
///
/// # Errors
/// Those of `out`.
pub fn write_runs_table(
    runs: &[ListedRun],
    more: usize,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if runs.is_empty() && more == 0 {
        return writeln!(out, "no runs");
    }
    if !runs.is_empty() {
        let mut table = Table::new();
        table.load_style(NOTHING).set_truncation_indicator("…").force_no_tty();
        inventory::fit(&mut table, style);
        table.set_header(Row::from(HEADINGS.map(Cell::new).to_vec()));
        for run in runs {
            let mut row = Row::from(cells(run).map(Cell::new).to_vec());
            row.max_height(1);
            table.add_row(row);
        }
        for column in NUMBERS {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    match more {
        0 => Ok(()),
        more => writeln!(out, "\n{} more; --limit N shows N of them", words::number(more as u64)),
    }
}

fn cells(run: &ListedRun) -> [String; 10] {
    let ListedRun { head, counts: RunCounts { summary, targets, open }, state, short_id } = run;
    let ok = summary.count(Status::Ok);
    let number = |count: usize| words::number(count as u64);
    [
        inert(short_id).into_owned(),
        rfc3339(head.started_at, 0),
        inert(&head.playbook_name).into_owned(),
        number(*targets),
        number(ok),
        // What is open is not done, whatever is known of it.
        number(targets.saturating_sub(ok + open)),
        number(*open),
        state.word().to_owned(),
        head.exit_code.map_or_else(|| "–".to_owned(), |code| code.to_string()),
        if head.in_sandbox { "sandbox".to_owned() } else { String::new() },
    ]
}

/// Writes the runs as one JSON document, in the order given; `more` is how many others there are.
///
/// # Errors
/// Those of `out`.
pub fn write_runs_json(runs: &[ListedRun], more: usize, out: &mut dyn Write) -> io::Result<()> {
    // Secrets were taken out before anything was kept.
    let redactor = Redactor::default();
    let runs = runs.iter().map(|run| RunDocument::new(run, &redactor)).collect();
    inert_json::write(&Document { schema_version: SCHEMA_VERSION, runs, more }, out)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u32,
    runs: Vec<RunDocument<'a>>,
    more: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunDocument<'a> {
    run_id: &'a str,
    started_at: String,
    finished_at: Option<String>,
    playbook: Playbook<'a>,
    api_url: &'a str,
    sandbox: bool,
    state: String,
    exit_code: Option<u8>,
    summary: Counts,
    open: usize,
}

impl<'a> RunDocument<'a> {
    fn new(run: &'a ListedRun, redactor: &'a Redactor) -> Self {
        let ListedRun { head, counts: RunCounts { summary, targets, open }, state, .. } = run;
        Self {
            run_id: &head.id,
            started_at: rfc3339(head.started_at, 3),
            finished_at: head.ended_at.map(|at| rfc3339(at, 3)),
            playbook: Playbook::new(
                &head.playbook_name,
                head.playbook_path.as_deref(),
                &head.playbook_sha256,
                redactor,
            ),
            api_url: &head.url,
            sandbox: head.in_sandbox,
            state: state.word().replace(' ', "_"),
            exit_code: head.exit_code,
            summary: Counts { summary: *summary, targets: *targets },
            open: *open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Summary, store::RunNumber};

    fn run(id: &str, state: RunState, counts: &[(Status, usize)], open: usize) -> ListedRun {
        let mut summary = Summary::default();
        for &(status, count) in counts {
            (0..count).for_each(|_| summary.add(status));
        }
        let is_over = state != RunState::InProgress;
        let head = RunHead {
            number: RunNumber::FIRST,
            id: id.to_owned(),
            started_at: "2026-03-09T11:58:07.123Z".parse().unwrap(),
            url: "https://cloud.hostup.se".to_owned(),
            in_sandbox: false,
            playbook_name: "nightly".to_owned(),
            playbook_path: Some("audits/nightly.yaml".to_owned()),
            playbook_sha256: "9f86d081".to_owned(),
            source: "{}".to_owned(),
            ended_at: is_over.then(|| "2026-03-09T11:58:19.5Z".parse().unwrap()),
            exit_code: is_over.then_some(130),
        };
        // Of a run in progress some targets are not done, and counted nowhere else.
        let targets = if is_over { summary.targets() } else { summary.targets() + open };
        ListedRun { head, counts: RunCounts { summary, targets, open }, state, short_id: id[..6].to_owned() }
    }

    fn several() -> Vec<ListedRun> {
        let mut sandbox = run("01KK9AAAVQ4T5WDZ3S0YH7N2AB", RunState::Finished, &[], 0);
        sandbox.head.in_sandbox = true;
        sandbox.head.playbook_name = "ev\u{1b}[2Jil\nname".to_owned();
        sandbox.head.playbook_path = None;
        sandbox.head.exit_code = Some(8);
        vec![
            run("01KKCC8XVQ4T5WDZ3S0YH7N2AB", RunState::InProgress, &[(Status::Ok, 1_200)], 300),
            run(
                "01KKBB8XVQ4T5WDZ3S0YH7N2AB",
                RunState::Unfinished,
                &[(Status::Ok, 96), (Status::Failed, 1), (Status::Running, 3), (Status::Cancelled, 101)],
                104,
            ),
            sandbox,
        ]
    }

    fn table(runs: &[ListedRun], more: usize, width: Option<u16>) -> String {
        let mut out = Vec::new();
        write_runs_table(runs, more, Style { width, ..Style::default() }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn json(runs: &[ListedRun]) -> String {
        let mut out = Vec::new();
        write_runs_json(runs, 2, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_has_a_row_a_run_and_is_inert() {
        insta::assert_snapshot!(table(&several(), 1_234, None));
        let narrow = table(&several(), 0, Some(60));
        assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
    }

    #[test]
    fn the_document_has_every_key_and_is_inert() {
        insta::assert_snapshot!(json(&several()[1..]));
    }

    #[test]
    fn y1_where_there_are_none_it_is_said() {
        assert_eq!(table(&[], 0, None), "no runs\n");
    }
}
