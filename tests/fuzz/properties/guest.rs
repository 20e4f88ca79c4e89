//! A target as an API may list it whose servers have been taken over.

use rollcall::fleet::Vps;
use serde_json::{Map, Value, json};

/// The fields of a VPS with this name, and this in its other texts.
pub(super) fn fields(number: usize, name: &str, text: &str) -> Map<String, Value> {
    let Value::Object(fields) = json!({
        "id": format!("vps_{number}"),
        "name": name,
        "primaryIp": text,
        "tags": [text, name, 7, null],
        "serviceStatus": "active",
        "powerState": "running",
        "operatingSystem": { "family": "linux", "displayName": text },
        "resources": { "memoryGb": 4 },
    }) else {
        panic!("an object is an object")
    };
    fields
}

/// A VPS with these fields.
pub(super) fn vps(number: usize, name: &str, text: &str) -> Vps {
    Vps::new(fields(number, name, text))
}
