//! Several steps sent as one script, whose outputs are told apart by markers.

use std::fmt::Write as _;

use super::*;

const HEAD: &str = r#"unset a b k n s c
a=5f0c91d2a7 b=e41b7730cc n=0
exec 3>&2 2>/dev/null
timeout -k 5 9 true && k=1
r() {
s=$(date +%s)
if [ "$1" != 0 ] && [ "$k" ]; then (exec timeout -k 5 "$1" sh -c "$3" </dev/null 2>&3 3>&-)
else (exec sh -c "$3" </dev/null 2>&3 3>&-); fi
c=$?
printf '\n%s%s %s %s %s\n' $a $b $n $c $(($(date +%s)-s))
printf '\n%s%s %s\n' $a $b $n >&3
n=$((n+1))
case " $2 " in *" $c "*|*' * '*) ;; *) exit 0; esac
}
"#;

/// Runs steps (limit, accepted codes, text) and gives each one's stdout, stderr, exit code and seconds.
fn bundle(steps: &[(u32, &str, &str)]) -> (Vec<(String, String, i32, u64)>, Did) {
    let mut script = HEAD.to_owned();
    for (limit, accept, text) in steps {
        _ = writeln!(script, "r {limit} '{accept}' '{}'", text.replace('\'', "'\\''"));
    }
    let did = first(&script);
    let (mut stdout, mut stderr, mut found) = (did.stdout.as_str(), did.stderr.as_str(), Vec::new());
    for number in 0.. {
        let mark = format!("\n5f0c91d2a7e41b7730cc {number}");
        let Some((out, rest)) = stdout.split_once(&mark) else { break };
        let (numbers, rest) = rest.split_once('\n').unwrap();
        let (err, after) = stderr.split_once(&format!("{mark}\n")).unwrap();
        let numbers: Vec<u64> = numbers.split_whitespace().map(|number| number.parse().unwrap()).collect();
        found.push((out.to_owned(), err.to_owned(), i32::try_from(numbers[0]).unwrap(), numbers[1]));
        (stdout, stderr) = (rest, after);
    }
    (found, did)
}

fn told(stdout: &str, stderr: &str, code: i32, seconds: u64) -> (String, String, i32, u64) {
    (stdout.to_owned(), stderr.to_owned(), code, seconds)
}

#[test]
fn each_step_runs_as_if_it_were_alone() {
    let steps = [
        (30, "0", ". /etc/os-release && echo \"$ID\""),
        (60, "*", "uname -s"),
        (0, "*", "printf 'no newline'; echo oops >&2; exit 3"),
        (5, "*", "echo before; sleep 60; echo never"),
        (0, "*", "cd /tmp; x=1; set -e; false; echo never"),
        (9, "*", "echo \"$x$a$b$n\"; pwd; cat"),
        (9, "*", "if then"),
        (9, "*", "not-there"),
        (9, "*", "kill -9 $$"),
        (9, "*", "trap 'echo bye' EXIT; exit 4"),
        (9, "*", "while :; do :; done"),
        (9, "*", "exec 2>&1; echo 'it'\\''s' >&2; echo fd3 >&3"),
        (9, "*", "lsblk"),
        (9, "0 7", "exit 7"),
        (9, "0", "exit 1"),
        (9, "0", "echo never"),
    ];
    let (found, did) = bundle(&steps);
    assert_eq!(
        found,
        [
            told("debian\n", "", 0, 0),
            told("Linux\n", "", 0, 0),
            told("no newline", "oops\n", 3, 0),
            told("before\n", "", 124, 5),
            told("", "", 1, 0),
            told("\n/\n", "", 0, 0),
            told("", "sh: 1: Syntax error: \"then\" unexpected\n", 2, 0),
            told("", "sh: 1: not-there: not found\n", 127, 0),
            told("", "", 137, 0),
            told("bye\n", "", 4, 0),
            told("", "", 124, 9),
            told("it's\nsh: 1: 3: Bad file descriptor\n", "", 2, 0),
            told("", "sh: 1: lsblk is not a program that the simulated guest has; see guest=shell\n", 2, 0),
            told("", "", 7, 0),
            told("", "", 1, 0),
        ]
    );
    assert_eq!((did.ended, did.took), (Ended::Exit(0), Duration::from_secs(14)));
}

#[test]
fn a_step_left_in_the_background_writes_into_the_one_that_runs_then() {
    let (found, did) = bundle(&[(9, "0", "(sleep 2; echo late) & echo now"), (9, "0", "sleep 3; echo then")]);
    assert_eq!(found, [told("now\n", "", 0, 0), told("late\nthen\n", "", 0, 3)]);
    assert_eq!(did.took, Duration::from_secs(3));
}

#[test]
fn a_step_that_kills_its_parent_ends_the_bundle() {
    let (found, did) = bundle(&[(0, "*", "echo one"), (0, "*", "kill -9 $PPID"), (0, "*", "echo never")]);
    assert_eq!(found.len(), 1);
    assert_eq!(did.ended, Ended::Signal(9));
}
