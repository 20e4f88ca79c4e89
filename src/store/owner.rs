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
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
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
        if !self.path.with_file_name(format!("{run_id}.lock")).exists() {
            return Ok(false);
        }
        self.own(run_id).map(|owner| owner.is_none())
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
