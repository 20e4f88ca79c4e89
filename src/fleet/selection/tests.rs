//! What selections pick, what they count, and what they refuse.

use serde_json::json;

use super::*;
use crate::playbook::{Expression, Pattern};

fn vps(fields: &Value) -> Vps {
    Vps::new(fields.as_object().unwrap().clone())
}

/// Four running servers and a stopped one, a suspended one and one of which little is known.
fn fleet() -> Vec<Vps> {
    let server =
        |id: &str, name: &str, status: &str, power: Value, version: &str, memory: f64, tags: Value| {
            vps(&json!({
                "id": id, "name": name, "primaryIp": format!("192.0.2.{}", id.len()), "serviceStatus": status,
                "powerState": power, "operatingSystem": { "family": "debian", "version": version },
                "resources": { "memoryGb": memory }, "tags": tags,
            }))
        };
    vec![
        server("v1", "web-1", "active", json!("running"), "12", 4.0, json!(["web", "eu"])),
        server("v22", "web-2", "active", json!("running"), "11", 8.0, json!(["web"])),
        server("v333", "db-1", "active", json!("running"), "12", 16.0, json!(["db", "eu"])),
        server("v4444", "Db-2", "active", json!("running"), "12", 16.0, json!([])),
        server("v55555", "old", "active", json!("stopped"), "9", 1.0, json!(null)),
        server("v666666", "gone", "suspended", json!("running"), "12", 2.0, json!("web")),
        vps(&json!({ "id": "v7777777", "name": "bare", "powerState": null })),
    ]
}

fn rules(matching: &[(&str, &[&str])], exclude: &[(&str, &[&str])], condition: Option<&str>) -> TargetRules {
    let field_rules = |rules: &[(&str, &[&str])]| {
        let rule = |(path, patterns): &(&str, &[&str])| FieldRule {
            path: (*path).to_owned(),
            patterns: patterns.iter().map(|pattern| Pattern::untyped(pattern).unwrap()).collect(),
        };
        rules.iter().map(rule).collect()
    };
    TargetRules {
        matching: field_rules(matching),
        exclude: field_rules(exclude),
        condition: condition.map(|text| Expression::compile(text).unwrap()),
    }
}

fn selector(rules: Vec<TargetRules>) -> Selector {
    Selector::new(Selection { rules, ..Selection::default() }, Vars::default())
}

fn named(names: &[&str]) -> Selection {
    Selection { named: names.iter().map(|&name| name.to_owned()).collect(), ..Selection::default() }
}

/// The names of those that are picked.
fn picked(selector: &mut Selector) -> Vec<String> {
    fleet().iter().filter(|vps| selector.picks(vps)).map(|vps| vps.name().to_owned()).collect()
}

fn complaint(selector: &mut Selector) -> String {
    picked(selector);
    selector.finish().unwrap_err().to_string()
}

#[test]
fn f3_without_rules_that_pick_all_active_running_ones_are() {
    for sets in [vec![], vec![TargetRules::default()]] {
        let mut selector = selector(sets);
        assert_eq!(picked(&mut selector), ["web-1", "web-2", "db-1", "Db-2"]);
        assert_eq!((selector.tally().listed, selector.tally().not_running), (7, 3));
        assert_eq!(selector.finish(), Ok(()));
    }
    // `exclude` only narrows.
    let mut selector = selector(vec![rules(&[], &[("name", &["web-*"])], None)]);
    assert_eq!(picked(&mut selector), ["db-1", "Db-2"]);
    assert_eq!((selector.tally().excluded, selector.tally().not_running), (2, 3));
}

#[test]
fn all_paths_of_match_must_hold_and_any_of_their_patterns() {
    for (sets, expected) in [
        (vec![rules(&[("name", &["web-*", "old"])], &[], None)], &["web-1", "web-2", "old"][..]),
        (vec![rules(&[("name", &["DB-*"]), ("resources.memoryGb", &["16"])], &[], None)], &["db-1", "Db-2"]),
        (vec![rules(&[("name", &["web-*"]), ("operatingSystem.version", &["12"])], &[], None)], &["web-1"]),
        (vec![rules(&[("tags", &["eu"])], &[], None)], &["web-1", "db-1"]),
        (vec![rules(&[("tags", &["*"])], &[("tags", &["eu"])], None)], &["web-2", "gone"]),
        (vec![rules(&[("name", &["*"])], &[("tags", &["*"])], None)], &["Db-2", "old", "bare"]),
        (
            vec![rules(&[("name", &["web-*"])], &[], None), rules(&[("name", &["*-1"])], &[], None)],
            &["web-1"],
        ),
        (vec![rules(&[], &[], Some("resources.memoryGb >= 16"))], &["db-1", "Db-2"]),
        (vec![rules(&[], &[], Some("powerState is undefined"))], &["bare"]),
    ] {
        let mut selector = selector(sets);
        assert_eq!(picked(&mut selector), expected);
        let tally = selector.tally();
        let parts =
            tally.selected + tally.not_running + tally.excluded + tally.not_matching + tally.not_evaluable;
        assert_eq!(parts, tally.listed);
        assert_eq!(selector.finish(), Ok(()));
    }
}

#[test]
fn f4_a_null_or_missing_field_selects_nothing_and_is_counted() {
    for condition in ["powerState == 'running'", "powerState != 'paused'", "not (powerState == 'paused')"] {
        let mut selector = selector(vec![rules(&[("name", &["bare", "web-1"])], &[], Some(condition))]);
        assert_eq!(picked(&mut selector), ["web-1"], "{condition}");
        let tally = selector.tally();
        assert_eq!((tally.not_evaluable, tally.not_matching), (1, 5));
        assert_eq!(tally.lacking, BTreeMap::from([("powerState".to_owned(), 1)]));
    }
}

#[test]
fn f5_a_comparison_that_never_fits_is_a_mistake() {
    let condition = Some("operatingSystem.version > 11");
    assert_eq!(
        complaint(&mut selector(vec![rules(&[], &[], condition)])),
        "`where` could not be judged for any of 7 VPS(es): `operatingSystem.version > 11` compares a text with a \
         number; compare values of the same type (a filter such as `| int` converts)"
    );
    // For some of them only, it is counted.
    let mut mixed = selector(vec![rules(&[], &[], Some("'eu' in tags and tags | length > 1"))]);
    assert_eq!(picked(&mut mixed), ["web-1", "db-1"]);
    assert_eq!(mixed.finish(), Ok(()));
    // A documented field that nobody has is merely undefined.
    let mut undefined = selector(vec![rules(&[], &[], Some("availability == 'x'"))]);
    assert_eq!(picked(&mut undefined), Vec::<String>::new());
    assert_eq!((undefined.finish(), undefined.tally().not_evaluable), (Ok(()), 7));
}

#[test]
fn f8_a_field_that_nobody_knows_is_a_mistake() {
    for sets in [
        vec![rules(&[("operatingSystem.famly", &["debian"])], &[], None)],
        vec![rules(&[], &[("operatingSystem.famly", &["debian"])], None)],
        vec![rules(&[], &[], Some("operatingSystem.famly is defined"))],
    ] {
        assert_eq!(
            complaint(&mut selector(sets)),
            "unknown field `operatingSystem.famly`: no VPS has it; did you mean `operatingSystem.family`?"
        );
    }
    assert_eq!(
        complaint(&mut selector(vec![rules(&[("zone", &["a"]), ("nme", &["b"])], &[], None)])),
        "unknown field `nme`: no VPS has it; did you mean `name`?\n\
         unknown field `zone`: no VPS has it; `rollcall targets -o json` shows the fields that there are"
    );
    // One that any VPS has is usable, and is what a slip may have meant.
    let extra = vps(&json!({ "id": "x", "name": "x", "datacenter": { "city": "malmö" } }));
    let mut usable = selector(vec![rules(&[("datacenter.city", &["MALMÖ"])], &[], None)]);
    assert!(usable.picks(&extra));
    assert_eq!(usable.finish(), Ok(()));
    let mut slip = selector(vec![rules(&[("datacenter.cty", &["a"])], &[], None)]);
    assert!(!slip.picks(&extra));
    assert!(slip.finish().unwrap_err().to_string().contains("did you mean `datacenter.city`?"));
    // Of no VPS at all nothing can be said.
    assert_eq!(selector(vec![rules(&[("zone", &["a"])], &[], None)]).finish(), Ok(()));
}

#[test]
fn names_ids_and_addresses_pick_whatever_their_state() {
    let mut selector = Selector::new(named(&["OLD", "v22", "192.0.2.4", "v22"]), Vars::default());
    assert!(selector.needs_whole_listing());
    assert_eq!(picked(&mut selector), ["web-2", "db-1", "old"]);
    assert_eq!(selector.finish(), Ok(()));
    // Rules narrow them.
    let narrowed =
        Selection { rules: vec![rules(&[("name", &["web-*"])], &[], None)], ..named(&["old", "web-1"]) };
    let mut selector = Selector::new(narrowed, Vars::default());
    assert_eq!(picked(&mut selector), ["web-1"]);
    assert_eq!(selector.finish(), Ok(()));
    let listed = Selection { listed: Some(vec!["db-2".to_owned()]), ..named(&["v1"]) };
    assert_eq!(picked(&mut Selector::new(listed, Vars::default())), ["web-1", "Db-2"]);
    let empty = Selection { listed: Some(Vec::new()), ..Selection::default() };
    assert_eq!(picked(&mut Selector::new(empty, Vars::default())), Vec::<String>::new());
}

#[test]
fn f9_a_name_must_name_exactly_one() {
    let missing =
        Selection { listed: Some(vec!["web-3".to_owned(), "vps_none".to_owned()]), ..named(&["web-1"]) };
    assert_eq!(
        complaint(&mut Selector::new(missing, Vars::default())),
        "no VPS has the name, id or address \"web-3\"; did you mean \"web-1\"?\n\
         no VPS has the name, id or address \"vps_none\""
    );
    let mut shared = Selector::new(named(&["web-1"]), Vars::default());
    for id in ["a", "b"] {
        assert!(shared.picks(&vps(&json!({ "id": id, "name": "Web-1" }))));
    }
    let error = shared.finish().unwrap_err();
    let ids = vec!["a".to_owned(), "b".to_owned()];
    let problem = super::super::NameProblem::Shared { name: "web-1".to_owned(), ids };
    assert_eq!(error, SelectionError::Names(vec![problem]));
    assert_eq!(
        error.to_string(),
        "2 VPSes are called \"web-1\": \"a\", \"b\"; name the one that is meant by its id"
    );
    let mut nameless = Selector::new(named(&[""]), Vars::default());
    assert!(!nameless.picks(&vps(&json!({ "id": "a", "name": "" }))));
    assert!(nameless.finish().is_err());
}

#[test]
fn expect_counts_what_is_left_after_sample() {
    for (expect, sample, fine) in [(4, None, true), (3, None, false), (2, Some(2), true), (4, Some(9), true)]
    {
        let selection = Selection { expect: Some(expect), sample, ..Selection::default() };
        let mut selector = Selector::new(selection, Vars::default());
        assert!(selector.needs_whole_listing());
        picked(&mut selector);
        assert_eq!((selector.finish().is_ok(), selector.sample()), (fine, sample));
    }
    let selection = Selection { expect: Some(3), ..Selection::default() };
    let message = complaint(&mut Selector::new(selection, Vars::default()));
    assert!(
        message.starts_with("expected 3 target(s), but the selection picks 4; nothing was run"),
        "{message}"
    );
    assert!(!selector(vec![]).needs_whole_listing());
}

#[test]
fn i6_a_vps_that_comes_twice_counts_once() {
    let mut selector = Selector::new(named(&["web-1"]), Vars::default());
    assert_eq!(picked(&mut selector), ["web-1"]);
    assert_eq!(picked(&mut selector), Vec::<String>::new());
    assert_eq!((selector.tally().listed, selector.tally().selected), (7, 1));
    assert_eq!(selector.finish(), Ok(()));
}

#[test]
fn i9_an_unusable_id_is_picked_like_any_other() {
    let mut selector = selector(vec![rules(&[("name", &["*"])], &[], None)]);
    for id in [json!("../x"), json!(""), json!(null), json!("")] {
        assert!(selector.picks(&vps(&json!({ "id": id, "name": "web" }))));
    }
    assert_eq!(selector.tally().selected, 4);
}

#[test]
fn i13_two_of_one_name_are_two_targets() {
    let mut selector = selector(vec![rules(&[("name", &["web"])], &[], None)]);
    assert!(selector.picks(&vps(&json!({ "id": "a", "name": "web" }))));
    assert!(selector.picks(&vps(&json!({ "id": "b", "name": "web" }))));
    assert_eq!(selector.finish(), Ok(()));
}

#[test]
fn g14_an_unexpected_shape_never_selects() {
    for weird in [json!({}), json!({ "serviceStatus": ["active"], "powerState": { "running": true } })] {
        assert!(!selector(vec![]).picks(&vps(&weird)));
        let condition = Some("not (powerState == 'stopped') and not (resources.memoryGb < 4)");
        assert!(!selector(vec![rules(&[], &[], condition)]).picks(&vps(&weird)));
    }
}
