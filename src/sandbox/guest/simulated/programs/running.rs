//! Programs that run programs: `sh`, `env`, `timeout`, `xargs`, `nice`; and `sleep`, which lets time pass.

use std::time::Duration;

use super::options::Options;
use crate::sandbox::guest::{
    Ended,
    simulated::{
        machine::{Deadline, Stop, lost},
        sh::{Shell, Variable, is_name},
    },
};

/// `sh -c TEXT [NAME [ARGUMENT …]]`, `sh FILE`, `sh` with a script on its input.
pub(super) fn sh(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut rest = &words[1..];
    let (mut text, mut switches) = (None, Vec::new());
    while let Some((word, others)) = rest.split_first() {
        let Some(letters) = word.strip_prefix(['-', '+']).filter(|letters| !letters.is_empty()) else {
            break;
        };
        rest = others;
        if letters == "-" {
            break;
        }
        match letters.chars().find(|letter| !"ceuflsi".contains(*letter)) {
            Some(_) => return Err(lost(format!("{} {word} is not simulated", words[0]))),
            None if letters.contains('c') => text = Some(String::new()),
            None => {}
        }
        switches.extend(letters.chars().filter(|letter| "euf".contains(*letter)));
    }
    let script = match (text, rest.split_first()) {
        (Some(_), None) => {
            shell.complain(&format!("{}: 0: -c requires an argument\n", words[0]));
            return Ok(2);
        }
        (Some(_), Some((script, others))) => {
            rest = others;
            script.clone()
        }
        (None, Some((file, _))) => match shell.input_of(file)? {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => {
                shell.complain(&format!("{}: 0: cannot open {file}: No such file\n", words[0]));
                return Ok(2);
            }
        },
        (None, None) => String::from_utf8_lossy(&shell.input()?).into_owned(),
    };
    let pid = shell.machine.fork();
    let mut state = shell.state.child(pid);
    (state.switches.exit_on_error, state.switches.no_unset, state.switches.no_globs) =
        (switches.contains(&'e'), switches.contains(&'u'), switches.contains(&'f'));
    state.name = rest.first().unwrap_or(&words[0]).clone();
    state.positional = rest.get(1..).unwrap_or_default().to_vec();
    match Shell::new(&mut *shell.machine, state).run(&script)? {
        Ended::Exit(status) => Ok(status),
        Ended::Signal(signal) => Ok(128 + signal),
    }
}

/// The signal that ended a shell which `exec` became, as its exit code tells.
pub(crate) fn signal_of(status: i32, words: &[String]) -> Option<i32> {
    let is_shell = matches!(words.first().map(String::as_str), Some("sh" | "dash" | "bash" | "/bin/sh"));
    (is_shell && matches!(status, 129..=159)).then_some(status - 128)
}

pub(super) fn env(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut variables = shell.state.variables.clone();
    variables.retain(|_, variable| variable.exported);
    let mut rest = &words[1..];
    while let Some((word, others)) = rest.split_first() {
        match word.as_str() {
            "-i" | "-" | "--ignore-environment" => variables.clear(),
            "-u" => {
                variables.remove(others.first().map_or("", String::as_str));
                rest = others.get(1..).unwrap_or_default();
                continue;
            }
            flag if flag.starts_with('-') && flag.len() > 1 && flag != "--" => {
                return Err(lost(format!("env {flag} is not simulated")));
            }
            "--" => {}
            word => match word.split_once('=').filter(|(name, _)| is_name(name)) {
                Some((name, value)) => {
                    let variable = Variable { value: value.to_owned(), exported: true, read_only: false };
                    variables.insert(name.to_owned(), variable);
                }
                None => break,
            },
        }
        rest = others;
    }
    if rest.is_empty() {
        shell.say(
            variables
                .iter()
                .map(|(name, variable)| format!("{name}={}\n", variable.value))
                .collect::<String>(),
        );
        return Ok(0);
    }
    let before = std::mem::replace(&mut shell.state.variables, variables);
    let done = launch(shell, "env", rest);
    shell.state.variables = before;
    done
}

/// Runs the program that another was asked to run.
fn launch(shell: &mut Shell, by: &str, words: &[String]) -> Result<i32, Stop> {
    match shell.execute(words)? {
        Some(status) => Ok(status),
        None => {
            let verb = if by == "timeout" { "failed to run command " } else { "" };
            let (open, close) = if by == "timeout" { ("‘", "’") } else { ("'", "'") };
            shell.complain(&format!("{by}: {verb}{open}{}{close}: No such file or directory\n", words[0]));
            Ok(127)
        }
    }
}

pub(super) fn printenv(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    if words.len() == 1 {
        return env(shell, words);
    }
    let mut status = 0;
    for name in &words[1..] {
        match shell
            .state
            .variables
            .get(name)
            .filter(|variable| variable.exported)
            .map(|variable| variable.value.clone())
        {
            Some(value) => shell.say(value + "\n"),
            None => status = 1,
        }
    }
    Ok(status)
}

/// A duration as `sleep` and `timeout` take it: `1.5`, `30s`, `2m`, `infinity`.
fn duration(text: &str) -> Option<Duration> {
    if text == "infinity" || text == "inf" {
        return Some(Duration::MAX);
    }
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        Some((at, 'd')) => (&text[..at], 86_400.0),
        _ => (text, 1.0),
    };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = number.parse().ok().filter(|_| plain)?;
    Duration::try_from_secs_f64(seconds * unit).ok()
}

pub(super) fn sleep(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    if words.len() == 1 {
        shell.complain("sleep: missing operand\n");
        return Ok(1);
    }
    let Some(times) = words[1..].iter().map(|word| duration(word)).collect::<Option<Vec<_>>>() else {
        shell.complain(&format!("sleep: invalid time interval ‘{}’\n", words[1]));
        return Ok(1);
    };
    let total = times.into_iter().fold(Duration::ZERO, Duration::saturating_add);
    let then = shell.machine.clock.saturating_add(total);
    shell.pass_until(then)?;
    Ok(0)
}

/// `timeout [-k TIME] [-s SIGNAL] TIME COMMAND …`, as coreutils has it.
pub(super) fn timeout(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let (mut kill_after, mut signal, mut preserve) = (None, "TERM".to_owned(), false);
    let mut rest = words[1..].iter();
    let limit = loop {
        let Some(word) = rest.next() else {
            shell.complain("timeout: missing operand\n");
            return Ok(125);
        };
        let mut value = |prefix: &str, long: &str| {
            let value = word.strip_prefix(long).map(str::to_owned);
            let short = || word.strip_prefix(prefix).filter(|value| !value.is_empty()).map(str::to_owned);
            value.or_else(short).or_else(|| rest.next().cloned()).unwrap_or_default()
        };
        match word.as_str() {
            "--foreground" | "-f" | "-v" | "--verbose" => {}
            "--preserve-status" | "-p" => preserve = true,
            word if word.starts_with("-k") || word.starts_with("--kill-after=") => {
                kill_after = Some(value("-k", "--kill-after="));
            }
            word if word.starts_with("-s") || word.starts_with("--signal=") => {
                signal = value("-s", "--signal=");
            }
            word if word.starts_with('-') => return Err(lost(format!("timeout {word} is not simulated"))),
            word => break word.to_owned(),
        }
    };
    let command: Vec<String> = rest.cloned().collect();
    let (Some(limit), Some(kill_after)) =
        (duration(&limit), kill_after.as_deref().map_or(Some(Duration::MAX), duration))
    else {
        shell.complain(&format!("timeout: invalid time interval ‘{limit}’\n"));
        return Ok(125);
    };
    if command.is_empty() {
        shell.complain("timeout: missing operand\n");
        return Ok(125);
    }
    if limit.is_zero() {
        return launch(shell, "timeout", &command);
    }
    let kills = matches!(signal.trim_start_matches("SIG"), "KILL" | "9");
    let own = limited(shell, limit, if kills { Duration::ZERO } else { kill_after });
    let outer = shell.machine.deadline;
    shell.machine.deadline = Some(Deadline {
        at: outer.map_or(own.at, |outer| outer.at.min(own.at)),
        kill: outer.map_or(own.kill, |outer| outer.kill.min(own.kill)),
    });
    let ignored = shell.state.ignores_term;
    let done = launch(shell, "timeout", &command);
    shell.machine.deadline = outer;
    shell.state.ignores_term = ignored;
    match done {
        Err(Stop::TimedOut) if shell.machine.clock >= own.at => {
            let end = shell.machine.clock;
            shell.state.descriptors.iter().flatten().for_each(|descriptor| descriptor.cut(end));
            Ok(match (kills || end >= own.kill, preserve) {
                (true, _) => 137,
                (false, true) => 143,
                (false, false) => 124,
            })
        }
        done => done,
    }
}

fn limited(shell: &Shell, limit: Duration, kill_after: Duration) -> Deadline {
    let at = shell.machine.clock.saturating_add(limit);
    Deadline { at, kill: at.saturating_add(kill_after) }
}

pub(super) fn xargs(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let (mut most, mut replaced, mut skips, mut delimiter) = (usize::MAX, None, false, None);
    let mut rest = &words[1..];
    while let Some((word, others)) = rest.split_first() {
        let Some(flag) = word.strip_prefix('-') else { break };
        rest = others;
        let mut value = |flag: &str| {
            if flag.len() > 1 {
                return flag[1..].to_owned();
            }
            let value = rest.first().cloned().unwrap_or_default();
            rest = rest.get(1..).unwrap_or_default();
            value
        };
        match flag.chars().next() {
            Some('n' | 'L') => most = value(flag).parse().unwrap_or(usize::MAX).max(1),
            Some('I') => replaced = Some(value(flag)),
            Some('P') => drop(value(flag)),
            Some('d') => delimiter = Some(value(flag)),
            Some('r') | None if flag == "r" => skips = true,
            Some('0') => delimiter = Some("\\0".to_owned()),
            Some('t') => {}
            _ if word == "--no-run-if-empty" => skips = true,
            _ => return Err(lost(format!("xargs {word} is not simulated"))),
        }
    }
    let text = String::from_utf8_lossy(&shell.input()?).into_owned();
    let items: Vec<String> = match (delimiter.as_deref(), &replaced) {
        (Some(delimiter), _) => {
            let delimiter = delimiter.replace("\\n", "\n").replace("\\0", "\0");
            text.split(&delimiter).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        }
        (None, Some(_)) => {
            text.lines().map(|line| line.trim_start().to_owned()).filter(|line| !line.is_empty()).collect()
        }
        (None, None) if text.contains(['\'', '"', '\\']) => {
            return Err(lost("quotes in what xargs reads are not simulated"));
        }
        (None, None) => text.split_ascii_whitespace().map(str::to_owned).collect(),
    };
    let command = if rest.is_empty() { vec!["echo".to_owned()] } else { rest.to_vec() };
    let input =
        shell.state.descriptors[0].replace(crate::sandbox::guest::simulated::stream::Descriptor::Null);
    let mut calls: Vec<Vec<String>> = match &replaced {
        Some(mark) => {
            items.iter().map(|item| command.iter().map(|word| word.replace(mark, item)).collect()).collect()
        }
        None => items.chunks(most.min(1000)).map(|chunk| [command.as_slice(), chunk].concat()).collect(),
    };
    if calls.is_empty() && !skips && replaced.is_none() {
        calls.push(command);
    }
    let mut status = 0;
    for call in calls {
        match launch(shell, "xargs", &call)? {
            0 => {}
            127 => {
                status = 127;
                break;
            }
            255 => {
                status = 124;
                break;
            }
            _ => status = 123,
        }
    }
    shell.state.descriptors[0] = input;
    Ok(status)
}

/// `nice`, `nohup`, `setsid`, `stdbuf`, `ionice`, `time`: what they run runs as it would without them.
pub(super) fn wrapper(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut rest = &words[1..];
    while let Some(flag) = rest.first().filter(|word| word.starts_with('-')) {
        let takes = matches!((words[0].as_str(), flag.as_str()), ("nice", "-n") | ("ionice", "-c" | "-n"));
        rest = rest.get(if takes { 2 } else { 1 }..).unwrap_or_default();
    }
    if rest.is_empty() {
        return Err(lost(format!("{} alone is not simulated", words[0])));
    }
    launch(shell, &words[0], rest)
}

pub(super) fn expr(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<i64>().ok();
    let text = match words.as_slice() {
        [text] => (*text).to_owned(),
        ["length", text] => text.chars().count().to_string(),
        [left, operator, right] => match (number(left), number(right)) {
            (Some(_), Some(0)) if matches!(*operator, "/" | "%") => {
                shell.complain("expr: division by zero\n");
                return Ok(2);
            }
            (Some(left), Some(right)) => match *operator {
                "+" => left.wrapping_add(right).to_string(),
                "-" => left.wrapping_sub(right).to_string(),
                "*" => left.wrapping_mul(right).to_string(),
                "/" => left.wrapping_div(right).to_string(),
                "%" => left.wrapping_rem(right).to_string(),
                "=" => i32::from(left == right).to_string(),
                "!=" => i32::from(left != right).to_string(),
                "<" => i32::from(left < right).to_string(),
                "<=" => i32::from(left <= right).to_string(),
                ">" => i32::from(left > right).to_string(),
                ">=" => i32::from(left >= right).to_string(),
                _ => return Err(lost("this use of expr is not simulated")),
            },
            _ => match *operator {
                "=" => i32::from(left == right).to_string(),
                "!=" => i32::from(left != right).to_string(),
                _ => return Err(lost("this use of expr is not simulated")),
            },
        },
        _ => return Err(lost("this use of expr is not simulated")),
    };
    let status = i32::from(text.is_empty() || text == "0");
    shell.say(text + "\n");
    Ok(status)
}

/// `mktemp [-d]`.
pub(super) fn mktemp(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "dqtp:", &[])?;
    let pid = shell.machine.fork();
    let base = options.operands.first().cloned().unwrap_or_else(|| "/tmp/tmp.XXXXXXXXXX".to_owned());
    let count = base.len() - base.trim_end_matches('X').len();
    let path = format!("{}{:0>count$}", &base[..base.len() - count], format!("{pid:x}"));
    let whole = shell.path(&path);
    let made = if options.has('d') {
        shell.machine.files.make_directory(&whole)?
    } else {
        let access = crate::sandbox::guest::simulated::files::Access::Append;
        shell.machine.files.open(&whole, access)?.map(drop)
    };
    match made {
        Ok(()) => shell.say(path + "\n"),
        Err(why) => {
            shell.complain(&format!("mktemp: failed to create via template ‘{base}’: {why}\n"));
            return Ok(1);
        }
    }
    Ok(0)
}
