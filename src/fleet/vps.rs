//! One VPS, as the API describes it.

use std::{fmt, str::FromStr};

use serde_json::{Map, Value};

/// The provider's id of a VPS: 1 to 64 of `A–Z a–z 0–9 _ -`, and so safe inside a URL path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VpsId(String);

/// An id that must never be put into a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a VPS id: {0:?} (1 to 64 letters, digits, `_` or `-`)")]
pub struct InvalidVpsId(pub String);

impl VpsId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VpsId {
    type Err = InvalidVpsId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=64).contains(&text.len()) && text.bytes().all(safe) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidVpsId(text.to_owned()))
        }
    }
}

impl fmt::Display for VpsId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A VPS: the API's JSON object, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Vps {
    id: Result<VpsId, InvalidVpsId>,
    fields: Map<String, Value>,
}

impl Vps {
    /// Takes one object of a listing. An unusable or missing id is kept as such: it is reported, not lost.
    pub fn new(fields: Map<String, Value>) -> Self {
        let id = match fields.get("id") {
            Some(Value::String(text)) => text.parse(),
            Some(other) => Err(InvalidVpsId(other.to_string())),
            None => Err(InvalidVpsId(String::new())),
        };
        Self { id, fields }
    }

    /// Its id.
    ///
    /// # Errors
    /// [`InvalidVpsId`] where the API gave none that is safe to use.
    pub fn id(&self) -> Result<&VpsId, &InvalidVpsId> {
        self.id.as_ref()
    }

    /// Its id as the API wrote it, safe or not: for reports only.
    pub fn raw_id(&self) -> &str {
        match &self.id {
            Ok(id) => id.as_str(),
            Err(InvalidVpsId(raw)) => raw,
        }
    }

    /// Its display name, which need not be unique; empty where the API gave none.
    pub fn name(&self) -> &str {
        self.fields.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// Its first address.
    pub fn primary_ip(&self) -> Option<&str> {
        self.fields.get("primaryIp").and_then(Value::as_str)
    }

    /// All its fields, in the API's names.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }
}
