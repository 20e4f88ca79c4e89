//! `report`: what the report shows.

use super::{Field, Reader, is_path, judgements};
use crate::playbook::{Diagnostic, ReportOptions, keys::REPORT, reader::shortened};

/// What a column may be, for messages.
const COLUMNS: &str =
    "a column is a field of the server (`operatingSystem.version`) or one of rollcall's own (`exit_code`)";

/// `captures` are the names of all captures of the playbook.
pub(super) fn read(reader: &mut Reader<'_>, field: &Field<'_>, captures: &[&str]) -> ReportOptions {
    let Some(fields) = reader.fields(field.node, &field.key_span, &REPORT) else {
        return ReportOptions::default();
    };
    ReportOptions {
        columns: fields.get("columns").map(|field| columns(reader, field, captures)),
        // `outcome` looks like a column, and so needs no case of its own here.
        group_by: fields.get("group_by").and_then(|field| column(reader, field, captures)).map(str::to_owned),
    }
}

fn columns(reader: &mut Reader<'_>, field: &Field<'_>, captures: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for node in reader.one_or_more(field, "remove it for the default columns") {
        let Some(name) = column(reader, &Field { node, ..field.clone() }, captures) else { continue };
        if names.iter().any(|known| known == name) {
            reader.note(Diagnostic::at(node.span.clone(), format!("column `{name}` is listed twice")));
        } else {
            names.push(name.to_owned());
        }
    }
    names
}

fn column<'n>(reader: &mut Reader<'_>, field: &Field<'n>, captures: &[&str]) -> Option<&'n str> {
    let name = reader.text(field)?;
    let at = |message| Diagnostic::at(field.node.span.clone(), message);
    reader.note(if !is_path(name) {
        at(format!("`{}` is not a column", shortened(name))).help(COLUMNS)
    } else if let Some(near) = judgements::meant_capture(name, captures) {
        at(format!("nothing is captured as `{name}`")).label(format!("did you mean `{near}`?"))
    } else {
        return Some(name);
    });
    None
}
