//! What sets a few targets apart from the others: the fields that all of them share and hardly any other has.
//!
//! Only what divides a fleet into kinds is looked at (a version, a size, a tag); what nearly every target has for
//! itself, as its name, sets each apart and explains nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::engine::TargetResult;

/// Fields named at most.
const MOST_FIELDS: usize = 3;
/// Of the others so many in a hundred may have the same value, where those set apart are at least [`SEVERAL`].
const PER_CENT_OF_OTHERS: usize = 5;
/// A few that share what few have may do so by chance; this many hardly do.
const SEVERAL: usize = 3;
/// A field with more values than this is no kind, in however large a fleet.
const MOST_KINDS: usize = 500;
/// Values longer than this are texts, not kinds.
const LONGEST_VALUE: usize = 80;

/// A field's path and its value, as people write it.
type Trait = (String, String);

/// The fields of all targets that gave an answer, counted.
#[derive(Debug)]
pub(super) struct Kinds {
    targets: usize,
    /// Of each path, how many targets have which value; `None` where there are too many values.
    counts: HashMap<String, Option<HashMap<String, usize>>>,
}

/// What sets a group apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Apart {
    /// Fields and their values.
    pub(super) traits: Vec<Trait>,
    /// How many of the others have them too, each.
    pub(super) of_others: usize,
    /// The others.
    pub(super) others: usize,
}

impl Kinds {
    /// Counts.
    pub(super) fn of<'a>(targets: impl Iterator<Item = &'a TargetResult>) -> Self {
        let mut kinds = Self { targets: 0, counts: HashMap::new() };
        for target in targets {
            kinds.targets += 1;
            for (path, value) in traits(target) {
                let values = kinds.counts.entry(path).or_insert_with(|| Some(HashMap::new()));
                let Some(known) = values else { continue };
                *known.entry(value).or_default() += 1;
                if known.len() > MOST_KINDS {
                    *values = None;
                }
            }
        }
        kinds
    }

    /// What sets these apart from those counted; `counted` says whether they are among them.
    pub(super) fn apart(&self, members: &[&TargetResult], counted: bool) -> Option<Apart> {
        let others = self.targets - if counted { members.len() } else { 0 };
        let mut shared: BTreeSet<Trait> = traits(members.first()?);
        for member in &members[1..] {
            if shared.is_empty() {
                return None;
            }
            let own = traits(member);
            shared.retain(|one| own.contains(one));
        }
        let mut by_count: BTreeMap<usize, Vec<Trait>> = BTreeMap::new();
        for (path, value) in shared {
            let Some(Some(values)) = self.counts.get(&path) else { continue };
            let own = if counted { members.len() } else { 0 };
            let of_others = values.get(&value).map_or(0, |count| count.saturating_sub(own));
            let kinds_of_others = values.len() - usize::from(of_others == 0 && values.contains_key(&value));
            let few = if members.len() < SEVERAL { 0 } else { others * PER_CENT_OF_OTHERS / 100 };
            // Where most of the others have a value for themselves, one more of those says nothing.
            if of_others <= few && kinds_of_others > 0 && kinds_of_others * 2 <= others {
                by_count.entry(of_others).or_default().push((path, value));
            }
        }
        let (of_others, mut traits) = by_count.pop_first()?;
        traits.truncate(MOST_FIELDS);
        Some(Apart { traits, of_others, others })
    }
}

/// All the fields of a target that hold a plain value, those of a list's elements too.
fn traits(target: &TargetResult) -> BTreeSet<Trait> {
    let mut traits = BTreeSet::new();
    let fields = target.vps.fields();
    let mut rest: Vec<(String, &Value)> = fields.iter().map(|(name, value)| (name.clone(), value)).collect();
    while let Some((path, value)) = rest.pop() {
        let plain = match value {
            Value::Null => continue,
            Value::Array(items) => {
                rest.extend(items.iter().map(|item| (path.clone(), item)));
                continue;
            }
            Value::Object(inner) => {
                rest.extend(inner.iter().map(|(name, value)| (format!("{path}.{name}"), value)));
                continue;
            }
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
        };
        if plain.len() <= LONGEST_VALUE && !plain.trim().is_empty() {
            traits.insert((path, plain));
        }
    }
    traits
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::tests::{Target, ok};

    fn server(number: usize, version: &str) -> Target {
        let tags = if number.is_multiple_of(2) { json!(["web"]) } else { json!(["web", "old"]) };
        ok(&format!("web-{number}"), "")
            .field("operatingSystem", json!({ "family": "linux", "version": version }))
            .field("bandwidth", json!({ "usedGb": number * 7 }))
            .field("tags", tags)
    }

    fn apart(targets: Vec<Target>, members: std::ops::Range<usize>) -> Option<Apart> {
        let record = crate::report::tests::record(targets);
        let all: Vec<&TargetResult> = record.run.targets.iter().map(AsRef::as_ref).collect();
        Kinds::of(all.iter().copied()).apart(&all[members], true)
    }

    #[test]
    fn a_value_that_no_other_has_sets_apart_and_names_do_not() {
        let targets = (0..50).map(|number| server(number, if number < 2 { "11" } else { "12" }));
        let expected = Apart {
            traits: vec![("operatingSystem.version".to_owned(), "11".to_owned())],
            of_others: 0,
            others: 48,
        };
        assert_eq!(apart(targets.collect(), 0..2), Some(expected));
    }

    #[test]
    fn a_few_of_the_others_may_have_it_too_where_chance_is_unlikely() {
        let servers = || (0..100).map(|number| server(number, if number < 5 { "11" } else { "12" }));
        assert_eq!(apart(servers().collect(), 0..3).map(|apart| apart.of_others), Some(2));
        assert_eq!(apart(servers().collect(), 0..2), None);
    }

    #[test]
    fn nothing_is_said_where_nothing_is_shared_or_nobody_is_left() {
        assert_eq!(apart((0..50).map(|number| server(number, "12")).collect(), 0..2), None);
        assert_eq!(apart(vec![server(1, "11"), server(2, "12")], 0..1), None);
        assert_eq!(apart(vec![server(1, "11")], 0..1), None);
    }
}
