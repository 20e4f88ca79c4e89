//! Runs on record: one owner each, nothing of their secrets, and gone without a trace when they are removed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::json;

use super::{now, place};
use crate::{
    budget::RunTime,
    engine::{CallId, Entry, Exited, FinishedRun, Intent, Problem, Stop, Stream},
    fleet::{Tally, Vps},
    store::{Ending, NewRun, RunNumber, Store},
};

const ID: &str = "01KK9Z8XVQ4T5WDZ3S0YH7N2AB";

fn begun(store: &mut Store, id: &str) -> RunNumber {
    let run = NewRun {
        id,
        started_at: now(),
        url: "https://cloud.hostup.se",
        in_sandbox: false,
        playbook_name: "nightly",
        playbook_path: Some("nightly.yaml"),
        playbook_sha256: "0011",
        source: "{}",
    };
    store.begin_run(&run).unwrap()
}

fn vps(fields: serde_json::Value) -> Arc<Vps> {
    let serde_json::Value::Object(fields) = fields else { panic!("an object is an object") };
    Arc::new(Vps::new(fields))
}

/// Writes down a run on one target, which printed this.
fn printed(store: &mut Store, id: &str, texts: [&str; 2]) -> RunNumber {
    let run = begun(store, id);
    let mut log = store.log(run, &[]).unwrap();
    let stream = |text: &str| Stream { text: text.into(), truncated: false, lossy: false };
    let (start, at) = (CallId(1), RunTime::from_start(Duration::from_secs(1)));
    let intent = Intent { target: 0, first: 0, sent: vec![true], marker: None };
    let exited =
        Exited { exit_code: Some(0), signal: None, stdout: stream(texts[0]), stderr: stream(texts[1]) };
    log.write(&[
        Entry::Targets { vpses: vec![vps(json!({ "id": "vps_1" }))], tally: Tally::default() },
        Entry::Intent { start, at, intent },
        Entry::Exited { start, polled: at, at, exited },
    ])
    .unwrap();
    run
}

#[test]
fn k10_who_only_looks_keeps_nobody_from_a_run_and_its_owner_everybody() {
    let (_folder, directory) = place();
    let store = Store::open(&directory).unwrap();
    std::thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let store = Store::open(&directory).unwrap();
            (0..20_000).filter(|_| store.is_owned(ID).unwrap()).count()
        });
        let mut taken = 0;
        while !looks.is_finished() {
            let owner = store.own(ID).unwrap().expect("nobody else works on it");
            taken += 1;
            assert!(store.own(ID).unwrap().is_none());
            assert!(store.is_owned(ID).unwrap());
            drop(owner);
        }
        looks.join().unwrap();
        assert!(taken > 0);
    });
    assert!(!store.is_owned(ID).unwrap());
}

#[test]
fn why_a_run_stopped_is_kept_without_secrets_and_read_back() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    let run = begun(&mut store, ID);
    let stop = |secret: &str| {
        let detail = Some(format!("may not run `login {secret}`"));
        Some(Stop::Auth(Problem { status: 403, detail, ..Problem::default() }))
    };
    let ending = Ending::of(&FinishedRun { stop: stop("hunter2"), ..FinishedRun::blank() });
    store.end_run(run, now(), 4, &ending, &["hunter2".to_owned(), "0".to_owned()]).unwrap();
    let past = store.past_run(run).unwrap().unwrap();
    assert_eq!(past.ending.unwrap().stop, stop("[redacted]"));
    assert_eq!((past.head.exit_code, past.head.ended_at), (Some(4), Some(now())));
}

#[test]
fn a_description_in_which_a_number_looks_like_a_secret_is_read_back() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    let run = begun(&mut store, ID);
    let mut log = store.log(run, &["4096".to_owned()]).unwrap();
    let listed =
        vps(json!({ "id": "vps_1", "name": "pin-4096", "resources": { "memoryMb": 4096, "cores": 2 } }));
    log.write(&[Entry::Targets { vpses: vec![listed], tally: Tally::default() }]).unwrap();
    let past = store.past_run(run).unwrap().unwrap();
    let fields = past.left_off.targets[0].vps.fields().into_owned();
    assert_eq!(
        serde_json::Value::Object(fields),
        json!({ "id": "vps_1", "name": "pin-[redacted]", "resources": { "memoryMb": "[redacted]", "cores": 2 } })
    );
}

#[test]
fn y3_a_removed_run_takes_along_what_only_it_printed_also_while_another_process_reads() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    let first = printed(&mut store, "01A", ["shared", &"only the first\n".repeat(50_000)]);
    let second = printed(&mut store, "01B", ["shared", "only the second"]);
    let texts = |store: &Store| -> BTreeSet<String> {
        let mut rows = store.connection.prepare("SELECT substr(text, 1, 15) FROM output").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let reader = Store::open(&directory).unwrap();
    let reading = reader.connection.unchecked_transaction().unwrap();
    assert_eq!(texts(&reader).len(), 3);

    assert_eq!((store.remove_run(first).unwrap(), store.remove_run(first).unwrap()), (true, false));
    assert_eq!(store.remove_unused_outputs().unwrap(), 1);
    store.compact().unwrap();
    assert_eq!(texts(&store), ["only the second", "shared"].map(str::to_owned).into());
    drop(reading);
    let past = store.past_run(second).unwrap().unwrap();
    let ended = past.left_off.targets[0].starts[0].ended.as_ref().unwrap();
    assert_eq!(ended.exited.stdout.shown(), "shared");
    let pages =
        |name: &str| store.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((pages("freelist_count"), pages("auto_vacuum")), (0, 2));
    assert_eq!(store.runs().unwrap().len(), 1);
}

#[test]
fn y7_the_targets_of_unfinished_runs_are_those_of_the_same_playbook_at_the_same_api() {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    printed(&mut store, ID, ["", ""]);
    let open =
        |url: &str, sha256: &str, path: Option<&str>| store.open_targets(url, sha256, path).unwrap().len();
    let url = "https://cloud.hostup.se";
    assert_eq!(open(url, "0011", None), 1);
    assert_eq!(open(url, "2233", Some("nightly.yaml")), 1);
    assert_eq!(open(url, "2233", Some("weekly.yaml")), 0);
    assert_eq!(open(url, "2233", None), 0);
    assert_eq!(open("https://other.example", "0011", None), 0);
}
