//! The table for people: a row a target, worst first, and a closing paragraph.
//!
//! The first column is the status, so no line begins with remote text. Colour marks the status and nothing else.

use std::io;

use comfy_table::{
    Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Table, presets::NOTHING,
};

use super::{
    Redactor, RunRecord, Style,
    column::{Column, Shown},
    fold, summary,
};
use crate::engine::{Status, TargetResult};

/// The status column at its widest, `check_failed`, with a space on either side.
const STATUS_WIDTH: u16 = 14;
/// A column narrower than this, spaces included, tells nothing: rather leave it out.
const LEAST_WIDTH: u16 = 9;
/// The same for the reason, which is a sentence.
const LEAST_WIDTH_OF_WHY: u16 = 20;

/// Writes the table and the closing paragraph.
pub(super) fn write(
    record: &RunRecord,
    redactor: &Redactor,
    style: Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if !record.run.targets.is_empty() {
        for line in table(record, redactor, style).lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)?;
    }
    summary::write(record, redactor, out)
}

fn table(record: &RunRecord, redactor: &Redactor, style: Style) -> Table {
    let columns = fitting(Column::of(record), style.width);
    let show = |target: &TargetResult| -> Vec<Shown> {
        columns.iter().map(|column| column.show(target, redactor)).collect()
    };
    let mut rows: Vec<(Status, Vec<Shown>)> = Vec::new();
    for group in fold::groups(&record.run.targets, style.all) {
        rows.extend(group.listed.iter().map(|target| (target.status, show(target))));
        if let Some(first) = group.folded.first() {
            let shown: Vec<Vec<Shown>> = group.folded.iter().map(|target| show(target)).collect();
            rows.push((first.status, one_for_all(&shown)));
        }
    }
    lay_out(&columns, &rows, style)
}

/// The columns that the width has room for: the status, the reason, and from the left as many others as fit.
fn fitting(columns: Vec<Column>, width: Option<u16>) -> Vec<Column> {
    let Some(width) = width else { return columns };
    let for_why = if columns.iter().any(Column::is_why) { LEAST_WIDTH_OF_WHY } else { 0 };
    let others = (width.saturating_sub(STATUS_WIDTH + for_why) / LEAST_WIDTH).max(1);
    // One more for the status itself.
    let mut room = usize::from(others) + 1;
    let fits = |column: &Column| {
        let fits = column.is_why() || room > 0;
        room = room.saturating_sub(usize::from(!column.is_why()));
        fits
    };
    columns.into_iter().filter(fits).collect()
}

/// One row in place of many: how many they are, and of each other column what they share or its range.
fn one_for_all(rows: &[Vec<Shown>]) -> Vec<Shown> {
    let words = |text: String| Shown { text, number: None, nothing: false };
    let columns = rows.first().map_or(0, Vec::len);
    let column = |index: usize| rows.iter().map(move |row| &row[index]);
    (0..columns)
        .map(|index| match index {
            1 => words(format!("{} more", rows.len())),
            _ => shared(column(index)).unwrap_or_else(|| words(String::new())),
        })
        .collect()
}

fn shared<'a>(mut cells: impl Iterator<Item = &'a Shown> + Clone) -> Option<Shown> {
    let first = cells.clone().next()?;
    if cells.clone().all(|cell| cell.text == first.text) {
        return Some(first.clone());
    }
    let mut range = (first, first);
    cells.try_for_each(|cell| {
        let number = cell.number?;
        if number < range.0.number? {
            range.0 = cell;
        }
        if number > range.1.number? {
            range.1 = cell;
        }
        Some(())
    })?;
    Some(Shown { text: format!("{}–{}", range.0.text, range.1.text), ..first.clone() })
}

fn lay_out(columns: &[Column], rows: &[(Status, Vec<Shown>)], style: Style) -> Table {
    let mut table = Table::new();
    // Cells are one line, so a line break as the delimiter of words means: cut anywhere, not between words only.
    table.load_style(NOTHING).set_truncation_indicator("…").set_delimiter('\n');
    if style.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    match style.width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    table.set_header(one_line(columns.iter().map(|column| Cell::new(&column.heading))));
    for (status, row) in rows {
        table.add_row(one_line(row.iter().enumerate().map(|(index, shown)| match index {
            0 if style.colour => Cell::new(&shown.text).fg(colour(*status)),
            _ => Cell::new(&shown.text),
        })));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        let cells = || rows.iter().map(|(_, row)| &row[index]);
        let all_numbers = cells().any(|cell| cell.number.is_some())
            && cells().all(|cell| cell.number.is_some() || cell.nothing || cell.text.is_empty());
        if columns[index].is_number() || (index > 1 && all_numbers) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    if let Some(status) = table.column_mut(0) {
        status.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

fn one_line(cells: impl Iterator<Item = Cell>) -> Row {
    let mut row = Row::from(cells.collect::<Vec<_>>());
    row.max_height(1);
    row
}

fn colour(status: Status) -> Color {
    match status {
        Status::Ok => Color::Green,
        Status::Failed | Status::CheckFailed | Status::Refused => Color::Red,
        Status::Unknown | Status::Running | Status::TimedOut => Color::Magenta,
        Status::Unavailable => Color::Yellow,
        Status::Cancelled | Status::Skipped => Color::DarkGrey,
    }
}
