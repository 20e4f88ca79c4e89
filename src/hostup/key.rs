//! The API key: told to one header, and to nobody else.

use std::fmt;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::redact::Redactor;

/// What is hashed before the key, so that a fingerprint is comparable with no other hash of the key.
const FINGERPRINT_DOMAIN: &[u8] = b"rollcall: fingerprint of an API key, version 1\0";

/// Bytes of the hash that are the fingerprint: enough that no two keys share one.
const FINGERPRINT_BYTES: usize = 16;

/// A HostUp API key. Neither `Debug` nor `Display` shows it.
///
/// Its format is not documented, so it is any text that a header can carry.
#[derive(Clone)]
pub struct ApiKey {
    key: SecretString,
    /// The whole `Authorization` header, made once.
    authorization: HeaderValue,
}

/// A text that cannot be a key. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKey {
    /// Nothing there, or blanks only.
    #[error("the API key is empty")]
    Empty,
    /// More than one line.
    #[error("the API key has more than one line: it must be the only thing in its file or variable")]
    Lines,
    /// Characters that a header cannot carry.
    #[error("the API key has characters other than printable ASCII: was something else pasted?")]
    Characters,
}

impl ApiKey {
    /// Takes the text of a file or variable. One line end after the key is left out.
    ///
    /// # Errors
    /// [`InvalidApiKey`] if there is no key in it, or more than a key.
    pub fn from_text(text: &str) -> Result<Self, InvalidApiKey> {
        let key = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        if key.trim().is_empty() {
            return Err(InvalidApiKey::Empty);
        }
        if key.contains(['\n', '\r']) {
            return Err(InvalidApiKey::Lines);
        }
        if !key.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(InvalidApiKey::Characters);
        }
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| InvalidApiKey::Characters)?;
        authorization.set_sensitive(true);
        Ok(Self { key: SecretString::from(key), authorization })
    }

    /// The value of the `Authorization` header (HostUp docs, post-exec page), marked so that nobody logs it.
    pub(super) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }

    /// What tells this key from others without telling the key: 32 hexadecimal digits of a hash.
    ///
    /// It may be shown and stored. The key cannot be computed from it, only guessed, which for a key as long as an
    /// API's is out of reach.
    pub fn fingerprint(&self) -> String {
        let hash =
            Sha256::new().chain_update(FINGERPRINT_DOMAIN).chain_update(self.key.expose_secret()).finalize();
        let bytes = hash.iter().take(FINGERPRINT_BYTES);
        format!("{:032x}", bytes.fold(0_u128, |number, &byte| number << 8 | u128::from(byte)))
    }

    /// What takes this key out of a text.
    pub(super) fn redactor(&self) -> Redactor {
        Redactor::new(self.key.expose_secret())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey([redacted])")
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_one_line_end_is_left_out() {
        for text in ["hup_1234", "hup_1234\n", "hup_1234\r\n"] {
            let value = ApiKey::from_text(text).unwrap().authorization();
            assert_eq!(value.to_str().unwrap(), "Bearer hup_1234");
        }
    }

    #[test]
    fn c2_what_is_no_key_is_refused_without_repeating_it() {
        for (text, expected) in [
            ("", InvalidApiKey::Empty),
            ("\n", InvalidApiKey::Empty),
            (" \t", InvalidApiKey::Empty),
            ("hup\n1234", InvalidApiKey::Lines),
            ("hup_1234\n\n", InvalidApiKey::Lines),
            ("hup_1234\r", InvalidApiKey::Lines),
            ("hup\u{e5}1234", InvalidApiKey::Characters),
            ("hup\t1234", InvalidApiKey::Characters),
            ("hup\0", InvalidApiKey::Characters),
        ] {
            let error = ApiKey::from_text(text).unwrap_err();
            assert_eq!(error, expected, "{text:?}");
            assert!(!format!("{error} {error:?}").contains("hup"));
        }
    }

    #[test]
    fn c10_neither_debug_nor_display_nor_the_header_shows_the_key() {
        let key = ApiKey::from_text("hup_1234").unwrap();
        let shown = format!("{key} {key:?} {:?}", key.authorization());
        assert!(!shown.contains("hup_1234"), "{shown}");
        assert!(key.authorization().is_sensitive());
    }

    #[test]
    fn a_fingerprint_tells_keys_apart_and_stays_as_it_is() {
        let fingerprint = |text| ApiKey::from_text(text).unwrap().fingerprint();
        // What lies in the stores of users is found by it.
        assert_eq!(fingerprint("hup_1234"), "2008ab901ad73a1e03705e66520d362d");
        assert_eq!(fingerprint("hup_1234\n"), fingerprint("hup_1234"));
        assert_ne!(fingerprint("hup_1235"), fingerprint("hup_1234"));
    }
}
