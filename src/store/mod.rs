//! What outlives a run, on disk.
//!
//! A [`Store`] is one SQLite database in the state directory, which only its owner may enter. It holds the runs
//! themselves, as they happened, and what they have learned: the API's limits by account, and how long the commands of a
//! playbook take. Several processes may use it at once; on a run works one at a time ([`Owner`]).
//!
//! Kept out: the wall time, which callers bring; what is worth keeping and when it is asked for (`cli/`); how it is
//! shown (`report/`). Nothing here waits but for the disk and, for a bounded time, another process's write, so a caller
//! in an asynchronous program asks before and after what must not be held up.

mod account;
mod cleaned;
mod directory;
mod error;
mod file_system;
mod learned;
mod numbers;
mod owner;
mod past;
mod pruning;
mod run_log;
mod run_times;
mod runs;
mod schema;
mod stored;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, MAIN_DB, OpenFlags, Transaction, TransactionBehavior, config::DbConfig};

pub use account::Account;
pub use error::StoreError;
pub use learned::{FRESH_DAYS, KEPT_DAYS, Learned};
pub use owner::Owner;
pub use past::PastRun;
pub use run_log::RunLog;
pub use runs::{NewRun, RunCounts, RunHead, RunNumber};
pub use stored::Ending;

use self::error::Failing;

/// The database's name in the state directory.
const FILE: &str = "rollcall.db";

/// How long another process's write is waited for. A write takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pages in the write-ahead log from which on it is brought into the database: 32 MiB. A large run writes that in seconds.
const CHECKPOINT: u32 = 8192;

/// How often the change to write-ahead logging is tried: only openers of a new database can be in each other's way.
const ATTEMPTS: usize = 100;

/// What is kept between runs.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the store in `directory`; makes both where they are not there yet.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be used, or not safely. A database that this program cannot read is left as it is.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let directory = directory::made(directory)?;
        let path = directory.join(FILE);
        directory::make_file(&path)?;
        Self::open_file(path)
    }

    /// Opens the store in `directory` if there is one; makes nothing.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_existing(directory: &Path) -> Result<Option<Self>, StoreError> {
        let Some(directory) = directory::found(directory)? else { return Ok(None) };
        let path = directory.join(FILE);
        if !directory::is_file(&path)? {
            return Ok(None);
        }
        Self::open_file(path).map(Some)
    }

    fn open_file(path: PathBuf) -> Result<Self, StoreError> {
        let failed = |error| StoreError::of(&path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let has_log = path.with_extension("db-wal").exists();
        let mut connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        prepare(&mut connection, has_log)
            .map_err(|failing| match failing {
                Failing::Sqlite(error) => failed(error),
                Failing::ReadOnly => StoreError::ReadOnly { path: path.clone() },
                Failing::NotOurs => StoreError::NotOurs { path: path.clone() },
                Failing::Newer { found } => {
                    StoreError::Newer { path: path.clone(), found, known: schema::newest() }
                }
            })
            .map(|()| Self { connection, path })
    }

    /// Writes all that `write` writes, or nothing.
    fn write(
        &mut self,
        write: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let written = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(
            |transaction| {
                write(&transaction)?;
                transaction.commit()
            },
        );
        written.map_err(|error| StoreError::of(&self.path, error))
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        read(&self.connection).map_err(|error| StoreError::of(&self.path, error))
    }
}

/// Brings a connection and its database into the state in which everything else here expects them.
///
/// `has_log`: whether there was a write-ahead log before it was opened.
fn prepare(connection: &mut Connection, has_log: bool) -> Result<(), Failing> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Until it is known to be ours, what another program left in the log stays there, also when we close the database.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log)?;
    let found = schema::version(connection)?;
    if found > schema::newest() {
        return Err(Failing::Newer { found });
    }
    if connection.is_readonly(MAIN_DB)? {
        return Err(Failing::ReadOnly);
    }
    if !schema::may_be_ours(connection, schema::MIGRATIONS)? {
        return Err(Failing::NotOurs);
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    // Counts for a new database only: what is removed from it can be given back in small pieces.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    log_ahead(connection)?;
    // What is committed is on the disk, also after a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    schema::migrate(connection, schema::MIGRATIONS)
}

/// Changes to write-ahead logging, in which readers and a writer are not in each other's way.
///
/// SQLite does not always wait for the lock where several openers change the same new database at once: one in some
/// thousands is turned away. So it is tried again, each time after the other's transaction.
fn log_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let mut attempt = 0;
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error::is_busy(&error) && attempt < ATTEMPTS => {
                attempt += 1;
                connection.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
            }
            changed => return changed,
        }
    }
}
