//! `grep`, with basic, extended and fixed patterns.

use super::{
    options::Options,
    regular::{Notation, Regular},
};
use crate::sandbox::guest::simulated::{machine::Stop, sh::Shell};

const LONG: [(&str, char); 8] = [
    ("quiet", 'q'),
    ("count", 'c'),
    ("invert-match", 'v'),
    ("ignore-case", 'i'),
    ("only-matching", 'o'),
    ("extended-regexp", 'E'),
    ("fixed-strings", 'F'),
    ("max-count", 'm'),
];

pub(super) fn grep(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut options = Options::read(words, "EFGqcvione:lLshHwxm:a", &LONG)?;
    let mut patterns: Vec<String> = options.values('e').map(str::to_owned).collect();
    if patterns.is_empty() {
        if options.operands.is_empty() {
            shell.complain("Usage: grep [OPTION]... PATTERNS [FILE]...\n");
            return Ok(2);
        }
        patterns.push(options.operands.remove(0));
    }
    let patterns: Vec<&str> = patterns.iter().flat_map(|pattern| pattern.split('\n')).collect();
    let mut compiled = Vec::new();
    for pattern in patterns {
        match compile(words, &options, pattern)? {
            Ok(regular) => compiled.push(regular),
            Err(what) => {
                shell.complain(&format!("grep: {what}\n"));
                return Ok(2);
            }
        }
    }
    let (inputs, failed) = if options.has('s') {
        let error = shell.state.descriptors[2].take();
        let inputs = shell.inputs("grep", &options.operands);
        shell.state.descriptors[2] = error;
        inputs?
    } else {
        shell.inputs("grep", &options.operands)?
    };
    let named = (inputs.len() > 1 || options.has('H')) && !options.has('h');
    let most: usize = options.value('m').and_then(|most| most.parse().ok()).unwrap_or(usize::MAX);
    let mut any = false;
    for (name, bytes) in &inputs {
        let text = String::from_utf8_lossy(bytes);
        shell.machine.spend_bytes(text.len() * compiled.len())?;
        let name = if name == "-" { "(standard input)" } else { name };
        let title = if named { format!("{name}:") } else { String::new() };
        let (mut count, mut out) = (0, String::new());
        for (line, number) in text.lines().zip(1_usize..) {
            let found = compiled.iter().any(|pattern| pattern.is_match(line));
            if found == options.has('v') {
                continue;
            }
            if count == most {
                break;
            }
            count += 1;
            let title = if options.has('n') { format!("{title}{number}:") } else { title.clone() };
            if !options.has('o') {
                out.push_str(&format!("{title}{line}\n"));
            } else if !options.has('v') {
                for found in matches(&compiled, line) {
                    out.push_str(&format!("{title}{found}\n"));
                }
            }
        }
        any |= count > 0;
        if options.has('q') {
            continue;
        }
        if options.has('l') || options.has('L') {
            if (count > 0) == options.has('l') {
                shell.say(format!("{name}\n"));
            }
        } else if options.has('c') {
            shell.say(format!("{title}{count}\n"));
        } else {
            shell.say(out);
        }
    }
    Ok(if failed && !(options.has('q') && any) { 2 } else { i32::from(!any) })
}

fn compile(words: &[String], options: &Options, pattern: &str) -> Result<Result<Regular, String>, Stop> {
    let any_case = options.has('i');
    let fixed = options.has('F') || words[0].ends_with("fgrep");
    let extended = options.has('E') || words[0].ends_with("egrep");
    let escaped = if fixed { Some(regex::escape(pattern)) } else { None };
    if escaped.is_some() && !options.has('x') && !options.has('w') {
        return Ok(Regular::fixed(pattern, any_case).ok_or_else(|| "Invalid regular expression".to_owned()));
    }
    let (notation, pattern) = match escaped {
        Some(escaped) => (Notation::Extended, escaped),
        None if extended => (Notation::Extended, pattern.to_owned()),
        None => (Notation::Basic, pattern.to_owned()),
    };
    let (open, close) = if notation == Notation::Basic { ("\\(", "\\)") } else { ("(", ")") };
    let pattern = if options.has('x') {
        format!("^{open}{pattern}{close}$")
    } else if options.has('w') {
        format!("\\<{open}{pattern}{close}\\>")
    } else {
        pattern
    };
    Regular::new(&pattern, notation, any_case)
}

/// All parts of a line that match, none of them empty.
fn matches<'a>(patterns: &[Regular], line: &'a str) -> Vec<&'a str> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at <= line.len() {
        let all = patterns.iter().filter_map(|pattern| pattern.find(line, at)?.first().copied().flatten());
        let Some((start, end)) = all.min_by_key(|(start, end)| (*start, usize::MAX - *end)) else { break };
        if start == end {
            let step = line[end..].chars().next().map_or(1, char::len_utf8);
            at = end + step;
        } else {
            found.push(&line[start..end]);
            at = end;
        }
    }
    found
}
