//! How long commands take: what a run found out, and what the next run of the same playbook begins with.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

/// Run times by what a start carries; of each, a sample.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunTimes(BTreeMap<Carried, Vec<Duration>>);

/// The steps that one start carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Carried {
    /// The first of them, from 0.
    pub first: usize,
    /// How many commands: those of steps that are not for this target are not counted. A step alone is 1.
    pub steps: usize,
}

impl RunTimes {
    /// Run times of one start kept: enough for its 95th percentile.
    pub const SAMPLE: usize = 64;

    /// Those of starts that carry these steps, ascending; empty where none is known.
    pub fn of(&self, carried: Carried) -> &[Duration] {
        self.0.get(&carried).map_or(&[], Vec::as_slice)
    }

    /// Takes these run times of starts that carry these steps. Of more than [`Self::SAMPLE`], evenly spaced ones are
    /// kept, the shortest and the longest among them.
    pub fn insert(&mut self, carried: Carried, mut times: Vec<Duration>) {
        times.sort_unstable();
        if times.len() > Self::SAMPLE {
            let last = times.len() - 1;
            times = (0..Self::SAMPLE).map(|place| times[place * last / (Self::SAMPLE - 1)]).collect();
        }
        if !times.is_empty() {
            self.0.insert(carried, times);
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Carried, &[Duration])> {
        self.0.iter().map(|(&carried, times)| (carried, times.as_slice()))
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_the_shortest_and_the_longest_are_kept() {
        let mut times = RunTimes::default();
        let carried = Carried { first: 0, steps: 1 };
        times.insert(carried, (0..=1000).rev().map(Duration::from_millis).collect());
        let kept = times.of(carried);
        assert_eq!(kept.len(), RunTimes::SAMPLE);
        assert_eq!((kept[0], kept[63]), (Duration::ZERO, Duration::from_secs(1)));
        assert!(kept.is_sorted());
        assert!(times.of(Carried { first: 0, steps: 2 }).is_empty());
    }
}
