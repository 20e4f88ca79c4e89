//! Reading back a run: enough to show it again as it was, and to go on with it.

use std::{collections::HashMap, sync::Arc};

use rusqlite::{Connection, OptionalExtension, Row};
use serde::de::DeserializeOwned;
use serde_json::Map;

use super::{
    Ending, RunHead, RunNumber, Store, StoreError, numbers, runs,
    stored::{Standing, StoredAnswer, StoredResult},
};
use crate::{
    budget::RunTime,
    engine::{
        CallId, Ended, Engine, Exited, FinishedRun, Intent, LeftOff, Remembered, RememberedStart, RunSpec,
        RunTimes, Stream,
    },
    fleet::{Tally, Vps},
    playbook::bundle::Marker,
};

/// A run as it is on record.
#[derive(Debug, Clone, PartialEq)]
pub struct PastRun {
    /// What is known of it without its targets.
    pub head: RunHead,
    /// Whether it got as far as to know whom it is for; before that nothing was started.
    pub was_selected: bool,
    /// Where it left off.
    pub left_off: LeftOff,
    /// The latest time on its own clock that is on record.
    pub last: RunTime,
    /// What is known at the end only; `None`: it has not ended, or nobody was there to say so.
    pub ending: Option<Ending>,
}

impl PastRun {
    /// What is known of it: all, where it has ended; otherwise as much as is known at `at` on its own clock.
    pub fn as_it_stands(&self, spec: RunSpec, at: RunTime) -> FinishedRun {
        let results: Option<Vec<_>> =
            self.left_off.targets.iter().map(|target| target.result.clone()).collect();
        let Some(ending) = &self.ending else {
            return Engine::as_it_left_off(spec, self.left_off.clone(), at);
        };
        let targets = results
            .unwrap_or_else(|| Engine::as_it_left_off(spec, self.left_off.clone(), ending.ended).targets);
        let Ending { stop, ended, duration, requests, time, knowledge, batch, fail_on } = ending.clone();
        FinishedRun {
            targets,
            selected: Vec::new(),
            tally: self.left_off.tally.clone(),
            stop,
            requests,
            time,
            duration,
            ended,
            knowledge,
            run_times: RunTimes::default(),
            batch,
            fail_on,
        }
    }
}

impl Store {
    /// Reads back a run, all of it as of one moment.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub fn past_run(&self, run: RunNumber) -> Result<Option<PastRun>, StoreError> {
        self.read(|connection| {
            let connection = connection.unchecked_transaction()?;
            runs::run_head(&connection, run)?.map(|head| past_run(&connection, head)).transpose()
        })
    }
}

fn past_run(connection: &Connection, head: RunHead) -> rusqlite::Result<PastRun> {
    let number = head.number.0;
    let (tally, standing, ending): (Option<String>, Option<String>, Option<String>) = connection.query_row(
        "SELECT tally, standing, ending FROM run WHERE number = ?1",
        [number],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let was_selected = tally.is_some();
    let tally: Tally = tally.map(|json| read(&json)).transpose()?.unwrap_or_default();
    let standing: Standing = standing.map(|json| read(&json)).transpose()?.unwrap_or_default();
    let ending: Option<Ending> = ending.map(|json| read(&json)).transpose()?;

    let mut starts = starts(connection, number)?;
    let mut last = standing.at;
    let mut rows = connection.prepare(
        "SELECT place, description, result FROM target LEFT JOIN result USING (run, place) \
         WHERE target.run = ?1 ORDER BY place",
    )?;
    let mut rows = rows.query([number])?;
    let mut targets = Vec::new();
    while let Some(row) = rows.next()? {
        let (place, description, result): (i64, String, Option<String>) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let fields: Map<_, _> = read(&description)?;
        let vps = Arc::new(Vps::new(fields).settled());
        let starts = starts.remove(&place).unwrap_or_default();
        for start in &starts {
            let answered = start.answer.as_ref().map(|(at, _)| *at);
            let ended = start.ended.as_ref().map(|ended| ended.at);
            last = [Some(start.at), answered, ended].into_iter().flatten().fold(last, RunTime::max);
        }
        let result = result.map(|json| read::<StoredResult<'_>>(&json)).transpose()?;
        let result = result.map(|stored| {
            let mut result = stored.into_result(Arc::clone(&vps));
            crate::engine::give_back_outputs(&mut result, &starts);
            Arc::new(result)
        });
        targets.push(Remembered { vps, result, starts });
    }
    let left_off = LeftOff {
        targets,
        tally,
        requests: standing.requests,
        time: standing.time,
        worked: standing.worked,
        more_may_fail: false,
        lost_secrets: Vec::new(),
    };
    Ok(PastRun { head, was_selected, left_off, last, ending })
}

/// The starts of a run, by the place of their target, in the order in which they left.
fn starts(connection: &Connection, run: i64) -> rusqlite::Result<HashMap<i64, Vec<RememberedStart>>> {
    let mut rows = connection.prepare("SELECT * FROM start WHERE run = ?1 ORDER BY call")?;
    let mut rows = rows.query([run])?;
    let mut starts: HashMap<i64, Vec<RememberedStart>> = HashMap::new();
    while let Some(row) = rows.next()? {
        starts.entry(row.get("place")?).or_default().push(start(connection, row)?);
    }
    Ok(starts)
}

fn start(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<RememberedStart> {
    let time = |column: &str| -> rusqlite::Result<Option<RunTime>> {
        let stored: Option<i64> = row.get(column)?;
        Ok(stored.map(|stored| RunTime::from_start(numbers::span(stored))))
    };
    let place = |column: &str| -> rusqlite::Result<usize> {
        Ok(usize::try_from(numbers::count(row.get(column)?)).unwrap_or(usize::MAX))
    };
    let (sent, marker): (String, Option<String>) = (row.get("sent")?, row.get("marker")?);
    let intent = Intent {
        target: place("place")?,
        first: place("first_step")?,
        sent: sent.bytes().map(|sent| sent == b'1').collect(),
        marker: marker.as_deref().and_then(Marker::read),
    };
    let answer: Option<String> = row.get("answer")?;
    let answer = answer.map(|json| read::<StoredAnswer>(&json)).transpose()?;
    let ended = match time("ended_ns")? {
        None => None,
        Some(at) => Some(Ended {
            polled: time("polled_ns")?.unwrap_or(at),
            at,
            exited: Exited {
                exit_code: row.get("exit_code")?,
                signal: row.get("signal")?,
                stdout: stream(connection, row, "stdout")?,
                stderr: stream(connection, row, "stderr")?,
            },
        }),
    };
    Ok(RememberedStart {
        call: CallId(numbers::count(row.get("call")?)),
        at: time("at_ns")?.unwrap_or_default(),
        intent,
        answer: time("answered_ns")?.zip(answer.map(Into::into)),
        ended,
    })
}

fn stream(connection: &Connection, row: &Row<'_>, name: &str) -> rusqlite::Result<Stream> {
    let hash: Option<Vec<u8>> = row.get(name)?;
    let text: Option<String> = match hash {
        None => Some(String::new()),
        Some(hash) => connection
            .prepare_cached("SELECT text FROM output WHERE hash = ?1")?
            .query_row([hash], |row| row.get(0))
            .optional()?,
    };
    Ok(Stream {
        text: text.unwrap_or_default().into(),
        truncated: row.get::<_, Option<bool>>(format!("{name}_truncated").as_str())?.unwrap_or(false),
        lossy: row.get::<_, Option<bool>>(format!("{name}_lossy").as_str())?.unwrap_or(false),
    })
}

/// Something that was kept as JSON.
fn read<T: DeserializeOwned>(json: &str) -> rusqlite::Result<T> {
    serde_json::from_str(json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}
