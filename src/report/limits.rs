//! What earlier runs learned of the API's limits, as a table and as JSON.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Row, Table, presets::NOTHING};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    Redactor, Style, inert, inert_json, inventory,
    json::{KnownLimit, milliseconds, rfc3339},
    words,
};
use crate::{
    budget::{LearnedFrom, LearnedLimit, LetThrough, Renewal},
    store::{Account, FRESH_DAYS, Learned},
};

const SCHEMA_VERSION: u32 = 1;

const HEADINGS: [&str; 5] = ["bucket", "limit", "window", "renewal", "learned from"];

/// Writes what is known: for each account its limits, by which run they were learned and when. Where nothing is known
/// it says so, of `account` if that is the one that was asked about.
///
/// # Errors
/// Those of `out`.
pub fn write_limits_table(
    accounts: &[Learned],
    account: Option<&Account>,
    now: Timestamp,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if accounts.is_empty() {
        let whose = account.map_or_else(
            || "of any key".to_owned(),
            |account| format!("at {} (key {})", inert(account.url()), inert(account.key())),
        );
        return writeln!(out, "nothing is known yet of the limits {whose}: the next run will learn them");
    }
    for (place, learned) in accounts.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        write_account(learned, now, style, out)?;
    }
    Ok(())
}

fn write_account(learned: &Learned, now: Timestamp, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let Learned { account, at, run_id, knowledge } = learned;
    writeln!(out, "{}, key {}", inert(account.url()), inert(account.key()))?;
    if !knowledge.limits.is_empty() {
        let mut table = Table::new();
        table.load_style(NOTHING).set_truncation_indicator("…").force_no_tty();
        inventory::fit(&mut table, style);
        table.set_header(Row::from(HEADINGS.map(Cell::new).to_vec()));
        for limit in &knowledge.limits {
            let mut row = Row::from(cells(limit).map(Cell::new).to_vec());
            row.max_height(1);
            table.add_row(row);
        }
        if let Some(limits) = table.column_mut(1) {
            limits.set_cell_alignment(CellAlignment::Right);
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    if let Some(LetThrough { requests, span }) = knowledge.let_through {
        let met = if knowledge.limits.is_empty() { "none met: " } else { "" };
        let noun = if requests == 1 { "request" } else { "requests" };
        writeln!(out, " {met}{} {noun} let through in {}", words::number(requests), words::span(span))?;
    }
    let whom = run_id.as_ref().map_or_else(|| "a plan".to_owned(), |id| format!("run {}", inert(id)));
    let warning = if learned.is_stale(now) {
        format!("; stale: more than {FRESH_DAYS} days old, so no run begins with it")
    } else {
        String::new()
    };
    writeln!(out, "learned by {whom} at {}{warning}", rfc3339(*at, 0))
}

fn cells(limit: &LearnedLimit) -> [String; 5] {
    [
        inert(&limit.bucket).into_owned(),
        words::number(limit.limit),
        limit.window.map_or_else(|| "not known".to_owned(), words::span),
        match limit.renewal {
            Renewal::AtOnce => "all at once".to_owned(),
            Renewal::Steadily => "steadily".to_owned(),
        },
        match limit.learned_from {
            LearnedFrom::Header => "headers".to_owned(),
            LearnedFrom::Refusals => "refusals".to_owned(),
        },
    ]
}

/// Writes what is known as one JSON document; `accounts` is empty where nothing is.
///
/// # Errors
/// Those of `out`.
pub fn write_limits_json(accounts: &[Learned], now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    // No playbook has part in it, and so none of its secrets.
    let redactor = Redactor::default();
    let accounts = accounts.iter().map(|learned| AccountDocument::new(learned, now, &redactor)).collect();
    inert_json::write(&Document { schema_version: SCHEMA_VERSION, accounts }, out)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u32,
    accounts: Vec<AccountDocument<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountDocument<'a> {
    url: &'a str,
    key: &'a str,
    learned_at: String,
    run_id: Option<&'a str>,
    stale: bool,
    limits: Vec<KnownLimit<'a>>,
    let_through: Option<LetThroughDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LetThroughDocument {
    requests: u64,
    span_ms: u64,
}

impl<'a> AccountDocument<'a> {
    fn new(learned: &'a Learned, now: Timestamp, redactor: &'a Redactor) -> Self {
        Self {
            url: learned.account.url(),
            key: learned.account.key(),
            learned_at: rfc3339(learned.at, 3),
            run_id: learned.run_id.as_deref(),
            stale: learned.is_stale(now),
            limits: learned.knowledge.limits.iter().map(|limit| KnownLimit::new(limit, redactor)).collect(),
            let_through: learned.knowledge.let_through.map(|through| LetThroughDocument {
                requests: through.requests,
                span_ms: milliseconds(through.span),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        budget::Knowledge,
        hostup::{ApiKey, ApiUrl},
    };

    fn now() -> Timestamp {
        "2026-03-09T12:00:00Z".parse().unwrap()
    }

    fn account(key: &str) -> Account {
        Account::new(&ApiUrl::default(), &ApiKey::from_text(key).unwrap())
    }

    fn learned(key: &str, at: &str, run_id: Option<&str>, knowledge: Knowledge) -> Learned {
        let run_id = run_id.map(str::to_owned);
        Learned { account: account(key), at: at.parse().unwrap(), run_id, knowledge }
    }

    fn accounts() -> Vec<Learned> {
        let limit = |bucket: &str, limit, window: Option<u64>, renewal, learned_from| {
            let window = window.map(Duration::from_millis);
            LearnedLimit { bucket: bucket.to_owned(), limit, window, renewal, learned_from }
        };
        let through = |requests| Some(LetThrough { requests, span: Duration::from_millis(5_200) });
        let limits = vec![
            limit("default", 300, Some(5_000), Renewal::AtOnce, LearnedFrom::Refusals),
            limit("start\u{1b}[2J", 12_000, None, Renewal::Steadily, LearnedFrom::Header),
        ];
        vec![
            learned(
                "one",
                "2026-03-09T11:58:07.123Z",
                Some("01KK9Z8XVQ4T5WDZ3S0YH7N2AB"),
                Knowledge { limits: limits.clone(), let_through: None },
            ),
            learned(
                "two",
                "2026-03-01T11:59:59.999Z",
                Some("01KJ\u{202e}"),
                Knowledge { limits: Vec::new(), let_through: through(6_003) },
            ),
            learned(
                "three",
                "2026-03-08T00:00:00Z",
                None,
                Knowledge { limits: limits[..1].to_vec(), let_through: through(1) },
            ),
        ]
    }

    fn table(accounts: &[Learned], account: Option<&Account>) -> String {
        let mut out = Vec::new();
        write_limits_table(accounts, account, now(), Style::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn json(accounts: &[Learned]) -> String {
        let mut out = Vec::new();
        write_limits_json(accounts, now(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_says_what_is_known_and_of_whom_and_is_inert() {
        insta::assert_snapshot!(table(&accounts(), None));
    }

    #[test]
    fn the_document_has_every_key_and_is_inert() {
        insta::assert_snapshot!(json(&accounts()));
    }

    #[test]
    fn where_nothing_is_known_it_is_said_of_whom() {
        let text = table(&[], Some(&account("one")));
        assert!(text.starts_with("nothing is known yet of the limits at https://cloud.hostup.se (key "));
        assert_eq!(
            table(&[], None),
            "nothing is known yet of the limits of any key: the next run will learn them\n"
        );
        assert_eq!(json(&[]), "{\n  \"schemaVersion\": 1,\n  \"accounts\": []\n}\n");
    }
}
