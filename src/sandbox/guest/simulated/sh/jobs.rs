//! Builtins about processes: `wait` and `kill`.

use super::Shell;
use crate::sandbox::guest::simulated::machine::{Stop, lost};

/// `wait [PID …]`.
pub(super) fn wait(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut status = 0;
    if words.len() == 1 {
        let end = shell.state.jobs.iter().map(|job| job.end).max();
        shell.pass_until(end.unwrap_or_default())?;
    }
    for word in &words[1..] {
        let job = shell.state.jobs.iter().find(|job| job.pid.to_string() == *word).cloned();
        status = match job {
            Some(job) => {
                shell.pass_until(job.end)?;
                job.status
            }
            None => 127,
        };
    }
    Ok(status)
}

/// `kill [-s SIGNAL|-SIGNAL] PID …`, the shell itself being the only process that can be killed.
pub(super) fn kill(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut rest: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let mut signal = "TERM".to_owned();
    if let ["-s" | "-n", name, ..] = rest.as_slice() {
        signal = (*name).to_owned();
        rest.drain(..2);
    } else if let Some(name) =
        rest.first().and_then(|word| word.strip_prefix('-')).filter(|name| *name != "-")
    {
        signal = name.to_owned();
        rest.remove(0);
    }
    let name = signal.trim_start_matches("SIG").to_ascii_uppercase();
    let names = [
        "0", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
        "PIPE", "ALRM", "TERM",
    ];
    let number = name.parse::<usize>().ok().filter(|number| *number < 32);
    let number = number.or_else(|| names.iter().position(|known| *known == name));
    let Some(number) = number else {
        shell.gripe(&format!("kill: invalid signal number or name: {signal}"));
        return Ok(2);
    };
    let number = i32::try_from(number).unwrap_or(15);
    let mut status = 0;
    for word in rest.iter().filter(|word| **word != "--") {
        let own = shell.state.pid.to_string() == *word;
        let job = shell.state.jobs.iter().find(|job| job.pid.to_string() == *word);
        match (own, job) {
            (true, _) if number == 0 || (number == 15 && shell.state.ignores_term) => {}
            (true, _) => return Err(Stop::Killed { pid: shell.state.pid, signal: number }),
            (_, Some(job)) if job.end > shell.machine.clock => {
                if number != 0 {
                    return Err(lost("killing what runs in the background is not simulated"));
                }
            }
            (_, None)
                if word.parse::<u32>().is_ok_and(|pid| pid < 600)
                    || word.parse::<i64>().is_ok_and(|pid| pid < 0) =>
            {
                return Err(lost(format!("kill {word} is not simulated")));
            }
            _ if word.parse::<u32>().is_err() => {
                shell.gripe(&format!("kill: Illegal number: {word}"));
                return Ok(2);
            }
            _ => {
                shell.gripe("kill: No such process\n");
                status = 1;
            }
        }
    }
    Ok(status)
}
