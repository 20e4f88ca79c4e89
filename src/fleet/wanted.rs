//! Names that were asked for, and which VPSes answer to them.

use std::collections::{BTreeSet, HashMap};

use super::{NameProblem, Vps};
use crate::playbook::nearest;

/// How many missing names get a "did you mean": each is compared with every VPS.
const MAX_SUGGESTIONS: usize = 10;

/// The names of `--target` and `--targets`, each of which must name exactly one VPS.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    names: Vec<Name>,
    /// Ids and addresses are compared as they stand.
    exact: HashMap<String, usize>,
    /// Names are compared without letter case, as the API does. Source: HostUp docs, list page, `name`.
    folded: HashMap<String, Vec<usize>>,
    /// The names of all VPSes, for "did you mean".
    seen: BTreeSet<String>,
}

#[derive(Debug)]
struct Name {
    written: String,
    ids: Vec<String>,
}

impl Wanted {
    pub(super) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut wanted = Self::default();
        for written in names {
            if !wanted.exact.contains_key(&written) {
                let index = wanted.names.len();
                wanted.exact.insert(written.clone(), index);
                wanted.folded.entry(written.to_lowercase()).or_default().push(index);
                wanted.names.push(Name { written, ids: Vec::new() });
            }
        }
        wanted
    }

    /// Whether a VPS answers to any of the names.
    pub(super) fn names(&mut self, vps: &Vps) -> bool {
        // What the API left empty is no name, not even for an empty one that was asked for.
        let given = |text: &&str| !text.is_empty();
        let exact = [Some(vps.raw_id()), vps.primary_ip()];
        let mut indexes: BTreeSet<usize> = exact
            .into_iter()
            .flatten()
            .filter(given)
            .filter_map(|text| self.exact.get(text))
            .copied()
            .collect();
        if let Some(name) = Some(vps.name()).filter(given) {
            indexes.extend(self.folded.get(&name.to_lowercase()).into_iter().flatten());
            self.seen.insert(name.to_owned());
        }
        for index in &indexes {
            self.names[*index].ids.push(vps.raw_id().to_owned());
        }
        !indexes.is_empty()
    }

    /// The names that do not name exactly one VPS, once all have been seen.
    pub(super) fn problems(&self) -> Vec<NameProblem> {
        let mut suggestions = 0;
        let wrong = self.names.iter().filter(|name| name.ids.len() != 1);
        wrong
            .map(|Name { written, ids }| {
                if !ids.is_empty() {
                    return NameProblem::Shared { name: written.clone(), ids: ids.clone() };
                }
                suggestions += 1;
                let compared = if suggestions <= MAX_SUGGESTIONS { self.seen.len() } else { 0 };
                let known = self.seen.iter().map(String::as_str).take(compared);
                NameProblem::Missing {
                    name: written.clone(),
                    nearest: nearest(written, known).map(str::to_owned),
                }
            })
            .collect()
    }
}
