//! How far a run may go before it has seen how what it started ended: batches, and the failures it allows.
//!
//! A batch's size counts targets on which something was started: the next one takes the place of one that turns out
//! not to be available. Failures are counted over the whole run.

use std::time::Duration;

use crate::{budget::RunTime, playbook::Portion};

/// How far a run has come.
#[derive(Debug)]
pub(super) struct Rollout {
    batches: Vec<Portion>,
    pause: Duration,
    max_failures: Option<Portion>,
    selected: usize,
    /// Which batch it is, from 0.
    batch: usize,
    /// Targets that may still be begun in it; `None`: any number.
    room: Option<usize>,
    /// When the batch may begin.
    begins: RunTime,
    failed: usize,
}

impl Rollout {
    pub(super) fn new(batches: Vec<Portion>, pause: Duration, max_failures: Option<Portion>) -> Self {
        Self {
            batches,
            pause,
            max_failures,
            selected: 0,
            batch: 0,
            room: None,
            begins: RunTime::START,
            failed: 0,
        }
    }

    /// Whether it must know how many targets are selected before any of them is begun.
    pub(super) fn needs_whole_listing(&self) -> bool {
        !self.batches.is_empty() || self.max_failures.is_some()
    }

    /// So many targets are selected.
    pub(super) fn selected(&mut self, targets: usize) {
        self.selected = targets;
        self.room = self.size(0);
    }

    /// How many targets a batch has; `None` without batches. Never 0, or nothing would ever end.
    fn size(&self, batch: usize) -> Option<usize> {
        let portion = self.batches.get(batch).or(self.batches.last())?;
        Some(portion.rounded_up(self.selected).max(1))
    }

    /// Whether one more target may be begun.
    pub(super) fn has_room(&self, now: RunTime) -> bool {
        self.room.is_none_or(|room| room > 0 && now >= self.begins)
    }

    /// When the batch that it has come to may begin.
    pub(super) fn begins(&self) -> RunTime {
        self.begins
    }

    /// A target is begun.
    pub(super) fn begin(&mut self) {
        if let Some(room) = &mut self.room {
            *room = room.saturating_sub(1);
        }
    }

    /// A target that was begun is over, and nothing was ever started on it: another takes its place.
    pub(super) fn give_back(&mut self) {
        if let Some(room) = &mut self.room {
            *room += 1;
        }
    }

    /// All that was begun is over. If the batch is full, says when the next one begins.
    pub(super) fn next_batch(&mut self, now: RunTime) -> Option<RunTime> {
        if self.room != Some(0) {
            return None;
        }
        self.batch += 1;
        self.room = self.size(self.batch);
        self.begins = now + self.pause;
        Some(self.begins)
    }

    /// Which of how many batches it has come to, from 1; `None` where there are not several.
    pub(super) fn batch(&self) -> Option<(usize, usize)> {
        let mut batches = 0;
        let mut left = self.selected;
        while left > 0 {
            left = left.saturating_sub(self.size(batches)?);
            batches += 1;
        }
        // The last one may have made room for a next one that nobody is left for.
        (batches > 1).then(|| ((self.batch + 1).min(batches), batches))
    }

    /// A target failed. Where that is one too many: how many did, and how many may.
    pub(super) fn failed(&mut self) -> Option<(usize, usize)> {
        self.failed += 1;
        let allowed = match self.max_failures {
            Some(portion) => portion.rounded_down(self.selected),
            // A canary is there to be watched.
            None if self.batch == 0 && self.size(0).is_some_and(|size| size < self.selected) => 0,
            None => return None,
        };
        (self.failed > allowed).then_some((self.failed, allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rollout(batches: &[&str], max_failures: Option<&str>, selected: usize) -> Rollout {
        let portion = |text: &&str| text.parse().unwrap();
        let max_failures = max_failures.as_ref().map(portion);
        let mut rollout =
            Rollout::new(batches.iter().map(portion).collect(), Duration::from_secs(5), max_failures);
        rollout.selected(selected);
        rollout
    }

    fn take(rollout: &mut Rollout, now: RunTime) -> usize {
        let mut taken = 0;
        while rollout.has_room(now) && taken < 1000 {
            rollout.begin();
            taken += 1;
        }
        taken
    }

    #[test]
    fn batches_grow_and_the_last_size_repeats() {
        let mut rollout = rollout(&["1", "10%", "50%"], None, 15);
        let mut now = RunTime::START;
        let mut sizes = Vec::new();
        for _ in 0..4 {
            sizes.push(take(&mut rollout, now));
            let begins = rollout.next_batch(now).unwrap();
            assert_eq!(begins, now + Duration::from_secs(5));
            assert!(!rollout.has_room(now));
            now = begins;
        }
        assert_eq!(sizes, [1, 2, 8, 8]);
    }

    #[test]
    fn batches_are_counted_from_one_and_a_single_one_is_none() {
        let mut four = rollout(&["1", "10%", "50%"], None, 11);
        let mut now = RunTime::START;
        for batch in 1..=4 {
            assert_eq!(four.batch(), Some((batch, 4)));
            take(&mut four, now);
            now = four.next_batch(now).unwrap();
        }
        assert_eq!(four.batch(), Some((4, 4)));
        for (batches, selected) in [(&["100%"][..], 10), (&[], 10), (&["1"], 1), (&["1"], 0)] {
            assert_eq!(rollout(batches, None, selected).batch(), None, "{batches:?} of {selected}");
        }
    }

    #[test]
    fn an_unavailable_target_gives_its_place_to_the_next() {
        let mut rollout = rollout(&["2"], None, 10);
        assert_eq!(take(&mut rollout, RunTime::START), 2);
        rollout.give_back();
        assert_eq!(rollout.next_batch(RunTime::START), None);
        assert_eq!(take(&mut rollout, RunTime::START), 1);
        assert!(rollout.next_batch(RunTime::START).is_some());
    }

    #[test]
    fn a_canary_may_not_fail_and_later_batches_may() {
        let mut canary = rollout(&["1", "100%"], None, 10);
        assert_eq!(canary.failed(), Some((1, 0)));
        let mut later = rollout(&["1", "100%"], None, 10);
        take(&mut later, RunTime::START);
        later.next_batch(RunTime::START);
        assert_eq!(later.failed(), None);
        // One batch of all is no canary.
        assert_eq!(rollout(&["100%"], None, 10).failed(), None);
        assert_eq!(rollout(&[], None, 10).failed(), None);
    }

    #[test]
    fn failures_are_counted_over_the_whole_run_and_a_percentage_is_rounded_down() {
        for (allowed, selected, expected) in [("2", 10, 3), ("0", 10, 1), ("25%", 11, 3), ("5%", 19, 1)] {
            let mut rollout = rollout(&[], Some(allowed), selected);
            let stops = (1..100).find(|_| rollout.failed().is_some());
            assert_eq!(stops, Some(expected), "{allowed} of {selected}");
        }
    }

    #[test]
    fn without_batches_there_is_always_room() {
        let mut rollout = rollout(&[], None, 10);
        assert_eq!(take(&mut rollout, RunTime::START), 1000);
        assert_eq!(rollout.next_batch(RunTime::START), None);
    }
}
