//! What the values under a playbook's keys become.
//!
//! Which keys there are, and what they mean, is in `keys`; the questions asked of a value are in `reader`. Here each
//! key has the line that reads it. `targets`, `vars`, `strategy`, `steps` and `report` have a file each.

mod judgements;
mod report;
mod steps;
mod strategy;
mod targets;
mod variables;

use std::{path::Path, sync::Arc};

use sha2::{Digest, Sha256};

use super::{
    Diagnostic, InvalidPlaybook, Playbook, RenderError, ReportOptions, Severity, Source, Step, Strategy,
    Surroundings, TargetRules, Template, Vars,
    diagnostic::in_order,
    keys::{PLAYBOOK, STEP, VARIABLE},
    lint,
    reader::{Field, Fields, Reader},
    yaml::{self, Content, Node},
};

impl Playbook {
    /// Reads a playbook. What is better done otherwise in it is in its `warnings`.
    ///
    /// # Errors
    /// All of its mistakes, each with its place, and the warnings between them. Only a mistake in the YAML itself stands alone: what follows it
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
        let mut reader = Reader::new(source);
        let playbook = reader
            .fields(&root, &root.span, &PLAYBOOK)
            .and_then(|fields| playbook(&mut reader, source, &root, &fields, surroundings));
        let found = reader.into_found();
        match playbook {
            Some(playbook) if found.iter().all(|one| one.severity < Severity::Error) => {
                Ok(Self { warnings: in_order(found), ..playbook })
            }
            _ => Err(invalid(found)),
        }
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
            text: command.into(),
            is_command: true,
            sha256: sha256(command),
            warnings: Vec::new(),
        })
    }
}

/// Reads every key, whatever is wrong with the others. `None` where something without which there is no playbook
/// could not be read; the reader then knows why.
fn playbook(
    reader: &mut Reader<'_>,
    source: &Source,
    root: &Node,
    fields: &Fields<'_>,
    surroundings: &dyn Surroundings,
) -> Option<Playbook> {
    let name = fields.get("name").and_then(|field| reader.text(field));
    let description = fields.get("description").and_then(|field| reader.text(field));
    reader.turn_to(VARIABLE.section);
    let variables = variables::read(reader, fields.get("vars"), surroundings);
    let targets = fields.get("targets").map(|field| targets::read(reader, field, &variables.scope()));
    let strategy = fields.get("strategy").map(|field| strategy::read(reader, field));
    reader.turn_to(STEP.section);
    let steps = steps::read(reader, root, fields, &variables.scope());
    let captures: Vec<_> = steps.iter().flatten().flat_map(|step| &step.capture).collect();
    let captures: Vec<_> = captures.into_iter().map(|capture| capture.name.as_str()).collect();
    let report = fields.get("report").map(|field| report::read(reader, field, &captures));
    if let Some(steps) = &steps {
        lint::check(reader, fields, steps, &variables.vars, strategy.as_ref());
    }
    Some(Playbook {
        name: name.map_or_else(|| name_of_file(&source.name), |name| name.trim().to_owned()),
        description: description.map(|text| text.trim().to_owned()),
        targets: targets.unwrap_or_default(),
        strategy: strategy.unwrap_or_default(),
        vars: variables.vars,
        steps: steps?,
        report: report.unwrap_or_default(),
        path: Some(source.name.clone()),
        text: Arc::clone(&source.text),
        is_command: false,
        sha256: sha256(&source.text),
        warnings: Vec::new(),
    })
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
