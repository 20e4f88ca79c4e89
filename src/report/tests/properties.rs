//! What holds for every report, whatever the servers say.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::build::{ended, ok, other, record};
use crate::{
    engine::{Ran, Reason, Status},
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
    fn a_secret_is_in_no_report(before in "[A-Z ]{0,9}", after in "[A-Z ]{0,9}") {
        let text = format!("{before}hunter2hunter{after}");
        let mut record = hostile(&text, &text);
        record.secrets = vec!["hunter2hunter".to_owned()];
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
fn ten_thousand_targets_are_all_in_both_reports_o7() {
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
