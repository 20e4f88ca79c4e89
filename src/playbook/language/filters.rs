//! The filters that take values out of what a command printed.
//!
//! Each gives undefined where it finds or converts nothing, so that `default` can stand in. What they take is
//! untrusted and as long as an output may be: each is linear in it, and charges for what it makes.

use std::sync::{Mutex, PoisonError};

use minijinja::{Environment, Error, State, Value, value::Serde};
use regex::Regex;

use super::{NOT_A_TEXT, invalid, regex};

/// The longest text that is taken apart, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// Seconds in systemd's units. Source: systemd.time(7), "Parsing time spans".
const SECONDS: [(&[&str], f64); 9] = [
    (&["us", "usec", "µs", "μs"], 1e-6),
    (&["ms", "msec"], 1e-3),
    (&["s", "sec", "secs", "second", "seconds"], 1.0),
    (&["m", "min", "mins", "minute", "minutes"], 60.0),
    (&["h", "hr", "hrs", "hour", "hours"], 3600.0),
    (&["d", "day", "days"], 86_400.0),
    (&["w", "week", "weeks"], 604_800.0),
    (&["month", "months"], 2_629_800.0),
    (&["y", "year", "years"], 31_557_600.0),
];

/// The letters of sizes, each 1024 times the one before.
const SIZES: &str = "kmgtpe";

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_filter("int", int);
    environment.add_filter("float", float);
    environment.add_filter("regex", |text: &Value, pattern: &str| {
        let text = text.as_str().ok_or_else(|| invalid(NOT_A_TEXT))?;
        latest(pattern).map(|regex| found(&regex, text)).map_err(invalid)
    });
    environment.add_test("matching", |text: &str, pattern: &str| {
        Ok(latest(pattern).map_err(invalid)?.is_match(text))
    });
    environment.add_filter("from_json", from_json);
    environment.add_filter("from_kv", from_kv);
    environment.add_filter("bytes", bytes);
    environment.add_filter("duration", duration);
}

/// The filter `int`: the whole part of a number, or the number that a text is.
fn int(value: &Value) -> Value {
    if value.is_integer() {
        return value.clone();
    }
    let text = value.as_str().map(str::trim);
    if let Some(whole) = text.and_then(|text| text.parse::<i128>().ok()) {
        return Value::from(whole);
    }
    match number(value).map(f64::trunc) {
        #[expect(clippy::cast_possible_truncation, reason = "the guard keeps it far inside of i128")]
        Some(whole) if whole.abs() < 1e30 => Value::from(whole as i128),
        _ => Value::UNDEFINED,
    }
}

/// The filter `float`.
fn float(value: &Value) -> Value {
    number(value).map_or(Value::UNDEFINED, Value::from)
}

/// A finite number, or the one that a text is.
fn number(value: &Value) -> Option<f64> {
    let number = match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None if value.is_number() => f64::try_from(value.clone()).ok(),
        None => None,
    };
    number.filter(|number: &f64| number.is_finite())
}

/// What the filter `regex` gives: of the first match the first group, or the whole of it where the pattern has none.
pub(in super::super) fn found(regex: &Regex, text: &str) -> Value {
    let found = regex.captures(text).and_then(|captures| captures.get(usize::from(captures.len() > 1)));
    found.map_or(Value::UNDEFINED, |found| Value::from(found.as_str()))
}

/// Compiles a pattern, or takes the one that was compiled last: a template has the same for every target.
fn latest(pattern: &str) -> Result<Regex, String> {
    static LATEST: Mutex<Option<Regex>> = Mutex::new(None);
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    match &*latest {
        Some(regex) if regex.as_str() == pattern => Ok(regex.clone()),
        _ => Ok(latest.insert(regex(pattern)?).clone()),
    }
}

/// A text that is to be taken apart. What it becomes may be many times as large.
fn text<'v>(state: &State<'_, '_>, value: &'v Value) -> Result<&'v str, Error> {
    let text = value.as_str().ok_or_else(|| invalid(NOT_A_TEXT))?;
    if text.len() > MAX_TEXT {
        return Err(invalid("the text is too long"));
    }
    state.consume_fuel(u64::try_from(text.len() / 8).unwrap_or(u64::MAX))?;
    Ok(text)
}

/// The filter `from_json`.
fn from_json(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    // serde_json reads 128 levels and no more.
    Ok(serde_json::from_str(text(state, value)?).unwrap_or(Value::UNDEFINED))
}

/// The filter `from_kv`: the lines `KEY=VALUE` as a mapping in their order, the last of a key's counting; as in
/// os-release, `#` begins a comment and a value may be quoted. With another separator only blanks are taken off.
fn from_kv(state: &State<'_, '_>, value: &Value, separator: Option<&str>) -> Result<Value, Error> {
    if separator == Some("") {
        return Err(invalid("the separator is empty"));
    }
    let mut pairs = serde_json::Map::new();
    for line in text(state, value)?.lines() {
        let Some((key, value)) = line.split_once(separator.unwrap_or("=")) else { continue };
        let (key, value) = (key.trim(), value.trim());
        let is_prose = separator.is_none() && (key.contains(char::is_whitespace) || key.starts_with('#'));
        if !key.is_empty() && !is_prose {
            let value = if separator.is_none() { unquoted(value) } else { value.to_owned() };
            pairs.insert(key.to_owned(), value.into());
        }
    }
    Ok(if pairs.is_empty() { Value::UNDEFINED } else { Value::from(Serde(&pairs)) })
}

/// Takes the quotes off a value of os-release. Source: os-release(5).
fn unquoted(value: &str) -> String {
    let inside = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(inside) = inside('\'') {
        return inside.to_owned();
    }
    let Some(inside) = inside('"') else { return value.to_owned() };
    let mut text = String::with_capacity(inside.len());
    let mut characters = inside.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = character == '\\' && matches!(characters.peek(), Some('"' | '$' | '`' | '\\'));
        text.extend(if escaped { characters.next() } else { Some(character) });
    }
    text
}

/// The filter `bytes`: `1.5G`, `512 kB`, `10MiB` or a bare number, in powers of 1024 as most tools print them.
fn bytes(value: &Value) -> Value {
    let bytes = match value.as_str() {
        Some(text) => size(text.trim()),
        None => number(value),
    };
    whole(bytes.map(f64::round))
}

fn size(text: &str) -> Option<f64> {
    let (number, unit) = amount(text)?;
    let unit = unit.trim_start().to_ascii_lowercase();
    if matches!(unit.as_str(), "" | "b" | "byte" | "bytes") {
        return Some(number);
    }
    let power = SIZES.find(unit.chars().next()?)? + 1;
    let fits = matches!(&unit[1..], "" | "b" | "i" | "ib");
    fits.then(|| number * 1024_f64.powi(i32::try_from(power).unwrap_or(0)))
}

/// The filter `duration`, in seconds: `90`, `1h30m`, `2d 3h`, `1min 30s`, `3.5 seconds`.
fn duration(value: &Value) -> Value {
    let seconds = match value.as_str() {
        Some(text) => seconds(text.trim()),
        None => number(value),
    };
    whole(seconds)
}

fn seconds(text: &str) -> Option<f64> {
    if let Some((number, "")) = amount(text) {
        return Some(number);
    }
    let (mut rest, mut sum) = (text, 0.0);
    // `uptime -p` puts commas between its parts.
    while let Some((number, after)) = amount(rest) {
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, factor) = SECONDS.into_iter().find(|(names, _)| names.contains(&unit))?;
        sum += number * factor;
        rest = after.trim_start_matches(',').trim_start();
        if rest.is_empty() {
            // Milliseconds and less leave what they cannot say in binary behind.
            return Some((sum * 1e6).round() / 1e6);
        }
    }
    None
}

/// The number that a text begins with (digits and a fraction, no sign), and the rest.
fn amount(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok().filter(|number: &f64| number.is_finite())?, rest))
}

/// A number without a fraction as a whole one; undefined where there is none, or it is negative.
fn whole(number: Option<f64>) -> Value {
    match number.filter(|number| number.is_finite() && *number >= 0.0) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the guard keeps it inside of what f64 says exactly"
        )]
        Some(number) if number.fract() == 0.0 && number < 9e15 => Value::from(number as i64),
        Some(number) => Value::from(number),
        None => Value::UNDEFINED,
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::ENVIRONMENT;

    /// What an expression gives for a text `x`; `None` where that is undefined.
    fn of(text: &str, expression: &str) -> Option<serde_json::Value> {
        let value = ENVIRONMENT.compile_expression(expression).unwrap().eval(context! { x => text }).unwrap();
        (!value.is_undefined()).then(|| serde_json::to_value(&value).unwrap())
    }

    #[test]
    fn numbers_are_read_or_undefined() {
        for (text, expression, expected) in [
            (" 42 ", "x | int", Some(json!(42))),
            ("4.9", "x | int", Some(json!(4))),
            ("1.5", "x | float", Some(json!(1.5))),
            ("", "4.9 | int", Some(json!(4))),
            ("x", "x | int", None),
            ("inf", "x | float", None),
            ("4", "[x] | int", None),
        ] {
            assert_eq!(of(text, expression), expected, "{text} {expression}");
        }
    }

    #[test]
    fn a_pattern_gives_its_first_group_or_the_whole_match() {
        for (expression, expected) in [
            ("x | regex('load average: ([0-9.]+)')", Some("0.42")),
            ("x | regex('[0-9]+ users?')", Some("2 users")),
            ("x | regex('up ((\\\\d+) days)')", Some("3 days")),
            ("x | regex('(?m)^second (.*)$')", Some("line")),
            ("x | regex('nothing')", None),
            ("x | regex('(nothing)|load')", None),
        ] {
            let text = "up 3 days, 2 users, load average: 0.42\nsecond line";
            assert_eq!(of(text, expression), expected.map(|text| json!(text)), "{expression}");
        }
    }

    #[test]
    fn json_is_read_or_undefined() {
        for (text, expected) in [
            (
                r#"{"b": [1, 2.5, null], "a": {"c": "x"}}"#,
                Some(json!({"b": [1, 2.5, null], "a": {"c": "x"}})),
            ),
            (" [] \n", Some(json!([]))),
            ("12", Some(json!(12))),
            ("", None),
            ("{", None),
            ("{} {}", None),
            ("1e999", None),
        ] {
            assert_eq!(of(text, "x | from_json"), expected, "{text}");
        }
        assert_eq!(of(r#"{"b": 1, "a": 2}"#, "x | from_json | list"), Some(json!(["b", "a"])));
        assert_eq!(of(&"[".repeat(100_000), "x | from_json"), None);
    }

    #[test]
    fn keys_and_values_are_read_as_in_os_release() {
        let text = "NAME=\"Debian \\\"GNU\\\"/Linux \\$1\"\nID=debian\n# A=1\n\nnot a pair\nit is x=1\nEMPTY=\nQ='a \\\" b'\r\nURL=http://x/?a=b\nID=later\n =1\nnet.ipv4.ip_forward = 1\nHALF=\"a\n";
        let expected = json!({
            "NAME": "Debian \"GNU\"/Linux $1", "ID": "later", "EMPTY": "", "Q": "a \\\" b", "URL": "http://x/?a=b",
            "net.ipv4.ip_forward": "1", "HALF": "\"a",
        });
        assert_eq!(of(text, "x | from_kv"), Some(expected));
        assert_eq!(of(text, "(x | from_kv | list)[:2]"), Some(json!(["NAME", "ID"])));
        let text = "Model name:   Intel: \"x\"\nCPU(s):4\n\nno pair\n";
        assert_eq!(
            of(text, "x | from_kv(':')"),
            Some(json!({ "Model name": "Intel: \"x\"", "CPU(s)": "4" }))
        );
        for (text, expression) in
            [("", "x | from_kv"), ("a b\n# c=d", "x | from_kv"), ("a=b", "x | from_kv(':')")]
        {
            assert_eq!(of(text, expression), None, "{text}");
        }
        assert!(
            ENVIRONMENT.compile_expression("x | from_kv('')").unwrap().eval(context! { x => "a" }).is_err()
        );
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, expected) in [
            ("4096", Some(4096)),
            ("1.5G", Some(1_610_612_736)),
            ("512 kB", Some(524_288)),
            (" 10MiB\n", Some(10_485_760)),
            ("1Ki", Some(1024)),
            ("0.1K", Some(102)),
            ("7 bytes", Some(7)),
            ("0B", Some(0)),
            ("2t", Some(2_199_023_255_552)),
            ("", None),
            ("G", None),
            ("-1", None),
            ("1,5G", None),
            ("1 parsec", None),
            ("1Mbit", None),
            ("1.2.3", None),
            (".", None),
            ("1µ", None),
        ] {
            assert_eq!(of(text, "x | bytes"), expected.map(|bytes: u64| json!(bytes)), "{text}");
        }
        assert_eq!(of("", "2048 | bytes"), Some(json!(2048)));
        assert_eq!(of("", "[1] | bytes"), None);
    }

    #[test]
    fn durations_are_seconds() {
        for (text, expected) in [
            ("90", Some(json!(90))),
            ("1.5", Some(json!(1.5))),
            ("30s", Some(json!(30))),
            ("1h30m", Some(json!(5400))),
            ("1h 30m", Some(json!(5400))),
            ("1s500ms", Some(json!(1.5))),
            ("1min 30s", Some(json!(90))),
            ("2d 3h", Some(json!(183_600))),
            ("1h 2min 3.5s", Some(json!(3723.5))),
            ("1min 30.123s\n", Some(json!(90.123))),
            ("850ms", Some(json!(0.85))),
            ("12us", Some(json!(0.000_012))),
            ("2 days, 3 hours, 4 minutes", Some(json!(183_840))),
            ("1month 1w", Some(json!(3_234_600))),
            ("1y", Some(json!(31_557_600))),
            ("", None),
            ("-5s", None),
            ("infinity", None),
            ("5 parsecs", None),
            ("s", None),
            ("5s x", None),
            ("1:02:03", None),
        ] {
            assert_eq!(of(text, "x | duration"), expected, "{text}");
        }
        assert_eq!(of("", "2 | duration"), Some(json!(2)));
    }

    #[test]
    fn what_they_make_is_bounded() {
        let text = format!("[{}0]", "0,".repeat(120_000));
        let of = |expression: &str| {
            ENVIRONMENT.compile_expression(expression).unwrap().eval(context! { x => &text })
        };
        assert!(of("x | from_json | length").is_ok());
        let many = ["x | from_json"; 40].join(", ");
        assert!(of(&format!("[{many}] | length")).is_err());
        assert!(of("x | replace('0', '00000000000') | from_json").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "[0-9a-zA-Zµ.,:=\"'\\\\{}\\[\\] \n-]{0,40}") {
            for filter in ["int", "float", "from_json", "from_kv", "from_kv(':')", "bytes", "duration", "regex('a(b)?')"] {
                of(&text, &format!("x | {filter}"));
            }
        }
    }
}
