//! `steps`, or `run` alone: what is done on each target.

use super::{
    Field, Fields, Reader,
    judgements::{self, Sorts},
};
use crate::playbook::{
    Diagnostic, Effects, OnFailure, Severity, Span, Step, Template,
    keys::{PLAYBOOK, STEP},
    parse_duration,
    reader::{Bare, shortened},
    scope::{Place, Scope},
    yaml::{Content, Node},
};

/// The words of `on_failure`.
const OUTCOMES: [(&str, OnFailure); 2] = [("stop", OnFailure::Stop), ("continue", OnFailure::Continue)];

/// The words of `severity`.
const SEVERITIES: [(&str, Severity); 3] =
    [("info", Severity::Info), ("warning", Severity::Warning), ("error", Severity::Error)];

/// The words of `effects`.
const EFFECTS: [(&str, Effects); 2] = [("read", Effects::Read), ("change", Effects::Change)];

/// A step that may not have a name of its own yet.
struct Unnamed {
    name: Option<String>,
    step: Step,
}

/// Reads all steps. `None` where there is none that could run; the reader then knows why.
pub(super) fn read(
    reader: &mut Reader<'_>,
    root: &Node,
    playbook: &Fields<'_>,
    scope: &Scope<'_>,
) -> Option<Vec<Step>> {
    let nodes = match playbook.get("steps").map(|steps| &steps.node.content) {
        Some(Content::List(nodes)) => nodes.as_slice(),
        Some(_) => &[],
        None => std::slice::from_ref(root),
    };
    let captures = judgements::captures(reader, nodes.iter());
    let scope = &Scope { captures: &captures, ..*scope };
    match (playbook.get("run"), playbook.get("steps")) {
        (Some(_), None) => {
            let step = step(reader, playbook, None, scope, &mut Sorts::new())?;
            Some(named(vec![Unnamed { name: None, step }]))
        }
        (run, Some(steps)) => {
            if let Some(run) = run {
                let later = if run.key_span.start > steps.key_span.start { run } else { steps };
                let message = "both `run` and `steps`";
                let help = "`run` is short for a single step; move its command into `steps`, or remove one";
                reader.note(Diagnostic::at(later.key_span.clone(), message).help(help));
            } else {
                let beside_run = PLAYBOOK.groups.iter().filter(|group| group.beside == Some("run"));
                let misplaced =
                    beside_run.flat_map(|group| group.keys).filter_map(|key| playbook.get(key.name));
                for key in misplaced {
                    let message = format!("`{}` stands beside `steps`", key.key);
                    let label = "it belongs in a step, beside its `run`";
                    reader.note(Diagnostic::at(key.key_span.clone(), message).label(label));
                }
            }
            list(reader, steps, scope)
        }
        (None, None) => {
            let help = "add `run: uptime`, or a list of `steps`";
            reader.note(Diagnostic::nowhere("the playbook runs nothing").help(help));
            None
        }
    }
}

fn list(reader: &mut Reader<'_>, field: &Field<'_>, scope: &Scope<'_>) -> Option<Vec<Step>> {
    let Content::List(nodes) = &field.node.content else {
        let mistake =
            reader.unexpected(field, "a list of steps").help("begin each step with `- `: `- run: uptime`");
        reader.note(mistake);
        return None;
    };
    if nodes.is_empty() {
        let mistake = Diagnostic::at(field.key_span.clone(), "`steps` is an empty list");
        reader.note(mistake.help("add a step: `- run: uptime`"));
    }
    let mut names: Vec<Field<'_>> = Vec::new();
    let mut sorts = Sorts::new();
    let mut steps = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        if let Content::Text(text) = &node.content {
            let message = format!("a step is a mapping, not the text `{}`", shortened(text));
            reader.note(
                Diagnostic::at(node.span.clone(), message)
                    .help(format!("write `- run: {}`", shortened(text))),
            );
            continue;
        }
        let Some(fields) = reader.fields(node, &node.span, &STEP) else { continue };
        let name = fields.get("name").and_then(|field| Some((field, reader.text(field)?.trim())));
        if let Some((field, name)) = name {
            let written =
                |other: &Field<'_>| matches!(&other.node.content, Content::Text(text) if text.trim() == name);
            match names.iter().find(|other| written(other)) {
                Some(first) => {
                    let line = reader.line_of(&first.node.span);
                    let mistake = Diagnostic::at(
                        field.node.span.clone(),
                        format!("a second step named `{}`", shortened(name)),
                    )
                    .label(format!("the first is in line {line}"))
                    .help("a report tells steps apart by their names");
                    reader.note(mistake);
                }
                None => names.push(field.clone()),
            }
        }
        let scope = scope.at(number, Place::Command);
        if let Some(step) = step(reader, &fields, Some(&node.span), &scope, &mut sorts) {
            steps.push(Unnamed { name: name.map(|(_, name)| name.to_owned()), step });
        }
    }
    Some(named(steps))
}

/// Reads one step out of its fields, or out of the playbook's own.
fn step(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    place: Option<&Span>,
    scope: &Scope<'_>,
    sorts: &mut Sorts,
) -> Option<Step> {
    if let Some(place) = place.filter(|_| fields.get("run").is_none()) {
        let mistake = Diagnostic::at(place.clone(), "this step has no `run`");
        reader.note(mistake.help("add the command: `run: uptime`"));
    }
    let run = fields.get("run").and_then(|field| command(reader, field, scope));
    let timeout = fields
        .get("timeout")
        .map(|field| reader.quantity(field, "a duration such as `30s`", Bare::Explained, parse_duration));
    let judgements = judgements::read(reader, fields, scope, sorts);
    let accept = fields.get("accept").map(|field| exit_codes(reader, field));
    let severity = fields.get("severity").and_then(|field| reader.one_of(field, &SEVERITIES));
    let on_failure = fields.get("on_failure").and_then(|field| reader.one_of(field, &OUTCOMES));
    let effects = fields.get("effects").and_then(|field| reader.one_of(field, &EFFECTS));
    let mut boolean = |key| fields.get(key).and_then(|field| reader.boolean(field));
    let kill_on_timeout = boolean("kill_on_timeout");
    let idempotent = boolean("idempotent");
    let bundle = boolean("bundle");
    let step = Step::new("", run?);
    Some(Step {
        timeout: match timeout {
            Some(read) => Some(read?),
            None => None,
        },
        when: judgements.when,
        kill_on_timeout: kill_on_timeout.unwrap_or(step.kill_on_timeout),
        accept: accept.unwrap_or_else(|| step.accept.clone()),
        capture: judgements.capture,
        expect: judgements.expect,
        severity: severity.unwrap_or_default(),
        on_failure: on_failure.unwrap_or_default(),
        effects: effects.unwrap_or_default(),
        idempotent: idempotent.unwrap_or(step.idempotent),
        bundle: bundle.unwrap_or(step.bundle),
        ..step
    })
}

fn command(reader: &mut Reader<'_>, field: &Field<'_>, scope: &Scope<'_>) -> Option<Template> {
    let blank = match &field.node.content {
        Content::Null => true,
        Content::Text(text) => text.trim().is_empty(),
        _ => false,
    };
    if blank {
        let mistake = Diagnostic::at(field.key_span.clone(), "`run` is empty");
        reader.note(mistake.help("write the command: `run: uptime`"));
        return None;
    }
    let text = reader.text(field)?;
    match Template::compile(text, scope) {
        Ok(template) => Some(template),
        Err(mistakes) => {
            for mistake in mistakes {
                reader.note_inside(field, text, mistake);
            }
            None
        }
    }
}

fn exit_codes(reader: &mut Reader<'_>, field: &Field<'_>) -> Vec<i64> {
    let mut codes = Vec::new();
    for node in reader.one_or_more(field, "no exit code would count as success") {
        match &node.content {
            Content::Number(number) if number.is_i64() => codes.extend(number.as_i64()),
            _ => {
                let one = Field { node, ..field.clone() };
                let mistake = reader.unexpected(&one, "an exit code (a whole number) or a list of them");
                reader.note(mistake);
            }
        }
    }
    codes
}

/// Gives each step that has no name the first line of its command, numbered where that is taken.
fn named(steps: Vec<Unnamed>) -> Vec<Step> {
    let mut taken: Vec<String> = steps.iter().filter_map(|unnamed| unnamed.name.clone()).collect();
    let mut named = Vec::with_capacity(steps.len());
    for Unnamed { name, step } in steps {
        let name = name.unwrap_or_else(|| {
            let default = default_name(step.run.text());
            let mut name = default.clone();
            let mut number = 1;
            while taken.contains(&name) {
                number += 1;
                name = format!("{default} ({number})");
            }
            taken.push(name.clone());
            name
        });
        named.push(Step { name, ..step });
    }
    named
}

/// The first line of a command that says something, not too long for a column.
pub(super) fn default_name(command: &str) -> String {
    let line = command.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}
