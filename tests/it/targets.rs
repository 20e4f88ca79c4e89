//! `targets`: what a selection picks, listed, named or counted, in requests of listing only.

use serde_json::{Value, json};

use crate::{
    hostile::sandbox_of_names,
    sandbox::{Sandbox, code, document, finish, stderr, stdout},
};

#[test]
fn names_are_folded_on_one_line() {
    let sandbox = sandbox_of_names(&["web-1", "web-2", "web-10", "db-1", "web-3"]);
    let output = finish(sandbox.rollcall("targets").args(["-o", "names"]));
    assert_eq!((code(&output), stdout(&output)), (0, "db-1,web-[1-3,10]\n"));
    let output = finish(sandbox.rollcall("targets").args(["-o", "names", "--match", "name=x*"]));
    assert_eq!((code(&output), stdout(&output)), (0, ""));
    assert!(sandbox.requests().iter().all(|line| line["operation"] == "list"));
}

#[test]
fn a_field_is_counted_by_its_values_in_every_format() {
    let sandbox = Sandbox::start(&["--vms", "60"]);
    let all = document(&finish(sandbox.rollcall("targets").args(["-o", "json"])));
    let all = all.as_array().unwrap();
    let with = |tag: &Value| all.iter().filter(|vps| vps["tags"].as_array().unwrap().contains(tag)).count();

    let counted = document(&finish(sandbox.rollcall("targets").args(["-o", "json", "--by", "tags"])));
    assert_eq!((&counted["field"], &counted["targets"]), (&json!("tags"), &json!(all.len())));
    let counts = counted["counts"].as_array().unwrap();
    assert!(counts.len() > 2, "{counted}");
    for count in counts {
        assert_eq!(count["targets"], with(&count["value"]), "{count}");
    }
    let numbers: Vec<_> = counts.iter().map(|count| count["targets"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, next| one >= next), "{numbers:?}");

    let table = finish(sandbox.rollcall("targets").args(["--by", "tags"]));
    let rows: Vec<Vec<_>> = stdout(&table).lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["servers", "tags"]);
    for (row, count) in rows[1..].iter().zip(counts) {
        assert_eq!(row, &[count["targets"].to_string().as_str(), count["value"].as_str().unwrap()]);
    }
    let names = finish(sandbox.rollcall("targets").args(["--by", "tags", "-o", "names"]));
    assert_eq!(stdout(&names).lines().count(), counts.len());
    assert!(stdout(&names).contains(&format!("{}: ", counts[0]["value"].as_str().unwrap())));
}

#[test]
fn what_is_missing_is_counted_as_such() {
    let sandbox = sandbox_of_names(&["a", "b", "c"]);
    let output = finish(sandbox.rollcall("targets").args(["--by", "pendingMaintenance"]));
    assert_eq!(
        stdout(&output),
        " servers  pendingMaintenance\n       3  (missing)\n\n3 of 3 servers\n",
        "{output:?}"
    );
    let output = finish(sandbox.rollcall("targets").args(["-o", "json", "--by", "pendingMaintenance"]));
    assert_eq!(document(&output)["counts"], json!([{ "value": null, "targets": 3 }]));
}

#[test]
fn a_field_that_nobody_knows_is_refused_with_its_nearest() {
    let sandbox = Sandbox::start(&["--vms", "3"]);
    for (field, message) in [
        ("operatingSystem.famly", "did you mean `operatingSystem.family`?"),
        ("", "a field is named by its path"),
    ] {
        let output = finish(sandbox.rollcall("targets").args(["--by", field]));
        assert_eq!((code(&output), stdout(&output)), (2, ""), "{output:?}");
        assert!(stderr(&output).contains(message), "{output:?}");
    }
}

#[test]
fn names_and_values_of_others_are_inert() {
    let sandbox = sandbox_of_names(&["\u{1b}[2Jwiped", "two\nlines", "$(touch pwned); x", "{{ 7*7 }}"]);
    for arguments in
        [&["-o", "names"][..], &["--by", "name"], &["--by", "name", "-o", "names"], &["-o", "table"]]
    {
        let output = finish(sandbox.rollcall("targets").args(arguments));
        assert_eq!(code(&output), 0);
        let text = stdout(&output);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
        for shown in [r"\x1b[2Jwiped", r"two\nlines", "$(touch pwned); x", "{{ 7*7 }}"] {
            assert!(text.contains(shown), "{shown} is not in {text}");
        }
    }
}
