//! Mistakes in a playbook, and what is better done otherwise, with their place.
//!
//! A [`Diagnostic`] is data: what is wrong, where, and what to do. `cli/` draws it.

use std::{ops::Range, sync::Arc};

use super::{Lint, Severity};

/// A place in a source text, in bytes.
pub type Span = Range<usize>;

/// A named source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What the user calls it: a path, `-`, or a flag's name.
    pub name: String,
    /// The text itself.
    pub text: Arc<str>,
}

impl Source {
    /// A source text under the name that the user knows it by.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// A source text from the bytes of a file.
    ///
    /// # Errors
    /// What is not UTF-8, with the offset of the first byte that is not.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self, InvalidPlaybook> {
        let name = name.into();
        String::from_utf8(bytes).map(|text| Self::new(name.clone(), text)).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            let byte = error.as_bytes()[offset];
            // Up to the offset the shown text is the file's own; there stands the replacement character.
            let shown = String::from_utf8_lossy(error.as_bytes()).into_owned();
            let span = offset..offset + char::REPLACEMENT_CHARACTER.len_utf8();
            let mistake = Diagnostic::at(span, format!("not UTF-8: byte 0x{byte:02x} at offset {offset}"))
                .help("save the file as UTF-8");
            InvalidPlaybook::new(Self::new(name, shown), vec![mistake])
        })
    }

    /// Line and column of a byte offset, both counted from 1, the column in characters. A byte order mark
    /// counts for nothing.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line = before.matches('\n').count() + 1;
        let last = before.rsplit('\n').next().unwrap_or_default();
        let column = last.trim_start_matches('\u{feff}').chars().count() + 1;
        (line, column)
    }
}

/// One mistake or warning: what, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// An error, or a warning: a playbook runs in spite of it.
    pub severity: Severity,
    /// Of a warning, which one it is.
    pub lint: Option<Lint>,
    /// What is wrong, a lower-case fragment: "unknown key `timout`".
    pub message: String,
    /// The bytes it is about; `None` where a mistake has no place (an empty file).
    pub span: Option<Span>,
    /// A few words under the span: "did you mean `timeout`?".
    pub label: Option<String>,
    /// What to do, a sentence of its own, where the label does not say.
    pub help: Option<String>,
    /// The section of the reference (`docs/playbook.md`) that has more, such as `steps`.
    pub section: Option<&'static str>,
}

impl Diagnostic {
    /// A mistake at a place.
    pub fn at(span: Span, message: impl Into<String>) -> Self {
        Self { span: Some(span), ..Self::nowhere(message) }
    }

    /// A mistake without a place.
    pub fn nowhere(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            lint: None,
            message: message.into(),
            span: None,
            label: None,
            help: None,
            section: None,
        }
    }

    /// A warning at a place.
    pub(super) fn warning(lint: Lint, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, lint: Some(lint), ..Self::at(span, message) }
    }

    /// With words under the span.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With a sentence on what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// All the mistakes of one source text, and its warnings. At least one is an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} mistake(s) in {}", .diagnostics.len(), .source_text.name)]
pub struct InvalidPlaybook {
    /// The text they are in.
    pub source_text: Source,
    /// In the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

/// Puts diagnostics in the order of their places; those without one come last. The same one at the same place (an
/// alias brings it twice) is kept once.
pub(super) fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let place = |diagnostic: &Diagnostic| diagnostic.span.as_ref().map_or(usize::MAX, |span| span.start);
    diagnostics.sort_by_key(place);
    diagnostics.dedup();
    diagnostics
}

impl InvalidPlaybook {
    pub(super) fn new(source_text: Source, diagnostics: Vec<Diagnostic>) -> Self {
        Self { source_text, diagnostics: in_order(diagnostics) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let source = Source::new("x", "\u{feff}é: 1\nab: ö!\n");
        let at = |part: &str| source.line_column(source.text.find(part).unwrap());
        assert_eq!((at("é"), at("1"), at("ab"), at("!")), ((1, 1), (1, 4), (2, 1), (2, 6)));
        assert_eq!(source.line_column(usize::MAX), (3, 1));
    }

    #[test]
    fn pb2_a_text_that_is_not_utf_8_is_refused_with_the_byte_offset() {
        let error = Source::from_bytes("x.yaml", b"name: a\xffb\n".to_vec()).unwrap_err();
        assert_eq!(error.diagnostics[0].message, "not UTF-8: byte 0xff at offset 7");
        assert_eq!(error.source_text.line_column(7), (1, 8));
        assert_eq!(&error.source_text.text[7..10], "\u{fffd}");
        assert_eq!(Source::from_bytes("x", b"ok".to_vec()), Ok(Source::new("x", "ok")));
    }

    #[test]
    fn mistakes_come_in_the_order_of_their_places_and_once_each() {
        let at = |start: usize| Diagnostic::at(start..start, "x");
        let invalid = InvalidPlaybook::new(
            Source::new("x", "abc"),
            vec![Diagnostic::nowhere("z"), at(2), at(0), at(2)],
        );
        assert_eq!(invalid.diagnostics, [at(0), at(2), Diagnostic::nowhere("z")]);
    }
}
