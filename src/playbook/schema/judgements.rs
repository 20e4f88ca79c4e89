//! `when`, `capture` and `expect`: what a step decides, keeps and demands, as expressions.
//!
//! All captures of a playbook are looked up first ([`captures`]), so that an expression or a command which reads one
//! too early can be told where it is made.

use std::collections::HashMap;

use super::{Field, Fields, Reader, variables::is_name};
use crate::playbook::{
    Capture, Diagnostic, Expectation, Expression, ExpressionError, Span, documented,
    expression::{Known, OUTPUT, Read, Sort},
    language,
    nearest::nearest,
    reader::shortened,
    scope::{Captured, Place, Scope},
    yaml::{Content, Node},
};

/// The columns that rollcall itself gives a report. A capture of such a name could not be shown.
const COLUMNS: [&str; 14] = [
    "status",
    "reason",
    "ran",
    "step",
    "exit_code",
    "duration",
    "stdout",
    "stderr",
    "name",
    "id",
    "target",
    "output",
    "outcome",
    "signal",
];

/// Words that templates and expressions keep for themselves.
const RESERVED: [&str; 25] = [
    "and",
    "or",
    "not",
    "in",
    "is",
    "if",
    "elif",
    "else",
    "for",
    "set",
    "with",
    "do",
    "true",
    "false",
    "none",
    "null",
    "True",
    "False",
    "None",
    "loop",
    "self",
    "super",
    "caller",
    "recursive",
    "cidr",
];

/// Looks up the captures of all steps, right or wrong; nothing is noted.
pub(super) fn captures<'n>(reader: &Reader<'_>, steps: impl Iterator<Item = &'n Node>) -> Vec<Captured> {
    let text = |node: &Node| match &node.content {
        Content::Text(text) => Some(text.clone()),
        _ => None,
    };
    let entries = |node: &'n Node| match &node.content {
        Content::Mapping(entries) => entries.as_slice(),
        _ => &[],
    };
    let under = |node: &'n Node, wanted: &str| {
        let entry = entries(node).iter().find(|(key, _)| text(key).as_deref() == Some(wanted));
        entry.map(|(_, value)| value)
    };
    let mut captures = Vec::new();
    for (step, node) in steps.enumerate() {
        let step_name = under(node, "name").and_then(text);
        let made = under(node, "capture").map(entries).unwrap_or_default();
        let names = made.iter().filter_map(|(key, _)| Some((text(key)?, reader.line_of(&key.span))));
        captures.extend(names.enumerate().map(|(number, (name, line))| Captured {
            name,
            step,
            number,
            step_name: step_name.as_deref().map(shortened),
            line,
        }));
    }
    captures
}

/// What sort of value each capture has that was read so far, where that is known.
pub(super) type Sorts = HashMap<String, Sort>;

/// What of a step is said by expressions.
#[derive(Default)]
pub(super) struct Judgements {
    pub(super) when: Option<Expression>,
    pub(super) capture: Vec<Capture>,
    pub(super) expect: Vec<Expectation>,
}

/// Reads the expressions of one step; `scope` is that of its command.
pub(super) fn read(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    scope: &Scope<'_>,
    sorts: &mut Sorts,
) -> Judgements {
    let mut judgements = Judgements::default();
    if let Some(field) = fields.get("when") {
        let at = Expecting { what: "`when`", example: "`release.ID == \"debian\"`", switches: true };
        judgements.when = expression(reader, field, &at, &scope.at(scope.step, Place::When), sorts);
    }
    if let Some(field) = fields.get("capture") {
        judgements.capture = capture(reader, field, scope, sorts);
    }
    if let Some(field) = fields.get("expect") {
        judgements.expect = expect(reader, field, &scope.at(scope.step, Place::Expect), sorts);
    }
    judgements
}

fn capture(reader: &mut Reader<'_>, field: &Field<'_>, scope: &Scope<'_>, sorts: &mut Sorts) -> Vec<Capture> {
    if let Content::Text(text) = &field.node.content {
        let message = "`capture` must be names with expressions, not one expression";
        let help = format!("give the value a name: `capture: {{ value: {} }}`", shortened(text));
        reader.note(Diagnostic::at(field.node.span.clone(), message).help(help));
        return Vec::new();
    }
    let Some(entries) = reader.entries(field.node, &field.key_span, "`capture`") else { return Vec::new() };
    if entries.is_empty() {
        let mistake = Diagnostic::at(field.key_span.clone(), "`capture` is empty");
        reader.note(mistake.help("name a value (`first: stdout | lines | first`), or remove the key"));
    }
    let mut captures = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let name = entry.key;
        if let Some(mistake) = unfit_name(name, &entry.key_span) {
            reader.note(mistake);
        } else if let Some(first) = scope.captures.iter().find(|captured| captured.name == name)
            && (first.step, first.number) != (scope.step, number)
        {
            let message = format!("`{name}` is captured twice");
            reader.note(
                Diagnostic::at(entry.key_span.clone(), message)
                    .label(format!("the first is in line {}", first.line))
                    .help("a name stands for one value; give this one another"),
            );
        }
        let what = format!("capture `{}`", shortened(name));
        let at = Expecting { what: &what, example: "`stdout | trim`", switches: false };
        let scope = scope.at(scope.step, Place::Capture(number));
        if let Some(value) = expression(reader, entry, &at, &scope, sorts) {
            let sort = value.sort(&known(&scope, sorts));
            sorts.extend(sort.map(|sort| (name.to_owned(), sort)));
            captures.push(Capture { name: name.to_owned(), value });
        }
    }
    captures
}

/// Why no capture may be called so, if it may not.
fn unfit_name(name: &str, span: &Span) -> Option<Diagnostic> {
    let refuse = |message: String| Diagnostic::at(span.clone(), message);
    if !is_name(name) {
        let mistake = refuse(format!("`{}` cannot be the name of a capture", shortened(name)));
        return Some(mistake.help("use letters, digits and `_`, with no digit first"));
    }
    let taken = if OUTPUT.contains(&name) {
        "is what the command printed"
    } else if matches!(name, "target" | "vars") {
        "has another meaning in expressions"
    } else if RESERVED.contains(&name) || language::ENVIRONMENT.globals().any(|(word, _)| word == name) {
        "is a word of the language"
    } else if documented::paths().any(|path| path == name) {
        "is a field of the server, and the column of that name shows it"
    } else if COLUMNS.contains(&name) {
        "is a column that every report may have"
    } else {
        return None;
    };
    let mistake = refuse(format!("a capture cannot be called `{name}`")).label(format!("`{name}` {taken}"));
    Some(mistake.help(if OUTPUT.contains(&name) {
        format!("expressions read `{name}` as it stands; call what you make of it something else")
    } else {
        "choose another name".to_owned()
    }))
}

/// Reads one condition, or several with names.
fn expect(reader: &mut Reader<'_>, field: &Field<'_>, scope: &Scope<'_>, sorts: &Sorts) -> Vec<Expectation> {
    let entries = match &field.node.content {
        Content::Mapping(_) => reader.entries(field.node, &field.key_span, "`expect`").unwrap_or_default(),
        Content::List(_) => {
            let mistake = reader.unexpected(field, "a condition, or conditions with names");
            let help = "give each a name: `expect: { finished: exit_code == 0, … }`, or join them with `and`";
            reader.note(mistake.help(help));
            return Vec::new();
        }
        _ => {
            let at = Expecting { what: "`expect`", ..CONDITION };
            let condition = condition(reader, field, &at, scope, sorts);
            return condition.map(|condition| Expectation { name: None, condition }).into_iter().collect();
        }
    };
    if entries.is_empty() {
        let mistake = Diagnostic::at(field.key_span.clone(), "`expect` is empty");
        reader.note(mistake.help("write what must hold (`exit_code == 0`), or remove the key"));
    }
    let mut expectations = Vec::new();
    for entry in &entries {
        if entry.key.trim().is_empty() {
            let mistake = Diagnostic::at(entry.key_span.clone(), "a condition's name is empty");
            reader.note(mistake.help("name what is expected: `finished: exit_code == 0`"));
        }
        let what = format!("expect `{}`", shortened(entry.key));
        let at = Expecting { what: &what, ..CONDITION };
        if let Some(condition) = condition(reader, entry, &at, scope, sorts) {
            expectations.push(Expectation { name: Some(entry.key.trim().to_owned()), condition });
        }
    }
    expectations
}

/// What is expected at a place, for messages.
struct Expecting<'a> {
    what: &'a str,
    example: &'a str,
    /// Whether a bare `true` or `false` will do, to switch something on or off.
    switches: bool,
}

const CONDITION: Expecting<'static> =
    Expecting { what: "", example: "`used < vars.threshold`", switches: false };

/// Reads an expression that must say yes or no.
fn condition(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    at: &Expecting<'_>,
    scope: &Scope<'_>,
    sorts: &Sorts,
) -> Option<Expression> {
    let expression = expression(reader, field, at, scope, sorts)?;
    if let Some(idle) = expression.idle(&known(scope, sorts)) {
        let mut mistake = Diagnostic::at(idle.span, format!("{}: {}", at.what, idle.message));
        mistake.help = idle.help;
        reader.note_inside(field, expression.text(), mistake);
        return None;
    }
    Some(expression)
}

/// Reads an expression, and notes all that is wrong with it. `None` where anything is.
fn expression(
    reader: &mut Reader<'_>,
    field: &Field<'_>,
    at: &Expecting<'_>,
    scope: &Scope<'_>,
    sorts: &Sorts,
) -> Option<Expression> {
    let text = match &field.node.content {
        Content::Text(_) => reader.text(field)?,
        Content::Boolean(value) if at.switches => {
            if *value {
                "true"
            } else {
                "false"
            }
        }
        _ => {
            let mistake = reader.unexpected(field, &format!("an expression such as {}", at.example));
            reader.note(mistake);
            return None;
        }
    };
    if let Some(braces) = text.find("{{") {
        let mistake =
            Diagnostic::at(braces..braces + 2, format!("{}: an expression is not a template", at.what));
        reader.note_inside(field, text, mistake.help("leave the braces out: names are read as they stand"));
        return None;
    }
    let expression = match Expression::compile(text) {
        Ok(expression) => expression,
        Err(error) => {
            reader.note_inside(field, text, not_compiled(at.what, error, at.example));
            return None;
        }
    };
    let unknown = |read| match read {
        Read::Bare(name, span) => scope.unknown_name(name, span),
        Read::Variable(name, span) => scope.unknown_variable(name, span),
    };
    let mut mistakes: Vec<_> = expression.reads().filter_map(unknown).collect();
    if mistakes.is_empty()
        && let Some(misfit) = expression.misfit(&known(scope, sorts))
    {
        let mistake = Diagnostic::at(misfit.span, format!("{}: {}", at.what, misfit.message));
        mistakes.push(Diagnostic { help: misfit.help, ..mistake });
    }
    let is_right = mistakes.is_empty();
    for mistake in mistakes {
        reader.note_inside(field, text, mistake);
    }
    is_right.then_some(expression)
}

/// What is said of a text that is no expression.
pub(super) fn not_compiled(what: &str, error: ExpressionError, example: &str) -> Diagnostic {
    let (message, remedy) = error.message.split_once("; ").unwrap_or((&error.message, ""));
    let mistake = Diagnostic { span: error.span, ..Diagnostic::nowhere(format!("{what}: {message}")) };
    if remedy.starts_with("did you mean") {
        mistake.label(remedy)
    } else if !remedy.is_empty() {
        mistake.help(remedy)
    } else if message.starts_with("expected ") {
        // A grammar is best shown.
        mistake.help(format!("for example {example}"))
    } else {
        mistake
    }
}

/// What sort of value a name has.
fn known<'k>(scope: &'k Scope<'_>, sorts: &'k Sorts) -> Box<Known<'k>> {
    Box::new(move |path| match path {
        "exit_code" => Some(Sort::Number),
        "stdout" | "stderr" => Some(Sort::Text),
        "target" => Some(Sort::Mapping),
        _ => match path.strip_prefix("vars.") {
            Some(name) => scope.vars.value(name).and_then(Sort::of_json),
            None => sorts.get(path).copied(),
        },
    })
}

/// The capture that a column was probably meant to show.
pub(super) fn meant_capture<'c>(column: &str, captures: &[&'c str]) -> Option<&'c str> {
    let is_known =
        captures.contains(&column) || COLUMNS.contains(&column) || documented::is_documented(column);
    if is_known || column.contains('.') { None } else { nearest(column, captures.iter().copied()) }
}

#[cfg(test)]
mod tests;
