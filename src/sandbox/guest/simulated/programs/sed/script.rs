//! A sed script taken apart: commands with their addresses.

use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    programs::regular::{Notation, Regular},
};

pub(super) enum Address {
    Line(usize),
    Last,
    Pattern(Option<Regular>),
    /// `first~step`.
    Step(usize, usize),
}

pub(super) struct Command {
    pub(super) from: Option<Address>,
    pub(super) to: Option<Address>,
    pub(super) not: bool,
    pub(super) action: Action,
    /// Whether a range is open.
    pub(super) inside: bool,
}

pub(super) enum Action {
    Begin(usize),
    End,
    Substitute { pattern: Option<Regular>, with: String, all: bool, nth: usize, print: bool },
    Translate(Vec<(char, char)>),
    Jump(char, String),
    Label(String),
    Text(char, String),
    Simple(char, i32),
}

/// Reads a script.
pub(super) struct Reader {
    letters: Vec<char>,
    at: usize,
    notation: Notation,
}

pub(super) type Read<T> = Result<Result<T, String>, Stop>;

/// Passes what is wrong with the script on.
macro_rules! right {
    ($read:expr) => {
        match $read {
            Ok(value) => value,
            Err(what) => return Ok(Err(what)),
        }
    };
}

impl Reader {
    pub(super) fn new(script: &str, notation: Notation) -> Self {
        Self { letters: script.chars().collect(), at: 0, notation }
    }

    fn look(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let letter = self.look();
        self.at += usize::from(letter.is_some());
        letter
    }

    fn skip(&mut self, unwanted: &str) {
        while self.look().is_some_and(|letter| unwanted.contains(letter)) {
            self.at += 1;
        }
    }

    fn number(&mut self) -> Option<usize> {
        let start = self.at;
        while self.look().is_some_and(|letter| letter.is_ascii_digit()) {
            self.at += 1;
        }
        self.letters[start..self.at].iter().collect::<String>().parse().ok()
    }

    /// The text up to a delimiter; a delimiter in a bracket expression of a pattern does not count.
    fn until(&mut self, delimiter: char, is_pattern: bool) -> Option<String> {
        let (mut text, mut set) = (String::new(), 0);
        loop {
            let letter = self.take()?;
            match letter {
                '\\' if self.look() == Some(delimiter) => {
                    self.at += 1;
                    text.push(delimiter);
                }
                '\\' if set == 0 || !is_pattern => {
                    text.push('\\');
                    text.extend(self.take());
                }
                '[' if is_pattern && set == 0 => {
                    set = 1;
                    text.push('[');
                    for letter in ['^', ']'] {
                        if self.look() == Some(letter) {
                            self.at += 1;
                            text.push(letter);
                        }
                    }
                }
                '[' if set == 1 && self.look() == Some(':') => {
                    set = 2;
                    text.push('[');
                }
                ']' if set > 0 => {
                    set -= 1;
                    text.push(']');
                }
                letter if letter == delimiter && set == 0 => return Some(text),
                letter => text.push(letter),
            }
        }
    }

    fn pattern(&mut self, text: &str, any_case: bool) -> Read<Option<Regular>> {
        if text.is_empty() {
            return Ok(Ok(None));
        }
        Ok(Regular::new(text, self.notation, any_case)?.map(Some))
    }

    fn address(&mut self) -> Read<Option<Address>> {
        Ok(Ok(match self.look() {
            Some('$') => {
                self.at += 1;
                Some(Address::Last)
            }
            Some(letter @ ('/' | '\\')) => {
                self.at += 1;
                let delimiter = if letter == '\\' { self.take().unwrap_or('/') } else { '/' };
                let text = right!(self.until(delimiter, true).ok_or("unterminated address regex".to_owned()));
                let any_case = self.look() == Some('I');
                self.at += usize::from(any_case);
                Some(Address::Pattern(right!(self.pattern(&text, any_case)?)))
            }
            Some(letter) if letter.is_ascii_digit() => {
                let first = self.number().unwrap_or(0);
                if self.look() == Some('~') {
                    self.at += 1;
                    Some(Address::Step(first, self.number().unwrap_or(0)))
                } else {
                    Some(Address::Line(first))
                }
            }
            _ => None,
        }))
    }

    pub(super) fn commands(&mut self) -> Read<Vec<Command>> {
        let (mut commands, mut open) = (Vec::<Command>::new(), Vec::new());
        loop {
            self.skip(" \t\n;");
            if self.look().is_none() {
                break;
            }
            let from = right!(self.address()?);
            self.skip(" \t");
            let mut to = None;
            if from.is_some() && self.look() == Some(',') {
                self.at += 1;
                self.skip(" \t");
                to = right!(self.address()?);
                if to.is_none() {
                    return if self.look() == Some('+') {
                        Err(lost("sed's address,+N is not simulated"))
                    } else {
                        Ok(Err("unexpected `,'".to_owned()))
                    };
                }
            }
            self.skip(" \t");
            let mut not = false;
            while self.look() == Some('!') {
                self.at += 1;
                not = true;
                self.skip(" \t");
            }
            let Some(letter) = self.take() else { return Ok(Err("missing command".to_owned())) };
            let action = match letter {
                '#' => {
                    while self.look().is_some_and(|letter| letter != '\n') {
                        self.at += 1;
                    }
                    continue;
                }
                '{' => {
                    open.push(commands.len());
                    Action::Begin(0)
                }
                '}' => {
                    let Some(begin) = open.pop() else { return Ok(Err("unexpected `}'".to_owned())) };
                    commands[begin].action = Action::Begin(commands.len());
                    Action::End
                }
                's' => right!(self.substitute()?),
                'y' => right!(self.translate()),
                'b' | 't' | 'T' => Action::Jump(letter, self.word()),
                ':' => Action::Label(self.word()),
                'a' | 'i' | 'c' => Action::Text(letter, self.text()),
                'q' | 'Q' => {
                    self.skip(" \t");
                    Action::Simple(
                        letter,
                        self.number().and_then(|code| i32::try_from(code).ok()).unwrap_or(0),
                    )
                }
                'p' | 'P' | 'd' | 'D' | '=' | 'n' | 'N' | 'h' | 'H' | 'g' | 'G' | 'x' => {
                    Action::Simple(letter, 0)
                }
                'l' | 'r' | 'R' | 'w' | 'W' | 'e' | 'z' | 'F' => {
                    return Err(lost(format!("sed's {letter} is not simulated")));
                }
                other => return Ok(Err(format!("unknown command: `{other}'"))),
            };
            commands.push(Command { from, to, not, action, inside: false });
            self.skip(" \t");
            match self.look() {
                None | Some(';' | '\n' | '}' | '#') => {}
                Some(_) if matches!(letter, '{' | '}') => {}
                Some(_) => return Ok(Err("extra characters after command".to_owned())),
            }
        }
        Ok(if open.is_empty() { Ok(commands) } else { Err("unmatched `{'".to_owned()) })
    }

    fn word(&mut self) -> String {
        self.skip(" \t");
        let mut word = String::new();
        while let Some(letter) = self.look().filter(|letter| !";\n}".contains(*letter)) {
            word.push(letter);
            self.at += 1;
        }
        word.trim_end().to_owned()
    }

    /// The text of `a`, `i` and `c`: on this line, or after `\` on the next ones.
    fn text(&mut self) -> String {
        self.skip(" \t");
        if self.look() == Some('\\') {
            self.at += 1;
            self.skip(" \t");
            if self.look() == Some('\n') {
                self.at += 1;
            }
        }
        let mut text = String::new();
        while let Some(letter) = self.take() {
            match letter {
                '\n' => break,
                '\\' => text.extend(self.take()),
                letter => text.push(letter),
            }
        }
        text + "\n"
    }

    fn translate(&mut self) -> Result<Action, String> {
        let delimiter = self.take().unwrap_or('/');
        let mut half = || {
            let text = self.until(delimiter, false)?;
            Some(text.replace("\\n", "\n").replace("\\\\", "\\").chars().collect::<Vec<_>>())
        };
        match (half(), half()) {
            (Some(from), Some(to)) if from.len() == to.len() => {
                Ok(Action::Translate(from.into_iter().zip(to).collect()))
            }
            _ => Err("strings for `y' command are different lengths".to_owned()),
        }
    }

    fn substitute(&mut self) -> Read<Action> {
        let unterminated = || "unterminated `s' command".to_owned();
        let delimiter = right!(self.take().ok_or_else(unterminated));
        let pattern = right!(self.until(delimiter, true).ok_or_else(unterminated));
        let with = right!(self.until(delimiter, false).ok_or_else(unterminated));
        let (mut all, mut nth, mut print, mut any_case) = (false, 1, false, false);
        loop {
            match self.look() {
                Some('g') => all = true,
                Some('p') => print = true,
                Some('i' | 'I') => any_case = true,
                Some(letter) if letter.is_ascii_digit() => {
                    nth = self.number().unwrap_or(1).max(1);
                    continue;
                }
                Some('e' | 'm' | 'M' | 'w') => return Err(lost("this flag of sed's s is not simulated")),
                _ => break,
            }
            self.at += 1;
        }
        let pattern = right!(self.pattern(&pattern, any_case)?);
        Ok(Ok(Action::Substitute { pattern, with, all, nth, print }))
    }
}
