//! A template cut into its literal text, its `{{ … }}` and its `{% … %}`.
//!
//! The template engine tells which names a template reads, but not where, and gives no tokens. The checks that
//! need places (`names`, `shell`) use this cut. It knows no grammar: a template is compiled before it is judged.

use super::super::Span;

/// Where a comment begins and ends. The blank is part of it, so that the shell's `${#name}` is none.
pub(in super::super) const COMMENT: (&str, &str) = ("{# ", " #}");

/// A piece of a template. The spans are bytes of the template's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Segment {
    /// Text that is sent as it stands.
    Literal(Span),
    /// `{{ … }}`.
    Expression {
        /// With its braces.
        whole: Span,
        /// Without them.
        inner: Span,
    },
    /// `{% … %}`.
    Statement {
        /// Without its braces.
        inner: Span,
    },
}

/// Cuts a template. Comments are left out; what `{% raw %}` encloses is literal.
pub(in super::super) fn segments(text: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut literal = 0;
    let mut at = 0;
    while let Some(offset) = text[at..].find('{') {
        let start = at + offset;
        let rest = &text[start..];
        let end = if rest.starts_with("{{") {
            closing(text, start + 2, "}}")
        } else if rest.starts_with("{%") {
            closing(text, start + 2, "%}")
        } else if rest.starts_with(COMMENT.0) {
            let inside = start + COMMENT.0.len() - 1;
            text[inside..].find(COMMENT.1).map_or(text.len(), |offset| inside + offset + COMMENT.1.len())
        } else {
            at = start + 1;
            continue;
        };
        if literal < start {
            segments.push(Segment::Literal(literal..start));
        }
        (literal, at) = (end, end);
        let inner = inner(text, start, end);
        if rest.starts_with("{{") {
            segments.push(Segment::Expression { whole: start..end, inner });
        } else if rest.starts_with("{%") {
            let raw = text[inner.clone()].trim() == "raw";
            segments.push(Segment::Statement { inner });
            if raw {
                let close = end_of_raw(text, end);
                if end < close {
                    segments.push(Segment::Literal(end..close));
                }
                (literal, at) = (close, close);
            }
        }
    }
    if literal < text.len() {
        segments.push(Segment::Literal(literal..text.len()));
    }
    segments
}

/// The end of the `{% endraw %}`'s text before it, or of everything.
fn end_of_raw(text: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(offset) = text[at..].find("{%") {
        let tag = text[at + offset + 2..].trim_start_matches(['-', '+']).trim_start();
        if tag.starts_with("endraw") {
            return at + offset;
        }
        at += offset + 2;
    }
    text.len()
}

/// Finds the end of a `{{` or `{%` (after its closing braces): not inside a string, nor inside braces of its own.
fn closing(text: &str, from: usize, close: &str) -> usize {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut characters = text[from..].char_indices();
    while let Some((offset, character)) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, _) if depth == 0 && text[from + offset..].starts_with(close) => return from + offset + 2,
            (None, '{') => depth += 1,
            (None, '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text.len()
}

/// What stands between the braces, without the signs of whitespace control.
fn inner(text: &str, start: usize, end: usize) -> Span {
    let closed = text[..end].ends_with("}}") || text[..end].ends_with("%}");
    let mut from = start + 2;
    let mut to = if closed && end >= start + 4 { end - 2 } else { end };
    if from < to && text[from..to].starts_with(['-', '+']) {
        from += 1;
    }
    if from < to && text[from..to].ends_with(['-', '+']) {
        to -= 1;
    }
    from..to.max(from)
}

/// One word, number, string or sign of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Token {
    pub(in super::super) kind: Kind,
    /// Bytes of the template's text.
    pub(in super::super) span: Span,
}

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Name,
    Number,
    Text,
    Sign,
}

/// Cuts what stands at `inner` into tokens.
pub(in super::super) fn tokens(text: &str, inner: &Span) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = inner.start;
    while let Some(first) = text[at..inner.end].chars().next() {
        let rest = &text[at..inner.end];
        let length_while = |accept: fn(char) -> bool| rest.len() - rest.trim_start_matches(accept).len();
        let (kind, length) = if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        } else if first.is_alphabetic() || first == '_' {
            (Kind::Name, length_while(|c| c.is_alphanumeric() || c == '_'))
        } else if first.is_ascii_digit() {
            (Kind::Number, length_while(|c| c.is_ascii_alphanumeric() || c == '_'))
        } else if first == '"' || first == '\'' {
            (Kind::Text, string_length(rest, first))
        } else {
            let double = ["==", "!=", "<=", ">=", "**", "//"].iter().any(|sign| rest.starts_with(sign));
            (Kind::Sign, if double { 2 } else { first.len_utf8() })
        };
        tokens.push(Token { kind, span: at..at + length });
        at += length;
    }
    tokens
}

fn string_length(rest: &str, quote: char) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((offset, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return offset + 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<String> {
        segments(text)
            .into_iter()
            .map(|segment| match segment {
                Segment::Literal(span) => format!("text:{}", &text[span]),
                Segment::Expression { inner, .. } => format!("expression:{}", text[inner].trim()),
                Segment::Statement { inner } => format!("statement:{}", text[inner].trim()),
            })
            .collect()
    }

    #[test]
    fn a_template_is_cut_into_its_pieces() {
        assert_eq!(cut("a {{ x }} b"), ["text:a ", "expression:x", "text: b"]);
        assert_eq!(cut("{%- if x -%}y{% endif %}"), ["statement:if x", "text:y", "statement:endif"]);
        assert_eq!(cut("{{ '}}' ~ {'a': {}} }}z"), ["expression:'}}' ~ {'a': {}}", "text:z"]);
        assert_eq!(cut("a{# it's #}b"), ["text:a", "text:b"]);
        assert_eq!(cut("${#x} {a,b} {"), ["text:${#x} {a,b} {"]);
        assert_eq!(
            cut("{% raw %}{{ x }}{% endraw %}y"),
            ["statement:raw", "text:{{ x }}", "statement:endraw", "text:y"]
        );
        assert_eq!(cut("{{ x"), ["expression:x"]);
    }

    #[test]
    fn an_expression_is_cut_into_tokens() {
        let text = r#"vars.x[ "a\"b" ] | int >= 1_0 ** é"#;
        let shown: Vec<_> =
            tokens(text, &(0..text.len())).into_iter().map(|token| &text[token.span]).collect();
        assert_eq!(shown, ["vars", ".", "x", "[", r#""a\"b""#, "]", "|", "int", ">=", "1_0", "**", "é"]);
    }

    proptest::proptest! {
        #[test]
        fn cutting_loses_no_literal_text_and_never_panics(text in "[{}%#\"'\\\\ a|é-]{0,30}") {
            let mut last = 0;
            for segment in segments(&text) {
                let span = match segment {
                    Segment::Literal(span) => span,
                    Segment::Expression { inner, .. } | Segment::Statement { inner } => {
                        tokens(&text, &inner);
                        inner
                    }
                };
                proptest::prop_assert!(span.start >= last && text.get(span.clone()).is_some());
                last = span.end;
            }
        }
    }
}
