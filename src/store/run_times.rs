//! How long the commands of a playbook took.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{named_params, params};
use serde_json::Value;

use super::{Account, Store, StoreError, learned::kept_since, numbers};
use crate::engine::{Carried, RunTimes};

impl Store {
    /// How long the commands of this playbook took on this account, as far as it was learned in the last
    /// [`KEPT_DAYS`](super::KEPT_DAYS) before `now`. A playbook is known by the hash of its text, in hexadecimal.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub fn run_times(
        &self,
        account: &Account,
        playbook_sha256: &str,
        now: Timestamp,
    ) -> Result<RunTimes, StoreError> {
        let rows = self.read(|connection| {
            let mut rows = connection.prepare(
                "SELECT first_step, steps, sample_ns FROM run_times \
                 WHERE url = ?1 AND key = ?2 AND playbook = ?3 AND learned_at >= ?4",
            )?;
            let known = params![account.url(), account.key(), playbook_sha256, kept_since(now)];
            rows.query_map(known, |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?))
            })?
            .collect::<Result<Vec<_>, _>>()
        })?;
        let mut times = RunTimes::default();
        for (first, steps, sample) in rows {
            // What cannot be read is not known.
            if let (Ok(first), Ok(steps)) = (usize::try_from(first), usize::try_from(steps)) {
                let sample: Vec<u64> = serde_json::from_str(&sample).unwrap_or_default();
                let sample = sample.into_iter().map(Duration::from_nanos).collect();
                times.insert(Carried { first, steps }, sample);
            }
        }
        Ok(times)
    }

    /// Keeps how long the commands of this playbook took, in place of what was known of the same steps; forgets what is
    /// older than [`KEPT_DAYS`](super::KEPT_DAYS).
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be written; nothing has changed then.
    pub fn keep_run_times(
        &mut self,
        account: &Account,
        playbook_sha256: &str,
        now: Timestamp,
        times: &RunTimes,
    ) -> Result<(), StoreError> {
        if times.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            transaction.execute("DELETE FROM run_times WHERE learned_at < ?1", [kept_since(now)])?;
            let mut replace = transaction.prepare(
                "INSERT OR REPLACE INTO run_times (url, key, playbook, first_step, steps, learned_at, sample_ns) \
                 VALUES (:url, :key, :playbook, :first_step, :steps, :learned_at, :sample)",
            )?;
            for (carried, sample) in times.iter() {
                let sample: Vec<i64> = sample.iter().copied().map(numbers::stored_span).collect();
                replace.execute(named_params! {
                    ":url": account.url(),
                    ":key": account.key(),
                    ":playbook": playbook_sha256,
                    ":first_step": numbers::stored(carried.first as u64),
                    ":steps": numbers::stored(carried.steps as u64),
                    ":learned_at": now.as_millisecond(),
                    ":sample": Value::from(sample).to_string(),
                })?;
            }
            Ok(())
        })
    }
}
