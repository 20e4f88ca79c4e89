//! Numbers and lengths of time, for people.

use std::time::Duration;

/// A measured length of time: `412 ms`, `10.2 s`, `3 min 05 s`.
pub(crate) fn took(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else if seconds < 99.95 {
        format!("{seconds:.1} s")
    } else {
        let seconds = duration.as_secs() + u64::from(duration.subsec_millis() >= 500);
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
            (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
        }
    }
}

/// A length of time that somebody chose, as a limit's window: `5 s`, `1 min`, `24 h`.
pub(crate) fn window(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    match milliseconds {
        _ if milliseconds == 0 || !milliseconds.is_multiple_of(1000) => format!("{milliseconds} ms"),
        _ if milliseconds.is_multiple_of(3_600_000) => format!("{} h", milliseconds / 3_600_000),
        _ if milliseconds.is_multiple_of(60_000) => format!("{} min", milliseconds / 60_000),
        _ => format!("{} s", milliseconds / 1000),
    }
}

/// A wait that is still ahead, in whole seconds, never shorter than it is: `3 s`, `2 min 10 s`.
pub(crate) fn ahead(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    if seconds < 100 { format!("{seconds} s") } else { took(Duration::from_secs(seconds)) }
}

/// A number with its thousands set apart: `10,042`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A number and its noun: `1 target`, `200 targets`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number as u64))
}

/// A share of the whole, 0 to 1, in per cent: `99.5 %`.
///
/// Only the whole is `100 %`: one missing target among thousands is not rounded away.
pub(crate) fn percent(share: f64) -> String {
    if share >= 1.0 { "100 %".to_owned() } else { format!("{:.1} %", (share * 100.0).min(99.9)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_measured_time_is_as_fine_as_it_is_short() {
        let shown = [0, 412, 1000, 10_240, 99_949, 99_950, 185_400, 7_500_000].map(|time| took(of(time)));
        let expected =
            ["0 ms", "412 ms", "1.0 s", "10.2 s", "99.9 s", "1 min 40 s", "3 min 05 s", "2 h 05 min"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_chosen_time_is_shown_in_the_unit_it_was_chosen_in() {
        let shown = [0, 250, 5000, 90_000, 60_000, 3_600_000].map(|time| window(of(time)));
        assert_eq!(shown, ["0 ms", "250 ms", "5 s", "90 s", "1 min", "1 h"]);
    }

    #[test]
    fn a_wait_is_never_said_to_be_shorter_than_it_is() {
        assert_eq!([1, 2000, 2001, 130_000].map(|time| ahead(of(time))), ["1 s", "2 s", "3 s", "2 min 10 s"]);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1003, 1_234_567].map(count), ["0", "999", "1,003", "1,234,567"]);
        assert_eq!((counted(1, "target"), counted(0, "target")), ("1 target".into(), "0 targets".into()));
    }

    #[test]
    fn only_the_whole_is_a_hundred_per_cent() {
        assert_eq!([1.0, 0.99999, 0.995, 0.0].map(percent), ["100 %", "99.9 %", "99.5 %", "0.0 %"]);
    }
}
