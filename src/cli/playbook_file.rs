//! Reads a playbook and what it may take from around it.

use std::{
    env, fs,
    io::{self, Read, Write},
    path::Path,
};

use super::{Failure, diagnostics};
use crate::playbook::{Playbook, Source, Surroundings};

/// A playbook larger than this is refused before it is parsed. Source: failure model, PB8.
const MAX_PLAYBOOK: u64 = 1024 * 1024;
/// The same for a file that a variable is read from. Source: failure model, PB15.
const MAX_VARIABLE_FILE: u64 = 64 * 1024;

/// Reads and checks the playbook at `path` (`-` for stdin), with the variables of `--var`. Its warnings go to stderr.
pub(super) fn read(path: &str, overrides: Vec<(String, String)>) -> Result<Playbook, Failure> {
    let bytes = bytes(path).map_err(|why| {
        Failure::usage(format!("cannot read the playbook {path}: {why}"))
            .hint("a playbook is a YAML file, or - for stdin")
    })?;
    let source = Source::from_bytes(name(path), bytes)?;
    let playbook = Playbook::parse(&source, &Here { overrides })?;
    let warnings = diagnostics::draw_warnings(&source, &playbook.warnings);
    // A closed stderr is no reason not to run.
    let _ = anstream::AutoStream::auto(io::stderr()).write_all(warnings.as_bytes());
    Ok(playbook)
}

/// The bytes of the playbook at `path` (`-` for stdin), or why there are none.
pub(super) fn bytes(path: &str) -> Result<Vec<u8>, String> {
    if path == "-" {
        read_capped(io::stdin().lock(), MAX_PLAYBOOK)
    } else {
        read_regular_file(Path::new(path), MAX_PLAYBOOK)
    }
}

/// What messages call the playbook at `path`.
pub(super) fn name(path: &str) -> &str {
    if path == "-" { "<stdin>" } else { path }
}

/// Splits `--var k=v`.
pub(super) fn parse_override(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is given as NAME=VALUE".to_owned()),
    }
}

/// This process's environment and files.
pub(super) struct Here {
    pub(super) overrides: Vec<(String, String)>,
}

impl Surroundings for Here {
    fn environment_variable(&self, name: &str) -> Option<String> {
        env::var(name).ok()
    }

    fn file(&self, path: &str) -> Result<String, String> {
        let bytes = read_regular_file(Path::new(path), MAX_VARIABLE_FILE)?;
        String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
    }

    fn overrides(&self) -> &[(String, String)] {
        &self.overrides
    }
}

/// Opening a FIFO would wait for its writer, and a device never ends, so the kind is looked at first.
fn read_regular_file(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    read_capped(fs::File::open(path).map_err(|error| error.to_string())?, most)
}

fn read_capped(reader: impl Read, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    reader.take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most {
        return Err(format!("larger than {} KiB", most / 1024));
    }
    Ok(bytes)
}
