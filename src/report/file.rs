//! A report in a file: whole or not at all.

use std::{io, path::Path};

use tempfile::{Builder, NamedTempFile};

use super::{Format, RunRecord, Style, write};

/// Writes the report of a run to `path`, which holds either all of it in the end or what it held before.
///
/// The report is written to a file beside `path`, readable by its owner only (0600), forced to the disk and then
/// renamed. So a symbolic link at `path` is replaced, and what it points to is not touched.
///
/// # Errors
/// Those of making, writing and renaming the file, for instance where the folder does not exist; and
/// [`io::ErrorKind::InvalidInput`] where `path` is a folder, a device or a pipe: a rename would take its place.
pub fn write_atomically(path: &Path, format: Format, record: &RunRecord, style: Style) -> io::Result<()> {
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is something other than a file"));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // tempfile makes its files 0600 where there are such modes, and removes this one if a later line fails.
    let file: NamedTempFile = Builder::new().prefix(".rollcall-").suffix(".tmp").tempfile_in(folder)?;
    let mut buffer = io::BufWriter::new(file);
    write(format, record, style, &mut buffer)?;
    let file = buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The new name is on the disk once its folder is; where folders cannot be opened there is nothing to do.
    std::fs::File::open(folder).map_or(Ok(()), |folder| folder.sync_all())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::report::tests::record;

    #[test]
    fn a_device_is_not_replaced() {
        let error = write_atomically(Path::new("/dev/null"), Format::Json, &record(vec![]), Style::default());
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        assert!(!Path::new("/dev/null").is_file());
    }

    #[test]
    fn the_file_is_whole_and_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, "before").unwrap();
        write_atomically(&path, Format::Json, &record(vec![]), Style::default()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with('{') && text.ends_with("}\n"), "{text}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[cfg(unix)]
    #[test]
    fn d8_a_symbolic_link_is_replaced_and_its_target_untouched() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("precious"), folder.path().join("report.txt"));
        fs::write(&target, "keep me").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_atomically(&link, Format::Table, &record(vec![]), Style::default()).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "keep me");
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/report.json");
        let error = write_atomically(&path, Format::Json, &record(vec![]), Style::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
