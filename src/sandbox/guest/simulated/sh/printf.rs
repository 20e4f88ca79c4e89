//! `printf`: a format that is used again until all arguments are.

use super::{
    Shell, arithmetic,
    echo::{Zero, unescaped},
};
use crate::sandbox::guest::simulated::machine::{Stop, lost};

/// The most columns that a width may ask for.
const WIDEST: usize = 10_000;

pub(crate) fn printf(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let words: &[String] = if words.get(1).is_some_and(|word| word == "--") { &words[1..] } else { words };
    let Some(format) = words.get(1) else {
        shell.gripe("printf: usage: printf format [arg ...]");
        return Err(Stop::Exit(2));
    };
    let mut arguments = words[2..].iter();
    let mut status = 0;
    loop {
        let left = arguments.len();
        let round = round(shell, format, &mut arguments, &mut status)?;
        let (bytes, ends) = round;
        shell.machine.spend_bytes(bytes.len())?;
        shell.say(bytes);
        if ends || arguments.len() == 0 || arguments.len() == left {
            return Ok(status);
        }
    }
}

/// A directive: `%-08.3d`.
struct Directive {
    flags: String,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

fn round<'a>(
    shell: &mut Shell,
    format: &str,
    arguments: &mut impl Iterator<Item = &'a String>,
    status: &mut i32,
) -> Result<(Vec<u8>, bool), Stop> {
    let (mut bytes, mut rest) = (Vec::new(), format);
    while let Some(at) = rest.find('%') {
        bytes.extend(unescaped(&rest[..at], Zero::Counts).0);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            bytes.push(b'%');
            rest = after;
            continue;
        }
        let (directive, after) = directive(rest, arguments)?;
        rest = after;
        let argument = arguments.next().map_or("", String::as_str);
        let number = |shell: &mut Shell, status: &mut i32| {
            let value = match argument.strip_prefix(['\'', '"']).and_then(|text| text.chars().next()) {
                Some(letter) => Some(i64::from(u32::from(letter))),
                None if argument.is_empty() => Some(0),
                None => arithmetic::number(argument).filter(|_| argument.trim_end() == argument),
            };
            value.unwrap_or_else(|| {
                let digits = argument.len()
                    - argument.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
                let what = if digits > 0 { "not completely converted" } else { "expected numeric value" };
                shell.gripe(&format!("printf: {argument}: {what}"));
                *status = 1;
                argument[..digits].parse().unwrap_or(0)
            })
        };
        let text = match directive.kind {
            's' => cut(argument.as_bytes(), directive.precision),
            'b' => {
                let (text, ends) = unescaped(argument, Zero::Leads);
                if ends {
                    bytes.extend(text);
                    return Ok((bytes, true));
                }
                cut(&text, directive.precision)
            }
            'c' => argument.bytes().take(1).collect(),
            'd' | 'i' => directive.number(number(shell, status)).into_bytes(),
            'u' => directive.digits(number(shell, status).cast_unsigned().to_string()).into_bytes(),
            'o' => directive.digits(format!("{:o}", number(shell, status))).into_bytes(),
            'x' => directive.digits(format!("{:x}", number(shell, status))).into_bytes(),
            'X' => directive.digits(format!("{:X}", number(shell, status))).into_bytes(),
            'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
                let value: f64 = argument.trim().parse().unwrap_or(0.0);
                float(value, directive.kind, directive.precision, &directive.flags).into_bytes()
            }
            _ => {
                shell.gripe(&format!("printf: %{}: invalid directive", directive.kind));
                *status = 1;
                return Ok((bytes, true));
            }
        };
        bytes.extend(directive.padded(text));
    }
    bytes.extend(unescaped(rest, Zero::Counts).0);
    Ok((bytes, false))
}

fn cut(text: &[u8], precision: Option<usize>) -> Vec<u8> {
    text[..precision.unwrap_or(text.len()).min(text.len())].to_vec()
}

fn directive<'a, 'b>(
    text: &'b str,
    arguments: &mut impl Iterator<Item = &'a String>,
) -> Result<(Directive, &'b str), Stop> {
    let flags_end = text.find(|letter| !"-+ #0".contains(letter)).unwrap_or(text.len());
    let (flags, mut rest) = text.split_at(flags_end);
    let mut flags = flags.to_owned();
    let mut size = |rest: &mut &'b str| -> Result<Option<i64>, Stop> {
        if let Some(after) = rest.strip_prefix('*') {
            *rest = after;
            return Ok(Some(arguments.next().and_then(|word| word.parse().ok()).unwrap_or(0)));
        }
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(end);
        *rest = after;
        Ok(digits.parse().ok())
    };
    let width = size(&mut rest)?.unwrap_or(0);
    if width < 0 {
        flags.push('-');
    }
    let width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
    let mut precision = None;
    if let Some(after) = rest.strip_prefix('.') {
        rest = after;
        precision = Some(size(&mut rest)?.and_then(|size| usize::try_from(size).ok()).unwrap_or(0));
    }
    if width > WIDEST || precision.is_some_and(|precision| precision > WIDEST) {
        return Err(lost("printf: too wide"));
    }
    let mut letters = rest.chars();
    let kind = letters.next().unwrap_or('%');
    Ok((Directive { flags, width, precision, kind }, letters.as_str()))
}

impl Directive {
    fn number(&self, value: i64) -> String {
        let digits = self.digits(value.unsigned_abs().to_string());
        let sign = if value < 0 {
            "-"
        } else if self.flags.contains('+') {
            "+"
        } else if self.flags.contains(' ') {
            " "
        } else {
            ""
        };
        if self.zeros() && self.precision.is_none() {
            let width = self.width.saturating_sub(sign.len());
            return format!("{sign}{digits:0>width$}");
        }
        format!("{sign}{digits}")
    }

    fn digits(&self, digits: String) -> String {
        let prefix = match (self.flags.contains('#'), self.kind) {
            (true, 'x') => "0x",
            (true, 'X') => "0X",
            (true, 'o') => "0",
            _ => "",
        };
        let width = self.precision.unwrap_or(0);
        format!("{prefix}{digits:0>width$}")
    }

    fn zeros(&self) -> bool {
        self.flags.contains('0') && !self.flags.contains('-')
    }

    /// Filled up to the width.
    fn padded(&self, mut text: Vec<u8>) -> Vec<u8> {
        let missing = self.width.saturating_sub(text.len());
        if self.flags.contains('-') {
            text.resize(text.len() + missing, b' ');
            return text;
        }
        let zeros = self.zeros() && !matches!(self.kind, 's' | 'b' | 'c');
        let mut padded = vec![if zeros { b'0' } else { b' ' }; missing];
        if zeros && text.first() == Some(&b'-') {
            padded.insert(0, text.remove(0));
        }
        padded.extend(text);
        padded
    }
}

/// A floating-point number as C's `%f`, `%e` or `%g` write it.
pub(crate) fn float(value: f64, kind: char, precision: Option<usize>, flags: &str) -> String {
    let precision = precision.unwrap_or(6);
    let text = if !value.is_finite() {
        if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned()
    } else {
        match kind.to_ascii_lowercase() {
            'f' => format!("{value:.precision$}"),
            'e' => exponential(value, precision),
            _ => general(value, precision.max(1)),
        }
    };
    let text = if kind.is_ascii_uppercase() { text.to_ascii_uppercase() } else { text };
    if flags.contains('+') && !text.starts_with('-') { format!("+{text}") } else { text }
}

fn exponential(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

fn general(value: f64, precision: usize) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = exponential(value, precision - 1);
    let exponent: i64 = scientific.rsplit_once('e').and_then(|(_, text)| text.parse().ok()).unwrap_or(0);
    let size = i64::try_from(precision).unwrap_or(6);
    if exponent < -4 || exponent >= size {
        let (digits, rest) = scientific.split_once('e').unwrap_or((&scientific, ""));
        return format!("{}e{rest}", trimmed(digits));
    }
    let places = usize::try_from(size - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{value:.places$}")).to_owned()
}

/// Without zeros at the end of a fraction.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}
