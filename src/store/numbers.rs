//! SQLite's integers have a sign; counts and spans have none.

use std::time::Duration;

/// A count as it is stored. What does not fit is the most that does.
pub(super) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A count that was stored.
pub(super) fn count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

/// A span as it is stored: in nanoseconds, at most 292 years.
pub(super) fn stored_span(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// A span that was stored.
pub(super) fn span(stored: i64) -> Duration {
    Duration::from_nanos(count(stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_comes_back_and_what_does_not_is_as_large_as_can_be() {
        for number in [0, 1, 300, i64::MAX.unsigned_abs()] {
            assert_eq!(count(stored(number)), number);
        }
        assert_eq!(stored(u64::MAX), i64::MAX);
        let odd = Duration::new(5, 123_456_789);
        assert_eq!(span(stored_span(odd)), odd);
        assert_eq!(stored_span(Duration::MAX), i64::MAX);
        assert_eq!(count(-1), 0);
    }
}
