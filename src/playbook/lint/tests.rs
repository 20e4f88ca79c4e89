//! Lints in whole playbooks: their places, and when they keep quiet.

use std::collections::HashMap;

use super::*;
use crate::playbook::{InvalidPlaybook, Playbook, Severity, Source, Surroundings};

/// Only one environment variable.
struct Here(HashMap<&'static str, &'static str>);

impl Surroundings for Here {
    fn environment_variable(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|value| (*value).to_owned())
    }

    fn file(&self, _: &str) -> Result<String, String> {
        Err("no such file".to_owned())
    }

    fn overrides(&self) -> &[(String, String)] {
        &[]
    }
}

fn parse(text: &str) -> Result<Playbook, InvalidPlaybook> {
    Playbook::parse(&Source::new("x", text), &Here(HashMap::from([("TOKEN", "hunter2")])))
}

/// Each warning's name, line, and what it points at.
fn warnings(text: &str) -> Vec<(&'static str, usize, &str)> {
    let source = Source::new("x", text);
    let warnings = parse(text).unwrap_or_else(|invalid| panic!("{text}\n{invalid:?}")).warnings;
    let shown = |warning: Diagnostic| {
        assert_eq!((warning.severity, warning.section), (Severity::Warning, Some("warnings")));
        assert!(warning.label.is_some() && warning.help.is_some(), "{warning:?}");
        let span = warning.span.unwrap();
        (warning.lint.unwrap().name(), source.line_column(span.start).0, &text[span])
    };
    warnings.into_iter().map(shown).collect()
}

#[test]
fn warnings_come_in_the_order_of_the_text_and_know_their_place() {
    let text = "\
vars: { token: { from_env: TOKEN, secret: true } }
strategy: { deadline: 1m }
steps:
  - name: one
    timeout: 2m
    run: |
      curl -H {{ vars.token }} x
      systemctl restart nginx
  - run: sleep 100 &
  - run: echo {{ target.name | raw }}
";
    assert_eq!(
        warnings(text),
        [
            ("timeout-over-deadline", 5, "2m"),
            ("secret-in-run", 7, "vars.token"),
            ("changes-in-read", 8, "systemctl restart nginx"),
            ("always-background", 9, "sleep 100 &"),
            ("raw-on-target", 10, "target.name | raw"),
        ]
    );
}

#[test]
fn the_short_form_is_looked_at_too() {
    assert_eq!(warnings("run: reboot\n"), [("changes-in-read", 1, "reboot")]);
    assert_eq!(warnings("run: reboot\neffects: change\n"), []);
    assert_eq!(
        warnings("run: uptime\ntimeout: 1h\nstrategy: { deadline: 30m }\n"),
        [("timeout-over-deadline", 2, "1h")]
    );
}

#[test]
fn what_a_template_inserts_is_no_command_of_the_authors() {
    assert_eq!(
        warnings("vars: { what: rm }\nrun: |\n  {{ vars.what }} /x\n  {% if true %}date{% endif %}\n"),
        []
    );
}

#[test]
fn a_deadline_shorter_than_a_shared_request_is_said_once() {
    let steps = "steps:\n  - { run: a, timeout: 40s }\n  - { run: b, timeout: 40s }\n";
    let with = |deadline: &str| format!("strategy: {{ deadline: {deadline} }}\n{steps}");
    assert_eq!(warnings(&with("1m")), [("timeout-over-deadline", 1, "1m")]);
    assert_eq!(warnings(&with("2m")), []);
    let apart = with("1m").replace("run: b,", "run: b, bundle: false,");
    assert_eq!(warnings(&apart), [], "requests of their own");
    // Nobody asked for the default of sixty seconds.
    assert_eq!(warnings("strategy: { deadline: 1m }\nsteps: [{ run: a }, { run: b }]\n"), []);
}

#[test]
fn a_capture_that_needs_no_output_splits_a_bundle_for_nothing() {
    let with = |capture: &str, second: &str| {
        format!("vars: {{ x: 1 }}\nsteps:\n  - run: a\n    capture:\n      made: {capture}\n{second}")
    };
    let (run, when) = ("  - run: echo {{ made }}\n", "  - run: b\n    when: made == 'x'\n");
    assert_eq!(
        warnings(&with("target.operatingSystem.family | lower", run)),
        [("split-bundle", 6, "echo {{ made }}")]
    );
    assert_eq!(warnings(&with("target.name", when)), [("split-bundle", 7, "made == 'x'")]);
    assert_eq!(warnings(&with("vars.x\n      two: made", &run.replace("made", "two"))).len(), 1);
    // It is made of the output, or of what is; or nothing reads it.
    assert_eq!(warnings(&with("stdout | trim", run)), []);
    assert_eq!(warnings(&with("stdout | trim", when)), []);
    assert_eq!(warnings(&with("stdout | int\n      two: made + vars.x", &run.replace("made", "two"))), []);
    assert_eq!(warnings(&with("target.name", "  - run: b\n")), []);
}

#[test]
fn a_mistake_comes_with_the_warnings() {
    let invalid = parse("run: reboot\nreport: { colums: [name] }\n").unwrap_err();
    let severities: Vec<_> = invalid.diagnostics.iter().map(|one| one.severity).collect();
    assert_eq!(severities, [Severity::Warning, Severity::Error]);
}

#[test]
fn each_lint_has_a_name_of_its_own_and_a_reason() {
    for (index, lint) in Lint::ALL.into_iter().enumerate() {
        assert!(lint.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{lint:?}");
        assert!(Lint::ALL[..index].iter().all(|other| other.name() != lint.name()), "{lint:?}");
        assert!(lint.reason().ends_with('.'), "{lint:?}");
    }
}
