//! A bundle against its steps alone: on real shells, and for any bytes in the model.

use std::{fmt::Write as _, process::Command, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::playbook::{Effects, OnFailure, Step, Template};

fn marker() -> Marker {
    Marker::new([0x5f_0c91_d2a7, 0xe4_1b77_30cc])
}

fn step(run: &str) -> Step {
    Step { on_failure: OnFailure::Continue, ..Step::new(run, Template::verbatim(run)) }
}

fn bundle(steps: &[Step]) -> Bundle {
    let mut bundle = Bundle::new();
    for step in steps {
        assert!(bundle.push(step, step.run.text()), "too long");
    }
    bundle
}

/// What a bundle prints whose steps print and end so.
fn printed(steps: &[(String, String, i64)]) -> (String, String) {
    let whole = marker().whole();
    let (mut out, mut err) = (String::new(), String::new());
    for (index, (stdout, stderr, code)) in steps.iter().enumerate() {
        writeln!(out, "{stdout}\n{whole} {index} {code} 7").unwrap();
        writeln!(err, "{stderr}\n{whole} {index}").unwrap();
    }
    (out, err)
}

fn no_gap(_: &str) -> Option<usize> {
    None
}

/// Where a test left something out.
fn gap(text: &str) -> Option<usize> {
    text.find('…')
}

fn whole(text: &str, truncated: bool) -> Whole<'_> {
    Whole { text, truncated, gap }
}

fn apart<'a>(steps: usize, out: &'a str, err: &'a str) -> Vec<Part<'a>> {
    take_apart(&marker(), steps, whole(out, false), whole(err, false))
}

#[test]
fn the_script_is_plain_text() {
    let change = Step {
        effects: Effects::Change,
        on_failure: OnFailure::Stop,
        accept: vec![0, 3],
        ..step("service it's restart")
    };
    let bundle = bundle(&[Step { timeout: Some(Duration::from_millis(1500)), ..step("uptime") }, change]);
    insta::assert_snapshot!(bundle.text(&marker()));
    assert_eq!(bundle.chars(), bundle.text(&marker()).chars().count());
    assert_eq!(bundle.steps(), 2);
}

#[test]
fn b4_a_script_never_gets_longer_than_the_api_takes() {
    let mut bundle = Bundle::new();
    let step = step("printf '%s\\n' åäö");
    let most = (0..4096).take_while(|_| bundle.push(&step, step.run.text())).count();
    assert!(bundle.chars() <= 4096 && most > 50, "{most} steps in {} characters", bundle.chars());
    assert_eq!(bundle.text(&marker()).chars().count(), bundle.chars());
    assert_eq!(bundle.steps(), most);
}

#[test]
fn b2_output_after_the_last_marker_is_the_unfinished_steps() {
    let (out, err) = printed(&[("one".into(), "e1".into(), 0)]);
    let (out, err) = (out + "half", err + "e2");
    let parts = apart(3, &out, &err);
    let ends: Vec<End> = parts.iter().map(|part| part.end).collect();
    assert_eq!(ends, [End::Exited { code: 0, seconds: 7 }, End::Unfinished, End::NotReached]);
    assert_eq!((parts[0].stdout.text, parts[0].stderr.text), ("one", "e1"));
    assert_eq!((parts[1].stdout.text, parts[1].stderr.text), ("half", "e2"));
    assert_eq!((parts[2].stdout.text, parts[2].stderr.text), ("", ""));
}

#[test]
fn what_was_left_out_of_the_middle_may_take_markers_with_it() {
    let steps: Vec<_> = (0..4).map(|number| (format!("<{number}>"), String::new(), number)).collect();
    let (out, err) = printed(&steps);
    let cut = format!("{}…{}", &out[..out.find("1>").unwrap()], &out[out.find("3>").unwrap()..]);
    let parts = take_apart(&marker(), 4, whole(&cut, true), whole(&err, false));
    let shown: Vec<_> = parts.iter().map(|part| (part.end, part.stdout.text, part.stdout.cut)).collect();
    let exited = |code| End::Exited { code, seconds: 7 };
    assert_eq!(
        shown,
        [(exited(0), "<0>", false), (End::Lost, "<", true), (End::Lost, "", true), (exited(3), "…3>", true)]
    );
    assert!(parts.iter().all(|part| !part.stderr.cut));
}

#[test]
fn where_nobody_can_say_whose_output_is_cut_it_may_be_anybodys() {
    let (out, err) = printed(&[("a".into(), String::new(), 0), ("b".into(), String::new(), 0)]);
    let unknown = Whole { text: &out, truncated: true, gap: no_gap };
    let parts = take_apart(&marker(), 2, unknown, whole(&err, false));
    assert!(parts.iter().all(|part| part.stdout.cut && !part.stderr.cut));
    // The end of it is missing: only the step that was running.
    let unknown = Whole { text: &out[..out.len() - 3], ..unknown };
    let parts = take_apart(&marker(), 2, unknown, whole(&err, false));
    assert_eq!(parts.iter().map(|part| part.stdout.cut).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_stream_whose_end_is_missing_is_not_known_to_be_empty_for_the_steps_after() {
    let (out, err) = printed(&[
        ("a".into(), "long".into(), 0),
        ("b".into(), "lost".into(), 0),
        ("c".into(), "lost too".into(), 0),
    ]);
    let parts = take_apart(&marker(), 3, whole(&out, false), whole(&err[..2], true));
    let shown: Vec<_> = parts.iter().map(|part| (part.stderr.text, part.stderr.cut)).collect();
    assert_eq!(shown, [("lo", true), ("", true), ("", true)]);
    assert!(parts.iter().all(|part| matches!(part.end, End::Exited { .. }) && !part.stdout.cut));
}

#[test]
fn a_marker_of_which_the_end_may_be_missing_does_not_count() {
    let steps: Vec<_> = (0..3).map(|number| (format!("<{number}>"), String::new(), 124)).collect();
    let (out, err) = printed(&steps);
    let end = out.find("124 7\n").unwrap() + "124 7".len();
    // Of "124 77" the last digit may be gone, and of the next output the beginning.
    let cut = format!("{}\n[… 3 bytes left out …]\n{}", &out[..end], &out[end + 3..]);
    let stream = Whole { text: &cut, truncated: true, gap: crate::engine::Stream::gap };
    let parts = take_apart(&marker(), 3, stream, whole(&err, false));
    let ends: Vec<_> = parts.iter().map(|part| (part.end, part.stdout.cut)).collect();
    let exited = End::Exited { code: 124, seconds: 7 };
    assert_eq!(ends, [(End::Lost, true), (exited, true), (exited, false)]);
}

#[test]
fn a_marker_counts_only_where_it_can_be_one() {
    let whole = marker().whole();
    for fake in [
        format!("{whole} 0 0 0\n"),
        format!("\n{whole} 0 0\n"),
        format!("\n{whole} x 0 0\n"),
        format!("\n{whole} 9 0 0\n"),
        format!("\n{whole} -1 0 0\n"),
        "\n5f0c91d2a7 e41b7730cc 0 0 0\n".to_owned(),
    ] {
        let (out, err) = printed(&[(fake.clone(), String::new(), 4)]);
        let parts = apart(1, &out, &err);
        assert_eq!((parts[0].stdout.text, parts[0].end), (&*fake, End::Exited { code: 4, seconds: 7 }));
    }
}

proptest! {
    #[test]
    fn b6_any_output_comes_back_as_it_was(
        steps in prop::collection::vec(("[\\PC\n\r\0]{0,30}", "[\\PC\n]{0,30}", -1_i64..300), 0..8),
        missing in 0_usize..3,
    ) {
        let (out, err) = printed(&steps);
        let parts = apart(steps.len() + missing, &out, &err);
        for (part, (stdout, stderr, code)) in parts.iter().zip(&steps) {
            prop_assert_eq!(part.stdout, Printed { text: stdout, cut: false });
            prop_assert_eq!(part.stderr, Printed { text: stderr, cut: false });
            prop_assert_eq!(part.end, End::Exited { code: *code, seconds: 7 });
        }
        for (index, part) in parts.iter().enumerate().skip(steps.len()) {
            prop_assert_eq!(part.end, if index == steps.len() { End::Unfinished } else { End::NotReached });
        }
    }

    #[test]
    fn any_bytes_are_taken_apart_without_losing_one(
        out in "[\\PC\n…]{0,60}", err in "[\\PC\n…]{0,60}", steps in 0_usize..5, cut in any::<bool>(), at in 0_usize..400,
    ) {
        let (mut text, _) = printed(&[(out.clone(), String::new(), 0), (err.clone(), String::new(), 1)]);
        let at = (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(at);
        let parts = take_apart(&marker(), steps, whole(&text, cut), whole(&err, cut));
        prop_assert_eq!(parts.len(), steps);
        let ended = parts.iter().filter(|part| matches!(part.end, End::Exited { .. })).count();
        prop_assert!(ended <= 2);
    }
}

/// Steps that try to disturb their neighbours.
const HOSTILE: [&str; 38] = [
    "echo plain",
    "printf 'no final newline'",
    ":",
    "false",
    "echo out; echo err >&2; exit 3",
    "exit",
    "cd /; pwd",
    "pwd",
    "set -e; false; echo not reached",
    "set -eu; echo $undefined_name",
    "if true; then",
    "echo 'unbalanced",
    ")",
    "trap 'echo trapped; exit 9' EXIT; exit 4",
    "exec 1>&-; echo gone",
    "exec 2>&-; echo gone >&2; echo here",
    "exec 3>&1 2>&3; echo joined >&2",
    "echo to three >&3",
    "cat",
    "read line; echo \"read: $line $?\"",
    "printf 'a\\0b' | od -c",
    "a=1; b=2; c=3; k=4; n=5; s=6; echo $a$b$c$k$n$s",
    "echo \"[$a$b$c$k$n$s]\"",
    "step() { echo mine; }; step 1 2 3",
    "step 30 0 'echo injected'",
    "kill -9 $$",
    "kill -TERM $$; echo never",
    "sh -c 'kill -9 $$'; echo after",
    "echo 'it'\\''s quoted'; echo \"$HOME\" | wc -l",
    "echo \\\\ '\\' \"\\\\\"",
    "for i in 1 2 3; do printf '%s' \"$i\"; done; echo",
    "i=0; while [ $i -lt 400 ]; do echo \"line $i\"; echo \"err $i\" >&2; i=$((i+1)); done",
    "printf '\\n\\n\\n'",
    "printf '\\n5f0c91d2a7e41b7730c 0 0 0\\n'",
    "echo \"# not a comment\" # a comment",
    "cat <<EOF\nhere $((1+1))\nEOF",
    "echo \"$0\" $#",
    "umask 077; umask; ulimit -c 0; echo ${IFS} | od -c",
];

/// Steps that only a pipe away from the script would see the script itself.
const SPIES: [&str; 2] = ["ps -ef || true", "cat /proc/[0-9]*/cmdline"];

fn shells() -> Vec<Vec<&'static str>> {
    let all = [
        vec!["sh"],
        vec!["dash"],
        vec!["bash"],
        vec!["bash", "--posix"],
        vec!["busybox", "sh"],
        vec!["mksh"],
        vec!["zsh", "--emulate", "sh"],
    ];
    all.into_iter()
        .filter(|shell| Command::new(shell[0]).args(&shell[1..]).args(["-c", ":"]).status().is_ok())
        .collect()
}

/// Whether a shell runs itself where a script says `sh`: a busybox does that only if it was built to
/// look among its own applets first (Debian's static one is, its plain one is not).
fn takes_itself_for_sh(shell: &[&str]) -> bool {
    let (running, ..) = run_with(&[], shell, "sh -c 'readlink /proc/$$/exe; :'");
    shell[0] == "busybox" && running.trim_end().ends_with("busybox")
}

/// Runs a bundle where the agent exports some of the script's own names: it must not be disturbed by them.
fn run(shell: &[&str], script: &str) -> (String, String, Option<i32>) {
    run_with(&[("a", "exported"), ("k", "exported"), ("n", "9")], shell, script)
}

fn run_with(environment: &[(&str, &str)], shell: &[&str], script: &str) -> (String, String, Option<i32>) {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-c", script, "/bin/sh"]).stdin(std::process::Stdio::null());
    command.env_remove("IFS").envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn b1_steps_in_a_bundle_end_and_print_as_they_do_alone() {
    let steps: Vec<Step> = HOSTILE.iter().map(|run| step(run)).collect();
    for shell in shells() {
        for steps in steps.chunks(13) {
            let (out, err, code) = run(&shell, &bundle(steps).text(&marker()));
            assert_eq!(code, Some(0), "{shell:?}: {err}");
            for (step, part) in steps.iter().zip(apart(steps.len(), &out, &err)) {
                let alone: &[&str] = if takes_itself_for_sh(&shell) { &shell } else { &["sh"] };
                let (stdout, stderr, code) = run_with(&[], alone, step.run.text());
                let text = step.run.text();
                assert_eq!((part.stdout.text, part.stderr.text), (&*stdout, &*stderr), "{shell:?}: {text}");
                let End::Exited { code: ended, .. } = part.end else { panic!("{shell:?}: {text}: {part:?}") };
                match code {
                    Some(code) => assert_eq!(ended, i64::from(code), "{shell:?}: {text}"),
                    // A signal: a shell tells of it as 128 and its number.
                    None => assert!(ended > 128, "{shell:?}: {text}: {ended}"),
                }
            }
        }
    }
}

#[test]
fn g8_a_step_that_prints_the_script_prints_no_marker() {
    let steps: Vec<Step> = SPIES.iter().map(|run| step(run)).collect();
    for shell in shells() {
        let (out, err, _) = run(&shell, &bundle(&steps).text(&marker()));
        let out = out.replace('\0', " ");
        let parts = apart(2, &out, &err);
        assert!(parts.iter().all(|part| !part.stdout.text.contains(&marker().whole())), "{shell:?}");
        assert!(parts.iter().all(|part| matches!(part.end, End::Exited { .. })), "{shell:?}");
        assert!(parts[1].stdout.text.contains("exec 3>&2"), "{shell:?}: the script is not seen at all");
    }
}

#[test]
fn b5_the_guest_itself_stops_after_an_exit_code_that_is_not_accepted() {
    let stop = |run: &str| Step { on_failure: OnFailure::Stop, accept: vec![0, 3], ..step(run) };
    let steps = [stop("exit 3"), step("exit 9"), stop("exit 4"), step("echo never")];
    for shell in shells() {
        let (out, err, code) = run(&shell, &bundle(&steps).text(&marker()));
        let ends: Vec<End> = apart(4, &out, &err).iter().map(|part| part.end).collect();
        let codes: Vec<_> = ends
            .iter()
            .map(|end| if let End::Exited { code, .. } = end { Some(*code) } else { None })
            .collect();
        assert_eq!((codes, code), (vec![Some(3), Some(9), Some(4), None], Some(0)), "{shell:?}");
    }
}

#[test]
fn the_guest_ends_a_step_after_its_timeout_unless_it_changes_something() {
    let short = |run: &str| Step { timeout: Some(Duration::from_secs(1)), ..step(run) };
    let patient = Step { effects: Effects::Change, ..short("sleep 1.2; echo changed") };
    let steps = [short("echo begun; sleep 9; echo never"), patient, step("echo last")];
    let every_shell = shells();
    let check = |shell: &[&str]| {
        let (out, err, _) = run(shell, &bundle(&steps).text(&marker()));
        let parts = apart(3, &out, &err);
        let texts: Vec<_> = parts.iter().map(|part| part.stdout.text).collect();
        assert_eq!(texts, ["begun\n", "changed\n", "last\n"], "{shell:?}");
        assert!(parts[0].end.is_killed(Duration::from_secs(1)), "{shell:?}: {:?}", parts[0]);
        assert!(matches!(parts[1].end, End::Exited { code: 0, .. }), "{shell:?}");
    };
    std::thread::scope(|scope| {
        for shell in &every_shell {
            scope.spawn(|| check(shell));
        }
    });
}
