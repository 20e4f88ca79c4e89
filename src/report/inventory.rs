//! A selection without a run: which VPSes it picks, as a table, as the API's own JSON, as names.

use std::{
    io::{self, Write},
    sync::Arc,
};

use comfy_table::{Cell, ContentArrangement, Row, Table, presets::NOTHING};
use serde_json::Value;

use super::{Style, inert, inert_json};
use crate::fleet::{Tally, Vps, fold_names};

/// Columns: heading and where in the VPS's fields it is found.
const COLUMNS: [(&str, &[&str]); 6] = [
    ("id", &["id"]),
    ("name", &["name"]),
    ("primaryIp", &["primaryIp"]),
    ("serviceStatus", &["serviceStatus"]),
    ("powerState", &["powerState"]),
    ("operatingSystem", &["operatingSystem", "displayName"]),
];

/// Writes the selected VPSes as a table, and how the selection divided the inventory.
///
/// # Errors
/// Those of `out`.
pub fn write_inventory_table(
    vpses: &[Arc<Vps>],
    tally: &Tally,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !vpses.is_empty() {
        let mut table = Table::new();
        table.load_style(NOTHING).set_truncation_indicator("…").force_no_tty();
        fit(&mut table, style);
        table
            .set_header(Row::from(COLUMNS.iter().map(|(heading, _)| Cell::new(heading)).collect::<Vec<_>>()));
        for vps in vpses {
            let fields = vps.fields();
            let cells = COLUMNS.iter().map(|(_, path)| {
                let mut names = path.iter();
                let first = names.next().and_then(|first| fields.get(*first));
                let value = names.fold(first, |value, name| value.and_then(|value| value.get(*name)));
                Cell::new(inert(value.and_then(Value::as_str).unwrap_or_default()))
            });
            let mut row = Row::from(cells.collect::<Vec<_>>());
            row.max_height(1);
            table.add_row(row);
        }
        write_lines(&table, out)?;
    }
    write_tally(tally, vpses.len(), out)
}

/// Lets a table take the width that there is.
pub(super) fn fit(table: &mut Table, style: Style) {
    match style.width {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(40)),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
}

/// Writes a table and a blank line.
pub(super) fn write_lines(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)
}

/// Writes how the selection divided the inventory.
pub(super) fn write_tally(tally: &Tally, selected: usize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", divided(tally, selected))
}

/// How the selection divided the inventory: `189 of 200 servers (11 not active and running)`.
pub(super) fn divided(tally: &Tally, selected: usize) -> String {
    let left_out: Vec<String> = [
        (tally.not_running, "not active and running"),
        (tally.not_matching, "not matching"),
        (tally.excluded, "excluded"),
        (tally.not_evaluable, "could not be judged"),
        (tally.selected.saturating_sub(selected), "not drawn"),
    ]
    .into_iter()
    .filter(|&(count, _)| count > 0)
    .map(|(count, why)| format!("{count} {why}"))
    .collect();
    let left_out = if left_out.is_empty() { String::new() } else { format!(" ({})", left_out.join(", ")) };
    let servers = if tally.listed == 1 { "server" } else { "servers" };
    format!("{selected} of {} {servers}{left_out}", tally.listed)
}

/// Writes the names of the selected VPSes on one line, folded as clush's nodeset does: `web-[1-116,118-149]`.
/// Nothing where nothing is selected.
///
/// # Errors
/// Those of `out`.
pub fn write_inventory_names(vpses: &[Arc<Vps>], out: &mut dyn Write) -> io::Result<()> {
    if vpses.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = vpses.iter().map(|vps| vps.name_or_id()).collect();
    writeln!(out, "{}", inert(&fold_names(&names)))
}

/// Writes the selected VPSes as a JSON array of the API's own objects.
///
/// # Errors
/// Those of `out`.
pub fn write_inventory_json(vpses: &[Arc<Vps>], out: &mut dyn Write) -> io::Result<()> {
    let fields: Vec<_> = vpses.iter().map(|vps| vps.fields()).collect();
    inert_json::write(&fields, out)
}
