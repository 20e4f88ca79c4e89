//! The builtins' names, and those that deal with variables, the directory and names.

use super::{Meaning, Shell, control, echo, is_name, jobs, printf, reading, state::Variable, test};
use crate::sandbox::guest::simulated::{
    files::absolute,
    machine::{Stop, lost},
    programs::Program,
};

/// Builtins that change the shell itself.
pub(super) fn special(name: &str) -> Option<Program> {
    Some(match name {
        ":" => |_, _| Ok(0),
        "." => control::source,
        "break" => control::leave_loop,
        "continue" => control::leave_loop,
        "eval" => control::eval,
        "exec" => control::exec,
        "exit" => control::exit,
        "export" => export,
        "readonly" => export,
        "return" => control::give_back,
        "set" => set,
        "shift" => shift,
        "times" => |_, _| Err(lost("times is not simulated")),
        "trap" => control::trap,
        "unset" => unset,
        _ => return None,
    })
}

/// The other builtins.
pub(super) fn ordinary(name: &str) -> Option<Program> {
    Some(match name {
        "[" | "test" => test::test,
        "cd" => cd,
        "command" => command,
        "echo" => echo::echo,
        "false" => |_, _| Ok(1),
        "getopts" => reading::getopts,
        "hash" => |_, _| Ok(0),
        "jobs" => |_, _| Ok(0),
        "kill" => jobs::kill,
        "local" => local,
        "printf" => printf::printf,
        "pwd" => pwd,
        "read" => reading::read,
        "true" => |_, _| Ok(0),
        "type" => kind,
        "umask" => umask,
        "ulimit" => ulimit,
        "wait" => jobs::wait,
        "alias" | "unalias" | "bg" | "fg" | "fc" => {
            |_, words| Err(lost(format!("{} is not simulated", words[0])))
        }
        _ => return None,
    })
}

fn export(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let read_only = words[0] == "readonly";
    let names: Vec<&String> =
        words[1..].iter().filter(|word| !matches!(word.as_str(), "-p" | "--")).collect();
    if names.is_empty() {
        let mut text = String::new();
        for (name, variable) in &shell.state.variables {
            if if read_only { variable.read_only } else { variable.exported } {
                text += &format!("{} {name}={}\n", words[0], quoted(&variable.value));
            }
        }
        shell.say(text);
        return Ok(0);
    }
    for word in names {
        let (name, value) =
            word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        if !is_name(name) {
            shell.gripe(&format!("{}: {name}: bad variable name", words[0]));
            return Err(Stop::Exit(2));
        }
        if let Some(value) = value {
            shell.assign(name, value.to_owned())?;
        }
        // A name that is marked without a value stays unset.
        if let Some(variable) = shell.state.variables.get_mut(name) {
            variable.exported |= !read_only;
            variable.read_only |= read_only;
        }
    }
    Ok(0)
}

/// A value as the shell could read it again.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\"'\"'"))
}

fn set(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    if words.len() == 1 {
        let lines = shell.state.variables.iter();
        let text: String =
            lines.map(|(name, variable)| format!("{name}={}\n", quoted(&variable.value))).collect();
        shell.say(text);
        return Ok(0);
    }
    let mut rest = words[1..].iter().peekable();
    while let Some(word) = rest.next_if(|word| word.starts_with(['-', '+'])) {
        if word == "--" {
            shell.state.positional = rest.cloned().collect();
            return Ok(0);
        }
        let on = word.starts_with('-');
        for letter in word[1..].chars() {
            let name = if letter == 'o' { rest.next().map(String::as_str) } else { None };
            let switches = &mut shell.state.switches;
            match (letter, name) {
                ('e', _) | (_, Some("errexit")) => switches.exit_on_error = on,
                ('u', _) | (_, Some("nounset")) => switches.no_unset = on,
                ('f', _) | (_, Some("noglob")) => switches.no_globs = on,
                ('C', _) | (_, Some("noclobber")) => switches.no_clobber = on,
                // Of no consequence without a terminal and with everything assigned by name.
                ('a' | 'b' | 'h' | 'm', _) | (_, Some("allexport" | "notify" | "monitor")) if !on => {}
                ('x' | 'v' | 'n', _) | (_, Some("xtrace" | "verbose" | "noexec")) if !on => {}
                ('x' | 'v' | 'n' | 'a', _) | (_, Some("xtrace" | "verbose" | "noexec" | "allexport")) => {
                    return Err(lost(format!("set {word} is not simulated")));
                }
                (_, Some(name)) => {
                    shell.gripe(&format!("set: Illegal option {}o {name}", if on { '-' } else { '+' }));
                    return Err(Stop::Exit(2));
                }
                _ => {
                    shell.gripe(&format!("set: Illegal option {}{letter}", if on { '-' } else { '+' }));
                    return Err(Stop::Exit(2));
                }
            }
        }
    }
    if rest.peek().is_some() {
        shell.state.positional = rest.cloned().collect();
    }
    Ok(0)
}

fn shift(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let count = words.get(1).map_or(Ok(1), |word| word.parse::<usize>());
    match count {
        Ok(count) if count <= shell.state.positional.len() => {
            shell.state.positional.drain(..count);
            Ok(0)
        }
        Ok(_) => {
            shell.gripe("shift: can't shift that many");
            Err(Stop::Exit(2))
        }
        Err(_) => {
            shell.gripe(&format!("shift: Illegal number: {}", words[1]));
            Err(Stop::Exit(2))
        }
    }
}

fn unset(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let functions = words.get(1).is_some_and(|word| word == "-f");
    for name in words[1..].iter().filter(|word| !matches!(word.as_str(), "-f" | "-v" | "--")) {
        if functions {
            shell.state.functions.remove(name);
        } else if shell.state.variables.get(name).is_some_and(|variable| variable.read_only) {
            shell.gripe(&format!("unset: {name}: is read only"));
            return Err(Stop::Exit(2));
        } else if !is_name(name) {
            shell.gripe(&format!("unset: {name}: bad variable name"));
            return Err(Stop::Exit(2));
        } else {
            shell.state.variables.remove(name);
        }
    }
    Ok(0)
}

fn local(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    for word in &words[1..] {
        let (name, value) =
            word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        if !is_name(name) {
            shell.gripe(&format!("local: {name}: bad variable name"));
            return Err(Stop::Exit(2));
        }
        let before = shell.state.variables.get(name).cloned();
        let Some(put_aside) = shell.state.put_aside.last_mut() else {
            shell.gripe("local: not in a function");
            return Err(Stop::Exit(2));
        };
        put_aside.push((name.to_owned(), before));
        if let Some(value) = value {
            shell.assign(name, value.to_owned())?;
        }
    }
    Ok(0)
}

fn cd(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let wanted = match words.iter().skip(1).find(|word| !matches!(word.as_str(), "-L" | "-P" | "--")) {
        Some(word) if word == "-" => shell.state.value("OLDPWD").unwrap_or_default().to_owned(),
        Some(word) => word.clone(),
        None => shell.state.value("HOME").unwrap_or("/").to_owned(),
    };
    let path = absolute(&shell.state.directory, &wanted);
    if !shell.machine.files.entry(&path).is_some_and(|entry| entry.is_directory()) {
        shell.gripe(&format!("cd: can't cd to {wanted}"));
        return Ok(2);
    }
    if words.get(1).is_some_and(|word| word == "-") {
        shell.say(path.clone() + "\n");
    }
    let before = std::mem::replace(&mut shell.state.directory, path.clone());
    for (name, value) in [("OLDPWD", before), ("PWD", path)] {
        let exported = shell.state.variables.get(name).is_some_and(|variable| variable.exported);
        shell.state.variables.insert(name.to_owned(), Variable { value, exported, read_only: false });
    }
    Ok(0)
}

fn pwd(shell: &mut Shell, _: &[String]) -> Result<i32, Stop> {
    let text = shell.state.directory.clone() + "\n";
    shell.say(text);
    Ok(0)
}

fn umask(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    match words.get(1) {
        None => {
            let text = format!("{:04o}\n", shell.state.umask);
            shell.say(text);
        }
        Some(mask) => match u32::from_str_radix(mask, 8) {
            Ok(mask) => shell.state.umask = mask & 0o777,
            Err(_) => return Err(lost(format!("umask {mask} is not simulated"))),
        },
    }
    Ok(0)
}

fn ulimit(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let text = match words.get(1).map(String::as_str) {
        Some("-n") if words.len() == 2 => "1024\n",
        Some("-c") if words.len() == 2 => "0\n",
        None => "unlimited\n",
        Some(_) if words.len() > 2 => return Ok(0),
        Some(flag) => return Err(lost(format!("ulimit {flag} is not simulated"))),
    };
    shell.say(text);
    Ok(0)
}

/// `command [-v|-V] NAME …`.
fn command(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    match words.get(1).map(String::as_str) {
        None => Ok(0),
        Some("-V") => kind(shell, &words[1..]),
        Some("-v") => {
            let mut status = 0;
            for name in &words[2..] {
                match described(shell, name) {
                    Some((short, _)) => shell.say(short + "\n"),
                    None => status = 127,
                }
            }
            Ok(status)
        }
        Some("-p" | "--") => command(shell, &words[1..]),
        Some(name) => {
            if let Some(builtin) = special(name).or_else(|| ordinary(name)) {
                // Not special any more: its failure does not end the shell.
                return match builtin(shell, &words[1..]) {
                    Err(Stop::Exit(status)) if !matches!(name, "exit" | "exec") => Ok(status),
                    done => done,
                };
            }
            match shell.execute(&words[1..])? {
                Some(status) => Ok(status),
                None => {
                    shell.gripe(&format!("{name}: not found"));
                    Ok(127)
                }
            }
        }
    }
}

/// `type NAME …`.
fn kind(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut status = 0;
    for name in &words[1..] {
        match described(shell, name) {
            Some((_, long)) => shell.say(format!("{name} {long}\n")),
            None => {
                shell.say(format!("{name}: not found\n"));
                status = 127;
            }
        }
    }
    Ok(status)
}

/// What a name stands for, short and long.
fn described(shell: &Shell, name: &str) -> Option<(String, String)> {
    const RESERVED: [&str; 13] =
        ["if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "in"];
    if RESERVED.contains(&name) {
        return Some((name.to_owned(), "is a shell keyword".to_owned()));
    }
    match shell.meaning(name) {
        Meaning::Special(_) => Some((name.to_owned(), "is a special shell builtin".to_owned())),
        Meaning::Builtin(_) => Some((name.to_owned(), "is a shell builtin".to_owned())),
        Meaning::Function(_) => Some((name.to_owned(), "is a shell function".to_owned())),
        Meaning::Program(_) | Meaning::Unknown => {
            let path = if name.contains('/') { name.to_owned() } else { format!("/usr/bin/{name}") };
            let long = format!("is {path}");
            Some((path, long))
        }
        Meaning::Missing => None,
    }
}
