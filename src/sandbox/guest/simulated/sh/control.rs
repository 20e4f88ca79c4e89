//! Builtins that steer the shell: `exit`, `return`, `break`, `eval`, `.`, `exec`, `trap`.

use super::Shell;
use crate::sandbox::guest::simulated::{
    files::absolute,
    machine::{Stop, lost},
    programs::running,
};

/// The exit code that is given, or that of the command before.
fn status(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    match words.get(1) {
        None => Ok(shell.state.status),
        Some(text) => match text.parse::<u32>() {
            Ok(status) => Ok(i32::try_from(status & 255).unwrap_or(0)),
            Err(_) => {
                shell.gripe(&format!("{}: Illegal number: {text}", words[0]));
                Err(Stop::Exit(2))
            }
        },
    }
}

pub(super) fn exit(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    Err(Stop::Exit(status(shell, words)?))
}

pub(super) fn give_back(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    Err(Stop::Return(status(shell, words)?))
}

/// `break` and `continue`.
pub(super) fn leave_loop(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let count = words.get(1).map_or(Ok(1), |word| word.parse::<u32>()).unwrap_or(0);
    if count == 0 {
        shell.gripe(&format!("{}: Illegal number: {}", words[0], words[1]));
        return Err(Stop::Exit(2));
    }
    let count = count.min(shell.state.loops);
    if count == 0 {
        return Ok(0);
    }
    shell.state.status = 0;
    Err(if words[0] == "break" { Stop::Break(count) } else { Stop::Continue(count) })
}

pub(super) fn eval(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    shell.text(&words[1..].join(" "))?;
    Ok(shell.state.status)
}

/// `. FILE`.
pub(super) fn source(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let Some(name) = words.iter().skip(1).find(|word| *word != "--") else {
        return Ok(0);
    };
    // Without a slash it is looked for along PATH, where there are no scripts.
    let path = absolute(&shell.state.directory, name);
    let read = if name.contains('/') { shell.machine.files.read(&path)? } else { Err("not found") };
    let Ok(script) = read else {
        shell.gripe(&format!(".: cannot open {name}: No such file"));
        return Err(Stop::Exit(2));
    };
    let loops = std::mem::take(&mut shell.state.loops);
    let done = shell.text(&String::from_utf8_lossy(&script));
    shell.state.loops = loops;
    match done {
        Err(Stop::Return(status)) => Ok(status),
        done => done.map(|()| shell.state.status),
    }
}

/// `exec`: with a command, the shell is over when that is. (Alone, its redirections stay; see `simple`.)
pub(super) fn exec(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let words = &words[1..];
    let Some(name) = words.first() else { return Ok(0) };
    shell.state.farewell = None;
    match shell.execute(words)? {
        Some(status) => match running::signal_of(status, words) {
            Some(signal) => Err(Stop::Killed { pid: shell.state.pid, signal }),
            None => Err(Stop::Exit(status)),
        },
        None => {
            shell.gripe(&format!("exec: {name}: not found"));
            Err(Stop::Exit(127))
        }
    }
}

pub(super) fn trap(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let words: Vec<&str> = words[1..].iter().map(String::as_str).filter(|word| *word != "--").collect();
    let Some((action, signals)) = words.split_first() else { return Ok(0) };
    let (action, signals) = if signals.is_empty() || action.parse::<u32>().is_ok() {
        ("-", words.as_slice())
    } else {
        (*action, signals)
    };
    for signal in signals {
        match signal.trim_start_matches("SIG") {
            "EXIT" | "0" => shell.state.farewell = (action != "-").then(|| action.to_owned()),
            "TERM" | "15" if action.is_empty() || action == "-" => {
                shell.state.ignores_term = action.is_empty()
            }
            // No other signal ever comes.
            "HUP" | "INT" | "QUIT" | "PIPE" | "ALRM" | "TERM" | "USR1" | "USR2" | "1" | "2" | "3" | "13"
            | "14" | "15" => {}
            "ERR" | "DEBUG" | "RETURN" => {
                shell.gripe(&format!("trap: {signal}: bad trap"));
                return Ok(1);
            }
            _ => return Err(lost(format!("trap … {signal} is not simulated"))),
        }
    }
    Ok(0)
}
