//! `report`: what the report shows.

use super::{Field, Reader, is_path};
use crate::playbook::{Diagnostic, ReportOptions, keys::REPORT, reader::shortened};

/// What a column may be, for messages.
const COLUMNS: &str =
    "a column is a field of the server (`operatingSystem.version`) or one of rollcall's own (`exit_code`)";

pub(super) fn read(reader: &mut Reader<'_>, field: &Field<'_>) -> ReportOptions {
    let Some(fields) = reader.fields(field.node, &field.key_span, &REPORT) else {
        return ReportOptions::default();
    };
    ReportOptions {
        columns: fields.get("columns").map(|field| columns(reader, field)),
        // `outcome` looks like a column, and so needs no case of its own here.
        group_by: fields.get("group_by").and_then(|field| column(reader, field)).map(str::to_owned),
    }
}

fn columns(reader: &mut Reader<'_>, field: &Field<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for node in reader.one_or_more(field, "remove it for the default columns") {
        let Some(name) = column(reader, &Field { node, ..field.clone() }) else { continue };
        if names.iter().any(|known| known == name) {
            reader.note(Diagnostic::at(node.span.clone(), format!("column `{name}` is listed twice")));
        } else {
            names.push(name.to_owned());
        }
    }
    names
}

fn column<'n>(reader: &mut Reader<'_>, field: &Field<'n>) -> Option<&'n str> {
    let name = reader.text(field)?;
    if is_path(name) {
        return Some(name);
    }
    let message = format!("`{}` is not a column", shortened(name));
    reader.note(Diagnostic::at(field.node.span.clone(), message).help(COLUMNS));
    None
}
