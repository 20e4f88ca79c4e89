//! What may not be seen by a terminal.

/// Whether a character moves the cursor, reorders a line or hides: controls, bidirectional and zero-width ones, and
/// separators of lines.
fn acts(character: char) -> bool {
    let hides = matches!(
        character,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}' | '\u{e0000}'..='\u{e007f}'
    );
    character.is_control() || hides
}

/// Fails if anything in the text acts but line breaks and what is allowed besides.
pub(super) fn assert_inert(text: &str, allowed: &[char]) {
    let found = text.chars().find(|&character| acts(character) && !allowed.contains(&character));
    assert_eq!(found, None, "{text:?}");
}

/// Reads what was written as one JSON document that ends with a newline and is safe to look at.
pub(super) fn read_json(written: &[u8]) -> serde_json::Value {
    let text = str::from_utf8(written).unwrap();
    assert_inert(text, &['\n']);
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
    serde_json::from_str(text).unwrap()
}
