//! The tables, and how older databases come to have them.
//!
//! A database says in `PRAGMA user_version` how many of the [`MIGRATIONS`] it has been through. What has been released
//! is never edited: a later version appends.

use rusqlite::{Connection, TransactionBehavior};

use super::error::Failing;

/// What makes a database of each version from that of the version before, beginning with an empty file.
///
/// Times are milliseconds since 1970, spans are nanoseconds (`_ns`).
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
"];

/// The version of which this program writes.
pub(super) fn newest() -> u32 {
    version_after(MIGRATIONS)
}

/// The version of a database; 0 where it is empty.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Takes a database through those of `migrations` that it has not been through: all of them, or none.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), Failing> {
    let newest = version_after(migrations);
    if version(connection)? == newest {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it, or more than it, while this one waited for its turn.
    let found = version(&transaction)?;
    if found > newest {
        return Err(Failing::Newer { found });
    }
    for migration in &migrations[found as usize..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", newest)?;
    Ok(transaction.commit()?)
}

fn version_after(migrations: &[&str]) -> u32 {
    u32::try_from(migrations.len()).expect("a short list")
}
