//! Expressions of steps: what they see, which values they give, and why they do not hold.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{super::Vars, *};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other}"),
    }
}

fn vars() -> Vars {
    let mut vars = Vars::from_values([
        ("threshold".to_owned(), json!(90)),
        ("range".to_owned(), json!("192.0.2.0/24")),
        ("number".to_owned(), json!("[0-9]+")),
        ("names".to_owned(), json!(["a", "b"])),
    ]);
    vars.set("token".to_owned(), json!("hunter2-is-long"), true);
    vars
}

/// Asks something of an expression, in a step whose command has run.
fn ask<T>(text: &str, what: impl FnOnce(&Expression, &Context<'_>) -> T) -> T {
    let target =
        object(json!({ "name": "web-12", "primaryIp": "198.51.100.7", "tags": [], "powerState": null }));
    let captured = object(json!({
        "used": 97, "release": { "ID": "debian", "none": null }, "ready": false, "unit": "up\nfine", "stdin": "x",
        "echoed": "the token is hunter2-is-long, they say", "long": "x".repeat(200), "codes": [1, 2, 3],
    }));
    let (target, captured, vars) = (target, captured, vars());
    let context = Context::of_step(&target, &vars, &captured).with_output(Some("41%\n"), None, 3);
    what(&Expression::compile(text).unwrap_or_else(|error| panic!("{text}: {error}")), &context)
}

fn judge(text: &str) -> Judgement {
    ask(text, Expression::judge)
}

fn why_not(text: &str) -> String {
    ask(text, Expression::why_not)
}

#[test]
fn a_step_sees_its_target_captures_variables_and_output() {
    for text in [
        "target.name == 'web-12' and 'name' in target and target['name'] is startingwith('web')",
        "used > vars.threshold",
        "release.ID == 'debian' and release['ID'] in ['debian', 'ubuntu']",
        "exit_code == 3 and stdout == '41%\n'",
        "stdout | trim | trim('%') | int == 41",
        "stdin == 'x'",
        "stderr is undefined and stderr | default('') == ''",
        "target.powerState is undefined and release.none is undefined and nothing is undefined",
        "codes[0] == 1 and codes | length == 3",
    ] {
        assert_eq!(judge(text), Judgement::Holds, "{text}");
    }
}

#[test]
fn what_a_step_does_not_know_is_not_judged() {
    for (text, reason) in [
        ("nothing == 1", "`nothing` was not captured"),
        ("nothing.deeper == 1", "`nothing` was not captured"),
        ("release.VERSION == 1", "`release.VERSION` is undefined"),
        ("stderr == ''", "`stderr` is cut: not all of it was kept"),
        ("stderr | length == 0", "`stderr` is cut: not all of it was kept"),
        ("'x' in stderr", "`stderr` is cut: not all of it was kept"),
        ("target.powerState == 'running'", "`target.powerState` is undefined"),
        ("name == 'web-12'", "`name` was not captured"),
        ("exit_code.x == 1", "`exit_code.x` is undefined"),
        ("exit_code == '3'", "`exit_code == '3'` compares a number with a text"),
    ] {
        assert_eq!(judge(text), Judgement::NotEvaluable(reason.to_owned()), "{text}");
        assert_eq!(why_not(text), reason, "{text}");
    }
    let (nothing, vars) = (Map::new(), Vars::default());
    let before = Context::of_step(&nothing, &vars, &nothing);
    let judgement = Expression::compile("exit_code == 0").unwrap().judge(&before);
    assert_eq!(judgement, Judgement::NotEvaluable("`exit_code` is undefined".to_owned()));
}

#[test]
fn a_field_may_be_called_like_an_output() {
    let fields = object(json!({ "stdout": "a", "target": "b", "exit_code": 1 }));
    let vars = Vars::default();
    let context = Context::of_fields(&fields, &vars);
    let expression = Expression::compile("stdout == 'a' and target == 'b' and exit_code == 1").unwrap();
    assert_eq!(expression.judge(&context), Judgement::Holds);
    assert_eq!(expression.judge(&context.with_output(Some("x"), None, 0)), Judgement::Holds);
}

#[test]
fn a_capture_is_a_value_or_the_reason_why_there_is_none() {
    for (text, value) in [
        ("stdout | trim | trim('%') | int", json!(41)),
        ("used / 2", json!(48.5)),
        ("release", json!({ "ID": "debian", "none": null })),
        ("target.tags", json!([])),
        ("stdout | regex('([0-9]+)%') | int", json!(41)),
        ("stdout | regex(vars.number)", json!("41")),
        ("'{\"a\": [1, 2.5]}' | from_json", json!({ "a": [1, 2.5] })),
        ("('A=1\nB=2' | from_kv).B", json!("2")),
        ("'1.5K' | bytes + ('2min' | duration)", json!(1656)),
        ("codes | sum", json!(6)),
        ("used > 90", json!(true)),
        ("stdout | split('%')", json!(["41", "\n"])),
        ("'{{ vars.x }}'", json!("{{ vars.x }}")),
        ("'18446744073709551615' | int", json!(u64::MAX)),
    ] {
        assert_eq!(ask(text, Expression::value), Ok(value), "{text}");
    }
    for (text, reason) in [
        ("stderr | from_json", "`stderr` is cut: not all of it was kept"),
        ("stdout | regex('no (x)')", "`stdout | regex('no (x)')` is undefined"),
        ("stdout | from_json", "`stdout | from_json` is undefined"),
        ("('{}' | from_json).a", "`('{}' | from_json).a` is undefined"),
        ("stdout | from_kv", "`stdout | from_kv` is undefined"),
        ("stdout | trim | bytes", "`stdout | trim | bytes` is undefined"),
        ("stdout | duration", "`stdout | duration` is undefined"),
        ("used | regex('9')", "`used` is a number, not a text"),
        ("used | from_json", "`used | from_json`: not a text"),
        ("'null' | from_json", "`'null' | from_json` is undefined"),
        ("[unit] | sum", "`[unit] | sum`: can only sum numbers, got string"),
        ("stderr | trim", "`stderr` is cut: not all of it was kept"),
        ("nothing", "`nothing` was not captured"),
        ("release.none", "`release.none` is undefined"),
        ("unit | int", "`unit | int` is undefined"),
        ("target.tags | first", "`target.tags | first` is undefined"),
        ("target.tags | last", "`target.tags | last` is undefined"),
        ("1 / 0", "`1 / 0` divides by zero"),
        ("9223372036854775807 * 9", "the number 83010348331692982263 is too large to be kept"),
        ("[[9223372036854775807 * 9]]", "the number 83010348331692982263 is too large to be kept"),
        ("long | replace('x', long) | replace('x', 'xx')", "too large to be a value: over 64 KiB"),
        ("vars.token * 2", "`vars.token` is a text, not a number"),
    ] {
        assert_eq!(ask(text, Expression::value), Err(reason.to_owned()), "{text}");
    }
}

#[test]
fn what_fails_is_shown_with_the_values_on_both_sides() {
    for (text, why) in [
        ("used < vars.threshold", "used < vars.threshold: 97 < 90"),
        ("  used\n  <   vars.threshold", "used < vars.threshold: 97 < 90"),
        ("(used < vars.threshold)", "used < vars.threshold: 97 < 90"),
        ("exit_code == 3 and used < 90 and ready", "used < 90: 97 < 90"),
        ("exit_code == 3 and (ready or used < 90)", "ready: it is false; used < 90: 97 < 90"),
        (
            "used < 1 or used < 2 or used < 3 or used < 4",
            "used < 1: 97 < 1; used < 2: 97 < 2; used < 3: 97 < 3; …",
        ),
        ("not (used > 90)", "not (used > 90): 97 > 90"),
        ("not used > 90", "not used > 90: 97 > 90"),
        ("not (exit_code == 1 or used > 90)", "not (exit_code == 1 or used > 90): 97 > 90"),
        ("not (exit_code == 3 and used > 90)", "not (exit_code == 3 and used > 90): 3 == 3 and 97 > 90"),
        ("90 < used < 95", "used < 95: 97 < 95"),
        ("not 90 < used < 99", "not 90 < used < 99: 90 < 97 < 99"),
        ("release.ID in ['rhel', 'suse']", r#"release.ID in ['rhel', 'suse']: "debian" in ["rhel", "suse"]"#),
        ("used not in codes + [97]", "`codes` is a list, not a number"),
        ("1 not in codes", "1 not in codes: 1 not in [1, 2, 3]"),
        ("target.tags", "target.tags: it is []"),
        ("ready", "ready: it is false"),
        ("unit == 'down'", r#"unit == 'down': "up\nfine" == "down""#),
        ("unit is matching('^down')", r#"unit is matching('^down'): it is "up\nfine""#),
        ("unit is not matching('^up')", r#"unit is not matching('^up'): it is "up\nfine""#),
        ("unit is startingwith('down')", r#"unit is startingwith('down'): it is "up\nfine""#),
        ("nothing is defined", "nothing is defined: it is undefined"),
        ("used is undefined", "used is undefined: it is 97"),
        (
            "cidr(target.primaryIp, vars.range)",
            r#"cidr(target.primaryIp, vars.range): "198.51.100.7" is not in "192.0.2.0/24""#,
        ),
        ("not cidr(target.primaryIp, '::/0') and not used", "not used: it is 97"),
        ("1 == 2", "1 == 2"),
        ("used | default(0) < 90", "used | default(0) < 90: 97 < 90"),
        (
            "not ([release.ID, ready] == ['debian', false])",
            r#"not ([release.ID, ready] == ['debian', false]): ["debian", false] == ["debian", false]"#,
        ),
        ("not ('ID' in release)", r#"not ('ID' in release): "ID" in {"ID": "debian", "none": null}"#),
        ("used > 90", "used > 90: it holds"),
    ] {
        assert_eq!(why_not(text), why, "{text}");
    }
}

#[test]
fn what_is_shown_is_short_and_on_one_line() {
    let why = why_not("long == 'y'");
    assert_eq!(why, format!("long == 'y': \"{}…\" == \"y\"", "x".repeat(60)));
    let why = why_not("'\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}' == unit");
    assert!(why.chars().count() < 150, "{why}");
    let many = (0..400).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    for text in [format!("used in [{many}] and unit in\n[{many}]"), format!("500 in [{many}]\nand 'x'")] {
        let why = why_not(&text);
        assert!(why.lines().count() == 1 && why.chars().count() < 300, "{why}");
    }
}

#[test]
fn a_secret_is_neither_shown_nor_what_was_made_of_it() {
    for text in [
        "vars.token == 'x'",
        "vars.token | upper == 'x'",
        "'x' in vars.token",
        "vars.token | length == 1",
        "[vars.token] == ['x']",
        "vars.token is matching('^x')",
        "vars.token | replace('-', '') == ''",
        "stdout is matching(vars.token)",
        "echoed == 'x'",
        "[echoed] == ['x']",
        "echoed | split(' ') == []",
        "used | default(vars.token) == 'hunter2-is-long'",
        "vars.token + 1 == 2",
        "vars.token < 'a'",
        "not vars.token",
    ] {
        let why = why_not(text).to_lowercase();
        assert!(!why.contains("hunter2"), "{text}: {why}");
        let why = ask(&format!("({text}) == 'z'"), |expression, context| {
            format!("{:?} {}", expression.judge(context), expression.value(context).err().unwrap_or_default())
        });
        assert!(!why.contains("hunter2"), "{text}: {why}");
    }
    assert_eq!(why_not("vars.token == stdout"), r#"vars.token == stdout: [redacted] == "41%\n""#);
    assert_eq!(why_not("echoed == 'x'"), r#"echoed == 'x': "the token is [redacted], they say" == "x""#);
}

#[test]
fn an_output_of_any_size_is_taken_apart_and_memory_is_bounded() {
    let lines: Vec<_> = (0..20_000).map(|number| format!("line {number}")).collect();
    let lines = lines.join("\n");
    let output = format!("{lines}\n{}", "x".repeat(256 * 1024 - lines.len() - 1));
    let (nothing, vars) = (Map::new(), Vars::default());
    let context = Context::of_step(&nothing, &vars, &nothing).with_output(Some(&output), None, 0);
    let value = |text: &str| Expression::compile(text).unwrap().value(&context);
    for (text, expected) in [
        ("stdout | lines | length", json!(20_001)),
        ("stdout | trim | lower | lines | first", json!("line 0")),
        ("stdout | regex('(?m)^line (1999.)$') | int", json!(19_990)),
        ("(stdout | length) + (stdout | upper | length)", json!(512 * 1024)),
    ] {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
    for part in ["stdout", "stdout + 'x'", "stdout | lines", "stdout | split('')", "stdout | upper"] {
        let many = vec![part; 800].join(", ");
        let started = jiff::Timestamp::now();
        assert!(value(&format!("[{many}]")).is_err(), "{part}");
        let taken = jiff::Timestamp::now().duration_since(started);
        assert!(taken < jiff::SignedDuration::from_secs(3), "{part}: {taken:?}");
    }
}

#[test]
fn what_an_expression_reads_is_known_beforehand() {
    let compile = |text: &str| Expression::compile(text).unwrap();
    assert!(compile("target.name == 'a'").reads_target() && compile("'a' in target").reads_target());
    assert!(!compile("used == vars.target and targets == 1").reads_target());
    let read =
        compile("used < vars.x and release.ID == release['NAME'] and stdout == target.y + codes[exit_code]");
    assert_eq!(read.captures_read().collect::<Vec<_>>(), ["used", "release", "codes"]);
}

/// Texts that hold a secret, or a part of one.
fn echoes() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "s3cr\"t\\word",
        "s3cr",
        "\"t\\word",
        "\n",
        "ä",
        "'",
        "{",
        "xxxxxxxxxxxxxxxxxxxx",
    ]);
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn why_not_never_shows_a_secret_and_always_one_line(
        text in "(not )?(stdout|a|vars\\.secret|a\\.b|[0-9]|'x'|\\[a, stdout\\]) ?(==|<|in|not in|and|or|is matching\\('x'\\) and|\\+|\\| lower ==|\\| split\\('x'\\) ==) ?(stdout|a|vars\\.secret|true|'y'|\\[vars\\.secret\\])( and stdout| or not a)?",
        stdout in echoes(), captured in echoes(), nested in any::<bool>(),
    ) {
        let mut vars = Vars::default();
        vars.set("secret".to_owned(), json!("s3cr\"t\\word"), true);
        let captured = object(if nested { json!({ "a": { "b": [captured] } }) } else { json!({ "a": captured }) });
        let target = Map::new();
        let context = Context::of_step(&target, &vars, &captured).with_output(Some(&stdout), None, 0);
        if let Ok(expression) = Expression::compile(&text) {
            let shown = [expression.why_not(&context), format!("{:?}", expression.judge(&context))];
            for shown in shown {
                prop_assert!(!shown.contains("s3cr\"t\\word"), "{text}: {shown}");
                prop_assert!(!shown.contains("s3cr\\\"t\\\\word"), "{text}: {shown}");
                prop_assert!(shown.lines().count() <= 1, "{text}: {shown}");
            }
            let _ = expression.value(&context);
        }
    }

    #[test]
    fn no_expression_makes_a_step_panic(
        text in "(target|stdout|stderr|exit_code|a|vars|\\.a|'x'|[0-9.]{1,3}|==|<|\\+|-|//|%|\\||is|in|not|and|or|defined|default|first|last|sort|join|int|\\(|\\)|\\[|\\]|,| ){0,24}",
        stdout in ".{0,40}",
    ) {
        if let Ok(expression) = Expression::compile(&text) {
            let (captured, vars) = (object(json!({ "a": [1, { "a": null }] })), vars());
            let context = Context::of_step(&captured, &vars, &captured).with_output(Some(&stdout), None, 1);
            let why = expression.why_not(&context);
            match expression.judge(&context) {
                Judgement::NotEvaluable(reason) => prop_assert_eq!(why, reason),
                Judgement::Holds => prop_assert!(why.ends_with("it holds")),
                Judgement::Fails => prop_assert!(!why.is_empty()),
            }
            let _ = expression.value(&context);
        }
    }
}
