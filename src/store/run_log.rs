//! Writing down a run as it happens.
//!
//! Secrets are taken out of everything before it is written.

use std::{borrow::Cow, io, sync::Arc};

use rusqlite::{Transaction, named_params, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    Store, StoreError, cleaned, numbers,
    stored::{Standing, StoredAnswer, StoredResult},
};
use crate::{
    archive::Lost,
    engine::{Entry, Exited, Intent, Status, Stream, TargetResult, is_final},
    fleet::{Tally, Vps},
    redact::Redactor,
};

/// Writes down one run.
#[derive(Debug)]
pub struct RunLog {
    store: Store,
    run: i64,
    redactor: Redactor,
}

impl RunLog {
    pub(super) fn new(store: Store, run: i64, secrets: &[String]) -> Self {
        Self { store, run, redactor: Redactor::new(secrets) }
    }

    /// Writes all of these, or none. When it returns they are on the disk.
    ///
    /// # Errors
    /// [`StoreError`] where they are not.
    pub fn write(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let Self { store, run, redactor } = self;
        let writer = Writer { run: *run, redactor };
        store.write(|transaction| entries.iter().try_for_each(|entry| writer.write(transaction, entry)))
    }
}

struct Writer<'a> {
    run: i64,
    redactor: &'a Redactor,
}

impl Writer<'_> {
    fn write(&self, transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
        match entry {
            Entry::Targets { vpses, tally } => self.targets(transaction, vpses, tally),
            Entry::Intent { start, at, intent } => {
                let Intent { target, first, sent, marker } = intent;
                let sent: String = sent.iter().map(|&sent| if sent { '1' } else { '0' }).collect();
                let marker = marker.as_ref().map(crate::playbook::bundle::Marker::whole);
                transaction
                    .prepare_cached(
                        "INSERT INTO start (run, call, place, first_step, sent, marker, at_ns) \
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(params![
                        self.run,
                        numbers::stored(start.0),
                        numbers::stored(*target as u64),
                        numbers::stored(*first as u64),
                        sent,
                        marker,
                        numbers::stored_span(at.since_start()),
                    ])
                    .map(drop)
            }
            Entry::Answered { start, at, answer } => transaction
                .prepare_cached(
                    "UPDATE start SET answered_ns = ?3, answer = ?4 WHERE run = ?1 AND call = ?2",
                )?
                .execute(params![
                    self.run,
                    numbers::stored(start.0),
                    numbers::stored_span(at.since_start()),
                    json(&StoredAnswer::of(&cleaned::answer(self.redactor, answer)))?,
                ])
                .map(drop),
            Entry::Exited { start, polled, at, exited } => {
                let Exited { exit_code, signal, stdout, stderr } = exited;
                let (out, err) = (self.output(transaction, stdout)?, self.output(transaction, stderr)?);
                transaction
                    .prepare_cached(
                        "UPDATE start SET polled_ns = :polled, ended_ns = :ended, exit_code = :exit_code, \
                         signal = :signal, stdout = :stdout, stderr = :stderr, stdout_truncated = :stdout_truncated, \
                         stdout_lossy = :stdout_lossy, stderr_truncated = :stderr_truncated, \
                         stderr_lossy = :stderr_lossy WHERE run = :run AND call = :call",
                    )?
                    .execute(named_params! {
                        ":run": self.run,
                        ":call": numbers::stored(start.0),
                        ":polled": numbers::stored_span(polled.since_start()),
                        ":ended": numbers::stored_span(at.since_start()),
                        ":exit_code": exit_code,
                        ":signal": signal,
                        ":stdout": out,
                        ":stderr": err,
                        ":stdout_truncated": stdout.truncated,
                        ":stdout_lossy": stdout.lossy,
                        ":stderr_truncated": stderr.truncated,
                        ":stderr_lossy": stderr.lossy,
                    })
                    .map(drop)
            }
            Entry::Standing { at, worked, requests, time } => {
                let standing = Standing { at: *at, worked: *worked, requests: *requests, time: *time };
                transaction
                    .prepare_cached("UPDATE run SET standing = ?2 WHERE number = ?1")?
                    .execute(params![self.run, json(&standing)?])
                    .map(drop)
            }
            Entry::Finished { target, result } => self.finished(transaction, *target, result),
        }
    }

    fn targets(
        &self,
        transaction: &Transaction<'_>,
        vpses: &[Arc<Vps>],
        tally: &Tally,
    ) -> rusqlite::Result<()> {
        transaction.execute(
            "UPDATE run SET tally = ?2 WHERE number = ?1",
            params![self.run, json(&cleaned::tally(self.redactor, tally))?],
        )?;
        let mut insert = transaction
            .prepare_cached("INSERT INTO target (run, place, vps, description) VALUES (?1, ?2, ?3, ?4)")?;
        for (place, vps) in (0_i64..).zip(vpses) {
            let id = match vps.id() {
                Ok(id) => Cow::Borrowed(id.as_str()),
                Err(_) => self.redactor.text(vps.raw_id()),
            };
            let description = cleaned::description(self.redactor, vps).map_err(lost)?;
            insert.execute(params![self.run, place, id, description])?;
        }
        Ok(())
    }

    fn finished(
        &self,
        transaction: &Transaction<'_>,
        place: usize,
        result: &TargetResult,
    ) -> rusqlite::Result<()> {
        // A command whose time is over is looked at again by who goes on with the run, but is no reason to.
        let is_open = !is_final(result, false) && result.status != Status::TimedOut;
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO result (run, place, status, ran, is_open, result) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                self.run,
                numbers::stored(place as u64),
                result.status.word(),
                result.ran.to_string(),
                is_open,
                self.result(result)?,
            ])
            .map(drop)
    }

    /// Keeps a text; says under which hash. `None`: it is empty.
    fn output(&self, transaction: &Transaction<'_>, stream: &Stream) -> rusqlite::Result<Option<[u8; 32]>> {
        if stream.text.is_empty() {
            return Ok(None);
        }
        let text = stream.text.read().map_err(lost)?;
        let text = self.redactor.text(&text);
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        transaction
            .prepare_cached("INSERT OR IGNORE INTO output (hash, text) VALUES (?1, ?2)")?
            .execute(params![hash, text])?;
        Ok(Some(hash))
    }

    /// What became of a target, as JSON.
    fn result(&self, result: &TargetResult) -> rusqlite::Result<String> {
        if self.redactor.is_idle() {
            return json(&StoredResult::of(result));
        }
        json(&StoredResult::of(&cleaned::result(self.redactor, result)))
    }
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn lost(lost: Lost) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(io::Error::other(lost)))
}
