//! Text from elsewhere, made safe to look at.
//!
//! Names, output and messages come from servers and guests, and a terminal obeys what it is shown. [`inert`] and
//! [`inert_lines`] write everything that acts instead of showing (control characters, bidi controls, zero-width
//! and other invisible characters) as an escape like `\x1b` or `\u{202e}`, and leave all other text as it is.
//!
//! Kept out: quoting for a particular format (JSON has its own escapes, in `json`) and hiding secrets
//! (`redact`).

use std::{borrow::Cow, fmt::Write as _, sync::LazyLock};

use regex::Regex;

/// Characters that act or hide: controls (C0, DEL, C1), format characters (bidi controls and isolates, zero-width
/// ones, tags), line and paragraph separators, and whatever else a renderer may ignore.
///
/// The groups are those of Unicode: `Cc`, `Cf`, `Zl`, `Zp` (UAX 44) and `Default_Ignorable_Code_Point`.
const ACTIVE: &str = r"\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}";

/// Combining marks that one character may carry; more of them climb over the lines around.
const MARKS_A_CHARACTER: usize = 4;

/// Whether a text may need an escape at all. Most texts do not, and are returned as they came.
static SUSPECT: LazyLock<Regex> = LazyLock::new(|| {
    let marks = MARKS_A_CHARACTER + 1;
    Regex::new(&format!(r"[{ACTIVE}]|\p{{M}}{{{marks}}}")).expect("the pattern is constant")
});

static ACTIVE_CHARACTER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!("^[{ACTIVE}]$")).expect("the pattern is constant"));

static MARK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{M}$").expect("the pattern is constant"));

/// Makes text safe for one line of a terminal: newline and tab are escaped as well.
///
/// Calling it again changes nothing.
pub fn inert(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// Makes text safe for a terminal, its newlines and tabs kept.
///
/// Calling it again changes nothing.
pub fn inert_lines(text: &str) -> Cow<'_, str> {
    escape(text, |character| matches!(character, '\n' | '\t'))
}

/// Whether this character acts or hides, so that no format shows it raw.
pub(super) fn is_active(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    ACTIVE_CHARACTER.is_match(character.encode_utf8(&mut [0; 4]))
}

fn escape(text: &str, kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !SUSPECT.is_match(text) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut marks = 0;
    let mut base = None;
    for character in text.chars() {
        let is_mark = !character.is_ascii() && MARK.is_match(character.encode_utf8(&mut [0; 4]));
        marks = if is_mark { marks + 1 } else { 0 };
        let harmless = if is_mark && marks > MARKS_A_CHARACTER {
            false
        } else if is_active(character) {
            kept(character) || (marks == 1 && selects_presentation(base, character))
        } else {
            true
        };
        if harmless {
            shown.push(character);
        } else {
            push_escaped(&mut shown, character);
        }
        if !is_mark {
            base = harmless.then_some(character);
        }
    }
    Cow::Owned(shown)
}

/// A text or emoji selector has a meaning after a symbol (`❤` and U+FE0F); anywhere else it only hides.
fn selects_presentation(base: Option<char>, selector: char) -> bool {
    matches!(selector, '\u{fe0e}' | '\u{fe0f}') && base.is_some_and(|base| !base.is_ascii())
}

fn push_escaped(shown: &mut String, character: char) {
    match character {
        '\n' => shown.push_str(r"\n"),
        '\r' => shown.push_str(r"\r"),
        '\t' => shown.push_str(r"\t"),
        _ => {
            let code = u32::from(character);
            // C1 controls are written as code points: as `\x9b` they would look like bytes that were not there.
            let written =
                if code < 0x80 { write!(shown, r"\x{code:02x}") } else { write!(shown, r"\u{{{code:x}}}") };
            written.expect("a String takes everything");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        assert_eq!(inert("\x1b[31mred\x1b[0m"), r"\x1b[31mred\x1b[0m");
        assert_eq!(inert("\x1b]52;c;aGk=\x07"), r"\x1b]52;c;aGk=\x07");
        assert_eq!(inert("a\rb\x08c\x0cd\x7f\0"), r"a\rb\x08c\x0cd\x7f\x00");
        assert_eq!(inert("\u{9b}31m \u{85}"), r"\u{9b}31m \u{85}");
    }

    #[test]
    fn what_reorders_or_hides_is_spelled_out() {
        assert_eq!(
            inert("abc\u{202e}def\u{2066}\u{2069}\u{200f}"),
            r"abc\u{202e}def\u{2066}\u{2069}\u{200f}"
        );
        assert_eq!(inert("a\u{200b}b\u{200d}c\u{feff}d\u{ad}e"), r"a\u{200b}b\u{200d}c\u{feff}d\u{ad}e");
        assert_eq!(inert("a\u{2028}b\u{2029}c\u{e0041}d\u{3164}"), r"a\u{2028}b\u{2029}c\u{e0041}d\u{3164}");
    }

    #[test]
    fn ordinary_text_is_not_even_copied() {
        for text in ["", "web-1", "Ärlig åäö", "サーバー", "🚀 🇸🇪", "❤", "e\u{301}", "50 % – “ok”"]
        {
            assert!(matches!(inert(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_selector_stays_with_its_symbol_and_nowhere_else() {
        assert_eq!(inert("❤\u{fe0f}!"), "❤\u{fe0f}!");
        assert_eq!(inert("❤\u{fe0f}\u{fe0f}"), "❤\u{fe0f}\\u{fe0f}");
        assert_eq!(inert("a\u{fe0f}"), r"a\u{fe0f}");
        assert_eq!(inert("a\u{e0100}"), r"a\u{e0100}");
    }

    #[test]
    fn newline_and_tab_are_kept_only_where_there_are_lines() {
        assert_eq!(inert("a\n\tb"), r"a\n\tb");
        assert_eq!(inert_lines("a\n\tb\r\x1b"), "a\n\tb\\r\\x1b");
    }

    #[test]
    fn o6_a_character_carries_at_most_four_marks() {
        let tower = format!("x{}y", "\u{301}".repeat(6));
        assert_eq!(inert(&tower), format!(r"x{}\u{{301}}\u{{301}}y", "\u{301}".repeat(4)));
    }

    /// Arbitrary text with the characters that matter in it far more often than chance would have them.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<char>(),
            prop::char::range('\0', '\u{a0}'),
            prop::char::range('\u{200b}', '\u{206f}'),
            prop::char::range('\u{300}', '\u{310}'),
            prop::sample::select(vec!['\u{fe0f}', '\u{fe0e}', '\u{34f}', '❤', '\u{e0001}', '\u{180b}']),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn nothing_active_is_left(text in hostile()) {
            let shown = inert(&text);
            let presentation = |character| matches!(character, '\u{fe0e}' | '\u{fe0f}');
            prop_assert!(!shown.chars().any(|character| is_active(character) && !presentation(character)));
            let marks = Regex::new(r"\p{M}{5}").unwrap();
            prop_assert!(!marks.is_match(&shown));
        }

        #[test]
        fn twice_is_once(text in hostile()) {
            let once = inert(&text).into_owned();
            prop_assert_eq!(inert(&once), once.as_str());
            let once = inert_lines(&text).into_owned();
            prop_assert_eq!(inert_lines(&once), once.as_str());
        }

        #[test]
        fn letters_are_left_alone(text in r"[\p{L}\p{N}\p{P}\p{Sm}\p{Sc} ]{0,40}") {
            // A few letters (Hangul fillers) show nothing and are escaped for it.
            prop_assume!(!text.chars().any(is_active));
            prop_assert_eq!(inert(&text), text.as_str());
        }
    }
}
