//! What runs have learned of the API's limits.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::{Account, Store, StoreError, numbers};
use crate::budget::{Knowledge, LearnedFrom, LearnedLimit, LetThrough, Renewal};

/// For so many days, what was learned is what the next run begins with.
pub const FRESH_DAYS: i64 = 7;

/// For so many days, what was learned is kept.
pub const KEPT_DAYS: i64 = 90;

const RENEWALS: [Renewal; 2] = [Renewal::AtOnce, Renewal::Steadily];

const SOURCES: [LearnedFrom; 2] = [LearnedFrom::Header, LearnedFrom::Refusals];

/// What was learned last of the limits on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    /// Whose limits.
    pub account: Account,
    /// When, to the millisecond.
    pub at: Timestamp,
    /// By which run; `None` by a listing that belongs to no run.
    pub run_id: Option<String>,
    /// What.
    pub knowledge: Knowledge,
}

impl Learned {
    /// Whether it is too old for a run to begin with. What comes from a clock that was wrong is too.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.at).abs() > days(FRESH_DAYS)
    }
}

impl Store {
    /// What a run on this account begins with at `now`; nothing where nothing is known, or it is stale.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub fn known(&self, account: &Account, now: Timestamp) -> Result<Knowledge, StoreError> {
        let learned = self.learned_on(account)?.filter(|learned| !learned.is_stale(now));
        Ok(learned.map(|learned| learned.knowledge).unwrap_or_default())
    }

    /// What was learned last on this account, however long ago.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub fn learned_on(&self, account: &Account) -> Result<Option<Learned>, StoreError> {
        self.read(|connection| {
            let found = connection
                .query_row(
                    "SELECT * FROM knowledge WHERE url = ?1 AND key = ?2",
                    [account.url(), account.key()],
                    learned,
                )
                .optional()?;
            found.map(|learned| with_limits(connection, learned)).transpose()
        })
    }

    /// What was learned last on each account, in the order of their addresses and fingerprints.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub fn all_learned(&self) -> Result<Vec<Learned>, StoreError> {
        self.read(|connection| {
            let mut rows = connection.prepare("SELECT * FROM knowledge ORDER BY url, key")?;
            let rows = rows.query_map([], learned)?.collect::<Result<Vec<_>, _>>()?;
            rows.into_iter().map(|learned| with_limits(connection, learned)).collect()
        })
    }

    /// Keeps what was learned, in place of what was known of the account; forgets what is older than [`KEPT_DAYS`].
    /// Where nothing was learned, what is known stays.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be written; nothing has changed then.
    pub fn keep_learned(&mut self, learned: &Learned) -> Result<(), StoreError> {
        let Learned { account, at, run_id, knowledge } = learned;
        if *knowledge == Knowledge::default() {
            return Ok(());
        }
        self.write(|transaction| {
            transaction.execute("DELETE FROM knowledge WHERE learned_at < ?1", [kept_since(*at)])?;
            transaction.execute(
                "DELETE FROM knowledge WHERE url = ?1 AND key = ?2",
                [account.url(), account.key()],
            )?;
            let let_through = knowledge.let_through;
            transaction.execute(
                "INSERT INTO knowledge (url, key, learned_at, run_id, let_through_requests, let_through_ns) \
                 VALUES (:url, :key, :learned_at, :run_id, :requests, :span)",
                named_params! {
                    ":url": account.url(),
                    ":key": account.key(),
                    ":learned_at": at.as_millisecond(),
                    ":run_id": run_id,
                    ":requests": let_through.map(|through| numbers::stored(through.requests)),
                    ":span": let_through.map(|through| numbers::stored_span(through.span)),
                },
            )?;
            let mut insert = transaction.prepare(
                "INSERT INTO learned_limit (url, key, place, bucket, requests, window_ns, renewal, learned_from) \
                 VALUES (:url, :key, :place, :bucket, :requests, :window, :renewal, :learned_from)",
            )?;
            for (place, limit) in (0_i64..).zip(&knowledge.limits) {
                insert.execute(named_params! {
                    ":url": account.url(),
                    ":key": account.key(),
                    ":place": place,
                    ":bucket": limit.bucket,
                    ":requests": numbers::stored(limit.limit),
                    ":window": limit.window.map(numbers::stored_span),
                    ":renewal": limit.renewal.word(),
                    ":learned_from": limit.learned_from.word(),
                })?;
            }
            Ok(())
        })
    }
}

/// Before this, in milliseconds since 1970, lies what is forgotten at `now`.
pub(super) fn kept_since(now: Timestamp) -> i64 {
    now.saturating_sub(days(KEPT_DAYS)).expect("a span of days is no calendar arithmetic").as_millisecond()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// A row of `knowledge`, without its limits.
fn learned(row: &Row<'_>) -> rusqlite::Result<Learned> {
    let requests: Option<i64> = row.get("let_through_requests")?;
    let span: Option<i64> = row.get("let_through_ns")?;
    let let_through = requests
        .zip(span)
        .map(|(requests, span)| LetThrough { requests: numbers::count(requests), span: numbers::span(span) });
    Ok(Learned {
        account: Account::stored(row.get("url")?, row.get("key")?),
        // A time beyond all calendars is stale, whichever it is.
        at: Timestamp::from_millisecond(row.get("learned_at")?).unwrap_or(Timestamp::MIN),
        run_id: row.get("run_id")?,
        knowledge: Knowledge { limits: Vec::new(), let_through },
    })
}

fn with_limits(connection: &Connection, mut learned: Learned) -> rusqlite::Result<Learned> {
    let mut rows =
        connection.prepare("SELECT * FROM learned_limit WHERE url = ?1 AND key = ?2 ORDER BY place")?;
    let limits = rows.query_map([learned.account.url(), learned.account.key()], limit)?;
    // A word that only a newer program knows is about a guess that this one cannot make use of.
    learned.knowledge.limits = limits.filter_map(Result::transpose).collect::<Result<_, _>>()?;
    Ok(learned)
}

/// A row of `learned_limit`; `None` where it says something that this program does not know.
fn limit(row: &Row<'_>) -> rusqlite::Result<Option<LearnedLimit>> {
    let renewal: String = row.get("renewal")?;
    let learned_from: String = row.get("learned_from")?;
    let renewal = RENEWALS.into_iter().find(|known| known.word() == renewal);
    let learned_from = SOURCES.into_iter().find(|known| known.word() == learned_from);
    let (Some(renewal), Some(learned_from)) = (renewal, learned_from) else { return Ok(None) };
    Ok(Some(LearnedLimit {
        bucket: row.get("bucket")?,
        limit: numbers::count(row.get("requests")?),
        window: row.get::<_, Option<i64>>("window_ns")?.map(numbers::span),
        renewal,
        learned_from,
    }))
}
