//! The runs that are kept: listed, shown as they were, removed, and a source of targets for the next.

use std::{fs, process::Output};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    sandbox::{Sandbox, begin, code, document, finish, kill, rollcall, stderr, stdout},
    waiting::until,
};

pub(crate) const PLAYBOOK: &str = "name: history\nrun: uname -r\n";

/// Something of everything that a run may meet.
const EVERYTHING: &str = r#"
name: everything
vars: { most: 3, mount: }
steps:
  - name: count
    run: echo 4; printf 'no newline\033[2J' >&2
    capture: { count: stdout | lines | first | int }
    expect: { "not many": count < vars.most, "a number": count > 0 }
    severity: warning
  - name: many
    when: count > vars.most
    run: printf 'a\nb\n'; test "$ROLLCALL_SANDBOX_HOST" = app-02 && exit 3; exit 0
  - name: binary
    run: printf 'x\377y'; echo {{ vars.mount }}
  - name: few
    when: count < vars.most
    run: echo never
"#;

pub(crate) fn kept(sandbox: &Sandbox, command: &str, arguments: &[&str]) -> Output {
    let mut command = kept_command(sandbox, command);
    finish(command.args(arguments))
}

/// A command that needs no key and no API, and gets none.
fn kept_command(sandbox: &Sandbox, command: &str) -> std::process::Command {
    let mut rollcall = rollcall();
    rollcall.arg(command).arg("--state-dir").arg(sandbox.state());
    rollcall
}

pub(crate) fn runs(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let output = kept(sandbox, "runs", &[&["-o", "json"], arguments].concat());
    assert_eq!((code(&output), stderr(&output)), (0, ""), "{output:?}");
    document(&output)
}

pub(crate) fn id(report: &Value) -> String {
    report["runId"].as_str().unwrap().to_owned()
}

/// What stands in the store of some runs, changed by hand.
pub(crate) fn in_store(sandbox: &Sandbox, sql: &str) {
    Connection::open(sandbox.state().join("rollcall.db")).unwrap().execute_batch(sql).unwrap();
}

pub(crate) const A_HUNDRED_DAYS_AGO: &str =
    "UPDATE run SET started_at = started_at - 8640000000, ended_at = ended_at - 8640000000";

#[test]
fn y1_where_no_runs_are_kept_that_is_no_failure() {
    let sandbox = Sandbox::start(&["--vms", "1"]);
    let output = kept(&sandbox, "runs", &[]);
    assert_eq!((code(&output), stdout(&output), stderr(&output)), (0, "no runs\n", ""));
    assert_eq!(runs(&sandbox, &[]), json!({ "schemaVersion": 1, "runs": [], "more": 0 }));
    let output = kept(&sandbox, "runs", &["prune", "--keep", "90d"]);
    assert_eq!((code(&output), stdout(&output)), (0, "no runs\n"));
    assert!(!sandbox.state().exists());
}

#[test]
fn runs_are_listed_the_newest_first_with_how_they_ended() {
    let sandbox =
        Sandbox::with_faults(&["--vms", "3", "--duration", "0s"], "- { on: start, nth: 3, fault: blocked }");
    let (first, report) = sandbox.run_json(PLAYBOOK, &[]);
    let mut inside = rollcall();
    inside.arg("run").arg(sandbox.file("p.yaml", PLAYBOOK)).arg("--state-dir").arg(sandbox.state());
    let inside = finish(inside.args(["--sandbox", "2,rate=none,fleet=uniform,duration=0s", "-o", "json"]));
    let inside = document(&inside);
    let listed = runs(&sandbox, &[]);
    assert_eq!(listed["more"], 0);
    let listed = listed["runs"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["runId"], &listed[0]["sandbox"]), (&inside["runId"], &json!(true)));
    let run = &listed[1];
    for key in ["runId", "startedAt", "finishedAt", "playbook", "exitCode", "summary"] {
        assert_eq!(run[key], report[key], "{key}");
    }
    assert_eq!((first, &run["apiUrl"]), (3, &json!(sandbox.url)));
    assert_eq!(
        (&run["state"], &run["open"], &run["sandbox"]),
        (&json!("finished"), &json!(0), &json!(false))
    );

    let short = |report: &Value| id(report);
    let table = kept(&sandbox, "runs", &["--limit", "1"]);
    let lines: Vec<_> = stdout(&table).lines().collect();
    assert!(lines[1].starts_with(&format!(" {}", &short(&inside)[..6])), "{lines:?}");
    assert!(lines[1].ends_with("  finished     0  sandbox"), "{lines:?}");
    assert_eq!(lines[2..], ["", "1 more; --limit N shows N of them"]);
    // What is shown of an id is enough to name the run by.
    let shown = lines[1].split_whitespace().next().unwrap();
    assert_eq!(document(&kept(&sandbox, "show", &[shown, "-o", "json"]))["runId"], inside["runId"]);
}

#[test]
fn y2_a_name_that_is_none_or_several_is_refused() {
    let sandbox = Sandbox::start(&["--vms", "1", "--duration", "0s"]);
    let ids: Vec<_> = (0..2).map(|_| id(&sandbox.run_json(PLAYBOOK, &[]).1)).collect();
    for name in ["../x", "", "last~9", "00000"] {
        let output = kept(&sandbox, "show", &[name]);
        assert_eq!((code(&output), stdout(&output)), (2, ""), "{name}: {output:?}");
    }
    let output = kept(&sandbox, "show", &["0"]);
    assert_eq!(code(&output), 2);
    assert!(ids.iter().all(|id| stderr(&output).contains(id)), "{output:?}");
    let older = document(&kept(&sandbox, "show", &["last~1", "-o", "json"]));
    assert_eq!(id(&older), ids[0]);
    let short = ids[1][..10].to_lowercase();
    assert_eq!(id(&document(&kept(&sandbox, "show", &[&short, "-o", "json"]))), ids[1]);
}

#[test]
fn k4_what_is_shown_is_byte_for_byte_what_the_run_itself_printed() {
    let faults = "- { on: probe, target: app-03, fault: agent-off }";
    let sandbox = Sandbox::with_faults(&["--vms", "6", "--guest", "shell", "--rate", "20/1s"], faults);
    let state = sandbox.state();
    for arguments in [
        &["-o", "json"][..],
        &["-o", "table"],
        &["-o", "table", "--all"],
        &["-o", "table", "--group", "--normalize", "self"],
        &["-o", "text"],
    ] {
        let given = ["--var", "mount=/srv data"];
        let run = sandbox.run(EVERYTHING, &[arguments, &given].concat());
        assert_eq!(code(&run), 1, "{run:?}");
        let show = kept(&sandbox, "show", arguments);
        assert_eq!(code(&show), 0, "{show:?}");
        assert_eq!(stdout(&show), stdout(&run));
        // A finished run is shown by `resume` too, with its own exit code, and without a key.
        let mut resume = rollcall();
        let resume = finish(resume.args(["resume", "last", "--state-dir"]).arg(&state).args(arguments));
        assert_eq!((code(&resume), stdout(&resume)), (1, stdout(&run)), "{resume:?}");
    }
}

#[test]
fn show_takes_some_targets_out_and_refuses_a_stranger() {
    let sandbox = Sandbox::start(&["--vms", "4", "--guest", "shell"]);
    let (_, report) = sandbox.run_json("run: echo $ROLLCALL_SANDBOX_HOST\n", &[]);
    let text = kept(&sandbox, "show", &["--target", "app-02", "--target", "app-03", "-o", "text"]);
    assert_eq!((code(&text), stdout(&text)), (0, "app-02 | app-02\napp-03 | app-03\n"));
    let one = document(&kept(&sandbox, "show", &["--target", "worker-01", "-o", "json"]));
    assert_eq!(one["targets"], json!([report["targets"][2]]));
    assert_eq!(one["summary"]["targets"], 1);
    let output = kept(&sandbox, "show", &["--target", "app-99"]);
    assert_eq!((code(&output), stdout(&output)), (2, ""));
    assert!(stderr(&output).contains("has no target app-99"), "{output:?}");
    let help = finish(rollcall().args(["show", "--help"]));
    assert!(!stdout(&help).contains("--progress") && !stdout(&help).contains("--min-coverage"), "{help:?}");
}

#[test]
fn y4_output_is_kept_as_it_was_and_escaped_when_it_is_shown() {
    let sandbox = Sandbox::start(&["--vms", "1", "--guest", "shell"]);
    sandbox.run("run: printf 'a\\033[31mb'\n", &[]);
    let shown = kept(&sandbox, "show", &["-o", "text"]);
    assert_eq!(stdout(&shown), "app-01 | a\\x1b[31mb\n");
    let store = Connection::open(sandbox.state().join("rollcall.db")).unwrap();
    let text: String = store.query_row("SELECT text FROM output", [], |row| row.get(0)).unwrap();
    assert_eq!(text, "a\u{1b}[31mb");
}

#[test]
fn y6_runs_are_in_the_order_in_which_they_began_whatever_the_clock_said() {
    let sandbox = Sandbox::start(&["--vms", "1", "--duration", "0s"]);
    let ids: Vec<_> = (0..3).map(|_| id(&sandbox.run_json(PLAYBOOK, &[]).1)).collect();
    in_store(&sandbox, &format!("{A_HUNDRED_DAYS_AGO} WHERE number > 1"));
    let listed = runs(&sandbox, &[]);
    let listed: Vec<_> = listed["runs"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(listed, [&*ids[2], &ids[1], &ids[0]]);
    let shown = document(&kept(&sandbox, "show", &["-o", "json"]));
    assert_eq!(id(&shown), ids[2]);
    assert!(shown["finishedAt"].as_str() >= shown["startedAt"].as_str(), "{shown}");
}

#[test]
fn y7_a_run_that_was_not_finished_is_named_before_it_is_repeated() {
    let sandbox = Sandbox::start(&["--vms", "3"]);
    let playbook = sandbox.file("p.yaml", "run: sleep 30\n");
    let mut child = begin(sandbox.rollcall("run").arg(&playbook));
    until("the first command", || (!sandbox.begun().is_empty()).then_some(()));
    fs::write(&playbook, "run: uname -r\n").unwrap();
    let run = |path: &std::path::Path| {
        let output = finish(sandbox.rollcall("run").arg(path));
        assert_eq!(code(&output), 0, "{output:?}");
        stderr(&output).to_owned()
    };
    let live = run(&playbook);
    let id = runs(&sandbox, &[])["runs"][1]["runId"].as_str().unwrap().to_owned();
    assert!(
        live.contains(&format!("run {id} of this playbook is in progress on 3 of these targets")),
        "{live}"
    );
    kill(&mut child);
    let dead = run(&playbook);
    assert!(dead.contains(&format!("`rollcall resume {id}`")) && dead.contains("on 3 of these"), "{dead}");
    let other = run(&sandbox.file("other.yaml", "run: uname -s\n"));
    assert!(!other.contains(&id), "{other}");
}

#[test]
fn y8_what_is_known_of_a_run_in_progress_adds_up_and_does_not_stop_it() {
    let sandbox = Sandbox::start(&["--vms", "200"]);
    let playbook = sandbox.file("p.yaml", "run: sleep 0.3\n");
    let mut child = begin(sandbox.rollcall("run").arg(playbook).args(["--concurrency", "20"]));
    until("the first command", || (!sandbox.begun().is_empty()).then_some(()));
    let (mut looks, mut done) = (0, 0);
    loop {
        let output = kept(&sandbox, "show", &["-o", "json"]);
        assert_eq!(code(&output), 0, "{output:?}");
        let report = document(&output);
        let summary = report["summary"].as_object().unwrap();
        let known: u64 = summary
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "targets" | "coverage"))
            .map(|(_, count)| count.as_u64().unwrap())
            .sum();
        assert_eq!((known, &report["summary"]["unknown"]), (200, &json!(0)), "{summary:?}");
        let ok = summary["ok"].as_u64().unwrap();
        assert!(ok >= done, "{ok} < {done}");
        done = ok;
        let listed = runs(&sandbox, &[])["runs"][0].clone();
        if listed["state"] == "finished" {
            break;
        }
        assert_eq!(listed["state"], "in_progress");
        if stderr(&output).contains("is in progress") {
            looks += 1;
        }
    }
    assert!(looks > 2, "{looks}");
    assert_eq!(crate::sandbox::exit_code(&mut child), 0);
    assert_eq!(document(&kept(&sandbox, "show", &["-o", "json"]))["summary"]["ok"], 200);
}

#[test]
fn d13_two_runs_share_a_store() {
    let sandbox = Sandbox::start(&["--vms", "300", "--duration", "100ms"]);
    let mut children: Vec<_> = ["one", "two"]
        .map(|name| {
            let playbook = sandbox.file(&format!("{name}.yaml"), &format!("run: uname -r; echo {name}\n"));
            begin(sandbox.rollcall("run").arg(playbook).args(["--progress", "none"]))
        })
        .into();
    for child in &mut children {
        assert_eq!(crate::sandbox::exit_code(child), 0);
    }
    let begun = sandbox.begun();
    assert_eq!(begun.len(), 600);
    assert!(begun.chunks(2).all(|two| two[0] == two[1]));
    for run in runs(&sandbox, &[])["runs"].as_array().unwrap() {
        assert_eq!((&run["state"], &run["summary"]["ok"]), (&json!("finished"), &json!(300)), "{run}");
    }
}

#[test]
fn d7_a_report_that_cannot_be_written_can_be_written_later() {
    let sandbox = Sandbox::start(&["--vms", "2", "--duration", "0s"]);
    let output = sandbox.run(PLAYBOOK, &["-o", "json", "--report", "json=/nowhere/report.json"]);
    assert_eq!(code(&output), 7);
    let short = id(&document(&output))[..10].to_owned();
    assert!(
        stderr(&output).contains(&format!("hint: the result is kept: rollcall show {short}")),
        "{output:?}"
    );
    let path = sandbox.directory().join("later.json");
    let report = format!("json={}", path.display());
    assert_eq!(code(&kept(&sandbox, "show", &[&short, "--report", &report])), 0);
    assert_eq!(fs::read_to_string(path).unwrap(), stdout(&output));
}

#[test]
fn the_last_lines_say_what_to_type_next() {
    let faults = "- { on: start, target: app-02, fault: blocked }";
    let sandbox = Sandbox::with_faults(&["--vms", "5", "--guest", "shell"], faults);
    let playbook = "run: echo much; test $ROLLCALL_SANDBOX_HOST != app-03\n";
    let output = sandbox.run(playbook, &[]);
    let id = runs(&sandbox, &[])["runs"][0]["runId"].as_str().unwrap()[..10].to_owned();
    let expected = format!(
        "\n\n  rollcall show {id} --target app-03    what it printed\n  rollcall retry {id}                   asks the 2 again\n"
    );
    assert!(stdout(&output).ends_with(&expected), "{expected}{output:?}");
    let output = sandbox.run(playbook, &["-o", "text"]);
    assert!(
        stderr(&output).contains("rollcall retry ") && !stdout(&output).contains("rollcall "),
        "{output:?}"
    );
    let output = sandbox.run(playbook, &["--no-store"]);
    assert!(!stdout(&output).contains("rollcall "), "{output:?}");
    let mut inside = rollcall();
    inside.arg("run").arg(sandbox.file("p.yaml", playbook)).arg("--state-dir").arg(sandbox.state());
    let inside = finish(inside.args(["--sandbox", "5,rate=none,fleet=uniform,guest=shell"]));
    assert!(stdout(&inside).contains("rollcall show ") && !stdout(&inside).contains("rollcall retry "));
}
