//! Whole playbooks: what a good one becomes, and what is said about broken ones.

use std::{collections::HashMap, fmt::Write as _};

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What is around a playbook in these tests.
#[derive(Default)]
struct Around {
    environment: HashMap<String, String>,
    overrides: Vec<(String, String)>,
}

impl Around {
    fn with(environment: &[(&str, &str)], overrides: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            environment: environment.iter().map(owned).collect(),
            overrides: overrides.iter().map(owned).collect(),
        }
    }
}

impl Surroundings for Around {
    fn environment_variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn file(&self, path: &str) -> Result<String, String> {
        match path {
            "release.txt" => Ok("2.4.1\n".to_owned()),
            "pipe" => Err("not a regular file".to_owned()),
            _ => Err("no such file".to_owned()),
        }
    }

    fn overrides(&self) -> &[(String, String)] {
        &self.overrides
    }
}

fn parse(text: &str) -> Result<Playbook, InvalidPlaybook> {
    Playbook::parse(&Source::new("nightly.yaml", text), &Around::default())
}

/// Draws mistakes in plain text: what, where, the line itself, and what to do.
fn drawn(invalid: &InvalidPlaybook) -> String {
    let source = &invalid.source_text;
    let mut drawing = String::new();
    for Diagnostic { severity, message, span, label, help, .. } in &invalid.diagnostics {
        writeln!(drawing, "{}: {message}", severity.word()).unwrap();
        if let Some(span) = span {
            let (line, column) = source.line_column(span.start);
            let text = source.text.lines().nth(line - 1).unwrap_or_default();
            let shown = text.trim_start_matches('\u{feff}').replace('\t', " ");
            let width = source.text[span.clone()].lines().next().unwrap_or_default().chars().count().max(1);
            writeln!(drawing, "  at {}:{line}:{column}", source.name).unwrap();
            writeln!(drawing, "  | {shown}").unwrap();
            let label = label.as_deref().unwrap_or_default();
            writeln!(drawing, "  | {}{} {label}", " ".repeat(column - 1), "^".repeat(width)).unwrap();
        }
        if let Some(help) = help {
            writeln!(drawing, "  help: {help}").unwrap();
        }
    }
    drawing.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn mistakes(text: &str) -> String {
    drawn(&parse(text).unwrap_err())
}

#[test]
fn a_full_playbook_becomes_what_is_written() {
    let text = r#"
name: disk-pressure
description: Which running servers have a full root disk?
targets:
  match: { serviceStatus: active, powerState: running, name: ["web-*", "db-*"], resources.memoryGb: 4 }
  exclude: { operatingSystem.family: windows, tags: [decommissioned] }
  where: resources.memoryGb >= 2
vars:
  threshold: 90
  mount: /
  hosts: [a, b]
  release: { from_file: release.txt }
  token: { from_env: TOKEN, secret: true }
strategy:
  concurrency: 100
  rate: 300/1m
  batches: [1, 10%, 100%]
  pause: 2m
  max_failures: 2.5%
  order: name
  deadline: 1h30m
steps:
  - name: root disk
    run: df -P {{ vars.mount }} | awk 'NR==2 { print $5 }'
    timeout: 30s
    accept: [0, 3]
    on_failure: continue
    idempotent: true
    kill_on_timeout: true
    severity: warning
    effects: change
    bundle: false
  - run: |
      uptime
      who
  - run: uptime
report:
  columns: [name, primaryIp, exit_code]
  group_by: operatingSystem.version
"#;
    let around = Around::with(&[("TOKEN", "hunter2")], &[("threshold", "80")]);
    let playbook = Playbook::parse(&Source::new("playbooks/nightly.yaml", text), &around).unwrap();

    assert_eq!(playbook.name, "disk-pressure");
    assert_eq!(playbook.description.as_deref(), Some("Which running servers have a full root disk?"));
    assert_eq!(playbook.path.as_deref(), Some("playbooks/nightly.yaml"));
    assert_eq!(playbook.sha256.len(), 64);

    let shown = |rules: &[FieldRule]| -> Vec<String> {
        let text =
            |rule: &FieldRule| rule.patterns.iter().map(Pattern::text).collect::<Vec<_>>().join(" or ");
        rules.iter().map(|rule| format!("{}: {}", rule.path, text(rule))).collect()
    };
    assert_eq!(
        shown(&playbook.targets.matching),
        ["serviceStatus: active", "powerState: running", "name: web-* or db-*", "resources.memoryGb: 4"]
    );
    assert!(playbook.targets.matching[3].patterns[0].matches(&json!(4.0)));
    assert_eq!(shown(&playbook.targets.exclude), ["operatingSystem.family: windows", "tags: decommissioned"]);
    assert_eq!(playbook.targets.condition.unwrap().text(), "resources.memoryGb >= 2");

    assert_eq!(playbook.strategy.concurrency, Some(100));
    assert_eq!(playbook.strategy.rate, Some(Rate { requests: 300, window: Duration::from_mins(1) }));
    let batches = [Portion::Count(1), Portion::Share(1000), Portion::Share(10_000)];
    assert_eq!(playbook.strategy.batches, batches);
    assert_eq!(playbook.strategy.pause, Some(Duration::from_mins(2)));
    assert_eq!(playbook.strategy.max_failures, Some(Portion::Share(250)));
    assert_eq!(playbook.strategy.order, Order::Name);
    assert_eq!(playbook.strategy.deadline, Some(Duration::from_mins(90)));

    let vars: Vec<_> = playbook.vars.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        vars,
        ["threshold=80", r#"mount="/""#, r#"hosts=["a","b"]"#, r#"release="2.4.1""#, r#"token="hunter2""#]
    );
    assert_eq!(playbook.vars.secrets().collect::<Vec<_>>(), ["hunter2"]);

    let names: Vec<_> = playbook.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["root disk", "uptime", "uptime (2)"]);
    let first = &playbook.steps[0];
    assert_eq!(first.timeout, Some(Duration::from_secs(30)));
    assert_eq!(
        (first.accept.as_slice(), first.on_failure, first.idempotent),
        ([0, 3].as_slice(), OnFailure::Continue, true)
    );
    assert_eq!(
        (first.kill_on_timeout, first.severity, first.effects, first.bundle),
        (true, Severity::Warning, Effects::Change, false)
    );
    let command = first.run.render(&serde_json::Map::new(), &serde_json::Map::new(), &playbook.vars).unwrap();
    assert_eq!(command, "df -P / | awk 'NR==2 { print $5 }'");
    let second = &playbook.steps[1];
    assert_eq!((second.timeout, second.accept.as_slice()), (None, [0].as_slice()));
    assert_eq!((second.on_failure, second.idempotent), (OnFailure::Stop, false));
    assert_eq!(
        (second.kill_on_timeout, second.severity, second.effects, second.bundle),
        (false, Severity::Error, Effects::Read, true)
    );
    assert_eq!(playbook.report.columns.unwrap(), ["name", "primaryIp", "exit_code"]);
    assert_eq!(playbook.report.group_by.as_deref(), Some("operatingSystem.version"));
}

#[test]
fn the_shortest_playbook_is_one_line() {
    let playbook = parse("\u{feff}run: uptime\n").unwrap();
    assert_eq!((playbook.name.as_str(), playbook.steps.len()), ("nightly", 1));
    assert_eq!(playbook.steps[0].name, "uptime");
    assert!(playbook.targets.matching.is_empty() && playbook.report.columns.is_none());
    let playbook = parse("run: uptime\ntimeout: 5s\naccept: 1\nidempotent: true\n").unwrap();
    assert_eq!(playbook.steps[0].timeout, Some(Duration::from_secs(5)));
    assert_eq!(playbook.steps[0].accept, [1]);
    let playbook =
        parse("run: reboot\neffects: change\nseverity: info\nbundle: false\nkill_on_timeout: true\n")
            .unwrap();
    assert_eq!((playbook.steps[0].effects, playbook.steps[0].severity), (Effects::Change, Severity::Info));
    assert!(playbook.steps[0].kill_on_timeout && !playbook.steps[0].bundle);
    assert_eq!(Playbook::parse(&Source::new("-", "run: x"), &Around::default()).unwrap().name, "playbook");
}

#[test]
fn steps_may_share_keys_through_an_alias() {
    let text = "steps:\n  - &slow { run: a, timeout: 5m }\n  - { <<: *slow, run: b }\n";
    let playbook = parse(text).unwrap();
    let steps: Vec<_> =
        playbook.steps.iter().map(|step| (step.run.text(), step.timeout.unwrap().as_secs())).collect();
    assert_eq!(steps, [("a", 300), ("b", 300)]);
}

#[test]
fn a_command_without_a_file_is_sent_as_it_stands() {
    let playbook = Playbook::of_command("echo {{ x }}\nwho").unwrap();
    assert_eq!((playbook.name.as_str(), playbook.steps[0].name.as_str()), ("exec", "echo {{ x }}"));
    let command = playbook.steps[0]
        .run
        .render(&serde_json::Map::new(), &serde_json::Map::new(), &playbook.vars)
        .unwrap();
    assert_eq!(command, "echo {{ x }}\nwho");
    assert_eq!(playbook.path, None);
    for (command, message) in
        [(" ", "the command is empty"), ("a\0", "NUL"), (&"a".repeat(4097), "4097 characters")]
    {
        let invalid = Playbook::of_command(command).unwrap_err();
        assert!(invalid.diagnostics[0].message.contains(message), "{invalid:?}");
    }
}

#[test]
fn a_value_from_a_flag_replaces_even_what_is_not_there() {
    let text =
        "vars: { release: , token: { from_env: TOKEN, secret: true } }\nrun: echo {{ vars.release }}\n";
    let around = Around::with(&[], &[("release", "1"), ("release", "2"), ("token", "0123")]);
    let playbook = Playbook::parse(&Source::new("x", text), &around).unwrap();
    assert_eq!(playbook.vars.value("release"), Some(&json!(2)));
    assert_eq!(playbook.vars.secrets().collect::<Vec<_>>(), ["0123"]);
    let unknown =
        Playbook::parse(&Source::new("x", text), &Around::with(&[("TOKEN", "")], &[("relaese", "1")]));
    assert_snapshot!(drawn(&unknown.unwrap_err()));
}

#[test]
fn pb3_yaml_that_is_none() {
    assert_snapshot!(mistakes("name: x\nsteps:\n  - run: echo a: b\n"));
}

#[test]
fn pb3_a_value_that_begins_with_braces() {
    assert_snapshot!(mistakes("vars: { x: 1 }\nrun: {{ vars.x }}\n"));
}

#[test]
fn a_closing_bracket_may_stand_under_its_key() {
    // The way formatters write it, though YAML's grammar asks for more.
    let playbook = parse("run: uptime\nreport:\n  columns: [\n    name,\n  ]\n").unwrap();
    assert_eq!(playbook.report.columns.unwrap(), ["name"]);
}

#[test]
fn pb4_unknown_keys() {
    assert_snapshot!(mistakes(
        "name: x\nconcurrency: 5\nstratgy: {}\nsteps:\n  - name: root disk\n    timout: 30s\n    run: df -P /\n  - command: id\n    color: red\n"
    ));
}

#[test]
fn pb4_an_unknown_key_that_is_not_near_any() {
    assert_snapshot!(mistakes("run: uptime\ntargets:\n  limit: 5\n"));
}

#[test]
fn pb5_duplicate_keys() {
    assert_snapshot!(mistakes("run: uptime\nvars:\n  a: 1\n  b: 2\n  a: 3\nrun: who\n"));
}

#[test]
fn pb9_an_empty_run() {
    assert_snapshot!(mistakes("steps:\n  - run: ''\n  - run:\n  - run: |\n\n  - name: x\n  -\n  - uptime\n"));
}

#[test]
fn pb10_a_run_that_is_too_long() {
    let drawing = mistakes(&format!("steps:\n  - name: long\n    run: {}\n", "x".repeat(5000)));
    let expected =
        "error: the command is too long: 5000 characters, of at most 4096\n  at nightly.yaml:3:5\n";
    assert!(drawing.starts_with(expected), "{drawing}");
}

#[test]
fn pb11_timeouts_that_are_none() {
    assert_snapshot!(mistakes(
        "steps:\n  - { name: a, run: x, timeout: 0s }\n  - { name: b, run: x, timeout: -5s }\n  - { name: c, run: x, timeout: 1e99 }\n  - { name: d, run: x, timeout: 5 parsecs }\n  - { name: e, run: x, timeout: 30 }\n  - { name: f, run: x, timeout: [1s] }\n  - { name: g, run: x, timeout: }\n  - { name: h, run: x, timeout: 0 }\n"
    ));
}

#[test]
fn pb12_undefined_names_in_templates() {
    assert_snapshot!(mistakes(
        "vars:\n  threshold: 90\nsteps:\n  - run: echo {{ threshold }} of {{ vars.treshold }}\n  - run: |\n      if true; then\n        echo {{ hostname }}\n      fi\n  - run: \"printf \\\"%s\\\\n\\\" {{ vars.x | trimm }}\"\n"
    ));
}

#[test]
fn a_template_that_is_none() {
    assert_snapshot!(mistakes(
        "steps:\n  - run: docker ps --format '{{.Names}}'\n  - run: |\n      uptime\n      echo {{ 1 + }}\n"
    ));
}

#[test]
fn values_inside_the_authors_quotes() {
    assert_snapshot!(mistakes(
        "steps:\n  - run: |\n      # it's fine\n      echo \"{{ target.name }}\" '{{ target.name }}' {{ target.name }}\n  - run: \"echo \\\"$(id {{ target.name }})\\\" `id {{ target.name }}`\"\n"
    ));
}

#[test]
fn pb14_idempotent_is_never_coerced() {
    assert_snapshot!(mistakes(
        "steps:\n  - { name: a, run: x, idempotent: \"yes\" }\n  - { name: b, run: x, idempotent: 1 }\n  - { name: c, run: x, idempotent: yes }\n"
    ));
}

#[test]
fn pb15_variables_that_cannot_be_read() {
    assert_snapshot!(mistakes(
        "vars:\n  a: { from_env: UNSET_VARIABLE }\n  b: { from_file: pipe, secret: true }\n  c: { from_env: A, from_file: b }\n  d: { secret: true }\n  e: { from_evn: A }\n  f: [[1]]\n  g:\n  9h: 1\n  i: { from_env: 5, secret: maybe }\nrun: echo {{ vars.a }} {{ vars.g }}\n"
    ));
}

#[test]
fn pb17_two_documents() {
    assert_snapshot!(mistakes("run: uptime\n---\nrun: who\n"));
}

#[test]
fn patterns_that_match_nothing() {
    assert_snapshot!(mistakes(
        "run: uptime\ntargets:\n  match:\n    name: web-[1-3\n    powerState:\n    tags: []\n    operatingSystem: { family: windows }\n    web 1: x\n    primaryIp: \"\"\n    serviceStatus: \"{{ vars.x }}\"\n  exclude: {}\n  where: 5\n"
    ));
}

#[test]
fn c6_numbers_out_of_range() {
    assert_snapshot!(mistakes(
        "run: uptime\nstrategy:\n  concurrency: 0\n  rate: 300/m\n  order: shuffled\n  deadline: 400d\n"
    ));
    assert_snapshot!(mistakes(
        "run: uptime\nstrategy:\n  concurrency: \"100\"\n  rate: 1000000000000/1s\n  order: nmae\n  deadline: soon\n"
    ));
}

#[test]
fn batches_are_sizes_of_at_least_one_and_failures_may_be_none() {
    let playbook = parse("run: x\nstrategy: { batches: 10%, max_failures: 0 }\n").unwrap();
    assert_eq!(playbook.strategy.batches, [Portion::Share(1000)]);
    assert_eq!(playbook.strategy.max_failures, Some(Portion::Count(0)));
    assert_snapshot!(mistakes(
        "run: x\nstrategy:\n  batches: [0, 0%, 1, 120%, -1, ten, 1.5, 010]\n  max_failures: 120%\n  pause: 5\n"
    ));
    assert_snapshot!(mistakes(
        "run: x\nstrategy: { batches: [], max_failures: [1], pause: true }\nreport: { group_by: a b }\neffects: write\nseverity: fatal\nbundle: no\n"
    ));
}

#[test]
fn keys_of_other_tools_and_of_other_places_are_recognised() {
    assert_snapshot!(mistakes(
        "run: x\nserial: 1\nforks: 10\ntargets: { name: a }\nstrategy: { timeout: 5s, max_fail_percentage: 5 }\nreport: { colums: [name] }\n"
    ));
}

#[test]
fn wrong_types_everywhere() {
    assert_snapshot!(mistakes(
        "name: 123\ndescription: [a]\ntargets: all\nstrategy:\nvars: [a]\nsteps: { run: x }\nreport: { columns: [name, name, \"a b\", 5] }\n"
    ));
}

#[test]
fn run_and_steps_exclude_each_other() {
    assert_snapshot!(mistakes("run: uptime\nsteps:\n  - run: who\n"));
    assert_snapshot!(mistakes("timeout: 5s\nsteps:\n  - run: who\n"));
    assert_snapshot!(mistakes("name: x\n"));
}

#[test]
fn steps_that_cannot_be_told_apart_or_judged() {
    assert_snapshot!(mistakes(
        "steps:\n  - { name: disk, run: df, accept: [] }\n  - { name: disk, run: df -i, accept: [0, one, 1.5] }\n  - { name: \" \", run: x, on_failure: ignore }\n"
    ));
}

#[test]
fn an_empty_playbook() {
    assert_snapshot!(mistakes("# nothing yet\n"));
    assert_snapshot!(mistakes("uptime\n"));
    assert_snapshot!(mistakes("- run: uptime\n"));
}

#[test]
fn a_mistake_in_what_an_alias_repeats_is_said_once() {
    assert_snapshot!(mistakes("steps:\n  - &a { name: x, run: a, timeout: 5 }\n  - { <<: *a, name: y }\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn parsing_never_panics_and_never_fails_without_a_mistake(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "run: uptime", "run:", "run: |", "steps:", "  - run: x", "    timeout: 5", "  - name: {{ a }}", "vars:",
                "  a: &a 1", "  b: *a", "  <<: *a", "targets:", "  match: {", "  }", "  where: a ==", "é: \"\\u00e9\"",
                "      echo \"{{ vars.a }}\"", "strategy: [", "]", "\t", "---", "report: { columns: }", "'", "# x", "1: 2",
                "    capture: { a: stdout | int, b: a }", "    capture:", "      c: 'c | regex(\"(\")'", "    expect: a < vars.a",
                "    expect: { x: stdout, y: 1 == 1 }", "    when: c ==", "when: stderr", "expect: [a]", "    run: echo {{ c }}",
            ]),
            0..12,
        ),
        noise in "\\PC{0,20}",
    ) {
        let text = format!("{}\n{noise}", lines.join("\n"));
        if let Err(invalid) = parse(&text) {
            prop_assert!(!invalid.diagnostics.is_empty());
            for mistake in invalid.diagnostics {
                prop_assert!(mistake.span.is_none_or(|span| text.get(span).is_some()));
                prop_assert!(mistake.help.is_none_or(|help| !help.is_empty()));
            }
        }
    }
}
