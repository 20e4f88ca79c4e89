//! Steps with `when`, `capture` and `expect`: what good ones become, and what is said of bad ones.

use crate::playbook::{Playbook, Source, Surroundings};

struct Nothing;

impl Surroundings for Nothing {
    fn environment_variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> Result<String, String> {
        Err("no such file".to_owned())
    }

    fn overrides(&self) -> &[(String, String)] {
        &[]
    }
}

fn parse(text: &str) -> Result<Playbook, Vec<String>> {
    let source = Source::new("x.yaml", text);
    Playbook::parse(&source, &Nothing).map_err(|invalid| {
        let shown = invalid.diagnostics.into_iter().map(|mistake| {
            let span = mistake.span.unwrap();
            let (line, column) = source.line_column(span.start);
            let remedy = [mistake.label, mistake.help].into_iter().flatten().collect::<Vec<_>>().join(" / ");
            format!("{line}:{column} `{}` {} -> {remedy}", &source.text[span], mistake.message)
        });
        shown.collect()
    })
}

/// The mistakes of a step with these lines, in a playbook whose first step captures `used` and `release`.
fn mistakes(lines: &str) -> Vec<String> {
    let text = format!(
        "vars: {{ threshold: 90, unit: nginx }}\nsteps:\n  - {{ name: disk, run: df, capture: {{ used: stdout | int, release: stdout | from_kv }} }}\n  - run: x\n    name: second\n    {}\n  - name: third\n    run: y\n    capture:\n      memory: stdout | trim\n",
        lines.replace('\n', "\n    ")
    );
    parse(&text).map(|playbook| format!("{:?}", playbook.steps[1])).unwrap_err()
}

#[test]
fn a_judged_step_becomes_its_expressions() {
    let playbook = parse(
        "vars: { threshold: 90 }\nsteps:\n  - run: df\n    capture: { raw: stdout | trim, used: raw | trim('%') | int, full: used > 90 }\n    expect: used < vars.threshold and not full\n  - run: echo {{ used }} {{ target.name }}\n    when: target.name is startingwith('web') and used > 50 and 'x' in raw\n    expect:\n      finished: exit_code == 0\n      says it: '\"42\" in stdout or full'\n  - { run: z, when: false }\nreport: { columns: [name, used, target.x, duration] }\n",
    );
    let playbook = playbook.unwrap();
    let [first, second, third] = playbook.steps.as_slice() else { panic!("{playbook:?}") };
    let captures: Vec<_> =
        first.capture.iter().map(|capture| (capture.name.as_str(), capture.value.text())).collect();
    assert_eq!(
        captures,
        [("raw", "stdout | trim"), ("used", "raw | trim('%') | int"), ("full", "used > 90")]
    );
    assert_eq!(first.expect[0].name, None);
    assert_eq!(first.expect[0].condition.captures_read().collect::<Vec<_>>(), ["used", "full"]);
    assert!(first.when.is_none() && first.is_judged());
    assert_eq!(second.run.captures_read(), ["used"]);
    let when = second.when.as_ref().unwrap();
    assert!(when.reads_target());
    assert_eq!(when.captures_read().collect::<Vec<_>>(), ["used", "raw"]);
    let names: Vec<_> = second.expect.iter().map(|expectation| expectation.name.as_deref()).collect();
    assert_eq!(names, [Some("finished"), Some("says it")]);
    assert_eq!(third.when.as_ref().unwrap().text(), "false");
}

#[test]
fn a_playbook_of_one_line_may_judge_too() {
    let playbook = parse(
        "run: uptime\ncapture: { load: 'stdout | regex(\"average: ([0-9.]+)\") | float' }\nexpect: load < 4\n",
    );
    let step = &playbook.unwrap().steps[0];
    assert_eq!((step.capture.len(), step.expect.len()), (1, 1));
    assert_eq!(
        parse("run: echo {{ load }}\ncapture: { load: stdout }\n").unwrap_err(),
        ["1:14 `load` `load` is not known here -> captured by this step, after its command has run"]
    );
    assert_eq!(
        parse("steps:\n  - run: x\nexpect: exit_code == 0\n").unwrap_err(),
        ["3:1 `expect` `expect` stands beside `steps` -> it belongs in a step, beside its `run`"]
    );
}

#[test]
fn names_that_are_not_known_are_all_found_at_their_places() {
    for (lines, expected) in [
        (
            "expect: usd < vars.treshold",
            &[
                "6:13 `usd` `usd` is not known here -> did you mean `used`?",
                "6:24 `treshold` unknown variable `vars.treshold` -> did you mean `vars.threshold`?",
            ][..],
        ),
        (
            "expect: memory == 'x'",
            &[
                "6:13 `memory` `memory` is not known here -> captured by a later step, \"third\" (line 10); move that step up",
            ],
        ),
        (
            "when: memory == 'x' or stdout == 'x'",
            &[
                "6:11 `memory` `memory` is not known here -> captured by a later step, \"third\" (line 10); move that step up",
                "6:28 `stdout` `stdout` is not known here -> known only after the command has run / `when` decides whether it runs; judge its output in `expect`, or an earlier step's in its `capture`",
            ],
        ),
        (
            "when: mine == 'x'\ncapture: { mine: stdout }",
            &["6:11 `mine` `mine` is not known here -> captured by this step, after its command has run"],
        ),
        (
            "capture:\n  a: b | trim\n  b: stdout\n  c: c | int\n  d: b",
            &[
                "7:10 `b` `b` is not known here -> captured below, in line 8; move that line up",
                "9:10 `c` `c` is not known here -> a capture cannot read itself",
            ],
        ),
        (
            "expect: (threshold) > 1 and name == 'x' and target.nme == 'x'",
            &[
                "6:14 `threshold` `threshold` is not known here -> did you mean `vars.threshold`?",
                "6:33 `name` `name` is not known here -> did you mean `target.name`?",
            ],
        ),
        ("expect: stdot == 'x'", &["6:13 `stdot` `stdot` is not known here -> did you mean `stdout`?"]),
        (
            "expect: vars.used == 1",
            &["6:18 `used` unknown variable `vars.used` -> a capture is read as `used`, without `vars.`"],
        ),
        (
            "when: weather == 'fine'",
            &[
                "6:11 `weather` `weather` is not known here -> `when` sees `vars.<name>`, `target.<field>`, `used` and `release`; a server's own field is `target.weather`",
            ],
        ),
        (
            "expect: weather == 'fine'",
            &[
                "6:13 `weather` `weather` is not known here -> `expect` sees `vars.<name>`, `target.<field>`, `stdout`, `stderr`, `exit_code`, `used` and `release`; a server's own field is `target.weather`",
            ],
        ),
        (
            "expect:\n  a: \"usd == 1\"\n  b: |\n    exit_code == 0\n      and usd == 1",
            &[
                "7:11 `usd` `usd` is not known here -> did you mean `used`?",
                "10:15 `usd` `usd` is not known here -> did you mean `used`?",
            ],
        ),
    ] {
        assert_eq!(mistakes(lines), expected, "{lines}");
    }
}

#[test]
fn a_capture_takes_no_name_that_has_another_meaning() {
    for (name, expected) in [
        ("1st", "cannot be the name of a capture"),
        ("a-b", "cannot be the name of a capture"),
        ("a.b", "cannot be the name of a capture"),
        ("größe", "cannot be the name of a capture"),
        ("stdout", "is what the command printed"),
        ("exit_code", "is what the command printed"),
        ("target", "has another meaning in expressions"),
        ("vars", "has another meaning in expressions"),
        ("not", "is a word of the language"),
        ("none", "is a word of the language"),
        ("range", "is a word of the language"),
        ("cidr", "is a word of the language"),
        ("loop", "is a word of the language"),
        ("primaryIp", "is a field of the server"),
        ("tags", "is a field of the server"),
        ("name", "is a field of the server"),
        ("reason", "is a column that every report may have"),
        ("duration", "is a column that every report may have"),
        ("status", "is a column that every report may have"),
    ] {
        let found = mistakes(&format!("capture: {{ \"{name}\": stdout | trim }}"));
        assert!(found.len() == 1 && found[0].contains(expected), "{name}: {found:?}");
    }
    assert_eq!(
        mistakes("capture: { ran: stdout }"),
        [
            "6:16 `ran` a capture cannot be called `ran` -> `ran` is a column that every report may have / choose another name"
        ]
    );
    assert_eq!(
        mistakes("capture: { used: stdout }"),
        [
            "6:16 `used` `used` is captured twice -> the first is in line 3 / a name stands for one value; give this one another"
        ]
    );
}

#[test]
fn a_condition_that_says_nothing_or_never_fits_is_a_mistake() {
    for (condition, expected) in [
        (
            "stdout",
            "1:9 `stdout` `expect`: `stdout` is a value, not a condition -> compare it: `stdout == \"…\"`, or, for any text at all, `stdout != \"\"`",
        ),
        (
            "used",
            "1:9 `used` `expect`: `used` is a value, not a condition -> compare it: `used == …`, or test it: `used is defined`",
        ),
        (
            "exit_code == 0 and (used)",
            "1:28 `(used)` `expect`: `(used)` is a value, not a condition -> compare",
        ),
        (
            "1 == 1 or exit_code == 0",
            "1:9 `1 == 1` `expect`: `1 == 1` is the same for every server, so it checks nothing -> compare what the command printed: `exit_code == 0`, `\"active\" in stdout`",
        ),
        ("'true'", "1:10 `true` `expect`: `true` is the same for every server"),
        ("true", "1:9 `true` `expect` must be an expression such as `used < vars.threshold`, not `true`"),
        ("0", "1:9 `0` `expect` must be an expression such as `used < vars.threshold`, not the number 0"),
        (
            "exit_code == '0'",
            "1:9 `exit_code == '0'` `expect`: `exit_code == '0'` compares a number with a text -> without the quotes it is a number: `0`",
        ),
        (
            "exit_code != 'zero'",
            "1:9 `exit_code != 'zero'` `expect`: `exit_code != 'zero'` compares a number with a text -> write a number there, without quotes",
        ),
        (
            "stdout < 90",
            "1:9 `stdout < 90` `expect`: `stdout < 90` compares a text with a number -> make a number of it: `stdout | int`, or `float`, `bytes`, `duration`",
        ),
        (
            "used < vars.unit",
            "1:9 `used < vars.unit` `expect`: `used < vars.unit` compares a number with a text -> give `vars.unit` a number, without quotes, or make one of it: `vars.unit | int`",
        ),
        (
            "used in ['1', '2']",
            "1:9 `used in ['1', '2']` `expect`: `used in ['1', '2']` looks for a number among values of another type -> ",
        ),
        (
            "0 in stdout",
            "1:9 `0 in stdout` `expect`: `0 in stdout` compares a number with a text -> make a number",
        ),
        (
            "stdout in used",
            "1:9 `stdout in used` `expect`: `stdout in used` compares a text with a number -> make a number of it: `stdout | int`",
        ),
        (
            "stdout + 1 == 2",
            "1:9 `stdout + 1` `expect`: `stdout + 1` compares a text with a number -> make a number of it: `stdout | int`",
        ),
        (
            "stdout * 2 == 2",
            "1:9 `stdout` `expect`: `stdout` is a text, not a number -> make a number of it: `stdout | int`",
        ),
        ("exit_code is matching('0')", "1:9 `exit_code` `expect`: `exit_code` is a number, not a text -> "),
        (
            "stdout | lines == 'x'",
            "1:9 `stdout | lines == 'x'` `expect`: `stdout | lines == 'x'` compares a list with a text -> ",
        ),
        (
            "(used == 1) < (used == 2)",
            "1:9 `(used == 1) < (used == 2)` `expect`: `(used == 1) < (used == 2)` compares a boolean with another -> ",
        ),
    ] {
        let found = parse(&format!(
            "vars: {{ unit: nginx }}\nsteps:\n  - {{ run: df, capture: {{ used: stdout | int }} }}\n  - run: x\n    expect: {condition}\n"
        ))
        .map(|playbook| format!("{:?}", playbook.steps[1].expect))
        .unwrap_err();
        let (place, rest) = expected.split_once(' ').unwrap();
        let column: usize = place.split_once(':').unwrap().1.parse().unwrap();
        let expected = format!("5:{} {rest}", column + 4);
        assert!(found.len() == 1 && found[0].starts_with(&expected), "{condition}: {found:?}");
    }
}

#[test]
fn conditions_that_may_fit_are_left_alone() {
    for condition in [
        "used == target.x and target.x == 'a'",
        "not stderr",
        "stderr == ''",
        "release.ID == 'debian' and release.VERSION_ID | int > 10",
        "stdout | from_json | length > 0",
        "(stdout | from_json).ok",
        "used in [1, '1', target.x] and 'x' in stdout and 'a' in release",
        "used | default('x') == 'x'",
        "stdout | lines | last == 'done'",
        "used + 1 > 2 and stdout + 'x' == 'y'",
        "exit_code in [0, 3]",
        "target.billing.isPayg == false and vars.unit in stdout",
        "stdout is defined",
    ] {
        let text = format!(
            "vars: {{ unit: nginx }}\nsteps:\n  - {{ run: df, capture: {{ used: stdout | int, release: stdout | from_kv }} }}\n  - run: x\n    expect: {condition}\n"
        );
        let found = parse(&text).map(drop);
        if condition == "(stdout | from_json).ok" {
            assert!(found.unwrap_err()[0].contains("`(stdout | from_json).ok` is a value, not a condition"));
        } else {
            assert_eq!(found, Ok(()), "{condition}");
        }
    }
}

#[test]
fn wrong_shapes_are_explained() {
    for (lines, expected) in [
        (
            "when: [a]",
            "6:11 `[` `when` must be an expression such as `release.ID == \"debian\"`, not a list -> ",
        ),
        ("when:", "6:5 `when` `when` has no value -> write an expression such as"),
        (
            "when: used >",
            "6:17 `` `when`: expected a field, a value or `(`, found the end -> for example `release.ID == \"debian\"`",
        ),
        (
            "capture: stdout | trim",
            "6:14 `stdout | trim` `capture` must be names with expressions, not one expression -> give the value a name: `capture: { value: stdout | trim }`",
        ),
        (
            "capture: {}",
            "6:5 `capture` `capture` is empty -> name a value (`first: stdout | lines | first`), or remove the key",
        ),
        ("capture: [a]", "6:14 `[` `capture` must be a mapping, not a list -> "),
        (
            "capture: { a: 5 }",
            "6:19 `5` `a` must be an expression such as `stdout | trim`, not the number 5 -> ",
        ),
        (
            "capture: { a: stdout | trimm }",
            "6:28 `trimm` capture `a`: unknown filter `trimm` -> did you mean `trim`?",
        ),
        (
            "capture: { a: 'stdout | regex(\"(\")' }",
            "6:35 `\"(\"` capture `a`: not a valid regular expression: unclosed group -> ",
        ),
        (
            "capture: { a: '{{ stdout }}' }",
            "6:20 `{{` capture `a`: an expression is not a template -> leave the braces out",
        ),
        (
            "expect: {}",
            "6:5 `expect` `expect` is empty -> write what must hold (`exit_code == 0`), or remove the key",
        ),
        (
            "expect: [exit_code == 0]",
            "6:13 `[` `expect` must be a condition, or conditions with names, not a list -> give each a name",
        ),
        ("expect: { ok: exit_code = 0 }", "6:29 `=` expect `ok`: `=` is written `==` here -> "),
        ("expect: { '': exit_code == 0 }", "6:15 `''` a condition's name is empty -> name what is expected"),
        (
            "register: { a: stdout }",
            "6:5 `register` unknown key `register` in a step -> did you mean `capture`?",
        ),
        ("if: used > 1", "6:5 `if` unknown key `if` in a step -> did you mean `when`?"),
        (
            "expects: exit_code == 0",
            "6:5 `expects` unknown key `expects` in a step -> did you mean `expect`?",
        ),
    ] {
        let found = mistakes(lines);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{lines}: {found:?}");
    }
}

#[test]
fn a_column_that_was_meant_to_be_a_capture_is_found() {
    let columns = |columns: &str| {
        parse(&format!("run: df\ncapture: {{ used: stdout | int }}\nreport:\n  columns: [{columns}]\n"))
            .map(drop)
    };
    assert_eq!(columns("used, name, exit_code, availability.region, uptime, region"), Ok(()));
    assert_eq!(
        columns("name, usd"),
        Err(vec!["4:19 `usd` nothing is captured as `usd` -> did you mean `used`?".to_owned()])
    );
}
