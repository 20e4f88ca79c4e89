//! The tables, and how older databases come to have them.
//!
//! A database says in `PRAGMA user_version` how many of the [`MIGRATIONS`] it has been through. What has been released
//! is never edited: a later version appends.

use rusqlite::{Connection, Transaction, TransactionBehavior, ffi};

use super::error::Failing;

/// What makes a database of each version from that of the version before, beginning with an empty file.
///
/// Times are milliseconds since 1970, spans and times on a run's own clock are nanoseconds (`_ns`).
pub(super) const MIGRATIONS: &[&str] = &["
    -- What was learned last of the limits on one key of one API.
    CREATE TABLE knowledge (
        url                  TEXT NOT NULL,
        key                  TEXT NOT NULL, -- the fingerprint of the key, never the key
        learned_at           INTEGER NOT NULL,
        run_id               TEXT, -- NULL: by a listing that belongs to no run
        let_through_requests INTEGER,
        let_through_ns       INTEGER,
        PRIMARY KEY (url, key)
    ) STRICT;

    CREATE TABLE learned_limit (
        url          TEXT NOT NULL,
        key          TEXT NOT NULL,
        place        INTEGER NOT NULL, -- in the order in which they were learned
        bucket       TEXT NOT NULL,
        requests     INTEGER NOT NULL,
        window_ns    INTEGER, -- NULL: not known
        renewal      TEXT NOT NULL,
        learned_from TEXT NOT NULL,
        PRIMARY KEY (url, key, place),
        FOREIGN KEY (url, key) REFERENCES knowledge (url, key) ON DELETE CASCADE
    ) STRICT;

    -- How long what one start carries takes: ascending spans, as a JSON array.
    CREATE TABLE run_times (
        url        TEXT NOT NULL,
        key        TEXT NOT NULL,
        playbook   TEXT NOT NULL, -- the hash of its text
        first_step INTEGER NOT NULL, -- from 0
        steps      INTEGER NOT NULL,
        learned_at INTEGER NOT NULL,
        sample_ns  TEXT NOT NULL,
        PRIMARY KEY (url, key, playbook, first_step, steps)
    ) STRICT;
    CREATE INDEX run_times_by_age ON run_times (learned_at);
", "
    -- Runs, in the order in which they began.
    CREATE TABLE run (
        number          INTEGER PRIMARY KEY,
        id              TEXT NOT NULL UNIQUE,
        started_at      INTEGER NOT NULL,
        url             TEXT NOT NULL,
        in_sandbox      INTEGER NOT NULL, -- 1: its API was inside the process and is gone with it
        playbook_name   TEXT NOT NULL,
        playbook_path   TEXT,
        playbook_sha256 TEXT NOT NULL,
        source          TEXT NOT NULL, -- what it was made from, as JSON: the playbook's text and what flags said
        tally           TEXT, -- JSON; NULL: it was not yet known whom it is for
        standing        TEXT, -- JSON: how far it has come
        ended_at        INTEGER, -- NULL: it has not, or nobody was there to say so
        exit_code       INTEGER,
        is_open         INTEGER NOT NULL DEFAULT 1, -- 0: nothing in it is to be gone on with
        ending          TEXT -- JSON: what is known at the end only
    ) STRICT;

    -- Whom a run is for, in the order of the results.
    CREATE TABLE target (
        run         INTEGER NOT NULL REFERENCES run (number) ON DELETE CASCADE,
        place       INTEGER NOT NULL, -- from 0
        vps         TEXT NOT NULL, -- its id as the API wrote it
        description TEXT NOT NULL, -- JSON, as listed
        PRIMARY KEY (run, place)
    ) STRICT, WITHOUT ROWID;

    -- What became of them; a target without a row here is not done.
    CREATE TABLE result (
        run     INTEGER NOT NULL REFERENCES run (number) ON DELETE CASCADE,
        place   INTEGER NOT NULL, -- of the target
        status  TEXT NOT NULL,
        ran     TEXT NOT NULL,
        is_open INTEGER NOT NULL, -- 1: there is something to be gone on with
        result  TEXT NOT NULL, -- JSON, without outputs
        PRIMARY KEY (run, place)
    ) STRICT, WITHOUT ROWID;

    -- Starts: written when they are about to leave, then when they are answered, then when what they started has ended.
    CREATE TABLE start (
        run              INTEGER NOT NULL REFERENCES run (number) ON DELETE CASCADE,
        call             INTEGER NOT NULL,
        place            INTEGER NOT NULL, -- of the target
        first_step       INTEGER NOT NULL, -- from 0
        sent             TEXT NOT NULL, -- for each step from the first on: 1 sent, 0 not for this target
        marker           TEXT, -- NULL: its only step is sent as it is
        at_ns            INTEGER NOT NULL, -- on the run's own clock, as all others here
        answered_ns      INTEGER, -- NULL: no answer is on record, so it may have been carried out
        answer           TEXT, -- JSON
        polled_ns        INTEGER, -- NULL: no end is on record
        ended_ns         INTEGER,
        exit_code        INTEGER,
        signal           INTEGER,
        stdout           BLOB, -- the hash of an output; NULL: empty
        stderr           BLOB,
        stdout_truncated INTEGER,
        stdout_lossy     INTEGER,
        stderr_truncated INTEGER,
        stderr_lossy     INTEGER,
        PRIMARY KEY (run, call)
    ) STRICT, WITHOUT ROWID;

    -- What commands printed, each text once.
    CREATE TABLE output (
        hash BLOB NOT NULL PRIMARY KEY, -- SHA-256
        text TEXT NOT NULL
    ) STRICT;
"];

/// The version of which this program writes.
pub(super) fn newest() -> u32 {
    version_after(MIGRATIONS)
}

/// The version of a database; 0 where it is empty.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Whether a database may be changed: one that is ours, or empty.
///
/// What is ours has been write-ahead since before its first table. So another one, and one of an older version, is looked
/// through, and `migrations` are tried on it, before anything in it is changed.
///
/// # Errors
/// Where it is damaged, or something else than it says.
pub(super) fn may_be_ours(connection: &mut Connection, migrations: &[&str]) -> Result<bool, Failing> {
    // All of one moment: another process may be making it just now.
    let reading = connection.transaction()?;
    let tables: i64 = reading.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let version = version(&reading)?;
    let mode: String = reading.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let is_as_it_will_be = mode == "wal" && version == version_after(migrations);
    if !is_as_it_will_be {
        let damage: String = reading.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if damage != "ok" {
            let corrupt = ffi::Error::new(ffi::SQLITE_CORRUPT);
            return Err(rusqlite::Error::SqliteFailure(corrupt, Some(damage)).into());
        }
    }
    drop(reading);
    if !is_as_it_will_be && version > 0 {
        // Not committed, and so given up at once.
        apply(&connection.transaction_with_behavior(TransactionBehavior::Immediate)?, migrations)?;
    }
    Ok(tables == 0 || version > 0)
}

/// Takes a database through those of `migrations` that it has not been through: all of them, or none.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), Failing> {
    let newest = version_after(migrations);
    if version(connection)? == newest {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    apply(&transaction, migrations)?;
    Ok(transaction.commit()?)
}

fn apply(transaction: &Transaction<'_>, migrations: &[&str]) -> Result<(), Failing> {
    let newest = version_after(migrations);
    // Another process may have done it, or more than it, while this one waited for its turn.
    let found = version(transaction)?;
    if found > newest {
        return Err(Failing::Newer { found });
    }
    for migration in &migrations[found as usize..] {
        transaction.execute_batch(migration)?;
    }
    Ok(transaction.pragma_update(None, "user_version", newest)?)
}

fn version_after(migrations: &[&str]) -> u32 {
    u32::try_from(migrations.len()).expect("a short list")
}
