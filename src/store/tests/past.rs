//! What is written down of a run is what is read back.

use std::{fmt::Write as _, fs, sync::Arc, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{now, place};
use crate::{
    budget::RunTime,
    engine::{
        Answer, CallId, CheckResult, Ended, Entry, Exited, Failure, Intent, LeftOff, Pid, PollUrl, Problem,
        Ran, Reason, Remembered, RememberedStart, RequestCounts, Started, Status, StepResult, Stream,
        TargetResult, TimeSpent,
    },
    fleet::{Tally, Vps},
    playbook::{Severity, bundle::Marker},
    redact::REDACTED,
    store::{NewRun, PastRun, Store},
};

/// Steps of the playbook.
const STEPS: usize = 3;

/// What is on record of a run, and the entries that say so.
#[derive(Debug, Clone)]
struct Record {
    left_off: LeftOff,
    entries: Vec<Entry>,
    /// So many entries are written at once.
    at_once: usize,
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        select(vec![
            "",
            "\n",
            "\0",
            "\r\u{1b}[31m",
            "\u{202e}abc",
            "{{ x }}",
            "\"\\\"",
            "e\u{301}",
            "'; DROP TABLE run"
        ])
        .prop_map(str::to_owned),
    ]
}

fn time() -> impl Strategy<Value = RunTime> {
    (0..1_000_000_000_000_000_u64).prop_map(|nanos| RunTime::from_start(Duration::from_nanos(nanos)))
}

fn vps(number: usize, name: &str, other: &str) -> Arc<Vps> {
    let fields =
        json!({ "id": format!("vps_{number}"), "name": name, "cpu": number, "other": [other, null, 1.5] });
    let Value::Object(fields) = fields else { unreachable!("it is an object") };
    Arc::new(Vps::new(fields).settled())
}

fn answer() -> impl Strategy<Value = Option<Answer>> {
    let problem = (300..600_u16, option::of(text()), option::of(text()), text(), any::<bool>()).prop_map(
        |(status, code, detail, endpoint, html)| {
            let (title, request_id) = (detail.clone(), code.clone());
            Problem { status, code, title, detail, request_id, html, endpoint }
        },
    );
    let started = (option::of(1..1_u64 << 53), option::of(text()), option::of(text()), any::<bool>())
        .prop_map(|(pid, url, raw, foreign_url)| {
            Answer::Started(Started { pid: pid.and_then(Pid::new), url: url.map(PollUrl), raw, foreign_url })
        });
    let failure = prop_oneof![
        text().prop_map(|message| Failure::Unsent { message }),
        text().prop_map(|message| Failure::NoReply { message }),
        text().prop_map(|message| Failure::Unreadable { message }),
        (problem, any::<bool>()).prop_map(|(problem, refused)| {
            if refused { Failure::Refused(problem) } else { Failure::Throttled(problem) }
        }),
        Just(Failure::TooLarge),
    ];
    option::of(prop_oneof![started, failure.prop_map(Answer::Failed)])
}

/// What one step printed and how it ended.
type Part = (String, String, u8);

/// A start: from which step on, for each whether it is sent, whether as a bundle, its answer, and what its steps did.
type Drawn = (usize, Vec<bool>, bool, Option<Answer>, Option<Vec<Part>>, [RunTime; 4]);

fn drawn_start() -> impl Strategy<Value = Drawn> {
    let times = [time(), time(), time(), time()];
    let parts = option::of(vec((text(), text(), any::<u8>()), STEPS));
    (0..STEPS, vec(any::<bool>(), STEPS), any::<bool>(), answer(), parts, times).prop_map(
        |(first, mut sent, bundle, answer, parts, times)| {
            sent.truncate(if bundle { STEPS - first } else { 1 });
            sent[0] = true;
            (first, sent, bundle, answer, parts, times)
        },
    )
}

/// The start that was drawn, and what each step printed that it carried.
fn start_of(call: u64, target: usize, drawn: Drawn) -> (RememberedStart, Vec<(usize, Stream, Stream)>) {
    let (first, sent, bundle, answer, parts, [at, answered, polled, ended]) = drawn;
    let marker = bundle.then(|| Marker::new([call, 77]));
    let stream = |text: String| Stream { text: text.into(), ..Stream::default() };
    let numbers = (first..).zip(&sent).filter(|(_, sent)| **sent).map(|(number, _)| number);
    let (mut stdout, mut stderr, mut printed) = (String::new(), String::new(), Vec::new());
    for (nth, (number, (out, err, code))) in numbers.zip(parts.clone().unwrap_or_default()).enumerate() {
        stdout += &out;
        stderr += &err;
        if let Some(marker) = &marker {
            write!(stdout, "\n{} {nth} {code} 1\n", marker.whole()).unwrap();
            write!(stderr, "\n{} {nth}\n", marker.whole()).unwrap();
        }
        printed.push((number, stream(out), stream(err)));
    }
    let exited = Exited {
        exit_code: Some(-7),
        signal: None,
        stdout: Stream { lossy: !bundle, ..stream(stdout) },
        stderr: stream(stderr),
    };
    if !bundle {
        for (_, out, _) in &mut printed {
            out.lossy = true;
        }
    }
    let has_ended = parts.is_some() && answer.is_some();
    let start = RememberedStart {
        call: CallId(call),
        at,
        intent: Intent { target, first, sent, marker },
        answer: answer.map(|answer| (answered, answer)),
        ended: has_ended.then_some(Ended { polled, at: ended, exited }),
    };
    (start, if has_ended { printed } else { Vec::new() })
}

fn step_result() -> impl Strategy<Value = StepResult> {
    let status = select(Status::ALL.to_vec());
    let reason = option::of(select(vec![Reason::When, Reason::Http5xx, Reason::Crashed, Reason::MarkerLost]));
    let ran = select(vec![Ran::No, Ran::Maybe, Ran::Yes]);
    let numbers =
        (option::of(any::<i64>()), option::of(1..1_u64 << 53), option::of(0..1_000_000_000_000_u64));
    (text(), status, reason, option::of(text()), ran, numbers, any::<bool>()).prop_map(
        |(name, status, reason, message, ran, (exit_code, pid, nanos), flag)| StepResult {
            name: name.as_str().into(),
            status,
            reason,
            message: message.clone(),
            ran,
            exit_code,
            signal: exit_code,
            stdout: None,
            stderr: None,
            late: flag,
            pid: pid.and_then(Pid::new),
            duration: nanos.map(Duration::from_nanos),
            checks: vec![CheckResult {
                name: flag.then(|| name.as_str().into()),
                severity: Severity::Warning,
                holds: flag,
                message,
            }],
        },
    )
}

fn result() -> impl Strategy<Value = (Vec<StepResult>, String, Option<RunTime>)> {
    (vec(step_result(), STEPS), text(), option::of(time()))
}

fn record() -> impl Strategy<Value = Record> {
    let target = (text(), text(), vec(drawn_start(), 0..3), option::of(result()));
    let counts = any::<[u32; 6]>();
    (vec(target, 0..4), time(), counts, 1..9_usize).prop_map(|(targets, at, counts, at_once)| {
        let tally = Tally { listed: 9, selected: targets.len(), ..Tally::default() };
        let [list, probe, start, poll, throttled, retried] = counts.map(u64::from);
        let requests = RequestCounts { list, probe, start, poll, throttled, retried };
        let time = TimeSpent { limit: at.since_start(), ..TimeSpent::default() };
        let worked = at.since_start();
        let mut left_off = LeftOff { tally, requests, time, worked, ..LeftOff::default() };
        let mut call = 0;
        for (number, (name, other, starts, result)) in targets.into_iter().enumerate() {
            let vps = vps(number, &name, &other);
            let (mut remembered, mut printed) = (Vec::new(), Vec::new());
            for drawn in starts {
                call += 3;
                let (start, of_its_steps) = start_of(call, number, drawn);
                remembered.push(start);
                printed.extend(of_its_steps);
            }
            let result = result.map(|(mut steps, message, began)| {
                for (number, out, err) in printed {
                    if steps[number].ran != Ran::No {
                        (steps[number].stdout, steps[number].stderr) = (Some(out), Some(err));
                    }
                }
                Arc::new(TargetResult {
                    vps: Arc::clone(&vps),
                    status: steps[0].status,
                    reason: steps[0].reason,
                    message: Some(message.clone()),
                    ran: steps[0].ran,
                    started_at: began,
                    duration: steps[0].duration,
                    captured: Map::from_iter([(message, json!(["x", 1, null]))]).into(),
                    steps,
                })
            });
            left_off.targets.push(Remembered { vps, result, starts: remembered });
        }
        let entries = entries_of(&left_off, at);
        Record { left_off, entries, at_once }
    })
}

/// As they would be written down one after the other.
fn entries_of(left_off: &LeftOff, at: RunTime) -> Vec<Entry> {
    let LeftOff { targets, tally, requests, time, worked, .. } = left_off;
    let vpses = targets.iter().map(|target| Arc::clone(&target.vps)).collect();
    let mut entries = vec![Entry::Targets { vpses, tally: tally.clone() }];
    for (target, Remembered { result, starts, .. }) in targets.iter().enumerate() {
        for RememberedStart { call, at, intent, answer, ended } in starts {
            entries.push(Entry::Intent { start: *call, at: *at, intent: intent.clone() });
            let answered = answer.clone().map(|(at, answer)| Entry::Answered { start: *call, at, answer });
            let exited = ended.clone();
            let exited =
                exited.map(|Ended { polled, at, exited }| Entry::Exited { start: *call, polled, at, exited });
            entries.extend(answered.into_iter().chain(exited));
        }
        entries.extend(result.clone().map(|result| Entry::Finished { target, result }));
    }
    let (requests, time, worked) = (*requests, *time, *worked);
    entries.push(Entry::Standing { at, worked, requests, time });
    entries
}

/// Writes it down in a store and reads it back; also all bytes of that store's files.
fn written_and_read(record: &Record, secrets: &[String]) -> (PastRun, Vec<u8>) {
    let (_folder, directory) = place();
    let mut store = Store::open(&directory).unwrap();
    let run = NewRun {
        id: "01RUN",
        started_at: now(),
        url: "https://api.example",
        in_sandbox: false,
        playbook_name: "demo",
        playbook_path: None,
        playbook_sha256: "0011",
        source: "{}",
    };
    let number = store.begin_run(&run).unwrap();
    let mut log = store.log(number, secrets).unwrap();
    for entries in record.entries.chunks(record.at_once) {
        log.write(entries).unwrap();
    }
    let past = store.past_run(number).unwrap().expect("the run that was begun");
    let files = fs::read_dir(&directory).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    (past, files.flatten().collect())
}

/// Every text of it in one.
fn texts(past: &PastRun) -> String {
    let descriptions =
        past.left_off.targets.iter().map(|target| target.vps.json().read().unwrap().into_owned());
    let parsed: Vec<Value> = descriptions.map(|text| serde_json::from_str(&text).unwrap()).collect();
    // Escapes of `Debug` would hide a secret that has characters to be escaped.
    let strings =
        parsed.iter().flat_map(|value| value.as_object().unwrap().values()).map(|value| match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            _ => String::new(),
        });
    let outputs = past
        .left_off
        .targets
        .iter()
        .flat_map(|target| &target.starts)
        .filter_map(|start| start.ended.as_ref());
    let outputs =
        outputs.map(|ended| format!("{}{}", ended.exited.stdout.shown(), ended.exited.stderr.shown()));
    let messages = past.left_off.targets.iter().filter_map(|target| target.result.as_ref());
    let messages = messages.flat_map(|result| &result.steps).filter_map(|step| step.message.clone());
    strings.chain(outputs).chain(messages).collect::<Vec<_>>().join("\u{1}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_run_is_read_back_as_it_was_written(record in record()) {
        let (past, _) = written_and_read(&record, &[]);
        prop_assert!(past.was_selected);
        for (read, written) in past.left_off.targets.iter().zip(&record.left_off.targets) {
            prop_assert_eq!(&read.starts, &written.starts);
            prop_assert_eq!(&read.result, &written.result);
        }
        prop_assert_eq!(&past.left_off, &record.left_off);
        let times = record.left_off.targets.iter().flat_map(|target| &target.starts).map(|start| start.at);
        prop_assert!(times.into_iter().all(|at| at <= past.last));
    }

    #[test]
    fn a_run_is_read_back_whatever_its_secrets_are(record in record(), secrets in vec("[a-z0-9_ \"]{1,4}", 1..3)) {
        // Short ones are part of words, of numbers and of the names of fields.
        let secrets = [secrets, vec!["ok".to_owned(), "1".to_owned(), "status".to_owned()]].concat();
        let (past, _) = written_and_read(&record, &secrets);
        prop_assert_eq!(past.left_off.targets.len(), record.left_off.targets.len());
        for (read, written) in past.left_off.targets.iter().zip(&record.left_off.targets) {
            prop_assert_eq!(read.vps.raw_id(), written.vps.raw_id());
            let rows = |target: &Remembered| target.result.as_ref().map(|result| {
                let steps = result.steps.iter().map(|step| (step.status, step.reason, step.exit_code, step.pid));
                (result.status, result.ran, result.duration, steps.collect::<Vec<_>>())
            });
            prop_assert_eq!(rows(read), rows(written));
            for (read, written) in read.starts.iter().zip(&written.starts) {
                prop_assert_eq!((read.call, read.at, &read.intent), (written.call, written.at, &written.intent));
            }
        }
    }

    #[test]
    fn pb16_no_secret_reaches_the_disk(
        secret in "[a-zA-Z0-9\"\\\\\n%{}:,é]{9,20}",
        before in text(),
        drawn in record(),
        number in 0..3_usize,
    ) {
        let told = format!("{before}{secret}!");
        let vps = vps(number, &told, &told);
        let parts = vec![(told.clone(), told.clone(), 0), (told.clone(), told.clone(), 3)];
        let answer = Answer::Failed(Failure::NoReply { message: told.clone() });
        let drawn_start = (0, vec![true, true], true, Some(answer), Some(parts), [RunTime::START; 4]);
        let (start, _) = start_of(1000, 0, drawn_start);
        let result = drawn.left_off.targets.iter().find_map(|target| target.result.clone()).map(|result| {
            let mut steps = result.steps.clone();
            for step in &mut steps {
                step.message = Some(told.clone());
            }
            let captured = Map::from_iter([(told.clone(), json!({ told.clone(): [told.clone()] }))]).into();
            Arc::new(TargetResult { vps: Arc::clone(&vps), message: Some(told.clone()), captured, steps, ..(*result).clone() })
        });
        let left_off = LeftOff { targets: vec![Remembered { vps, result, starts: vec![start] }], ..LeftOff::default() };
        let entries = entries_of(&left_off, RunTime::START);
        let (past, bytes) = written_and_read(&Record { left_off, entries, at_once: 2 }, std::slice::from_ref(&secret));
        let read = texts(&past);
        prop_assert!(!read.contains(&secret), "{read:?}");
        prop_assert!(read.contains(REDACTED));
        for spelling in [secret.clone(), json!(secret).to_string().trim_matches('"').to_owned()] {
            let found = bytes.windows(spelling.len()).any(|window| window == spelling.as_bytes());
            prop_assert!(!found, "{spelling:?} is in the files");
        }
    }
}
