//! JSON made small while it arrives: long strings lose their middle, and what is no text is replaced.
//!
//! The output of a command comes as one JSON string of up to 16 MiB (QEMU qga, `GUEST_EXEC_MAX_OUTPUT`), several
//! times that once escaped, and may hold anything. [`JsonTrim`] is fed the body chunk by chunk and keeps JSON that a
//! usual parser reads: invalid UTF-8, lone surrogates, unknown escapes and raw control characters in strings are
//! mended. What is wrong outside strings stays wrong, for the parser to refuse.
//!
//! Every string of the result starts with a tag for [`Change::untag`]; that way no output can pass for a mark.

mod kept;
mod utf8;

pub(super) use kept::Change;
use kept::Kept;
use utf8::{Piece, Utf8Reader};

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrimLimits {
    /// Bytes of UTF-8 of one string.
    pub(super) string: usize,
    /// Bytes of JSON in all, strings included, which escapes may make six times as long.
    pub(super) json: usize,
    /// Values in all: a parsed one takes far more memory than the two bytes that it may be written with.
    pub(super) values: usize,
}

/// One of the limits was passed, other than that of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Trims one JSON text.
#[derive(Debug)]
pub(super) struct JsonTrim {
    limits: TrimLimits,
    json: String,
    values: usize,
    bytes: Utf8Reader,
    place: Place,
    string: Kept,
    /// The first half of a surrogate pair, whose second may follow.
    high: Option<u16>,
}

/// Where in the text the next character stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    InString,
    AfterBackslash,
    /// After `\u` and some digits.
    InUnicode {
        digits: u8,
        value: u16,
    },
}

impl JsonTrim {
    pub(super) fn new(limits: TrimLimits) -> Self {
        Self {
            limits,
            json: String::new(),
            values: 0,
            bytes: Utf8Reader::default(),
            place: Place::Outside,
            string: Kept::new(limits.string),
            high: None,
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`TooLarge`]; there is no use in going on after it.
    pub(super) fn feed(&mut self, chunk: &[u8]) -> Result<(), TooLarge> {
        let mut bytes = std::mem::take(&mut self.bytes);
        let fed = bytes.feed(chunk, |piece| match piece {
            Piece::Text(text) => self.text(text),
            Piece::Invalid => self.invalid(),
        });
        self.bytes = bytes;
        fed
    }

    /// The JSON that is left. Of a string that did not end only its first quote is, so that it does not parse.
    ///
    /// # Errors
    /// [`TooLarge`]
    pub(super) fn finish(mut self) -> Result<String, TooLarge> {
        if self.bytes.ends_within_a_character() {
            self.invalid()?;
        }
        if self.place != Place::Outside {
            self.json.push('"');
        }
        Ok(self.json)
    }

    fn text(&mut self, mut text: &str) -> Result<(), TooLarge> {
        while !text.is_empty() {
            text = match self.place {
                Place::Outside => self.outside(text)?,
                Place::InString => self.in_string(text)?,
                Place::AfterBackslash => self.after_backslash(text),
                Place::InUnicode { digits, value } => self.in_unicode(text, digits, value),
            };
        }
        Ok(())
    }

    fn invalid(&mut self) -> Result<(), TooLarge> {
        if self.place == Place::Outside {
            return self.text("\u{fffd}");
        }
        self.place = Place::InString;
        self.lone_surrogate();
        self.string.push_replacement();
        Ok(())
    }

    /// Each of these takes what it can of the text and returns the rest.
    fn outside<'a>(&mut self, text: &'a str) -> Result<&'a str, TooLarge> {
        let (plain, after) = split_at_any(text, &['"']);
        for character in plain.chars() {
            match character {
                // Editors of another age: no part of JSON, and no harm.
                '\u{feff}' if self.json.is_empty() => {}
                // One blank stays, so that `1 2` does not become a number.
                ' ' | '\t' | '\n' | '\r' if self.json.ends_with(' ') => {}
                ' ' | '\t' | '\n' | '\r' => self.json.push(' '),
                _ => self.json.push(character),
            }
            self.values += usize::from(matches!(character, ',' | ':' | '[' | '{'));
        }
        self.within_limits()?;
        Ok(after.strip_prefix('"').map_or(after, |string| {
            self.place = Place::InString;
            string
        }))
    }

    fn in_string<'a>(&mut self, text: &'a str) -> Result<&'a str, TooLarge> {
        let (plain, after) = split_at_any(text, &['"', '\\']);
        if !plain.is_empty() {
            self.lone_surrogate();
            self.string.push(plain);
        }
        if let Some(escape) = after.strip_prefix('\\') {
            self.place = Place::AfterBackslash;
            return Ok(escape);
        }
        let Some(after) = after.strip_prefix('"') else { return Ok(after) };
        self.lone_surrogate();
        self.place = Place::Outside;
        let string = std::mem::replace(&mut self.string, Kept::new(self.limits.string));
        self.json.push_str(&serde_json::Value::String(string.finish()).to_string());
        self.within_limits()?;
        Ok(after)
    }

    fn after_backslash<'a>(&mut self, text: &'a str) -> &'a str {
        self.place = Place::InString;
        let mut rest = text.chars();
        let character = match rest.next() {
            Some('u') => {
                self.place = Place::InUnicode { digits: 0, value: 0 };
                return rest.as_str();
            }
            Some(character @ ('"' | '\\' | '/')) => Some(character),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            _ => None,
        };
        self.lone_surrogate();
        let Some(character) = character else {
            self.string.push_replacement();
            return text;
        };
        self.string.push_char(character);
        rest.as_str()
    }

    fn in_unicode<'a>(&mut self, text: &'a str, digits: u8, value: u16) -> &'a str {
        let mut rest = text.chars();
        let Some(digit) = rest.next().and_then(|character| character.to_digit(16)) else {
            self.place = Place::InString;
            self.lone_surrogate();
            self.string.push_replacement();
            return text;
        };
        let value = value << 4 | u16::try_from(digit).unwrap_or_default();
        if digits < 3 {
            self.place = Place::InUnicode { digits: digits + 1, value };
        } else {
            self.place = Place::InString;
            self.unit(value);
        }
        rest.as_str()
    }

    /// Takes one `\uXXXX`: a character, or half of one.
    fn unit(&mut self, unit: u16) {
        if let (Some(high), 0xdc00..=0xdfff) = (self.high, unit) {
            self.high = None;
            for character in char::decode_utf16([high, unit]).flatten() {
                self.string.push_char(character);
            }
            return;
        }
        self.lone_surrogate();
        match char::from_u32(unit.into()) {
            Some(character) => self.string.push_char(character),
            None if unit < 0xdc00 => self.high = Some(unit),
            None => self.string.push_replacement(),
        }
    }

    /// What comes now is not the second half that the last character needed.
    fn lone_surrogate(&mut self) {
        if self.high.take().is_some() {
            self.string.push_replacement();
        }
    }

    fn within_limits(&self) -> Result<(), TooLarge> {
        let within = self.json.len() <= self.limits.json && self.values <= self.limits.values;
        if within { Ok(()) } else { Err(TooLarge) }
    }
}

fn split_at_any<'a>(text: &'a str, characters: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(characters).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests;
