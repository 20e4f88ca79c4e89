//! Draws what was found in a playbook: the source line, the place underlined, what to do.

use std::fmt::{self, Write as _};

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, ThemeCharacters, ThemeStyles,
};

use crate::{
    playbook::{Diagnostic, InvalidPlaybook, Lint, Severity, Source},
    report::{inert, inert_lines},
};

/// The page that explains all keys, words and warnings.
const REFERENCE: &str = "docs/playbook.md";

/// All the mistakes and warnings of one text, as people read them, colours included where stderr shows them.
pub(super) fn draw(invalid: &InvalidPlaybook) -> String {
    let found = &invalid.diagnostics;
    let mut text = draw_all(&invalid.source_text, found);
    let name = inert(&invalid.source_text.name);
    let _ = writeln!(text, "{} in {name}; nothing was sent{}", counted(found), reference(found));
    text
}

/// The warnings of a playbook that runs in spite of them, in the same way; nothing where there are none.
pub(super) fn draw_warnings(source: &Source, warnings: &[Diagnostic]) -> String {
    let mut text = draw_all(source, warnings);
    if !warnings.is_empty() {
        let _ = writeln!(text, "{} in {}{}", counted(warnings), inert(&source.name), reference(warnings));
    }
    text
}

/// Where the reference explains what a finding is about.
pub(super) fn place_in_reference(diagnostic: &Diagnostic) -> Option<String> {
    diagnostic.section.map(|section| format!("{REFERENCE}#{section}"))
}

fn draw_all(source: &Source, diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|one| draw_one(source, one, one.severity)).collect()
}

/// `1 error, 2 warnings`.
fn counted(diagnostics: &[Diagnostic]) -> String {
    let count = |severity| diagnostics.iter().filter(|one| one.severity == severity).count();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let parts: Vec<_> = [Severity::Error, Severity::Warning]
        .into_iter()
        .map(|severity| (count(severity), severity.word()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", plural(count)))
        .collect();
    parts.join(", ")
}

/// Says once where to read on, where any of these is explained there.
fn reference(diagnostics: &[Diagnostic]) -> String {
    if diagnostics.iter().any(|one| one.section.is_some()) {
        format!(". Reference: {REFERENCE}")
    } else {
        String::new()
    }
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
    lint: Option<Lint>,
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
            lint: diagnostic.lint,
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
        match self.lint {
            Some(lint) => write!(formatter, "{word}[{}]: {}", lint.name(), self.message),
            None => write!(formatter, "{word}: {}", self.message),
        }
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
