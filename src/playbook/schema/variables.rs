//! `vars`: values written down, or taken from around the playbook.

use serde_json::Value;

use super::{Field, Reader};
use crate::playbook::{
    Diagnostic, Source, Surroundings, Vars,
    keys::VARIABLE,
    nearest::nearest,
    reader::shortened,
    scope::Scope,
    yaml::{self, Content, Node},
};

/// What `vars` gave.
pub(super) struct Variables {
    pub(super) vars: Vars,
    /// The names of all, those too whose value could not be read: reading them in a template is no mistake.
    pub(super) declared: Vec<String>,
}

impl Variables {
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope::of_vars(&self.vars, &self.declared)
    }
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    field: Option<&Field<'_>>,
    surroundings: &dyn Surroundings,
) -> Variables {
    let mut variables = Variables { vars: Vars::default(), declared: Vec::new() };
    let entries =
        field.and_then(|field| reader.entries(field.node, &field.key_span, "`vars`")).unwrap_or_default();
    for entry in entries {
        if !is_name(entry.key) {
            let message = format!("`{}` cannot be the name of a variable", shortened(entry.key));
            let help = "use letters, digits and `_`, with no digit first";
            reader.note(Diagnostic::at(entry.key_span.clone(), message).help(help));
            continue;
        }
        variables.declared.push(entry.key.to_owned());
        // The last one given counts, as with any flag.
        let given = surroundings.overrides().iter().rev().find(|(name, _)| name == entry.key);
        let origin = origin(reader, &entry);
        let secret = origin.as_ref().is_some_and(|origin| origin.secret);
        // A secret is text wherever it comes from: only text is redacted.
        let given =
            given.map(|(_, text)| if secret { Value::String(text.clone()) } else { scalar_of_flag(text) });
        let value = given.or_else(|| value(reader, &entry, origin?, surroundings));
        if let Some(value) = value {
            variables.vars.set(entry.key.to_owned(), value, secret);
        }
    }
    for (name, _) in surroundings.overrides() {
        if !variables.declared.contains(name) {
            let mistake =
                Diagnostic::nowhere(format!("`--var {name}`: the playbook has no variable of that name"));
            let near = nearest(name, variables.declared.iter().map(String::as_str));
            reader.note(match near {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake.help(format!("add it under `vars`: `{name}:`")),
            });
        }
    }
    variables
}

/// Where a variable's value comes from.
struct Origin<'n> {
    secret: bool,
    from: From<'n>,
}

enum From<'n> {
    Written(Value),
    Environment(Field<'n>, &'n str),
    File(Field<'n>, &'n str),
    /// Only a name: the value must be given with `--var`.
    Nowhere,
}

fn origin<'n>(reader: &mut Reader<'_>, entry: &Field<'n>) -> Option<Origin<'n>> {
    let written = |value| Some(Origin { secret: false, from: From::Written(value) });
    match &entry.node.content {
        Content::Null => Some(Origin { secret: false, from: From::Nowhere }),
        Content::List(items) => {
            let values: Option<Vec<Value>> = items.iter().map(scalar).collect();
            if values.is_none() {
                let message = format!("`{}` is a list of something else than plain values", entry.key);
                let help = "a list may hold texts, numbers and booleans";
                reader.note(Diagnostic::at(entry.key_span.clone(), message).help(help));
            }
            values.and_then(|values| written(Value::Array(values)))
        }
        Content::Mapping(_) => from_around(reader, entry),
        _ => scalar(entry.node).and_then(written),
    }
}

/// Reads `{ from_env: NAME }` or `{ from_file: PATH }`.
fn from_around<'n>(reader: &mut Reader<'_>, entry: &Field<'n>) -> Option<Origin<'n>> {
    let fields = reader.fields(entry.node, &entry.key_span, &VARIABLE)?;
    // What cannot be read might have been `true`.
    let secret = fields.get("secret").is_some_and(|field| reader.boolean(field).unwrap_or(true));
    let environment = fields.get("from_env");
    let file = fields.get("from_file");
    let from = match (environment, file) {
        (Some(field), None) => From::Environment(field.clone(), reader.text(field)?),
        (None, Some(field)) => From::File(field.clone(), reader.text(field)?),
        (Some(_), Some(second)) => {
            let message = format!("`{}` has both `from_env` and `from_file`", entry.key);
            reader.note(Diagnostic::at(second.key_span.clone(), message).help("keep one of them"));
            return None;
        }
        (None, None) => {
            if !fields.strays {
                let message = format!("`{}` is a mapping that names no source", entry.key);
                let help = "write a plain value, `{ from_env: NAME }` or `{ from_file: PATH }`";
                reader.note(Diagnostic::at(entry.key_span.clone(), message).help(help));
            }
            return None;
        }
    };
    Some(Origin { secret, from })
}

fn value(
    reader: &mut Reader<'_>,
    entry: &Field<'_>,
    origin: Origin<'_>,
    surroundings: &dyn Surroundings,
) -> Option<Value> {
    let mistake = match origin.from {
        From::Written(value) => return Some(value),
        From::Environment(field, name) => match surroundings.environment_variable(name) {
            Some(text) => return Some(Value::String(text)),
            None => {
                Diagnostic::at(field.node.span.clone(), format!("environment variable `{name}` is not set"))
                    .help(format!("set it, or give the value with `--var {}=…`", entry.key))
            }
        },
        From::File(field, path) => match surroundings.file(path) {
            // Files end with a line break that is not meant to be part of what they hold.
            Ok(text) => {
                let text = text.strip_suffix('\n').unwrap_or(&text);
                return Some(Value::String(text.strip_suffix('\r').unwrap_or(text).to_owned()));
            }
            Err(reason) => Diagnostic::at(field.node.span.clone(), format!("cannot read `{path}`: {reason}")),
        },
        From::Nowhere => {
            Diagnostic::at(entry.key_span.clone(), format!("variable `{}` has no value", entry.key))
                .help(format!("write one after it, or give it with `--var {}=…`", entry.key))
        }
    };
    reader.note(mistake);
    None
}

fn scalar(node: &Node) -> Option<Value> {
    match &node.content {
        Content::Boolean(value) => Some(Value::Bool(*value)),
        Content::Number(number) => Some(Value::Number(number.clone())),
        Content::Text(text) => Some(Value::String(text.clone())),
        Content::Null | Content::List(_) | Content::Mapping(_) => None,
    }
}

/// Reads the value of a `--var`: a number, a boolean or a quoted text of YAML; anything else (`*.log`, `a: b`,
/// nothing) is the text itself.
fn scalar_of_flag(text: &str) -> Value {
    let read = yaml::read(&Source::new("--var", text)).ok();
    read.as_ref().and_then(scalar).unwrap_or_else(|| Value::String(text.to_owned()))
}

pub(super) fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.starts_with(|c: char| !c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_value_of_a_flag_is_a_yaml_scalar() {
        for (text, value) in [
            ("90", json!(90)),
            ("1.5", json!(1.5)),
            ("true", json!(true)),
            ("'90'", json!("90")),
            ("yes", json!("yes")),
            ("", json!("")),
            ("*.log", json!("*.log")),
            ("a: b", json!("a: b")),
            ("[a", json!("[a")),
            ("a # b", json!("a")),
        ] {
            assert_eq!(scalar_of_flag(text), value, "{text}");
        }
    }
}
