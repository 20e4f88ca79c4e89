//! `rollcall check`: what is wrong with playbooks, found offline and without a key.
//!
//! A file's verdict goes to stdout, a line a file or one JSON document; its mistakes are drawn on stderr.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    Failure,
    absent::{Remembering, StandIns},
    diagnostics,
    playbook_file::{self, Here},
};
use crate::{
    playbook::{Diagnostic, Lint, Playbook, Severity, Source},
    report,
};

const AFTER_HELP: &str = "\
Values that a playbook takes from the environment, from files or from --var need not be there: each that is \
missing is a note, not a mistake.

Exit codes: 0 all are fine; 2 a file has mistakes or cannot be read (with --deny-warnings also warnings).

Examples:
  rollcall check playbooks/                    every .yaml and .yml file in it
  rollcall check nightly.yaml --var mount=/var
  rollcall check -o json audits/*.yaml | jq '.files[] | select(.valid | not)'";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct CheckArgs {
    /// Playbooks, directories of playbooks, or - for stdin
    #[arg(value_name = "PLAYBOOK", required = true)]
    paths: Vec<String>,

    /// Set a variable of the playbooks
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = playbook_file::parse_override)]
    vars: Vec<(String, String)>,

    /// Exit 2 where there are warnings too
    #[arg(long)]
    deny_warnings: bool,

    /// What stdout gets
    #[arg(short, long, value_enum, default_value_t = CheckFormat::Text, value_name = "FORMAT")]
    output: CheckFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    Text,
    Json,
}

/// What was found in one file.
struct Checked {
    source: Source,
    /// How many steps it has, where that much could be read.
    steps: Option<usize>,
    findings: Vec<Finding>,
}

struct Finding {
    severity: Severity,
    diagnostic: Diagnostic,
}

impl CheckArgs {
    pub(super) fn execute(&self) -> Result<u8, Failure> {
        let here = Here { overrides: self.vars.clone() };
        let mut verdicts = Verdicts { format: self.output, documents: Vec::new() };
        let mut failed = false;
        let paths = self.files();
        if paths.iter().filter(|path| matches!(path, Ok(path) if path == "-")).count() > 1 {
            return Err(Failure::usage("- is given twice, and stdin can be read once"));
        }
        for path in paths {
            let checked = match path {
                Ok(path) => check(&path, &here),
                Err((path, why)) => Checked::unreadable(&path, why),
            };
            let fails = |finding: &Finding| match finding.severity {
                Severity::Error => true,
                Severity::Warning => self.deny_warnings,
                Severity::Info => false,
            };
            failed = failed || checked.findings.iter().any(fails);
            verdicts.tell(&checked)?;
        }
        verdicts.finish()?;
        Ok(if failed { Failure::USAGE } else { 0 })
    }

    /// The files to look at, those of directories in their place; or a directory and what is wrong with it.
    fn files(&self) -> Vec<Result<String, (String, String)>> {
        let mut files = Vec::new();
        for path in &self.paths {
            if path == "-" || !Path::new(path).is_dir() {
                files.push(Ok(path.clone()));
                continue;
            }
            match playbooks_in(Path::new(path)) {
                Ok(found) if found.is_empty() => {
                    files.push(Err((path.clone(), "no .yaml or .yml file is in this directory".to_owned())));
                }
                Ok(found) => files.extend(found.into_iter().map(Ok)),
                Err(error) => files.push(Err((path.clone(), format!("cannot be read: {error}")))),
            }
        }
        files
    }
}

/// The playbooks of a directory, by name; not those of directories in it, and no hidden ones.
fn playbooks_in(directory: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_yaml && !is_hidden && !path.is_dir() {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found.sort();
    Ok(found)
}

fn check(path: &str, here: &Here) -> Checked {
    let bytes = match playbook_file::bytes(path) {
        Ok(bytes) => bytes,
        Err(why) => return Checked::unreadable(path, format!("cannot be read: {why}")),
    };
    let source = match Source::from_bytes(playbook_file::name(path), bytes) {
        Ok(source) => source,
        Err(invalid) => {
            let findings = invalid.diagnostics.into_iter().map(Finding::of).collect();
            return Checked { source: invalid.source_text, steps: None, findings };
        }
    };
    let surroundings = Remembering::new(here);
    match Playbook::parse(&source, &surroundings) {
        Ok(playbook) => {
            let findings = playbook.warnings.into_iter().map(Finding::of).collect();
            Checked { source, steps: Some(playbook.steps.len()), findings }
        }
        Err(invalid) => {
            let severity = |mistake: &Diagnostic| {
                if surroundings.is_about_absence(mistake) { Severity::Info } else { mistake.severity }
            };
            let mut findings: Vec<_> = invalid
                .diagnostics
                .into_iter()
                .map(|diagnostic| Finding { severity: severity(&diagnostic), diagnostic })
                .collect();
            let playbook = Playbook::parse(&source, &StandIns(here)).ok();
            if let Some(playbook) = &playbook {
                // With all its values there, more could be looked at.
                findings.retain(|finding| finding.severity != Severity::Warning);
                findings.extend(playbook.warnings.iter().cloned().map(Finding::of));
                findings.sort_by_key(|finding| {
                    finding.diagnostic.span.as_ref().map_or(usize::MAX, |span| span.start)
                });
            }
            Checked { source, steps: playbook.map(|playbook| playbook.steps.len()), findings }
        }
    }
}

impl Finding {
    fn of(diagnostic: Diagnostic) -> Self {
        Self { severity: diagnostic.severity, diagnostic }
    }

    fn drawn(&self, source: &Source) -> String {
        let mut diagnostic = self.diagnostic.clone();
        if diagnostic.span.is_none() {
            // No line is shown of it that would name the file.
            diagnostic.message = format!("{}: {}", source.name, diagnostic.message);
        }
        diagnostics::draw_one(source, &diagnostic, self.severity)
    }

    fn to_json(&self, source: &Source) -> Value {
        let Diagnostic { lint, message, span, label, help, .. } = &self.diagnostic;
        let place = span.as_ref().map(|span| (source.line_column(span.start), source.line_column(span.end)));
        json!({
            "severity": self.severity.word(),
            "name": lint.map(Lint::name),
            "message": message,
            "label": label,
            "help": help,
            "reference": diagnostics::place_in_reference(&self.diagnostic),
            "line": place.map(|((line, _), _)| line),
            "column": place.map(|((_, column), _)| column),
            "endLine": place.map(|(_, (line, _))| line),
            "endColumn": place.map(|(_, (_, column))| column),
            "offset": span.as_ref().map(|span| span.start),
            "length": span.as_ref().map(ExactSizeIterator::len),
        })
    }
}

impl Checked {
    /// A file, or a directory, of which nothing could be read.
    fn unreadable(path: &str, why: String) -> Self {
        let findings = vec![Finding::of(Diagnostic::nowhere(why))];
        Self { source: Source::new(playbook_file::name(path), ""), steps: None, findings }
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// `nightly.yaml: ok, 3 steps`, or `nightly.yaml: 2 errors, 1 warning`.
    fn verdict(&self) -> String {
        let counted = |count: usize, noun: &str| match count {
            0 => None,
            1 => Some(format!("1 {noun}")),
            _ => Some(format!("{count} {noun}s")),
        };
        let errors = counted(self.count(Severity::Error), "error");
        let ok = errors.is_none().then(|| "ok".to_owned());
        let steps = ok.as_ref().and(self.steps).and_then(|steps| counted(steps, "step"));
        let warnings = counted(self.count(Severity::Warning), "warning");
        let notes = counted(self.count(Severity::Info), "note");
        let parts: Vec<String> = [ok, steps, errors, warnings, notes].into_iter().flatten().collect();
        format!("{}: {}", report::inert(&self.source.name), parts.join(", "))
    }

    fn to_json(&self) -> Value {
        let findings: Vec<Value> =
            self.findings.iter().map(|finding| finding.to_json(&self.source)).collect();
        json!({
            "path": self.source.name,
            "valid": self.count(Severity::Error) == 0,
            "steps": self.steps,
            "diagnostics": findings,
        })
    }
}

/// Where verdicts go.
struct Verdicts {
    format: CheckFormat,
    documents: Vec<Value>,
}

impl Verdicts {
    fn tell(&mut self, checked: &Checked) -> Result<(), Failure> {
        if self.format == CheckFormat::Json {
            self.documents.push(checked.to_json());
            return Ok(());
        }
        let drawn: String = checked.findings.iter().map(|finding| finding.drawn(&checked.source)).collect();
        // A closed stderr is no reason to die; the verdict still speaks.
        let _ = anstream::AutoStream::auto(io::stderr()).write_all(drawn.as_bytes());
        super::to_stdout(|out| writeln!(out, "{}", checked.verdict()))
    }

    fn finish(self) -> Result<(), Failure> {
        match self.format {
            CheckFormat::Text => Ok(()),
            CheckFormat::Json => {
                let document = json!({ "schemaVersion": 1, "files": self.documents });
                super::to_stdout(|out| report::write_json(&document, out))
            }
        }
    }
}
