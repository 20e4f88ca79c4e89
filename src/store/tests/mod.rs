//! The store as its callers see it, on real files.

mod files;
mod learned;
mod past;
mod runs;
mod versions;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::{Account, Learned};
use crate::{
    budget::{Knowledge, LearnedFrom, LearnedLimit, Renewal},
    engine::{Carried, RunTimes},
    hostup::{ApiKey, ApiUrl},
};

const SHA: &str = "0011";

/// A temporary folder, and the state directory that may come to be in it.
fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("some/state");
    (folder, directory)
}

fn account(key: &str) -> Account {
    Account::new(&ApiUrl::default(), &ApiKey::from_text(key).unwrap())
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn limit(bucket: &str, limit: u64) -> LearnedLimit {
    LearnedLimit {
        bucket: bucket.to_owned(),
        limit,
        window: Some(Duration::new(5, 20_000_001)),
        renewal: Renewal::AtOnce,
        learned_from: LearnedFrom::Refusals,
    }
}

fn knowledge(limits: Vec<LearnedLimit>) -> Knowledge {
    Knowledge { limits, let_through: None }
}

fn learned(key: &str, at: Timestamp, knowledge: Knowledge) -> Learned {
    Learned { account: account(key), at, run_id: Some("01RUN".to_owned()), knowledge }
}

fn times(entries: &[(usize, usize, &[u64])]) -> RunTimes {
    let mut times = RunTimes::default();
    for &(first, steps, sample) in entries {
        times.insert(Carried { first, steps }, sample.iter().copied().map(Duration::from_nanos).collect());
    }
    times
}

/// All files of a directory.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}
