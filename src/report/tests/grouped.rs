//! What the table looks like with equal answers put together.

use serde_json::json;

use super::build::{Target, ended, ok, other, record};
use crate::{
    engine::{Ran, Reason, Status},
    playbook::Severity,
    report::{Format, RunRecord, Style, write},
};

fn grouped(record: &RunRecord, by: &str, style: Style) -> String {
    let record = RunRecord { group_by: Some(by.to_owned()), ..record.clone() };
    let mut out = Vec::new();
    write(Format::Table, &record, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn width(width: u16) -> Style {
    Style { width: Some(width), ..Style::default() }
}

fn system(target: Target, version: &str, memory: u32) -> Target {
    target
        .field("operatingSystem", json!({ "family": "linux", "version": version }))
        .field("resources", json!({ "memoryGb": memory }))
}

/// The fleet of the picture in the design: 148 alike, one old, one off.
fn debian() -> RunRecord {
    let twelve = (1..=149).filter(|number| *number != 117);
    let mut targets: Vec<Target> =
        twelve.map(|number| system(ok(&format!("web-{number}"), "12.8\n"), "12", 4)).collect();
    targets.insert(7, system(ok("web-117", "11.11\n"), "11", 2));
    let off = other("web-150", Status::Unavailable, Some(Reason::Agent), Some("powered off"), Ran::No);
    targets.push(system(off, "12", 4));
    record(targets)
}

#[test]
fn one_question_many_answers() {
    insta::assert_snapshot!(grouped(&debian(), "outcome", width(80)));
}

#[test]
fn a_longer_answer_is_shown_as_what_differs() {
    let lines = |changed: &str| -> String {
        let line = |number| if number == 7 { changed.to_owned() } else { format!("setting {number} = on") };
        (1..=12).map(|number| line(number) + "\n").collect()
    };
    let mut targets: Vec<Target> =
        (1..=9).map(|number| ok(&format!("web-{number}"), &lines("setting 7 = on"))).collect();
    targets.push(ok("odd", &lines("setting 7 = off\tsince \u{1b}[1mMonday")));
    targets.push(ended("loud", Status::Ok, 0, &lines("setting 7 = on"), "warning: deprecated\n"));
    targets.push(ended("failing", Status::Failed, 3, "", "no such file\n"));
    targets.push(ok("silent", ""));
    targets.push(ok("cut", "setting 1 = on\n").with(|target| {
        target.steps[0].stdout.as_mut().unwrap().truncated = true;
    }));
    insta::assert_snapshot!(grouped(&record(targets), "outcome", Style::default()));
}

#[test]
fn several_steps_are_told_one_by_one() {
    let server = |name: &str, kernel: &str| {
        ok(name, "Debian GNU/Linux 12\n").then("kernel", |step| {
            step.stdout.as_mut().unwrap().text = format!("{kernel}\n").into();
        })
    };
    let mut targets: Vec<Target> =
        (1..=6).map(|number| server(&format!("web-{number}"), "6.1.0-37")).collect();
    targets.push(server("db-1", "6.1.0-35"));
    targets.push(
        server("db-2", "6.1.0-37")
            .with(|target| {
                target.steps[1].status = Status::CheckFailed;
                target.status = Status::CheckFailed;
            })
            .check_of(Severity::Warning, Some("age"), "age < 90: 120 < 90")
            .check("kernel == newest: 6.1.0-37 == 6.1.0-38"),
    );
    targets.push(server("db-3", "").with(|target| {
        target.status = Status::Failed;
        (target.steps[0].status, target.steps[0].exit_code) = (Status::Failed, Some(1));
        let later = &mut target.steps[1];
        (later.status, later.reason, later.ran) = (Status::Skipped, Some(Reason::EarlierStep), Ran::No);
        (later.exit_code, later.stdout, later.stderr) = (None, None, None);
    }));
    insta::assert_snapshot!(grouped(&record(targets), "outcome", Style::default()));
}

#[test]
fn a_column_puts_together_what_has_its_value() {
    let server = |number: u32| {
        let name = format!("web-{number}");
        let target = match number {
            3 => ended(&name, Status::Failed, 3, "", "no\n"),
            4 => other(&name, Status::Unavailable, Some(Reason::Agent), None, Ran::No),
            _ => ok(&name, "12.8\n").captured("kernel", if number < 8 { "6.1.0" } else { "5.10.0" }),
        };
        system(target, if number < 8 { "12" } else { "11" }, 4)
    };
    let record = record((1..=9).map(server).collect());
    let all = ["operatingSystem.version", "kernel", "stdout", "status"]
        .map(|by| format!("--group {by}\n{}", grouped(&record, by, width(70)).split("\n\n").next().unwrap()));
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn headings_fit_the_terminal() {
    let odd =
        |number: u32| format!("{}-{}", ["mail", "db", "web", "cache"][number as usize % 4], number * number);
    let mut targets: Vec<Target> = (1..=90).map(|number| ok(&odd(number), "12.8\n")).collect();
    let why = "QEMU Guest Agent is not running on this server, and nobody knows why";
    targets.push(other("off", Status::Unavailable, Some(Reason::Agent), Some(why), Ran::No));
    targets.push(ok("long", &format!("{}\n\tend\n", "0123456789".repeat(9))));
    let record = record(targets);
    let folded = grouped(&record, "outcome", width(60));
    let all = grouped(&record, "outcome", Style { all: true, ..width(60) });
    insta::assert_snapshot!(format!("{folded}\n--all\n{}", all.split(" ── ").nth(1).unwrap()));
}

#[test]
fn what_is_left_out_of_the_comparison_does_not_tell_apart() {
    let mut targets: Vec<Target> = (1..=5)
        .map(|number| {
            ok(&format!("web-{number}"), &format!("web-{number} up since 0{number}:12\nfine\nfine\n"))
        })
        .collect();
    targets.push(ok("web-6", "web-6 up since 09:12\nfine\nbroken\n"));
    let mut record = record(targets);
    assert_eq!(grouped(&record, "outcome", width(70)).matches(" ── ").count(), 6);
    record.normalize = "self,time".parse().unwrap();
    insta::assert_snapshot!(grouped(&record, "outcome", width(70)));
}

#[test]
fn the_status_of_a_group_is_coloured() {
    let text = grouped(&debian(), "outcome", Style { colour: true, ..width(60) });
    let headings: Vec<&str> = text.lines().filter(|line| line.starts_with(" ── ")).collect();
    assert_eq!(headings.len(), 3);
    assert!(headings[0].ends_with("\u{1b}[92mok\u{1b}[39m, exit 0"), "{headings:?}");
    assert!(headings[2].ends_with("\u{1b}[93munavailable\u{1b}[39m: agent: powered off"), "{headings:?}");
}

#[test]
fn servers_of_one_name_are_told_by_id() {
    let twins = ["vps_a", "vps_b"].map(|id| ok("twin", "x\n").field("id", id));
    let targets = twins.into_iter().chain([ok("", "x\n").field("id", "vps_c"), ok("other", "x\n")]);
    let text = grouped(&record(targets.collect()), "outcome", Style::default());
    assert!(text.starts_with(" ── 4 targets: other,vps_a,vps_b,vps_c ─"), "{text}");
}
