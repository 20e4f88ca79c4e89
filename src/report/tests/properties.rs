//! What holds for every report, whatever the servers say.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::build::{Target, ended, ok, other, record};
use crate::{
    engine::{Ran, Reason, Status},
    playbook::Severity,
    report::{Format, RunRecord, Style, write},
};

fn rendered(format: Format, record: &RunRecord) -> String {
    let mut out = Vec::new();
    write(format, record, Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn hostile(name: &str, text: &str) -> RunRecord {
    record(vec![
        ok(name, text).captured("used", text),
        ended(name, Status::Failed, 3, "", text),
        other(name, Status::Refused, Some(Reason::Api), Some(text), Ran::No),
    ])
}

/// The text wherever the guest or the playbook can put one: in names of captures, steps, checks and fields as well.
fn hostile_audit(name: &str, text: &str) -> RunRecord {
    let nested = json!({ text: [[text, { "deep": text }], -0.5, null] });
    let failing = |exit| ended(name, Status::CheckFailed, exit, text, text);
    let mut record = record(vec![
        ok(name, text).captured("used", text).captured("huge", text.repeat(500)),
        ok("b", text).captured("used", nested).captured(text, 3).field(text, text),
        failing(0).check_of(Severity::Warning, Some(text), text).check(text),
        failing(0).then(text, |step| step.status = Status::CheckFailed).check_of(Severity::Info, None, text),
        failing(0).check_of(Severity::Error, Some(text), text).with(|target| {
            target.steps[0].reason = Some(Reason::CaptureFailed);
            target.steps[0].message = Some(text.to_owned());
        }),
        other(name, Status::Unknown, Some(Reason::MarkerLost), Some(text), Ran::Maybe),
    ]);
    record.run.fail_on = Severity::Warning;
    record.columns = Some(["name", "used", "huge", text].map(str::to_owned).to_vec());
    record
}

/// Every way to put targets together, and none.
const GROUPINGS: [Option<&str>; 6] =
    [None, Some("outcome"), Some("stdout"), Some("stderr"), Some("used"), Some("name")];

fn any_text() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        Just("\x1b[2J\x1b[1;31m".to_owned()),
        Just("\u{202e}gpj\u{2066}".to_owned()),
        Just("{{ vars.secret }}".to_owned()),
        Just("\n ── 9 targets: all ── ok, exit 0\n".to_owned()),
        Just("{\"a\": [1]}".to_owned()),
        Just("数据\tx\r\n".to_owned()),
        any::<String>(),
        "\\PC*|[\\x00-\\x9f\u{200b}-\u{202e}]*",
    ];
    prop::collection::vec(parts, 0..4).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn json_is_one_document_that_keeps_the_output_whole(name in any::<String>(), text in any::<String>()) {
        let json = rendered(Format::Json, &hostile(&name, &text));
        let value: Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&value["targets"][0]["steps"][0]["stdout"], &Value::from(text));
        let one_newline = json.ends_with("}\n");
        prop_assert!(one_newline, "{}", json);
    }

    #[test]
    fn no_control_character_is_shown(name in any::<String>(), text in "\\PC*|[\\x00-\\x9f\u{200b}-\u{202e}]*") {
        for format in [Format::Table, Format::Text] {
            let shown = rendered(format, &hostile(&name, &text));
            let control = |c: char| c.is_control() && c != '\n' && !(c == '\t' && format == Format::Text);
            prop_assert!(!shown.contains(control), "{shown:?}");
        }
    }

    #[test]
    fn the_table_has_a_line_a_target(name in any::<String>(), text in any::<String>()) {
        let shown = rendered(Format::Table, &hostile(&name, &text));
        let rows = shown.lines().skip(1).take_while(|line| line.starts_with(' '));
        prop_assert_eq!(rows.count(), 3, "{}", shown);
    }

    #[test]
    fn an_audit_is_inert_in_any_shape(name in any_text(), text in any_text(), width in 0_u16..100, wide: bool) {
        let mut record = hostile_audit(&name, &text);
        for grouping in GROUPINGS {
            record.group_by = grouping.map(str::to_owned);
            let style = Style { width: (!wide).then_some(width), all: false, colour: false };
            let mut out = Vec::new();
            write(Format::Table, &record, style, &mut out).unwrap();
            let shown = String::from_utf8(out).unwrap();
            let control = |c: char| c.is_control() && c != '\n' && !(c == '\t' && wide && grouping.is_some());
            prop_assert!(!shown.contains(control), "{shown:?}");
            let (result, _) = shown.split_once("\n6 targets: ").unwrap();
            for line in result.lines() {
                // No line begins with remote text, and none is wider than the terminal.
                prop_assert!(line.is_empty() || line.starts_with(' '), "{shown}");
                prop_assert!(wide || line.width() <= usize::from(width.max(30)), "{width} {line:?}\n{shown}");
            }
            // What a guest prints is not taken for a heading.
            let headings = result.lines().filter(|line| line.starts_with(" ── "));
            prop_assert!(grouping.is_none() || headings.count() <= record.run.targets.len(), "{shown}");
        }
    }

    #[test]
    fn captures_and_checks_are_whole_in_json(name in any_text(), text in any_text()) {
        let record = hostile_audit(&name, &text);
        let value: Value = serde_json::from_str(&rendered(Format::Json, &record)).unwrap();
        prop_assert_eq!(&value["targets"][1]["captured"]["used"], &record.run.targets[1].captured["used"]);
        let check = json!({ "name": text, "severity": "warning", "holds": false, "message": text });
        prop_assert_eq!(&value["targets"][2]["steps"][0]["checks"][0], &check);
        prop_assert_eq!(&value["summary"]["checkFailed"], 3);
        for target in value["targets"].as_array().unwrap() {
            for check in target["steps"].as_array().unwrap().iter().filter_map(|step| step["checks"].as_array()).flatten() {
                prop_assert_eq!(check.as_object().unwrap().len(), 4);
            }
        }
    }

    #[test]
    fn groups_hold_each_target_once(answers in prop::collection::vec(0..4_u8, 1..40)) {
        let target = |(number, answer): (usize, &u8)| -> Target {
            let name = format!("web-{number}");
            match answer {
                0 => other(&name, Status::Unavailable, Some(Reason::Agent), None, Ran::No),
                answer => ok(&name, &answer.to_string()),
            }
        };
        let mut record = record(answers.iter().enumerate().map(target).collect());
        record.group_by = Some("outcome".to_owned());
        let shown = rendered(Format::Table, &record);
        let counts = shown.lines().filter_map(|line| line.strip_prefix(" ── ")?.split_once(' ')?.0.parse::<usize>().ok());
        let counts: Vec<usize> = counts.collect();
        prop_assert_eq!(counts.iter().sum::<usize>(), answers.len());
        prop_assert!(counts.is_sorted_by(|one, two| one >= two), "{:?}", counts);
    }
}

proptest! {
    // Each case looks for the secret's spellings in every format, which takes a while.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_secret_is_in_no_report(before in "[A-Z ]{0,9}", after in "[A-Z ]{0,9}") {
        let text = format!("{before}hunter2hunter{after}");
        let mut record = hostile(&text, &text);
        record.secrets = vec!["hunter2hunter".to_owned()];
        for format in Format::ALL {
            prop_assert!(!rendered(format, &record).contains("hunter2"));
        }
        let mut record = hostile_audit(&text, &text);
        record.secrets = vec!["hunter2hunter".to_owned()];
        for grouping in GROUPINGS {
            record.group_by = grouping.map(str::to_owned);
            let shown = rendered(Format::Table, &record);
            prop_assert!(!shown.contains("hunter2"), "{}", shown);
        }
        for format in Format::ALL {
            prop_assert!(!rendered(format, &record).contains("hunter2"));
        }
        let debug = format!("{record:?}");
        prop_assert!(!debug.contains("hunter2"));
    }
}

#[test]
fn every_key_is_there_whatever_happened() {
    let record = hostile("web-1", "text");
    let value: Value = serde_json::from_str(&rendered(Format::Json, &record)).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for target in value["targets"].as_array().unwrap() {
        assert_eq!(keys(target), keys(&value["targets"][0]));
        assert_eq!(keys(&target["steps"][0]), keys(&value["targets"][0]["steps"][0]));
    }
    // `targets`, `coverage` and the ten statuses.
    assert_eq!(keys(&value["summary"]).len(), 2 + Status::ALL.len());
}

#[test]
fn o7_ten_thousand_targets_are_all_in_both_reports() {
    let mut record = record((0..10_000).map(|n| ok(&format!("web-{n}"), "12.8\n")).collect());
    record.run.duration = Duration::from_secs(40);
    let value: Value = serde_json::from_str(&rendered(Format::Json, &record)).unwrap();
    assert_eq!(value["targets"].as_array().unwrap().len(), 10_000);
    assert!(rendered(Format::Table, &record).contains("9997 more"));
    let mut all = Vec::new();
    write(Format::Table, &record, Style { all: true, width: Some(120), colour: false }, &mut all).unwrap();
    assert_eq!(
        String::from_utf8(all).unwrap().lines().filter(|line| line.starts_with(" ok ")).count(),
        10_000
    );
}

#[test]
fn ten_thousand_different_answers_are_put_together_in_time() {
    let answer = |number: usize| format!("{}{number}\n", "the same line for all\n".repeat(20));
    let server = |number: usize| {
        let own = if number.is_multiple_of(2) { 0 } else { number };
        ok(&format!("web-{number}"), &answer(own)).captured("used", number)
    };
    let mut record = record((0..10_001).map(server).collect());
    for (grouping, groups) in [("outcome", 5_001), ("stdout", 5_001), ("used", 10_001)] {
        record.group_by = Some(grouping.to_owned());
        let shown = rendered(Format::Table, &record);
        assert_eq!(shown.lines().filter(|line| line.starts_with(" ── ")).count(), groups);
    }
}
