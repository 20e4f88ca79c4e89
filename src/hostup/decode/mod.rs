//! Bodies of 2xx answers as [`Answer`](crate::engine::Answer)s, one file a call.
//!
//! The v2 API is young and partly undocumented (the schema of a poll's answer is not published), and its v1 wrapped
//! everything in `{"success": …, "data": {…}}`. So fields are read in all the forms that either version, or Proxmox
//! beneath it, has used, unknown ones are ignored, and what cannot be read is said to be missing, never guessed.

mod list;
mod poll;
mod probe;
mod start;

pub(super) use list::list;
pub(super) use poll::poll;
pub(super) use probe::probe;
pub(super) use start::start;

use serde_json::{Map, Value};

use super::document::Document;

/// Longer numbers cannot be read exactly from JSON's floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The object that an answer is about, and where in the document it is.
struct Fields<'a> {
    fields: &'a Map<String, Value>,
    pointer: &'static str,
}

impl<'a> Fields<'a> {
    /// Unwraps an answer.
    ///
    /// # Errors
    /// Why it is none: not an object, or it says itself that it failed.
    fn of(document: &'a Document) -> Result<Self, String> {
        let Value::Object(outer) = &document.value else {
            return Err("not a JSON object".to_owned());
        };
        if outer.get("success").and_then(boolean) == Some(false) {
            let said =
                ["message", "error", "detail", "code"].iter().find_map(|name| outer.get(*name)?.as_str());
            return Err(format!("it says `success: false` ({})", said.unwrap_or("and no more")));
        }
        Ok(match outer.get("data") {
            Some(Value::Object(fields)) => Self { fields, pointer: "/data" },
            _ => Self { fields: outer, pointer: "" },
        })
    }

    /// A field under its own name; null counts as missing.
    fn field(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// The fields that have this name in any spelling: `exitCode`, `exit_code`, `exit-code` and `exitcode` are one.
    /// Nulls count as missing.
    fn spellings(&self, name: &str) -> impl Iterator<Item = &'a Value> {
        self.fields
            .iter()
            .filter(move |(other, value)| !value.is_null() && same_name(other, name))
            .map(|(_, value)| value)
    }
}

fn same_name(one: &str, other: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = u8> {
        name.bytes().filter(|byte| !b"_-".contains(byte)).map(|byte| byte.to_ascii_lowercase())
    }
    letters(one).eq(letters(other))
}

/// A boolean, or 0 or 1: Proxmox sends numbers.
fn boolean_or_bit(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(boolean) => Some(*boolean),
        Value::Number(_) => match integer(value) {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        _ => None,
    }
}

/// The same, or one of them in quotes.
fn boolean(value: &Value) -> Option<bool> {
    match value.as_str() {
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        _ => boolean_or_bit(value),
    }
}

/// A whole number, perhaps in quotes.
#[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53, as the line above makes sure")]
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            let float = number.as_f64()?;
            if float.fract() == 0.0 && float.abs() < EXACT { Some(float as i64) } else { None }
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Reads JSON as the client would.
#[cfg(test)]
pub(super) fn document(json: &str) -> Document {
    use super::{
        redact::Redactor,
        trim::{JsonTrim, TrimLimits},
    };

    let mut trim = JsonTrim::new(TrimLimits { string: 1 << 16, json: 1 << 20, values: 1 << 16 });
    trim.feed(json.as_bytes()).unwrap();
    Document::read_trimmed(&trim.finish().unwrap(), &Redactor::default()).unwrap()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_read_in_every_form_and_nothing_else_is() {
        for (value, expected) in [
            (json!(0), Some(0)),
            (json!(-1_073_741_819), Some(-1_073_741_819)),
            (json!(3_221_225_477_u64), Some(3_221_225_477)),
            (json!("0"), Some(0)),
            (json!("-7"), Some(-7)),
            (json!(2.0), Some(2)),
            (json!(0.5), None),
            (json!(1e300), None),
            (json!(u64::MAX), None),
            (json!(""), None),
            (json!(" 0"), None),
            (json!("0x0"), None),
            (json!("0.0"), None),
            (json!(true), None),
            (json!(null), None),
            (json!([0]), None),
        ] {
            assert_eq!(integer(&value), expected, "{value}");
        }
    }

    #[test]
    fn i11_fields_that_nobody_knows_change_no_answer() {
        let more = r#""new":{"id":"x","data":[1],"pid":9},"links":[null],"note":"hi""#;
        let with_more = |json: &str| document(&json.replacen('{', &format!("{{{more},"), 1));
        let page = r#"{"data":[{"id":"vps_1","name":"web-1"}],"nextCursor":"c2"}"#;
        assert_eq!(list(with_more(page)), list(document(page)));
        let available = r#"{"available":true,"vmRunning":true}"#;
        assert_eq!(probe(&with_more(available)), probe(&document(available)));
        let (base, vps) = (crate::hostup::ApiUrl::default(), "vps_1".parse().unwrap());
        let accepted = r#"{"pid":5}"#;
        let start = |document: &Document| start(Some(document), &base, &vps, String::new);
        assert_eq!(start(&with_more(accepted)), start(&document(accepted)));
        let exited = r#"{"exited":true,"exitCode":3,"stdout":"out","stderr":""}"#;
        let pid = crate::engine::Pid::new(5).unwrap();
        assert_eq!(poll(&with_more(exited), pid), poll(&document(exited), pid));
    }

    #[test]
    fn booleans_are_read_in_every_form_and_nothing_else_is() {
        for (value, bit, quoted) in [
            (json!(true), Some(true), Some(true)),
            (json!(false), Some(false), Some(false)),
            (json!(1), Some(true), Some(true)),
            (json!(0), Some(false), Some(false)),
            (json!("true"), None, Some(true)),
            (json!("0"), None, Some(false)),
            (json!("yes"), None, None),
            (json!(2), None, None),
            (json!(null), None, None),
            (json!({}), None, None),
        ] {
            assert_eq!((boolean_or_bit(&value), boolean(&value)), (bit, quoted), "{value}");
        }
    }
}
