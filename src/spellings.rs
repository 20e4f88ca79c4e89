//! The ways in which a secret may be written when it comes back from where it was sent.
//!
//! Percent-encoded, as in a URL, and in base64, as in a header, where it is often part of something longer. Kept out:
//! where secrets are looked for, and what stands in their place (`hostup/`, `report/`).

use std::fmt::Write as _;

/// Shorter secrets are looked for as they are only: their base64 is too likely to be part of something else.
const LEAST_ENCODED: usize = 6;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The secret as it is, percent-encoded with digits of either case, and in both alphabets of base64; some may be the
/// same. Of an empty one there are none.
pub(crate) fn spellings(secret: &str) -> Vec<String> {
    let encoded = percent_encoded(secret);
    let mut all = vec![secret.to_owned(), lower_case_digits(&encoded), encoded];
    if secret.len() >= LEAST_ENCODED {
        for alphabet in [STANDARD, URL_SAFE] {
            all.extend((0..3).map(|offset| base64_core(secret.as_bytes(), offset, alphabet)));
        }
    }
    all.retain(|spelling| !spelling.is_empty());
    all
}

/// Encodes all but what RFC 3986 calls unreserved.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a String takes whatever is written to it");
        }
    }
    encoded
}

/// The same with the digits after each `%` in lower case.
fn lower_case_digits(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        lower.extend(["%", &digits.to_ascii_lowercase(), rest]);
    }
    lower
}

/// The base64 characters that these bytes alone decide when they begin `offset` bytes into a group of three.
fn base64_core(bytes: &[u8], offset: usize, alphabet: &[u8; 64]) -> String {
    let bit = |position: usize| (bytes[position / 8] >> (7 - position % 8)) & 1;
    // The first character whose six bits are all the secret's: the ones before share bits with what precedes.
    let first = (6 - offset * 8 % 6) % 6;
    let whole = (bytes.len() * 8).saturating_sub(first) / 6;
    (0..whole)
        .map(|character| {
            let from = first + character * 6;
            let sextet =
                (from..from + 6).fold(0, |sextet, position| (sextet << 1) | usize::from(bit(position)));
            char::from(alphabet[sextet])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_percent_encoded_in_either_case_and_in_base64_at_each_place() {
        let all = spellings("s3cr3t/key+1~å");
        for expected in [
            "s3cr3t/key+1~å",
            "s3cr3t%2Fkey%2B1~%C3%A5",
            "s3cr3t%2fkey%2b1~%c3%a5",
            // Of "s3cr3t/key+1~å", "a:s3cr3t/key+1~å" and "b:c:…": what does not depend on the letters around.
            "czNjcjN0L2tleSsxfsOl",
            "zM2NyM3Qva2V5KzF-w6",
            "MzY3IzdC9rZXkrMX7Dp",
        ] {
            assert!(all.iter().any(|spelling| spelling == expected), "{expected} is not in {all:?}");
        }
    }

    #[test]
    fn a_short_secret_is_not_looked_for_in_base64() {
        assert_eq!(spellings("a/b"), ["a/b", "a%2fb", "a%2Fb"]);
        assert_eq!(spellings(""), [""; 0]);
    }
}
