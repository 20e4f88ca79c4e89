//! What the shell does where it cannot be compared: messages, simulated time, bounds, dash's own ways.

use super::*;

#[test]
fn messages_are_dashs() {
    for (script, stdout, stderr, code) in [
        ("frobnicate --now", "", "sh: 1: frobnicate: not found\n", 127),
        ("echo a\nfrobnicate", "a\n", "sh: 2: frobnicate: not found\n", 127),
        ("if true; then", "", "sh: 1: Syntax error: end of file unexpected (expecting \"fi\")\n", 2),
        ("echo a\n)", "a\n", "sh: 2: Syntax error: \")\" unexpected\n", 2),
        ("echo 'a", "", "sh: 1: Syntax error: Unterminated quoted string\n", 2),
        ("a=(1 2)", "", "sh: 1: Syntax error: \"(\" unexpected\n", 2),
        ("done", "", "sh: 1: Syntax error: \"done\" unexpected\n", 2),
        ("cat <(true)", "", "sh: 1: Syntax error: \"(\" unexpected\n", 2),
        ("[[ a ]]", "", "sh: 1: [[: not found\n", 127),
        ("echo ${x/a/b}", "", "sh: 1: Bad substitution\n", 2),
        ("echo $((1/0))", "", "sh: 1: arithmetic expression: division by zero: \"1/0\"\n", 2),
        ("set -u; echo $x", "", "sh: 1: x: parameter not set\n", 2),
        ("echo ${x:?gone}; echo never", "", "sh: 1: x: gone\n", 2),
        ("set -o pipefail", "", "sh: 1: set: Illegal option -o pipefail\n", 2),
        ("cat < /nope", "", "sh: 1: cannot open /nope: No such file\n", 2),
        ("echo x > /nope/x", "", "sh: 1: cannot create /nope/x: Directory nonexistent\n", 2),
        ("cat /nope", "", "cat: /nope: No such file or directory\n", 1),
        (". /nope", "", "sh: 1: .: cannot open /nope: No such file\n", 2),
        ("cd /nope", "", "sh: 1: cd: can't cd to /nope\n", 2),
        ("[ a -eq 1 ]", "", "sh: 1: [: Illegal number: a\n", 2),
        ("readonly r=1; r=2; echo never", "", "sh: 1: r: is read only\n", 2),
        ("shift", "", "sh: 1: shift: can't shift that many\n", 2),
        ("echo x >&7", "", "sh: 1: 7: Bad file descriptor\n", 2),
        (
            "timeout 5 nothing",
            "",
            "timeout: failed to run command ‘nothing’: No such file or directory\n",
            127,
        ),
        ("sh /nope", "", "sh: 0: cannot open /nope: No such file\n", 2),
        ("echo 'a\\tb'; echo -e x", "a\tb\n-e x\n", "", 0),
    ] {
        let did = first(script);
        assert_eq!(
            (did.stdout.as_str(), did.stderr.as_str(), did.ended),
            (stdout, stderr, Ended::Exit(code)),
            "{script}"
        );
    }
    assert_eq!(on_family("almalinux", "echo -e 'a\\tb'; echo 'a\\tb'").stdout, "a\tb\na\\tb\n");
}

#[test]
fn what_cannot_be_followed_says_so_and_ends_the_script() {
    for script in [
        "lsblk; echo never",
        "x=$(ip addr); echo never",
        "ip addr | cat; echo never",
        "echo | awk '{ getline; print }'; echo never",
        "sort --parallel=3 </dev/null; echo never",
        "find / -fstype ext4; echo never",
        "grep '\\(a\\)\\1' /etc/passwd; echo never",
        "sleep 9 & kill $!; echo never",
        "cat /var/log/syslog; echo never",
        "set -x; echo never",
    ] {
        let did = first(script);
        assert_eq!((did.ended, did.stdout.as_str()), (Ended::Exit(2), ""), "{script}");
        assert!(did.stderr.ends_with("; see guest=shell\n"), "{script}: {}", did.stderr);
    }
    let did = first("lsblk 2>/dev/null; echo never");
    assert!(did.stderr.contains("lsblk"), "not even a redirection hides it: {}", did.stderr);
    assert_eq!(first("sh -c 'lsblk'; echo $?").stdout, "2\n", "a shell of its own ends alone");
}

#[test]
fn time_passes_where_something_sleeps() {
    let seconds = Duration::from_secs;
    for (script, took, stdout) in [
        ("sleep 2; sleep 0.5", Duration::from_millis(2500), ""),
        ("sleep 60 & echo started", seconds(60), "started\n"),
        ("sleep 60 >/dev/null 2>&1 & echo started", seconds(0), "started\n"),
        ("(sleep 60; :) >/dev/null 2>&1 & echo started", seconds(0), "started\n"),
        ("nohup sleep 60 >/dev/null 2>&1 & sleep 1", seconds(1), ""),
        ("sleep 3 & sleep 5 & wait; echo done", seconds(5), "done\n"),
        ("(sleep 1; echo b) & echo a; sleep 2; echo c", seconds(2), "a\nb\nc\n"),
        ("sleep 2 | sleep 3", seconds(3), ""),
        ("(echo a; sleep 2; echo b) | while read x; do date +%S; done", seconds(2), "07\n09\n"),
        ("x=$(sleep 4 & echo held); echo $x", seconds(4), "held\n"),
        ("a=$(date +%s); sleep 90; echo $(($(date +%s) - a))", seconds(90), "90\n"),
        ("timeout 3 sleep 9; echo $?", seconds(3), "124\n"),
        ("timeout 3 sh -c 'echo a; sleep 9; echo b'; echo $?", seconds(3), "a\n124\n"),
        ("timeout -k 2 3 sh -c 'trap \"\" TERM; sleep 9'; echo $?", seconds(5), "137\n"),
        ("timeout -s KILL 3 sleep 9; echo $?", seconds(3), "137\n"),
        ("timeout 9 timeout 3 sleep 20; echo $?", seconds(3), "124\n"),
        ("timeout 3 timeout 9 sleep 20; echo $?", seconds(3), "124\n"),
        ("timeout 3 sh -c 'sleep 20 & wait'; echo $?", seconds(3), "124\n"),
        ("timeout 0 sleep 2; echo $?", seconds(2), "0\n"),
        ("timeout 5 sh -c 'while :; do :; done'; echo $?", seconds(5), "124\n"),
        ("for i in 1 2 3; do sleep 1; done", seconds(3), ""),
    ] {
        let did = first(script);
        assert_eq!((did.took, did.stdout.as_str(), did.stderr.as_str()), (took, stdout, ""), "{script}");
    }
    assert!(first("sleep infinity").took > Duration::from_hours(1000));
}

#[test]
fn signals_end_the_shell_that_they_are_for() {
    assert_eq!(first("kill -9 $$; echo never").ended, Ended::Signal(9));
    assert_eq!(first("sh -c 'kill -TERM $$'; echo $?").stdout, "143\n");
    assert_eq!(first("trap '' TERM; kill $$; echo alive").stdout, "alive\n");
    assert_eq!(first("kill -0 $$ && echo there").stdout, "there\n");
}

#[test]
fn hostile_scripts_end_in_good_time() {
    let nested =
        |open: &str, close: &str, count| format!("{}true{}", open.repeat(count), close.repeat(count));
    let scripts = [
        "while :; do :; done".to_owned(),
        "f() { f; }; f".to_owned(),
        "f() { f | f; }; f".to_owned(),
        "x=aaaaaaaa; while :; do x=$x$x; done".to_owned(),
        "while :; do echo flood; done".to_owned(),
        "yes | while :; do cat; done".to_owned(),
        "seq 1 1000000000".to_owned(),
        "awk 'BEGIN { while (1) x = x \"aaaa\" }'".to_owned(),
        "printf '%1000000000d' 1".to_owned(),
        "echo a | sed ':a; s/a/aa/; ba'".to_owned(),
        "eval 'eval \"eval eval\"'; while eval :; do eval eval; done".to_owned(),
        "i=0; while :; do i=$((i+1)); echo > /tmp/f$i; done".to_owned(),
        "echo ${x:=${x:=${x:=${x:=${x:=}}}}}; while echo $(echo $(echo)); do :; done".to_owned(),
        "while :; do sleep 1; done & wait".to_owned(),
        "sh -c 'sh -c \"$0\" \"$0\"' 'sh -c \"$0\" \"$0\"'".to_owned(),
        format!("echo {}", nested("$(", ")", 1000)),
        nested("( ", " )", 1000),
        nested("{ ", "; }", 1000),
        format!("echo $(({}1{}))", "(".repeat(5000), ")".repeat(5000)),
        format!("awk 'BEGIN {{ print {}1{} }}'", "(".repeat(5000), ")".repeat(5000)),
        format!("[ {} a {} ]", "\\( ".repeat(500), "\\) ".repeat(500)),
        format!("echo {}x{}", "${a:-".repeat(500), "}".repeat(500)),
        format!("case {} in {}) ;; esac", "a".repeat(20_000), "*a".repeat(2000)),
        format!("echo {} | grep -E '(a*)*b'", "a".repeat(20_000)),
    ];
    for script in scripts {
        let did = first(&script);
        assert!(did.stdout.len() < 100 << 20, "{script:.60}");
    }
}
