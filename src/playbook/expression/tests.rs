use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

fn judge(text: &str, fields: &Json) -> Judgement {
    let vars = Vars::from_values([("limit".to_owned(), json!(4)), ("family".to_owned(), json!("debian"))]);
    Expression::compile(text).unwrap().judge(fields.as_object().unwrap(), &vars)
}

fn server() -> Json {
    json!({
        "name": "web-1", "primaryIp": "192.0.2.21", "powerState": null, "tags": ["blue", 7],
        "operatingSystem": { "family": "debian", "version": "12" },
        "resources": { "memoryGb": 4, "cpuCores": 2.0 }, "pinned": false,
    })
}

#[test]
fn conditions_over_fields_and_variables_hold_or_fail() {
    for (text, expected) in [
        ("resources.memoryGb >= 4", true),
        ("resources.memoryGb > vars.limit", false),
        ("1 < resources.memoryGb <= vars.limit", true),
        ("resources.memoryGb == 4.0 and resources.cpuCores == 2", true),
        ("operatingSystem.family == vars.family", true),
        ("operatingSystem.family in ['debian', 'ubuntu']", true),
        ("operatingSystem.family not in ['debian', 'ubuntu']", false),
        ("'blue' in tags", true),
        ("'7' in tags", false),
        ("'eb' in name", true),
        ("'family' in operatingSystem", true),
        ("not cidr(primaryIp, '192.0.2.0/25', '2001:db8::/32')", false),
        ("name is matching('^web-[0-9]+$')", true),
        ("name is startingwith('web') and name is not endingwith('2')", true),
        ("powerState is defined", false),
        ("powerState is undefined", true),
        ("location.city is undefined", true),
        ("powerState | default('off') == 'off'", true),
        ("operatingSystem.version | int < 13", true),
        ("name | upper | length == 5", true),
        ("resources.memoryGb / resources.cpuCores == 2", true),
        ("'big' == ('big' if resources.memoryGb > 2 else 'small')", true),
        ("tags[0] == 'blue'", true),
        ("pinned", false),
        ("false and powerState == 'x'", false),
        ("true or powerState == 'x'", true),
        ("-1 < 0", true),
    ] {
        let expected = if expected { Judgement::Holds } else { Judgement::Fails };
        assert_eq!(judge(text, &server()), expected, "{text}");
    }
}

#[test]
fn f4_a_null_or_missing_field_makes_a_server_not_evaluable_under_negation_too() {
    for text in [
        "powerState == 'running'",
        "powerState != 'running'",
        "not (powerState == 'running')",
        "not powerState",
        "powerState in ['running']",
        "'running' not in powerState",
        "location.city == 'x'",
        "not cidr(location, '192.0.2.0/24')",
        "powerState | lower == 'x'",
        "powerState is matching('x')",
        "powerState == 'x' or true",
        "tags[9] == 'x'",
    ] {
        assert!(matches!(judge(text, &server()), Judgement::NotEvaluable(_)), "{text}");
    }
}

#[test]
fn f5_a_number_is_never_compared_with_a_text() {
    for text in [
        "operatingSystem.version > 11",
        "operatingSystem.version == 12",
        "not (operatingSystem.version != 12)",
        "resources.memoryGb == '4'",
        "pinned == 0",
        "tags > 3",
        "name + 1 == 2",
    ] {
        assert!(matches!(judge(text, &server()), Judgement::NotEvaluable(_)), "{text}");
    }
    let Judgement::NotEvaluable(why) = judge("operatingSystem.version > 11", &server()) else { panic!() };
    assert_eq!(why, "a text (12) cannot be compared with a number (11)");
}

#[test]
fn f1_f6_f7_mistakes_are_found_when_a_condition_is_read() {
    let deep = format!("{}1{}", "(".repeat(400), ")".repeat(400));
    let longer = "(".repeat(10_000);
    let negatives = "-".repeat(999);
    // Deep without being refused: it must not overflow the stack either.
    assert!(Expression::compile(&format!("{}1", "- ".repeat(100))).unwrap().value().is_ok());
    let mistakes: Vec<String> = [
        "resources.memoryGb >=",
        "name = 'x'",
        "name is matchin('x')",
        "name is matching('[')",
        "name is matching('(a{1000}){1000}')",
        "name | lowr == 'x'",
        "name | default",
        "subnet(primaryIp)",
        "cidr(primaryIp)",
        "cidr(primaryIp, 'ten')",
        "name == none",
        "name[1:2] == 'x'",
        "['a'] * 2 == {}",
        &deep,
        &longer,
        &negatives,
    ]
    .iter()
    .map(|text| {
        let error = Expression::compile(text).unwrap_err();
        let marked = error.span.as_ref().and_then(|span| text.get(span.clone())).unwrap_or("-");
        let text: String = text.chars().take(36).collect();
        format!("{text}\n    {} [{}]", error.message, marked.chars().take(24).collect::<String>())
    })
    .collect();
    insta::assert_snapshot!(mistakes.join("\n"));
}

#[test]
fn a_condition_names_the_fields_that_it_reads() {
    let condition = Expression::compile("a.b > vars.limit and (c is defined or cidr(a.b, '::/0'))").unwrap();
    assert_eq!(condition.names(), ["a.b", "c", "vars.limit"]);
    assert_eq!(Expression::compile("7 // 2").unwrap().value().unwrap().to_string(), "3.0");
    assert!(Expression::compile("1 / 0").unwrap().value().is_err());
}

/// Conditions over three fields, some of which a server lacks.
fn conditions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("b.c".to_owned()),
        Just("d".to_owned()),
        Just("3".to_owned()),
        Just("'x'".to_owned()),
        Just("['x', 3]".to_owned()),
        Just("true".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operators = prop_oneof![
            Just("=="),
            Just("!="),
            Just("<"),
            Just(">="),
            Just("in"),
            Just("not in"),
            Just("and"),
            Just("or"),
            Just("+"),
            Just("~"),
        ];
        prop_oneof![
            (inner.clone(), operators, inner.clone())
                .prop_map(|(one, operator, other)| format!("({one} {operator} {other})")),
            inner.clone().prop_map(|one| format!("(not {one})")),
            inner.clone().prop_map(|one| format!("({one} is defined)")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} | default({other}))")),
            inner.prop_map(|one| format!("({one} | lower)")),
        ]
    })
}

fn values() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        Just(json!(3)),
        Just(json!("x")),
        Just(json!(["x", null, 3])),
        Just(json!({ "c": "x" })),
        Just(json!(false)),
    ]
}

proptest! {
    #[test]
    fn negation_never_makes_a_server_evaluable(text in conditions(), a in values(), b in values()) {
        let fields = json!({ "a": a, "b": b });
        let plain = judge(&text, &fields);
        let negated = judge(&format!("not ({text})"), &fields);
        match plain {
            Judgement::Holds => prop_assert_eq!(negated, Judgement::Fails),
            Judgement::Fails => prop_assert_eq!(negated, Judgement::Holds),
            Judgement::NotEvaluable(_) => prop_assert!(matches!(negated, Judgement::NotEvaluable(_)), "{:?}", negated),
        }
    }

    #[test]
    fn g14_a_server_without_any_field_is_never_picked_by_a_comparison_of_fields(
        field in "[a-c](\\.[a-c]){0,2}", operator in "==|!=|<|>=|in|not in", negated: bool,
    ) {
        let comparison = format!("{field} {operator} 'x'");
        let text = if negated { format!("not ({comparison})") } else { comparison };
        let judgement = judge(&text, &json!({}));
        prop_assert!(matches!(judgement, Judgement::NotEvaluable(_)), "{} gives {:?}", text, judgement);
    }

    #[test]
    fn no_text_makes_reading_a_condition_panic(text in "\\PC{0,60}") {
        let _ = Expression::compile(&text);
    }
}
