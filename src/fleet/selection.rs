//! Which VPSes a selection picks.
//!
//! Rules are judged one VPS at a time, as the listing brings them. What concerns the selection as a whole (a name
//! that two share, a field that none has) is known at the end of a complete listing: [`Selector::finish`].

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use serde_json::{Map, Value};

use super::{SelectionError, UnknownField, Vps, VpsId, field, wanted::Wanted};
use crate::playbook::{Context, Expression, FieldRule, Judgement, TargetRules, Vars, documented, nearest};

/// Everything that picks targets: the playbook's rules and those of flags, all of which must agree.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Rule sets, all of which must pick a VPS. Without any that pick: all active, running ones.
    pub rules: Vec<TargetRules>,
    /// `--target NAME|ID|IP`: each must name exactly one VPS.
    pub named: Vec<String>,
    /// `--targets FILE`: ids or names, all of which must exist.
    pub listed: Option<Vec<String>>,
    /// `--sample N`: this many of the selected, drawn with the run's seed.
    pub sample: Option<usize>,
    /// `--expect N`: another count is an error.
    pub expect: Option<usize>,
}

/// How a selection divided the listing. The five ways add up to `listed`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Different VPSes seen.
    pub listed: usize,
    /// Picked.
    pub selected: usize,
    /// Left out because nothing was asked for but what is active and running.
    pub not_running: usize,
    /// Left out by `exclude`.
    pub excluded: usize,
    /// Left out because not named, or because `match` or `where` does not hold.
    pub not_matching: usize,
    /// Left out because a field that `where` compares is missing or of another type.
    pub not_evaluable: usize,
    /// Of how many of all VPSes each field that `match` or `where` reads is null or missing; only those that
    /// any lacks.
    pub lacking: BTreeMap<String, usize>,
}

/// Judges each VPS as it comes, and the selection as a whole at the end.
#[derive(Debug)]
pub struct Selector {
    selection: Selection,
    vars: Vars,
    /// `None`: no names were asked for.
    wanted: Option<Wanted>,
    /// Whether only what is active and running is picked.
    only_running: bool,
    /// The fields that `match` and `where` read.
    read: BTreeSet<String>,
    /// The fields that any rule reads and that no VPS so far, nor any document, knows.
    unknown: BTreeSet<String>,
    /// The fields that VPSes have; collected while there are unknown ones.
    known: BTreeSet<String>,
    seen: HashSet<VpsId>,
    /// How many VPSes `where` was asked about, and why one with all its fields could not be judged.
    candidates: usize,
    unfit: Option<String>,
    tally: Tally,
}

/// Why a VPS was not picked.
enum LeftOut {
    NotRunning,
    Excluded,
    NotMatching,
    NotEvaluable,
}

impl Selector {
    /// Prepares to judge. `vars` are the playbook's.
    pub fn new(selection: Selection, vars: Vars) -> Self {
        let names_given = !selection.named.is_empty() || selection.listed.is_some();
        let names = selection.named.iter().chain(selection.listed.iter().flatten()).cloned();
        let rules = &selection.rules;
        let picking = rules.iter().any(|rules| !rules.matching.is_empty() || rules.condition.is_some());
        let conditions = rules.iter().filter_map(|rules| rules.condition.as_ref());
        let compared = conditions.flat_map(Expression::names).filter(|name| !name.starts_with("vars."));
        let matched = rules.iter().flat_map(|rules| &rules.matching).map(|rule| &rule.path);
        let excluded = rules.iter().flat_map(|rules| &rules.exclude).map(|rule| &rule.path);
        let read: BTreeSet<String> = compared.chain(matched).cloned().collect();
        let unknown =
            read.iter().chain(excluded).filter(|path| !documented::is_documented(path)).cloned().collect();
        Self {
            wanted: names_given.then(|| Wanted::new(names)),
            only_running: !picking && !names_given,
            read,
            unknown,
            known: BTreeSet::new(),
            seen: HashSet::new(),
            candidates: 0,
            unfit: None,
            tally: Tally::default(),
            selection,
            vars,
        }
    }

    /// Whether this VPS is picked. To be called once for each VPS of the listing; one that comes again, by its id,
    /// is not picked again. Whether its id may be used at all is not asked here.
    pub fn picks(&mut self, vps: &Vps) -> bool {
        if let Ok(id) = vps.id()
            && !self.seen.insert(id.clone())
        {
            return false;
        }
        self.tally.listed += 1;
        let fields = vps.fields();
        self.note_fields(&fields);
        let verdict = self.judge(vps, &fields);
        let tally = &mut self.tally;
        let count = match verdict {
            Ok(()) => &mut tally.selected,
            Err(LeftOut::NotRunning) => &mut tally.not_running,
            Err(LeftOut::Excluded) => &mut tally.excluded,
            Err(LeftOut::NotMatching) => &mut tally.not_matching,
            Err(LeftOut::NotEvaluable) => &mut tally.not_evaluable,
        };
        *count += 1;
        verdict.is_ok()
    }

    fn note_fields(&mut self, fields: &Map<String, Value>) {
        for path in &self.read {
            if !field::is_defined(fields, path) {
                *self.tally.lacking.entry(path.clone()).or_default() += 1;
            }
        }
        if !self.unknown.is_empty() {
            self.unknown.retain(|path| !field::exists(fields, path));
            field::collect_paths(fields, &mut self.known);
        }
    }

    fn judge(&mut self, vps: &Vps, fields: &Map<String, Value>) -> Result<(), LeftOut> {
        // Every VPS is looked at, so that a name that two share is seen.
        if self.wanted.as_mut().is_some_and(|wanted| !wanted.names(vps)) {
            return Err(LeftOut::NotMatching);
        }
        if self.only_running && !is_running(fields) {
            return Err(LeftOut::NotRunning);
        }
        let rules = &self.selection.rules;
        if rules.iter().flat_map(|rules| &rules.exclude).any(|rule| matches(rule, fields)) {
            return Err(LeftOut::Excluded);
        }
        if !rules.iter().flat_map(|rules| &rules.matching).all(|rule| matches(rule, fields)) {
            return Err(LeftOut::NotMatching);
        }
        self.judge_conditions(fields)
    }

    fn judge_conditions(&mut self, fields: &Map<String, Value>) -> Result<(), LeftOut> {
        let conditions = self.selection.rules.iter().filter_map(|rules| rules.condition.as_ref());
        let mut verdict = Ok(());
        let mut asked = false;
        let mut unfit = None;
        for condition in conditions {
            asked = true;
            match condition.judge(&Context::of_fields(fields, &self.vars)) {
                Judgement::Holds => {}
                // Whatever else cannot be judged, it would not be picked.
                Judgement::Fails => {
                    verdict = Err(LeftOut::NotMatching);
                    break;
                }
                Judgement::NotEvaluable(reason) => {
                    verdict = Err(LeftOut::NotEvaluable);
                    let names = condition.names().iter().filter(|name| !name.starts_with("vars."));
                    if names.clone().all(|name| field::is_defined(fields, name)) {
                        unfit = unfit.or(Some(reason));
                    }
                }
            }
        }
        self.candidates += usize::from(asked);
        if matches!(verdict, Err(LeftOut::NotEvaluable)) && self.unfit.is_none() {
            self.unfit = unfit;
        }
        verdict
    }

    /// What was wrong with the selection as a whole. To be called when the listing is complete. That nothing was
    /// selected is no error here.
    ///
    /// # Errors
    /// See [`SelectionError`].
    pub fn finish(&self) -> Result<(), SelectionError> {
        if self.tally.listed > 0 && !self.unknown.is_empty() {
            return Err(SelectionError::UnknownFields(self.unknown_fields()));
        }
        let problems = self.wanted.as_ref().map(Wanted::problems).unwrap_or_default();
        if !problems.is_empty() {
            return Err(SelectionError::Names(problems));
        }
        // That all lack a documented field is no mistake of the author's; that its type never fits is one.
        if let Some(reason) = &self.unfit
            && self.tally.not_evaluable == self.candidates
        {
            return Err(SelectionError::NotEvaluable { reason: reason.clone(), candidates: self.candidates });
        }
        let selected = self.selection.sample.unwrap_or(usize::MAX).min(self.tally.selected);
        match self.selection.expect {
            Some(expected) if expected != selected => {
                Err(SelectionError::UnexpectedCount { expected, selected })
            }
            _ => Ok(()),
        }
    }

    fn unknown_fields(&self) -> Vec<UnknownField> {
        let known: Vec<&str> = documented::paths().chain(self.known.iter().map(String::as_str)).collect();
        let nearest = |path: &str| nearest(path, known.iter().copied()).map(str::to_owned);
        let unknown = self.unknown.iter();
        unknown.map(|path| UnknownField { path: path.clone(), nearest: nearest(path) }).collect()
    }

    /// Counts so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many of the selected are to be drawn at the end (`--sample`).
    pub fn sample(&self) -> Option<usize> {
        self.selection.sample
    }

    /// Whether it is known only at the end of the listing if the selection can be used, or who is drawn.
    pub fn needs_whole_listing(&self) -> bool {
        self.wanted.is_some() || self.selection.sample.is_some() || self.selection.expect.is_some()
    }
}

fn is_running(fields: &Map<String, Value>) -> bool {
    let is = |field: &str, wanted: &str| fields.get(field).is_some_and(|value| value == wanted);
    is("serviceStatus", "active") && is("powerState", "running")
}

fn matches(rule: &FieldRule, fields: &Map<String, Value>) -> bool {
    field::any(fields, &rule.path, |value| rule.patterns.iter().any(|pattern| pattern.matches(value)))
}

#[cfg(test)]
mod tests;
