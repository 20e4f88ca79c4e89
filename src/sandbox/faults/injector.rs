//! The rules at work: which of them a request meets.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use globset::GlobMatcher;

use super::{Faults, Rule, When};
use crate::sandbox::{draw::Draw, request::Operation};

/// The rules at work: what each has counted so far.
pub(in crate::sandbox) struct Injector {
    rules: Vec<(Rule, Mutex<Tallies>)>,
    draw: Draw,
}

/// What a rule has counted, by server where it counts so.
type Tallies = HashMap<Option<usize>, Tally>;

#[derive(Default)]
struct Tally {
    seen: u64,
    fired: u64,
}

impl Injector {
    /// Sets rules to work with nothing counted.
    pub(in crate::sandbox) fn new(faults: Faults, seed: u64) -> Self {
        let rules = faults.rules.into_iter().map(|rule| (rule, Mutex::default())).collect();
        Self { rules, draw: Draw::new(seed).named("faults") }
    }

    /// Counts a request and finds the rule that fires for it. `names` are the VPS's name and id, asked for only
    /// where a rule needs them.
    pub(in crate::sandbox) fn meet(
        &self,
        operation: Operation,
        vps: Option<usize>,
        names: impl Fn() -> Option<[String; 2]>,
    ) -> Option<&Rule> {
        let mut first = None;
        for (number, (rule, tallies)) in (0..).zip(&self.rules) {
            let here = rule.on.is_empty() || rule.on.contains(&operation);
            let matches = |glob: &GlobMatcher| {
                names().is_some_and(|names| names.iter().any(|name| glob.is_match(name)))
            };
            if !here || !rule.target.as_ref().is_none_or(matches) {
                continue;
            }
            let key = vps.filter(|_| rule.per_target);
            let mut tallies = tallies.lock().unwrap_or_else(PoisonError::into_inner);
            let tally = tallies.entry(key).or_default();
            tally.seen += 1;
            let draw = self.draw.at(number).at(key.map_or(0, |vps| vps as u64 + 1)).at(tally.seen);
            let due = match &rule.when {
                When::Always => true,
                When::Every(every) => tally.seen.is_multiple_of(*every),
                When::Nth(nth) => nth.contains(&tally.seen),
                When::Percent(percent) => draw.unit() * 100.0 < *percent,
            };
            if due && first.is_none() && rule.times.is_none_or(|times| tally.fired < times) {
                tally.fired += 1;
                first = Some(rule);
            }
        }
        first
    }
}
