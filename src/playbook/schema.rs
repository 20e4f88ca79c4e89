//! The keys of a playbook, and what they become.
//!
//! To add a key: its name into the [`Keys`] of its mapping, one line that reads it, and a field for what it
//! becomes. `targets`, `vars` and `steps` have a file each; the questions asked of a value are in `reader`.

mod steps;
mod targets;
mod variables;

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{
    Diagnostic, InvalidPlaybook, Order, Playbook, RenderError, ReportOptions, Source, Step, Strategy,
    Surroundings, TargetRules, Template, Vars, parse_concurrency, parse_duration, parse_rate,
    reader::{Bare, Field, Fields, Keys, Reader},
    yaml::{self, Content},
};

const PLAYBOOK: Keys = Keys {
    of: "a playbook",
    place: "at the top of the playbook",
    names: &[
        "name",
        "description",
        "targets",
        "strategy",
        "vars",
        "run",
        "steps",
        "report",
        // The one-line form: the keys of its only step.
        "timeout",
        "accept",
        "on_failure",
        "idempotent",
    ],
};

const TARGETS: Keys =
    Keys { of: "`targets`", place: "under `targets`", names: &["match", "exclude", "where"] };

const STRATEGY: Keys = Keys {
    of: "`strategy`",
    place: "under `strategy`",
    names: &["concurrency", "rate", "order", "deadline"],
};

const VARIABLE: Keys =
    Keys { of: "a variable", place: "in a variable", names: &["from_env", "from_file", "secret"] };

const STEP: Keys = Keys {
    of: "a step",
    place: "in a step",
    names: &["name", "run", "timeout", "accept", "on_failure", "idempotent"],
};

const REPORT: Keys = Keys { of: "`report`", place: "under `report`", names: &["columns"] };

/// All of them, to say where a misplaced key belongs.
const ALL: &[&Keys] = &[&STEP, &TARGETS, &STRATEGY, &REPORT, &VARIABLE, &PLAYBOOK];

impl Playbook {
    /// Reads a playbook.
    ///
    /// # Errors
    /// All of its mistakes, each with its place. Only a mistake in the YAML itself stands alone: what follows it
    /// cannot be read.
    pub fn parse(source: &Source, surroundings: &dyn Surroundings) -> Result<Self, InvalidPlaybook> {
        let invalid = |mistakes| InvalidPlaybook::new(source.clone(), mistakes);
        let root = yaml::read(source).map_err(|mistake| invalid(vec![mistake]))?;
        if root.content == Content::Null {
            let empty =
                Diagnostic::nowhere("the playbook is empty").help("the shortest one is `run: uptime`");
            return Err(invalid(vec![empty]));
        }
        if let Content::List(_) = root.content {
            let list = Diagnostic::at(root.span, "a playbook must be a mapping, not a list");
            return Err(invalid(vec![list.help("put `steps:` above the list")]));
        }
        let mut reader = Reader::new(source, ALL);
        let playbook = reader
            .fields(&root, &root.span, &PLAYBOOK)
            .and_then(|fields| playbook(&mut reader, source, &fields, surroundings));
        let mistakes = reader.into_mistakes();
        playbook.filter(|_| mistakes.is_empty()).ok_or_else(|| invalid(mistakes))
    }

    /// One command without a file: it is sent as it stands and is never a template.
    ///
    /// # Errors
    /// A command that is empty, too long or contains a NUL.
    pub fn of_command(command: &str) -> Result<Self, InvalidPlaybook> {
        let run = Template::verbatim(command);
        if let Err(RenderError(message)) =
            run.render(&serde_json::Map::new(), &serde_json::Map::new(), &Vars::default())
        {
            let mistake = Diagnostic::nowhere(message);
            return Err(InvalidPlaybook::new(Source::new("the command", command), vec![mistake]));
        }
        let step = Step::new(steps::default_name(command), run);
        Ok(Self {
            name: "exec".to_owned(),
            description: None,
            targets: TargetRules::default(),
            strategy: Strategy::default(),
            vars: Vars::default(),
            steps: vec![step],
            report: ReportOptions::default(),
            path: None,
            sha256: sha256(command),
        })
    }
}

/// Reads every key, whatever is wrong with the others. `None` where something without which there is no playbook
/// could not be read; the reader then knows why.
fn playbook(
    reader: &mut Reader<'_>,
    source: &Source,
    fields: &Fields<'_>,
    surroundings: &dyn Surroundings,
) -> Option<Playbook> {
    let name = fields.get("name").and_then(|field| reader.text(field));
    let description = fields.get("description").and_then(|field| reader.text(field));
    let variables = variables::read(reader, fields.get("vars"), surroundings);
    let targets = fields.get("targets").map(|field| targets::read(reader, field, &variables.declared));
    let strategy = fields.get("strategy").map(|field| strategy(reader, field));
    let steps = steps::read(reader, fields, &variables.scope());
    let report = fields.get("report").map(|field| report(reader, field));
    Some(Playbook {
        name: name.map_or_else(|| name_of_file(&source.name), |name| name.trim().to_owned()),
        description: description.map(|text| text.trim().to_owned()),
        targets: targets.unwrap_or_default(),
        strategy: strategy.unwrap_or_default(),
        vars: variables.vars,
        steps: steps?,
        report: report.unwrap_or_default(),
        path: Some(source.name.clone()),
        sha256: sha256(&source.text),
    })
}

fn strategy(reader: &mut Reader<'_>, field: &Field<'_>) -> Strategy {
    let Some(fields) = reader.fields(field.node, &field.key_span, &STRATEGY) else {
        return Strategy::default();
    };
    let orders = [("listed", Order::Listed), ("name", Order::Name), ("random", Order::Random)];
    Strategy {
        concurrency: fields
            .get("concurrency")
            .and_then(|field| reader.quantity(field, "a whole number", Bare::Expected, parse_concurrency)),
        rate: fields
            .get("rate")
            .and_then(|field| reader.quantity(field, "a rate such as `300/1m`", Bare::Explained, parse_rate)),
        order: fields.get("order").and_then(|field| reader.one_of(field, &orders)).unwrap_or_default(),
        deadline: fields.get("deadline").and_then(|field| {
            reader.quantity(field, "a duration such as `1h`", Bare::Explained, parse_duration)
        }),
        ..Strategy::default()
    }
}

fn report(reader: &mut Reader<'_>, field: &Field<'_>) -> ReportOptions {
    let Some(fields) = reader.fields(field.node, &field.key_span, &REPORT) else {
        return ReportOptions::default();
    };
    let Some(columns) = fields.get("columns") else { return ReportOptions::default() };
    let mut names: Vec<String> = Vec::new();
    for node in reader.one_or_more(columns, "remove it for the default columns") {
        let column = Field { node, ..columns.clone() };
        let Some(name) = reader.text(&column) else { continue };
        if !is_path(name) {
            let message = format!("`{name}` is not a column");
            let help = "a column is a field of the server (`operatingSystem.version`) or one of rollcall's own (`exit_code`)";
            reader.note(Diagnostic::at(node.span.clone(), message).help(help));
        } else if names.iter().any(|known| known == name) {
            reader.note(Diagnostic::at(node.span.clone(), format!("column `{name}` is listed twice")));
        } else {
            names.push(name.to_owned());
        }
    }
    ReportOptions { columns: Some(names), group_by: None }
}

/// Whether a text is a dotted path of field names.
fn is_path(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    text.split('.').all(is_name)
}

/// The name of a playbook that gives itself none: its file's, without the extension.
fn name_of_file(path: &str) -> String {
    match Path::new(path).file_stem().and_then(|stem| stem.to_str()) {
        Some(stem) if path != "-" => stem.to_owned(),
        _ => "playbook".to_owned(),
    }
}

fn sha256(text: &str) -> String {
    let mut hexadecimal = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        let digit = |value: u8| char::from_digit(u32::from(value), 16).expect("four bits");
        hexadecimal.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    hexadecimal
}
