//! Named places at which a test has this process die, or a call of it panic. In release builds they are nothing.
//!
//! `ROLLCALL_FAILPOINT=after_intent:3` kills the process when the place `after_intent` is passed for the third time, by the
//! signal that nothing can catch: as a crash or a power cut would. `panic_in_call:N` is a defect in the N-th call.

use std::{
    env,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// The variable that names one.
const VARIABLE: &str = "ROLLCALL_FAILPOINT";

/// Dies here, if this is where that is wanted and it has been passed often enough.
pub(crate) fn pass(name: &str) {
    if cfg!(debug_assertions) && is_due(name) {
        // Nobody is left to say that it went wrong.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Panics here, on the same terms.
///
/// # Panics
/// That is what it is for.
pub(crate) fn panic(name: &str) {
    assert!(!cfg!(debug_assertions) || !is_due(name), "the failpoint {name} was reached");
}

fn is_due(name: &str) -> bool {
    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| {
        let value = env::var(VARIABLE).ok()?;
        let (name, number) = value.split_once(':')?;
        Some((name.to_owned(), number.parse().ok()?))
    });
    wanted
        .as_ref()
        .is_some_and(|(wanted, number)| wanted == name && PASSED.fetch_add(1, Relaxed) + 1 == *number)
}
