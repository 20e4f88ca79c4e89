//! The numbers of the cases, and which of them a test's name begins with.

use std::fmt;

/// What the cases are about, by the letters of their numbers, and how many there are. None is left out.
const CASES: [(&str, &str, u32); 15] = [
    ("PB", "Playbook", 20),
    ("F", "Selection", 9),
    ("C", "Command line and environment", 10),
    ("I", "Inventory", 13),
    ("P", "Probe", 6),
    ("S", "Start", 16),
    ("L", "Poll", 18),
    ("B", "Bundles", 6),
    ("R", "Rate limit", 7),
    ("N", "Network", 9),
    ("K", "Process, crash and signals", 19),
    ("D", "Disk and store", 13),
    ("O", "Output", 11),
    ("X", "Sandbox", 6),
    ("Y", "History and retry", 8),
];

/// How many promises there are: G1 to G14.
pub(crate) const PROMISES: u32 = 14;

/// A case: `PB12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    /// Where its letters stand in the list.
    room: usize,
    number: u32,
}

impl Case {
    /// All there are, in their order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let numbers = |(room, &(_, _, last)): (usize, &(&str, &str, u32))| {
            (1..=last).map(move |number| Self { room, number })
        };
        CASES.iter().enumerate().flat_map(numbers)
    }

    /// Reads `PB12`; `None` where there is no such case.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (letters, number) = parts(text)?;
        let room = CASES.iter().position(|&(of_room, ..)| of_room.eq_ignore_ascii_case(letters))?;
        (1..=CASES[room].2).contains(&number).then_some(Self { room, number })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", CASES[self.room].0, self.number)
    }
}

/// Letters and a number: `pb` and 12. A number never begins with 0.
fn parts(text: &str) -> Option<(&str, u32)> {
    let (letters, digits) = text.split_at(text.find(|c: char| c.is_ascii_digit())?);
    let known = CASES.iter().any(|&(of_room, ..)| of_room.eq_ignore_ascii_case(letters));
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
    (known && plain).then_some(())?;
    Some((letters, digits.parse().ok()?))
}

/// The cases that a test's name begins with: `d3_d12_…` and `i1_and_i2_…` have two.
///
/// # Errors
/// A number that looks like a case and is none.
pub(crate) fn begun_by(name: &str) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let mut words = name.split('_').peekable();
    while let Some(word) = words.next() {
        match (Case::read(word), parts(word)) {
            (Some(case), _) => cases.push(case),
            (None, Some(_)) => return Err(format!("`{name}` begins with `{word}`, which is no case")),
            (None, None) if word == "and" && !cases.is_empty() => {
                if words.peek().is_none_or(|next| parts(next).is_none()) {
                    break;
                }
            }
            (None, None) => break,
        }
    }
    Ok(cases)
}

#[test]
fn a_name_begins_with_all_its_cases() {
    let told =
        |name| begun_by(name).map(|cases| cases.iter().map(Case::to_string).collect::<Vec<_>>().join(" "));
    for (name, cases) in [
        ("pb6_an_alias_bomb", "PB6"),
        ("d3_d12_a_link", "D3 D12"),
        ("i1_and_i2_a_token", "I1 I2"),
        ("k1_k2_and_k3_killed", "K1 K2 K3"),
        ("r6_and_a_result", "R6"),
        ("a_name_without_any", ""),
        ("base64_is_as_the_standard_has_it", ""),
        ("what_s3_says", ""),
    ] {
        assert_eq!(told(name).as_deref(), Ok(cases), "{name}");
    }
    for name in ["d14_no_such_case", "k0_none_either", "pb3_pb21_too_many"] {
        assert_eq!(told(name).is_err(), name != "k0_none_either", "{name}");
    }
    assert_eq!(Case::all().count(), 171);
}
