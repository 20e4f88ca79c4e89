//! How many polls are due before a time: what a window must still hold for them.

use std::collections::BTreeSet;

use crate::budget::RunTime;

/// The times at which commands are polled next.
#[derive(Debug, Default)]
pub(super) struct ExpectedPolls {
    due: BTreeSet<(RunTime, usize)>,
    /// Counted up to here, for the same time is asked for again and again.
    until: RunTime,
    before: usize,
}

impl ExpectedPolls {
    /// The target's command is polled at `at`, and not at `instead_of`.
    pub(super) fn expect(&mut self, target: usize, instead_of: Option<RunTime>, at: RunTime) {
        self.forget(target, instead_of);
        if self.due.insert((at, target)) {
            self.before += usize::from(at < self.until);
        }
    }

    /// The target's command is not polled at `at`.
    pub(super) fn forget(&mut self, target: usize, at: Option<RunTime>) {
        if let Some(at) = at
            && self.due.remove(&(at, target))
        {
            self.before -= usize::from(at < self.until);
        }
    }

    /// How many are due before `until`.
    pub(super) fn before(&mut self, until: RunTime) -> usize {
        if until != self.until {
            self.until = until;
            self.before = self.due.range(..(until, 0)).count();
        }
        self.before
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_count_is_that_of_all_that_are_expected(
            events in prop::collection::vec((0_usize..5, prop::option::of(0_u64..20), 0_u64..20), 1..100),
        ) {
            let at = |seconds| RunTime::from_start(Duration::from_secs(seconds));
            let mut expected = ExpectedPolls::default();
            let mut times: [Option<RunTime>; 5] = [None; 5];
            for (target, next, until) in events {
                match next.map(at) {
                    Some(next) => expected.expect(target, times[target], next),
                    None => expected.forget(target, times[target]),
                }
                times[target] = next.map(at);
                let counted = times.iter().flatten().filter(|&&time| time < at(until)).count();
                prop_assert_eq!(expected.before(at(until)), counted);
            }
        }
    }
}
