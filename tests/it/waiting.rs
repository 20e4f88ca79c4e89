//! Waiting for what another process does: look again until it is there, or a deadline has passed.

use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// Gives what `look` finds, looking again until it does.
#[expect(clippy::disallowed_methods, reason = "other processes are watched here, on the machine's own clock")]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
