//! `echo`, and the escapes that it shares with `printf`.

use super::Shell;
use crate::sandbox::guest::simulated::machine::Stop;

/// `echo`: dash's takes escapes in any case, that of bash and busybox only after `-e`.
pub(crate) fn echo(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let is_dash = matches!(shell.machine.server.system.family, "debian" | "ubuntu");
    let (mut rest, mut newline, mut escapes) = (&words[1..], true, is_dash);
    while let Some((flag, others)) = rest.split_first() {
        let is_flag = if is_dash {
            flag == "-n"
        } else {
            flag.len() > 1
                && flag.starts_with('-')
                && flag[1..].bytes().all(|letter| b"neE".contains(&letter))
        };
        if !is_flag {
            break;
        }
        for letter in flag[1..].bytes() {
            match letter {
                b'n' => newline = false,
                letter => escapes = letter == b'e',
            }
        }
        rest = others;
        if is_dash {
            break;
        }
    }
    let text = rest.join(" ");
    let (mut bytes, ends) = if escapes { unescaped(&text, Zero::Leads) } else { (text.into_bytes(), false) };
    if newline && !ends {
        bytes.push(b'\n');
    }
    shell.say(bytes);
    Ok(0)
}

/// How octal escapes are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zero {
    /// `\0101`, as in `echo` and `%b`.
    Leads,
    /// `\101`, as in a format.
    Counts,
}

/// The text with its escapes carried out, and whether `\c` ended it.
pub(crate) fn unescaped(text: &str, zero: Zero) -> (Vec<u8>, bool) {
    let (source, mut bytes, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(byte) = source.get(at).copied() {
        at += 1;
        let Some(next) = source.get(at).copied().filter(|_| byte == b'\\') else {
            bytes.push(byte);
            continue;
        };
        at += 1;
        let escaped = match next {
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'\\' => b'\\',
            b'c' if zero == Zero::Leads => return (bytes, true),
            b'0'..=b'7' if next == b'0' || zero == Zero::Counts => {
                let from = if next == b'0' && zero == Zero::Leads { at } else { at - 1 };
                let digits =
                    source[from..].iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
                at = from + digits;
                let value =
                    source[from..at].iter().fold(0_u32, |sum, digit| sum * 8 + u32::from(digit - b'0'));
                u8::try_from(value & 255).unwrap_or(0)
            }
            other => {
                bytes.push(b'\\');
                other
            }
        };
        bytes.push(escaped);
    }
    (bytes, false)
}
