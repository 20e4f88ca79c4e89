//! The JSON Schema of playbooks, for editors: completion, hover texts, mistakes underlined while typing.
//!
//! It is made from the table of keys and says what can be said about shapes. What only reading can know (unknown
//! variables, expressions, names that are taken) stays with `Playbook::parse`: every playbook that it takes is
//! valid here. Draft 7, for it is what YAML's language server follows best.

use serde_json::{Map, Value, json};

use super::{
    CONCURRENCY, Source,
    keys::{ALL, Default, Group, Keys, Names, Needs, PLAYBOOK, Shape},
    yaml::{self, Content, Node},
};

/// `30s`, `1h30m`: the larger units first.
const DURATION: &str = "^([0-9]+d ?)?([0-9]+h ?)?([0-9]+m ?)?([0-9]+s ?)?([0-9]+ms)?$";

/// `300/1m`.
const RATE: &str = "^[0-9]+ ?/ ?([0-9]+(d|h|ms|m|s) ?)+$";

/// `10%`, `2.5%`; a number in quotes.
const PORTION: &str = r"^((100(\.0{1,2})?|[1-9]?[0-9](\.[0-9]{1,2})?) ?%|[0-9]+)$";

/// The same without nought.
const BATCH_SIZE: &str =
    r"^((100(\.0{1,2})?|[1-9][0-9]?(\.[0-9]{1,2})?|0\.(0[1-9]|[1-9][0-9]?)) ?%|[1-9][0-9]*)$";

/// The JSON Schema (draft 7) that every playbook is valid under.
pub fn json_schema() -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "urn:rollcall:playbook",
        "title": "rollcall playbook",
    });
    merge(&mut schema, mapping(&PLAYBOOK));
    let parts = ALL.into_iter().filter(|keys| keys.section != PLAYBOOK.section);
    let mut definitions: Map<_, _> = parts.map(|keys| (keys.section.to_owned(), mapping(keys))).collect();
    definitions
        .insert("duration".to_owned(), json!({ "type": "string", "minLength": 2, "pattern": DURATION }));
    schema["definitions"] = Value::Object(definitions);
    schema
}

/// A mapping with known keys.
fn mapping(keys: &Keys) -> Value {
    let properties: Map<_, _> = keys
        .keys()
        .map(|key| {
            let mut property = json!({ "description": described(key.meaning, key.default) });
            // What stands beside a `$ref` counts for nothing in draft 7, so a reference is wrapped.
            match shape(&key.shape) {
                reference if reference.get("$ref").is_some() => property["allOf"] = json!([reference]),
                written => merge(&mut property, written),
            }
            if let Default::Value(value) = key.default {
                property["default"] = value_of(value);
            }
            property["examples"] = json!([value_of(key.example)]);
            (key.name.to_owned(), property)
        })
        .collect();
    let mut schema = json!({
        "description": keys.meaning,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    match keys.needs {
        Needs::Nothing => {}
        Needs::One(name) => schema["required"] = json!([name]),
        Needs::ExactlyOneOf(names) => {
            schema["oneOf"] = names.iter().map(|name| json!({ "required": [name] })).collect();
        }
    }
    let beside = |group: &Group| {
        group.beside.map(|needed| group.keys.iter().map(move |key| (key.name.to_owned(), json!([needed]))))
    };
    let dependencies: Map<_, _> = keys.groups.iter().filter_map(beside).flatten().collect();
    if !dependencies.is_empty() {
        schema["dependencies"] = Value::Object(dependencies);
    }
    schema
}

/// What an editor shows beside a key.
fn described(meaning: &str, default: Default) -> String {
    match default {
        Default::Value(value) => format!("{meaning} Default: {value}."),
        Default::Words(words) => format!("{meaning} Default: {words}."),
        Default::Nothing => meaning.to_owned(),
    }
}

fn shape(shape_of_value: &Shape) -> Value {
    match shape_of_value {
        Shape::Text | Shape::Template | Shape::Expression => json!({ "type": "string", "pattern": "\\S" }),
        Shape::Duration => json!({ "$ref": "#/definitions/duration" }),
        Shape::Rate => json!({ "type": "string", "pattern": RATE }),
        Shape::Concurrency => {
            json!({ "type": "integer", "minimum": CONCURRENCY.start(), "maximum": CONCURRENCY.end() })
        }
        Shape::Portion => portion(0, PORTION),
        Shape::BatchSize => portion(1, BATCH_SIZE),
        Shape::ExitCode => json!({ "type": "integer" }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Words(words) => json!({ "enum": words.iter().map(|(word, _)| word).collect::<Vec<_>>() }),
        Shape::Column | Shape::Grouping => json!({ "type": "string", "pattern": path() }),
        Shape::Pattern => json!({ "type": ["string", "number", "boolean"], "pattern": "\\S" }),
        Shape::Literals => {
            let literal = json!(["string", "number", "boolean"]);
            json!({ "anyOf": [{ "type": literal }, { "type": "array", "items": { "type": literal } }] })
        }
        Shape::Null => json!({ "type": "null" }),
        Shape::OneOrMore(one) => json!({ "anyOf": [shape(one), list(one)] }),
        Shape::List(item) => list(item),
        Shape::Mapping(keys) => json!({ "$ref": format!("#/definitions/{}", keys.section) }),
        Shape::Named(names, value) => {
            let mut schema = json!({ "type": "object" });
            match names {
                Names::Path => schema["propertyNames"] = json!({ "pattern": path() }),
                Names::Identifier => {
                    schema["propertyNames"] = json!({ "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" });
                }
                Names::Free => {}
            }
            schema["additionalProperties"] = shape(value);
            schema
        }
        Shape::AnyOf(shapes) => json!({ "anyOf": shapes.iter().map(shape).collect::<Vec<_>>() }),
    }
}

fn list(item: &Shape) -> Value {
    json!({ "type": "array", "minItems": 1, "items": shape(item) })
}

fn portion(least: u32, text: &str) -> Value {
    json!({ "anyOf": [
        { "type": "integer", "minimum": least, "maximum": 1_000_000 },
        { "type": "string", "pattern": text },
    ] })
}

/// The dotted path of a field.
fn path() -> &'static str {
    r"^[^\s.]+(\.[^\s.]+)*$"
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// The JSON of a piece of YAML that the table holds.
fn value_of(text: &str) -> Value {
    yaml::read(&Source::new("the table of keys", text)).map_or(Value::Null, |node| value(&node))
}

fn value(node: &Node) -> Value {
    match &node.content {
        Content::Null => Value::Null,
        Content::Boolean(boolean) => Value::Bool(*boolean),
        Content::Number(number) => Value::Number(number.clone()),
        Content::Text(text) => Value::String(text.clone()),
        Content::List(items) => items.iter().map(value).collect(),
        Content::Mapping(entries) => {
            let entries = entries.iter().filter_map(|(key, node)| match &key.content {
                Content::Text(key) => Some((key.clone(), value(node))),
                _ => None,
            });
            Value::Object(entries.collect())
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod validator;
