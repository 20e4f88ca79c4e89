//! What the table of an audit looks like: captures as columns, failed expectations as reasons.

use serde_json::json;

use super::build::{Target, ended, ok, other, record};
use crate::{
    engine::{Ran, Reason, Status, Stop, TimeSpent},
    playbook::Severity,
    report::{Format, RunRecord, Style, write},
};

fn table(record: &RunRecord, width: impl Into<Option<u16>>) -> String {
    let mut out = Vec::new();
    write(Format::Table, record, Style { width: width.into(), ..Style::default() }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn text(record: &RunRecord) -> String {
    let mut out = Vec::new();
    write(Format::Text, record, Style::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn with_columns(mut record: RunRecord, columns: &[&str]) -> RunRecord {
    record.columns = Some(columns.iter().map(|&name| name.to_owned()).collect());
    record
}

fn check_failed(name: &str) -> Target {
    ended(name, Status::CheckFailed, 0, "x\n", "")
}

/// One target for each way in which an expectation or a capture can fail.
fn findings() -> Vec<Target> {
    vec![
        check_failed("mild").captured("used", 84).check_of(Severity::Warning, None, "used < 80: 84 < 80"),
        check_failed("one").captured("used", 97).check("used < vars.threshold: 97 < 90"),
        check_failed("named").captured("used", 97).check_of(
            Severity::Error,
            Some("root disk"),
            "used < 90: 97 < 90",
        ),
        check_failed("several")
            .captured("used", 97)
            .check_of(Severity::Warning, Some("swap"), "swap > 0: 0 > 0")
            .check_of(Severity::Error, Some("size"), "used < 90: 97 < 90")
            .check_of(Severity::Error, Some("inodes"), "inodes < 90: 93 < 90"),
        check_failed("uncaptured")
            .check_of(Severity::Error, Some("used"), "not captured: `int` finds no number in \"n/a\"")
            .check("`used < 90` cannot be judged: `used` is undefined")
            .with(|target| {
                target.steps[0].reason = Some(Reason::CaptureFailed);
                target.reason = Some(Reason::CaptureFailed);
            }),
        check_failed("silent"),
        check_failed("noted").captured("used", 61).check_of(
            Severity::Info,
            Some("growth"),
            "used < 60: 61 < 60",
        ),
    ]
}

#[test]
fn a_failed_expectation_says_which_and_with_what_values() {
    let mut targets = findings();
    targets.push(ok("fine", "41\n").captured("used", 41));
    let record = with_columns(record(targets), &["name", "used"]);
    insta::assert_snapshot!(format!("{}\n{}", table(&record, None), text(&record)));
}

#[test]
fn a_failed_expectation_below_the_threshold_is_yellow_and_after_those_above() {
    let mut record = with_columns(record(findings()), &["name"]);
    let yellow = |record: &RunRecord| {
        let mut out = Vec::new();
        write(Format::Table, record, Style { colour: true, ..Style::default() }, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines = text.lines().filter(|line| line.contains("38;5;11m"));
        lines
            .filter_map(|line| line.split_whitespace().find(|word| ["mild", "noted"].contains(word)))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(yellow(&record), ["mild", "noted"]);
    record.run.fail_on = Severity::Warning;
    assert_eq!(yellow(&record), ["noted"]);
}

#[test]
fn with_several_steps_the_reason_names_the_one_that_weighs_most() {
    let second = |status| move |step: &mut crate::engine::StepResult| step.status = status;
    let targets = vec![
        check_failed("mild, then two")
            .check_of(Severity::Warning, None, "used < 80: 84 < 80")
            .then("memory", second(Status::CheckFailed))
            .check("free > 100: 12 > 100")
            .then("load", second(Status::CheckFailed))
            .check("load < 4: 9 < 4"),
        check_failed("two checks")
            .check_of(Severity::Warning, None, "used < 80: 84 < 80")
            .then("memory", second(Status::CheckFailed))
            .check("free > 100: 12 > 100"),
        check_failed("check, then exit").check("used < 90: 97 < 90").then("memory", |step| {
            step.status = Status::Failed;
            step.exit_code = Some(3);
        }),
        check_failed("named as its step")
            .check_of(Severity::Error, Some("root disk"), "used < 90: 97 < 90")
            .then("memory", second(Status::Ok)),
        check_failed("called by its command")
            .then("df -P / | awk 'NR==2 { print $5 }' | tr -d % | sort", second(Status::CheckFailed))
            .check("used < 90: 97 < 90")
            .with(|target| target.steps[0].status = Status::Ok),
        other("off", Status::Unavailable, Some(Reason::Agent), None, Ran::No)
            .then("memory", second(Status::Unavailable)),
        ok("fine", "41\n").then("memory", second(Status::Ok)),
    ];
    let record = record(targets);
    let own = table(&with_columns(record.clone(), &["name"]), None);
    // Where the steps have a column, the reason does not name them again.
    insta::assert_snapshot!(format!("{own}\n{}\n{}", table(&record, None), text(&record)));
}

#[test]
fn captures_are_columns_whatever_they_hold() {
    let record = record(vec![
        ok("numbers", "").captured("used", 41).captured("load", 0.25).captured("kernel", "6.1.0"),
        ok("others", "").captured("used", -3).captured("load", 12).captured("kernel", json!(null)),
        ok("lists", "").captured("load", 3.5).captured("kernel", json!(["a", "b", 3])),
        ok("nested", "").captured("kernel", json!({ "a": { "b": [1] } })).captured("up", true),
    ]);
    let named = with_columns(record.clone(), &["name", "used", "kernel", "never"]);
    insta::assert_snapshot!(format!("{}\n{}", table(&record, None), table(&named, None)));
}

#[test]
fn a_folded_row_has_ranges_and_what_all_share() {
    let fine = |number: i64| {
        ok(&format!("web-{number}"), "x\n")
            .captured("used", number % 77 + 12)
            .captured("kernel", "6.1.0")
            .captured("zone", format!("z{}", number % 2))
            .captured("swap", if number == 99 { json!(null) } else { json!(number) })
    };
    let record = record((1..=200).map(fine).collect());
    let record = with_columns(record, &["name", "used", "kernel", "zone", "swap"]);
    insta::assert_snapshot!(table(&record, 80));
}

#[test]
fn findings_are_folded_only_where_no_answer_is_lost() {
    let failing = |number: i64, error: &str| {
        ended(&format!("web-{number}"), Status::Failed, 3, "", error).captured("used", number)
    };
    let rows = |record: &RunRecord| {
        let text = table(record, None);
        text.lines().skip(1).take_while(|line| !line.is_empty()).count()
    };
    let same = record((0..50).map(|number| failing(number, "no space\n")).collect());
    assert_eq!(rows(&same), 21, "{}", table(&same, None));
    assert!(table(&same, None).contains(" 30 more  20–49 "), "{}", table(&same, None));
    let different = record((0..50).map(|number| failing(number, &format!("no inode {number}\n"))).collect());
    assert_eq!(rows(&different), 50);
    let checks = (0..50).map(|number| check_failed("web").check(&format!("used < 90: {number} < 90")));
    assert_eq!(rows(&record(checks.collect())), 50);
}

#[test]
fn the_endings_of_rollouts_and_bundles_are_said() {
    let slow = Some("killed by `timeout` in the guest after 30 s");
    let mut targets = vec![
        ended("bad-1", Status::Failed, 3, "", "no such unit\n"),
        ended("bad-2", Status::Failed, 3, "", "no such unit\n"),
        other("cut", Status::Unknown, Some(Reason::MarkerLost), None, Ran::Yes),
        other("cut, later step", Status::Unknown, Some(Reason::MarkerLost), None, Ran::Maybe),
        other("slow", Status::TimedOut, Some(Reason::Killed), slow, Ran::Yes),
        other("slower", Status::TimedOut, Some(Reason::Killed), None, Ran::Yes),
        other("not asked", Status::Skipped, Some(Reason::When), None, Ran::No),
    ];
    let late = |n| other(&format!("db-{n}"), Status::Skipped, Some(Reason::MaxFailures), None, Ran::No);
    targets.extend((0..187).map(late));
    let mut record = record(targets);
    record.run.stop = Some(Stop::MaxFailures { failed: 2, allowed: 0 });
    record.run.batch = Some((1, 3));
    record.run.time = TimeSpent::default();
    insta::assert_snapshot!(table(&record, None).replace(
        &(1..20).map(|n| line(&record, n) + "\n").collect::<String>(),
        "\u{20}… and nineteen more like it\n"
    ));
}

fn line(record: &RunRecord, number: usize) -> String {
    let name = format!(" db-{number} ");
    table(record, None).lines().find(|line| line.contains(&name)).unwrap().to_owned()
}

#[test]
fn the_summary_counts_what_is_milder_than_an_error() {
    let last_lines = |targets| {
        let text = table(&record(targets), None);
        text.lines().find(|line| line.contains("coverage")).unwrap().to_owned()
    };
    let mild = |name: &str| check_failed(name).check_of(Severity::Warning, None, "used < 80: 84 < 80");
    assert_eq!(last_lines(findings()), "7 targets: 7 check_failed (1 warning, 1 info)        coverage 100 %");
    assert!(last_lines(vec![mild("a"), mild("b")]).contains("2 check_failed (2 warnings)"));
    assert!(last_lines(vec![check_failed("a")]).contains("1 check_failed  "));
}

#[test]
fn how_a_failed_target_exited_is_said_once() {
    let with_message = |name: &str, message: &str| {
        let message = Some(message.to_owned());
        ended(name, Status::Failed, 3, "no\n", "").with(|target| target.message = message)
    };
    let killed = with_message("killed", "killed by signal 9").with(|target| {
        (target.steps[0].exit_code, target.steps[0].signal) = (None, Some(9));
    });
    let targets = vec![
        with_message("plain", "exit 3"),
        with_message("doubtful", "exit 3; may have run up to 2 times"),
        with_message("odd", "exit 33"),
        killed,
    ];
    let record = record(targets);
    let own = table(&with_columns(record.clone(), &["name"]), None);
    insta::assert_snapshot!(format!("{own}\n{}", table(&record, None)));
}

#[test]
fn at_a_terminal_it_is_said_how_to_see_what_is_folded() {
    let different = record((0..40).map(|number| ok("web", &format!("{number}\n"))).collect());
    let last =
        |record: &RunRecord, width: Option<u16>| table(record, width).lines().last().unwrap().to_owned();
    assert_eq!(last(&different, Some(80)), "  --group    puts equal answers together");
    let same = record((0..40).map(|_| ok("web", "a\n")).collect());
    assert_eq!(last(&same, Some(80)), "  --all    lists the 37 as well");
    assert!(last(&same, None).contains("requests"));
}

#[test]
fn json_says_that_too_many_failed() {
    let mut record = record(findings());
    record.run.stop = Some(Stop::MaxFailures { failed: 2, allowed: 1 });
    let mut out = Vec::new();
    write(Format::Json, &record, Style::default(), &mut out).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let stopped = json!({
        "kind": "max_failures",
        "message": "stopped after 2 failures, 1 allowed: no new starts after it",
    });
    assert_eq!(report["stopped"], stopped);
    assert_eq!(report["targets"][4]["steps"][0]["reason"], "capture_failed");
}
