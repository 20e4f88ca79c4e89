//! A run that was cut short, by a signal or by `kill -9`, and what `resume` makes of it.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Child, Command, Output},
};

use serde_json::{Value, json};

use crate::{
    history::in_store,
    sandbox::{
        ROLLCALL, STATE_HOME, Sandbox, begin, code, document, exit_code, finish, kill, rollcall, send,
        stderr, stdout, with_status,
    },
    waiting::until,
};

fn resume(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    finish(sandbox.rollcall("resume").args(["-o", "json"]).args(arguments))
}

fn show(sandbox: &Sandbox, arguments: &[&str]) -> Output {
    finish(rollcall().args(["show", "--state-dir"]).arg(sandbox.state()).args(arguments))
}

/// A run of this playbook that goes on.
fn running(sandbox: &Sandbox, playbook: &str, arguments: &[&str]) -> Child {
    let playbook = sandbox.file("playbook.yaml", playbook);
    begin(sandbox.rollcall("run").arg(playbook).args(arguments))
}

fn each_began_once(sandbox: &Sandbox, servers: usize) {
    let mut begun = sandbox.begun();
    assert_eq!(begun.len(), servers, "{begun:?}");
    begun.dedup();
    assert_eq!(begun.len(), servers, "{begun:?}");
}

fn names(targets: &[&Value]) -> Vec<String> {
    targets.iter().map(|target| target["name"].as_str().unwrap().to_owned()).collect()
}

/// The commands of a run that are known by their process.
fn known(sandbox: &Sandbox) -> usize {
    let shown = show(sandbox, &["-o", "json"]);
    let report = if code(&shown) == 0 { document(&shown) } else { Value::Null };
    let targets = report["targets"].as_array().into_iter().flatten();
    let pids = targets.map(|target| {
        let steps = target["steps"].as_array().unwrap().iter();
        steps.filter_map(|step| step["pid"].as_u64()).collect::<BTreeSet<_>>().len()
    });
    pids.sum()
}

/// Waits until so many commands have begun and so many of them are known.
fn until_known(sandbox: &Sandbox, pids: usize, begun: usize) {
    until("commands that can be asked for", || {
        (known(sandbox) >= pids && sandbox.begun().len() >= begun).then_some(())
    });
    assert_eq!(sandbox.begun().len(), begun);
}

#[test]
fn k1_k2_k3_after_kill_9_what_was_started_is_collected_and_the_rest_started_once() {
    let faults = "- { on: start, target: app-02, fault: delay 60s }";
    let sandbox = Sandbox::with_faults(&["--vms", "7"], faults);
    let mut child = running(&sandbox, "name: killed\nrun: sleep 3; uname -n\n", &["--concurrency", "3"]);
    until_known(&sandbox, 2, 3);
    kill(&mut child);

    let shown = show(&sandbox, &["-o", "json"]);
    let report = document(&shown);
    assert!(stderr(&shown).contains("was cut short: `rollcall resume "), "{shown:?}");
    for (status, count) in [("running", 2), ("unknown", 1), ("cancelled", 4)] {
        assert_eq!(with_status(&report, status).len(), count, "{status}: {report}");
    }
    let table = show(&sandbox, &[]);
    let short = &report["runId"].as_str().unwrap()[..10];
    let hint = format!("\n  rollcall resume {short}    collects the 2, starts the 4, repeats nothing\n");
    assert!(stdout(&table).ends_with(&hint), "{table:?}");

    let output = resume(&sandbox, &[]);
    let report = document(&output);
    assert_eq!(code(&output), 6, "{output:?}");
    assert_eq!(names(&with_status(&report, "unknown")), ["app-02"]);
    let unknown = with_status(&report, "unknown")[0];
    assert_eq!((&unknown["reason"], &unknown["ran"]), (&json!("crashed"), &json!("maybe")));
    for target in with_status(&report, "ok") {
        assert_eq!(target["steps"][0]["stdout"], format!("{}\n", target["name"].as_str().unwrap()));
    }
    assert_eq!(report["summary"]["ok"], 6);
    each_began_once(&sandbox, 7);

    // K11.
    let before = sandbox.requests().len();
    let mut without_key = rollcall();
    without_key.args(["resume", "last", "-o", "json", "--state-dir"]).arg(sandbox.state());
    let again = finish(&mut without_key);
    assert_eq!((code(&again), stdout(&again)), (6, stdout(&output)));
    assert_eq!(sandbox.requests().len(), before);
    let output = resume(&sandbox, &[]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("no run is unfinished"), "{output:?}");
}

#[test]
fn k4_after_kill_9_and_resume_the_rows_are_those_of_an_undisturbed_run() {
    let flags = ["--vms", "6", "--guest", "shell"];
    let playbook = r#"
name: rows
vars: { mount: }
steps:
  - name: who
    run: sleep 1; echo {{ vars.mount }} $ROLLCALL_SANDBOX_HOST; echo "12 errors" >&2
    capture:
      errors: stderr | regex("([0-9]+)") | int
    expect: errors < 12
    severity: info
  - name: bundled
    run: test $ROLLCALL_SANDBOX_HOST != db-01
  - name: late
    when: errors > 3
    run: printf 'late\n'
report:
  columns: [name, primaryIp, errors, exit_code, stdout, reason]
"#;
    let given = ["--var", "mount=/srv"];
    let rows = |output: &Output| {
        let rows: Vec<String> =
            stdout(output).lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect();
        assert_eq!(rows.len(), 7, "{output:?}");
        rows
    };
    let calm = Sandbox::start(&flags);
    let undisturbed = rows(&calm.run(playbook, &[&given[..], &["--all"]].concat()));

    let sandbox = Sandbox::start(&flags);
    let mut kills = 0;
    let mut child = running(&sandbox, playbook, &[&given[..], &["--concurrency", "3"]].concat());
    // Twice, each when something more has begun, and while no answer to a start or a poll is on its way: such a one would be
    // lost, and its outcome unknown.
    for begun in [3, 6] {
        until("more commands", || {
            let known = known(&sandbox);
            (known >= begun && known == sandbox.begun().len()).then_some(())
        });
        kill(&mut child);
        kills += 1;
        let known = document(&show(&sandbox, &["-o", "json"]));
        assert_eq!(known["summary"]["targets"], 6);
        child = begin(sandbox.rollcall("resume").arg("last"));
    }
    assert_eq!((kills, exit_code(&mut child)), (2, 1));
    let shown = show(&sandbox, &["--all"]);
    assert_eq!(rows(&shown), undisturbed);
    assert_eq!(sandbox.begun().len(), calm.begun().len());
}

#[test]
fn k4_what_was_done_before_kill_9_is_shown_with_what_it_printed() {
    let sandbox = Sandbox::start(&["--vms", "10", "--guest", "shell"]);
    let playbook = "run: sleep 0.2; echo out; echo err >&2\n";
    let mut child = running(&sandbox, playbook, &["--concurrency", "2"]);
    let ok = || {
        let shown = show(&sandbox, &["-o", "json"]);
        if code(&shown) == 0 { document(&shown)["summary"]["ok"].as_u64().unwrap() } else { 0 }
    };
    let before = until("some results", || Some(ok()).filter(|&ok| ok >= 3));
    kill(&mut child);
    let report = document(&show(&sandbox, &["-o", "json"]));
    let done = with_status(&report, "ok");
    assert!(done.len() as u64 >= before, "{report}");
    for target in done {
        let step = &target["steps"][0];
        assert_eq!((&step["stdout"], &step["stderr"]), (&json!("out\n"), &json!("err\n")));
    }
}

#[test]
fn k4_a_run_that_was_killed_before_it_could_say_its_end_is_ended_without_a_request() {
    let sandbox = Sandbox::start(&["--vms", "3", "--duration", "0s"]);
    let (_, report) = sandbox.run_json("run: uname -r\n", &[]);
    let before = sandbox.requests().len();
    in_store(&sandbox, "UPDATE run SET ended_at = NULL, exit_code = NULL, is_open = 1, ending = NULL");
    assert_eq!(document(&show(&sandbox, &["-o", "json"]))["targets"], report["targets"]);
    let output = resume(&sandbox, &[]);
    assert_eq!((code(&output), &document(&output)["targets"]), (0, &report["targets"]));
    assert_eq!(sandbox.requests().len(), before);
    assert_eq!(code(&resume(&sandbox, &[])), 2, "it is finished now");
}

#[test]
fn k5_after_an_interrupt_the_rest_is_run_and_nothing_twice() {
    let sandbox = Sandbox::start(&["--vms", "10"]);
    let mut child = running(&sandbox, "run: sleep 0.4\n", &["--concurrency", "2"]);
    until("some commands", || (sandbox.begun().len() >= 4).then_some(()));
    assert!(send("INT", &child));
    assert_eq!(exit_code(&mut child), 130);
    let interrupted = document(&show(&sandbox, &["-o", "json"]));
    assert_eq!((&interrupted["exitCode"], &interrupted["stopped"]["kind"]), (&json!(130), &json!("signal")));
    let table = show(&sandbox, &[]);
    assert!(
        stdout(&table).contains("  starts the ") || stdout(&table).contains("collects the "),
        "{table:?}"
    );
    let output = resume(&sandbox, &[]);
    let report = document(&output);
    assert_eq!((code(&output), &report["summary"]["ok"]), (0, &json!(10)), "{output:?}");
    assert_eq!((&report["stopped"], &report["runId"]), (&Value::Null, &interrupted["runId"]));
    each_began_once(&sandbox, 10);
}

#[test]
fn k10_a_run_in_progress_is_left_to_who_works_on_it() {
    let sandbox = Sandbox::start(&["--vms", "3"]);
    let mut child = running(&sandbox, "run: sleep 30\n", &[]);
    until("the first command", || (!sandbox.begun().is_empty()).then_some(()));
    for (command, arguments) in
        [("resume", &[][..]), ("resume", &["last"]), ("retry", &["last", "--status", "cancelled,running"])]
    {
        let output = finish(sandbox.rollcall(command).args(arguments));
        assert_eq!((code(&output), stdout(&output)), (2, ""), "{command}: {output:?}");
        assert!(stderr(&output).contains("is in progress"), "{command}: {output:?}");
    }
    kill(&mut child);
}

#[test]
fn k18_a_lock_that_was_left_behind_keeps_nobody_away() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let mut child = running(&sandbox, "run: sleep 2\n", &[]);
    until_known(&sandbox, 2, 2);
    kill(&mut child);
    let locks = || -> Vec<PathBuf> {
        let files = fs::read_dir(sandbox.state()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "lock")).collect()
    };
    let left = locks();
    assert_eq!(left.len(), 1);
    // Whatever stands in it: not a number of a process is looked at, but whether anybody holds the lock.
    fs::write(&left[0], std::process::id().to_string()).unwrap();
    let output = resume(&sandbox, &[]);
    assert_eq!((code(&output), &document(&output)["summary"]["ok"]), (0, &json!(2)), "{output:?}");
    assert_eq!(locks(), [] as [PathBuf; 0]);
}

const SECRET: &str = "hunter2-9c41f0";

const WITH_SECRET: &str = "\
name: secretive
vars: { token: { from_env: AUDIT_TOKEN, secret: true } }
steps:
  - run: sleep 2; test -n {{ vars.token }} && echo got it
";

fn occurs_in_store(sandbox: &Sandbox, text: &str) -> bool {
    let files = fs::read_dir(sandbox.state()).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| fs::read(path).unwrap())
        .any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[test]
fn k15_without_its_secret_what_runs_is_collected_and_nothing_more_is_started() {
    let from_flag = ["--var", &format!("token={SECRET}")].map(str::to_owned);
    for (environment, flag) in [(SECRET, &[][..]), ("another", &from_flag)] {
        let sandbox = Sandbox::start(&["--vms", "5", "--guest", "shell"]);
        let playbook = sandbox.file("playbook.yaml", WITH_SECRET);
        let mut run = sandbox.rollcall("run");
        run.arg(playbook).args(["--concurrency", "2"]).args(flag).env("AUDIT_TOKEN", environment);
        let mut child = begin(&mut run);
        until_known(&sandbox, 2, 2);
        kill(&mut child);
        let begun = sandbox.begun();

        let mut resume = sandbox.rollcall("resume");
        resume.args(["-o", "json"]);
        if !flag.is_empty() {
            // The environment is as it was, but it is not where the value came from.
            resume.env("AUDIT_TOKEN", environment);
        }
        let output = finish(&mut resume);
        let report = document(&output);
        assert_eq!(code(&output), 3, "{output:?}");
        assert_eq!(report["summary"]["ok"], 2, "{report}");
        let skipped = with_status(&report, "skipped");
        assert_eq!(skipped.len(), 3);
        assert!(skipped.iter().all(|target| target["reason"] == "secret" && target["ran"] == "no"));
        assert_eq!(sandbox.begun(), begun);
        assert!(!occurs_in_store(&sandbox, SECRET));
        // With the secret there again, the rest can be run.
        if flag.is_empty() {
            let mut resume = sandbox.rollcall("resume");
            let output = finish(resume.args(["-o", "json"]).env("AUDIT_TOKEN", SECRET));
            assert_eq!((code(&output), &document(&output)["summary"]["ok"]), (0, &json!(5)), "{output:?}");
            each_began_once(&sandbox, 5);
        }
        let retry = finish(sandbox.rollcall("retry").args(["last", "--status", "ok"]));
        assert_eq!(code(&retry), 2, "{retry:?}");
        assert!(stderr(&retry).contains("no longer to be had: the secret token"), "{retry:?}");
    }
}

#[test]
fn pb16_a_secret_that_comes_back_is_kept_nowhere_and_a_number_is_no_trouble() {
    let faults = "- { on: start, target: app-02, fault: 'status 403 odd_hunter2-9c41f0' }";
    let sandbox = Sandbox::with_faults(&["--vms", "2", "--guest", "shell"], faults);
    let playbook = sandbox.file(
        "playbook.yaml",
        "vars:\n  token: { from_env: AUDIT_TOKEN, secret: true }\nsteps:\n  - run: printf '%s' {{ vars.token }}; echo; exit 1\n\
         \x20   capture: { said: stdout }\n",
    );
    // The second and third look like much else that is kept: numbers, quotes, rollcall's own words.
    for secret in [SECRET, "1", "ok"] {
        let mut run = sandbox.rollcall("run");
        let run = finish(run.arg(&playbook).args(["-o", "json"]).env("AUDIT_TOKEN", secret));
        assert_eq!(code(&run), 1, "{run:?}");
        let shown = show(&sandbox, &["-o", "json"]);
        assert_eq!(code(&shown), 0, "{secret}: {shown:?}");
        // A VPS keeps its id, by which it is gone on with.
        let targets = |output| {
            let mut targets = document(output)["targets"].as_array().unwrap().clone();
            for target in &mut targets {
                target["id"] = Value::Null;
            }
            targets
        };
        assert_eq!(targets(&shown), targets(&run), "{secret}");
        // The API goes on to say it when it is no secret any more.
        assert!(secret != SECRET || !occurs_in_store(&sandbox, SECRET));
    }
}

#[test]
fn x6_a_run_belongs_to_its_api() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let other = Sandbox::start(&["--vms", "2"]);
    let mut child = running(&sandbox, "run: sleep 30\n", &[]);
    until("the first command", || (!sandbox.begun().is_empty()).then_some(()));
    kill(&mut child);
    let mut resume = other.rollcall("resume");
    let output = finish(resume.env(STATE_HOME, sandbox.directory()));
    assert_eq!((code(&output), stdout(&output)), (2, ""));
    assert!(stderr(&output).contains(&format!("belongs to {}", sandbox.url)), "{output:?}");
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn a_run_on_a_sandbox_inside_its_process_cannot_be_gone_on_with() {
    let sandbox = Sandbox::start(&["--vms", "1"]);
    let inside = |command: &str| {
        let mut rollcall = rollcall();
        rollcall.arg(command).arg("--state-dir").arg(sandbox.state());
        rollcall
    };
    let playbook = sandbox.file("p.yaml", "run: uname -r\n");
    let output = finish(inside("run").arg(playbook).args([
        "-o",
        "json",
        "--sandbox",
        "2,rate=none,fleet=uniform,duration=0s",
    ]));
    let id = document(&output)["runId"].as_str().unwrap().to_owned();
    for command in ["resume", "retry"] {
        let output = finish(inside(command).arg(&id));
        assert_eq!((code(&output), stdout(&output)), (2, ""), "{output:?}");
        assert!(stderr(&output).contains("whose servers are gone"), "{output:?}");
        // Nor is it the last run.
        assert_eq!(code(&finish(inside(command).arg("last"))), 2);
    }
    let again = finish(inside("show").args([&id, "-o", "json"]));
    assert_eq!(stdout(&again), stdout(&output));
}

#[test]
fn k14_without_a_store_the_start_says_that_there_will_be_nothing_to_resume() {
    let sandbox = Sandbox::start(&["--vms", "2"]);
    let playbook = sandbox.file("p.yaml", "run: uname -r\n");
    let run = |arguments: &[&str]| {
        let output = finish(sandbox.rollcall("run").arg(&playbook).args(arguments));
        assert_eq!(code(&output), 0, "{output:?}");
        stderr(&output).lines().filter(|line| line.contains("cannot be resumed")).count()
    };
    assert_eq!(run(&["--no-store"]), 1);
    assert_eq!(run(&["--no-store", "--progress", "none"]), 0);
    assert_eq!(run(&[]), 0);
}

#[test]
fn c1_what_is_kept_is_shown_without_a_key_and_resume_wants_one() {
    let sandbox = Sandbox::start(&["--vms", "3"]);
    let mut child = running(&sandbox, "run: sleep 30\n", &["--concurrency", "1"]);
    until("the first command", || (!sandbox.begun().is_empty()).then_some(()));
    kill(&mut child);
    let mut without_key = Command::new(ROLLCALL);
    without_key.env_remove("HOSTUP_API_KEY").env_remove("HOSTUP_API_KEY_FILE");
    let output = finish(without_key.args(["resume", "--state-dir"]).arg(sandbox.state()));
    assert_eq!((code(&output), stdout(&output)), (2, ""));
    assert!(stderr(&output).contains("HOSTUP_API_KEY"), "{output:?}");
    assert_eq!(code(&show(&sandbox, &[])), 0);
    // What did not begin for want of a key did not take the run from who has one.
    assert_eq!(document(&show(&sandbox, &["-o", "json"]))["summary"]["targets"], 3);
}
