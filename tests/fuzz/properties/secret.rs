//! The ways in which a secret may be written, worked out apart from the code that takes them out.

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Plain, percent-encoded with either case of digits, and in both alphabets of base64 at each place in a group of three.
pub(super) fn spellings(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned(), percent_encoded(secret, true), percent_encoded(secret, false)];
    // A shorter one is not looked for in base64: too likely to be part of something else.
    if secret.len() >= 6 {
        for before in 0..3 {
            let core = base64_core(secret.as_bytes(), before);
            all.extend([core.replace('+', "-").replace('/', "_"), core]);
        }
    }
    all
}

/// Encodes all but what RFC 3986 calls unreserved.
pub(super) fn percent_encoded(text: &str, upper: bool) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    });
    encoded.collect()
}

/// Base64 without padding (RFC 4648 §4).
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut encoded = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            encoded.push(char::from(STANDARD[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    encoded
}

/// The characters that stay the same whatever stands before and after, `before` bytes into a group.
fn base64_core(bytes: &[u8], before: usize) -> String {
    let padded = [vec![0; before], bytes.to_vec()].concat();
    let (first, last) = ((8 * before).div_ceil(6), 8 * padded.len() / 6);
    base64(&padded)[first..last].to_owned()
}
