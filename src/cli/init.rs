//! `rollcall init`: a commented playbook to begin with.

use std::{
    fs::OpenOptions,
    io::{self, Write},
};

use clap::Args;

use super::Failure;
use crate::playbook::quoted;

/// What is written. Its comments name it `playbook.yaml`.
const STARTER: &str = include_str!("starter.yaml");

const DEFAULT_PATH: &str = "playbook.yaml";

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Where to, or - for stdout
    #[arg(value_name = "PATH", default_value = DEFAULT_PATH)]
    path: String,

    /// Replace what is there
    #[arg(long)]
    force: bool,
}

impl InitArgs {
    pub(super) fn execute(&self) -> Result<u8, Failure> {
        let path = self.path.as_str();
        if path == "-" {
            super::to_stdout(|out| out.write_all(STARTER.as_bytes()))?;
            return Ok(0);
        }
        // A line break in the name would end the comment that names the file.
        let named = !path.contains(char::is_control);
        let text = if named { STARTER.replace(DEFAULT_PATH, &quoted(path)) } else { STARTER.to_owned() };
        let mut options = OpenOptions::new();
        options.write(true);
        if self.force {
            options.create(true).truncate(true)
        } else {
            options.create_new(true)
        };
        let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::usage(format!("{path} is there already"))
                .hint("name another file, or replace it with --force"),
            _ => Failure::usage(format!("cannot write {path}: {error}")),
        })?;
        let next = next(path);
        // A closed stderr does not undo the file.
        let _ = io::stderr().write_all(next.as_bytes());
        Ok(0)
    }
}

/// What to type next.
fn next(path: &str) -> String {
    let path = crate::report::inert(path);
    let file = quoted(&path);
    let lines = [
        (format!("rollcall check {file}"), "looks for mistakes, offline"),
        (format!("rollcall run {file} --sandbox 200"), "tries it, no account needed"),
        (format!("rollcall run {file}"), "the real thing; wants HOSTUP_API_KEY"),
    ];
    let width = lines.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    let lines: String = lines.map(|(command, what)| format!("  {command:width$}   {what}\n")).concat();
    format!("wrote {path}\n\n{lines}")
}
