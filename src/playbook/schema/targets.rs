//! `targets`: which servers a playbook is for.

use super::{Field, Reader, is_path, judgements};
use crate::playbook::{
    Diagnostic, Expression, FieldRule, Pattern, PatternError, TargetRules,
    expression::Read,
    keys::TARGETS,
    reader::shortened,
    scope::Scope,
    yaml::{Content, Node},
};

pub(super) fn read(reader: &mut Reader<'_>, field: &Field<'_>, scope: &Scope<'_>) -> TargetRules {
    let Some(fields) = reader.fields(field.node, &field.key_span, &TARGETS) else {
        return TargetRules::default();
    };
    TargetRules {
        matching: fields.get("match").map(|field| rules(reader, field)).unwrap_or_default(),
        exclude: fields.get("exclude").map(|field| rules(reader, field)).unwrap_or_default(),
        condition: fields.get("where").and_then(|field| condition(reader, field, scope)),
    }
}

/// Reads `match` or `exclude`: paths and their patterns.
fn rules(reader: &mut Reader<'_>, field: &Field<'_>) -> Vec<FieldRule> {
    let what = format!("`{}`", field.key);
    let Some(entries) = reader.entries(field.node, &field.key_span, &what) else { return Vec::new() };
    if entries.is_empty() {
        let mistake = Diagnostic::at(field.key_span.clone(), format!("{what} is empty"))
            .help("name a field and what it must be (`name: \"web-*\"`), or remove the key");
        reader.note(mistake);
    }
    let mut rules = Vec::new();
    for entry in entries {
        if !is_path(entry.key) {
            let message = format!("`{}` is not a field's path", shortened(entry.key));
            let help = "write the API's own names with dots between them: `operatingSystem.family`";
            reader.note(Diagnostic::at(entry.key_span.clone(), message).help(help));
        }
        let nodes = reader.one_or_more(&entry, "it matches nothing");
        let patterns = nodes.iter().filter_map(|node| pattern(reader, &entry, node)).collect();
        rules.push(FieldRule { path: entry.key.to_owned(), patterns });
    }
    rules
}

fn pattern(reader: &mut Reader<'_>, entry: &Field<'_>, node: &Node) -> Option<Pattern> {
    let place = if node.span.is_empty() { entry.key_span.clone() } else { node.span.clone() };
    let path = shortened(entry.key);
    let mistake = match &node.content {
        Content::Number(number) => return Some(Pattern::number(number.clone(), reader.written(node))),
        Content::Boolean(boolean) => return Some(Pattern::boolean(*boolean, reader.written(node))),
        Content::Text(text) if text.contains("{{") => {
            let help = format!("compare it in `where` instead: `where: {path} == vars.…`");
            Diagnostic::at(place, "a pattern is not a template").help(help)
        }
        Content::Text(text) if !text.trim().is_empty() => match Pattern::glob(text) {
            Ok(pattern) => return Some(pattern),
            Err(PatternError(why)) => {
                let help = "special characters are `*`, `?`, `[…]` and `{a,b}`; a `\\` before one takes its meaning away";
                Diagnostic::at(place, format!("`{}`: {why}", shortened(text))).help(help)
            }
        },
        Content::Null | Content::Text(_) => {
            Diagnostic::at(place, format!("an empty pattern for `{path}` matches nothing"))
                .help(format!("for servers without this field write `where: {path} is not defined`"))
        }
        Content::List(_) => {
            Diagnostic::at(place, "a list in a list of patterns").help("write them in one list")
        }
        Content::Mapping(inner) => {
            let inside = inner.first().map_or("…", |(key, _)| reader.written(key));
            Diagnostic::at(place, format!("the pattern for `{path}` is a mapping"))
                .help(format!("write the path in one, with a dot: `{path}.{inside}: …`"))
        }
    };
    reader.note(mistake);
    None
}

/// Reads `where`: an expression over the server's fields and `vars`.
fn condition(reader: &mut Reader<'_>, field: &Field<'_>, scope: &Scope<'_>) -> Option<Expression> {
    if !matches!(field.node.content, Content::Text(_)) {
        let mistake = reader.unexpected(field, "an expression such as `resources.memoryGb >= 4`");
        reader.note(mistake);
        return None;
    }
    let text = reader.text(field)?;
    let expression = match Expression::compile(text) {
        Ok(expression) => expression,
        Err(error) => {
            let example = "`resources.memoryGb >= 4 and operatingSystem.family in ['debian', 'ubuntu']`";
            reader.note_inside(field, text, judgements::not_compiled("`where`", error, example));
            return None;
        }
    };
    let unknown = |read| match read {
        Read::Variable(name, span) => scope.unknown_variable(name, span),
        // A field that nobody knows today may be one of the API's tomorrow.
        Read::Bare(..) => None,
    };
    for mistake in expression.reads().filter_map(unknown) {
        reader.note_inside(field, text, mistake);
    }
    Some(expression)
}
