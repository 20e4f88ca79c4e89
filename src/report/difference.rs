//! What one output has and another has not, line by line.
//!
//! A difference is told only where it is shorter than the output itself; and only as long as it is cheap, for a
//! fleet may bring thousands of outputs that have nothing in common.

use similar::{Algorithm, DiffTag, capture_diff_slices, group_diff_ops};

/// Lines around a difference that both outputs have.
const CONTEXT: usize = 1;

/// Pairs of lines that all the differences of a report may compare. Some 50 million are a fraction of a second; the
/// worst case of the algorithm is their number.
const PAIRS: usize = 50_000_000;

/// A line of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// What follows begins at this line of the output, from 1.
    At(usize),
    /// Both have it.
    Both(&'a str),
    /// Only the other has it.
    Lacking(&'a str),
    /// Only this one has it.
    Added(&'a str),
}

/// Tells outputs apart, until it has cost too much.
#[derive(Debug)]
pub(super) struct Differences {
    pairs_left: usize,
}

impl Differences {
    pub(super) fn new() -> Self {
        Self { pairs_left: PAIRS }
    }

    /// How `this` differs from `other`; `None` where it is better shown whole.
    pub(super) fn between<'a>(&mut self, other: &'a str, this: &'a str) -> Option<Vec<Line<'a>>> {
        let (old, new): (Vec<&str>, Vec<&str>) = (lines(other), lines(this));
        let changed = changed(&old, &new);
        self.pairs_left = self.pairs_left.checked_sub(changed)?;

        let mut told = Vec::new();
        for group in group_diff_ops(capture_diff_slices(Algorithm::Myers, &old, &new), CONTEXT) {
            told.extend(group.first().map(|first| Line::At(first.new_range().start + 1)));
            for operation in group {
                let lacking = old[operation.old_range()].iter().copied().map(Line::Lacking);
                let added = new[operation.new_range()].iter().copied();
                match operation.tag() {
                    DiffTag::Equal => told.extend(added.map(Line::Both)),
                    DiffTag::Insert | DiffTag::Delete | DiffTag::Replace => {
                        told.extend(lacking);
                        told.extend(added.map(Line::Added));
                    }
                }
            }
        }
        (told.len() < new.len()).then_some(told)
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_terminator('\n').collect()
}

/// How many pairs of lines are left to compare without what both begin and end with.
fn changed(old: &[&str], new: &[&str]) -> usize {
    let before = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[before..], &new[before..]);
    let after = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    (old.len() - after).saturating_mul(new.len() - after)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(to: usize) -> String {
        (1..=to).flat_map(|number| [number.to_string(), "\n".to_owned()]).collect()
    }

    #[test]
    fn a_change_is_told_with_the_lines_around_it() {
        let (other, this) = (numbers(9), numbers(9).replace("5\n", "five\n"));
        let told = Differences::new().between(&other, &this).unwrap();
        let expected =
            [Line::At(4), Line::Both("4"), Line::Lacking("5"), Line::Added("five"), Line::Both("6")];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_would_be_no_shorter_is_not_told() {
        for (other, this) in [("12.8\n", "11.11\n"), ("", "a\nb\n"), ("a\nb\n", ""), ("a\nb\nc", "a\nx\nc")] {
            assert_eq!(Differences::new().between(other, this), None, "{other:?} {this:?}");
        }
    }

    #[test]
    fn what_would_cost_too_much_is_not_told_and_a_change_in_much_that_is_the_same_costs_little() {
        let (odd, even) = (numbers(20_000), numbers(20_000).replace('\n', "0\n"));
        let mut differences = Differences::new();
        assert_eq!(differences.between(&odd, &even), None);
        assert!(differences.between(&odd, &odd.replace("\n77\n", "\nseventy-seven\n")).is_some());
    }

    proptest! {
        #[test]
        fn nothing_is_invented(other in "([ab]\n){0,9}", this in "([ab]\n){0,12}") {
            if let Some(told) = Differences::new().between(&other, &this) {
                let of_this = told.iter().filter_map(|line| match line {
                    Line::Both(line) | Line::Added(line) => Some(*line),
                    Line::At(_) | Line::Lacking(_) => None,
                });
                let mut rest = this.lines();
                for line in of_this {
                    prop_assert!(rest.any(|known| known == line), "{told:?}");
                }
            }
        }
    }
}
