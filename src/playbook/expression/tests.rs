//! What expressions say, and what they refuse to say.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{super::Vars, *};

fn vps() -> Map<String, Value> {
    let vps = json!({
        "name": "web-12", "primaryIp": "192.0.2.7", "powerState": null, "serviceStatus": "active",
        "operatingSystem": { "family": "debian", "version": "12", "variant": null },
        "resources": { "cpuCores": 2, "memoryGb": 4.0, "storageGb": 80 },
        "billing": { "isPayg": false }, "tags": ["web", "eu"], "notes": [], "mixed": [1, null, "a"], "holes": [null],
        "odd-key": 1,
    });
    vps.as_object().unwrap().clone()
}

fn judge(text: &str) -> Judgement {
    let vars = Vars::from_values([
        ("threshold".to_owned(), json!(3)),
        ("pattern".to_owned(), json!("^web-[0-9]+$")),
        ("broken".to_owned(), json!("(")),
        ("range".to_owned(), json!("192.0.2.0/24")),
        ("nothing".to_owned(), json!(null)),
        ("limits".to_owned(), json!({ "disk": 80 })),
    ]);
    Expression::compile(text)
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .judge(&Context::of_fields(&vps(), &vars))
}

fn reason(text: &str) -> String {
    match judge(text) {
        Judgement::NotEvaluable(reason) => reason,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn what_is_true_holds() {
    for text in [
        "name == 'web-12'",
        "resources.memoryGb >= 4 and resources.cpuCores < 4",
        "resources.memoryGb == 4",
        "serviceStatus in ['active', 'pending']",
        "'web' in tags and 'db' not in tags",
        "'eb-1' in name",
        "'family' in operatingSystem",
        "not billing.isPayg",
        "billing.isPayg == false",
        "tags",
        "not notes",
        "name is matching('^web-[0-9]+$')",
        "name is matching(vars.pattern)",
        "name is not matching('^db')",
        "name is startingwith('web') or name is endingwith('x')",
        "cidr(primaryIp, '192.0.2.0/24') and cidr(primaryIp, vars.range)",
        "not cidr(primaryIp, '::/0')",
        "operatingSystem.version | int >= 12",
        "operatingSystem['version'] == \"12\"",
        "resources.storageGb / resources.cpuCores > vars.threshold * 10",
        "resources.storageGb - 1 == 79 and 7 // 2 == 3 and 7 % 4 == 3 and -resources.cpuCores == -2",
        "1 < resources.cpuCores <= 2 != 3",
        "tags | length == 2 and tags | first == 'web' and tags[1] == 'eu' and tags.0 == 'web'",
        "(name | split('-') | last | int) == 12",
        "tags | join('+') | upper == 'WEB+EU'",
        "name | replace('web', 'db') == 'db-12' and 'a' + 'b' == 'ab'",
        "tags == ['web', 'eu'] and tags != ['web']",
        "vars.limits.disk == 80",
        "name == 'a' or name == 'b' or name == 'web-12'",
        "not name == 'a' and name",
        "'a' in mixed",
        "  true\n",
    ] {
        assert_eq!(judge(text), Judgement::Holds, "{text}");
        assert_eq!(judge(&format!("not ({text})")), Judgement::Fails, "{text}");
    }
}

#[test]
fn f4_an_undefined_field_is_judged_by_nothing() {
    for (text, field) in [
        ("powerState == 'running'", "powerState"),
        ("powerState != 'running'", "powerState"),
        ("not (powerState == 'running')", "powerState"),
        ("powerState in ['running']", "powerState"),
        ("powerState not in ['running']", "powerState"),
        ("'a' in missing", "missing"),
        ("missing > 1", "missing"),
        ("1 < missing", "missing"),
        ("missing", "missing"),
        ("not missing", "missing"),
        ("missing.deeper == 1", "missing.deeper"),
        ("operatingSystem.variant == 'x'", "operatingSystem.variant"),
        ("name.deeper == 1", "name.deeper"),
        ("missing | lower == 'a'", "missing"),
        ("missing | length == 0", "missing"),
        ("'a' | replace(missing, 'b') == 'a'", "missing"),
        ("cidr(missing, '::/0')", "missing"),
        ("not cidr(missing, '::/0')", "missing"),
        ("missing is matching('a')", "missing"),
        ("missing is not matching('a')", "missing"),
        ("missing is string", "missing"),
        ("missing is not string", "missing"),
        ("missing + 1 == 2", "missing"),
        ("-missing == 2", "missing"),
        ("name in ['a', missing]", "missing"),
        ("tags[missing] == 1", "missing"),
        ("tags[7] == 'a'", "tags[7]"),
        ("tags[7] != 'a'", "tags[7]"),
        ("notes | first == 'a'", "notes | first"),
        ("name | int != 3", "name | int"),
        ("vars.nothing != 3", "vars.nothing"),
        ("name == 'web-12' and missing == 1", "missing"),
        ("name == 'db' or missing == 1", "missing"),
        ("missing == 1 or true", "missing"),
        ("powerState == missing", "powerState"),
    ] {
        assert_eq!(reason(text), format!("`{field}` is undefined"), "{text}");
    }
}

#[test]
fn f4_only_these_look_at_what_is_undefined() {
    for (text, expected) in [
        ("powerState is defined", false),
        ("powerState is undefined", true),
        ("powerState is not defined", true),
        ("name is defined", true),
        ("missing.deeper is undefined", true),
        ("(name | int) is undefined", true),
        ("powerState | default('running') == 'running'", true),
        ("missing.deeper | default(2) > 1", true),
        ("(missing + 1) | default(0) == 0", true),
        ("name | default(missing) == 'web-12'", true),
        ("missing is defined and missing > 1", false),
        ("missing is undefined or missing > 1", true),
        ("false and missing == 1", false),
        ("true or missing == 1", true),
    ] {
        assert_eq!(judge(text), if expected { Judgement::Holds } else { Judgement::Fails }, "{text}");
    }
}

#[test]
fn f5_values_of_different_types_are_not_compared() {
    for (text, expected) in [
        ("operatingSystem.version > 11", "`operatingSystem.version > 11` compares a text with a number"),
        ("11 < operatingSystem.version", "`11 < operatingSystem.version` compares a number with a text"),
        ("resources.memoryGb == '4'", "`resources.memoryGb == '4'` compares a number with a text"),
        ("not (resources.memoryGb == '4')", "`resources.memoryGb == '4'` compares a number with a text"),
        ("resources.memoryGb != '4'", "`resources.memoryGb != '4'` compares a number with a text"),
        (
            "resources.memoryGb not in ['4']",
            "`resources.memoryGb not in ['4']` compares a number with a text",
        ),
        ("billing.isPayg == 0", "`billing.isPayg == 0` compares a boolean with a number"),
        ("billing.isPayg < true", "`billing.isPayg < true` compares a boolean with another"),
        ("tags != 'web'", "`tags != 'web'` compares a list with a text"),
        ("1 not in name", "`1 not in name` compares a number with a text"),
        ("name + 1 == 'a'", "`name + 1` compares a text with a number"),
        ("name * 2 == 'a'", "`name` is a text, not a number"),
        ("resources.cpuCores is not matching('2')", "`resources.cpuCores` is a number, not a text"),
        ("'b' not in mixed", "`'b' not in mixed` compares a text with a number"),
        ("'b' not in holes", "in `'b' not in holes`, an element is undefined"),
        ("1 / 0 == 1", "`1 / 0` divides by zero"),
        ("not cidr(name, '::/0')", "`name`: not an IP address"),
        ("(tags > 1) == false", "`tags > 1` compares a list with a number"),
    ] {
        assert_eq!(reason(text), expected, "{text}");
    }
    assert!(
        reason("name is matching(vars.broken)").contains("`vars.broken`: not a valid regular expression")
    );
}

#[test]
fn names_are_listed_once_in_order() {
    let expression = Expression::compile(
        "resources.memoryGb > vars.low and (tags[0] == name or resources['memoryGb'] in [a.b | default(c)])",
    );
    let expression = expression.unwrap();
    assert_eq!(expression.names(), ["resources.memoryGb", "vars.low", "tags", "name", "a.b", "c"]);
    assert_eq!(Expression::compile("name is matching(vars.x)").unwrap().names(), ["name", "vars.x"]);
}

#[test]
fn f1_a_mistake_has_its_place() {
    for (text, place, message) in [
        ("name = 'a'", "=", "`=` is written `==` here"),
        ("name == 'a' && tags", "&&", "`&&` is written `and` here"),
        ("!name", "!", "`!` is written `not` here"),
        ("a || b", "||", "`||` is written `or` here"),
        ("name == ", "", "expected a field, a value or `(`, found the end"),
        ("name == 'a", "'a", "a text without its closing '"),
        ("name 'a'", "'a'", "expected an operator such as `and`, or the end, found a text"),
        ("(name", "", "expected `)`, found the end"),
        ("name in [1 2]", "2", "expected `,`, found a number"),
        ("1 if name else 2", "if", "expected an operator such as `and`, or the end, found `if`, which"),
        ("name not 1", "1", "expected `in` after `not`, found a number"),
        ("name == none", "none", "nothing can be compared with `none`; write `is undefined`"),
        ("name is none", "none", "a null field is undefined; write `is undefined`"),
        ("name | uper", "uper", "unknown filter `uper`; did you mean `upper`?"),
        (
            "name | reverse_words",
            "reverse_words",
            "unknown filter `reverse_words`; there are `default`, `regex`, `int`",
        ),
        ("name is matchng('a')", "matchng", "unknown test `matchng`; did you mean `matching`?"),
        ("env('HOME')", "env", "unknown function `env`"),
        ("name | regex('(')", "'('", "not a valid regular expression: unclosed group"),
        ("name | regex(name)", "name", "a pattern is a text in quotes or a variable"),
        ("name | regex", "regex", "`regex` takes a regular expression"),
        ("tags | sum('x')", "sum", "`sum` takes nothing in parentheses"),
        ("name is matching('(')", "'('", "not a valid regular expression: unclosed group"),
        ("name is matching(name)", "name", "a pattern is a text in quotes or a variable"),
        ("cidr(primaryIp, 'x')", "'x'", "not a network"),
        ("cidr(primaryIp)", "cidr(primaryIp)", "`cidr` takes an address and a network"),
        ("vars", "vars", "`vars` is not a value"),
        ("vars[name] == 1", "name", "a variable's name is needed here"),
        ("(a == 1) is undefined", "(a == 1)", "`undefined` asks about a field, not about a comparison"),
        ("(a == 1) | default(true)", "(a == 1)", "`default` asks about a field"),
        ("name == 12abc", "12abc", "not a number: `12abc`"),
        (r"name is matching('\d')", r"\d", r"unknown escape `\d`; a backslash itself is written `\\`"),
        ("name == ?", "?", "unexpected character '?'"),
        ("å == ☃", "☃", "unexpected character '☃'"),
    ] {
        let error = Expression::compile(text).unwrap_err();
        assert!(error.message.starts_with(message), "{text}: {error}");
        let span = error.span.clone().unwrap();
        assert_eq!(&text[span], place, "{text}: {error}");
    }
    assert_eq!(Expression::compile(" ").unwrap_err().message, "an empty expression");
}

#[test]
fn f6_an_oversized_pattern_is_refused() {
    let error = Expression::compile("name is matching('(\\\\w{1000}){1000}')").unwrap_err();
    assert!(error.message.contains("too large"), "{error}");
}

#[test]
fn f6_what_filters_make_is_bounded() {
    let text = format!("'{}' | replace('a', '{}') == ''", "a".repeat(4000), "b".repeat(4000));
    assert!(matches!(judge(&text), Judgement::NotEvaluable(_)));
}

#[test]
fn f7_no_nesting_overflows_the_stack() {
    for (open, middle, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("not ", "1", ""),
        ("- ", "1", ""),
        ("a[", "1", "]"),
        ("cidr(", "1", ")"),
        ("", "a", " + 1"),
        ("", "a", " | lower"),
        ("", "a", " is string"),
        ("", "a", "[0]"),
        ("1 + (2 * (", "1", "))"),
    ] {
        for times in [10_000, 1_000, 500] {
            let text = format!("{}{middle}{}", open.repeat(times), close.repeat(times));
            let error = Expression::compile(&text).unwrap_err();
            assert!(
                error.message.contains("nested too deeply") || error.message.contains("too long"),
                "{open}{close}: {error}"
            );
        }
        let _ = Expression::compile(&format!("{}{middle}{}", open.repeat(60), close.repeat(60)))
            .map(|expression| expression.judge(&Context::of_fields(&vps(), &Vars::default())));
    }
    let many = vec!["name == 'a'"; 1000].join(" or ");
    assert_eq!(judge(&many), Judgement::Fails);
}

#[test]
fn a_secret_is_not_in_the_reason() {
    let mut vars = Vars::default();
    vars.set("token".to_owned(), json!("hunter2("), true);
    let expression = Expression::compile("name is matching(vars.token)").unwrap();
    let judgement = expression.judge(&Context::of_fields(&vps(), &vars));
    assert!(!format!("{judgement:?} {expression:?}").contains("hunter2"), "{judgement:?}");
}

#[test]
fn an_expression_can_be_shared() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Expression>();
}

/// Comparisons that look at a field whichever way they go, and what `and`, `or` and `not` make of them.
fn comparisons() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec!["a", "b", "a.b", "c[0]", "b | lower", "a | length"]);
    let literal = prop::sample::select(vec!["1", "'x'", "true", "[1, 'x']", "-2.5", "a", "c"]);
    let operator = prop::sample::select(vec!["==", "!=", "<", ">=", "in", "not in"]);
    let comparison = prop_oneof![
        (field.clone(), operator, literal)
            .prop_map(|(field, operator, literal)| { format!("{field} {operator} {literal}") }),
        field.clone().prop_map(|field| format!("{field} is matching('x')")),
        field.clone().prop_map(|field| format!("cidr({field}, '::/0')")),
        field.prop_map(str::to_owned),
    ];
    comparison.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|of| format!("not ({of})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) and ({right})")),
            (inner.clone(), inner).prop_map(|(left, right)| format!("({left}) or ({right})")),
        ]
    })
}

fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-3.0..3.0).prop_map(Value::from),
        prop::sample::select(vec!["", "x", "1", "::1", "å"]).prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("[abc]", inner, 0..3)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn fields() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::hash_map("[abc]", values(), 0..4).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn g14_not_never_makes_what_cannot_be_judged_hold(text in comparisons(), fields in fields()) {
        let judge = |text: &str| Expression::compile(text).unwrap().judge(&Context::of_fields(&fields, &Vars::default()));
        let negated = judge(&format!("not ({text})"));
        match judge(&text) {
            Judgement::Holds => prop_assert_eq!(negated, Judgement::Fails),
            Judgement::Fails => prop_assert_eq!(negated, Judgement::Holds),
            Judgement::NotEvaluable(_) => prop_assert!(matches!(negated, Judgement::NotEvaluable(_))),
        }
    }

    #[test]
    fn g14_a_vps_without_any_field_is_never_picked(text in comparisons()) {
        let judgement = Expression::compile(&text).unwrap().judge(&Context::of_fields(&Map::new(), &Vars::default()));
        prop_assert!(matches!(judgement, Judgement::NotEvaluable(_)), "{}: {:?}", text, judgement);
    }

    #[test]
    fn no_text_makes_compiling_or_judging_panic(
        text in "([abc]|'x'|[0-9.]{1,3}|==|<|\\+|-|//|%|\\||is|in|not|and|or|defined|default|first|sort|join|int|\\(|\\)|\\[|\\]|,| |å|\\\\){0,24}",
        fields in fields(),
    ) {
        match Expression::compile(&text) {
            Ok(expression) => drop(expression.judge(&Context::of_fields(&fields, &Vars::default()))),
            Err(error) => prop_assert!(text.get(error.span.unwrap_or(0..0)).is_some()),
        }
    }

    #[test]
    fn no_value_makes_a_filter_or_test_panic(
        filter in prop::sample::select(super::super::language::FILTERS.to_vec()),
        test in prop::sample::select(super::super::language::TESTS.to_vec()),
        fields in fields(),
    ) {
        for text in [
            format!("a | {filter} == b"), format!("a | {filter}(b) == b"), format!("a | {filter}(b, c) == b"),
            format!("a is {test}"), format!("a is {test}(b)"), "a // b == a % b".to_owned(), "a * b - c == -a".to_owned(),
        ] {
            if let Ok(expression) = Expression::compile(&text) {
                expression.judge(&Context::of_fields(&fields, &Vars::default()));
            } else {
                prop_assert_eq!(filter, "sum", "{}", text);
            }
        }
    }

    /// Where everything is defined and of one type, an expression says what minijinja says.
    #[test]
    fn the_language_is_minijinjas(
        text in "(x|y|1|2\\.5|-3) ?(\\+|-|\\*|//|/|%) ?(x|y|4|-4|-2\\.5|7) ?(<|==|>=|!=) ?(x|y|9|-x \\* y|\\(x - 1\\))( (and|or) (not )?(x|0|y) ?(<|==) ?(1|y))?",
        x in -9_i64..9, y in 1_i64..9,
    ) {
        let fields = json!({ "x": x, "y": y });
        let theirs = super::super::language::ENVIRONMENT.compile_expression(&text).unwrap();
        let theirs = theirs.eval(minijinja::Value::from(minijinja::value::Serde(&fields)));
        let ours = Expression::compile(&text).unwrap().judge(&Context::of_fields(fields.as_object().unwrap(), &Vars::default()));
        match theirs {
            Ok(value) => prop_assert_eq!(ours == Judgement::Holds, value.is_true(), "{} {:?}", text, ours),
            Err(_) => prop_assert!(matches!(ours, Judgement::NotEvaluable(_)), "{}", text),
        }
    }
}
