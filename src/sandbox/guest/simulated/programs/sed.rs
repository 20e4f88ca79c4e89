//! `sed`: the script is a list of commands with addresses; loops go by labels.

use super::{
    options::Options,
    regular::{Notation, Regular},
};
use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    sh::Shell,
};

enum Address {
    Line(usize),
    Last,
    Pattern(Option<Regular>),
    /// `first~step`.
    Step(usize, usize),
}

struct Command {
    from: Option<Address>,
    to: Option<Address>,
    not: bool,
    action: Action,
    /// Whether a range is open.
    inside: bool,
}

enum Action {
    Begin(usize),
    End,
    Substitute { pattern: Option<Regular>, with: String, all: bool, nth: usize, print: bool },
    Translate(Vec<(char, char)>),
    Jump(char, String),
    Label(String),
    Text(char, String),
    Simple(char, i32),
}

pub(super) fn sed(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let long = [("quiet", 'n'), ("silent", 'n'), ("expression", 'e'), ("regexp-extended", 'E')];
    let mut options = Options::read(words, "nEre:su", &long)?;
    let mut scripts: Vec<String> = options.values('e').map(str::to_owned).collect();
    if scripts.is_empty() {
        if options.operands.is_empty() {
            shell.complain("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n");
            return Ok(1);
        }
        scripts.push(options.operands.remove(0));
    }
    let notation = if options.has('E') || options.has('r') { Notation::Extended } else { Notation::Basic };
    let script = scripts.join("\n");
    shell.machine.spend_bytes(script.len() * 16)?;
    let commands = match (Reader { letters: script.chars().collect(), at: 0, notation }).commands()? {
        Ok(commands) => commands,
        Err(what) => {
            shell.complain(&format!("sed: -e expression #1, char 0: {what}\n"));
            return Ok(1);
        }
    };
    let (text, failed) = shell.input_text("sed", &options.operands)?;
    let ends = text.ends_with('\n') || text.is_empty();
    let lines: Vec<&str> = text.lines().collect();
    let mut editor =
        Editor { commands, lines, next: 0, quiet: options.has('n'), out: String::new(), last: None };
    let status = editor.run(shell)?;
    if !ends && editor.next == editor.lines.len() && editor.out.ends_with('\n') {
        editor.out.pop();
    }
    shell.say(editor.out);
    Ok(if failed { 2 } else { status })
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    notation: Notation,
}

type Read<T> = Result<Result<T, String>, Stop>;

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

    fn commands(&mut self) -> Read<Vec<Command>> {
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

struct Editor<'a> {
    commands: Vec<Command>,
    lines: Vec<&'a str>,
    /// The number of the line that is being edited, which is the place of the next.
    next: usize,
    quiet: bool,
    out: String,
    /// The last pattern used, which an empty one means.
    last: Option<Regular>,
}

impl Editor<'_> {
    fn run(&mut self, shell: &mut Shell) -> Result<i32, Stop> {
        let mut hold = String::new();
        'lines: while self.next < self.lines.len() {
            let mut space = self.lines[self.next].to_owned();
            self.next += 1;
            let (mut at, mut replaced, mut after) = (0, false, String::new());
            while at < self.commands.len() {
                shell.machine.spend(1 + space.len() as u64 / 64)?;
                let place = at;
                at += 1;
                if !self.applies(place, &space) {
                    if let Action::Begin(end) = self.commands[place].action {
                        at = end + 1;
                    }
                    continue;
                }
                match &self.commands[place].action {
                    Action::Begin(_) | Action::End | Action::Label(_) => {}
                    Action::Substitute { .. } => {
                        if let Some(text) = self.substitute(place, &space) {
                            (space, replaced) = (text, true);
                            if let Action::Substitute { print: true, .. } = self.commands[place].action {
                                self.print(&space);
                            }
                        }
                    }
                    Action::Translate(pairs) => {
                        let other = |letter: char| pairs.iter().find(|(from, _)| *from == letter);
                        space =
                            space.chars().map(|letter| other(letter).map_or(letter, |(_, to)| *to)).collect();
                    }
                    Action::Jump(kind, label) => {
                        let jumps = match kind {
                            'b' => true,
                            't' => std::mem::take(&mut replaced),
                            _ => !std::mem::take(&mut replaced),
                        };
                        if jumps {
                            let found = self.commands.iter().position(
                                |command| matches!(&command.action, Action::Label(name) if name == label),
                            );
                            at = match found {
                                Some(place) => place,
                                None if label.is_empty() => self.commands.len(),
                                None => {
                                    shell.complain(&format!("sed: can't find label for jump to `{label}'\n"));
                                    return Ok(1);
                                }
                            };
                        }
                    }
                    Action::Text('a', text) => after.push_str(text),
                    Action::Text('i', text) => self.out.push_str(text),
                    Action::Text(_, text) => {
                        let command = &self.commands[place];
                        if command.to.is_none() || command.not || !command.inside {
                            self.out.push_str(text);
                        }
                        continue 'lines;
                    }
                    Action::Simple(letter, code) => match (*letter, *code) {
                        ('p', _) => self.print(&space),
                        ('P', _) => {
                            let first = space.split('\n').next().unwrap_or_default().to_owned();
                            self.print(&first);
                        }
                        ('=', _) => self.out.push_str(&format!("{}\n", self.next)),
                        ('d', _) => {
                            self.out.push_str(&after);
                            continue 'lines;
                        }
                        ('D', _) => match space.split_once('\n') {
                            Some(_) => return Err(lost("sed's D with several lines is not simulated")),
                            None => continue 'lines,
                        },
                        ('q', code) => {
                            self.end_line(&space, &after);
                            return Ok(code);
                        }
                        ('Q', code) => return Ok(code),
                        ('n' | 'N', _) if self.next >= self.lines.len() => {
                            // GNU prints what it has; only `n` would not if nothing is to be printed.
                            self.end_line(&space, &after);
                            return Ok(0);
                        }
                        ('n', _) => {
                            self.end_line(&space, &after);
                            after.clear();
                            self.lines[self.next].clone_into(&mut space);
                            self.next += 1;
                        }
                        ('N', _) => {
                            space = format!("{space}\n{}", self.lines[self.next]);
                            self.next += 1;
                        }
                        ('h', _) => hold.clone_from(&space),
                        ('H', _) => hold = format!("{hold}\n{space}"),
                        ('g', _) => space.clone_from(&hold),
                        ('G', _) => space = format!("{space}\n{hold}"),
                        _ => std::mem::swap(&mut space, &mut hold),
                    },
                }
                if space.len() + hold.len() > 1 << 20 {
                    return Err(lost("sed holds too much"));
                }
            }
            self.end_line(&space, &after);
        }
        Ok(0)
    }

    fn print(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn end_line(&mut self, space: &str, after: &str) {
        if !self.quiet {
            self.print(space);
        }
        self.out.push_str(after);
    }

    fn matches(&mut self, pattern: Option<&Regular>, space: &str) -> bool {
        if let Some(pattern) = pattern {
            self.last = Some(pattern.clone());
        }
        self.last.as_ref().is_some_and(|pattern| pattern.is_match(space))
    }

    fn address(&mut self, address: &Address, space: &str) -> bool {
        match address {
            Address::Line(number) => *number == self.next,
            Address::Last => self.next == self.lines.len(),
            Address::Step(first, step) => {
                self.next >= *first
                    && (self.next - first).checked_rem(*step).map_or(self.next == *first, |rest| rest == 0)
            }
            Address::Pattern(pattern) => self.matches(pattern.as_ref(), space),
        }
    }

    fn applies(&mut self, place: usize, space: &str) -> bool {
        // Taken out, for the editor notes the last pattern while it looks.
        let command = &mut self.commands[place];
        let (from, to, not, inside) = (command.from.take(), command.to.take(), command.not, command.inside);
        let (mut now_inside, applies) = (
            inside,
            match (&from, &to) {
                (None, _) => true,
                (Some(from), None) => self.address(from, space),
                (Some(from), Some(_)) => inside || self.address(from, space),
            },
        );
        if let (true, Some(to)) = (applies, &to) {
            now_inside = match to {
                Address::Line(number) => self.next < *number,
                to => !inside || !self.address(to, space),
            };
        }
        let command = &mut self.commands[place];
        (command.from, command.to, command.inside) = (from, to, now_inside);
        applies != not
    }

    /// The text with its matches replaced, if there are any.
    fn substitute(&mut self, place: usize, space: &str) -> Option<String> {
        let Action::Substitute { pattern, with, all, nth, .. } = &self.commands[place].action else {
            return None;
        };
        if let Some(pattern) = pattern {
            self.last = Some(pattern.clone());
        }
        let pattern = self.last.as_ref()?;
        replace(pattern, space, *nth, *all, |groups, out| {
            let group = |number: usize| {
                groups.get(number).copied().flatten().map_or("", |(start, end)| &space[start..end])
            };
            expand(with, group, out);
        })
    }
}

/// Replaces the `nth` match, or all from there on; `None` where there is none.
pub(super) fn replace(
    pattern: &Regular,
    text: &str,
    nth: usize,
    all: bool,
    mut with: impl FnMut(&super::regular::Groups, &mut String),
) -> Option<String> {
    let (mut out, mut at, mut copied, mut count) = (String::new(), 0, 0, 0);
    let (mut changed, mut last_end) = (false, None);
    while at <= text.len() {
        let Some(groups) = pattern.find(text, at) else { break };
        let (start, end) = groups.first().copied().flatten()?;
        // An empty match right behind another one does not count.
        if start < end || last_end != Some(start) {
            count += 1;
            if count >= nth {
                out.push_str(&text[copied..start]);
                with(&groups, &mut out);
                (copied, changed) = (end, true);
                if !all {
                    break;
                }
            }
        }
        last_end = Some(end);
        at = if end > start { end } else { end + text[end..].chars().next().map_or(1, char::len_utf8) };
    }
    changed.then(|| out + &text[copied..])
}

/// The replacement of an `s`: `&`, `\1`, `\n`, and the cases of GNU's `\U`, `\L`, `\E`.
fn expand<'a>(with: &str, group: impl Fn(usize) -> &'a str, out: &mut String) {
    let mut case = None;
    let mut push = |text: &str, case: Option<char>| match case {
        Some('U') => out.push_str(&text.to_uppercase()),
        Some('L') => out.push_str(&text.to_lowercase()),
        _ => out.push_str(text),
    };
    let mut letters = with.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => push(group(0), case),
            '\\' => match letters.next() {
                Some(digit @ '0'..='9') => push(group(digit.to_digit(10).unwrap_or(0) as usize), case),
                Some('n') => push("\n", None),
                Some('t') => push("\t", None),
                Some(letter @ ('U' | 'L')) => case = Some(letter),
                Some('E') => case = None,
                Some(other) => push(other.encode_utf8(&mut [0; 4]), case),
                None => push("\\", None),
            },
            letter => push(letter.encode_utf8(&mut [0; 4]), case),
        }
    }
}
