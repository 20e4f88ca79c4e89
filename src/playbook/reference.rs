//! The parts of `docs/playbook.md` that the code knows best, as Markdown.
//!
//! Only a test needs them: it compares each with what stands between its markers in the page, so that the page cannot
//! say anything else than the code does. With `UPDATE_DOCS=1` it writes them.

mod words;

use std::fmt::Write as _;

use self::words::{COLUMNS, FILTERS, FUNCTIONS, STATUSES, TESTS, Word};
use super::{
    CONCURRENCY, Lint,
    keys::{ALL, Default, Keys, Names, Needs, Shape},
};

/// Each generated part under the name of its marker.
fn parts() -> Vec<(String, String)> {
    let mut parts: Vec<_> =
        ALL.iter().map(|keys| (format!("keys of {}", keys.section), keys_of(keys))).collect();
    let words = |words: &[Word]| rows(["", "meaning", "example", "gives"], words.iter().map(Word::cells));
    parts.push(("filters".to_owned(), words(&FILTERS)));
    parts.push(("tests".to_owned(), words(&TESTS)));
    parts.push(("functions".to_owned(), words(&FUNCTIONS)));
    parts.push((
        "columns".to_owned(),
        rows(["column", "shows"], COLUMNS.iter().map(|(name, shows)| [code(name), (*shows).to_owned()])),
    ));
    parts.push((
        "statuses".to_owned(),
        rows(
            ["status", "meaning"],
            STATUSES.iter().map(|(status, meaning)| [code(status), (*meaning).to_owned()]),
        ),
    ));
    parts.push((
        "lints".to_owned(),
        rows(
            ["warning", "what it finds, and why"],
            Lint::ALL.iter().map(|lint| [code(lint.name()), lint.reason().to_owned()]),
        ),
    ));
    parts
}

/// A mapping's keys, each with all that is known of it.
fn keys_of(keys: &Keys) -> String {
    let mut part = format!("{}\n\n", keys.meaning);
    let cells =
        keys.groups.iter().filter(|group| group.beside.is_none()).flat_map(|group| group.keys).map(|key| {
            let default = match key.default {
                Default::Value(value) => code(value),
                Default::Words(words) => words.to_owned(),
                Default::Nothing => match keys.needs {
                    Needs::One(name) if name == key.name => "needed".to_owned(),
                    Needs::ExactlyOneOf(names) if names.contains(&key.name) => {
                        let others = names.iter().filter(|name| **name != key.name);
                        format!(
                            "this or {} is needed",
                            others.map(|name| code(name)).collect::<Vec<_>>().join(" or ")
                        )
                    }
                    _ => String::new(),
                },
            };
            [
                code(key.name),
                key.meaning.to_owned(),
                value(&key.shape),
                default,
                code(&format!("{}: {}", key.name, key.example)),
            ]
        });
    part += &rows(["key", "meaning", "value", "default", "example"], cells);
    if let Some(group) = keys.groups.iter().find(|group| group.beside.is_some()) {
        let names: Vec<_> = group.keys.iter().map(|key| code(key.name)).collect();
        let beside = code(group.beside.unwrap_or_default());
        let _ = write!(
            part,
            "\nBeside {beside} may also stand what a [step](#steps) has: {}.\n",
            names.join(", ")
        );
    }
    part
}

/// What a value may be, in words.
fn value(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Template => "[template](#templates)".to_owned(),
        Shape::Expression => "[expression](#expressions)".to_owned(),
        Shape::Duration => "duration: `30s`, `5m`, `1h30m`".to_owned(),
        Shape::Rate => "requests in a time".to_owned(),
        Shape::Concurrency => format!("whole number, {} to {}", CONCURRENCY.start(), CONCURRENCY.end()),
        Shape::Portion => "number of targets, or percentage".to_owned(),
        Shape::BatchSize => "number of targets from 1, or percentage over 0".to_owned(),
        Shape::ExitCode => "whole number".to_owned(),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::Words(words) => {
            let words: Vec<_> = words.iter().map(|(word, meaning)| format!("`{word}` ({meaning})")).collect();
            words.join(", ")
        }
        Shape::Column => "[column](#columns)".to_owned(),
        Shape::Grouping => "`outcome` or a [column](#columns)".to_owned(),
        Shape::Pattern => "glob, number or boolean".to_owned(),
        Shape::Literals => "text, number, boolean, or a list of them".to_owned(),
        Shape::Null => "nothing (then `--var` must give it)".to_owned(),
        Shape::OneOrMore(one) => format!("{}; or a list of them", value(one)),
        Shape::List(item) => format!("list of {}", value(item)),
        Shape::Mapping(keys) => format!("[mapping](#{})", keys.section),
        Shape::Named(names, of) => {
            let names = match names {
                Names::Path => "field paths",
                Names::Identifier | Names::Free => "names",
            };
            format!("{names}, each with: {}", value(of))
        }
        Shape::AnyOf(shapes) => shapes.iter().map(value).collect::<Vec<_>>().join("; or "),
    }
}

/// A Markdown table.
fn rows<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | ").replace("|  |", "| |"));
    let mut table = line(&head.map(str::to_owned));
    table.push('|');
    table.push_str(&"---|".repeat(N));
    table.push('\n');
    for row in rows {
        table += &line(&row.map(|cell| cell.replace('|', "\\|").replace('\n', " ")));
    }
    table
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

mod tests;
