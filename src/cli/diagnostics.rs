//! Draws what was found in a playbook: the source line, the place underlined, what to do.

use std::fmt::{self, Write as _};

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, ThemeCharacters, ThemeStyles,
};

use crate::{
    playbook::{Diagnostic, InvalidPlaybook, Severity, Source},
    report::{inert, inert_lines},
};

/// All the mistakes of one text, as people read them, colours included where stderr shows them.
pub(super) fn draw(invalid: &InvalidPlaybook) -> String {
    let source = &invalid.source_text;
    let mut text: String =
        invalid.diagnostics.iter().map(|mistake| draw_one(source, mistake, Severity::Error)).collect();
    let count = invalid.diagnostics.len();
    let plural = if count == 1 { "" } else { "s" };
    let _ = writeln!(text, "{count} error{plural} in {}; nothing was sent", inert(&source.name));
    text
}

/// One finding, as people read it. What is worth knowing only is called a note.
pub(super) fn draw_one(source: &Source, diagnostic: &Diagnostic, severity: Severity) -> String {
    let mut text = String::new();
    let drawn = Drawn::new(source, diagnostic, severity);
    let handler = GraphicalReportHandler::new_themed(theme()).with_width(100).with_context_lines(1);
    if handler.render_report(&mut text, &drawn).is_err() {
        // Only a defect in the drawing gets here; the message itself must not be lost.
        let _ = writeln!(text, "{drawn}");
    }
    text
}

fn theme() -> GraphicalTheme {
    GraphicalTheme { characters: ThemeCharacters::unicode(), styles: ThemeStyles::ansi() }
}

/// One finding in miette's terms.
#[derive(Debug)]
struct Drawn {
    severity: Severity,
    message: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
}

impl Drawn {
    fn new(source: &Source, diagnostic: &Diagnostic, severity: Severity) -> Self {
        let label = diagnostic.label.as_deref().map(|label| inert(label).into_owned());
        let span = diagnostic.span.clone();
        Self {
            severity,
            message: inert(&diagnostic.message).into_owned(),
            help: diagnostic.help.as_deref().map(|help| inert_lines(help).into_owned()),
            source: span.is_some().then(|| {
                NamedSource::new(inert(&source.name), printable(&source.text)).with_language("YAML")
            }),
            labels: span
                .map(|span| LabeledSpan::new_with_span(label, (span.start, span.len())))
                .into_iter()
                .collect(),
        }
    }
}

/// The text with every control character but newline replaced by as many `?` as it has bytes, so that places hold.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\n'
            || character == '\t'
            || inert(character.encode_utf8(&mut [0; 4])).len() == character.len_utf8()
        {
            printable.push(character);
        } else {
            printable.extend(std::iter::repeat_n('?', character.len_utf8()));
        }
    }
    printable
}

impl fmt::Display for Drawn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Info => "note",
            Severity::Warning | Severity::Error => self.severity.word(),
        };
        write!(formatter, "{word}: {}", self.message)
    }
}

impl std::error::Error for Drawn {}

impl miette::Diagnostic for Drawn {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Info => miette::Severity::Advice,
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
