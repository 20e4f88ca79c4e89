//! Field splitting: how the values of unquoted expansions fall into several words at the letters of `IFS`.

use super::pattern::Letter;

/// Words under construction.
pub(super) struct Fields {
    done: Vec<Vec<Letter>>,
    current: Option<Vec<Letter>>,
    /// `None` where nothing is split: in assignments, `case`, redirections.
    separators: Option<String>,
    /// Whether blanks have just ended a field, so that a separator after them ends no second one.
    ended_by_blank: bool,
    length: usize,
}

impl Fields {
    pub(super) fn new(separators: Option<String>) -> Self {
        Self { done: Vec::new(), current: None, separators, ended_by_blank: false, length: 0 }
    }

    pub(super) fn splits(&self) -> bool {
        self.separators.is_some()
    }

    /// How many letters there are in all.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Appends text that is not split. Even empty it makes a word.
    pub(super) fn push(&mut self, text: &str, quoted: bool) {
        self.ended_by_blank = false;
        let current = self.current.get_or_insert_with(Vec::new);
        let before = current.len();
        current.extend(text.chars().map(|letter| (letter, quoted)));
        self.length += current.len() - before;
    }

    /// Appends the value of an unquoted expansion.
    pub(super) fn split(&mut self, text: &str) {
        let Some(separators) = self.separators.clone() else {
            if !text.is_empty() {
                self.push(text, false);
            }
            return;
        };
        for letter in text.chars() {
            self.length += 1;
            if !separators.contains(letter) {
                self.ended_by_blank = false;
                self.current.get_or_insert_with(Vec::new).push((letter, false));
            } else if " \t\n".contains(letter) {
                self.ended_by_blank |= self.current.is_some();
                self.done.extend(self.current.take());
            } else if !std::mem::take(&mut self.ended_by_blank) {
                self.done.push(self.current.take().unwrap_or_default());
            }
        }
    }

    /// Ends the word here, whatever follows.
    pub(super) fn cut(&mut self) {
        self.done.extend(self.current.take());
    }

    pub(super) fn finish(mut self) -> Vec<Vec<Letter>> {
        self.cut();
        self.done
    }
}

/// Splits a line for `read` into at most `count` values; the last takes all that is left.
pub(crate) fn read_fields(line: &[Letter], count: usize, separators: &str) -> Vec<String> {
    let separates = |letter: &Letter| !letter.1 && separators.contains(letter.0);
    let is_blank = |letter: &Letter| separates(letter) && " \t\n".contains(letter.0);
    let skip = |mut at: usize| {
        while line.get(at).is_some_and(is_blank) {
            at += 1;
        }
        at
    };
    let mut values = Vec::new();
    let mut at = skip(0);
    while values.len() + 1 < count && at < line.len() {
        let end = line[at..].iter().position(separates).map_or(line.len(), |length| at + length);
        values.push(text(&line[at..end]));
        at = skip(end);
        if line.get(at).is_some_and(|letter| separates(letter) && !is_blank(letter)) {
            at = skip(at + 1);
        }
    }
    if values.len() < count {
        let rest = &line[at.min(line.len())..];
        let mut end = rest.len();
        while end > 0 && is_blank(&rest[end - 1]) {
            end -= 1;
        }
        // One separator at the very end ends the last value; more of them belong to it.
        if end > 0
            && separates(&rest[end - 1])
            && rest[..end - 1].iter().all(|letter| !separates(letter) || is_blank(letter))
        {
            end -= 1;
        }
        values.push(text(&rest[..end]));
    }
    values.resize(count, String::new());
    values
}

fn text(letters: &[Letter]) -> String {
    letters.iter().map(|(letter, _)| letter).collect()
}
