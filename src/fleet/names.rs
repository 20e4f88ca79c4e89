//! Names of servers as people write them: in natural order, and folded: `web-[1-3,7]`.

use std::{cmp::Ordering, collections::BTreeMap};

/// Orders names so that `web-9` comes before `web-10`: runs of digits by value, the rest as text.
pub fn natural_cmp(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (Runs(one), Runs(other));
    loop {
        return match (left.next(), right.next()) {
            (None, None) => one.cmp(other),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => match compare_runs(left, right) {
                Ordering::Equal => continue,
                unequal => unequal,
            },
        };
    }
}

/// Folds names as clush does: `web-1`, `web-2`, `web-3`, `db` become `db,web-[1-3]`. Leading zeros are kept.
pub fn fold_names(names: &[&str]) -> String {
    // By everything around the last number, and by the number's width where it has leading zeros.
    let mut families: BTreeMap<Family<'_>, Vec<u64>> = BTreeMap::new();
    let mut plain = Vec::new();
    for &name in names {
        match Family::of(name) {
            Some((family, number)) => families.entry(family).or_default().push(number),
            None => plain.push(name.to_owned()),
        }
    }
    join_padded(&mut families);
    let mut folded = plain;
    folded.extend(families.into_iter().map(|(family, numbers)| family.fold(numbers)));
    folded.sort_by(|one, other| natural_cmp(one, other));
    folded.dedup();
    folded.join(",")
}

/// `n10` goes on where `n09` ends: numbers as wide as padded ones of the same family join them.
fn join_padded(families: &mut BTreeMap<Family<'_>, Vec<u64>>) {
    let padded: Vec<Family<'_>> = families.keys().filter(|family| family.width > 0).copied().collect();
    for family in padded {
        let Some(unpadded) = families.get_mut(&Family { width: 0, ..family }) else { continue };
        let (as_wide, others) = unpadded.iter().partition(|number| number.to_string().len() == family.width);
        *unpadded = others;
        families.entry(family).or_default().extend::<Vec<u64>>(as_wide);
    }
    families.retain(|_, numbers| !numbers.is_empty());
}

/// Names that differ in one number only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Family<'a> {
    before: &'a str,
    after: &'a str,
    /// The number's digits, where it begins with a zero or must not; 0 where its width does not matter.
    width: usize,
}

impl<'a> Family<'a> {
    fn of(name: &'a str) -> Option<(Self, u64)> {
        let end = name.rfind(|character: char| character.is_ascii_digit())? + 1;
        let start = name[..end].trim_end_matches(|character: char| character.is_ascii_digit()).len();
        let digits = &name[start..end];
        let number = digits.parse().ok()?;
        let width = if digits.len() > 1 && digits.starts_with('0') { digits.len() } else { 0 };
        Some((Self { before: &name[..start], after: &name[end..], width }, number))
    }

    fn fold(&self, mut numbers: Vec<u64>) -> String {
        numbers.sort_unstable();
        numbers.dedup();
        let width = self.width;
        let mut spans: Vec<(u64, u64)> = Vec::new();
        for number in numbers {
            match spans.last_mut() {
                Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
                _ => spans.push((number, number)),
            }
        }
        let written: Vec<String> = spans
            .iter()
            .map(|&(first, last)| {
                if first == last {
                    format!("{first:0width$}")
                } else {
                    format!("{first:0width$}-{last:0width$}")
                }
            })
            .collect();
        match (written.as_slice(), spans.as_slice()) {
            ([one], [(first, last)]) if first == last => format!("{}{one}{}", self.before, self.after),
            _ => format!("{}[{}]{}", self.before, written.join(","), self.after),
        }
    }
}

/// A name's runs of digits and of other characters.
struct Runs<'a>(&'a str);

impl<'a> Iterator for Runs<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.0.chars().next()?;
        let end = self
            .0
            .find(|character: char| character.is_ascii_digit() != first.is_ascii_digit())
            .unwrap_or(self.0.len());
        let (run, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(run)
    }
}

fn compare_runs(one: &str, other: &str) -> Ordering {
    let both_numbers = [one, other].iter().all(|run| run.starts_with(|first: char| first.is_ascii_digit()));
    if both_numbers {
        let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
        one.len().cmp(&other.len()).then_with(|| one.cmp(other))
    } else {
        one.cmp(other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_in_names_are_ordered_by_value() {
        let mut names = ["web-10", "web-9", "db-2", "web-09", "web", "web-9a"];
        names.sort_by(|one, other| natural_cmp(one, other));
        assert_eq!(names, ["db-2", "web", "web-09", "web-9", "web-9a", "web-10"]);
    }

    #[test]
    fn names_are_folded_as_clush_folds_them() {
        for (names, folded) in [
            (&["web-1", "web-2", "web-3", "web-7", "db"][..], "db,web-[1-3,7]"),
            (&["n08", "n09", "n10"], "n[08-10]"),
            (&["n1", "n01", "n02", "n10", "n100"], "n[1,100],n[01-02,10]"),
            (&["a1.example", "a2.example", "b1.example"], "a[1-2].example,b1.example"),
            (&["x-18446744073709551616", "x-1"], "x-1,x-18446744073709551616"),
            (&["same", "same"], "same"),
            (&[], ""),
        ] {
            assert_eq!(fold_names(names), folded);
        }
    }

    proptest! {
        #[test]
        fn natural_order_is_an_order(one in "[a0-9-]{0,6}", other in "[a0-9-]{0,6}", third in "[a0-9-]{0,6}") {
            prop_assert_eq!(natural_cmp(&one, &other), natural_cmp(&other, &one).reverse());
            if natural_cmp(&one, &other).is_le() && natural_cmp(&other, &third).is_le() {
                prop_assert!(natural_cmp(&one, &third).is_le());
            }
            prop_assert_eq!(natural_cmp(&one, &other) == Ordering::Equal, one == other);
        }
    }
}
