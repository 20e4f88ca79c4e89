//! Whose run it is: one process at a time works on it.
//!
//! It holds a lock on a file beside the database, which the system gives up when the process is gone, however it went. A
//! number of a process would say nothing after a crash: another may have it by then.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use super::{Store, StoreError};

/// How often it is tried while others only look, which takes them no time.
const LOOKS: usize = 1_000;

/// The right to work on a run, as long as it lives.
#[derive(Debug)]
pub struct Owner {
    path: PathBuf,
    _file: File,
}

impl Store {
    /// Takes a run, by its id; `None` where another process works on it.
    ///
    /// # Errors
    /// [`StoreError`] where the lock cannot be made.
    pub fn own(&self, run_id: &str) -> Result<Option<Owner>, StoreError> {
        let path = self.path.with_file_name(format!("{run_id}.lock"));
        let failed = |source: io::Error| StoreError::Directory { path: path.clone(), source };
        loop {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(failed)?;
            if !lock(&file).map_err(failed)? {
                return Ok(None);
            }
            // Its owner before may have removed the file in between: a lock on what is gone keeps nobody away.
            if is_same(&file, &path) {
                return Ok(Some(Owner { path, _file: file }));
            }
        }
    }

    /// Whether a process works on a run.
    ///
    /// # Errors
    /// [`StoreError`] where that cannot be found out.
    pub fn is_owned(&self, run_id: &str) -> Result<bool, StoreError> {
        let path = self.path.with_file_name(format!("{run_id}.lock"));
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened,
        };
        let is_held = file.and_then(|file| is_held(&file));
        is_held.map_err(|source| StoreError::Directory { path, source })
    }
}

/// Takes the lock; `false` where another process works on the run. Who only looks may hold it for a moment too, though
/// not alone, and is waited for.
fn lock(file: &File) -> io::Result<bool> {
    for _ in 0..LOOKS {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if is_held(file)? => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}

/// Whether somebody has the lock for himself alone.
fn is_held(file: &File) -> io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_same(file: &File, path: &PathBuf) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(there)) => identity(held) == identity(there),
        _ => false,
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // While the lock is held still, so that nobody can have taken it in between. If it stays, it does no harm.
        let _ = fs::remove_file(&self.path);
    }
}
