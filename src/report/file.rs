//! A report in a file, whole or not at all.

use std::{
    io::{self, Write},
    path::Path,
};

use tempfile::NamedTempFile;

use super::{Format, RunRecord, Style, write};

/// Writes a report beside `path` and then moves it there, so that a reader finds the old one or the new one.
///
/// The file is the owner's alone (0600), for a report may hold what servers printed. A link at `path` is replaced;
/// what it points to is not touched.
///
/// # Errors
/// Those of the file system. What was at `path` is still there then.
pub fn write_atomically(path: &Path, format: Format, record: &RunRecord) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    // tempfile makes its files 0600.
    let mut file = NamedTempFile::new_in(folder)?;
    write(format, record, Style { all: true, ..Style::default() }, &mut file)?;
    file.flush()?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
