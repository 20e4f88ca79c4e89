//! Where in the file a part of a YAML scalar stands.
//!
//! YAML takes indentation, quotes, escapes and folded lines away from a scalar. To point into a template or an
//! expression, the scalar is walked side by side with the file's own text. Where the two do not agree (an
//! escape that is not followed here), the place is the whole scalar.

use super::Span;

/// Returns the place in `file` of `part` of a scalar's `text`, the scalar standing at `scalar`.
pub(super) fn place(file: &str, scalar: &Span, text: &str, part: &Span) -> Span {
    let raw = &file[scalar.clone()];
    let line = file[..scalar.start].rsplit('\n').next().unwrap_or_default();
    let indentation = if line.trim().is_empty() { line.len() } else { 0 };
    let styles = [
        (Some('"'), 0),
        (Some('\''), 0),
        // A block keeps what is indented more than its first line, a plain scalar nothing.
        (None, indentation),
        (None, usize::MAX),
    ];
    let walked = styles.into_iter().find_map(|(quote, indentation)| walk(raw, text, quote, indentation));
    match walked {
        Some(places) => {
            let start = places.get(part.start).or(places.last()).map_or(0, |span| span.start);
            let end = part.end.checked_sub(1).filter(|last| *last >= part.start);
            let end = end.and_then(|last| places.get(last)).map_or(start, |span| span.end);
            scalar.start + start..scalar.start + end.max(start)
        }
        None => scalar.clone(),
    }
}

/// Returns for each byte of `text` the bytes of `raw` it came from, and one empty place for the end; `None` where
/// the two do not agree.
fn walk(raw: &str, text: &str, quote: Option<char>, indentation: usize) -> Option<Vec<Span>> {
    let mut at = match quote {
        Some(quote) if raw.starts_with(quote) && raw.len() > 1 => 1,
        Some(_) => return None,
        None => 0,
    };
    let indentation = if quote.is_some() { usize::MAX } else { indentation };
    let next_line = |newline: usize| {
        let blanks = raw[newline + 1..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        newline + 1 + blanks.min(indentation)
    };
    let mut places = Vec::with_capacity(text.len() + 1);
    for (index, wanted) in text.char_indices() {
        let found = loop {
            let rest = &raw[at..];
            let Some(here) = rest.chars().next() else {
                // The last line breaks are not part of the span; neither are those before a block's first line.
                break (wanted == '\n').then_some(at..at);
            };
            if here == '\\' && quote == Some('"') {
                if rest.starts_with("\\\n") {
                    at = next_line(at + 1);
                    continue;
                }
                let (decoded, length) = escape(rest)?;
                break (decoded == wanted).then_some(at..at + length);
            }
            if here == '\'' && quote == Some('\'') {
                break (wanted == '\'' && rest.starts_with("''")).then_some(at..at + 2);
            }
            if here == wanted {
                break Some(at..at + here.len_utf8());
            }
            match here {
                // A folded line break is a space.
                '\n' if wanted == ' ' => break Some(at..at + 1),
                // The second line break of an empty line that was folded.
                '\n' => at = next_line(at),
                '\r' => at += 1,
                // Blanks at the end of a folded line are dropped.
                ' ' | '\t' => {
                    let after = rest.trim_start_matches([' ', '\t']);
                    if !after.starts_with(['\r', '\n']) {
                        return None;
                    }
                    at = raw.len() - after.len();
                }
                _ if wanted == '\n' && at == 0 && index == places.len() => break Some(0..0),
                _ => return None,
            }
        };
        let found = found?;
        for _ in 0..wanted.len_utf8() {
            places.push(found.clone());
        }
        at = if raw[found.clone()] == *"\n" { next_line(found.start) } else { found.end };
    }
    places.push(at..at);
    Some(places)
}

/// Reads one escape of a double-quoted scalar: the character and the bytes it took. Source: YAML 1.2.2 §5.7.
fn escape(rest: &str) -> Option<(char, usize)> {
    let kind = rest[1..].chars().next()?;
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    };
    if digits > 0 {
        let code = u32::from_str_radix(rest.get(2..2 + digits)?, 16).ok()?;
        return Some((char::from_u32(code)?, 2 + digits));
    }
    let decoded = match kind {
        '"' | '\\' | '/' | ' ' => kind,
        't' | '\t' => '\t',
        'n' => '\n',
        'r' => '\r',
        'e' => '\x1b',
        '0' => '\0',
        _ => return None,
    };
    Some((decoded, 1 + kind.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{Source, yaml};

    /// Reads `run` out of a YAML text and says at which line and column the mark `@` of its text stands.
    fn mark_of(yaml_text: &str) -> (usize, usize) {
        let source = Source::new("x", yaml_text);
        let root = yaml::read(&source).unwrap();
        let yaml::Content::Mapping(entries) = root.content else { panic!("no mapping") };
        let node = &entries[0].1;
        let yaml::Content::Text(text) = &node.content else { panic!("no text") };
        let mark = text.find('@').unwrap();
        let span = place(&source.text, &node.span, text, &(mark..mark + 1));
        assert_eq!(&source.text[span.clone()], "@", "of {text:?}");
        source.line_column(span.start)
    }

    #[test]
    fn plain_and_quoted_texts_are_followed() {
        assert_eq!(mark_of("run: echo @\n"), (1, 11));
        assert_eq!(mark_of("run: 'it''s @'\n"), (1, 13));
        assert_eq!(mark_of("run: \"a\\t\\\"b\\\" \\u00e9 é @\"\n"), (1, 25));
        assert_eq!(mark_of("run:\n  \"é @\"\n"), (2, 6));
    }

    #[test]
    fn blocks_are_followed_through_their_indentation() {
        assert_eq!(mark_of("run: |\n  one\n  two @\n"), (3, 7));
        assert_eq!(mark_of("run: |\n  if x; then\n    echo @\n  fi\n"), (3, 10));
        assert_eq!(mark_of("run: |-\n\n    hi\n  \n    é @"), (5, 7));
        assert_eq!(mark_of("run: |2\n    hi\n   @\n"), (3, 4));
        assert_eq!(mark_of("run: |\r\n  one\r\n  two @\r\n"), (3, 7));
        assert_eq!(mark_of("run: |\n  \"quoted @\"\n"), (2, 11));
    }

    #[test]
    fn folded_lines_are_followed() {
        assert_eq!(mark_of("run: >\n  one\n  two\n\n  three\n   four\n  @\n"), (7, 3));
        assert_eq!(mark_of("run: one  \n   two\n\n      @ three\n"), (4, 7));
        assert_eq!(mark_of("run: \"one\n   two \\\n   \\  @ three\"\n"), (3, 7));
    }

    #[test]
    fn what_cannot_be_followed_is_the_whole_scalar() {
        let file = "run: \"a\\_b @\"";
        assert_eq!(place(file, &(5..13), "a\u{a0}b @", &(5..6)), 5..13);
    }

    proptest::proptest! {
        #[test]
        fn a_place_is_always_inside_the_scalar(raw in "[ab'\"\\\\\n @é]{0,20}", text in "[ab'\n @é]{0,20}", a in 0_usize..25, b in 0_usize..25) {
            let file = format!("x: {raw}");
            let scalar = 3..file.len();
            let placed = place(&file, &scalar, &text, &(a.min(b)..a.max(b)));
            proptest::prop_assert!(placed.start >= 3 && placed.end <= file.len() && file.get(placed).is_some());
        }
    }
}
