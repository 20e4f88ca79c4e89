//! The report of a run, in every format.

use std::{sync::Arc, time::Duration};

use rollcall::{
    budget::{Knowledge, LearnedFrom, LearnedLimit, Renewal, RunTime},
    engine::{
        Captured, CheckResult, FinishedRun, Pid, Problem, Ran, Reason, RequestCounts, RunTimes, Status,
        StepResult, Stop, Stream, TargetResult, TimeSpent,
    },
    fleet::Tally,
    playbook::Severity,
    report::{Format, Later, Normalize, RunRecord, Style, write, write_summary},
};
use serde_json::{Map, Value};

use super::{display, guest, input::Input};

/// **Property.** Whatever servers are called and print, each format is well-formed: JSON is one document that has every
/// output byte for byte, no line of the table begins with remote text, each line of the text has its mark; and nothing
/// in them acts on a terminal.
pub fn holds(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let width = input.choose(&[None, Some(0), Some(20), Some(80), Some(200)]);
    let style = Style { colour: false, width, all: input.number() % 2 == 1 };
    let record = record(&mut input);
    let written = |format| {
        let mut out = Vec::new();
        write(format, &record, style, &mut out).unwrap();
        out
    };

    let json = display::read_json(&written(Format::Json));
    assert_eq!(json["summary"]["targets"], record.run.targets.len());
    for (target, told) in record.run.targets.iter().zip(json["targets"].as_array().unwrap()) {
        assert_eq!(told["status"], target.status.word());
        for (name, value) in &*target.captured {
            assert_eq!(&told["captured"][name], value);
        }
        for (step, told) in target.steps.iter().zip(told["steps"].as_array().unwrap()) {
            let text = |stream: &Option<Stream>| stream.as_ref().map(|stream| stream.shown().into_owned());
            assert_eq!(told["stdout"], Value::from(text(&step.stdout)));
            assert_eq!(told["stderr"], Value::from(text(&step.stderr)));
            assert_eq!(told["message"], Value::from(step.message.clone()));
        }
    }

    let table = String::from_utf8(written(Format::Table)).unwrap();
    let allowed: &[char] = if record.group_by.is_some() { &['\n', '\t'] } else { &['\n'] };
    display::assert_inert(&table, allowed);
    let ours = [
        " ",
        "error: ",
        "stopped",
        "interrupted",
        "the run",
        "the API",
        "not ",
        "declined",
        "deadline",
        "gave up",
    ];
    for line in table.lines().filter(|line| !line.is_empty()) {
        let counted = line.starts_with(|first: char| first.is_ascii_digit());
        assert!(counted || ours.iter().any(|ours| line.starts_with(ours)), "{line:?}\n{table}");
    }

    let text = String::from_utf8(written(Format::Text)).unwrap();
    display::assert_inert(&text, &['\n', '\t']);
    for line in text.lines() {
        assert!([" |", " !", " #"].iter().any(|mark| line.contains(mark)), "{line:?}\n{text}");
    }

    let mut summary = Vec::new();
    write_summary(&record, &mut summary).unwrap();
    display::assert_inert(str::from_utf8(&summary).unwrap(), &['\n']);
}

const REASONS: [Option<Reason>; 8] = [
    None,
    Some(Reason::NoReply),
    Some(Reason::Agent),
    Some(Reason::MarkerLost),
    Some(Reason::NoExitCode),
    Some(Reason::MaxFailures),
    Some(Reason::Api),
    Some(Reason::CaptureFailed),
];

/// A run of which an input tells everything that a server could.
pub(super) fn record(input: &mut Input<'_>) -> RunRecord {
    let columns =
        input.choose(&[None, Some(["name", "stdout"]), Some(["used", "reason"]), Some(["tags", "stderr"])]);
    let group_by = input.choose(&[None, Some("outcome"), Some("stdout"), Some("used"), Some("name")]);
    let normalize = input.number();
    let stop = input.number();
    let count = input.number() % 6;
    let targets: Vec<_> = (0..count.into()).map(|number| Arc::new(target(input, number))).collect();
    let text = input.text();
    let problem = Problem {
        status: 401,
        code: Some(text.clone()),
        title: Some(text.clone()),
        detail: Some(text.clone()),
        request_id: Some(text.clone()),
        html: false,
        endpoint: "GET /api/v2/vps".to_owned(),
    };
    RunRecord {
        later: Later::Everything,
        run_id: "01JDX7".to_owned(),
        playbook_name: text.clone(),
        playbook_path: Some(text.clone()),
        playbook_sha256: "9f86d081".to_owned(),
        started_at: "2026-03-02T02:00:00Z".parse().unwrap(),
        api_url: "https://cloud.hostup.se".to_owned(),
        exit_code: 1,
        columns: columns.map(|names| names.map(str::to_owned).to_vec()),
        group_by: group_by.map(str::to_owned),
        normalize: Normalize {
            own_names: normalize & 1 > 0,
            times: normalize & 2 > 0,
            numbers: normalize & 4 > 0,
        },
        secrets: Vec::new(),
        run: FinishedRun {
            selected: Vec::new(),
            tally: Tally { listed: 214, selected: targets.len(), not_evaluable: 3, ..Tally::default() },
            stop: [
                None,
                Some(Stop::Auth(problem)),
                Some(Stop::Inventory(text.clone())),
                Some(Stop::Signal(2)),
                Some(Stop::MaxFailures { failed: 2, allowed: 1 }),
                Some(Stop::Patience(None)),
            ][usize::from(stop % 6)]
            .clone(),
            requests: RequestCounts { list: 1, probe: 2, start: 2, poll: 3, throttled: 1, retried: 0 },
            time: TimeSpent { limit: Duration::from_millis(8_100), ..TimeSpent::default() },
            duration: Duration::from_millis(10_214),
            ended: RunTime::from_start(Duration::from_millis(10_214)),
            batch: Some((1, 2)),
            fail_on: Severity::default(),
            knowledge: Knowledge { limits: vec![limit(text)], let_through: None },
            run_times: RunTimes::default(),
            targets,
        },
    }
}

/// A limit whose name came from outside.
pub(super) fn limit(bucket: String) -> LearnedLimit {
    let window = Some(Duration::from_secs(5));
    LearnedLimit { bucket, limit: 300, window, renewal: Renewal::AtOnce, learned_from: LearnedFrom::Header }
}

fn target(input: &mut Input<'_>, number: usize) -> TargetResult {
    let status = input.choose(&Status::ALL);
    let reason = input.choose(&REASONS);
    let flags = input.number();
    let has = |flag: u8| flags & flag > 0;
    let (name, stdout, stderr, message) = (input.text(), input.text(), input.text(), input.text());
    let stream = |text: &str| Stream { text: text.into(), truncated: has(1), lossy: has(2) };
    let check = CheckResult {
        name: has(4).then(|| message.as_str().into()),
        severity: if has(8) { Severity::Warning } else { Severity::Error },
        holds: false,
        message: Some(message.clone()),
    };
    let mut step = StepResult {
        name: if has(16) { message.as_str().into() } else { "root disk".into() },
        status,
        reason,
        message: has(32).then(|| message.clone()),
        ran: Ran::Yes,
        exit_code: Some(flags.into()),
        signal: has(64).then_some(9),
        stdout: Some(stream(&stdout)),
        stderr: has(128).then(|| stream(&stderr)),
        late: has(1),
        pid: Pid::new(4242),
        duration: Some(Duration::from_millis(312)),
        checks: if status == Status::CheckFailed { vec![check] } else { Vec::new() },
    };
    let steps = if has(4) {
        let first = step.clone();
        (step.stdout, step.stderr) = (step.stderr, step.stdout);
        vec![first, step]
    } else {
        vec![step]
    };
    // What was captured may be of any type.
    let used = serde_json::from_str(&stdout).unwrap_or_else(|_| Value::from(stdout.as_str()));
    let captured =
        Map::from_iter([("used".to_owned(), used), (message.clone(), Value::from(stderr.as_str()))]);
    TargetResult {
        vps: Arc::new(guest::vps(number, &name, &stdout)),
        status,
        reason,
        message: has(32).then_some(message),
        ran: Ran::Yes,
        started_at: Some(RunTime::from_start(Duration::from_millis(120))),
        duration: Some(Duration::from_millis(412)),
        captured: Captured::from(if has(64) { captured } else { Map::new() }),
        steps,
    }
}
