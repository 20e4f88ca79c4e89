//! What a command does in a guest: a step alone, or a bundle's script with all its steps.
//!
//! The script is read as a shell would run it, not as rollcall wrote it: its steps in order, each under its limit, until one
//! ends with an exit code that its line does not accept.

use std::{fmt::Write as _, time::Duration};

use crate::world::{Command, Guest, command_text};

/// One step of a process, as it really went.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) step: usize,
    pub(crate) exit_code: Option<i64>,
    pub(crate) signal: Option<i64>,
    /// By `timeout`, in the guest.
    pub(crate) killed: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A whole process.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    /// The steps that began.
    pub(crate) parts: Vec<Part>,
    /// `None`: it never ends.
    pub(crate) takes: Option<Duration>,
    pub(crate) exit_code: Option<i64>,
    pub(crate) signal: Option<i64>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// One line of a script that runs a step.
#[derive(Debug, PartialEq)]
struct Line {
    limit: Option<Duration>,
    accept: String,
    text: String,
}

/// The steps that a command runs, in order.
pub(crate) fn steps_of(guest: &Guest, command: &str) -> Vec<usize> {
    let texts = match script(command) {
        Some((_, lines)) => lines.into_iter().map(|line| line.text).collect(),
        None => vec![command.to_owned()],
    };
    texts.iter().map(|text| step_of(guest, text)).collect()
}

fn step_of(guest: &Guest, text: &str) -> usize {
    (0..guest.commands.len()).find(|&step| command_text(step) == text).expect("a command of the playbook")
}

/// Runs a command under this pid. `cut` says after how many markers the script is killed.
pub(crate) fn run(guest: &Guest, command: &str, pid: u64, cut: Option<usize>) -> Work {
    let Some((marker, lines)) = script(command) else {
        let step = step_of(guest, command);
        let Command { takes, exit_code, signal } = guest.commands[step];
        let (stdout, stderr) = output_of(pid, step);
        let part =
            Part { step, exit_code, signal, killed: false, stdout: stdout.clone(), stderr: stderr.clone() };
        return Work { parts: vec![part], takes, exit_code, signal, stdout, stderr };
    };
    let mut work = Work {
        parts: Vec::new(),
        takes: Some(Duration::ZERO),
        exit_code: Some(0),
        signal: None,
        stdout: String::new(),
        stderr: String::new(),
    };
    for (number, line) in lines.iter().enumerate() {
        let step = step_of(guest, &line.text);
        let (stdout, stderr) = output_of(pid, step);
        work.stdout += &stdout;
        work.stderr += &stderr;
        let killed =
            line.limit.is_some_and(|limit| guest.commands[step].takes.is_none_or(|takes| takes >= limit));
        let takes = if killed { line.limit } else { guest.commands[step].takes };
        let code = if killed { 124 } else { shell_code(guest.commands[step]) };
        work.parts.push(Part { step, exit_code: Some(code), signal: None, killed, stdout, stderr });
        work.takes = work.takes.zip(takes).map(|(before, takes)| before + takes);
        if cut == Some(number) {
            (work.exit_code, work.signal) = (None, Some(9));
            return work;
        }
        let Some(takes) = takes else { return work };
        let seconds = takes.as_secs();
        let _ = write!(work.stdout, "\n{marker} {number} {code} {seconds}\n");
        let _ = write!(work.stderr, "\n{marker} {number}\n");
        let accepted =
            line.accept == "*" || line.accept.split(' ').any(|accepted| accepted == code.to_string());
        if !accepted {
            break;
        }
    }
    work
}

/// What `$?` says of a command.
fn shell_code(command: Command) -> i64 {
    match (command.exit_code, command.signal) {
        (Some(code), _) => code.rem_euclid(256),
        (None, signal) => 128 + signal.unwrap_or(1),
    }
}

/// What a step prints, so that nothing can be attributed to another.
fn output_of(pid: u64, step: usize) -> (String, String) {
    (format!("output of step {step} in {pid}"), format!("complaint of step {step}\n"))
}

/// Takes a bundle's script apart: its marker, and a line a step; `None` for a command alone.
fn script(command: &str) -> Option<(String, Vec<Line>)> {
    let halves = command.lines().find_map(|line| line.strip_prefix("a=")?.split_once(" b="));
    let (one, two) = halves?;
    let marker = format!("{one}{}", two.split(' ').next().unwrap_or_default());
    let lines = command.lines().filter_map(|line| {
        let (seconds, rest) = line.strip_prefix("step ")?.split_once(' ')?;
        let (accept, text) = rest.strip_prefix('\'')?.split_once("' '")?;
        let seconds: u64 = seconds.parse().ok()?;
        Some(Line {
            limit: (seconds > 0).then(|| Duration::from_secs(seconds)),
            accept: accept.to_owned(),
            text: text.strip_suffix('\'')?.to_owned(),
        })
    });
    Some((marker, lines.collect()))
}
