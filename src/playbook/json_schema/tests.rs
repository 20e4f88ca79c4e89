//! The schema takes what reading takes, and finds what an editor can find.

use std::{fs, path::Path};

use super::{
    validator::{why_not, why_not_part},
    *,
};

/// What is wrong with a playbook's text under the schema.
fn wrong(text: &str) -> Option<String> {
    let node = yaml::read(&Source::new("x", text)).expect(text);
    why_not(&json_schema(), &value(&node))
}

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_schema_is_what_editors_were_given() {
    insta::assert_json_snapshot!(json_schema());
}

#[test]
fn every_example_and_default_fits_its_key() {
    let schema = json_schema();
    for keys in ALL {
        let part =
            if keys.section == PLAYBOOK.section { &schema } else { &schema["definitions"][keys.section] };
        for (name, property) in part["properties"].as_object().unwrap() {
            for example in property["examples"].as_array().unwrap().iter().chain(property.get("default")) {
                assert_eq!(why_not_part(&schema, property, example), None, "{name}: {example}");
            }
        }
    }
}

#[test]
fn shipped_playbooks_are_valid() {
    let directory = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks")).unwrap();
    let mut looked_at = 0;
    for entry in directory {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(wrong(&text), None, "{}", path.display());
        looked_at += 1;
    }
    assert!(looked_at >= 3);
}

#[test]
fn what_reading_takes_is_valid() {
    for text in [
        "run: uptime",
        "run: uptime\ntimeout: 1h 30m\naccept: 1\nexpect: stdout == 'x'\nwhen: vars.x\nvars: { x: , y: [], z: [1, a] }",
        "steps: [{ run: a, expect: { not full: a < 5 }, capture: { a: stdout } }]",
        "run: x\nstrategy: { batches: 1, max_failures: 0, pause: 500ms, rate: 5 / 1s }",
        "run: x\nstrategy: { batches: [\"5\", 0.05%, 100%, 100.00%, 10 %], max_failures: 0% }",
        "run: x\ntargets: { match: { a.b: [x*, 4, true] }, exclude: { tags: x } }",
        "run: x\nvars: { token: { from_env: TOKEN, secret: true } }",
    ] {
        assert_eq!(wrong(text), None, "{text}");
    }
}

#[test]
fn what_an_editor_should_underline_is_not_valid() {
    for text in [
        "name: nothing is run",
        "run: uptime\nsteps: [{ run: who }]",
        "timeout: 5s\nsteps: [{ run: who }]",
        "run: uptime\nsteps_: []",
        "steps: []",
        "steps: [{ name: x }]",
        "run: ' '",
        "run: x\ntimeout: 30",
        "run: x\ntimeout: 1.5h",
        "run: x\ntimeout: ''",
        "run: x\nstrategy: { rate: 300 }",
        "run: x\nstrategy: { concurrency: 0 }",
        "run: x\nstrategy: { batches: [0] }",
        "run: x\nstrategy: { batches: 0% }",
        "run: x\nstrategy: { batches: 0.00% }",
        "run: x\nstrategy: { batches: [] }",
        "run: x\nstrategy: { max_failures: 120% }",
        "run: x\nstrategy: { order: shuffled }",
        "run: x\neffects: write",
        "run: x\nbundle: no",
        "run: x\nvars: { token: { from_env: A, from_file: b } }",
        "run: x\nvars: { 9h: 1 }",
        "run: x\ntargets: { name: web }",
        "run: x\nreport: { columns: [a b] }",
    ] {
        assert!(wrong(text).is_some(), "{text}");
    }
}

#[test]
fn broken_playbooks_are_not_valid_where_a_key_or_its_shape_is_wrong() {
    for name in ["bad-duration", "empty-run", "idempotent-text", "two-mistakes", "unknown-key", "wrong-type"]
    {
        let text = file(&format!("tests/fixtures/broken/{name}.yaml"));
        assert!(wrong(&text).is_some(), "{text}");
    }
}
