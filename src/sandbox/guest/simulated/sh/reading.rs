//! Builtins that take input apart: `read` and `getopts`.

use super::{Shell, fields::read_fields, is_name};
use crate::sandbox::guest::simulated::machine::Stop;

/// `read [-r] NAME …`.
pub(super) fn read(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let (mut raw, mut names) = (false, Vec::new());
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-r" if names.is_empty() => raw = true,
            "-p" if names.is_empty() => drop(rest.next()),
            "--" if names.is_empty() => {}
            flag if names.is_empty() && flag.starts_with('-') => {
                shell.gripe(&format!("read: Illegal option {flag}"));
                return Err(Stop::Exit(2));
            }
            name if is_name(name) => names.push(name.to_owned()),
            name => {
                shell.gripe(&format!("read: {name}: bad variable name"));
                return Err(Stop::Exit(2));
            }
        }
    }
    if names.is_empty() {
        shell.gripe("read: arg count");
        return Err(Stop::Exit(2));
    }
    // Letters, and whether a backslash stood before them.
    let (mut bytes, mut escaped, mut backslash, mut status) = (Vec::new(), Vec::new(), false, 0);
    loop {
        shell.machine.spend(1)?;
        let read = shell.state.descriptors[0].as_ref().and_then(super::super::stream::Descriptor::byte);
        let Some((byte, came)) = read else {
            status = 1;
            break;
        };
        shell.pass_until(came)?;
        match byte {
            None => {
                status = 1;
                break;
            }
            Some(b'\n') if backslash => backslash = false,
            Some(b'\n') => break,
            Some(b'\\') if !raw && !backslash => backslash = true,
            Some(0) => {}
            Some(byte) => {
                bytes.push(byte);
                escaped.push(std::mem::take(&mut backslash));
            }
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let same = text.len() == bytes.len();
    let letters: Vec<(char, bool)> =
        text.char_indices().map(|(place, letter)| (letter, same && escaped[place])).collect();
    let separators = shell.state.value("IFS").unwrap_or(" \t\n").to_owned();
    let values = read_fields(&letters, names.len(), &separators);
    for (name, value) in names.iter().zip(values) {
        shell.assign(name, value)?;
    }
    Ok(status)
}

/// `getopts LETTERS NAME [WORD …]`; how far it is within a word of several flags is kept in `OPTIND` as `3:2`.
pub(super) fn getopts(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let [_, letters, name, given @ ..] = words else {
        shell.gripe("getopts: Usage: getopts optstring var [arg]");
        return Err(Stop::Exit(2));
    };
    let arguments = if given.is_empty() { shell.state.positional.clone() } else { given.to_vec() };
    let index = shell.state.value("OPTIND").and_then(|index| index.parse::<usize>().ok()).unwrap_or(1).max(1);
    let place = match shell.state.value("_getopts").and_then(|text| text.split_once(':')) {
        Some((at, place)) if at.parse() == Ok(index) => place.parse::<usize>().unwrap_or(1),
        _ => 1,
    };
    let word = arguments.get(index - 1).map_or("", String::as_str);
    let flag = word.strip_prefix('-').filter(|rest| !rest.is_empty() && *rest != "-");
    let Some(letter) = flag.and_then(|_| word.get(place..)).and_then(|rest| rest.chars().next()) else {
        let next = if word == "--" { index + 1 } else { index };
        shell.assign("OPTIND", next.to_string())?;
        shell.assign(name, "?".to_owned())?;
        return Ok(1);
    };
    let rest = &word[place + letter.len_utf8()..];
    let known = letters.find(letter).filter(|_| letter != ':');
    let wants = known.is_some_and(|at| letters[at + letter.len_utf8()..].starts_with(':'));
    let (mut next, mut value, mut result) = (index, None, letter.to_string());
    if known.is_none() {
        if letters.starts_with(':') {
            value = Some(letter.to_string());
        } else {
            shell.complain(&format!("Illegal option -{letter}\n"));
        }
        result = "?".to_owned();
    }
    if wants {
        next = index + if rest.is_empty() { 2 } else { 1 };
        value = if rest.is_empty() { arguments.get(index).cloned() } else { Some(rest.to_owned()) };
        if value.is_none() {
            result = if letters.starts_with(':') { ":" } else { "?" }.to_owned();
            value = letters.starts_with(':').then(|| letter.to_string());
            if value.is_none() {
                shell.complain(&format!("No arg for -{letter} option\n"));
            }
        }
    } else if rest.is_empty() {
        next = index + 1;
    } else {
        shell.assign("_getopts", format!("{index}:{}", place + letter.len_utf8()))?;
    }
    shell.assign("OPTIND", next.to_string())?;
    shell.assign(name, result)?;
    match value {
        Some(value) => shell.assign("OPTARG", value)?,
        None => drop(shell.state.variables.remove("OPTARG")),
    }
    Ok(0)
}
