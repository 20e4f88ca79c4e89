//! What is read out of a script, and what is not.

use std::fmt::Write as _;

use super::*;

/// Each command as its words, with what else is known of it.
fn read(script: &str) -> Vec<String> {
    let shown = |command: &Command| {
        let words: Vec<_> = command.words.iter().map(|word| word.text.as_str()).collect();
        let mut shown = words.join("·");
        for Redirection { descriptor, operator, target } in &command.redirections {
            write!(shown, " {descriptor}{operator}{}", target.text).unwrap();
        }
        let background = if command.background.is_some() { " &" } else { "" };
        format!("{}{shown}{background}", if command.closes { "end " } else { "" })
    };
    commands(script).iter().filter(|c| !c.words.is_empty() || c.closes).map(shown).collect()
}

#[test]
fn commands_are_told_from_their_arguments() {
    for (script, expected) in [
        ("a b; c && d || e | f\ng", vec!["a·b", "c", "d", "e", "f", "g"]),
        ("if ! a; then b; else c; fi", vec!["a", "b", "c", "end "]),
        ("X=1 Y='2 3' a b=c", vec!["a·b=c"]),
        ("echo 'rm -rf /' \"; rm\" \\; x", vec!["echo·rm -rf /·; rm·;·x"]),
        ("a # rm -rf /\nb", vec!["a", "b"]),
        ("a \\\n  b", vec!["a·b"]),
        ("a#b", vec!["a#b"]),
    ] {
        assert_eq!(read(script), expected, "{script}");
    }
}

#[test]
fn commands_within_commands_are_found() {
    for (script, expected) in [
        ("echo \"$(a b)\" $(c)", vec!["a·b", "c", "echo·$(a b)·$(c)"]),
        ("echo `a b`", vec!["a·b", "echo·`a b`"]),
        ("(a; b) | c", vec!["a", "b", "end ", "c"]),
        ("f() { a; }; f", vec!["a", "end ", "f"]),
        ("while read x; do a $x; done < f", vec!["read·x", "a·$x", "end  <f"]),
        ("echo $((1 + (2)) ) x", vec!["echo·$((1 + (2))·x"]),
        ("x=${y:-z} a", vec!["a"]),
        ("case $1 in start|rm) a ;; *) b;; esac; c", vec!["a", "b", "end ", "c"]),
        ("x=$(case a in b) c;; esac); d", vec!["c", "end ", "d"]),
    ] {
        assert_eq!(read(script), expected, "{script}");
    }
}

#[test]
fn redirections_and_the_background_are_seen() {
    for (script, expected) in [
        ("a >b 2>&1 &", vec!["a >b 2>&1 &"]),
        ("a &>/dev/null & b", vec!["a &>/dev/null &", "b"]),
        ("a 2> /dev/null >>c", vec!["a 2>/dev/null >>c"]),
        ("(a) >b &", vec!["a", "end  >b &"]),
        ("a 2 >b", vec!["a·2 >b"]),
        ("cat <<E <<-'F'\nrm\nE\n\trm\n\tF\na", vec!["cat <<E <<-F", "a"]),
        ("a <<<b; c", vec!["a <<<b", "c"]),
        ("a <(b c)", vec!["b·c", "a"]),
    ] {
        assert_eq!(read(script), expected, "{script}");
    }
}

#[test]
fn places_are_those_of_the_script() {
    let script = "x; ls -l \"é\" | y";
    assert_eq!(&script[commands(script)[1].span()], "ls -l \"é\"");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic_or_run_on(script in "[-a;&|(){}<>$`'\"\\\\# \n=é]{0,60}") {
        for command in commands(&script) {
            proptest::prop_assert!(script.get(command.span()).is_some());
        }
    }
}

#[test]
fn deep_nesting_ends() {
    for open in ["$(", "(", "`a $(", "{ ", "case a in b) ", "\"$("] {
        commands(&open.repeat(20_000));
    }
}
