//! Expansion: what words become once parameters, `$(…)`, `$((…))` and path names are known.

use super::{
    arithmetic,
    fields::Fields,
    interpreter::Shell,
    pattern::{Letter, Pattern},
    syntax::{Action, List, Piece, Word},
};
use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    stream::Descriptor,
};

/// How many letters a word may grow to.
const LONGEST: usize = 1 << 18;

impl Shell<'_, '_> {
    /// The fields that words become: split, and path names filled in.
    pub(super) fn fields(&mut self, words: &[Word]) -> Result<Vec<String>, Stop> {
        let mut all = Vec::new();
        for word in words {
            let mut fields = Fields::new(Some(self.separators()));
            self.expand(word, &mut fields, false)?;
            for letters in fields.finish() {
                let wild = !self.state.switches.no_globs && Pattern::is_wild(&letters);
                let found =
                    if wild { self.machine.files.glob(&self.state.directory, &letters) } else { Vec::new() };
                self.machine.spend(found.len() as u64)?;
                if found.is_empty() {
                    all.push(text(&letters));
                } else {
                    all.extend(found);
                }
            }
        }
        Ok(all)
    }

    /// A word as one text, as in assignments and redirections.
    pub(super) fn word(&mut self, word: &Word) -> Result<String, Stop> {
        if let [Piece::Text { text, .. }] = word.0.as_slice()
            && !text.starts_with('~')
        {
            return Ok(text.clone());
        }
        self.letters(word).map(|letters| text(&letters))
    }

    pub(super) fn pattern(&mut self, word: &Word) -> Result<Pattern, Stop> {
        self.letters(word).map(|letters| Pattern::new(&letters))
    }

    fn letters(&mut self, word: &Word) -> Result<Vec<Letter>, Stop> {
        let mut fields = Fields::new(None);
        self.expand(word, &mut fields, false)?;
        Ok(fields.finish().pop().unwrap_or_default())
    }

    fn separators(&self) -> String {
        self.state.value("IFS").unwrap_or(" \t\n").to_owned()
    }

    /// Expands a word into `fields`; `splits_text` where its unquoted text comes out of an expansion itself.
    fn expand(&mut self, word: &Word, fields: &mut Fields, splits_text: bool) -> Result<(), Stop> {
        for (place, piece) in word.0.iter().enumerate() {
            match piece {
                Piece::Text { text, quoted: false }
                    if place == 0 && (text == "~" || text.starts_with("~/")) =>
                {
                    let home = self.state.value("HOME").unwrap_or_default().to_owned();
                    fields.push(&(home + &text[1..]), true);
                }
                Piece::Text { text, quoted: false } if splits_text => fields.split(text),
                Piece::Text { text, quoted } => fields.push(text, *quoted),
                Piece::Output { script, quoted } => {
                    let output = self.output(script)?;
                    append(fields, &output, *quoted);
                }
                Piece::Arithmetic { expression, quoted } => {
                    let expression = self.word(expression)?;
                    let value = self.arithmetic(&expression)?;
                    append(fields, &value.to_string(), *quoted);
                }
                Piece::Parameter { name, action, quoted } => {
                    let depth = self.machine.dive()?;
                    self.parameter(name, action, *quoted, fields)?;
                    self.machine.rise_to(depth);
                }
            }
            self.machine.spend(1 + fields.length() as u64 / 64)?;
            if fields.length() > LONGEST {
                return Err(lost("a word grew too long"));
            }
        }
        Ok(())
    }

    fn output(&mut self, script: &List) -> Result<String, Stop> {
        let (output, sink) = Descriptor::sink();
        let status = self.subshell(|child| {
            child.state.descriptors[1] = Some(output);
            child.list(script)
        })?;
        self.state.status = status;
        self.substituted = Some(status);
        let (mut bytes, until) = sink.borrow_mut().finish();
        self.pass_until(until)?;
        while bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        self.machine.spend_bytes(bytes.len())?;
        // A shell's variables hold no NUL.
        bytes.retain(|byte| *byte != 0);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn arithmetic(&mut self, expression: &str) -> Result<i64, Stop> {
        self.machine.spend_bytes(expression.len() * 4)?;
        let mut assigned = Assigned { shell: self, failed: None };
        let value = arithmetic::evaluate(expression, &mut assigned);
        if let Some(stop) = assigned.failed {
            return Err(stop);
        }
        value.map_err(|what| {
            self.gripe(&what);
            Stop::Exit(2)
        })
    }

    /// The value of a parameter; `None` where it is unset.
    fn value(&self, name: &str) -> Option<String> {
        let state = &self.state;
        match name {
            "?" => Some(state.status.to_string()),
            "#" => Some(state.positional.len().to_string()),
            "$" => Some(state.pid.to_string()),
            "!" => state.jobs.last().map(|job| job.pid.to_string()),
            "-" => Some(if state.switches.exit_on_error { "e" } else { "" }.to_owned()),
            "0" => Some(state.name.clone()),
            "@" | "*" => (!state.positional.is_empty()).then(|| state.positional.join(" ")),
            _ if name.starts_with(|letter: char| letter.is_ascii_digit()) => {
                let number: usize = name.parse().ok()?;
                state.positional.get(number.checked_sub(1)?).cloned()
            }
            "LINENO" => Some(state.line.to_string()),
            _ => state.value(name).map(str::to_owned),
        }
    }

    fn parameter(
        &mut self,
        name: &str,
        action: &Action,
        quoted: bool,
        fields: &mut Fields,
    ) -> Result<(), Stop> {
        let value = self.value(name);
        let there = |colon: bool| value.as_ref().is_some_and(|value| !colon || !value.is_empty());
        match action {
            Action::Plain => {}
            Action::Bad => {
                self.gripe("Bad substitution");
                return Err(Stop::Exit(2));
            }
            Action::Length => {
                let length = self.known(name, value)?.len();
                append(fields, &length.to_string(), quoted);
                return Ok(());
            }
            Action::Default { colon, .. } | Action::Assign { colon, .. } | Action::Complain { colon, .. }
                if there(*colon) => {}
            Action::Alternative { colon, .. } if !there(*colon) => {
                if quoted {
                    fields.push("", true);
                }
                return Ok(());
            }
            Action::Default { word, .. } | Action::Alternative { word, .. } => {
                if quoted && word.0.is_empty() {
                    fields.push("", true);
                }
                return self.expand(word, fields, !quoted);
            }
            Action::Assign { word, .. } => {
                let value = self.word(word)?;
                if !super::syntax::is_name(name) {
                    self.gripe(&format!("{name}: bad variable name"));
                    return Err(Stop::Exit(2));
                }
                self.assign(name, value.clone())?;
                append(fields, &value, quoted);
                return Ok(());
            }
            Action::Complain { colon, word } => {
                let mut what = self.word(word)?;
                if what.is_empty() {
                    what = format!("parameter not set{}", if *colon { " or null" } else { "" });
                }
                self.gripe(&format!("{name}: {what}"));
                return Err(Stop::Exit(2));
            }
            Action::Trim { front, longest, pattern } => {
                let value = self.known(name, value)?;
                let pattern = self.pattern(pattern)?;
                let trimmed = self.trim(&value, &pattern, *front, *longest)?;
                append(fields, &trimmed, quoted);
                return Ok(());
            }
        }
        if matches!(name, "@" | "*") {
            self.all_positional(name, quoted, fields);
            return Ok(());
        }
        let value = self.known(name, value)?;
        append(fields, &value, quoted);
        Ok(())
    }

    /// The value, or nothing; an error where `set -u` wants one.
    fn known(&mut self, name: &str, value: Option<String>) -> Result<String, Stop> {
        if value.is_none() && self.state.switches.no_unset && !matches!(name, "@" | "*" | "!") {
            self.gripe(&format!("{name}: parameter not set"));
            return Err(Stop::Exit(2));
        }
        Ok(value.unwrap_or_default())
    }

    fn all_positional(&self, name: &str, quoted: bool, fields: &mut Fields) {
        let all = &self.state.positional;
        let separator = match self.state.value("IFS") {
            Some(separators) => separators.chars().next().map_or_else(String::new, String::from),
            None => " ".to_owned(),
        };
        match (name, quoted, fields.splits()) {
            ("*", true, _) => fields.push(&all.join(&separator), true),
            (_, _, false) => {
                let between = if name == "*" { separator.as_str() } else { " " };
                append(fields, &all.join(between), quoted);
            }
            _ => {
                for (number, value) in all.iter().enumerate() {
                    if number > 0 {
                        fields.cut();
                    }
                    append(fields, value, quoted);
                }
            }
        }
    }

    /// Takes the shortest or longest match of a pattern from one end.
    fn trim(&mut self, value: &str, pattern: &Pattern, front: bool, longest: bool) -> Result<String, Stop> {
        let letters: Vec<char> = value.chars().collect();
        let length = letters.len();
        self.machine.spend((length as u64).pow(2) / 512)?;
        for taken in 0..=length {
            let taken = if longest { length - taken } else { taken };
            let (part, rest) = if front {
                (&letters[..taken], &letters[taken..])
            } else {
                (&letters[length - taken..], &letters[..length - taken])
            };
            if pattern.matches_letters(part) {
                return Ok(rest.iter().collect());
            }
        }
        Ok(value.to_owned())
    }
}

/// Appends a value: as it is where it is quoted, else split.
fn append(fields: &mut Fields, value: &str, quoted: bool) {
    if quoted {
        fields.push(value, true);
    } else {
        fields.split(value);
    }
}

fn text(letters: &[Letter]) -> String {
    letters.iter().map(|(letter, _)| letter).collect()
}

/// A shell's variables, as arithmetic sees them.
struct Assigned<'a, 's, 'm> {
    shell: &'a mut Shell<'s, 'm>,
    failed: Option<Stop>,
}

impl arithmetic::Variables for Assigned<'_, '_, '_> {
    fn value(&self, name: &str) -> Option<String> {
        self.shell.value(name)
    }

    fn assign(&mut self, name: &str, value: i64) {
        if let Err(stop) = self.shell.assign(name, value.to_string()) {
            self.failed.get_or_insert(stop);
        }
    }
}
