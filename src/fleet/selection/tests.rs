use serde_json::{Value, json};

use super::*;
use crate::playbook::Pattern;

fn fleet() -> Vec<Value> {
    let vps = |id: &str, name: &str, ip: Value, power: Value, family: &str, tags: Value, memory: Value| {
        json!({
            "id": id, "name": name, "primaryIp": ip, "serviceStatus": "active", "powerState": power,
            "operatingSystem": if family.is_empty() { Value::Null } else { json!({ "family": family }) },
            "tags": tags, "resources": { "memoryGb": memory },
        })
    };
    vec![
        vps("vps_1", "web-1", json!("192.0.2.1"), json!("running"), "debian", json!(["blue"]), json!(2)),
        vps("vps_2", "web-2", json!("192.0.2.2"), json!("stopped"), "ubuntu", json!([]), json!(4)),
        vps("vps_3", "db-1", Value::Null, json!("running"), "", json!(["blue", "old"]), json!("8")),
        vps("vps_4", "db-1", json!("192.0.2.4"), Value::Null, "debian", Value::Null, json!(8)),
        vps("../x", "odd", json!("192.0.2.5"), json!("running"), "debian", json!(["old"]), json!(16)),
    ]
}

fn rule(path: &str, patterns: &[&str]) -> FieldRule {
    let patterns = patterns.iter().map(|text| Pattern::glob(text).unwrap()).collect();
    FieldRule { path: path.to_owned(), patterns }
}

fn matching(path: &str, patterns: &[&str]) -> TargetRules {
    TargetRules { matching: vec![rule(path, patterns)], ..TargetRules::default() }
}

fn excluding(path: &str, patterns: &[&str]) -> TargetRules {
    TargetRules { exclude: vec![rule(path, patterns)], ..TargetRules::default() }
}

fn condition(text: &str) -> TargetRules {
    TargetRules { condition: Some(Expression::compile(text).unwrap()), ..TargetRules::default() }
}

/// Ids that the selection picks of the fleet, and what it says in the end.
fn select(selection: Selection) -> (Vec<String>, Result<Tally, String>) {
    let mut selector = Selector::new(selection, Vars::default());
    let mut picked = Vec::new();
    for object in fleet() {
        let vps = Vps::new(object.as_object().unwrap().clone());
        if selector.picks(&vps) {
            picked.push(vps.raw_id().to_owned());
        }
    }
    let tally = selector.finish().map(|()| selector.tally().clone()).map_err(|error| error.to_string());
    (picked, tally)
}

fn by(rules: impl Into<Vec<TargetRules>>) -> Selection {
    Selection { rules: rules.into(), ..Selection::default() }
}

#[test]
fn f3_without_rules_all_active_and_running_are_picked_and_exclude_only_narrows() {
    let (picked, tally) = select(Selection::default());
    assert_eq!(picked, ["vps_1", "vps_3", "../x"]);
    assert_eq!(tally.unwrap().not_running, 2);
    let (picked, tally) = select(by([excluding("tags", &["old"])]));
    assert_eq!(picked, ["vps_1"]);
    assert_eq!((tally.as_ref().unwrap().excluded, tally.unwrap().not_running), (2, 2));
}

#[test]
fn all_rule_sets_and_all_paths_must_agree_and_any_pattern_will_do() {
    assert_eq!(select(by([matching("name", &["WEB-*", "odd"])])).0, ["vps_1", "vps_2", "../x"]);
    assert_eq!(select(by([matching("name", &["web-*"]), matching("tags", &["blue"])])).0, ["vps_1"]);
    assert_eq!(
        select(by([matching("name", &["*"]), excluding("tags", &["old"])])).0,
        ["vps_1", "vps_2", "vps_4"]
    );
}

#[test]
fn f4_a_null_field_matches_nothing_and_excludes_nothing() {
    assert_eq!(select(by([matching("powerState", &["*"])])).0.len(), 4);
    let (picked, tally) = select(by([matching("name", &["*"]), excluding("operatingSystem.family", &["*"])]));
    assert_eq!(picked, ["vps_3"]);
    assert_eq!(tally.unwrap().lacking["operatingSystem.family"], 1);
    assert_eq!(select(by([condition("powerState != 'running'")])).0, ["vps_2"]);
}

#[test]
fn f5_a_number_compared_with_text_leaves_a_server_out_and_is_an_error_if_it_is_so_for_all() {
    let (picked, tally) = select(by([condition("resources.memoryGb >= 4")]));
    assert_eq!(picked, ["vps_2", "vps_4", "../x"]);
    assert_eq!(tally.unwrap().not_evaluable, 1);
    let (picked, tally) = select(by([condition("name > 3")]));
    assert!(picked.is_empty());
    insta::assert_snapshot!(tally.unwrap_err(), @"`where` could be judged for none of the 5 VPSes: a text (web-1) cannot be compared with a number (3)");
}

#[test]
fn f8_a_field_that_no_server_has_is_an_error_unless_the_api_documents_it() {
    let (_, tally) = select(by([matching("powerstat", &["on"]), condition("zone == 'a'")]));
    insta::assert_snapshot!(tally.unwrap_err(), @"no VPS has the field `powerstat` (did you mean `powerState`?), nor `zone`");
    let (picked, tally) = select(by([matching("pendingMaintenance.deadline", &["*"])]));
    assert!(picked.is_empty() && tally.is_ok());
}

#[test]
fn f9_a_name_must_mean_exactly_one_server() {
    let named = |names: &[&str]| Selection {
        named: names.iter().map(|&name| name.to_owned()).collect(),
        ..Selection::default()
    };
    // Named ones are picked whatever their state.
    assert_eq!(select(named(&["WEB-2", "192.0.2.4", "vps_1"])).0, ["vps_1", "vps_2", "vps_4"]);
    insta::assert_snapshot!(select(named(&["db-1", "web-9", "nothing like it"])).1.unwrap_err(), @r"
    no VPS has the name, id or address `nothing like it`
    no VPS is called `web-9`; did you mean `web-1`?
    `db-1` means 2 VPSes, so name one by its id: vps_3, vps_4
    ");
    let listed = Selection { listed: Some(vec!["vps_3".to_owned(), "web-1".to_owned()]), ..named(&[]) };
    assert_eq!(select(listed).0, ["vps_1", "vps_3"]);
    let narrowed = Selection { rules: vec![matching("tags", &["old"])], ..named(&["vps_3", "web-1"]) };
    assert_eq!(select(narrowed).0, ["vps_3"]);
    let empty = Selection { listed: Some(vec![]), ..Selection::default() };
    assert!(select(empty).0.is_empty());
}

#[test]
fn another_count_than_expected_is_an_error_and_a_sample_counts_as_drawn() {
    let selection = Selection { expect: Some(2), ..Selection::default() };
    insta::assert_snapshot!(select(selection.clone()).1.unwrap_err(), @"3 VPSes are selected, not 2 as --expect says");
    assert!(select(Selection { sample: Some(2), ..selection }).1.is_ok());
}

#[test]
fn i6_a_server_that_is_listed_twice_is_picked_once() {
    let mut selector = Selector::new(Selection::default(), Vars::default());
    let vps = Vps::new(fleet()[0].as_object().unwrap().clone());
    assert!(selector.picks(&vps));
    assert!(!selector.picks(&vps));
    assert_eq!(selector.tally().listed, 1);
}
