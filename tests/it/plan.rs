//! `plan`: it says what the run then does, and starts nothing.

use serde_json::{Value, json};

use crate::{
    hostile::sandbox_of_names,
    sandbox::{Sandbox, code, document, finish, stderr, stdout},
};

const PLAYBOOK: &str = "\
name: audit
targets: { match: { powerState: running } }
vars: { word: it's }
steps:
  - name: greet
    run: echo {{ vars.word }} {{ target.name }}
  - name: kernel
    run: uname -r
    on_failure: continue
  - name: apart
    run: echo alone
    bundle: false
  - name: last
    run: echo done; sleep 0.2
";

fn plan(sandbox: &Sandbox, playbook: &str, arguments: &[&str]) -> std::process::Output {
    let playbook = sandbox.file("playbook.yaml", playbook);
    finish(sandbox.rollcall("plan").arg(playbook).args(arguments))
}

/// A text with the marker of a bundle taken out: its second line.
fn without_marker(text: &str) -> String {
    let lines = text.lines().map(|line| if line.starts_with("a=") { "a=… b=… n=0" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// What was sent, or would be, with the server's id.
type Sent = Vec<(String, String)>;

fn sorted(mut sent: Sent) -> Sent {
    sent.sort();
    sent
}

fn planned_texts(plan: &Value) -> Sent {
    let targets = plan["targets"].as_array().unwrap().iter();
    let texts = targets.flat_map(|target| {
        let starts = target["starts"].as_array().unwrap().iter();
        starts.map(|start| {
            (target["id"].as_str().unwrap().to_owned(), without_marker(start["text"].as_str().unwrap()))
        })
    });
    sorted(texts.collect())
}

fn begun_texts(sandbox: &Sandbox) -> Sent {
    let began = sandbox.journal().into_iter().filter(|line| line["kind"] == "began");
    let text = |line: Value| {
        (line["vps"].as_str().unwrap().to_owned(), without_marker(line["command"].as_str().unwrap()))
    };
    sorted(began.map(text).collect())
}

/// Plans, then runs; both documents, the first of which must be what the run then did, but for the polls.
fn as_planned(flags: &[&str], playbook: &str, arguments: &[&str]) -> (Value, Value) {
    let sandbox = Sandbox::start(flags);
    let output = plan(&sandbox, playbook, &[&["-o", "json", "--show-text"], arguments].concat());
    assert_eq!((code(&output), stderr(&output)), (0, ""), "{output:?}");
    let plan = document(&output);
    let listed = sandbox.requests();
    assert!(listed.iter().all(|line| line["operation"] == "list"), "a plan lists and does no more");

    let (code, report) = sandbox.run_json(playbook, arguments);
    assert_eq!(code, 0, "{report}");
    let ids = |document: &Value| -> Vec<Value> {
        document["targets"].as_array().unwrap().iter().map(|target| target["id"].clone()).collect()
    };
    assert_eq!(ids(&plan), ids(&report), "the same targets, in the same order");
    assert_eq!(planned_texts(&plan), begun_texts(&sandbox));
    let requests = &report["api"]["requests"];
    for operation in ["list", "probe", "start"] {
        assert_eq!(plan["requests"][operation], requests[operation], "{operation}");
    }
    assert_eq!(plan["requests"]["list"], listed.len());
    (plan, report)
}

#[test]
fn a_run_does_what_the_plan_said() {
    let (plan, _) = as_planned(&["--vms", "120", "--guest", "shell"], PLAYBOOK, &[]);
    assert_eq!(plan["requests"]["start"], 360, "two steps share a request, one wants one of its own");
    let starts = &plan["layouts"][0]["starts"];
    assert_eq!(starts[0], json!({ "steps": ["greet", "kernel"], "splitAfter": "it says `bundle: false`" }));
    assert_eq!(starts[2]["splitAfter"], Value::Null);
}

#[test]
fn polls_are_planned_within_a_tenth_where_a_limit_is_announced() {
    // Where nothing is scarce, the guests decide; and what an unannounced limit refuses is sent again.
    let flags = ["--vms", "150", "--duration", "200ms", "--rate", "300/2s", "--headers", "all"];
    let (plan, report) = as_planned(&flags, "name: one\nrun: uname -r\n", &[]);
    let polls = |requests: &Value| requests["poll"].as_f64().unwrap();
    let (planned, polled) = (polls(&plan["requests"]), polls(&report["api"]["requests"]));
    assert!((planned - polled).abs() <= polled * 0.1, "{planned} polls planned, {polled} sent");
}

#[test]
fn batches_and_a_single_step_are_planned_as_they_run() {
    let run = "name: one\nrun: uname -r\n";
    let flags = ["--batches", "1,10%,100%", "--max-failures", "5%", "--match", "name=app-*"];
    let (plan, _) = as_planned(&["--vms", "150"], run, &flags);
    let selected = plan["inventory"]["selected"].as_u64().unwrap();
    let tenth = selected.div_ceil(10);
    assert_eq!(plan["batches"], json!([1, tenth, selected - 1 - tenth]));
    assert_eq!(plan["maxFailures"], json!({ "allowed": selected * 5 / 100, "scope": "run" }));
    assert_eq!(plan["targets"][0]["starts"][0]["text"], "uname -r", "a step alone is sent as it is");
}

#[test]
fn what_depends_on_captures_is_planned_as_if_it_happened() {
    let playbook = "\
steps:
  - name: measure
    run: echo 97
    capture: { used: stdout | trim | int }
  - name: say
    run: echo {{ used }} of {{ target.name }}
  - name: clean
    when: used > 90
    run: echo cleaned
";
    let sandbox = Sandbox::start(&["--vms", "9", "--guest", "shell"]);
    let planned = document(&plan(&sandbox, playbook, &["-o", "json", "--show-text"]));
    let starts = planned["targets"][0]["starts"].as_array().unwrap();
    let mark = |start: &Value| json!([start["steps"], start["readsCaptures"], start["conditional"]]);
    let marks: Vec<_> = starts.iter().map(mark).collect();
    assert_eq!(marks, [json!([["measure"], false, false]), json!([["say", "clean"], true, false])]);
    assert!(starts[1]["text"].as_str().unwrap().contains('…'), "{planned}");

    let (code, report) = sandbox.run_json(playbook, &[]);
    assert_eq!(code, 0, "{report}");
    for operation in ["list", "probe", "start"] {
        assert_eq!(planned["requests"][operation], report["api"]["requests"][operation], "{operation}");
    }
}

#[test]
fn the_plan_reads_well() {
    let sandbox = Sandbox::start(&["--vms", "30"]);
    let flags = ["--exclude", "tags=db", "--where", "resources.memoryGb >= 2", "--batches", "1,100%"];
    let output = plan(&sandbox, PLAYBOOK, &flags);
    assert_eq!((code(&output), stderr(&output)), (0, ""));
    // How long requests travel is measured, and polls depend on it a little.
    let filters = [
        (r"(?m)^  time .*$", "  time        […]"),
        (r"about \d+: ", "about […]: "),
        (r"about \d+ poll", "about […] poll"),
        (r"and \d+ requests", "and […] requests"),
    ];
    insta::with_settings!({ filters => filters.to_vec() }, {
        insta::assert_snapshot!(stdout(&output));
    });
    assert!(stdout(&output).contains("  time        about "), "{output:?}");
}

#[test]
fn the_time_is_that_of_a_rehearsal() {
    let sandbox = Sandbox::start(&["--vms", "150"]);
    let planned = |arguments: &[&str]| {
        let arguments = [&["-o", "json"], arguments].concat();
        document(&plan(&sandbox, "steps: [{ run: uname }, { run: uptime, bundle: false }]\n", &arguments))
    };
    let plan = planned(&["--rate", "600/1m"]);
    let (time, requests) = (&plan["time"], &plan["requests"]);
    let parts = time["spent"].as_object().unwrap();
    let sum: u64 = parts.values().map(|part| part.as_u64().unwrap()).sum();
    let about = time["aboutMs"].as_u64().unwrap();
    assert!((about - 5..=about).contains(&sum), "{time}");
    assert_eq!(parts.len(), 5);
    // Two starts and two polls for each, and a burst of twelve: then ten a second, at the user's own rate.
    let total = requests["total"].as_u64().unwrap();
    assert!(total >= 2 + 150 * 5 && requests["refused"] == 0, "{requests}");
    assert!(parts["rateMs"].as_u64() >= Some(60_000) && about >= (total - 12) * 100, "{time}");
    assert_eq!(time["boundMs"], time["limit"]["holdsBackMs"]);
    assert_eq!(time["assumedStepMs"], 1000);
    // Batches of two wait for their commands again and again.
    let batched = planned(&["--rate", "600/1m", "--batches", "2"]);
    assert!(batched["time"]["aboutMs"].as_u64() > Some(about + 10_000), "{batched}");
}

#[test]
fn the_text_of_the_first_target_is_shown_on_demand_and_without_secrets() {
    let sandbox = Sandbox::start(&["--vms", "3"]);
    let playbook =
        "vars: { token: { from_env: ROLLCALL_TEST_TOKEN, secret: true } }\nrun: login {{ vars.token }}\n";
    let file = sandbox.file("playbook.yaml", playbook);
    for format in [&["-o", "text"], &["-o", "json"]] {
        let mut command = sandbox.rollcall("plan");
        command.env("ROLLCALL_TEST_TOKEN", "hunter2-hunter2").arg(&file).args(format).arg("--show-text");
        let output = finish(&mut command);
        assert_eq!(code(&output), 0, "{output:?}");
        assert!(stdout(&output).contains("login [redacted]"), "{output:?}");
        assert!(!stdout(&output).contains("hunter2"), "{output:?}");
    }
}

#[test]
fn a_rate_of_ones_own_says_how_long() {
    let sandbox = Sandbox::start(&["--vms", "20"]);
    let output = plan(&sandbox, "run: uname\n", &["--rate", "60/1m", "-o", "json"]);
    let planned = document(&output);
    let time = &planned["time"];
    // Some 61 requests, of which the first leaves at once and each of the others after a second.
    let beyond_the_first = 1000 * (planned["requests"]["total"].as_u64().unwrap() - 1);
    assert!((60_000..66_000).contains(&beyond_the_first), "{planned}");
    assert_eq!(
        time["limit"],
        json!({
            "limit": 60, "windowMs": 60_000, "learnedFrom": "user", "windows": 2,
            "holdsBackMs": beyond_the_first,
        })
    );
    assert!(time["aboutMs"].as_u64() >= Some(60_000), "{time}");
}

#[test]
fn hostile_names_are_shown_and_sent_as_the_text_they_are() {
    let names = ["$(touch /tmp/pwned); x", "{{ 7*7 }}", "\u{1b}[2Jwiped"];
    let sandbox = sandbox_of_names(&names);
    let playbook = "run: printf %s {{ target.name }}\n";
    let output = plan(&sandbox, playbook, &["--show-text"]);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    assert!(text.ends_with("printf %s '$(touch /tmp/pwned); x'\n"), "{text}");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    let output = plan(&sandbox, playbook, &["--show-text", "--target", "{{ 7*7 }}"]);
    assert!(stdout(&output).ends_with("printf %s '{{ 7*7 }}'\n"), "{output:?}");
}

#[test]
fn what_would_end_a_run_before_its_first_start_ends_a_plan() {
    let sandbox = Sandbox::start(&["--vms", "3"]);
    for (playbook, arguments, expected, message) in [
        ("run: uname\n", &["--match", "name=nothing"][..], 8, "0 of 3 listed VPSes match"),
        ("run: uname\n", &["--match", "name=nothing", "--allow-empty"], 0, ""),
        ("run: uname\n", &["--expect", "4"], 2, "expected 4 target(s)"),
        ("rnu: uname\n", &[], 2, "unknown key `rnu`"),
        ("run: uname\n", &["--batches", "x"], 2, "--batches"),
    ] {
        let output = plan(&sandbox, playbook, arguments);
        assert_eq!(code(&output), expected, "{output:?}");
        assert!(stderr(&output).contains(message), "{output:?}");
    }
    assert!(sandbox.requests().iter().all(|line| line["operation"] == "list"));
}

#[test]
fn a_command_that_cannot_be_made_is_told_before_it_is_refused() {
    let sandbox = sandbox_of_names(&["fine", "x"]);
    let playbook = "\
run: >-
  {% if target.name == 'x' %}{% else %}echo {{ target.name }}{% endif %}
";
    let output = plan(&sandbox, playbook, &[]);
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(
        stdout(&output).contains("a command cannot be made for 1 (x): the command is empty"),
        "{output:?}"
    );
    let planned = document(&plan(&sandbox, playbook, &["-o", "json"]));
    assert_eq!((&planned["requests"]["probe"], &planned["requests"]["start"]), (&json!(1), &json!(1)));
    let (code, report) = sandbox.run_json(playbook, &[]);
    assert_eq!((code, &report["summary"]["refused"]), (3, &json!(1)), "{report}");
}
