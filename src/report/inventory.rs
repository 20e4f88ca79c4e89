//! A selection without a run: which VPSes it picks.

use std::{
    io::{self, Write},
    sync::Arc,
};

use comfy_table::{Cell, Row};
use serde::Serializer;
use serde_json::Value;

use super::{Style, inert::inert, span, table};
use crate::fleet::{Tally, Vps};

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
        let mut table = table::plain_table(style);
        table
            .set_header(Row::from(COLUMNS.iter().map(|(heading, _)| Cell::new(heading)).collect::<Vec<_>>()));
        for vps in vpses {
            let cells = COLUMNS.iter().map(|(_, path)| {
                let mut names = path.iter();
                let first = names.next().and_then(|first| vps.fields().get(*first));
                let value = names.fold(first, |value, name| value.and_then(|value| value.get(*name)));
                Cell::new(inert(value.and_then(Value::as_str).unwrap_or_default()))
            });
            table.add_row(table::one_line(cells.collect()));
        }
        table::keep_first_column(&mut table, 32);
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)?;
    }
    let left_out: Vec<String> = [
        (tally.not_running, "not active and running"),
        (tally.not_matching, "not matching"),
        (tally.excluded, "excluded"),
        (tally.not_evaluable, "could not be judged"),
    ]
    .into_iter()
    .filter(|&(count, _)| count > 0)
    .map(|(count, why)| format!("{} {why}", span::count(count as u64)))
    .collect();
    let left_out = if left_out.is_empty() { String::new() } else { format!(" ({})", left_out.join(", ")) };
    writeln!(
        out,
        "{} of {}{left_out}",
        span::count(vpses.len() as u64),
        span::counted(tally.listed, "server")
    )
}

/// Writes the selected VPSes as a JSON array of the API's own objects.
///
/// # Errors
/// Those of `out`.
pub fn write_inventory_json(vpses: &[Arc<Vps>], out: &mut dyn Write) -> io::Result<()> {
    super::json::serializer(&mut *out).collect_seq(vpses.iter().map(|vps| vps.fields()))?;
    out.write_all(b"\n")
}
