//! The runs that are on record: beginning one, ending it, finding and removing them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::{Ending, RunLog, Store, StoreError, cleaned, numbers, stored::Standing};
use crate::{
    engine::{Status, Summary},
    redact::Redactor,
};

/// Numbers runs in the order in which they began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunNumber(pub(super) i64);

impl RunNumber {
    /// That of the first run.
    pub const FIRST: Self = Self(1);
}

/// A run that begins.
#[derive(Debug, Clone)]
pub struct NewRun<'a> {
    /// Its id.
    pub id: &'a str,
    /// When.
    pub started_at: Timestamp,
    /// The API's base URL.
    pub url: &'a str,
    /// Its API is inside this process, and gone with it.
    pub in_sandbox: bool,
    /// The playbook's name.
    pub playbook_name: &'a str,
    /// Where the playbook was read from; `None`: from no file.
    pub playbook_path: Option<&'a str>,
    /// The hash of the playbook's text, in hexadecimal.
    pub playbook_sha256: &'a str,
    /// What it is made from, as JSON: enough to go on with it or to make another like it.
    pub source: &'a str,
}

/// A run on record, without its targets.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHead {
    /// Its number.
    pub number: RunNumber,
    /// Its id.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// The API's base URL.
    pub url: String,
    /// Its API was inside the process that ran it.
    pub in_sandbox: bool,
    /// The playbook's name.
    pub playbook_name: String,
    /// Where the playbook was read from.
    pub playbook_path: Option<String>,
    /// The hash of the playbook's text, in hexadecimal.
    pub playbook_sha256: String,
    /// What it was made from, as JSON.
    pub source: String,
    /// When it ended; `None`: it has not, or nobody was there to say so.
    pub ended_at: Option<Timestamp>,
    /// The exit code with which it ended.
    pub exit_code: Option<u8>,
}

/// How far a run came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// How many of its targets ended how, of those that are done.
    pub summary: Summary,
    /// How many targets it is for.
    pub targets: usize,
    /// With how many of them there is something to be gone on with.
    pub open: usize,
}

const HEAD: &str = "SELECT number, id, started_at, url, in_sandbox, playbook_name, playbook_path, playbook_sha256, \
                    source, ended_at, exit_code FROM run";

impl Store {
    /// Writes down that a run begins.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be written.
    pub fn begin_run(&mut self, run: &NewRun<'_>) -> Result<RunNumber, StoreError> {
        let mut number = 0;
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO run (id, started_at, url, in_sandbox, playbook_name, playbook_path, playbook_sha256, \
                 source) VALUES (:id, :started_at, :url, :in_sandbox, :name, :path, :sha256, :source)",
                named_params! {
                    ":id": run.id,
                    ":started_at": run.started_at.as_millisecond(),
                    ":url": run.url,
                    ":in_sandbox": run.in_sandbox,
                    ":name": run.playbook_name,
                    ":path": run.playbook_path,
                    ":sha256": run.playbook_sha256,
                    ":source": run.source,
                },
            )?;
            number = transaction.last_insert_rowid();
            Ok(())
        })?;
        Ok(RunNumber(number))
    }

    /// A connection of its own that writes down what happens in a run, but for these secrets.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be opened once more.
    pub fn log(&self, run: RunNumber, secrets: &[String]) -> Result<RunLog, StoreError> {
        Ok(RunLog::new(Self::open_file(self.path.clone())?, run.0, secrets))
    }

    /// Writes down that a run has ended, but for these secrets.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be written.
    pub fn end_run(
        &mut self,
        run: RunNumber,
        ended_at: Timestamp,
        exit_code: u8,
        ending: &Ending,
        secrets: &[String],
    ) -> Result<(), StoreError> {
        let redactor = Redactor::new(secrets);
        let stop = ending.stop.as_ref().map(|stop| cleaned::stop(&redactor, stop));
        let ending = &Ending { stop, ..ending.clone() };
        let standing = Standing {
            at: ending.ended,
            worked: ending.duration,
            requests: ending.requests,
            time: ending.time,
        };
        let [standing, ending] =
            [serde_json::to_string(&standing), serde_json::to_string(ending)].map(Result::unwrap_or_default);
        self.write(|transaction| {
            transaction
                .execute(
                    "UPDATE run SET ended_at = ?2, exit_code = ?3, standing = ?4, ending = ?5, is_open = EXISTS ( \
                     SELECT 1 FROM target LEFT JOIN result USING (run, place) \
                     WHERE target.run = ?1 AND ifnull(result.is_open, 1)) WHERE number = ?1",
                    params![run.0, ended_at.as_millisecond(), exit_code, standing, ending],
                )
                .map(drop)
        })
    }

    /// Writes down that a run goes on.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be written.
    pub fn reopen_run(&mut self, run: RunNumber) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .execute(
                    "UPDATE run SET ended_at = NULL, exit_code = NULL, is_open = 1, ending = NULL WHERE number = ?1",
                    [run.0],
                )
                .map(drop)
        })
    }

    /// All runs, the newest first. That is the one that began last, whatever the clock said.
    ///
    /// # Errors
    /// [`StoreError`] where they cannot be read.
    pub fn runs(&self) -> Result<Vec<RunHead>, StoreError> {
        self.read(|connection| {
            let mut rows = connection.prepare(&format!("{HEAD} ORDER BY number DESC"))?;
            rows.query_map([], head)?.collect()
        })
    }

    /// The runs with which there is something to be gone on, or of which it is not on record that they ended, the newest
    /// first; without those in sandboxes, and without those of which it is not known whom they are for.
    ///
    /// # Errors
    /// [`StoreError`] where they cannot be read.
    pub fn unfinished_runs(&self) -> Result<Vec<RunHead>, StoreError> {
        self.read(|connection| {
            let mut rows = connection.prepare(&format!(
                "{HEAD} WHERE in_sandbox = 0 AND tally IS NOT NULL AND is_open = 1 ORDER BY number DESC"
            ))?;
            rows.query_map([], head)?.collect()
        })
    }

    /// A run and how far it came, as of one moment; `None` where it is not on record.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub fn run(&self, run: RunNumber) -> Result<Option<(RunHead, RunCounts)>, StoreError> {
        self.read(|connection| {
            let connection = connection.unchecked_transaction()?;
            let Some(head) = run_head(&connection, run)? else { return Ok(None) };
            Ok(Some((head, counts(&connection, run)?)))
        })
    }

    /// The targets with which unfinished runs of this playbook at this API can be gone on: run ids and VPS ids, the newest
    /// run first. It is the same playbook where its text is the same or it comes from the same file.
    ///
    /// # Errors
    /// [`StoreError`] where they cannot be read.
    pub fn open_targets(
        &self,
        url: &str,
        playbook_sha256: &str,
        playbook_path: Option<&str>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|connection| {
            let mut rows = connection.prepare(
                "SELECT run.id, target.vps FROM run JOIN target ON target.run = run.number \
                 LEFT JOIN result USING (run, place) \
                 WHERE run.is_open = 1 AND run.url = ?1 AND run.in_sandbox = 0 AND ifnull(result.is_open, 1) \
                 AND (run.playbook_sha256 = ?2 OR run.playbook_path = ?3) ORDER BY run.number DESC",
            )?;
            let found =
                rows.query_map((url, playbook_sha256, playbook_path), |row| Ok((row.get(0)?, row.get(1)?)));
            found?.collect()
        })
    }
}

/// The run of this number.
pub(super) fn run_head(connection: &Connection, run: RunNumber) -> rusqlite::Result<Option<RunHead>> {
    connection.query_row(&format!("{HEAD} WHERE number = ?1"), [run.0], head).optional()
}

fn head(row: &Row<'_>) -> rusqlite::Result<RunHead> {
    let time = |milliseconds: i64| Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MIN);
    Ok(RunHead {
        number: RunNumber(row.get("number")?),
        id: row.get("id")?,
        started_at: time(row.get("started_at")?),
        url: row.get("url")?,
        in_sandbox: row.get("in_sandbox")?,
        playbook_name: row.get("playbook_name")?,
        playbook_path: row.get("playbook_path")?,
        playbook_sha256: row.get("playbook_sha256")?,
        source: row.get("source")?,
        ended_at: row.get::<_, Option<i64>>("ended_at")?.map(time),
        exit_code: row.get("exit_code")?,
    })
}

fn counts(connection: &Connection, run: RunNumber) -> rusqlite::Result<RunCounts> {
    let number = |stored| usize::try_from(numbers::count(stored)).unwrap_or(usize::MAX);
    let mut counts = RunCounts::default();
    let mut rows = connection.prepare_cached(
        "SELECT status, count(*), sum(ifnull(is_open, 1)) FROM target LEFT JOIN result USING (run, place) \
         WHERE target.run = ?1 GROUP BY status",
    )?;
    let mut rows = rows.query([run.0])?;
    while let Some(row) = rows.next()? {
        let status: Option<String> = row.get(0)?;
        let targets = number(row.get(1)?);
        counts.targets += targets;
        counts.open += number(row.get(2)?);
        let known = Status::ALL.into_iter().find(|known| status.as_deref() == Some(known.word()));
        if let Some(status) = known {
            for _ in 0..targets {
                counts.summary.add(status);
            }
        }
    }
    Ok(counts)
}
