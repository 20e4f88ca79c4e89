//! What came of many rounds, added up.

use std::collections::BTreeMap;

/// What came of some rounds.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) rounds: u64,
    pub(crate) kills: u64,
    pub(crate) resumes: u64,
    /// Kills by where they happened.
    pub(crate) by_place: BTreeMap<&'static str, u64>,
    pub(crate) targets: u64,
    /// Starts that the API accepted.
    pub(crate) posts: u64,
    /// Tasks that may have had a start: each step or bundle on each server that was begun.
    pub(crate) tasks: u64,
    /// Targets that ended `unknown`, by reason.
    pub(crate) unknown: BTreeMap<String, u64>,
    /// Starts that were accepted more often than they may be.
    pub(crate) twice: u64,
    pub(crate) contradictions: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.kills += other.kills;
        self.resumes += other.resumes;
        self.targets += other.targets;
        self.posts += other.posts;
        self.tasks += other.tasks;
        self.twice += other.twice;
        for (place, kills) in other.by_place {
            *self.by_place.entry(place).or_default() += kills;
        }
        for (reason, targets) in other.unknown {
            *self.unknown.entry(reason).or_default() += targets;
        }
        self.contradictions.extend(other.contradictions);
    }

    pub(crate) fn is_clean(&self) -> bool {
        self.twice == 0 && self.contradictions.is_empty()
    }
}
