//! The table for people: a row a target, worst first, and a closing paragraph.
//!
//! The first column is the status, so no line begins with remote text. Colour marks the status and nothing else.

use std::io;

use comfy_table::{
    Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Table, presets::NOTHING,
};

use super::{
    Redactor, RunRecord, Style,
    column::Column,
    fold,
    next::{self, Next},
    shown::Shown,
    summary,
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
    let columns = fitting(Column::of(record), style.width);
    let mut folded = Folded::default();
    if !record.run.targets.is_empty() {
        for line in table(record, &columns, redactor, style, &mut folded).lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)?;
    }
    summary::write(record, redactor, out)?;
    let mut lines: Vec<Next> =
        next::look_at(record, redactor).into_iter().chain(next::go_on(record)).collect();
    // Only somebody who sits there may want to see it once more.
    if folded.targets > 0 && style.width.is_some() {
        lines.push(Next::new("--all", format!("lists the {} as well", folded.targets)));
        if folded.answers_differ {
            lines.push(Next::new("--group", "puts equal answers together"));
        }
    }
    next::write(&lines, out)
}

/// What the table does not list.
#[derive(Default)]
struct Folded {
    targets: usize,
    /// Among them are different outputs of which it shows none.
    answers_differ: bool,
}

/// Makes the table, and counts the targets that have no row of their own.
fn table(
    record: &RunRecord,
    columns: &[Column],
    redactor: &Redactor,
    style: Style,
    folded: &mut Folded,
) -> Table {
    let show = |target: &TargetResult| -> Vec<Shown> {
        columns.iter().map(|column| column.show(target, redactor)).collect()
    };
    let told = |target: &TargetResult| {
        let cells = columns.iter().map(|column| (column, column.show(target, redactor)));
        let cells = cells.filter(|(column, shown)| column.tells_apart(shown));
        // Cells are inert, so none has a line break.
        cells.map(|(_, shown)| shown.text).collect::<Vec<_>>().join("\n")
    };
    let mut rows: Vec<Line> = Vec::new();
    for group in fold::groups(&record.run.targets, style.all, told) {
        let colour = colour(group.status, group.severity < record.run.fail_on);
        rows.extend(group.listed.iter().map(|target| Line { colour, cells: show(target) }));
        let shared = group.folded.iter().map(|target| show(target)).map(Shared::of).reduce(Shared::and);
        if let Some(shared) = shared {
            folded.targets += shared.rows;
            let cells = shared.cells();
            let mut printed = columns.iter().zip(&cells).filter(|(column, _)| column.is_printed());
            folded.answers_differ |= printed.any(|(_, cell)| cell.text.is_empty());
            rows.push(Line { colour, cells });
        }
    }
    let headings = columns.iter().map(|column| Cell::new(redactor.text(&column.heading)));
    lay_out(columns, headings, &rows, style)
}

/// A row and the colour of its status.
struct Line {
    colour: Color,
    cells: Vec<Shown>,
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
struct Shared {
    rows: usize,
    /// Of each column the least and the most; `None` where they are neither the same nor all numbers.
    columns: Vec<Option<Range>>,
}

/// The least and the most of a column; the same twice where all share it.
type Range = (Shown, Shown);

impl Shared {
    fn of(row: Vec<Shown>) -> Self {
        Self { rows: 1, columns: row.into_iter().map(|cell| Some((cell.clone(), cell))).collect() }
    }

    fn and(self, other: Self) -> Self {
        let columns = self.columns.into_iter().zip(other.columns);
        let both = |(one, two): (Option<Range>, Option<Range>)| {
            let (one, two) = (one?, two?);
            // The same text throughout needs no number.
            if one.0.text == one.1.text && one.0.text == two.0.text {
                return Some(one);
            }
            let least = if two.0.number? < one.0.number? { two.0 } else { one.0 };
            let most = if two.1.number? > one.1.number? { two.1 } else { one.1 };
            Some((least, most))
        };
        Self { rows: self.rows + other.rows, columns: columns.map(both).collect() }
    }

    fn cells(self) -> Vec<Shown> {
        let words = |text: String| Shown { text, number: None, nothing: false };
        let columns = self.columns.into_iter().enumerate();
        let cells = columns.map(|(index, column)| match column {
            _ if index == 1 => words(format!("{} more", self.rows)),
            Some((least, most)) if least.text == most.text => least,
            Some((least, most)) => Shown { text: format!("{}–{}", least.text, most.text), ..least },
            None => words(String::new()),
        });
        cells.collect()
    }
}

fn lay_out(columns: &[Column], headings: impl Iterator<Item = Cell>, rows: &[Line], style: Style) -> Table {
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
    table.set_header(one_line(headings));
    for row in rows {
        table.add_row(one_line(row.cells.iter().enumerate().map(|(index, shown)| match index {
            0 if style.colour => Cell::new(&shown.text).fg(row.colour),
            _ => Cell::new(&shown.text),
        })));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        let cells = || rows.iter().map(|row| &row.cells[index]);
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

/// The colour of a status; `mild` is what is below the run's `--fail-on`.
pub(super) fn colour(status: Status, mild: bool) -> Color {
    match status {
        Status::CheckFailed if mild => Color::Yellow,
        Status::Ok => Color::Green,
        Status::Failed | Status::CheckFailed | Status::Refused => Color::Red,
        Status::Unknown | Status::Running | Status::TimedOut => Color::Magenta,
        Status::Unavailable => Color::Yellow,
        Status::Cancelled | Status::Skipped => Color::DarkGrey,
    }
}
