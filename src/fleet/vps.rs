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
///
/// The object is kept as text. As a tree it takes some ten times the memory, and a run holds one for each of its
/// targets from the listing to the report, but looks into it only a few times.
#[derive(Debug, Clone, PartialEq)]
pub struct Vps {
    id: Result<VpsId, InvalidVpsId>,
    name: Box<str>,
    primary_ip: Option<Box<str>>,
    json: Box<str>,
}

impl Vps {
    /// Takes one object of a listing. An unusable or missing id is kept as such: it is reported, not lost.
    pub fn new(fields: Map<String, Value>) -> Self {
        let id = match fields.get("id") {
            Some(Value::String(text)) => text.parse(),
            Some(other) => Err(InvalidVpsId(other.to_string())),
            None => Err(InvalidVpsId(String::new())),
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(Box::from);
        let (name, primary_ip) = (text("name").unwrap_or_default(), text("primaryIp"));
        Self { id, name, primary_ip, json: Value::Object(fields).to_string().into() }
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
        &self.name
    }

    /// What to call it: its name, or its id where the name is blank.
    pub fn name_or_id(&self) -> &str {
        if self.name.trim().is_empty() { self.raw_id() } else { &self.name }
    }

    /// Its first address.
    pub fn primary_ip(&self) -> Option<&str> {
        self.primary_ip.as_deref()
    }

    /// All its fields, in the API's names and order. They are read from the text at each call, so keep them where they
    /// are needed more than once.
    #[expect(clippy::missing_panics_doc, reason = "the text was written from such a map")]
    pub fn fields(&self) -> Map<String, Value> {
        serde_json::from_str(&self.json).expect("written from such a map")
    }

    /// The object as JSON text.
    pub fn json(&self) -> &str {
        &self.json
    }
}
