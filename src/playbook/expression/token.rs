//! An expression's text in its smallest parts, each with its place.

use minijinja::Value;

use super::{super::Span, ExpressionError};

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

/// What a part is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// A name or a word of the language (`and`).
    Name(String),
    /// What stands between quotes.
    Text(String),
    /// A number.
    Number(Value),
    /// An operator or a bracket.
    Sign(&'static str),
    /// Nothing follows.
    End,
}

/// The longer ones first, so that `<=` is not read as `<`.
const SIGNS: [&str; 20] =
    ["==", "!=", "<=", ">=", "//", "<", ">", "(", ")", "[", "]", ",", ".", "|", "+", "-", "*", "/", "%", ":"];

/// What other languages write, and what is written here.
const FOREIGN: [(&str, &str); 6] = [
    ("&&", "`and`"),
    ("||", "`or`"),
    ("=~", "`is matching(\"…\")`"),
    ("=", "`==`"),
    ("!", "`not`"),
    ("~", "`+`"),
];

/// Cuts a text into tokens; the last is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ExpressionError> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        if first.is_whitespace() {
            start += first.len_utf8();
            continue;
        }
        let (kind, length) = if first.is_alphabetic() || first == '_' {
            let length = run(rest, |c| c.is_alphanumeric() || c == '_');
            (Kind::Name(rest[..length].to_owned()), length)
        } else if first.is_ascii_digit() {
            // After a dot it is a place in a list: `tags.0.name`.
            let is_place = matches!(tokens.last(), Some(Token { kind: Kind::Sign("."), .. }));
            number(rest, start, is_place)?
        } else if first == '"' || first == '\'' {
            quoted(rest, start, first)?
        } else if let Some(sign) = sign(rest) {
            (Kind::Sign(sign), sign.len())
        } else {
            let foreign = FOREIGN.iter().find(|(sign, _)| rest.starts_with(sign));
            let (written, message) = match foreign {
                Some((sign, here)) => (*sign, format!("`{sign}` is written {here} here")),
                None => (&rest[..first.len_utf8()], format!("unexpected character {first:?}")),
            };
            return Err(ExpressionError::at(start..start + written.len(), message));
        };
        tokens.push(Token { kind, span: start..start + length });
        start += length;
    }
    tokens.push(Token { kind: Kind::End, span: text.len()..text.len() });
    Ok(tokens)
}

fn sign(rest: &str) -> Option<&'static str> {
    let foreign = ["||"].iter().any(|sign| rest.starts_with(sign));
    SIGNS.into_iter().find(|sign| !foreign && rest.starts_with(sign))
}

/// How many bytes at the beginning consist of such characters.
fn run(text: &str, of: impl Fn(char) -> bool) -> usize {
    text.find(|c| !of(c)).unwrap_or(text.len())
}

fn number(rest: &str, start: usize, is_place: bool) -> Result<(Kind, usize), ExpressionError> {
    let digits = |text: &str| run(text, |c| c.is_ascii_digit());
    let mut length = digits(rest);
    if !is_place && rest[length..].starts_with('.') {
        let decimals = digits(&rest[length + 1..]);
        length += if decimals == 0 { 0 } else { 1 + decimals };
    }
    let written = &rest[..length];
    let follows_name = rest[length..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let value = written.parse::<i64>().ok().map(Value::from).or_else(|| {
        let float = written.parse::<f64>().ok().filter(|_| written.contains('.'));
        float.map(Value::from)
    });
    match value {
        Some(value) if !follows_name => Ok((Kind::Number(value), length)),
        _ => {
            let length = run(rest, |c| c.is_alphanumeric() || matches!(c, '_' | '.'));
            let span = start..start + length;
            Err(ExpressionError::at(
                span,
                format!("not a number: `{}` (a text needs quotes)", &rest[..length]),
            ))
        }
    }
}

fn quoted(rest: &str, start: usize, quote: char) -> Result<(Kind, usize), ExpressionError> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((index, c)) = characters.next() {
        if c == quote {
            return Ok((Kind::Text(text), index + 1));
        }
        if c != '\\' {
            text.push(c);
            continue;
        }
        match characters.next() {
            Some((_, same @ ('\\' | '"' | '\''))) => text.push(same),
            Some((_, 'n')) => text.push('\n'),
            Some((_, 't')) => text.push('\t'),
            Some((_, 'r')) => text.push('\r'),
            Some((at, other)) => {
                let span = start + index..start + at + other.len_utf8();
                let message = format!("unknown escape `\\{other}`; a backslash itself is written `\\\\`");
                return Err(ExpressionError::at(span, message));
            }
            None => break,
        }
    }
    Err(ExpressionError::at(start..start + rest.len(), format!("a text without its closing {quote}")))
}
