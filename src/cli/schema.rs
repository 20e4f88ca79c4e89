//! `rollcall schema`: the JSON Schemas of what rollcall reads and writes.

use clap::{Args, ValueEnum};

use super::Failure;
use crate::{playbook, report};

const AFTER_HELP: &str = "\
Example:
  rollcall schema playbook > playbook.schema.json

Editors with the YAML language server then complete and explain keys in a playbook whose first line is
  # yaml-language-server: $schema=playbook.schema.json";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct SchemaArgs {
    /// Of what
    #[arg(value_enum, value_name = "DOCUMENT")]
    document: Document,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Document {
    /// What `run`, `plan` and `check` read
    Playbook,
}

impl SchemaArgs {
    pub(super) fn execute(&self) -> Result<u8, Failure> {
        let schema = match self.document {
            Document::Playbook => playbook::json_schema(),
        };
        super::to_stdout(|out| report::write_json(&schema, out))?;
        Ok(0)
    }
}
