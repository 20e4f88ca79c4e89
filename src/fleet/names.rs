//! Many names in few words, and their natural order.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

/// Compares texts with the numbers in them by value: `web-2` comes before `web-10`.
///
/// A total order: texts of equal value (`web-01`, `web-1`) are ordered as they are written.
pub fn natural_cmp(left: &str, right: &str) -> Ordering {
    let (mut one, mut other) = (left, right);
    loop {
        let ordering = match (digits(one), digits(other)) {
            ("", _) | (_, "") => match (one.chars().next(), other.chars().next()) {
                (None, None) => return left.cmp(right),
                (first, second) if first != second => return first.cmp(&second),
                (first, _) => {
                    let length = first.map_or(0, char::len_utf8);
                    (one, other) = (&one[length..], &other[length..]);
                    Ordering::Equal
                }
            },
            (first, second) => {
                (one, other) = (&one[first.len()..], &other[second.len()..]);
                let (first, second) = (first.trim_start_matches('0'), second.trim_start_matches('0'));
                first.len().cmp(&second.len()).then_with(|| first.cmp(second))
            }
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}

/// The digits at the beginning.
fn digits(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())]
}

/// Folds names as clush does: `web-1` to `web-116` and `web-118` become `web-[1-116,118]`.
///
/// Each name is there once, in natural order. Zero padding is kept (`web-[01-12]`). In a name with several
/// numbers, that one is folded in which most names differ.
pub fn fold_names(names: &[&str]) -> String {
    let mut names = names.to_vec();
    names.sort_by(|left, right| natural_cmp(left, right));
    names.dedup();

    let mut members: HashMap<Shape<'_>, usize> = HashMap::new();
    for name in &names {
        for (shape, _) in shapes(name) {
            *members.entry(shape).or_default() += 1;
        }
    }
    // In the order of each group's first name.
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places: HashMap<Shape<'_>, usize> = HashMap::new();
    for name in &names {
        let best = shapes(name).max_by_key(|(shape, _)| members[shape]);
        let Some((shape, number)) = best.filter(|(shape, _)| members[shape] > 1) else {
            groups.push(Group::Single(name));
            continue;
        };
        let place = *places.entry(shape).or_insert_with(|| {
            groups.push(Group::Several(shape, Vec::new()));
            groups.len() - 1
        });
        if let Group::Several(_, numbers) = &mut groups[place] {
            numbers.push(number);
        }
    }
    groups.iter().map(Group::folded).collect::<Vec<_>>().join(",")
}

/// What names that differ in one number have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shape<'a> {
    before: &'a str,
    after: &'a str,
    /// With padding, all numbers have this many digits; 0: none begins with a zero.
    width: usize,
}

enum Group<'a> {
    Single(&'a str),
    Several(Shape<'a>, Vec<u64>),
}

/// The ways to see a name as a shape and a number: one for each number in it, and for one that could be padded
/// but need not be, two.
fn shapes(name: &str) -> impl Iterator<Item = (Shape<'_>, u64)> {
    let mut start = 0;
    let runs = std::iter::from_fn(move || {
        let begin = start + name[start..].find(|c: char| c.is_ascii_digit())?;
        let run = digits(&name[begin..]);
        start = begin + run.len();
        Some((begin, run))
    });
    runs.flat_map(move |(begin, run)| {
        let (before, after) = (&name[..begin], &name[begin + run.len()..]);
        let padded = Shape { before, after, width: run.len() };
        let plain = (!run.starts_with('0') || run == "0").then_some(Shape { width: 0, ..padded });
        // A number beyond u64 is part of the name.
        let number = run.parse::<u64>().ok();
        [Some(padded), plain].into_iter().flatten().filter_map(move |shape| Some((shape, number?)))
    })
}

impl Group<'_> {
    fn folded(&self) -> String {
        let (shape, numbers) = match self {
            Self::Single(name) => return (*name).to_owned(),
            Self::Several(shape, numbers) => (shape, numbers),
        };
        let width = shape.width;
        // From the first number of each unbroken range to its last.
        let mut ranges: BTreeMap<u64, u64> = BTreeMap::new();
        for &number in numbers {
            match ranges.last_entry() {
                Some(mut range) if range.get().checked_add(1) == Some(number) => *range.get_mut() = number,
                _ => {
                    ranges.insert(number, number);
                }
            }
        }
        let ranges: Vec<String> = ranges
            .into_iter()
            .map(|(first, last)| {
                if first == last {
                    format!("{first:0width$}")
                } else {
                    format!("{first:0width$}-{last:0width$}")
                }
            })
            .collect();
        let Shape { before, after, .. } = shape;
        match ranges.as_slice() {
            // Another way of seeing took the others.
            [only] if numbers.len() == 1 => format!("{before}{only}{after}"),
            _ => format!("{before}[{}]{after}", ranges.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_ordered_by_value() {
        let mut names = ["web-10", "web-2", "db", "web-2b", "web", "a10b2", "a10b1", "a9", "", "web-02"];
        names.sort_by(|left, right| natural_cmp(left, right));
        assert_eq!(names, ["", "a9", "a10b1", "a10b2", "db", "web", "web-02", "web-2", "web-2b", "web-10"]);
    }

    #[test]
    fn names_are_folded_as_clush_does() {
        let range: Vec<String> = (1..=116).map(|number| format!("web-{number}")).collect();
        let mut many: Vec<&str> = range.iter().map(String::as_str).collect();
        many.push("web-118");
        assert_eq!(fold_names(&many), "web-[1-116,118]");
        for (names, folded) in [
            (&["web-2", "web-1", "db"][..], "db,web-[1-2]"),
            (&["web-1"], "web-1"),
            (&[], ""),
            (&["a", "b", "a"], "a,b"),
            (&["n08", "n09", "n10", "n11"], "n[08-11]"),
            (&["n8", "n9", "n10"], "n[8-10]"),
            (&["n8", "n08"], "n08,n8"),
            (&["web-1.eu2.example", "web-2.eu2.example"], "web-[1-2].eu2.example"),
            (&["a1b1", "a1b2", "a1b3", "a2b1"], "a1b[1-3],a2b1"),
            (&["1", "2", "4"], "[1-2,4]"),
            (&["x99999999999999999999", "x1"], "x1,x99999999999999999999"),
            (
                &["x18446744073709551614", "x18446744073709551615"],
                "x[18446744073709551614-18446744073709551615]",
            ),
        ] {
            assert_eq!(fold_names(names), folded, "{names:?}");
        }
    }

    /// Reads a folded text back; the names have no brackets or commas of their own.
    fn unfolded(text: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let open = rest.find('[').filter(|open| rest.find(',').is_none_or(|comma| *open < comma));
            let end = open.map_or(0, |open| open + rest[open..].find(']').unwrap());
            let comma = rest[end..].find(',').map_or(rest.len(), |comma| end + comma);
            let item = &rest[..comma];
            match open {
                None => names.push(item.to_owned()),
                Some(open) => {
                    for range in item[open + 1..end].split(',') {
                        let (first, last) = range.split_once('-').unwrap_or((range, range));
                        let width = first.len();
                        for number in first.parse::<u64>().unwrap()..=last.parse().unwrap() {
                            names.push(format!("{}{number:0width$}{}", &item[..open], &item[end + 1..]));
                        }
                    }
                }
            }
            rest = rest.get(comma + 1..).unwrap_or("");
        }
        names
    }

    proptest! {
        #[test]
        fn no_name_is_lost_or_invented(names in prop::collection::vec("(a|b-)?[0-9]{0,2}c?[01]?", 0..30)) {
            let names: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
            let mut back = unfolded(&fold_names(&names));
            back.sort();
            let mut expected: Vec<String> = names.into_iter().map(str::to_owned).collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(back, expected);
        }

        #[test]
        fn the_order_is_total(one in "[a0-9é]{0,6}", two in "[a0-9é]{0,6}", three in "[a0-9é]{0,6}") {
            prop_assert_eq!(natural_cmp(&one, &two), natural_cmp(&two, &one).reverse());
            prop_assert_eq!(natural_cmp(&one, &two).is_eq(), one == two);
            if natural_cmp(&one, &two).is_le() && natural_cmp(&two, &three).is_le() {
                prop_assert!(natural_cmp(&one, &three).is_le());
            }
        }
    }
}
