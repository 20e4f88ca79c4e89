//! The state directory and the database's file: the owner's alone, and what they seem to be.
//!
//! What lies there is trusted by the next run, so nobody else may have put it there, and nothing is written through a
//! link to somewhere else. That its locks mean something depends on the file system, which `file_system` judges.

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{self, Path, PathBuf},
};

use super::{StoreError, file_system};

/// Everybody but the owner.
const OTHERS: u32 = 0o077;

/// The part of a mode that says who may do what.
const PERMISSIONS: u32 = 0o7777;

const WRITABLE_BY_ALL: u32 = 0o002;

/// In such a directory, only a file's owner may replace it.
const STICKY: u32 = 0o1000;

/// The state directory, made where it is not there, with nothing in its path left to resolve.
pub(super) fn made(directory: &Path) -> Result<PathBuf, StoreError> {
    let directory = absolute(directory)?;
    check_above(&directory)?;
    check_file_system(&directory)?;
    DirBuilder::new().recursive(true).mode(0o700).create(&directory).or_else(|error| match error.kind() {
        // What is there instead is told below.
        ErrorKind::AlreadyExists => Ok(()),
        _ => Err(failed(&directory, error)),
    })?;
    found(&directory)?.ok_or_else(|| failed(&directory, ErrorKind::NotFound.into()))
}

/// The state directory, if it is there.
pub(super) fn found(directory: &Path) -> Result<Option<PathBuf>, StoreError> {
    let directory = absolute(directory)?;
    let path = || directory.clone();
    let metadata = match fs::symlink_metadata(&directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        looked => looked.map_err(|error| failed(&directory, error))?,
    };
    if metadata.is_symlink() {
        return Err(StoreError::Link { path: path() });
    }
    if !metadata.is_dir() {
        return Err(StoreError::Kind { path: path(), expected: "directory" });
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(StoreError::Foreign { path: path(), owner: metadata.uid() });
    }
    if metadata.mode() & OTHERS != 0 {
        return Err(StoreError::Exposed { path: path(), mode: metadata.mode() & PERMISSIONS });
    }
    check_above(&directory)?;
    check_file_system(&directory)?;
    fs::canonicalize(&directory).map(Some).map_err(|error| failed(&directory, error))
}

/// Makes the database's file, empty, where there is none.
///
/// An existing one is not opened: closing it again would give up the locks that SQLite holds on it in this process.
pub(super) fn make_file(path: &Path) -> Result<(), StoreError> {
    if is_file(path)? {
        return Ok(());
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => is_file(path).map(|_| ()),
        made => made.map(|_| ()).map_err(|error| failed(path, error)),
    }
}

/// Whether the database's file is there. Its permissions are narrowed where they are wider than its owner's: nobody
/// else could have come to it in a directory that is the owner's alone.
pub(super) fn is_file(path: &Path) -> Result<bool, StoreError> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        looked => looked.map_err(|error| failed(path, error))?,
    };
    if metadata.is_symlink() {
        return Err(StoreError::Link { path: path.to_owned() });
    }
    if !metadata.is_file() {
        return Err(StoreError::Kind { path: path.to_owned(), expected: "file" });
    }
    if metadata.mode() & OTHERS != 0 {
        let permissions = Permissions::from_mode(metadata.mode() & 0o700);
        fs::set_permissions(path, permissions).map_err(|error| failed(path, error))?;
    }
    Ok(true)
}

/// Refuses a directory in which anybody could put another one in our directory's place.
fn check_above(directory: &Path) -> Result<(), StoreError> {
    for above in directory.ancestors().skip(1) {
        match fs::metadata(above) {
            // It will be made by us, and closed to others.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(failed(above, error)),
            Ok(metadata) if metadata.mode() & WRITABLE_BY_ALL != 0 && metadata.mode() & STICKY == 0 => {
                return Err(StoreError::Replaceable { path: above.to_owned() });
            }
            Ok(_) => return Ok(()),
        }
    }
    Ok(())
}

/// Refuses a directory that lies, or would be made, on a file system of another machine.
fn check_file_system(directory: &Path) -> Result<(), StoreError> {
    let there = directory.ancestors().find(|above| above.exists()).unwrap_or(directory);
    match file_system::remote_kind(there).map_err(|error| failed(there, error))? {
        Some(kind) => Err(StoreError::NotLocal { path: directory.to_owned(), kind }),
        None => Ok(()),
    }
}

fn absolute(directory: &Path) -> Result<PathBuf, StoreError> {
    path::absolute(directory).map_err(|error| failed(directory, error))
}

fn failed(path: &Path, source: io::Error) -> StoreError {
    StoreError::Directory { path: path.to_owned(), source }
}
