//! Filters that take lines as they are: `cat`, `head`, `tail`, `tac`, `wc`, `uniq`, `tee`, `nl`, `rev`, `seq`, `yes`.

use super::options::{Options, joined, with_old_count};
use crate::sandbox::guest::simulated::{
    files::Access,
    machine::{Stop, lost},
    sh::{Shell, printf},
};

pub(super) fn cat(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "u", &[])?;
    let (inputs, failed) = shell.inputs("cat", &options.operands)?;
    for (_, bytes) in inputs {
        shell.say(bytes);
    }
    Ok(i32::from(failed))
}

/// The text's lines with their ends.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// The beginning or the end of each input.
fn part(
    shell: &mut Shell,
    words: &[String],
    choose: impl Fn(&[u8], &str, bool) -> Option<Vec<u8>>,
) -> Result<i32, Stop> {
    let words = with_old_count(words);
    let options = Options::read(&words, "n:c:qv", &[("lines", 'n'), ("bytes", 'c'), ("quiet", 'q')])?;
    let (inputs, failed) = shell.inputs(&words[0], &options.operands)?;
    let titles = (inputs.len() > 1 && !options.has('q')) || options.has('v');
    let (count, bytes) = match options.value('c') {
        Some(count) => (count, true),
        None => (options.value('n').unwrap_or("10"), false),
    };
    for (number, (name, input)) in inputs.iter().enumerate() {
        let Some(chosen) = choose(input, count, bytes) else {
            shell.complain(&format!("{}: invalid number: '{count}'\n", words[0]));
            return Ok(1);
        };
        if titles {
            let name = if name == "-" { "standard input" } else { name };
            shell.say(format!("{}==> {name} <==\n", if number > 0 { "\n" } else { "" }));
        }
        shell.say(chosen);
    }
    Ok(i32::from(failed))
}

fn concatenated(units: &[&[u8]]) -> Vec<u8> {
    units.concat()
}

fn units(input: &[u8], bytes: bool) -> Vec<&[u8]> {
    if bytes { input.chunks(1).collect() } else { lines(input) }
}

pub(super) fn head(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    part(shell, words, |input, count, bytes| {
        let units = units(input, bytes);
        let keep = match count.strip_prefix('-') {
            Some(but) => units.len().saturating_sub(but.parse().ok()?),
            None => count.parse().ok()?,
        };
        Some(concatenated(&units[..keep.min(units.len())]))
    })
}

pub(super) fn tail(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    part(shell, words, |input, count, bytes| {
        let units = units(input, bytes);
        let skip = match count.strip_prefix('+') {
            Some(from) => from.parse::<usize>().ok()?.saturating_sub(1),
            None => units.len().saturating_sub(count.trim_start_matches('-').parse().ok()?),
        };
        Some(concatenated(&units[skip.min(units.len())..]))
    })
}

pub(super) fn tac(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let (text, failed) = shell.input_text("tac", &words[1..])?;
    shell.say(text.split_inclusive('\n').rev().collect::<String>());
    Ok(i32::from(failed))
}

pub(super) fn rev(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let (text, failed) = shell.input_text("rev", &words[1..])?;
    shell.say(joined(text.lines().map(|line| line.chars().rev().collect::<String>())));
    Ok(i32::from(failed))
}

pub(super) fn nl(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "b:", &[])?;
    let (text, failed) = shell.input_text("nl", &options.operands)?;
    let (all, mut number) = (options.value('b') == Some("a"), 0);
    let text = text.lines().map(|line| {
        if line.is_empty() && !all {
            return "       ".to_owned();
        }
        number += 1;
        format!("{number:>6}\t{line}")
    });
    shell.say(joined(text));
    Ok(i32::from(failed))
}

pub(super) fn wc(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "lwcm", &[("lines", 'l'), ("words", 'w'), ("bytes", 'c')])?;
    let (inputs, failed) = shell.inputs("wc", &options.operands)?;
    let all = !"lwcm".chars().any(|letter| options.has(letter));
    let count = |bytes: &[u8]| {
        let newlines = bytes.iter().filter(|byte| **byte == b'\n').count();
        let words = bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
        let letters = String::from_utf8_lossy(bytes).chars().count();
        [('l', newlines), ('w', words), ('m', letters), ('c', bytes.len())]
            .into_iter()
            .filter(|(letter, _)| options.has(*letter) || (all && *letter != 'm'))
            .map(|(_, count)| count)
            .collect::<Vec<_>>()
    };
    let mut rows: Vec<(Vec<usize>, &str)> =
        inputs.iter().map(|(name, bytes)| (count(bytes), name.as_str())).collect();
    if rows.len() > 1 {
        let columns = rows[0].0.len();
        rows.push((
            (0..columns).map(|column| rows.iter().map(|(row, _)| row[column]).sum()).collect(),
            "total",
        ));
    }
    // GNU's widths: standard input has no size to go by.
    let sum: usize = inputs.iter().map(|(_, bytes)| bytes.len()).sum();
    let several = rows.first().is_some_and(|(row, _)| row.len() > 1);
    let width = match (options.operands.is_empty(), several || rows.len() > 1) {
        (_, false) => 1,
        (true, true) => 7,
        (false, true) => sum.to_string().len(),
    };
    for (row, name) in rows {
        let row: Vec<String> = row.iter().map(|count| format!("{count:>width$}")).collect();
        let name = if options.operands.is_empty() { String::new() } else { format!(" {name}") };
        shell.say(format!("{}{name}\n", row.join(" ")));
    }
    Ok(i32::from(failed))
}

pub(super) fn uniq(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "cdui", &[("count", 'c'), ("repeated", 'd'), ("unique", 'u')])?;
    let (text, failed) = shell.input_text("uniq", &options.operands)?;
    let mut runs: Vec<(usize, &str)> = Vec::new();
    for line in text.lines() {
        match runs.last_mut() {
            Some((count, last))
                if *last == line || (options.has('i') && last.to_lowercase() == line.to_lowercase()) =>
            {
                *count += 1;
            }
            _ => runs.push((1, line)),
        }
    }
    let kept = runs
        .into_iter()
        .filter(|(count, _)| !(options.has('d') && *count == 1 || options.has('u') && *count > 1));
    let counted = options.has('c');
    shell.say(joined(kept.map(
        |(count, line)| {
            if counted { format!("{count:>7} {line}") } else { line.to_owned() }
        },
    )));
    Ok(i32::from(failed))
}

pub(super) fn tee(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "ai", &[("append", 'a')])?;
    let (bytes, mut status) = (shell.input()?, 0);
    let access = if options.has('a') { Access::Append } else { Access::Write };
    for file in &options.operands {
        let path = shell.path(file);
        match shell.machine.files.open(&path, access)? {
            Ok(contents) => contents.borrow_mut().extend_from_slice(&bytes),
            Err(why) => {
                shell.complain(&format!("tee: {file}: {why}\n"));
                status = 1;
            }
        }
    }
    shell.say(bytes);
    Ok(status)
}

pub(super) fn seq(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let (mut separator, mut wide, mut numbers) = ("\n", false, Vec::new());
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-s" => separator = rest.next().map_or("", String::as_str),
            "-w" => wide = true,
            number => numbers.push(number),
        }
    }
    let parsed: Option<Vec<f64>> = numbers.iter().map(|number| number.parse().ok()).collect();
    let (first, step, last) = match parsed.as_deref() {
        Some([last]) => (1.0, 1.0, *last),
        Some([first, last]) => (*first, 1.0, *last),
        Some([first, step, last]) if *step != 0.0 => (*first, *step, *last),
        _ => {
            shell.complain("seq: invalid argument\n");
            return Ok(1);
        }
    };
    let places = |number: &str| number.split_once('.').map_or(0, |(_, places)| places.len());
    let places =
        numbers.iter().take(numbers.len().max(2) - 1).map(|number| places(number)).max().unwrap_or(0);
    let width = if wide { printf::float(last, 'f', Some(places), "").len() } else { 0 };
    let (mut text, mut index) = (String::new(), 0.0_f64);
    loop {
        let value = index.mul_add(step, first);
        if (step > 0.0 && value > last + 1e-10) || (step < 0.0 && value < last - 1e-10) {
            break;
        }
        shell.machine.spend(1)?;
        if index > 0.0 {
            text.push_str(separator);
        }
        let number = printf::float(value, 'f', Some(places), "");
        text.push_str(&format!("{number:0>width$}"));
        index += 1.0;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    shell.say(text);
    Ok(0)
}

/// `yes`, whose reader is taken to go away after a while.
pub(super) fn yes(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let line = if words.len() > 1 { words[1..].join(" ") } else { "y".to_owned() } + "\n";
    if line.len() > 1 << 10 {
        return Err(lost("yes with so long a line is not simulated"));
    }
    shell.say(line.repeat((512 << 10) / line.len()));
    Ok(141)
}
