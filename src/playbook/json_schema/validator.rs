//! As much of a JSON Schema validator as the schema of playbooks needs, for its tests alone.
//!
//! A published validator would bring thirty crates. This one refuses to guess: a keyword that it does not know is a
//! failed test.

use regex::Regex;
use serde_json::Value;

/// Returns the first reason why a value is not valid, with the path to it; `None` where it is.
pub(super) fn why_not(root: &Value, value: &Value) -> Option<String> {
    let validator = Validator { root };
    validator.check(root, value, "").err()
}

/// The same for one definition of the schema.
pub(super) fn why_not_part(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    Validator { root }.check(schema, value, "").err()
}

struct Validator<'s> {
    root: &'s Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let keywords = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err(format!("{at}: not allowed")),
            _ => schema.as_object().expect("a schema is an object"),
        };
        for (keyword, wanted) in keywords {
            self.keyword(schema, keyword, wanted, value, at)?;
        }
        Ok(())
    }

    fn keyword(
        &self,
        schema: &Value,
        keyword: &str,
        wanted: &Value,
        value: &Value,
        at: &str,
    ) -> Result<(), String> {
        let holds = match keyword {
            "$schema" | "$id" | "title" | "description" | "default" | "examples" | "definitions" => true,
            "$ref" => {
                let pointer = wanted.as_str().unwrap().strip_prefix('#').expect("within the schema");
                return self.check(self.root.pointer(pointer).expect(pointer), value, at);
            }
            "allOf" => return schemas(wanted).iter().try_for_each(|one| self.check(one, value, at)),
            "anyOf" => self.fitting(wanted, value, at) > 0,
            "oneOf" => self.fitting(wanted, value, at) == 1,
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|one| is(value, one.as_str().unwrap())),
                one => is(value, one.as_str().unwrap()),
            },
            "enum" => schemas(wanted).contains(value),
            "pattern" => value.as_str().is_none_or(|text| matches(wanted, text)),
            "minLength" => {
                value.as_str().is_none_or(|text| text.chars().count() as u64 >= wanted.as_u64().unwrap())
            }
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
            "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= wanted.as_u64().unwrap()),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(wanted, item, &format!("{at}/{index}"))?;
                }
                true
            }
            "required" => value.as_object().is_none_or(|object| {
                schemas(wanted).iter().all(|key| object.contains_key(key.as_str().unwrap()))
            }),
            "dependencies" => value.as_object().is_none_or(|object| {
                let given = wanted.as_object().unwrap().iter().filter(|(key, _)| object.contains_key(*key));
                given
                    .flat_map(|(_, needed)| schemas(needed))
                    .all(|key| object.contains_key(key.as_str().unwrap()))
            }),
            "propertyNames" => value
                .as_object()
                .is_none_or(|object| object.keys().all(|key| matches(&wanted["pattern"], key))),
            "properties" | "additionalProperties" => {
                for (key, member) in value.as_object().into_iter().flatten() {
                    let known = schema.get("properties").and_then(|properties| properties.get(key));
                    let wanted = match (keyword, known) {
                        ("properties", Some(known)) => known,
                        ("additionalProperties", None) => wanted,
                        _ => continue,
                    };
                    self.check(wanted, member, &format!("{at}/{key}"))?;
                }
                true
            }
            _ => panic!("the validator does not know {keyword}"),
        };
        if holds { Ok(()) } else { Err(format!("{at}: {keyword} {wanted}")) }
    }

    fn fitting(&self, wanted: &Value, value: &Value, at: &str) -> usize {
        schemas(wanted).iter().filter(|one| self.check(one, value, at).is_ok()).count()
    }
}

fn schemas(list: &Value) -> &[Value] {
    list.as_array().expect("a list")
}

fn matches(pattern: &Value, text: &str) -> bool {
    Regex::new(pattern.as_str().unwrap()).unwrap().is_match(text)
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("no such type: {kind}"),
    }
}
