//! Shell patterns: `*`, `?`, `[…]` against a text, as `case`, `${x%…}` and path names use them.

/// A pattern taken apart.
#[derive(Debug, Default)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Debug)]
enum Part {
    Letter(char),
    Any,
    Many,
    Set { not: bool, ranges: Vec<(char, char)> },
}

/// A letter, and whether it was quoted.
pub(crate) type Letter = (char, bool);

impl Pattern {
    /// Reads a pattern; quoted letters stand for themselves.
    pub(crate) fn new(letters: &[Letter]) -> Self {
        let (mut parts, mut at) = (Vec::new(), 0);
        while let Some((letter, quoted)) = letters.get(at).copied() {
            at += 1;
            let part = match letter {
                _ if quoted => Part::Letter(letter),
                '*' => Part::Many,
                '?' => Part::Any,
                '[' => match set(&letters[at..]) {
                    Some((part, length)) => {
                        at += length;
                        part
                    }
                    None => Part::Letter('['),
                },
                // From a variable's value; in the script itself it would have been a quote.
                '\\' if at < letters.len() => {
                    at += 1;
                    Part::Letter(letters[at - 1].0)
                }
                _ => Part::Letter(letter),
            };
            parts.push(part);
        }
        Self(parts)
    }

    /// The same for a text without quotes.
    pub(crate) fn of(text: &str) -> Self {
        Self::new(&text.chars().map(|letter| (letter, false)).collect::<Vec<_>>())
    }

    /// Whether these letters could match anything but themselves.
    pub(crate) fn is_wild(letters: &[Letter]) -> bool {
        letters.iter().any(|(letter, quoted)| !quoted && "*?[".contains(*letter))
    }

    /// Whether it matches the whole text.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.matches_letters(&text.chars().collect::<Vec<_>>())
    }

    /// The same for letters. A `*` is only ever tried again from the last one seen, so this is at worst quadratic.
    pub(crate) fn matches_letters(&self, text: &[char]) -> bool {
        let (mut part, mut at, mut retry) = (0, 0, None);
        loop {
            let fits = match self.0.get(part) {
                Some(Part::Many) => {
                    retry = Some((part, at));
                    part += 1;
                    continue;
                }
                Some(one) => text.get(at).is_some_and(|letter| one.takes(*letter)),
                None if at == text.len() => return true,
                None => false,
            };
            if fits {
                (part, at) = (part + 1, at + 1);
            } else if let Some((many, from)) = retry.filter(|(_, from)| *from < text.len()) {
                (part, at, retry) = (many + 1, from + 1, Some((many, from + 1)));
            } else {
                return false;
            }
        }
    }
}

impl Part {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::Letter(own) => *own == letter,
            Self::Any | Self::Many => true,
            Self::Set { not, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != *not
            }
        }
    }
}

/// The set that begins after a `[`, and how many letters it takes up.
fn set(letters: &[Letter]) -> Option<(Part, usize)> {
    let (mut at, mut ranges) = (0, Vec::new());
    let not = matches!(letters.first(), Some(('!' | '^', false)));
    if not {
        at += 1;
    }
    let first = at;
    loop {
        let (letter, quoted) = *letters.get(at)?;
        if letter == ']' && !quoted && at > first {
            return Some((Part::Set { not, ranges }, at + 1));
        }
        if let Some((class, length)) = (letter == '[' && !quoted).then(|| class(&letters[at..])).flatten() {
            ranges.extend_from_slice(class);
            at += length;
            continue;
        }
        let to = match (letters.get(at + 1), letters.get(at + 2)) {
            (Some(('-', false)), Some((to, quoted))) if *to != ']' || *quoted => Some(*to),
            _ => None,
        };
        ranges.push((letter, to.unwrap_or(letter)));
        at += if to.is_some() { 3 } else { 1 };
    }
}

type Ranges = &'static [(char, char)];

/// The classes of POSIX, for ASCII.
pub(crate) const CLASSES: [(&str, Ranges); 11] = [
    ("alnum", &[('a', 'z'), ('A', 'Z'), ('0', '9')]),
    ("alpha", &[('a', 'z'), ('A', 'Z')]),
    ("blank", &[(' ', ' '), ('\t', '\t')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("digit", &[('0', '9')]),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", &[(' ', ' '), ('\t', '\r')]),
    ("upper", &[('A', 'Z')]),
];

/// `[:name:]`, and how many letters it takes up.
fn class(letters: &[Letter]) -> Option<(Ranges, usize)> {
    let text: String = letters.iter().take(12).map(|(letter, _)| *letter).collect();
    let name = text.strip_prefix("[:")?.split_once(":]")?.0;
    let (_, ranges) = CLASSES.iter().find(|(class, _)| *class == name)?;
    Some((ranges, name.len() + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, matches) in [
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*", "", true),
            ("?", "", false),
            ("*.log", "a.b.log", true),
            ("[!a-c]x", "dx", true),
            ("[a-c]x", "dx", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("[[:digit:]_]*", "7z", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("*a*b*c*", "xxaxxbxxcxx", true),
        ] {
            assert_eq!(Pattern::of(pattern).matches(text), matches, "{pattern} {text}");
        }
        assert!(Pattern::new(&[('*', true)]).matches("*"));
        assert!(!Pattern::new(&[('*', true)]).matches("x"));
    }

    #[test]
    fn hostile_patterns_are_quick() {
        assert!(!Pattern::of(&"*a".repeat(200)).matches(&"a".repeat(5000).replace('a', "b")));
    }
}
