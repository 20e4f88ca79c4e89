//! A row a target, worst first, and what the run came to: for people.
//!
//! The status comes first on each line, so that no line begins with remote text. What is alike is folded: an
//! operator reads the few that differ, and `--all` lists the rest.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::Arc,
};

use comfy_table::{Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Table, Width};

use super::{RunRecord, Style, closing, columns::Column, redact::Redactor, span};
use crate::{
    engine::{Reason, Status, TargetResult},
    fleet::natural_cmp,
};

/// Rows of one kind shown before the rest of the kind is folded into one.
const ALIKE: usize = 20;
/// The narrowest terminal that is laid out for.
const NARROWEST: u16 = 40;

pub(super) fn write(record: &RunRecord, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let redactor = Redactor::new(&record.secrets);
    if !record.run.targets.is_empty() {
        let table = table(record, style, &redactor);
        // Lines padded to the table's width would wrap in a narrower window.
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)?;
    }
    closing::write(record, &redactor, out)
}

fn table(record: &RunRecord, style: Style, redactor: &Redactor) -> Table {
    let targets = &record.run.targets;
    let some_not_ok = targets.iter().any(|target| target.status != Status::Ok);
    let columns = Column::of_table(record.columns.as_deref(), some_not_ok);
    let mut table = plain_table(style);
    let headings = columns.iter().map(|column| Cell::new(&column.heading));
    table.set_header(Row::from(std::iter::once(Cell::new("status")).chain(headings).collect::<Vec<_>>()));
    for (index, column) in columns.iter().enumerate() {
        if column.is_numeric()
            && let Some(column) = table.column_mut(index + 1)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in rows(targets, style.all) {
        table.add_row(match row {
            Shown::Target(target) => {
                let cells = columns.iter().map(|column| Cell::new(column.cell(target, redactor)));
                one_line(std::iter::once(status_cell(target.status, style)).chain(cells).collect())
            }
            Shown::Folded { status, reason, targets } => {
                let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                let more = format!("{} more{reason}", span::count(targets as u64));
                one_line(vec![status_cell(status, style), Cell::new(more)])
            }
        });
    }
    table
}

/// A table without lines, cut to the terminal.
pub(super) fn plain_table(style: Style) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    match style.width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(NARROWEST));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    if style.colour {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    table
}

/// A row of one line, whatever its cells hold: they end in `…` where they do not fit.
pub(super) fn one_line(cells: Vec<Cell>) -> Row {
    let mut row = Row::from(cells);
    row.max_height(1);
    row
}

/// Keeps the first column as wide as its longest word.
pub(super) fn keep_first_column(table: &mut Table, width: u16) {
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
    }
}

fn status_cell(status: Status, style: Style) -> Cell {
    let cell = Cell::new(status.word());
    if !style.colour {
        return cell;
    }
    cell.fg(match status {
        Status::Ok => Color::Green,
        Status::Unknown | Status::Failed | Status::CheckFailed | Status::TimedOut => Color::Red,
        Status::Running | Status::Refused | Status::Unavailable => Color::Yellow,
        Status::Cancelled | Status::Skipped => Color::DarkGrey,
    })
}

enum Shown<'a> {
    Target(&'a TargetResult),
    Folded { status: Status, reason: Option<Reason>, targets: usize },
}

/// Worst first, names in natural order; of many alike the first few, and how many more there are.
fn rows(targets: &[Arc<TargetResult>], all: bool) -> Vec<Shown<'_>> {
    let mut kinds: BTreeMap<(Status, Option<Reason>), Vec<&TargetResult>> = BTreeMap::new();
    for target in targets {
        kinds.entry((target.status, target.reason)).or_default().push(target);
    }
    let mut rows = Vec::new();
    for ((status, reason), mut alike) in kinds {
        alike.sort_by(|one, other| natural_cmp(one.vps.name(), other.vps.name()));
        let shown = if all || alike.len() <= ALIKE { alike.len() } else { ALIKE / 2 };
        let folded = alike.len() - shown;
        rows.extend(alike.into_iter().take(shown).map(Shown::Target));
        if folded > 0 {
            rows.push(Shown::Folded { status, reason, targets: folded });
        }
    }
    rows
}
