//! Any bytes are a playbook that can be carried out, or mistakes with their places.

use rollcall::playbook::{MAX_COMMAND_CHARS, Playbook, Source, Surroundings};
use serde_json::Map;

use super::guest;

/// **Property.** Reading ends without a panic. A refused text has at least one mistake, each within the text and at
/// whole characters; what is taken has a step, and renders to what the API takes, or not at all.
pub fn holds(bytes: &[u8]) {
    let parsed = Source::from_bytes("fuzz.yaml", bytes.to_vec())
        .and_then(|source| Ok((Playbook::parse(&source, &Around)?, source)));
    match parsed {
        Ok((playbook, source)) => {
            assert!(!playbook.steps.is_empty());
            let spans = playbook.warnings.iter().filter_map(|warning| warning.span.clone());
            assert!(spans.clone().all(|span| source.text.get(span).is_some()), "{:?}", playbook.warnings);
            let target = guest::fields(1, "a; $(id)", "it's\nx");
            for step in &playbook.steps {
                if let Ok(command) = step.run.render(&target, &Map::new(), &playbook.vars) {
                    assert!(
                        command.chars().count() <= MAX_COMMAND_CHARS && !command.contains('\0'),
                        "{command:?}"
                    );
                    assert!(!command.trim().is_empty());
                }
            }
        }
        Err(invalid) => {
            assert!(!invalid.diagnostics.is_empty());
            for mistake in &invalid.diagnostics {
                assert!(!mistake.message.is_empty());
                if let Some(span) = mistake.span.clone() {
                    assert!(invalid.source_text.text.get(span.clone()).is_some(), "{mistake:?}");
                    let (line, column) = invalid.source_text.line_column(span.start);
                    assert!(line > 0 && column > 0);
                }
            }
        }
    }
}

/// Every variable is set, and every file is there.
pub(super) struct Around;

impl Surroundings for Around {
    fn environment_variable(&self, name: &str) -> Option<String> {
        Some(format!("${name}"))
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Ok(format!("content of {path}\n"))
    }

    fn overrides(&self) -> &[(String, String)] {
        &[]
    }
}
