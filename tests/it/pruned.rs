//! Old runs are removed, but for those that somebody may still want.

use std::{fs, process::Output};

use serde_json::{Value, json};

use crate::{
    history::{A_HUNDRED_DAYS_AGO, id, in_store, kept, runs},
    sandbox::{Sandbox, begin, code, kill, stdout},
    waiting::until,
};

#[test]
fn y3_old_runs_are_removed_but_for_those_that_somebody_may_want() {
    let faults = "- { on: start, nth: 3, fault: reset-after }";
    let sandbox = Sandbox::with_faults(&["--vms", "2", "--guest", "shell"], faults);
    let echo = |what: &str| sandbox.run_json(&format!("name: prune\nrun: echo {what}; echo $$\n"), &[]);
    let ids: Vec<_> = ["one", "two", "three"].map(echo).into_iter().map(|(_, report)| id(&report)).collect();
    in_store(&sandbox, &format!("{A_HUNDRED_DAYS_AGO} WHERE number < 3"));
    let state = || fs::metadata(sandbox.state().join("rollcall.db")).unwrap().len();
    let left = || -> Vec<String> { runs(&sandbox, &[])["runs"].as_array().unwrap().iter().map(id).collect() };

    let output = kept(&sandbox, "runs", &["prune", "--keep", "90d", "--dry-run"]);
    let names_it = |output: &Output| {
        let line = stdout(output).lines().next().unwrap().to_owned();
        let (shown, why) = line.strip_prefix("kept ").unwrap().split_once(" (prune, ").unwrap();
        assert!(ids[1].starts_with(shown) && why.ends_with("): 1 unknown"), "{output:?}");
    };
    names_it(&output);
    assert!(stdout(&output).ends_with("\nwould remove 1 run\n"), "{output:?}");
    assert_eq!(left(), [&*ids[2], &ids[1], &ids[0]]);

    let output = kept(&sandbox, "runs", &["prune", "--keep", "90d"]);
    names_it(&output);
    assert!(stdout(&output).ends_with("\nremoved 1 run and 2 outputs\n"), "{output:?}");
    assert_eq!(left(), [&*ids[2], &ids[1]]);
    let output = kept(&sandbox, "runs", &["prune", "--keep", "90d", "--keep-last", "2", "--force"]);
    assert_eq!(stdout(&output), "removed 0 runs and 0 outputs\n");
    let before = state();
    let output = kept(&sandbox, "runs", &["prune", "--keep", "90d", "--force"]);
    assert_eq!(stdout(&output), "removed 1 run and 1 output\n");
    assert_eq!(left(), [&*ids[2]]);
    assert!(state() <= before);
    for refused in
        [&["prune"][..], &["prune", "--keep", ""], &["prune", "--keep", "9"], &["prune", "--keep", "-1d"]]
    {
        assert_eq!(code(&kept(&sandbox, "runs", refused)), 2, "{refused:?}");
    }
}

#[test]
fn y3_what_is_removed_makes_the_file_smaller() {
    let sandbox = Sandbox::start(&["--vms", "20", "--guest", "shell"]);
    let much = "run: head -c 90000 /dev/urandom | od -x\n";
    assert_eq!(code(&sandbox.run(much, &[])), 0);
    in_store(&sandbox, A_HUNDRED_DAYS_AGO);
    let size = || fs::metadata(sandbox.state().join("rollcall.db")).unwrap().len();
    assert!(size() > 2_000_000, "{}", size());
    let output = kept(&sandbox, "runs", &["prune", "--keep", "90d"]);
    assert_eq!(stdout(&output), "removed 1 run and 20 outputs\n");
    assert!(size() < 500_000, "{}", size());
}

#[test]
fn y3_a_run_in_progress_is_never_removed() {
    let sandbox = Sandbox::start(&["--vms", "3"]);
    let mut child = begin(sandbox.rollcall("run").arg(sandbox.file("p.yaml", "run: sleep 30\n")));
    until("the first command", || (!sandbox.begun().is_empty()).then_some(()));
    let prune = || kept(&sandbox, "runs", &["prune", "--keep", "0d", "--force"]);
    assert!(stdout(&prune()).ends_with("): in progress\nremoved 0 runs and 0 outputs\n"));
    let listed = runs(&sandbox, &[]);
    assert_eq!(
        (&listed["runs"][0]["state"], &listed["runs"][0]["exitCode"]),
        (&json!("in_progress"), &Value::Null)
    );
    kill(&mut child);
    assert_eq!(runs(&sandbox, &[])["runs"][0]["state"], "unfinished");
    assert_eq!(stdout(&prune()), "removed 1 run and 0 outputs\n");
    let left: Vec<_> =
        fs::read_dir(sandbox.state()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name.to_string_lossy().starts_with("rollcall.db")), "{left:?}");
}
