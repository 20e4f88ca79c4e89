//! What the headers of an answer say about the budget.
//!
//! No header is promised (HostUp docs, errors pages: only with a 429), and what stands in front of the API may add
//! its own. So each is read in every form in use, and a malformed one counts as missing.

use std::time::Duration;

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::{rfc2822::DateTimeParser, strtime},
    tz::TimeZone,
};
use reqwest::{
    StatusCode,
    header::{DATE, HeaderMap, RETRY_AFTER},
};

use crate::budget::{Reset, RetryAfter, ServerTime, Signals};

/// RFC 9110 §5.6.7: the preferred form is that of e-mail. Servers are known to get the day's name wrong.
const HTTP_DATE: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// RFC 9110 §5.6.7: the obsolete forms, which must be read too.
const OBSOLETE_DATES: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// Below: seconds to go. From here on: seconds since 1970 (this is in 2001).
const EPOCH_SECONDS_FROM: f64 = 1e9;

/// From here on: milliseconds since 1970 (this is in 1973).
const EPOCH_MILLISECONDS_FROM: f64 = 1e11;

/// From here on nothing sensible: as milliseconds it is in the year 5138.
const NO_TIME_FROM: f64 = 1e14;

/// From here on no number of requests, and so near the end of its type that nothing could be added to it.
const NO_COUNT_FROM: u64 = 1 << 53;

/// Reads the headers of one answer.
pub(super) fn signals(status: StatusCode, headers: &HeaderMap) -> Signals {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    Signals {
        throttled: status == StatusCode::TOO_MANY_REQUESTS,
        retry_after: text(RETRY_AFTER.as_str()).and_then(retry_after),
        limit: text("x-ratelimit-limit").and_then(count),
        remaining: text("x-ratelimit-remaining").and_then(count),
        reset: text("x-ratelimit-reset").and_then(reset),
        date: text(DATE.as_str()).and_then(http_date),
    }
}

fn retry_after(text: &str) -> Option<RetryAfter> {
    match decimal(text) {
        Some(seconds) => {
            let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
            Some(RetryAfter::In(wait))
        }
        None => http_date(text).map(RetryAfter::At),
    }
}

fn reset(text: &str) -> Option<Reset> {
    let Some(number) = decimal(text) else {
        return iso_time(text).or_else(|| http_date(text)).map(Reset::At);
    };
    let seconds = |number| Duration::try_from_secs_f64(number).ok();
    if number < EPOCH_SECONDS_FROM {
        seconds(number).map(Reset::In)
    } else if number < EPOCH_MILLISECONDS_FROM {
        seconds(number).map(|since| Reset::At(ServerTime(since)))
    } else if number < NO_TIME_FROM {
        seconds(number / 1e3).map(|since| Reset::At(ServerTime(since)))
    } else {
        None
    }
}

/// A whole number; of `300, 300;window=60` (a form of older drafts of the RateLimit headers) the first.
fn count(text: &str) -> Option<u64> {
    let number = text.split([',', ';']).next().unwrap_or_default().trim_end();
    let plain = number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|&count| plain && count < NO_COUNT_FROM)
}

/// Digits, perhaps with a point among them: no sign, no exponent, no `inf`.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}

fn http_date(text: &str) -> Option<ServerTime> {
    if let Ok(time) = HTTP_DATE.parse_timestamp(text) {
        return server_time(time);
    }
    OBSOLETE_DATES
        .iter()
        .find_map(|form| strtime::parse(form, text).and_then(|parsed| parsed.to_datetime()).ok())
        .and_then(in_utc)
}

/// An ISO time (HostUp docs, errors pages). One without a zone is taken for UTC.
fn iso_time(text: &str) -> Option<ServerTime> {
    match text.parse::<Timestamp>() {
        Ok(time) => server_time(time),
        Err(_) => text.parse().ok().and_then(in_utc),
    }
}

fn in_utc(time: DateTime) -> Option<ServerTime> {
    server_time(TimeZone::UTC.to_timestamp(time).ok()?)
}

/// Times before 1970 are nobody's clock.
fn server_time(time: Timestamp) -> Option<ServerTime> {
    Duration::try_from(time.as_duration()).ok().map(ServerTime)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    /// 1994-11-06T08:49:37Z, the date of RFC 9110's examples.
    const EXAMPLE: Duration = Duration::from_secs(784_111_777);

    fn read(name: &'static str, value: &str) -> Signals {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        signals(StatusCode::OK, &headers)
    }

    #[test]
    fn no_header_is_needed() {
        assert_eq!(signals(StatusCode::OK, &HeaderMap::new()), Signals::default());
        assert!(signals(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new()).throttled);
    }

    #[test]
    fn r1_retry_after_in_seconds_or_as_a_date() {
        let wait = |seconds| Some(RetryAfter::In(Duration::from_secs_f64(seconds)));
        for (text, expected) in [
            ("2", wait(2.0)),
            (" 120 ", wait(120.0)),
            ("1.5", wait(1.5)),
            ("0", wait(0.0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(RetryAfter::At(ServerTime(EXAMPLE)))),
            ("Mon, 06 Nov 1994 08:49:37 GMT", Some(RetryAfter::At(ServerTime(EXAMPLE)))),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(RetryAfter::At(ServerTime(EXAMPLE)))),
            ("Sun Nov  6 08:49:37 1994", Some(RetryAfter::At(ServerTime(EXAMPLE)))),
        ] {
            assert_eq!(read("retry-after", text).retry_after, expected, "{text}");
        }
    }

    #[test]
    fn r2_a_malformed_retry_after_counts_as_missing() {
        for text in ["-1", "soon", "", "1e3", "inf", "nan", "+2", "1.2.3", ".", "2s", "Sun, 99 Nov", "å"] {
            assert_eq!(read("retry-after", text).retry_after, None, "{text}");
        }
    }

    #[test]
    fn r7_an_absurd_retry_after_is_as_long_as_can_be() {
        for text in ["99999999999999999999", &"9".repeat(400)] {
            assert_eq!(read("retry-after", text).retry_after, Some(RetryAfter::In(Duration::MAX)), "{text}");
        }
    }

    #[test]
    fn counts_are_whole_numbers() {
        for (text, expected) in [
            ("300", Some(300)),
            ("0", Some(0)),
            ("300, 300;window=60", Some(300)),
            ("-1", None),
            ("many", None),
            ("", None),
            ("9007199254740991", Some((1 << 53) - 1)),
            ("18446744073709551615", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(read("x-ratelimit-remaining", text).remaining, expected, "{text}");
            assert_eq!(read("x-ratelimit-limit", text).limit, expected, "{text}");
        }
    }

    #[test]
    fn a_reset_is_a_time_an_epoch_or_seconds_to_go() {
        let at = |since| Some(Reset::At(ServerTime(since)));
        for (text, expected) in [
            ("1994-11-06T08:49:37Z", at(EXAMPLE)),
            ("1994-11-06T09:49:37.5+01:00", at(EXAMPLE + Duration::from_millis(500))),
            ("1994-11-06T08:49:37", at(EXAMPLE)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", at(EXAMPLE)),
            ("1764000000", at(Duration::from_hours(490_000))),
            ("1764000000250", at(Duration::from_millis(1_764_000_000_250))),
            ("30", Some(Reset::In(Duration::from_secs(30)))),
            ("0", Some(Reset::In(Duration::ZERO))),
            ("99999999999999999999", None),
            ("1930-01-01T00:00:00Z", None),
            ("-5", None),
            ("later", None),
        ] {
            assert_eq!(read("x-ratelimit-reset", text).reset, expected, "{text}");
        }
    }

    #[test]
    fn the_servers_clock_is_its_date_header() {
        let date = read("date", "Sun, 06 Nov 1994 08:49:37 GMT").date;
        assert_eq!(date, Some(ServerTime(EXAMPLE)));
        assert_eq!(read("date", "yesterday").date, None);
    }

    proptest! {
        #[test]
        fn no_header_value_is_an_error(value in "\\PC{0,40}") {
            for name in ["retry-after", "x-ratelimit-limit", "x-ratelimit-reset", "date"] {
                let _ = read(name, &value);
            }
        }
    }
}
