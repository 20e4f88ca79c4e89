//! Removing runs, and giving their room back.
//!
//! Other processes may be writing meanwhile, and a run whose writing has to wait for too long stops. So everything here is
//! done in small pieces, between which others have their turn.

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::{RunNumber, Store, StoreError, error};

/// Texts that are looked at in one piece.
const TEXTS_AT_ONCE: i64 = 20_000;

/// Pages of the database that are given back in one piece.
const PAGES_AT_ONCE: i64 = 1_000;

impl Store {
    /// Removes a run; says whether it was there. Whoever calls this owns it.
    ///
    /// # Errors
    /// [`StoreError`] where that cannot be written; nothing is removed then.
    pub fn remove_run(&mut self, run: RunNumber) -> Result<bool, StoreError> {
        let mut removed = 0;
        self.write(|transaction| {
            removed = transaction.execute("DELETE FROM run WHERE number = ?1", [run.0])?;
            Ok(())
        })?;
        Ok(removed > 0)
    }

    /// Removes the texts that no run has printed any more; says how many.
    ///
    /// # Errors
    /// [`StoreError`] where that cannot be written.
    pub fn remove_unused_outputs(&mut self) -> Result<usize, StoreError> {
        let mut removed = 0;
        // Hashes are 32 bytes, so each is greater than none.
        let mut from: Vec<u8> = Vec::new();
        loop {
            let to: Option<Vec<u8>> = self.read(|connection| {
                let last =
                    "SELECT max(hash) FROM (SELECT hash FROM output WHERE hash > ?1 ORDER BY hash LIMIT ?2)";
                connection.query_row(last, (&from, TEXTS_AT_ONCE), |row| row.get(0))
            })?;
            let Some(to) = to else { return Ok(removed) };
            self.write(|transaction| {
                removed += transaction.execute(
                    "DELETE FROM output WHERE hash > :from AND hash <= :to AND hash NOT IN ( \
                     SELECT stdout FROM start WHERE stdout > :from AND stdout <= :to \
                     UNION SELECT stderr FROM start WHERE stderr > :from AND stderr <= :to)",
                    named_params! { ":from": from, ":to": to },
                )?;
                Ok(())
            })?;
            from = to;
        }
    }

    /// Gives the room that was left free back to the file system, as far as no other process is in the way.
    ///
    /// # Errors
    /// [`StoreError`] where the database cannot be used.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        let compacted = self.read(|connection| {
            while free_pages(connection)? > 0 {
                let before = free_pages(connection)?;
                give_back(connection)?;
                if free_pages(connection)? >= before {
                    break;
                }
            }
            // The file itself shrinks when its log is written back to it.
            connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .optional()
                .or_else(|failed| if error::is_busy(&failed) { Ok(None) } else { Err(failed) })
        });
        match compacted {
            // Free room is used by the next run.
            Ok(_) | Err(StoreError::Busy { .. }) => Ok(()),
            Err(failed) => Err(failed),
        }
    }
}

fn free_pages(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "freelist_count", |row| row.get(0))
}

fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let mut pages = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_AT_ONCE})"))?;
    // It gives back a page a row.
    let mut rows = pages.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}
