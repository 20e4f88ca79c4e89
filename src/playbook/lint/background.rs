//! `always-background`: a process that outlives its step and holds its output open.
//!
//! The guest agent reads a command's output until everyone who could write to it has closed it (hostup-api, "poll").
//! A job in the background can, unless its output goes elsewhere.

use super::{
    super::Diagnostic,
    Lint,
    commands::{Command, Redirection, commands},
};

pub(super) fn check(script: &str) -> Vec<Diagnostic> {
    let commands = commands(script);
    let mut found = Vec::new();
    for (index, command) in commands.iter().enumerate() {
        let Some(sign) = sign(command) else { continue };
        let waits = commands[index..].iter().any(waits_for_it);
        let elsewhere = commands[..index].iter().any(sends_all_output_elsewhere);
        if waits || elsewhere || !(writes_to(command, "1") || writes_to(command, "2")) {
            continue;
        }
        let what = if writes_to(command, "1") { "output" } else { "error output" };
        let span = if command.words.is_empty() { sign } else { command.span().start..sign.end };
        found.push(
            Diagnostic::warning(Lint::AlwaysBackground, span, "a process is left in the background")
                .label(format!("it holds the step's {what} open, so that the step waits until its timeout"))
                .help("send its output elsewhere (`>/dev/null 2>&1 &`), or end with `wait`"),
        );
    }
    found
}

/// The place of what sends a command into the background.
fn sign(command: &Command) -> Option<std::ops::Range<usize>> {
    let forks = || {
        let option = command.words.iter().find(|word| matches!(word.text.as_str(), "-f" | "--fork"))?;
        (command.name() == Some("setsid")).then(|| option.span.start..command.span().end)
    };
    command.background.clone().or_else(forks)
}

/// Whether a stream of the step still is where a command writes its own to.
fn writes_to(command: &Command, descriptor: &str) -> bool {
    let mut step = [true, true];
    for Redirection { descriptor: of, operator, target } in &command.redirections {
        let of = if of.is_empty() { "1" } else { of };
        let both = operator.starts_with("&>") || (operator == ">&" && target.text.parse::<u8>().is_err());
        match (operator.as_str(), target.text.as_str()) {
            _ if both => step = [false, false],
            (">&", "1") if of == "2" => step[1] = step[0],
            (">&", "2") if of == "1" => step[0] = step[1],
            (">" | ">>" | ">|" | ">&", _) if of == "1" => step[0] = false,
            (">" | ">>" | ">|" | ">&", _) if of == "2" => step[1] = false,
            _ => {}
        }
    }
    if descriptor == "1" { step[0] } else { step[1] }
}

/// Whether what comes later is not left behind: it is waited for, or ended.
fn waits_for_it(command: &Command) -> bool {
    let ends =
        |command: &Command| command.words.iter().any(|word| word.text.contains("$!") || word.text == "%1");
    match command.name() {
        Some("wait") => true,
        Some("kill") => ends(command),
        // `pid=$!`: it is meant to be ended, wherever that is said.
        _ => command.assignments.iter().any(|word| word.text.contains("$!")),
    }
}

/// `exec >/dev/null 2>&1`.
fn sends_all_output_elsewhere(command: &Command) -> bool {
    command.name() == Some("exec")
        && command.words.len() == 1
        && !writes_to(command, "1")
        && !writes_to(command, "2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_the_output_open_is_found() {
        for (script, at) in [
            ("sleep 600 &", "sleep 600 &"),
            ("nohup server --port 80 &\necho started", "nohup server --port 80 &"),
            ("setsid server >/dev/null &", "setsid server >/dev/null &"),
            ("(sleep 5; reboot) &", "&"),
            ("while true; do date; sleep 1; done > /tmp/log &", "&"),
            ("server 2>&1 >/tmp/log &", "server 2>&1 >/tmp/log &"),
            ("setsid -f server", "-f server"),
            ("{ a; b; } &", "&"),
        ] {
            let found = check(script);
            assert_eq!(found.len(), 1, "{script}: {found:?}");
            let span = found[0].span.clone().unwrap();
            assert!(
                script[span.clone()].ends_with(at) || script[span.clone()].starts_with(at),
                "{script}: {}",
                &script[span]
            );
        }
        assert!(check("a > /tmp/x &")[0].label.as_ref().unwrap().contains("error output"));
    }

    #[test]
    fn what_lets_go_of_it_or_is_waited_for_is_not() {
        for script in [
            "nohup server >/dev/null 2>&1 &",
            "server &>/dev/null &",
            "server >&/dev/null &",
            "(sleep 5; reboot) >/dev/null 2>&1 &",
            "a & b & wait",
            "a & pid=$!\nb\nkill $pid",
            "a & kill $!",
            "exec >/dev/null 2>&1\na &",
            "a && b",
            "echo 'a &'",
            "curl 'http://x/?a=1&b=2'",
            "a >&2",
            "setsid server",
            "a 2>&1 | b",
            "# a &",
        ] {
            assert_eq!(check(script), [], "{script}");
        }
    }
}
