//! What reports look like.

use std::time::Duration;

use super::build::{Target, ended, ok, other, record};
use crate::{
    engine::{Problem, Ran, Reason, Status, Stop, TimeSpent},
    report::{Format, Later, RunRecord, Style, write, write_summary},
};

fn rendered(format: Format, record: &RunRecord, style: Style) -> String {
    let mut out = Vec::new();
    write(format, record, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn table(record: &RunRecord, width: impl Into<Option<u16>>) -> String {
    rendered(Format::Table, record, Style { width: width.into(), ..Style::default() })
}

fn mixed() -> RunRecord {
    let mut targets: Vec<Target> = (1..=25)
        .map(|number| {
            let used = 12 + number * 3;
            ok(&format!("web-{number}"), &format!("{used}%\n")).captured("used", used)
        })
        .collect();
    let full = |name, used: i64| {
        ended(name, Status::CheckFailed, 0, &format!("{used}%\n"), "")
            .captured("used", used)
            .check(&format!("used < vars.threshold: {used} < 90"))
    };
    targets.insert(4, full("web-117", 97));
    targets.insert(9, full("web-042", 91));
    targets.insert(
        2,
        other(
            "db-03",
            Status::Unavailable,
            Some(Reason::Agent),
            Some("QEMU Guest Agent is not running"),
            Ran::No,
        ),
    );
    let mut record = record(targets);
    record.columns = Some(["name", "primaryIp", "used"].map(str::to_owned).to_vec());
    record
}

fn every_ending() -> RunRecord {
    let reasons = [
        (Status::Unknown, Reason::NoReply, Some("no answer to the start within 30 s"), Ran::Maybe),
        (Status::Unknown, Reason::Http5xx, Some("502 (request req_7)"), Ran::Maybe),
        (Status::Unknown, Reason::Redirect, None, Ran::Maybe),
        (Status::Unknown, Reason::Crashed, None, Ran::Maybe),
        (Status::Unknown, Reason::NoPid, None, Ran::Yes),
        (Status::Unknown, Reason::ResultLost, None, Ran::Yes),
        (Status::Unknown, Reason::PollLost, None, Ran::Yes),
        (Status::Unknown, Reason::NoExitCode, None, Ran::Yes),
        (Status::Unknown, Reason::ResultTooLarge, None, Ran::Yes),
        (Status::Unknown, Reason::Mismatch, None, Ran::Yes),
        (Status::Running, Reason::Auth, None, Ran::Yes),
        (Status::Refused, Reason::BadId, None, Ran::No),
        (Status::Refused, Reason::Api, Some("403 command_blocked: blocked by policy"), Ran::No),
        (Status::Refused, Reason::Template, Some("`cap` is undefined"), Ran::No),
        (Status::Unavailable, Reason::Agent, None, Ran::No),
        (Status::Unavailable, Reason::Gone, None, Ran::No),
        (Status::Unavailable, Reason::ProbeFailed, None, Ran::No),
        (Status::Unavailable, Reason::Unreachable, Some("connection refused"), Ran::No),
        (Status::Unavailable, Reason::RateLimited, None, Ran::No),
        (Status::Skipped, Reason::Deadline, None, Ran::No),
        (Status::Skipped, Reason::EarlierStep, None, Ran::No),
        (Status::Skipped, Reason::Auth, None, Ran::No),
    ];
    let mut targets: Vec<Target> = reasons
        .into_iter()
        .enumerate()
        .map(|(index, (status, reason, message, ran))| {
            other(&format!("srv-{index:02}"), status, Some(reason), message, ran)
        })
        .collect();
    targets.push(ok("fine", "42%\n"));
    targets.push(ended("loud", Status::Failed, 3, "", "df: /: not found\nsecond line\n"));
    targets.push(ended("killed", Status::Failed, 0, "", "").with(|target| {
        target.steps[0].exit_code = None;
        target.steps[0].signal = Some(9);
    }));
    targets.push(other("slow", Status::TimedOut, None, Some("its limit of 30 s passed"), Ran::Yes));
    targets.push(other("watched", Status::Running, None, None, Ran::Yes));
    targets.push(other("later", Status::Cancelled, None, None, Ran::No));
    record(targets)
}

#[test]
fn table_of_a_run_that_is_all_ok() {
    let mut record = record((1..=6).map(|n| ok(&format!("web-{n}"), "12.8\n")).collect());
    record.run.time = TimeSpent::default();
    record.run.requests.throttled = 0;
    record.run.requests.poll -= 1;
    insta::assert_snapshot!(table(&record, 80));
}

#[test]
fn table_of_a_mixed_run_with_its_own_columns() {
    insta::assert_snapshot!(table(&mixed(), 100));
}

#[test]
fn table_lists_every_row_when_asked() {
    let text = rendered(Format::Table, &mixed(), Style { all: true, ..Style::default() });
    assert_eq!(text.lines().filter(|line| line.starts_with(" ok ")).count(), 25);
    assert!(!text.contains(" more  "), "{text}");
}

#[test]
fn table_of_every_status_and_reason() {
    insta::assert_snapshot!(table(&every_ending(), None));
}

#[test]
fn table_in_colour_marks_the_status_only() {
    let record = record(vec![ok("web-1", "12.8\n"), ended("web-2", Status::Failed, 3, "", "no\n")]);
    let text = rendered(Format::Table, &record, Style { colour: true, ..Style::default() });
    insta::assert_snapshot!(text.replace('\u{1b}', "␛"));
}

#[test]
fn table_of_an_interrupted_run() {
    let mut targets = vec![ok("web-1", "12.8\n"), ok("web-2", "12.8\n")];
    targets.push(other("web-3", Status::Running, None, None, Ran::Yes));
    targets.extend((0..101).map(|n| other(&format!("db-{n}"), Status::Cancelled, None, None, Ran::No)));
    let mut record = record(targets);
    record.run.stop = Some(Stop::Signal(2));
    insta::assert_snapshot!(table(&record, 80));
}

#[test]
fn the_last_lines_say_what_to_type_next() {
    let lines = |record: &RunRecord, later: Later| {
        let record = RunRecord { later, run_id: "01KK9Z8XVQ4T5WDZ3S0YH7N2AB".to_owned(), ..record.clone() };
        let text = table(&record, 100);
        text.split_once(" requests")
            .map_or("", |(_, rest)| rest.split_once("\n\n").map_or("", |(_, end)| end))
            .to_owned()
    };
    let interrupted = |running: usize, cancelled: usize| {
        let status = |index| if index < running { Status::Running } else { Status::Cancelled };
        let one = |index| other(&format!("db-{index}"), status(index), None, None, Ran::Yes);
        record(
            (0..running + cancelled)
                .map(one)
                .chain([ended("web-1", Status::Failed, 3, "", "no\n")])
                .collect(),
        )
    };
    assert_eq!(
        lines(&interrupted(3, 101), Later::Everything).lines().nth(1).unwrap(),
        "  rollcall resume 01KK9Z8XVQ                 collects the 3, starts the 101, repeats nothing"
    );
    let (collects, starts) = (interrupted(1, 0), interrupted(0, 2));
    assert!(lines(&collects, Later::Everything).contains("    collects the 1, repeats nothing\n"));
    assert!(lines(&starts, Later::Everything).contains("    starts the 2, repeats nothing\n"));
    assert_eq!(
        lines(&mixed(), Later::Everything),
        "  rollcall show 01KK9Z8XVQ --target web-117    what it printed\n  \
         rollcall retry 01KK9Z8XVQ                    asks the 3 again\n  \
         --all                                        lists the 22 as well\n"
    );
    assert!(!lines(&mixed(), Later::Show).contains("retry"));
    assert!(lines(&mixed(), Later::Show).contains("--target web-117"));
    assert!(!lines(&mixed(), Later::Nothing).contains("rollcall"));
    // What may have run is tried again only by who says so, and what is gone by nobody.
    let doubtful = record(vec![
        ok("web-1", "12.8\n"),
        other("web-2", Status::Unknown, Some(Reason::NoReply), None, Ran::Maybe),
        other("web-3", Status::TimedOut, None, None, Ran::Yes),
        other("web-4", Status::Unavailable, Some(Reason::Gone), None, Ran::No),
    ]);
    assert_eq!(lines(&doubtful, Later::Everything), "");
    assert_eq!(lines(&record(vec![ok("web-1", "12.8\n")]), Later::Everything), "");
}

#[test]
fn what_to_type_names_a_target_by_its_id_where_its_name_cannot_be_typed_or_is_not_its_alone() {
    let typed = |name: &str, others: &[&str], secrets: &[&str]| {
        let failed = ended(name, Status::Failed, 3, "", "no\n");
        let mut record = record(
            [failed]
                .into_iter()
                .chain(others.iter().map(|name| ok(name, "")).chain([ok("web-9", "")]))
                .collect(),
        );
        record.later = Later::Show;
        record.secrets = secrets.iter().map(|&secret| secret.to_owned()).collect();
        let text = table(&record, None);
        let found =
            text.split_once("--target ").map(|(_, rest)| rest.split("    ").next().unwrap().to_owned());
        (found.unwrap_or_default(), record.run.targets[0].vps.raw_id().to_owned())
    };
    let (word, _) = typed("web 1's", &["web-2"], &[]);
    assert_eq!(word, r"'web 1'\''s'");
    for (name, others, secrets) in [
        ("web\u{1b}[2J", &["web-2"][..], &[][..]),
        ("-rf", &["web-2"], &[]),
        ("web-1", &["WEB-1"], &[]),
        ("web-1", &["web-2"], &["web-1"]),
    ] {
        let (word, id) = typed(name, others, secrets);
        assert_eq!(word, id, "{name}");
    }
}

#[test]
fn table_of_a_run_that_the_key_stopped() {
    let mut record = record(vec![]);
    record.run.requests.poll = 0;
    record.run.time = TimeSpent::default();
    record.run.requests.throttled = 0;
    record.run.tally.listed = 0;
    record.run.stop = Some(Stop::Auth(Problem {
        status: 401,
        code: Some("unauthorized".to_owned()),
        detail: Some("Authentication is required".to_owned()),
        request_id: Some("req_01hx".to_owned()),
        endpoint: "GET /api/v2/vps".to_owned(),
        ..Problem::default()
    }));
    insta::assert_snapshot!(table(&record, 80));
}

#[test]
fn table_of_a_run_without_targets() {
    let mut record = record(vec![]);
    record.run.tally.not_evaluable = 2;
    record.run.requests.poll = 0;
    insta::assert_snapshot!(table(&record, 80));
}

#[test]
fn table_says_why_a_run_stopped() {
    let stops = [
        Stop::Signal(1),
        Stop::Signal(15),
        Stop::Inventory("page 2: 502 bad_gateway".to_owned()),
        Stop::Declined,
        Stop::Deadline,
        Stop::Patience(Some(Duration::from_hours(2))),
        Stop::Patience(None),
    ];
    let first_lines = stops.map(|stop| {
        let mut record = record(vec![ok("web-1", "x")]);
        record.run.stop = Some(stop);
        let text = table(&record, 80);
        text.lines().skip(3).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(first_lines.join("\n"));
}

#[test]
fn table_fits_forty_columns() {
    let text = table(&mixed(), 40);
    insta::assert_snapshot!(text);
    let summary = text.find("28 targets").unwrap();
    assert!(text[..summary].lines().all(|line| line.chars().count() <= 40), "{text}");
}

#[test]
fn o5_a_table_of_any_width_is_written() {
    for width in 0..120 {
        for record in [mixed(), every_ending()] {
            let text = table(&record, width);
            assert!(text.contains("unavailable"), "{width}: {text}");
            let rows = text.lines().take_while(|line| !line.is_empty());
            // Below this the status and a single column are all there is.
            let limit = usize::from(width.max(30));
            assert!(rows.clone().all(|line| line.chars().count() <= limit), "{width}: {text}");
        }
    }
}

#[test]
fn o6_a_table_of_names_that_are_wide_or_combined_stays_aligned() {
    let names = ["数据库-三", "🦀-crab", "e\u{301}te\u{301}", "plain", "Malmö"];
    insta::assert_snapshot!(table(&record(names.map(|name| ok(name, "12.8\n")).into()), 60));
}

#[test]
fn o1_o2_a_table_of_hostile_names_and_output_is_inert() {
    let targets = vec![
        ok("\x1b[2J\x1b[31mweb", "\x1b]52;c;aGk=\x07pwned\r\n"),
        ok("safe\rfake", "a\tb\u{8}\u{8}\n"),
        ok("\u{202e}1-bew", "\u{2066}x\u{2069}\n"),
        other("a\nok  b", Status::Refused, Some(Reason::Api), Some("no\x1b[1A\nok web-9"), Ran::No),
    ];
    insta::assert_snapshot!(table(&record(targets), None));
}

#[test]
fn table_of_several_steps_names_the_telling_one() {
    let second = ended("web-2", Status::Failed, 3, "", "no such unit\n").with(|target| {
        let mut later = target.steps[0].clone();
        later.name = "restart".into();
        target.steps[0].status = Status::Ok;
        target.steps[0].exit_code = Some(0);
        target.steps.push(later);
    });
    insta::assert_snapshot!(table(&record(vec![ok("web-1", "41%\n").with(two_steps), second]), 80));
}

fn two_steps(target: &mut crate::engine::TargetResult) {
    let mut later = target.steps[0].clone();
    later.name = "restart".into();
    target.steps.push(later);
}

#[test]
fn json_of_a_mixed_run() {
    let mut record = mixed();
    record.run.targets.truncate(6);
    record.run.targets.drain(..2);
    record.run.stop = Some(Stop::Deadline);
    insta::assert_snapshot!(rendered(Format::Json, &record, Style::default()));
}

#[test]
fn text_of_every_status() {
    let mut record = every_ending();
    record.run.targets.drain(2..20);
    insta::assert_snapshot!(rendered(Format::Text, &record, Style::default()));
}

#[test]
fn o3_text_prefixes_every_line() {
    let target = ended("web-1", Status::Ok, 0, "one\n\nthree\r\n\x1b[A", "careful\n").with(|target| {
        target.steps[0].stderr.as_mut().unwrap().truncated = true;
    });
    let text = rendered(Format::Text, &record(vec![target]), Style::default());
    assert_eq!(
        text,
        "web-1 | one\nweb-1 | \nweb-1 | three\\r\nweb-1 | \\x1b[A\nweb-1 ! careful\n\
         web-1 # error output cut: it was too long to be kept whole\n"
    );
}

#[test]
fn columns_reach_nested_fields_lists_and_what_is_known_of_the_step() {
    let mut record = record(vec![
        ok("web-1", "one\ntwo\nthree\n"),
        ended("web-2", Status::Failed, 3, "", "no such file\n"),
    ]);
    let columns = [
        "name",
        "operatingSystem.family",
        "tags",
        "nowhere.at.all",
        "ran",
        "step",
        "exit_code",
        "duration",
        "stdout",
        "stderr",
    ];
    record.columns = Some(columns.map(str::to_owned).to_vec());
    insta::assert_snapshot!(table(&record, None));
}

#[test]
fn o5_cells_are_cut_with_an_ellipsis() {
    let long = ok(&"数".repeat(40), &"x".repeat(5_000));
    let text = table(&record(vec![long]), 60);
    let row = text.lines().nth(1).unwrap();
    assert!(row.contains('…') && row.chars().count() <= 60, "{row}");
    let uncut = table(&record(vec![ok("web-1", &"x".repeat(5_000))]), None);
    assert!(uncut.lines().nth(1).unwrap().chars().count() < 1_100);
}

#[test]
fn the_summary_beside_text_names_who_was_not_ok_and_of_many_the_first() {
    let mut targets: Vec<Target> = (1..=60)
        .map(|number| other(&format!("web-{number}"), Status::Unavailable, None, None, Ran::No))
        .collect();
    targets.push(ok("fine", "42%\n"));
    targets.push(ended("two\nlines", Status::Failed, 3, "", ""));
    let mut out = Vec::new();
    write_summary(&record(targets), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<_> = text.lines().skip(1).take(2).collect();
    assert_eq!(lines, ["  failed        two\\nlines", "  unavailable   web-[1-40] and 20 more"]);
}
