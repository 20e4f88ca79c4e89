//! What a template becomes, and which mistakes are found before there is a target.

use std::{process::Command, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{
        Span,
        scope::{Captured, Place},
    },
    *,
};

fn vars(values: &Value) -> Vars {
    Vars::from_values(values.as_object().unwrap().clone())
}

fn compile(text: &str, values: &Value) -> Result<Template, Vec<Diagnostic>> {
    let vars = vars(values);
    let declared: Vec<String> = vars.names().map(str::to_owned).collect();
    Template::compile(text, &Scope::of_vars(&vars, &declared))
}

fn render(text: &str, target: &Value, values: &Value) -> Result<String, String> {
    let template = compile(text, values).map_err(|mistakes| format!("{mistakes:?}"))?;
    template
        .render(target.as_object().unwrap(), &Map::new(), &vars(values))
        .map_err(|RenderError(message)| message)
}

/// The messages of all mistakes, each with the text it points at.
fn mistakes(text: &str) -> Vec<(String, String)> {
    let values = json!({ "threshold": 90, "mount": "/", "hosts": ["a"] });
    let mistakes = compile(text, &values).map(|template| template.text().to_owned()).unwrap_err();
    let place = |span: Option<Span>| span.map_or_else(String::new, |span| text[span].to_owned());
    mistakes.into_iter().map(|mistake| (mistake.message, place(mistake.span))).collect()
}

/// The words a POSIX shell makes of the arguments in a command.
fn shell_words_of(arguments: &str) -> Vec<String> {
    let script = format!("printf '%s\\0' {arguments}");
    let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.strip_suffix('\0').unwrap_or_default().split('\0').map(str::to_owned).collect()
}

#[test]
fn values_become_shell_words() {
    let target = json!({
        "name": "web 1", "tags": ["a b", "c"], "resources": { "memoryGb": 4 }, "free": 1.5, "on": true,
    });
    let values = json!({ "mount": "/", "quote": "it's", "empty": "", "blank": "\u{b}" });
    for (template, command) in [
        ("df {{ vars.mount }}", "df /"),
        ("echo {{ target.name }}", "echo 'web 1'"),
        ("echo {{ vars.quote }}", r"echo 'it'\''s'"),
        ("echo {{ vars.empty }}", "echo ''"),
        // No blank to POSIX, but one to a shell in some locales.
        ("echo {{ vars.blank }}", "echo '\u{b}'"),
        ("echo {{ target.tags }}", "echo 'a b' c"),
        (
            "echo {{ target.resources.memoryGb * 1024 }} {{ target.free }} {{ target.on }}",
            "echo 4096 1.5 true",
        ),
        ("echo {{ target.name | raw }}", "echo web 1"),
        ("echo {{ target.tags | raw }}", "echo a b c"),
        ("echo {{ target.nothing | default('-') }}", "echo -"),
        ("echo {{ target.name ~ ';' }}", "echo 'web 1;'"),
        ("echo {{ target.name ~ (';' | raw) }}", "echo 'web 1;'"),
        ("echo {{ target.name | regex('([a-z]+) 1') }}", "echo web"),
        ("echo {{ ('1.5K' | bytes) + ('1min' | duration) }} {{ ('A=b c' | from_kv).A }}", "echo 1596 'b c'"),
        ("echo {{ target.name | from_json | default('none') }}", "echo none"),
        ("echo {{ target.tags | tojson }}", r#"echo '["a b","c"]'"#),
        ("{% if target.on %}on{% else %}off{% endif %}", "on"),
        ("{% set x %}-p {{ target.name }}{% endset %}ls {{ x | raw }}", "ls -p 'web 1'"),
        ("{% for tag in target.tags %}[{{ tag }}]{% endfor %}", "['a b'][c]"),
        ("{% autoescape 'html' %}{{ target.name ~ '<' }}{% endautoescape %}", "'web 1<'"),
        ("echo ${#x} {# it's a note #}; {% raw %}{{ x }}{% endraw %}\n", "echo ${#x} ; {{ x }}"),
        ("uptime\n", "uptime"),
    ] {
        assert_eq!(render(template, &target, &values).as_deref(), Ok(command), "{template}");
    }
}

#[test]
fn pb13_a_hostile_name_is_one_word() {
    let target = json!({ "name": "a; $(id) `id` \"b\" 'c' \\" });
    let command = render("echo {{ target.name }}", &target, &json!({})).unwrap();
    let words = shell_words_of(command.strip_prefix("echo ").unwrap());
    assert_eq!(words, ["a; $(id) `id` \"b\" 'c' \\"]);
}

#[test]
fn pb20_what_was_rendered_is_not_rendered_again() {
    let target = json!({ "name": "{{ vars.secret }}{% raw %}" });
    let command = render("echo {{ target.name }}", &target, &json!({ "secret": "x" }));
    assert_eq!(command.as_deref(), Ok("echo '{{ vars.secret }}{% raw %}'"));
    let command = render("echo {{ target.name | raw }}", &target, &json!({ "secret": "x" }));
    assert_eq!(command.as_deref(), Ok("echo {{ vars.secret }}{% raw %}"));
}

#[test]
fn a_target_that_gives_no_command_says_why() {
    let long = "x".repeat(5000);
    let target =
        json!({ "none": null, "map": {}, "deep": [[1]], "nul": "a\0b", "blank": "  ", "long": long });
    for (template, message) in [
        ("echo {{ target.nme }}", "`target.nme` is undefined"),
        ("echo {{ 1 if target.none }}", "undefined"),
        ("echo {{ target.none }}", "null is not a word"),
        ("echo {{ target.map }}", "a mapping is not a word"),
        ("echo {{ target.deep }}", "a list in a list is not a word"),
        ("echo {{ target.blank | int }}", "in `target.blank | int`: undefined value"),
        ("{{ target.blank | raw }}", "the command is empty"),
        ("echo {{ target.nul }}", "NUL"),
        ("echo {{ target.long }}", "the command is too long: 5005 characters, of at most 4096"),
    ] {
        let error = render(template, &target, &json!({})).unwrap_err();
        assert!(error.contains(message), "{template}: {error}");
    }
}

#[test]
fn a_secret_is_not_in_the_reason() {
    let mut secret = Vars::default();
    secret.set("token".to_owned(), json!("hunter2"), true);
    let declared = ["token".to_owned()];
    let text = "echo {{ target.name | replace('a', 'b') | round(vars.token) }}";
    let template = Template::compile(text, &Scope::of_vars(&secret, &declared)).unwrap();
    let RenderError(message) =
        template.render(json!({ "name": "a" }).as_object().unwrap(), &Map::new(), &secret).unwrap_err();
    assert!(!message.contains("hunter2"), "{message}");
    assert!(!format!("{template:?}").contains("hunter2"));
}

#[test]
fn a_verbatim_command_is_no_template() {
    let template = Template::verbatim("echo {{ x }} '{{.Names}}'\n");
    assert_eq!(
        template.render(&Map::new(), &Map::new(), &Vars::default()).unwrap(),
        "echo {{ x }} '{{.Names}}'\n"
    );
    assert!(Template::verbatim(" \n").render(&Map::new(), &Map::new(), &Vars::default()).is_err());
}

#[test]
fn pb12_unknown_names_are_all_found_at_their_places() {
    for (template, expected) in [
        (
            "echo {{ threshold }} {{ vars.mout }}",
            vec![("`threshold` is not known here", "threshold"), ("unknown variable `vars.mout`", "mout")],
        ),
        ("echo {{ vars['mout'] }}", vec![("unknown variable `vars.mout`", "'mout'")]),
        ("{% if hostname %}a{% endif %}", vec![("`hostname` is not known here", "hostname")]),
        ("echo {{ target.x | trimm }}", vec![("unknown filter `trimm`", "trimm")]),
        ("echo {{ target.x | e }}", vec![("unknown filter `e`", "e")]),
        ("echo {{ 1 if target.x is not definde }}", vec![("unknown test `definde`", "definde")]),
        (
            "echo {{ target.x | regex('(a') }}{{ 1 if target.x is matching(\"(\") }}",
            vec![
                ("not a valid regular expression: unclosed group", "'(a'"),
                ("not a valid regular expression: unclosed group", "\"(\""),
            ],
        ),
        ("echo {{ vars }}", vec![("`vars` is not a value", "vars")]),
        ("echo {{ env('HOME') }}", vec![("`env` is not known here", "env")]),
        ("echo {{ namespace() }}", vec![("`namespace` is not known here", "namespace")]),
    ] {
        let found = mistakes(template);
        let found: Vec<_> = found.iter().map(|(message, place)| (message.as_str(), place.as_str())).collect();
        assert_eq!(found, expected, "{template}");
    }
}

#[test]
fn names_that_a_template_sets_or_passes_are_known() {
    for template in [
        "{% set x = 1 %}echo {{ x }}",
        "{% for tag in target.tags %}{{ loop.index }}{{ tag }}{% endfor %}",
        "echo {{ target.x | default(value=vars.threshold) }}",
        "echo {{ range(3) }} {{ target.vars }} {{ 'threshold' }}",
        "echo {{ vars.threshold * 2 }} {{ vars['mount'] }}",
        "{% if target.x is defined and target.x in ['a'] %}a{% endif %}b",
    ] {
        let values = json!({ "threshold": 90, "mount": "/" });
        assert!(compile(template, &values).is_ok(), "{template}: {:?}", compile(template, &values));
    }
}

/// The captures of three steps; the second one, "disk", is about to run.
fn captures() -> Vec<Captured> {
    let made = [("release", 0, None), ("used", 1, Some("disk")), ("memory", 2, Some("memory use"))];
    let captured = |(name, step, step_name): (&str, usize, Option<&str>)| Captured {
        name: name.to_owned(),
        step,
        number: 0,
        step_name: step_name.map(str::to_owned),
        line: 20 + step,
    };
    made.into_iter().map(captured).collect()
}

fn compile_with_captures(text: &str) -> Result<Template, Vec<Diagnostic>> {
    let (vars, captures) = (vars(&json!({ "mount": "/" })), captures());
    let declared = ["mount".to_owned()];
    let scope = Scope { captures: &captures, ..Scope::of_vars(&vars, &declared) };
    Template::compile(text, &scope.at(1, Place::Command))
}

#[test]
fn what_was_captured_is_a_bare_name() {
    let captured = json!({
        "release": { "ID": "debian", "list": ["a b", "c"], "none": null }, "used": 1, "memory": 2,
    });
    let empty = (Map::new(), Vars::default());
    for (text, command) in [
        ("echo {{ release.ID }}", Ok("echo debian")),
        ("echo {{ release.list }} {{ release['ID'] | upper }}", Ok("echo 'a b' c DEBIAN")),
        ("{% if release.ID == 'debian' %}apt{% else %}dnf{% endif %} update", Ok("apt update")),
        ("{% set used = release.ID %}echo {{ used }}", Ok("echo debian")),
        ("echo {{ release }}", Err("a mapping is not a word of a command")),
        ("echo {{ release.none }}", Err("null is not a word of a command")),
        ("echo {{ release.VERSION }}", Err("`release.VERSION` is undefined")),
    ] {
        let template = compile_with_captures(text).unwrap();
        assert_eq!(template.captures_read(), ["release"], "{text}");
        assert!(!template.reads_target());
        let rendered = template.render(&empty.0, captured.as_object().unwrap(), &empty.1);
        match (rendered, command) {
            (Ok(rendered), Ok(command)) => assert_eq!(rendered, command, "{text}"),
            (Err(RenderError(message)), Err(part)) => assert!(message.contains(part), "{text}: {message}"),
            (rendered, _) => panic!("{text}: {rendered:?}"),
        }
    }
    assert_eq!(compile_with_captures("echo {{ vars.mount }}").unwrap().captures_read(), [""; 0]);
    let template = compile_with_captures("echo {{ release }}").unwrap();
    let RenderError(message) = template.render(&empty.0, &Map::new(), &empty.1).unwrap_err();
    assert_eq!(message, "`release` is undefined");
    let template = compile_with_captures("echo {{ release | default('none') }}").unwrap();
    assert_eq!(template.render(&empty.0, &Map::new(), &empty.1).unwrap(), "echo none");
}

#[test]
fn pb20_what_was_captured_is_not_rendered_and_is_one_word() {
    let template = compile_with_captures("echo {{ release }}").unwrap();
    for text in ["{{ vars.mount }}", "{% raw %}{# x #}", "a; $(id) `id` 'b' \\", "a\nb", ""] {
        let captured = Map::from_iter([("release".to_owned(), json!(text))]);
        let command = template.render(&Map::new(), &captured, &Vars::default()).unwrap();
        assert_eq!(shell_words_of(command.strip_prefix("echo ").unwrap()), [text]);
    }
}

#[test]
fn a_name_that_is_not_there_yet_says_when_it_is() {
    for (text, expected) in [
        ("echo {{ memory }}", "captured by a later step, \"memory use\" (line 22); move that step up"),
        ("echo {{ used }}", "captured by this step, after its command has run"),
        ("echo {{ stdout }}", "known only after the command has run"),
        ("echo {{ relaese }}", "did you mean `release`?"),
        ("echo {{ mount }}", "did you mean `vars.mount`?"),
        ("echo {{ muont }}", "did you mean `vars.mount`?"),
        ("echo {{ vasr.mount }}", "did you mean `vars`?"),
        ("echo {{ primaryIp }}", "did you mean `target.primaryIp`?"),
        ("echo {{ primaryip }}", "did you mean `target.primaryIp`?"),
        ("echo {{ vars.release }}", "a capture is read as `release`, without `vars.`"),
    ] {
        let mistakes = compile_with_captures(text).unwrap_err();
        let labels: Vec<_> = mistakes.iter().map(|mistake| mistake.label.as_deref()).collect();
        assert_eq!(labels, [Some(expected)], "{text}");
    }
    let mistakes = compile_with_captures("echo {{ weather }}").unwrap_err();
    assert_eq!(
        mistakes[0].help.as_deref(),
        Some(
            "a command sees `vars.<name>`, `target.<field>` and `release`; a server's own field is `target.weather`"
        )
    );
}

#[test]
fn a_syntax_error_points_at_its_place() {
    for (template, message, place) in [
        ("a\n{{ 1 + }}", "template: unexpected end of variable block", "}}"),
        ("docker ps --format '{{.Names}}'", "template: unexpected `.`", "."),
        ("{% include 'x' %}", "template: unknown statement include", "include"),
    ] {
        assert_eq!(mistakes(template), [(message.to_owned(), place.to_owned())], "{template}");
    }
    assert!(mistakes("echo {{ x")[0].0.starts_with("template: unexpected end of input"));
}

#[test]
fn pb10_what_is_wrong_for_every_target_is_found_without_one() {
    for (template, message) in [
        ("a".repeat(4097), "the command is too long: 4097 characters, of at most 4096"),
        (
            format!("{} {{{{ target.name }}}}", "é".repeat(4096)),
            "the command is too long: 4097 characters, of at most 4096",
        ),
        ("{{ 'a' * 9000 }}".to_owned(), "`*` repeats a text or a list here"),
        ("echo \0".to_owned(), "the command contains a NUL character, which no shell can take"),
        ("{% if false %}x{% endif %}".to_owned(), "the command is empty"),
        ("echo {{ vars.mount | int }}".to_owned(), "in `vars.mount | int`: undefined value"),
        ("a".repeat(70_000), "too long: 70000 bytes, of at most 65536"),
    ] {
        assert_eq!(mistakes(&template)[0].0, message);
    }
    assert!(compile(&"é".repeat(4096), &json!({})).is_ok());
}

#[test]
fn rendering_returns_at_once_whatever_the_template() {
    let target = json!({ "tags": ["a"], "name": "a" });
    for template in [
        "{{ target.tags * 100000000 }}",
        "{{ (target.tags * 100000000) | join }}",
        "{{ (target.tags * 100000000) | tojson }}",
        "{{ target.name * 100000000 }}",
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}{{ target.name }}",
        "{{ target.name | indent(100000000) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}{{ target.name }}",
    ] {
        let started = jiff::Timestamp::now();
        assert!(render(template, &target, &json!({})).is_err(), "{template}");
        let taken = jiff::Timestamp::now().duration_since(started);
        assert!(
            taken < jiff::SignedDuration::try_from(Duration::from_secs(2)).unwrap(),
            "{template}: {taken:?}"
        );
    }
}

#[test]
fn f7_no_nesting_overflows_the_stack() {
    for (open, middle, close) in [
        ("{{ ", "-", "1 }}"),
        ("{{ ", "(", "1 }}"),
        ("{{ ", "[", "1 }}"),
        ("{{ ", "not ", "1 }}"),
        ("{{ 1", "+1", " }}"),
        ("{{ 1", "|abs", " }}"),
        ("{{ target", ".a", " }}"),
        ("{{ 1 ", "if 1 else 1 ", "}}"),
        ("", "{% if 1 %}", "x"),
        ("{% if 1 %}", "{% elif 1 %}", "{% endif %}"),
        ("", "{% for x in [1] %}", "x"),
        ("", "{{ 1 }}", "x"),
        ("", "{% raw %}", "x"),
    ] {
        for times in [100, 198, 900 / middle.len(), 60_000 / middle.len(), 200_000] {
            let _ = compile(&format!("{open}{}{close}", middle.repeat(times)), &json!({}));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pb19_a_shell_gives_every_value_back(values in prop::collection::vec("[^\0]{0,30}", 1..5)) {
        let target = json!({ "tags": values });
        prop_assert_eq!(shell_words_of(&render("x {{ target.tags }}", &target, &json!({})).unwrap()[2..]), values.clone());
        let one = json!({ "name": values[0] });
        let command = render("{{ target.name }}", &one, &json!({}));
        // An empty value is still a word.
        prop_assert_eq!(shell_words_of(&command.unwrap()), [values[0].clone()]);
    }

    #[test]
    fn no_template_makes_compiling_panic(text in "[-{}%#\"'|.a (x) *+~=]{0,40}") {
        if let Err(mistakes) = compile(&text, &json!({ "a": [1] })) {
            for mistake in mistakes {
                prop_assert!(mistake.span.is_none_or(|span| text.get(span).is_some()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the author writes around it: where the checks say nothing, a shell never runs what is in a value.
    #[test]
    fn pb13_where_no_mistake_is_found_no_value_is_run(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "echo ", "a", " ", "'", "\"", "\\", "$(", ")", "`", "$((", "))", "${y:-", "${y#", "}", "#", "\n", " <<E\n",
                " <<-'E'\n", "E\n", "$", "(", ")", "{ ", "; }", "|", ";", " && ", "case a in a) ", ";; esac\n", "1", "+", "=",
                "{{ target.x }}", "{{ target.x }}", "{{ target.x }}",
            ]),
            1..14,
        ),
    ) {
        let hostile = "\ntouch ran\n'\ntouch ran\n\"\ntouch ran\n`touch ran`$(touch ran)\nE\ntouch ran\n\\\\'touch ran\\\n\ttouch ran\n)) }\ntouch ran;'";
        let target = json!({ "x": hostile });
        if let Ok(command) = render(&pieces.concat(), &target, &json!({})) {
            let directory = tempfile::tempdir().unwrap();
            let status = Command::new("sh").arg("-c").arg(&command).current_dir(directory.path())
                .stdin(std::process::Stdio::null()).output().unwrap().status;
            prop_assert!(!directory.path().join("ran").exists(), "{} ran as {:?}", pieces.concat(), status);
        }
    }
}
