//! `sed`: carries the commands of its `script` out on each line.

mod script;

use std::fmt::Write as _;

use self::script::{Action, Address, Command, Reader};
use super::{
    options::Options,
    regular::{Groups, Notation, Regular},
};
use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    sh::Shell,
};

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
    let commands = match Reader::new(&script, notation).commands()? {
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
                            let Some(place) = self.place_of(label) else {
                                shell.complain(&format!("sed: can't find label for jump to `{label}'\n"));
                                return Ok(1);
                            };
                            at = place;
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
                        ('P', _) => self.print(space.split('\n').next().unwrap_or_default()),
                        ('=', _) => _ = writeln!(self.out, "{}", self.next),
                        ('d', _) => {
                            self.out.push_str(&after);
                            continue 'lines;
                        }
                        ('D', _) if space.contains('\n') => {
                            return Err(lost("sed's D with several lines is not simulated"));
                        }
                        ('D', _) => continue 'lines,
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

    /// Where a label stands; none at all is behind the last command.
    fn place_of(&self, label: &str) -> Option<usize> {
        if label.is_empty() {
            return Some(self.commands.len());
        }
        self.commands
            .iter()
            .position(|command| matches!(&command.action, Action::Label(name) if name == label))
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
    mut with: impl FnMut(&Groups, &mut String),
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
