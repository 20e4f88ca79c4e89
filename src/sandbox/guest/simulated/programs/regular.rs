//! POSIX regular expressions on the `regex` crate, basic and extended, with the longest of several matches.

use regex::Regex;

use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    sh::pattern::CLASSES,
};

/// Which of POSIX's two notations a pattern is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    Basic,
    Extended,
    /// Extended, with C's escapes in it.
    Awk,
}

/// A compiled pattern.
#[derive(Clone)]
pub(super) struct Regular {
    regex: Regex,
    /// Where there are alternatives: what a match must fit from end to end. The crate takes the first alternative
    /// that fits, POSIX the one that reaches farthest.
    whole: Option<Regex>,
}

/// Where a match and its groups are, in bytes.
pub(super) type Groups = Vec<Option<(usize, usize)>>;

impl Regular {
    /// # Errors
    /// `Err` inside where no program would take the pattern; the outer one where the crate cannot do it.
    pub(super) fn new(
        pattern: &str,
        notation: Notation,
        any_case: bool,
    ) -> Result<Result<Self, String>, Stop> {
        let translated = match translate(pattern, notation) {
            Ok(translated) => translated,
            Err(Refusal::Wrong(what)) => return Ok(Err(what.to_owned())),
            Err(Refusal::BackReference) => {
                return Err(lost("a back-reference in a pattern is not simulated"));
            }
        };
        let build = |pattern: &str| {
            regex::RegexBuilder::new(pattern)
                .case_insensitive(any_case)
                .dot_matches_new_line(true)
                .size_limit(1 << 20)
                .build()
        };
        let Ok(regex) = build(&translated) else { return Ok(Err("Invalid regular expression".to_owned())) };
        let whole = translated.contains('|').then(|| build(&format!("^(?:{translated})$")).ok()).flatten();
        Ok(Ok(Self { regex, whole }))
    }

    /// A pattern that is only a text.
    pub(super) fn fixed(text: &str, any_case: bool) -> Option<Self> {
        let builder = regex::RegexBuilder::new(&regex::escape(text)).case_insensitive(any_case).build();
        Some(Self { regex: builder.ok()?, whole: None })
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The first match at or after `from`.
    pub(super) fn find(&self, text: &str, from: usize) -> Option<Groups> {
        let captures = self.regex.captures_at(text, from)?;
        let groups = |captures: &regex::Captures, offset: usize| -> Groups {
            captures
                .iter()
                .map(|group| group.map(|group| (group.start() + offset, group.end() + offset)))
                .collect()
        };
        let first = groups(&captures, 0);
        let (Some(whole), Some(Some((start, end)))) = (&self.whole, first.first().copied()) else {
            return Some(first);
        };
        let ends = (end + 1..=text.len()).rev().filter(|end| text.is_char_boundary(*end));
        let longer = ends.filter_map(|end| whole.captures(&text[start..end])).next();
        Some(longer.map_or(first, |captures| groups(&captures, start)))
    }
}

enum Refusal {
    Wrong(&'static str),
    BackReference,
}

fn translate(pattern: &str, notation: Notation) -> Result<String, Refusal> {
    let letters: Vec<char> = pattern.chars().collect();
    let (mut out, mut at, mut open) = (String::new(), 0, 0);
    let basic = notation == Notation::Basic;
    // Whether something stands here that `*` could repeat.
    let mut repeatable = false;
    while let Some(letter) = letters.get(at).copied() {
        at += 1;
        let next = letters.get(at).copied();
        let (symbol, escaped) = match (letter, next) {
            ('\\', None) => return Err(Refusal::Wrong("Trailing backslash")),
            ('\\', Some(next)) => {
                at += 1;
                (next, true)
            }
            _ => (letter, false),
        };
        // In basic notation these are operators with a backslash, in extended without.
        let special = match symbol {
            '(' | ')' | '{' | '}' | '|' | '+' | '?' => escaped == basic,
            '*' | '.' | '[' | '^' | '$' => !escaped,
            _ => escaped && "<>bBwWsS`'".contains(symbol),
        };
        if !special {
            match symbol {
                '1'..='9' if escaped && notation != Notation::Awk => return Err(Refusal::BackReference),
                'n' if escaped => out.push_str("\\n"),
                't' if escaped => out.push_str("\\t"),
                'r' | 'f' | 'v' | 'a' if escaped && notation == Notation::Awk => {
                    out.push('\\');
                    out.push(symbol);
                }
                symbol => out.push_str(&regex::escape(&symbol.to_string())),
            }
            repeatable = true;
            continue;
        }
        match symbol {
            '(' => {
                open += 1;
                out.push('(');
                repeatable = false;
                continue;
            }
            ')' if open == 0 && basic => return Err(Refusal::Wrong("Unmatched ) or \\)")),
            ')' if open == 0 => out.push_str("\\)"),
            ')' => {
                open -= 1;
                out.push(')');
            }
            '|' => {
                out.push('|');
                repeatable = false;
                continue;
            }
            '*' | '+' | '?' if !repeatable => out.push_str(&regex::escape(&symbol.to_string())),
            // `a**` is `a*`; the crate would take a `?` after it for laziness.
            '*' | '+' | '?' if out.ends_with(['*', '+', '?']) && !ends_escaped(&out) => {
                let inner = std::mem::take(&mut out);
                let start = last_atom(&inner);
                out = format!("{}(?:{}){symbol}", &inner[..start], &inner[start..]);
            }
            '*' | '+' | '?' => out.push(symbol),
            '{' => match interval(&letters[at..], basic) {
                Some((text, length)) if repeatable => {
                    out.push_str(&text);
                    at += length;
                }
                _ => out.push_str("\\{"),
            },
            '}' => out.push_str("\\}"),
            '[' => {
                let (set, length) =
                    set(&letters[at..], notation).ok_or(Refusal::Wrong("Unmatched [, [^, [:, [., or [="))?;
                out.push_str(&set);
                at += length;
            }
            '^' => {
                let anchors = !basic || out.is_empty() || out.ends_with('(') || out.ends_with('|');
                out.push_str(if anchors { "^" } else { "\\^" });
                repeatable = !anchors;
                continue;
            }
            '$' => {
                let rest: String = letters[at..].iter().take(2).collect();
                let anchors = !basic || rest.is_empty() || rest == "\\)" || rest == "\\|";
                out.push_str(if anchors { "$" } else { "\\$" });
            }
            '<' => out.push_str("\\b{start}"),
            '>' => out.push_str("\\b{end}"),
            '`' => out.push_str("\\A"),
            '\'' => out.push_str("\\z"),
            'w' => out.push_str("[A-Za-z0-9_]"),
            'W' => out.push_str("[^A-Za-z0-9_]"),
            '.' => out.push('.'),
            other => {
                out.push('\\');
                out.push(other);
            }
        }
        repeatable = true;
    }
    if open > 0 { Err(Refusal::Wrong("Unmatched ( or \\(")) } else { Ok(out) }
}

fn ends_escaped(text: &str) -> bool {
    let before = &text[..text.len() - 1];
    (before.len() - before.trim_end_matches('\\').len()) % 2 == 1
}

/// Where the last thing begins that an operator was put behind: only single letters, sets and groups come here.
fn last_atom(text: &str) -> usize {
    let body = text.trim_end_matches(['*', '+', '?']);
    if body.ends_with(']') {
        body.rfind('[').unwrap_or(0)
    } else if body.ends_with(')') {
        body.rfind('(').unwrap_or(0)
    } else {
        let letter = body.chars().next_back().map_or(0, char::len_utf8);
        let start = body.len() - letter;
        if body[..start].ends_with('\\') { start - 1 } else { start }
    }
}

/// `{2,5}` after its brace, and how many letters it takes up.
fn interval(letters: &[char], basic: bool) -> Option<(String, usize)> {
    let end = letters.iter().position(|letter| !letter.is_ascii_digit() && *letter != ',')?;
    let inside: String = letters[..end].iter().collect();
    let closes = if basic { letters[end..].starts_with(&['\\', '}']) } else { letters[end] == '}' };
    let (low, high) = inside.split_once(',').unwrap_or((&inside, &inside));
    let small = |text: &str| text.is_empty() || text.parse::<u32>().is_ok_and(|number| number <= 1000);
    let fits = closes && !inside.is_empty() && small(low) && small(high) && !high.contains(',');
    let low = if low.is_empty() { "0" } else { low };
    let text = if inside.contains(',') { format!("{{{low},{high}}}") } else { format!("{{{low}}}") };
    fits.then_some((text, end + if basic { 2 } else { 1 }))
}

/// A bracket expression after its `[`, in the crate's notation.
fn set(letters: &[char], notation: Notation) -> Option<(String, usize)> {
    let (mut out, mut at) = (String::from("["), 0);
    if letters.first() == Some(&'^') {
        out.push('^');
        at += 1;
    }
    let first = at;
    loop {
        let letter = *letters.get(at)?;
        if letter == ']' && at > first {
            out.push(']');
            return Some((out, at + 1));
        }
        if letter == '[' && letters.get(at + 1) == Some(&':') {
            let rest: String = letters[at + 2..].iter().take(10).collect();
            let name = rest.split_once(":]")?.0.to_owned();
            let (_, ranges) = CLASSES.iter().find(|(class, _)| *class == name)?;
            for (low, high) in *ranges {
                out.push_str(&format!("{}-{}", one(*low), one(*high)));
            }
            at += name.len() + 4;
            continue;
        }
        let (letter, length) = member(&letters[at..], notation);
        at += length;
        let range = letters.get(at) == Some(&'-') && letters.get(at + 1).is_some_and(|end| *end != ']');
        out.push_str(&one(letter));
        if range {
            let (end, length) = member(&letters[at + 1..], notation);
            out.push_str(&format!("-{}", one(end)));
            at += 1 + length;
        }
    }
}

/// One letter of a set. A backslash is one as well, except that awk and GNU sed know `\n`, `\t`, and awk all others.
fn member(letters: &[char], notation: Notation) -> (char, usize) {
    match (letters, notation) {
        (['\\', 'n', ..], _) => ('\n', 2),
        (['\\', 't', ..], _) => ('\t', 2),
        (['\\', letter, ..], Notation::Awk) => (*letter, 2),
        (['\\', ']', ..], _) => ('\\', 1),
        ([letter, ..], _) => (*letter, 1),
        ([], _) => ('\\', 1),
    }
}

fn one(letter: char) -> String {
    format!("\\x{{{:x}}}", u32::from(letter))
}
