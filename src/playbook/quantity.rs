//! Durations, rates and counts, as people write them: `90s`, `1h30m`, `300/1m`, `100`.
//!
//! Every reader here refuses what it cannot take with a message that names the accepted forms and the range,
//! so that a playbook and a flag say the same. What a quantity is used for is decided elsewhere.

use std::{fmt, ops::RangeInclusive, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// The shortest and the longest duration that can be written: a millisecond and thirty days.
const DURATIONS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(720);

/// How many requests a [`Rate`] may allow.
const RATE_REQUESTS: RangeInclusive<u32> = 1..=1_000_000;

/// Over what time a [`Rate`] may count: a millisecond to a day.
const RATE_WINDOWS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);

/// How many targets may be worked on at a time.
pub const CONCURRENCY: RangeInclusive<u32> = 1..=10_000;

/// What a duration looks like, for messages.
const DURATION_FORMS: &str = "write `30s`, `5m` or `1h30m` (units: d, h, m, s, ms)";

/// What a rate looks like, for messages.
const RATE_FORMS: &str = "write `300/1m`: at most 300 requests in any minute";

/// `300/1m`: at most 300 requests in any minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests.
    pub requests: u32,
    /// In any span of this length.
    pub window: Duration,
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.requests, format_duration(self.window))
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        parse_rate(text)
    }
}

/// A quantity that cannot be read; the text says why and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QuantityError(pub String);

/// The units of a duration with their milliseconds, largest first: the order in which they must be written.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Reads `30s`, `5m`, `1h30m` or `1h 30m`: whole numbers, each with a unit, the larger units first.
///
/// # Errors
/// Anything else, and what is not between a millisecond and thirty days.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let written = text.trim();
    let refuse = |why: &str| Err(QuantityError(format!("{why}; {DURATION_FORMS}")));
    if written.is_empty() {
        return refuse("a duration is missing");
    }
    if written.starts_with('-') {
        return refuse("a duration cannot be negative");
    }
    if written.bytes().all(|byte| byte.is_ascii_digit()) {
        let example = if written.len() <= 6 && !written.starts_with('0') { written } else { "30" };
        return Err(QuantityError(format!(
            "`{}` has no unit; write `{example}s` for seconds, or `5m`, `1h30m` (units: d, h, m, s, ms)",
            shortened(written)
        )));
    }
    let mut milliseconds: u64 = 0;
    let mut units = UNITS.iter();
    let mut rest = written;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        // The iterator only moves forward, so a unit out of order, or written twice, is not found.
        let Some((_, factor)) = (digits > 0).then(|| units.find(|(name, _)| *name == unit)).flatten() else {
            return refuse(&format!("`{}` is not a duration", shortened(written)));
        };
        // What does not fit is longer than the longest duration anyway.
        let part = number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(*factor);
        milliseconds = milliseconds.saturating_add(part);
        rest = after.trim_start();
    }
    in_range(Duration::from_millis(milliseconds), &DURATIONS, written, DURATION_FORMS)
}

/// Reads `300/1m`.
///
/// # Errors
/// Anything else, and what is out of range (1 to 1,000,000 requests, a millisecond to a day).
pub fn parse_rate(text: &str) -> Result<Rate, QuantityError> {
    let written = text.trim();
    let refuse = |why: String| Err(QuantityError(format!("{why}; {RATE_FORMS}")));
    let Some((requests, window)) = written.split_once('/') else {
        return refuse(format!("`{}` is not a rate", shortened(written)));
    };
    let (requests, window) = (requests.trim(), window.trim());
    if requests.is_empty() || !requests.bytes().all(|byte| byte.is_ascii_digit()) {
        return refuse(format!("`{}` is not a number of requests", shortened(requests)));
    }
    let requests = match requests.parse::<u32>() {
        Ok(number) if RATE_REQUESTS.contains(&number) => number,
        _ => {
            return Err(QuantityError(format!(
                "{} requests is out of range: {} to {}; {RATE_FORMS}",
                shortened(requests),
                RATE_REQUESTS.start(),
                RATE_REQUESTS.end()
            )));
        }
    };
    if UNITS.iter().any(|(unit, _)| *unit == window) {
        return refuse(format!("the time in `{}` has no number", shortened(written)));
    }
    let duration =
        parse_duration(window).map_err(|QuantityError(why)| QuantityError(format!("in a rate, {why}")))?;
    Ok(Rate { requests, window: in_range(duration, &RATE_WINDOWS, window, RATE_FORMS)? })
}

/// Reads how many targets may be worked on at a time.
///
/// # Errors
/// What is not a whole number in [`CONCURRENCY`].
pub fn parse_concurrency(text: &str) -> Result<u32, QuantityError> {
    match text.trim().parse::<u32>() {
        Ok(number) if CONCURRENCY.contains(&number) => Ok(number),
        _ => Err(QuantityError(format!(
            "`{}` is not a whole number from {} to {}",
            shortened(text.trim()),
            CONCURRENCY.start(),
            CONCURRENCY.end()
        ))),
    }
}

/// Writes a duration as [`parse_duration`] reads it, down to the millisecond: `1h30m`.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut parts = Vec::new();
    for (unit, factor) in UNITS {
        if rest >= factor {
            parts.push(format!("{}{unit}", rest / factor));
            rest %= factor;
        }
    }
    parts.concat()
}

fn in_range(
    duration: Duration,
    range: &RangeInclusive<Duration>,
    written: &str,
    forms: &str,
) -> Result<Duration, QuantityError> {
    if range.contains(&duration) {
        return Ok(duration);
    }
    Err(QuantityError(format!(
        "`{}` is out of range: {} to {}; {forms}",
        shortened(written),
        format_duration(*range.start()),
        format_duration(*range.end())
    )))
}

/// A piece of what was written, short enough for a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read_in_the_forms_the_messages_name() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            (" 1d ", 86_400),
            ("30d", 2_592_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("1s500ms"), Ok(Duration::from_millis(1500)));
    }

    #[test]
    fn pb11_a_duration_that_is_none_is_refused_with_the_accepted_forms() {
        for text in ["", "-5s", "1e99", "5 parsecs", "s", "5", "1.5h", "30m1h", "1m1m", "5M", "½h", "5s,"] {
            let QuantityError(message) = parse_duration(text).unwrap_err();
            assert!(
                message.contains("`5m`") && message.contains("units: d, h, m, s, ms"),
                "{text}: {message}"
            );
        }
        for text in ["0s", "0h0m", "31d", "99999999999999999999999d", "18446744073709551615ms"] {
            let QuantityError(message) = parse_duration(text).unwrap_err();
            assert!(message.contains("out of range: 1ms to 30d"), "{text}: {message}");
        }
    }

    #[test]
    fn a_bare_number_is_refused_with_the_seconds_it_might_mean() {
        let QuantityError(message) = parse_duration("90").unwrap_err();
        assert!(message.contains("write `90s`"), "{message}");
    }

    #[test]
    fn rates_are_read_and_their_mistakes_name_the_form_or_the_range() {
        assert_eq!(parse_rate("300/1m"), Ok(Rate { requests: 300, window: Duration::from_mins(1) }));
        assert_eq!(parse_rate(" 5 / 1s "), Ok(Rate { requests: 5, window: Duration::from_secs(1) }));
        for text in ["", "300", "/1m", "300/", "300/m", "x/1m", "-3/1m", "1.5/1m", "300/1m/2"] {
            let QuantityError(message) = parse_rate(text).unwrap_err();
            assert!(message.contains("write"), "{text}: {message}");
        }
    }

    #[test]
    fn c6_numbers_out_of_range_are_refused_with_the_range() {
        for text in ["0/1m", "1000000000000/1m", "99999999999999999999/1m"] {
            let QuantityError(message) = parse_rate(text).unwrap_err();
            assert!(message.contains("1 to 1000000"), "{text}: {message}");
        }
        for text in ["1/0s", "1/2d"] {
            let QuantityError(message) = parse_rate(text).unwrap_err();
            assert!(message.contains("out of range: 1ms to"), "{text}: {message}");
        }
        for text in ["0", "10001", "1000000000000", "-1", "x", ""] {
            let QuantityError(message) = parse_concurrency(text).unwrap_err();
            assert!(message.contains("1 to 10000"), "{text}: {message}");
        }
        assert_eq!(parse_concurrency("10000"), Ok(10_000));
    }

    proptest! {
        #[test]
        fn a_duration_is_read_back_as_written(milliseconds in 1_u64..=30 * 86_400_000) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn a_rate_is_read_back_as_written(requests in 1_u32..=1_000_000, milliseconds in 1_u64..=86_400_000) {
            let rate = Rate { requests, window: Duration::from_millis(milliseconds) };
            prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }

        #[test]
        fn no_text_makes_a_reader_panic(text in ".{0,40}") {
            let _ = (parse_duration(&text), parse_rate(&text), parse_concurrency(&text));
        }
    }
}
