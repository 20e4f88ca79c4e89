//! How many VPSes have which value in a field: as a table, as JSON, as names.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Row, Table, presets::NOTHING};
use serde_json::{Value, json};

use super::{Style, inert, inert_json, inventory};
use crate::fleet::{Share, Tally, fold_names};

/// What stands for a value that is not there.
const MISSING: &str = "(missing)";

/// Writes a row a value, and how the selection divided the inventory.
///
/// # Errors
/// Those of `out`.
pub fn write_census_table(
    field: &str,
    shares: &[Share],
    tally: &Tally,
    selected: usize,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !shares.is_empty() {
        let mut table = Table::new();
        table.load_style(NOTHING).set_truncation_indicator("…").force_no_tty();
        inventory::fit(&mut table, style);
        table.set_header(Row::from(vec![Cell::new("servers"), Cell::new(inert(field))]));
        for share in shares {
            let mut row = Row::from(vec![Cell::new(share.vpses.len()), Cell::new(word(share))]);
            row.max_height(1);
            table.add_row(row);
        }
        if let Some(counts) = table.column_mut(0) {
            counts.set_cell_alignment(CellAlignment::Right);
        }
        inventory::write_lines(&table, out)?;
    }
    inventory::write_tally(tally, selected, out)
}

/// Writes the counts as one JSON document; a value that is missing is null.
///
/// # Errors
/// Those of `out`.
pub fn write_census_json(
    field: &str,
    shares: &[Share],
    selected: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let counts: Vec<Value> =
        shares.iter().map(|share| json!({ "value": share.value, "targets": share.vpses.len() })).collect();
    inert_json::write(&json!({ "field": field, "targets": selected, "counts": counts }), out)
}

/// Writes a line a value: the value, a colon, the folded names of those that have it.
///
/// # Errors
/// Those of `out`.
pub fn write_census_names(shares: &[Share], out: &mut dyn Write) -> io::Result<()> {
    for share in shares {
        let names: Vec<&str> = share.vpses.iter().map(|vps| vps.name_or_id()).collect();
        writeln!(out, "{}: {}", word(share), inert(&fold_names(&names)))?;
    }
    Ok(())
}

fn word(share: &Share) -> String {
    match &share.value {
        None => MISSING.to_owned(),
        Some(Value::String(text)) => inert(text).into_owned(),
        Some(other) => inert(&other.to_string()).into_owned(),
    }
}
