//! What a selection picks, and how many share a value, in every format.

use std::sync::Arc;

use rollcall::{
    fleet::{Share, Tally, Vps, census},
    report::{
        Style, write_census_json, write_census_names, write_census_table, write_inventory_json,
        write_inventory_names, write_inventory_table,
    },
};

use super::{display, guest, input::Input};

/// **Property.** Whatever servers are called and tagged, the JSON is one document with their own fields, names take one
/// line, and nothing in tables acts on a terminal.
pub fn holds(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let style = Style { width: input.choose(&[None, Some(0), Some(20), Some(80)]), ..Style::default() };
    let count = usize::from(input.number() % 8);
    let vpses: Vec<Arc<Vps>> =
        (0..count).map(|number| Arc::new(guest::vps(number, &input.text(), &input.text()))).collect();
    let tally = Tally { listed: 9, selected: count, not_matching: 9 - count, ..Tally::default() };

    let json = display::read_json(&written(|out| write_inventory_json(&vpses, out)));
    let fields: Vec<_> = vpses.iter().map(|vps| serde_json::Value::from(vps.fields().into_owned())).collect();
    assert_eq!(json, serde_json::Value::from(fields));
    let names = text(|out| write_inventory_names(&vpses, out));
    assert_eq!(names.lines().count(), usize::from(count > 0), "{names:?}");
    let table = text(|out| write_inventory_table(&vpses, &tally, style, out));
    // Headings may take several lines.
    assert!(count == 0 || table.lines().count() >= count + 3, "{table}");

    for field in ["name", "tags", "operatingSystem.displayName"] {
        let shares: Vec<Share> = census(&vpses, field).unwrap();
        let json = display::read_json(&written(|out| write_census_json(field, &shares, count, out)));
        assert!(json.is_object() || json.is_array());
        text(|out| write_census_names(&shares, out));
        text(|out| write_census_table(field, &shares, &tally, count, style, out));
    }
}

fn written(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    out
}

/// What was written, with nothing in it that acts.
fn text(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let text = String::from_utf8(written(write)).unwrap();
    display::assert_inert(&text, &['\n']);
    text
}
