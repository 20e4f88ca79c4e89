//! Why the store cannot be used.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The state directory, or what leads to it, cannot be made or looked at.
    #[error("cannot use the state directory {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may enter the state directory.
    #[error("others can enter the state directory {} (its mode is {mode:03o})", path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The state directory is somebody else's.
    #[error("the state directory {} belongs to another user (uid {owner})", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Whose, as a user id.
        owner: u32,
    },
    /// Anybody could put another directory in the place of the state directory.
    #[error("everybody can replace what is in {}, and so the state directory", path.display())]
    Replaceable {
        /// The directory above.
        path: PathBuf,
    },
    /// A symbolic link where the state directory or the database should be.
    #[error("{} is a symbolic link", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Something else than a directory or than a file, where one should be.
    #[error("{} is no {expected}", path.display())]
    Kind {
        /// What is there.
        path: PathBuf,
        /// `directory` or `file`.
        expected: &'static str,
    },
    /// The state directory lies, or would lie, on another machine.
    #[error("{} is not on a local file system but on {kind}, where two runs could damage it", path.display())]
    NotLocal {
        /// The state directory.
        path: PathBuf,
        /// What kind of file system it is: `NFS`.
        kind: &'static str,
    },
    /// The database was written by a newer program.
    #[error("{} was written by a newer rollcall (its schema is {found}, this one knows up to {known})", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The file is no database, or one that is damaged.
    #[error("{} is damaged, or no database", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// The database is another program's.
    #[error("{} is a database of another program", path.display())]
    NotOurs {
        /// The database.
        path: PathBuf,
    },
    /// The database cannot be written to.
    #[error("{} can only be read", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// Another process held on to the database for too long.
    #[error("{} is in use by another process that does not let go of it", path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// Anything else that SQLite says, for instance that the disk is full.
    #[error("cannot use {}", path.display())]
    Failed {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// What an error of SQLite's means for the database at `path`.
    pub(super) fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged { path, source },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            _ => Self::Failed { path, source },
        }
    }
}

/// Why a database that could be opened cannot be used.
#[derive(Debug)]
pub(super) enum Failing {
    Sqlite(rusqlite::Error),
    ReadOnly,
    NotOurs,
    Newer { found: u32 },
}

impl From<rusqlite::Error> for Failing {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Whether another connection was in the way.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
