//! Filters that take lines apart: `cut`, `tr`, `paste`.

use super::options::{Options, joined};
use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    sh::{Shell, pattern::CLASSES},
};

/// `1,3-5,7-` as ranges that begin with 1.
fn ranges(list: &str) -> Option<Vec<(usize, usize)>> {
    let range = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let low = if low.is_empty() { 1 } else { low.parse().ok()? };
        let high = if high.is_empty() { usize::MAX } else { high.parse().ok()? };
        (low > 0 && low <= high).then_some((low, high))
    };
    list.split(',').map(range).collect()
}

pub(super) fn cut(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "d:f:c:b:sn", &[("delimiter", 'd'), ("fields", 'f')])?;
    let list = ['f', 'c', 'b'].into_iter().find_map(|letter| options.value(letter));
    let Some(chosen) = list.and_then(ranges) else {
        shell.complain("cut: you must specify a valid list of bytes, characters, or fields\n");
        return Ok(1);
    };
    let holds = |number: usize| chosen.iter().any(|(low, high)| (*low..=*high).contains(&number));
    let delimiter = options.value('d').unwrap_or("\t").to_owned();
    let (text, failed) = shell.input_text("cut", &options.operands)?;
    let mut out = Vec::new();
    for line in text.lines() {
        if options.has('f') {
            if !line.contains(&delimiter) {
                if !options.has('s') {
                    out.push(line.to_owned());
                }
                continue;
            }
            let fields = line.split(&delimiter).zip(1..).filter(|(_, number)| holds(*number));
            out.push(fields.map(|(field, _)| field).collect::<Vec<_>>().join(&delimiter));
        } else {
            let bytes = line.bytes().zip(1..).filter(|(_, number)| holds(*number));
            let bytes: Vec<u8> = bytes.map(|(byte, _)| byte).collect();
            out.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    shell.say(joined(out));
    Ok(i32::from(failed))
}

pub(super) fn paste(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "sd:", &[])?;
    let delimiter = options.value('d').unwrap_or("\t").replace("\\n", "\n").replace("\\t", "\t");
    let (inputs, failed) = shell.inputs("paste", &options.operands)?;
    let inputs: Vec<String> =
        inputs.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
    if delimiter.chars().count() > 1
        || (!options.has('s') && inputs.len() > 1 && options.operands.iter().any(|name| name == "-"))
    {
        return Err(lost("this use of paste is not simulated"));
    }
    let columns: Vec<Vec<&str>> = inputs.iter().map(|text| text.lines().collect()).collect();
    if options.has('s') {
        shell.say(joined(columns.iter().map(|lines| lines.join(&delimiter))));
    } else {
        let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
        shell.say(joined((0..rows).map(|row| {
            let cells: Vec<&str> =
                columns.iter().map(|lines| lines.get(row).copied().unwrap_or("")).collect();
            cells.join(&delimiter)
        })));
    }
    Ok(i32::from(failed))
}

pub(super) fn tr(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options =
        Options::read(words, "dscC", &[("delete", 'd'), ("squeeze-repeats", 's'), ("complement", 'c')])?;
    let mut operands = Vec::new();
    for operand in &options.operands {
        operands.push(byte_set(operand)?);
    }
    let Some(mut source) = operands.first().cloned() else {
        shell.complain("tr: missing operand\n");
        return Ok(1);
    };
    if options.has('c') || options.has('C') {
        source = (0..=255).filter(|byte| !source.contains(byte)).collect();
    }
    let (deletes, squeezing) = (options.has('d'), options.has('s'));
    let target = operands.get(1).cloned();
    if target.is_none() && !deletes && !squeezing {
        shell.complain("tr: missing operand after SET1\n");
        return Ok(1);
    }
    let squeezable = if squeezing { target.as_ref().unwrap_or(&source).clone() } else { Vec::new() };
    let mut out: Vec<u8> = Vec::new();
    for byte in shell.input()? {
        let place = source.iter().position(|known| *known == byte);
        let byte = match (place, &target) {
            (Some(_), _) if deletes => continue,
            (Some(place), Some(to)) => match to.get(place).or(to.last()) {
                Some(to) => *to,
                None => byte,
            },
            _ => byte,
        };
        if squeezable.contains(&byte) && out.last() == Some(&byte) {
            continue;
        }
        out.push(byte);
    }
    shell.say(out);
    Ok(0)
}

/// A set of `tr`: ranges, classes, escapes.
fn byte_set(text: &str) -> Result<Vec<u8>, Stop> {
    let (mut bytes, rest) = (Vec::new(), text.as_bytes());
    let mut at = 0;
    let one = |at: &mut usize| -> u8 {
        let byte = rest[*at];
        *at += 1;
        let Some(next) = rest.get(*at).copied().filter(|_| byte == b'\\') else { return byte };
        *at += 1;
        match next {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'f' => 12,
            b'v' => 11,
            b'a' => 7,
            b'b' => 8,
            b'0'..=b'7' => {
                let digits =
                    rest[*at - 1..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                let digits = &rest[*at - 1..*at - 1 + digits];
                *at += digits.len() - 1;
                let value = digits.iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
                u8::try_from(value & 255).unwrap_or(0)
            }
            other => other,
        }
    };
    while at < rest.len() {
        if let Some(name) = text.get(at..).and_then(|rest| rest.strip_prefix("[:")) {
            let name = name.split_once(":]").map_or("", |(name, _)| name);
            let Some((_, ranges)) = CLASSES.iter().find(|(class, _)| *class == name) else {
                return Err(lost(format!("tr {text} is not simulated")));
            };
            let mut all: Vec<u8> = ranges.iter().flat_map(|(low, high)| *low as u8..=*high as u8).collect();
            all.sort_unstable();
            bytes.extend(all);
            at += name.len() + 4;
            continue;
        }
        if text
            .get(at..)
            .is_some_and(|rest| rest.starts_with("[=") || rest.contains('*') && rest.starts_with('['))
        {
            return Err(lost(format!("tr {text} is not simulated")));
        }
        let low = one(&mut at);
        if rest.get(at) == Some(&b'-') && at + 1 < rest.len() {
            at += 1;
            let high = one(&mut at);
            bytes.extend(low..=high);
        } else {
            bytes.push(low);
        }
    }
    Ok(bytes)
}
