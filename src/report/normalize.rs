//! What is left out of a comparison: what differs between any two servers, whatever they are asked.
//!
//! The parts are taken out in a fixed order, one's own names first: in `web-1` the number is part of a name, in
//! `12:30:05` the numbers are a time. Nothing of this is shown but where two outputs are told apart.

use std::{borrow::Cow, str::FromStr, sync::LazyLock};

use regex::Regex;

use crate::fleet::Vps;

/// What is left out when outputs are compared. Default: nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Normalize {
    /// The target's own name, its first label, address and id.
    pub own_names: bool,
    /// Dates and times of day.
    pub times: bool,
    /// Numbers.
    pub numbers: bool,
}

/// A part that rollcall cannot leave out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be left out of a comparison; there are `self`, `time`, `numbers`")]
pub struct UnknownPart(String);

/// A shorter name than this is likely to be part of a word.
const SHORTEST_NAME: usize = 3;

static TIME: LazyLock<Regex> = LazyLock::new(|| {
    let clock = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?(?:Z\b|UTC\b|CES?T\b|GMT\b|[+-]\d\d:?\d\d\b))?";
    let months = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*";
    let days = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*";
    let year = r"(?:\s\d{4}\b)?";
    let date = format!(
        r"\d{{4}}-\d\d-\d\d|\b(?:{days},?\s+)?(?:{months}\s+\d{{1,2}}\b|\d{{1,2}}\s+{months}\b){year}"
    );
    Regex::new(&format!(r"(?:(?:{date})(?:[T,]?\s*{clock})?|\b{clock}){year}")).expect("tested below")
});
static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\d+(?:[.,]\d+)*").expect("tested below"));

impl Normalize {
    /// Whether nothing is left out.
    pub(super) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// The text as it is compared.
    pub(super) fn text<'a>(self, text: &'a str, vps: &Vps) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        if self.own_names {
            let name = vps.name();
            let label = name.split('.').next().unwrap_or_default();
            // The longest first: the label is a part of the name.
            for own in [vps.raw_id(), name, label, vps.primary_ip().unwrap_or_default()] {
                if own.chars().count() >= SHORTEST_NAME {
                    text = without_word(text, own);
                }
            }
        }
        if self.times {
            text = replaced(text, &TIME, "<time>");
        }
        if self.numbers {
            text = replaced(text, &NUMBER, "<n>");
        }
        text
    }
}

impl FromStr for Normalize {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = Self::default();
        for part in text.split(',').map(str::trim) {
            match part {
                "self" => parts.own_names = true,
                "time" => parts.times = true,
                "numbers" => parts.numbers = true,
                _ => return Err(UnknownPart(super::inert(part).into_owned())),
            }
        }
        Ok(parts)
    }
}

fn replaced<'a>(text: Cow<'a, str>, pattern: &Regex, by: &str) -> Cow<'a, str> {
    match pattern.replace_all(&text, by) {
        Cow::Borrowed(_) => text,
        Cow::Owned(new) => Cow::Owned(new),
    }
}

/// The text with `<self>` for a word, where it is not a part of a longer one.
fn without_word<'a>(text: Cow<'a, str>, word: &str) -> Cow<'a, str> {
    let mut new = String::new();
    let mut done = 0;
    let joins = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
    for (at, _) in text.match_indices(word) {
        let end = at + word.len();
        if !joins(text[..at].chars().next_back()) && !joins(text[end..].chars().next()) {
            new.push_str(&text[done..at]);
            new.push_str("<self>");
            done = end;
        }
    }
    if done == 0 {
        return text;
    }
    new.push_str(&text[done..]);
    Cow::Owned(new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn normalized(parts: &str, text: &str) -> String {
        let fields = json!({ "id": "vps_1f", "name": "web-1.example.org", "primaryIp": "192.0.2.7" });
        let vps = Vps::new(fields.as_object().unwrap().clone());
        parts.parse::<Normalize>().unwrap().text(text, &vps).into_owned()
    }

    #[test]
    fn each_part_is_left_out_and_nothing_else() {
        for (parts, text, expected) in [
            ("self", "web-1.example.org web-1 web-11 web-1a", "<self> <self> web-11 web-1a"),
            ("self", "192.0.2.7/24 at 192.0.2.70, vps_1f", "<self>/24 at 192.0.2.70, <self>"),
            ("time", "2026-03-02T02:00:00.123Z up", "<time> up"),
            ("time", "at 2026-03-02 02:00:00 +0100: ok", "at <time>: ok"),
            ("time", "Mon Mar  2 02:00:01 UTC 2026", "<time>"),
            ("time", "Mon, 02 Mar 2026 02:00:01 +0100", "<time>"),
            ("time", " 14:02:11 up 3 days,  1:02,  load 0.10", " <time> up 3 days,  <time>,  load 0.10"),
            ("time", "Mar 12 02:00:01 web-1 sshd[77]: in May", "<time> web-1 sshd[77]: in May"),
            ("time", "0:0 1:2:3 ::1 12.8 marble 3", "0:0 1:2:3 ::1 12.8 marble 3"),
            ("numbers", "load 0.10, 3 of 1,024", "load <n>, <n> of <n>"),
            ("self,time,numbers", "web-1 12:30 web-2", "<self> <time> web-<n>"),
        ] {
            assert_eq!(normalized(parts, text), expected, "{parts}: {text}");
        }
    }

    #[test]
    fn an_unknown_part_is_named_and_so_are_those_there_are() {
        let error = "self,tiem".parse::<Normalize>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`tiem` cannot be left out of a comparison; there are `self`, `time`, `numbers`"
        );
        assert!(Normalize::default().is_nothing() && !"self".parse::<Normalize>().unwrap().is_nothing());
    }
}
