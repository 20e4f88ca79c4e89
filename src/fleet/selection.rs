//! Which VPSes a selection picks, decided one by one as the listing brings them.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use super::{
    Vps,
    fields::{any_at, is_documented, is_there, nearest_documented},
    named::{Named, UnmatchedNames},
};
use crate::playbook::{Expression, FieldRule, Judgement, TargetRules, Vars};

/// Everything that picks targets: the playbook's rules and those of flags, all of which must agree.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Rule sets, each of which must pick a VPS.
    pub rules: Vec<TargetRules>,
    /// `--target NAME|ID|IP`: each must mean exactly one VPS.
    pub named: Vec<String>,
    /// `--targets FILE`: ids or names, each of which must mean exactly one VPS. `None` without the flag.
    pub listed: Option<Vec<String>>,
    /// `--sample N`: this many of the selected, drawn with the run's seed.
    pub sample: Option<usize>,
    /// `--expect N`: another count is an error.
    pub expect: Option<usize>,
}

/// How a selection divided the listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// VPSes seen, each once.
    pub listed: usize,
    /// Picked.
    pub selected: usize,
    /// Left out because nothing but the default selection applies, and they are not active and running.
    pub not_running: usize,
    /// Left out by an `exclude`.
    pub excluded: usize,
    /// Left out because a `match` or a `where` does not hold, or because others were named.
    pub not_matching: usize,
    /// Left out because a `where` cannot be judged for them.
    pub not_evaluable: usize,
    /// For each field that a rule reads, how many VPSes lack it.
    pub lacking: BTreeMap<String, usize>,
}

/// Why a selection cannot be used, known once the listing is complete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A name means no VPS, or several.
    #[error("{0}")]
    Names(UnmatchedNames),
    /// No VPS has a field that a rule reads, and the API's documents do not know it.
    #[error("no VPS has the field {}", UnknownFields(.0))]
    UnknownFields(Vec<(String, Option<&'static str>)>),
    /// A `where` could be judged for no VPS at all.
    #[error("`where` could be judged for none of the {candidates} VPSes: {reason}")]
    NeverEvaluable {
        /// VPSes that everything else would pick.
        candidates: usize,
        /// Why it could not be judged for the first of them.
        reason: String,
    },
    /// `--expect`.
    #[error("{selected} VPSes are selected, not {expected} as --expect says")]
    Unexpected {
        /// As `--expect` says.
        expected: usize,
        /// As it is.
        selected: usize,
    },
}

struct UnknownFields<'a>(&'a [(String, Option<&'static str>)]);

impl fmt::Display for UnknownFields<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (path, near)) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str(", nor ")?;
            }
            write!(formatter, "`{path}`")?;
            if let Some(near) = near {
                write!(formatter, " (did you mean `{near}`?)")?;
            }
        }
        Ok(())
    }
}

/// Judges each VPS as it comes, and the selection as a whole at the end.
#[derive(Debug)]
pub struct Selector {
    selection: Selection,
    vars: Vars,
    /// Of `--target` and of `--targets`; with either, only those that it names are picked.
    named: [Named; 2],
    seen: HashSet<String>,
    tally: Tally,
    first_not_evaluable: Option<String>,
    judged: usize,
}

/// What is said of a VPS.
enum Verdict {
    Picked,
    NotNamed,
    NotRunning,
    NotMatching,
    Excluded,
    NotEvaluable(String),
}

impl Selector {
    /// Prepares to judge a listing.
    pub fn new(selection: Selection, vars: Vars) -> Self {
        let named = [selection.named.clone(), selection.listed.clone().unwrap_or_default()].map(Named::new);
        let paths = selection.rules.iter().flat_map(paths_read);
        let tally = Tally { lacking: paths.map(|path| (path, 0)).collect(), ..Tally::default() };
        Self { selection, vars, named, seen: HashSet::new(), tally, first_not_evaluable: None, judged: 0 }
    }

    /// Whether this VPS is picked. One that the listing brings twice is picked the first time only.
    ///
    /// A VPS whose id is not usable is judged like any other: to leave it out in silence would be to lose it.
    pub fn picks(&mut self, vps: &Vps) -> bool {
        if vps.id().is_ok_and(|id| !self.seen.insert(id.as_str().to_owned())) {
            return false;
        }
        self.tally.listed += 1;
        for (path, lacking) in &mut self.tally.lacking {
            *lacking += usize::from(!is_there(vps.fields(), path));
        }
        let [by_target, by_list] = &mut self.named;
        // Both look at every VPS: a name's meaning is known only when all have been seen.
        let named = [by_target.means(vps), by_list.means(vps)].contains(&true);
        let verdict = if self.picks_by_name() && !named {
            Verdict::NotNamed
        } else if self.picks_by_default() && !is_active_and_running(vps) {
            Verdict::NotRunning
        } else {
            // All rule sets must pick: the first that does not decides.
            let mut verdicts = self.selection.rules.iter().map(|rules| judge(rules, vps, &self.vars));
            verdicts.find(|verdict| !matches!(verdict, Verdict::Picked)).unwrap_or(Verdict::Picked)
        };
        self.judged += usize::from(matches!(verdict, Verdict::Picked | Verdict::NotMatching));
        let counter = match verdict {
            Verdict::Picked => {
                self.tally.selected += 1;
                return true;
            }
            Verdict::NotNamed | Verdict::NotMatching => &mut self.tally.not_matching,
            Verdict::NotRunning => &mut self.tally.not_running,
            Verdict::Excluded => &mut self.tally.excluded,
            Verdict::NotEvaluable(why) => {
                self.first_not_evaluable.get_or_insert(why);
                &mut self.tally.not_evaluable
            }
        };
        *counter += 1;
        false
    }

    /// What was wrong with the selection as a whole; to be asked when the listing is complete.
    ///
    /// That nothing was selected is not an error here: some ask for just that.
    ///
    /// # Errors
    /// [`SelectionError`]. An empty inventory proves nothing wrong but names.
    pub fn finish(&self) -> Result<(), SelectionError> {
        for named in &self.named {
            named.finish().map_err(SelectionError::Names)?;
        }
        let unknown: Vec<_> = self
            .tally
            .lacking
            .iter()
            .filter(|&(path, &lacking)| {
                self.tally.listed > 0 && lacking == self.tally.listed && !is_documented(path)
            })
            .map(|(path, _)| (path.clone(), nearest_documented(path)))
            .collect();
        if !unknown.is_empty() {
            return Err(SelectionError::UnknownFields(unknown));
        }
        if let Some(reason) = &self.first_not_evaluable
            && self.judged == 0
        {
            let candidates = self.tally.not_evaluable;
            return Err(SelectionError::NeverEvaluable { candidates, reason: reason.clone() });
        }
        let selected =
            self.selection.sample.map_or(self.tally.selected, |most| most.min(self.tally.selected));
        match self.selection.expect {
            Some(expected) if expected != selected => Err(SelectionError::Unexpected { expected, selected }),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How many of the selected are wanted, where not all are.
    pub fn sample(&self) -> Option<usize> {
        self.selection.sample
    }

    /// Whether a picked VPS may yet turn out not to be meant, so that not even a probe should go to it before the
    /// listing is complete.
    pub fn needs_whole_listing(&self) -> bool {
        self.picks_by_name() || self.selection.sample.is_some() || self.selection.expect.is_some()
    }

    fn picks_by_name(&self) -> bool {
        self.selection.listed.is_some() || !self.named[0].is_empty()
    }

    /// Nothing picks; `exclude` only narrows.
    fn picks_by_default(&self) -> bool {
        let picks = |rules: &TargetRules| !rules.matching.is_empty() || rules.condition.is_some();
        !self.picks_by_name() && !self.selection.rules.iter().any(picks)
    }
}

fn is_active_and_running(vps: &Vps) -> bool {
    let is = |field: &str, wanted: &str| vps.fields().get(field).is_some_and(|value| value == wanted);
    is("serviceStatus", "active") && is("powerState", "running")
}

fn judge(rules: &TargetRules, vps: &Vps, vars: &Vars) -> Verdict {
    let holds = |rule: &FieldRule| {
        any_at(vps.fields(), &rule.path, &mut |value| {
            rule.patterns.iter().any(|pattern| pattern.matches(value))
        })
    };
    if !rules.matching.iter().all(holds) {
        return Verdict::NotMatching;
    }
    if rules.exclude.iter().any(holds) {
        return Verdict::Excluded;
    }
    match rules.condition.as_ref().map(|condition| condition.judge(vps.fields(), vars)) {
        None | Some(Judgement::Holds) => Verdict::Picked,
        Some(Judgement::Fails) => Verdict::NotMatching,
        Some(Judgement::NotEvaluable(why)) => Verdict::NotEvaluable(why),
    }
}

/// The fields that a rule set reads, without variables.
fn paths_read(rules: &TargetRules) -> Vec<String> {
    let of_rules = rules.matching.iter().chain(&rules.exclude).map(|rule| rule.path.clone());
    let of_condition = rules.condition.iter().flat_map(Expression::names);
    of_rules.chain(of_condition).filter(|path| path != "vars" && !path.starts_with("vars.")).collect()
}

#[cfg(test)]
mod tests;
