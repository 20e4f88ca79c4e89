//! VPSes picked by name: each name must mean exactly one.

use std::{collections::BTreeMap, fmt};

use super::Vps;

/// What one name has turned out to mean so far.
#[derive(Debug, Default)]
struct Meaning {
    /// Ids of those whose id, name or address it is.
    ids: Vec<String>,
}

/// Names given by the user, and whom each means.
#[derive(Debug, Default)]
pub(super) struct Named {
    meanings: BTreeMap<String, Meaning>,
    /// A few names that are there, for "did you mean".
    seen: Vec<String>,
}

/// Names that do not each mean exactly one VPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmatchedNames {
    /// Names that mean none, each with the one most like it.
    pub missing: Vec<(String, Option<String>)>,
    /// Names that mean several, each with their ids.
    pub ambiguous: Vec<(String, Vec<String>)>,
}

impl Named {
    pub(super) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let meanings = names.into_iter().map(|name| (name, Meaning::default())).collect();
        Self { meanings, seen: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.meanings.is_empty()
    }

    /// Whether this VPS is named: by its id, its name (in any case) or its address.
    pub(super) fn means(&mut self, vps: &Vps) -> bool {
        self.seen.push(vps.name().to_owned());
        let mut named = false;
        let by_id = self.meanings.get_mut(vps.raw_id());
        if let Some(meaning) = by_id {
            meaning.ids = vec![vps.raw_id().to_owned()];
            return true;
        }
        for (name, meaning) in &mut self.meanings {
            // An id means itself, whatever others are called.
            if meaning.ids.first().is_some_and(|id| id == name) {
                continue;
            }
            if name.eq_ignore_ascii_case(vps.name()) || Some(name.as_str()) == vps.primary_ip() {
                meaning.ids.push(vps.raw_id().to_owned());
                named = true;
            }
        }
        named
    }

    /// What was wrong with the names, once every VPS has been seen.
    pub(super) fn finish(&self) -> Result<(), UnmatchedNames> {
        let mut unmatched = UnmatchedNames { missing: Vec::new(), ambiguous: Vec::new() };
        for (name, meaning) in &self.meanings {
            match meaning.ids.as_slice() {
                [] => {
                    let near = crate::playbook::nearest(name, self.seen.iter().map(String::as_str));
                    unmatched.missing.push((name.clone(), near.map(str::to_owned)));
                }
                [_] => {}
                several => unmatched.ambiguous.push((name.clone(), several.to_vec())),
            }
        }
        if unmatched.missing.is_empty() && unmatched.ambiguous.is_empty() { Ok(()) } else { Err(unmatched) }
    }
}

impl fmt::Display for UnmatchedNames {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        for (name, near) in &self.missing {
            lines.push(match near {
                Some(near) => format!("no VPS is called `{name}`; did you mean `{near}`?"),
                None => format!("no VPS has the name, id or address `{name}`"),
            });
        }
        for (name, ids) in &self.ambiguous {
            lines.push(format!(
                "`{name}` means {} VPSes, so name one by its id: {}",
                ids.len(),
                ids.join(", ")
            ));
        }
        formatter.write_str(&lines.join("\n"))
    }
}
