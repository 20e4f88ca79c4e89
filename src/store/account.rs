//! Whose limits they are: a key at an API.

use crate::hostup::{ApiKey, ApiUrl};

/// An API and one of its keys, of which only the fingerprint is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    url: String,
    key: String,
}

impl Account {
    /// The account that this key opens at this API.
    pub fn new(url: &ApiUrl, key: &ApiKey) -> Self {
        Self { url: url.to_string(), key: key.fingerprint() }
    }

    /// The account as it was stored.
    pub(super) fn stored(url: String, key: String) -> Self {
        Self { url, key }
    }

    /// The API's base URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key's fingerprint, in hexadecimal.
    pub fn key(&self) -> &str {
        &self.key
    }
}
