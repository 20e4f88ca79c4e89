//! Each write fails, once or from then on, before or after it is on the disk.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use rollcall::{
    engine::{Entry, Ran, Status, Stop},
    runner::{Ledger, Recorder, Run},
    store::{NewRun, RunLog, RunNumber, Store},
};
use tempfile::TempDir;

use crate::trial::{SERVERS, Trial, spec};

/// How long a write takes.
const SLOWNESS: Duration = Duration::from_millis(10);

/// More writes than a run has.
const WRITES: usize = 40;

/// Trials that go on at once: most of their time is waiting.
const AT_ONCE: usize = 16;

/// How a write fails.
#[derive(Debug, Clone, Copy)]
enum Failing {
    /// This one, and all is well again.
    Once,
    /// This one and all that follow, as on a full disk.
    FromThenOn,
    /// It says so, but it is on the disk.
    InWordsOnly,
    /// What is large does not fit any more, and what is small still does.
    WhatIsLarge,
}

/// Writes to the store, but for what fails.
struct Torn {
    log: RunLog,
    /// Writes until one fails.
    left: usize,
    failing: Failing,
}

impl Ledger for Torn {
    #[expect(clippy::disallowed_methods, reason = "a slow disk, in a thread of its own")]
    fn write(&mut self, entries: &[Entry]) -> Result<(), String> {
        // Meanwhile more is handed over, by those who do not know yet that this one fails.
        std::thread::sleep(SLOWNESS);
        let is_large =
            entries.iter().any(|entry| matches!(entry, Entry::Targets { .. } | Entry::Exited { .. }));
        let fails = self.left == 0 && (is_large || !matches!(self.failing, Failing::WhatIsLarge));
        self.left = match self.failing {
            Failing::Once | Failing::InWordsOnly => self.left.wrapping_sub(1),
            Failing::FromThenOn | Failing::WhatIsLarge => self.left.saturating_sub(1),
        };
        if fails {
            if let Failing::InWordsOnly = self.failing {
                self.log.write(entries).unwrap();
            }
            return Err("no room".to_owned());
        }
        self.log.write(entries).map_err(|error| error.to_string())
    }
}

/// A store with a run in it.
struct Kept {
    _directory: TempDir,
    store: Store,
    number: RunNumber,
}

impl Kept {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(&directory.path().join("state")).unwrap();
        let run = NewRun {
            id: "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            started_at: Timestamp::UNIX_EPOCH,
            url: "http://127.0.0.1",
            in_sandbox: false,
            playbook_name: "torture",
            playbook_path: None,
            playbook_sha256: "",
            source: "{}",
        };
        let number = store.begin_run(&run).unwrap();
        Self { _directory: directory, store, number }
    }

    fn log(&self) -> RunLog {
        self.store.log(self.number, &[]).unwrap()
    }

    /// Starts that are on record, by the id of their server.
    fn intents(&self) -> HashMap<String, usize> {
        let past = self.store.past_run(self.number).unwrap().unwrap();
        let targets = past.left_off.targets.iter();
        targets.map(|target| (target.vps.raw_id().to_owned(), target.starts.len())).collect()
    }
}

#[tokio::test]
async fn one_failing_write_stops_starts_and_never_costs_the_truth() {
    for failing in [Failing::Once, Failing::FromThenOn, Failing::InWordsOnly, Failing::WhatIsLarge] {
        let trials = stream::iter(0..WRITES).map(|number| one(failing, number)).buffered(AT_ONCE);
        let met: Vec<bool> = trials.collect().await;
        assert!(met[..3].iter().all(|met| *met), "{failing:?}: {met:?}");
        assert!(!met[WRITES - 1], "{failing:?}: there are more writes than were tried");
    }
}

/// A run whose write after `number` others fails, and the going on with it; says whether it came to that.
async fn one(failing: Failing, number: usize) -> bool {
    let what = format!("{failing:?} after {number} writes");
    let (trial, kept) = (Trial::with_faults("[]").await, Kept::new());
    let torn = Torn { log: kept.log(), left: number, failing };
    let outcome = trial.drive(Run::new(spec()).recorded(Some(Recorder::new(torn)))).await;
    trial.judge(&outcome.run.targets, &what);

    // G1: nothing began whose intent is not on the disk.
    let intents = kept.intents();
    for (id, _) in trial.sandbox.servers() {
        let (begun, intents) = (trial.sandbox.begun(&id) as usize, intents.get(&id).copied().unwrap_or(0));
        assert!(begun <= intents, "{what}: {id} began {begun}, and {intents} are on record");
    }
    let run = outcome.run;
    let was_met = outcome.unrecorded.is_some();
    if was_met {
        let is_done = |status: Status| matches!(status, Status::Ok | Status::Skipped);
        assert!(run.targets.iter().all(|target| is_done(target.status)), "{what}: {:?}", run.targets);
        let left_out = run.targets.iter().any(|target| target.steps.iter().any(|step| step.ran == Ran::No));
        if left_out {
            assert!(matches!(run.stop, Some(Stop::Store(_))), "{what}: {:?}", run.stop);
            assert_eq!(run.exit_code(false), 7, "{what}");
        }
    }
    go_on(&trial, &kept, &what).await;
    trial.sandbox.stop().await;
    was_met
}

/// Goes on from what is on the disk, with a disk that is well.
async fn go_on(trial: &Trial, kept: &Kept, what: &str) {
    let past = kept.store.past_run(kept.number).unwrap().unwrap();
    if !past.was_selected {
        assert_eq!(trial.sandbox.served().begun, 0, "{what}: something began of which there is no record");
        return;
    }
    let run = Run::going_on(spec(), past.left_off, past.last).recorded(Some(Recorder::new(kept.log())));
    let outcome = trial.drive(run).await;
    assert_eq!(outcome.unrecorded, None, "{what}");
    trial.judge(&outcome.run.targets, &format!("{what}, gone on with"));
    assert_eq!(outcome.run.targets.len(), SERVERS, "{what}");
    let is_final = |status: Status| matches!(status, Status::Ok | Status::Unknown);
    assert!(
        outcome.run.targets.iter().all(|target| is_final(target.status)),
        "{what}: {:?}",
        outcome.run.targets
    );
}
