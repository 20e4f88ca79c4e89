//! How long to wait before a failed call is made again.

use std::time::Duration;

use rand::{Rng, RngExt};

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// Full jitter over a doubling span: after the `failures`-th failure in a row (from 1), 1 s to 60 s.
///
/// Jitter keeps many clients that failed together from coming back together.
pub(super) fn backoff(failures: u32, random: &mut impl Rng) -> Duration {
    let longest = SHORTEST.saturating_mul(1 << failures.clamp(1, 10)).min(LONGEST);
    Duration::from_secs_f64(random.random_range(SHORTEST.as_secs_f64()..=longest.as_secs_f64()))
}
