//! The one sanitiser: makes outside text harmless before a person's terminal or viewer sees it.
//!
//! Names, output and problem texts come from servers, and a server may have been taken over. Characters that
//! move the cursor, reorder the line or cannot be seen are shown escaped (`\x1b`, `\u{202e}`) instead. An escape
//! is plain ASCII, so making text inert twice changes nothing. JSON is not made inert: its own escapes keep it
//! well-formed, and it carries output byte for byte.

use std::{borrow::Cow, fmt::Write as _, sync::LazyLock};

use regex::Regex;

/// Combining marks that one character may carry; more of them pile up over the lines around it.
const MARKS_A_CHARACTER: usize = 4;

/// Controls (C0, C1, DEL), format characters (bidi, zero-width, tags), line and paragraph separators, and all else
/// that Unicode says is not drawn.
const ACTIVE: &str = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]";

/// What must be looked at one by one: one of these, a mark among them, is rare in honest text.
static SUSPECT: LazyLock<Regex> = LazyLock::new(|| class(&format!(r"{ACTIVE}|\p{{M}}")));
static ACTIVE_CHARACTER: LazyLock<Regex> = LazyLock::new(|| class(ACTIVE));
static MARK: LazyLock<Regex> = LazyLock::new(|| class(r"\p{M}"));
static PICTOGRAPH: LazyLock<Regex> = LazyLock::new(|| class(r"\p{Extended_Pictographic}"));

/// Makes text harmless for one line: line breaks and tabs are escaped as well.
pub fn inert(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// Makes text of several lines harmless: as [`inert`], but tab and newline stay.
pub fn inert_lines(text: &str) -> Cow<'_, str> {
    escape(text, |character| matches!(character, '\t' | '\n'))
}

/// Whether this character acts or hides, so that no format shows it raw.
pub(super) fn acts(character: char) -> bool {
    if character.is_ascii() { character.is_ascii_control() } else { is(&ACTIVE_CHARACTER, character) }
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let Some(suspect) = SUSPECT.find(text) else { return Cow::Borrowed(text) };
    let (honest, rest) = text.split_at(suspect.start());
    let mut clean = String::with_capacity(text.len() + 16);
    clean.push_str(honest);
    let mut marks = 0;
    let mut before = honest.chars().next_back();
    for character in rest.chars() {
        marks = if is(&MARK, character) { marks + 1 } else { 0 };
        // U+FE0F asks for the coloured form of the emoji before it, and is harmless only there.
        let emoji_form = character == '\u{fe0f}' && before.is_some_and(|base| is(&PICTOGRAPH, base));
        let active = is(&ACTIVE_CHARACTER, character) && !emoji_form && !keep(character);
        if active || marks > MARKS_A_CHARACTER {
            push_escaped(&mut clean, character);
        } else {
            clean.push(character);
        }
        before = Some(character);
    }
    Cow::Owned(clean)
}

fn push_escaped(clean: &mut String, character: char) {
    let code = u32::from(character);
    let written = match character {
        '\n' => clean.write_str("\\n"),
        '\r' => clean.write_str("\\r"),
        '\t' => clean.write_str("\\t"),
        _ if code < 0x100 => write!(clean, "\\x{code:02x}"),
        _ => write!(clean, "\\u{{{code:x}}}"),
    };
    written.expect("a String takes whatever is written to it");
}

fn is(class: &Regex, character: char) -> bool {
    // No ASCII letter, digit or sign is in any of the classes.
    !matches!(character, ' '..='~') && class.is_match(character.encode_utf8(&mut [0; 4]))
}

fn class(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the classes above are valid, as the tests show")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn o1_o2_escape_sequences_and_lone_controls_are_shown_as_text() {
        assert_eq!(inert("\x1b[2J\x07"), r"\x1b[2J\x07");
        assert_eq!(inert("\x1b]52;c;YQ==\x1b\\"), r"\x1b]52;c;YQ==\x1b\");
        assert_eq!(inert("a\rb\u{8}c\u{c}\u{7f}\u{9b}"), r"a\rb\x08c\x0c\x7f\x9b");
        assert_eq!(inert("one\n\ttwo"), r"one\n\ttwo");
        assert_eq!(inert_lines("one\n\ttwo\r\n"), "one\n\ttwo\\r\n");
    }

    #[test]
    fn what_reorders_or_hides_is_shown_as_text() {
        assert_eq!(inert("\u{202e}gpj.exe\u{2066}"), r"\u{202e}gpj.exe\u{2066}");
        assert_eq!(inert("web\u{200b}-1\u{feff}\u{ad}"), r"web\u{200b}-1\u{feff}\xad");
        assert_eq!(inert("\u{2028}\u{e0041}\u{3164}"), r"\u{2028}\u{e0041}\u{3164}");
        assert_eq!(inert("web\u{fe0f}-1"), r"web\u{fe0f}-1");
    }

    #[test]
    fn ordinary_text_is_untouched() {
        for text in ["web-1 42%", "Malmö, på åäö", "数据库-三", "🦀 🚀 ❤\u{fe0f}", "e\u{301}", "नमस्ते", ""]
        {
            assert_eq!(inert(text), text);
        }
    }

    #[test]
    fn o6_a_character_carries_at_most_four_marks() {
        let pile = format!("z{}", "\u{334}".repeat(6));
        assert_eq!(inert(&pile), format!("z{}\\u{{334}}\\u{{334}}", "\u{334}".repeat(4)));
    }

    proptest! {
        #[test]
        fn nothing_active_is_left(text in any::<String>()) {
            let clean = inert(&text);
            let active = |character: char| {
                character.is_control()
                    || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            prop_assert!(!clean.contains(active), "{clean:?}");
            let lines = inert_lines(&text);
            prop_assert!(!lines.contains(|c| active(c) && c != '\t' && c != '\n'), "{lines:?}");
        }

        #[test]
        fn twice_is_the_same_as_once(text in r"[\x00-\x20a-z\u{300}-\u{305}\u{200b}-\u{202f}\u{fe0f}❤🦀]*") {
            let once = inert(&text).into_owned();
            prop_assert_eq!(inert(&once), once.as_str());
            let lines = inert_lines(&text).into_owned();
            prop_assert_eq!(inert_lines(&lines), lines.as_str());
        }
    }
}
