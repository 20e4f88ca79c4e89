//! Filters that take lines apart: `cut`, `tr`, `paste`, `sort`, `xargs`' words are in `running`.

use std::cmp::Ordering;

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
    let mut sets = Vec::new();
    for operand in &options.operands {
        sets.push(byte_set(operand)?);
    }
    let Some(mut from) = sets.first().cloned() else {
        shell.complain("tr: missing operand\n");
        return Ok(1);
    };
    if options.has('c') || options.has('C') {
        from = (0..=255).filter(|byte| !from.contains(byte)).collect();
    }
    let (deletes, squeezes) = (options.has('d'), options.has('s'));
    let to = sets.get(1).cloned();
    if to.is_none() && !deletes && !squeezes {
        shell.complain("tr: missing operand after SET1\n");
        return Ok(1);
    }
    let squeezed = if squeezes { to.as_ref().unwrap_or(&from).clone() } else { Vec::new() };
    let mut out: Vec<u8> = Vec::new();
    for byte in shell.input()? {
        let place = from.iter().position(|known| *known == byte);
        let byte = match (place, &to) {
            (Some(_), _) if deletes => continue,
            (Some(place), Some(to)) => match to.get(place).or(to.last()) {
                Some(to) => *to,
                None => byte,
            },
            _ => byte,
        };
        if squeezed.contains(&byte) && out.last() == Some(&byte) {
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

/// How one key is compared.
#[derive(Clone, Copy, Default)]
struct Manner {
    numeric: bool,
    human: bool,
    version: bool,
    reverse: bool,
    fold: bool,
    blanks: bool,
}

impl Manner {
    fn set(&mut self, letter: char) -> bool {
        match letter {
            'n' | 'g' => self.numeric = true,
            'h' => self.human = true,
            'V' => self.version = true,
            'r' => self.reverse = true,
            'f' => self.fold = true,
            'b' => self.blanks = true,
            _ => return false,
        }
        true
    }

    fn compare(self, left: &str, right: &str) -> Ordering {
        let order = if self.numeric {
            number(left).total_cmp(&number(right))
        } else if self.human {
            human(left).total_cmp(&human(right))
        } else if self.version {
            version(left, right)
        } else if self.fold {
            left.to_ascii_uppercase().cmp(&right.to_ascii_uppercase())
        } else {
            left.cmp(right)
        };
        if self.reverse { order.reverse() } else { order }
    }
}

/// The number at the beginning of a text; 0 without one.
fn number(text: &str) -> f64 {
    let text = text.trim_start();
    let mut end = usize::from(text.starts_with('-'));
    let mut dots = 0;
    for byte in text[end..].bytes() {
        dots += usize::from(byte == b'.');
        if !(byte.is_ascii_digit() || byte == b'.') || dots > 1 {
            break;
        }
        end += 1;
    }
    // `-0.0` and `0.0` are one number to `sort`.
    text[..end].trim_end_matches('.').parse::<f64>().unwrap_or(0.0) + 0.0
}

/// The same with a suffix such as `K` or `M`.
fn human(text: &str) -> f64 {
    let trimmed = text.trim_start();
    let suffix = trimmed.trim_start_matches(|letter: char| letter.is_ascii_digit() || "-.".contains(letter));
    let power = suffix.chars().next().and_then(|letter| "KMGTPE".find(letter.to_ascii_uppercase()));
    number(text) * 1024_f64.powi(power.and_then(|power| i32::try_from(power + 1).ok()).unwrap_or(0))
}

/// `sort -V`: runs of digits as numbers.
fn version(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    while !left.is_empty() && !right.is_empty() {
        let digits = |text: &str| text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (from_left, from_right) = (digits(left), digits(right));
        let order = if from_left > 0 && from_right > 0 {
            let value = |text: &str| text.parse::<u128>().unwrap_or(u128::MAX);
            let order = value(&left[..from_left]).cmp(&value(&right[..from_right]));
            (left, right) = (&left[from_left..], &right[from_right..]);
            order
        } else {
            let (mut one, mut other) = (left.chars(), right.chars());
            let order = one.next().map(rank).cmp(&other.next().map(rank));
            (left, right) = (one.as_str(), other.as_str());
            order
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

/// Letters come before everything else in versions, and `~` before letters.
fn rank(letter: char) -> (u8, char) {
    (
        if letter == '~' {
            0
        } else if letter.is_ascii_alphanumeric() {
            1
        } else {
            2
        },
        letter,
    )
}

/// A key: from a field and letter to another.
struct Key {
    from: (usize, usize),
    to: Option<(usize, usize)>,
    manner: Option<Manner>,
}

fn key(text: &str) -> Option<Key> {
    let position = |text: &str| -> Option<((usize, usize), Manner, bool)> {
        let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
        let (numbers, letters) = text.split_at(end);
        let (field, letter) = numbers.split_once('.').unwrap_or((numbers, "0"));
        let mut manner = Manner::default();
        letters.chars().all(|letter| manner.set(letter)).then_some(())?;
        Some(((field.parse().ok()?, letter.parse().ok()?), manner, !letters.is_empty()))
    };
    let (from, to) = text.split_once(',').map_or((text, None), |(from, to)| (from, Some(to)));
    let (from, mut manner, mut own) = position(from)?;
    let mut end = None;
    if let Some(to) = to {
        let (place, other, has) = position(to)?;
        end = Some(place);
        if has {
            (manner, own) = (other, true);
        }
    }
    (from.0 > 0).then_some(Key { from, to: end, manner: own.then_some(manner) })
}

impl Key {
    fn part<'a>(&self, line: &'a str, separator: Option<char>, blanks: bool) -> &'a str {
        let bounds = fields(line, separator);
        let Some((start, end)) = bounds.get(self.from.0 - 1).copied() else { return "" };
        let skip = if blanks { line[start..end].len() - line[start..end].trim_start().len() } else { 0 };
        let start = (start + skip + self.from.1.max(1) - 1).min(line.len());
        let end = match self.to {
            None => line.len(),
            Some((field, letter)) => match bounds.get(field - 1) {
                None => line.len(),
                Some((_, end)) if letter == 0 => *end,
                Some((begin, _)) => (begin + letter).min(line.len()),
            },
        };
        line.get(start..end.max(start)).unwrap_or("")
    }
}

/// Where fields begin and end. Without a separator the blanks before a field belong to it.
fn fields(line: &str, separator: Option<char>) -> Vec<(usize, usize)> {
    let mut bounds = Vec::new();
    let mut start = 0;
    match separator {
        Some(separator) => {
            for (at, _) in line.match_indices(separator) {
                bounds.push((start, at));
                start = at + separator.len_utf8();
            }
        }
        None => {
            let mut before = true;
            for (at, letter) in line.char_indices() {
                let blank = letter == ' ' || letter == '\t';
                if blank && !before {
                    bounds.push((start, at));
                    start = at;
                }
                before = blank;
            }
        }
    }
    bounds.push((start, line.len()));
    bounds
}

pub(super) fn sort(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(
        words,
        "nrufbhVgsk:t:c",
        &[("numeric-sort", 'n'), ("reverse", 'r'), ("unique", 'u'), ("key", 'k'), ("version-sort", 'V')],
    )?;
    let mut manner = Manner::default();
    for letter in "nrfbhVg".chars().filter(|letter| options.has(*letter)) {
        manner.set(letter);
    }
    let Some(keys) = options.values('k').map(key).collect::<Option<Vec<_>>>() else {
        shell.complain("sort: invalid key\n");
        return Ok(2);
    };
    let separator = options.value('t').and_then(|text| text.chars().next());
    let (text, failed) = shell.input_text("sort", &options.operands)?;
    let mut lines: Vec<&str> = text.lines().collect();
    shell.machine.spend(lines.len() as u64 * 4)?;
    let by_keys = |left: &&str, right: &&str| {
        if keys.is_empty() {
            return manner.compare(left, right);
        }
        keys.iter()
            .map(|key| {
                let own = key.manner.unwrap_or(manner);
                own.compare(key.part(left, separator, own.blanks), key.part(right, separator, own.blanks))
            })
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    };
    let (unique, stable) = (options.has('u'), options.has('s'));
    let full = |left: &&str, right: &&str| {
        let last = || if manner.reverse { right.cmp(left) } else { left.cmp(right) };
        by_keys(left, right).then_with(|| if unique || stable { Ordering::Equal } else { last() })
    };
    if options.has('c') {
        return Ok(i32::from(!lines.is_sorted_by(|left, right| full(left, right).is_le())));
    }
    lines.sort_by(full);
    if unique {
        lines.dedup_by(|left, right| by_keys(left, right).is_eq());
    }
    shell.say(joined(lines));
    Ok(if failed { 2 } else { 0 })
}
