//! What a run learned is there for the next: where it lies, who can read it, and what `limits` says of it.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::sandbox::{ROLLCALL, STATE_HOME, Sandbox, code, document, finish, rollcall, stderr, stdout};

const PLAYBOOK: &str = "name: remembered\nrun: uname -r\n";

/// A sandbox whose limit is met soon, and told in these answers.
fn limited(headers: &str) -> Sandbox {
    let limit = ["--rate", "20/1s", "--window", "fixed", "--headers", headers];
    Sandbox::start(&[&["--vms", "14", "--duration", "0s"], &limit[..]].concat())
}

fn limits(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    finish(sandbox.rollcall("limits").args(arguments))
}

/// The one account that is known.
fn known(sandbox: &Sandbox) -> Value {
    let output = limits(sandbox, &["-o", "json"]);
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    let known = document(&output);
    assert_eq!(known["schemaVersion"], 1);
    assert_eq!(known["accounts"].as_array().unwrap().len(), 1, "{known}");
    known["accounts"][0].clone()
}

/// All files below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn limits_shows_what_a_run_learned_from_headers_and_which_run_it_was() {
    let sandbox = limited("all");
    let (code_of_run, report) = sandbox.run_json(PLAYBOOK, &[]);
    assert_eq!(code_of_run, 0, "{report}");
    let account = known(&sandbox);
    assert_eq!((&account["url"], &account["runId"]), (&json!(sandbox.url), &report["runId"]));
    assert_eq!((&account["stale"], account["key"].as_str().unwrap().len()), (&json!(false), 32));
    assert!(account["learnedAt"].as_str().unwrap() >= report["finishedAt"].as_str().unwrap());
    let limit = &account["limits"][0];
    assert_eq!((&limit["limit"], &limit["learnedFrom"]), (&json!(20), &json!("header")), "{account}");
    assert_eq!(limit["windowMs"], report["api"]["limits"][0]["windowMs"]);

    let output = limits(&sandbox, &[]);
    let text = stdout(&output);
    assert!(text.starts_with(&format!("{}, key {}\n", sandbox.url, account["key"].as_str().unwrap())));
    assert!(text.contains(&format!("learned by run {} at ", report["runId"].as_str().unwrap())), "{text}");
    assert!(sandbox.requests().len() as u64 == report["api"]["requests"]["total"], "`limits` sends nothing");
}

#[test]
fn what_was_learned_from_refusals_is_that_of_the_run_that_learned_last() {
    let sandbox = limited("429");
    let runs = [sandbox.run_json(PLAYBOOK, &[]), sandbox.run_json(PLAYBOOK, &[])];
    let account = known(&sandbox);
    assert_eq!(account["limits"][0]["limit"], 20, "{account}");
    assert_eq!(account["runId"], runs[1].1["runId"]);
}

#[test]
fn what_a_plan_sees_of_a_limit_is_kept_and_takes_nothing_from_what_a_run_learned() {
    let sandbox = limited("all");
    let playbook = sandbox.file("playbook.yaml", PLAYBOOK);
    let plan = || assert_eq!(code(&finish(sandbox.rollcall("plan").arg(&playbook))), 0);
    plan();
    let account = known(&sandbox);
    assert_eq!((&account["runId"], &account["limits"][0]["limit"]), (&Value::Null, &json!(20)));
    assert!(stdout(&limits(&sandbox, &[])).contains("learned by a plan at "));
    let (_, report) = sandbox.run_json(PLAYBOOK, &[]);
    let account = known(&sandbox);
    assert_eq!(account["runId"], report["runId"]);
    plan();
    assert_eq!(known(&sandbox), account);
}

#[test]
fn where_nothing_is_known_it_is_said_and_nothing_is_made() {
    let sandbox = Sandbox::start(&["--vms", "1"]);
    let output = limits(&sandbox, &[]);
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    assert!(stdout(&output).starts_with("nothing is known yet of the limits at http://127.0.0.1:"));
    assert!(stdout(&output).contains("the next run will learn them"), "{output:?}");
    let json = document(&limits(&sandbox, &["-o", "json", "--all"]));
    assert_eq!(json, json!({ "schemaVersion": 1, "accounts": [] }));
    assert!(!sandbox.state().exists());
}

#[test]
fn all_accounts_are_shown_without_a_key_and_one_wants_a_key() {
    let sandbox = limited("all");
    sandbox.run(PLAYBOOK, &[]);
    let bare = |arguments: &[&str]| {
        let mut command = rollcall();
        finish(command.arg("limits").args(arguments).arg("--state-dir").arg(sandbox.state()))
    };
    let output = bare(&[]);
    assert_eq!((code(&output), stdout(&output)), (2, ""));
    assert!(stderr(&output).contains("HOSTUP_API_KEY") && stderr(&output).contains("--all"), "{output:?}");
    let all = document(&bare(&["--all", "-o", "json"]));
    assert_eq!(all["accounts"], json!([known(&sandbox)]));
    assert!(stdout(&bare(&["--all"])).contains(&sandbox.url));
}

#[test]
fn d9_what_is_kept_is_its_owners_alone_under_any_umask_and_the_key_is_not_in_it() {
    let folder = tempfile::tempdir().unwrap();
    // A key that no other text holds by chance.
    let (key, key_file) = ("hup_3f9c1e77a0d24b58", folder.path().join("key"));
    fs::write(&key_file, key).unwrap();
    let limit = ["--rate", "100/1s", "--headers", "all", "--api-key-file", key_file.to_str().unwrap()];
    let sandbox = Sandbox::start(&[&["--vms", "2", "--duration", "0s"], &limit[..]].concat());
    let playbook = sandbox.file("playbook.yaml", PLAYBOOK);
    let state = folder.path().join("deep/state");
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\"", ROLLCALL, "run", "--api-url", &sandbox.url]);
    command.arg("--state-dir").arg(&state).arg("--api-key-file").arg(&key_file).arg(playbook);
    let output = finish(&mut command);
    assert_eq!(code(&output), 0, "{output:?}");

    assert_eq!((mode(&state), mode(&folder.path().join("deep"))), (0o700, 0o700));
    let files = files(&state);
    assert!(files.contains(&state.join("rollcall.db")), "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(key.len()).any(|window| window == key.as_bytes()), "{}", file.display());
    }
}

#[test]
fn with_no_store_nothing_is_read_or_left_behind_nor_by_a_plan_in_a_sandbox() {
    let sandbox = limited("all");
    let playbook = sandbox.file("playbook.yaml", PLAYBOOK);
    // A store that cannot be used is not looked at.
    let exposed = sandbox.directory().join("exposed");
    fs::create_dir(&exposed).unwrap();
    fs::set_permissions(&exposed, fs::Permissions::from_mode(0o755)).unwrap();
    for command in ["run", "plan"] {
        let mut without = sandbox.rollcall(command);
        let output = finish(without.arg("--no-store").arg(&playbook));
        assert_eq!(code(&output), 0, "{output:?}");
        let mut refused = sandbox.rollcall(command);
        let output = finish(refused.args(["--no-store", "--state-dir"]).arg(&exposed).arg(&playbook));
        assert_eq!(code(&output), 0, "{output:?}");
    }
    let mut inside = rollcall();
    inside.env(STATE_HOME, sandbox.directory()).arg("plan").arg(&playbook);
    let output = finish(inside.args(["--sandbox", "2,rate=none,fleet=uniform,duration=0s"]));
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(!sandbox.state().exists());
    assert_eq!(files(&exposed), [] as [PathBuf; 0]);
}

#[test]
fn c7_without_a_home_a_directory_must_be_named_unless_nothing_is_kept() {
    let sandbox = Sandbox::start(&["--vms", "2", "--duration", "0s"]);
    let playbook = sandbox.file("playbook.yaml", PLAYBOOK);
    let homeless = |command: &mut Command| {
        let output = finish(command.env_remove("HOME").env_remove(STATE_HOME));
        (code(&output), stderr(&output).to_owned())
    };
    let (code, told) = homeless(sandbox.rollcall("run").arg(&playbook));
    assert_eq!(code, 2);
    assert!(told.contains("--state-dir") && told.contains("--no-store"), "{told}");
    assert_eq!(homeless(sandbox.rollcall("limits").arg("-v")).0, 2);
    assert_eq!(sandbox.requests().len(), 0);

    assert_eq!(homeless(sandbox.rollcall("run").arg(&playbook).arg("--no-store")).0, 0);
    let inside = || {
        let mut run = rollcall();
        run.arg("run").arg(&playbook).args(["--sandbox", "2,fleet=uniform,duration=0s"]);
        run
    };
    assert_eq!(homeless(&mut inside()).0, 2);
    assert_eq!(homeless(inside().arg("--no-store")).0, 0);
    let state = sandbox.state();
    assert_eq!(homeless(sandbox.rollcall("run").arg(&playbook).arg("--state-dir").arg(state)).0, 0);
}

/// Runs with a state directory that cannot be used: exit 7, no request, and what to do about it.
fn refused(sandbox: &Sandbox, state: &Path, expected: &[&str]) {
    let playbook = sandbox.file("playbook.yaml", PLAYBOOK);
    let mut exec = sandbox.rollcall("exec");
    exec.arg("--state-dir").arg(state).args(["--", "uname"]);
    for command in [
        &mut exec,
        sandbox.rollcall("run").arg("--state-dir").arg(state).arg(&playbook),
        sandbox.rollcall("plan").arg("--state-dir").arg(state).arg(&playbook),
    ] {
        let output = finish(command);
        assert_eq!((code(&output), stdout(&output)), (7, ""), "{output:?}");
        for expected in expected {
            assert!(stderr(&output).contains(expected), "{expected} in {output:?}");
        }
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn d1_a_directory_that_others_can_enter_stops_the_run_before_its_first_request() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let state = sandbox.state();
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    let line = format!("hint: chmod 700 {}\n", state.display());
    refused(&sandbox, &state, &["755", &line]);
    assert_eq!(files(&state), [] as [PathBuf; 0]);
}

#[test]
fn d3_d12_a_file_that_is_no_database_and_a_link_stop_the_run_and_are_left_alone() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let state = sandbox.state();
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    let notes = "somebody's notes\n".repeat(500);
    fs::write(state.join("rollcall.db"), &notes).unwrap();
    let aside = format!("mv {0} {0}.damaged", state.display());
    refused(&sandbox, &state, &["rollcall.db is damaged, or no database", &aside]);
    assert_eq!(fs::read_to_string(state.join("rollcall.db")).unwrap(), notes);

    let precious = sandbox.file("precious", "");
    fs::remove_file(state.join("rollcall.db")).unwrap();
    symlink(&precious, state.join("rollcall.db")).unwrap();
    refused(&sandbox, &state, &["rollcall.db is a symbolic link", "--no-store"]);
    assert_eq!(fs::metadata(&precious).unwrap().len(), 0);
}

/// A program whose files' permissions hold, also where root runs the tests: it is left without root's powers.
fn unprivileged(command: &Command) -> Command {
    if !rustix::process::geteuid().is_root() {
        let mut plain = Command::new(command.get_program());
        plain.args(command.get_args());
        return plain;
    }
    let mut bound = Command::new("setpriv");
    bound.arg("--bounding-set=-all").arg(command.get_program()).args(command.get_args());
    bound
}

#[test]
fn d5_a_store_that_can_only_be_read_stops_the_run_before_its_first_request() {
    let sandbox = Sandbox::start(&["--vms", "2", "--duration", "0s"]);
    let playbook = sandbox.file("playbook.yaml", PLAYBOOK);
    let run = || {
        let mut run = sandbox.rollcall("run");
        run.args(["--state-dir"]).arg(sandbox.state()).arg(&playbook);
        finish(unprivileged(&run).env_remove("RUST_LOG"))
    };
    assert_eq!(code(&run()), 0);
    let (database, before) = (sandbox.state().join("rollcall.db"), sandbox.requests().len());
    let kept = fs::read(&database).unwrap();
    for (file, directory) in [(0o400, 0o700), (0o400, 0o500), (0o600, 0o500)] {
        fs::set_permissions(&database, fs::Permissions::from_mode(file)).unwrap();
        fs::set_permissions(sandbox.state(), fs::Permissions::from_mode(directory)).unwrap();
        let output = run();
        assert_eq!((code(&output), stdout(&output)), (7, ""), "{file:o} {directory:o}: {output:?}");
        assert!(stderr(&output).contains("--no-store"), "{output:?}");
        assert_eq!(fs::read(&database).unwrap(), kept);
    }
    assert_eq!(sandbox.requests().len(), before, "nothing is asked for");
    fs::set_permissions(sandbox.state(), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn what_cannot_be_kept_in_the_end_costs_the_exit_code_and_not_the_result() {
    let sandbox = limited("all");
    let playbook = sandbox.file("playbook.yaml", PLAYBOOK);
    assert_eq!(code(&finish(sandbox.rollcall("plan").arg(&playbook))), 0);
    // It can be read, and takes nothing more: as on a full disk.
    let store = Connection::open(sandbox.state().join("rollcall.db")).unwrap();
    store
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON knowledge BEGIN SELECT RAISE(ABORT, 'no room'); END",
        )
        .unwrap();
    drop(store);
    let before = known(&sandbox);
    let output = sandbox.run(PLAYBOOK, &["-o", "json"]);
    let report = document(&output);
    assert_eq!((code(&output), &report["exitCode"]), (7, &json!(7)));
    assert_eq!(report["summary"]["ok"], 14);
    assert!(stderr(&output).contains("error: cannot keep what this run learned: "), "{output:?}");
    assert!(stderr(&output).contains("no room"), "{output:?}");
    assert_eq!(known(&sandbox), before);
}
