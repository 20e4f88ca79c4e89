//! One VPS, as the API describes it.

use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use serde_json::{Map, Value};

use crate::archive::{Lost, Text};

/// The provider's id of a VPS: 1 to 64 of `A–Z a–z 0–9 _ -`, and so safe inside a URL path. A copy shares its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VpsId(Arc<str>);

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
            Ok(Self(text.into()))
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
/// targets from the listing to the report, but looks into it only a few times. Only until it has been selected or not
/// ([`settled`](Self::settled)) is the tree there too.
#[derive(Debug, Clone)]
pub struct Vps {
    id: Result<VpsId, InvalidVpsId>,
    name: Box<str>,
    primary_ip: Option<Box<str>>,
    json: Text,
    tree: Option<Box<Map<String, Value>>>,
}

impl Vps {
    /// Takes one object of a listing. An unusable or missing id is kept as such: it is reported, not lost.
    #[expect(clippy::missing_panics_doc, reason = "the names of a JSON object are texts")]
    pub fn new(fields: Map<String, Value>) -> Self {
        let id = match fields.get("id") {
            Some(Value::String(text)) => text.parse(),
            Some(other) => Err(InvalidVpsId(other.to_string())),
            None => Err(InvalidVpsId(String::new())),
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(Box::from);
        let (name, primary_ip) = (text("name").unwrap_or_default(), text("primaryIp"));
        let json = serde_json::to_string(&fields).expect("a JSON value can be written").into();
        Self { id, name, primary_ip, json, tree: Some(Box::new(fields)) }
    }

    /// Without the tree, for the time after the selection.
    #[must_use]
    pub fn settled(self) -> Self {
        Self { tree: None, ..self }
    }

    /// Has its text kept somewhere else.
    pub fn put_aside(&mut self, keep: impl FnOnce(Text) -> Text) {
        self.json = keep(std::mem::take(&mut self.json));
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

    /// Whether a person who says this may mean it: its id, its address, or its name in any letter case.
    pub fn is_called(&self, name: &str) -> bool {
        let is_named = !self.name.is_empty() && self.name.to_lowercase() == name.to_lowercase();
        is_named || (!name.is_empty() && (self.raw_id() == name || self.primary_ip() == Some(name)))
    }

    /// Its first address.
    pub fn primary_ip(&self) -> Option<&str> {
        self.primary_ip.as_deref()
    }

    /// All its fields, in the API's names and order. They may be read from the text at each call, so keep them where
    /// they are needed more than once. There are none if the text is [`Lost`]: nothing then holds of this VPS, and no
    /// command is made for it that names one.
    #[expect(clippy::missing_panics_doc, reason = "the text was written from such a map")]
    pub fn fields(&self) -> Cow<'_, Map<String, Value>> {
        if let Some(fields) = &self.tree {
            return Cow::Borrowed(fields);
        }
        Cow::Owned(match self.json.read() {
            Ok(json) => serde_json::from_str(&json).expect("written from such a map"),
            Err(Lost(_)) => Map::new(),
        })
    }

    /// The object as JSON text.
    pub fn json(&self) -> &Text {
        &self.json
    }
}

impl PartialEq for Vps {
    /// The same JSON is the same VPS.
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}
