//! The simple commands of a shell script, as far as their words can be known without running it.
//!
//! It reads what POSIX calls the shell's grammar (XCU §2.10) loosely: enough to tell a command's name from its
//! arguments, and both from what stands in quotes, comments and here-documents. Of a text that is no script it makes
//! something harmless.

use std::ops::Range;

/// One simple command, or the end of a compound one (`)`, `}`, `done`) with what follows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// Its name and arguments, without reserved words and assignments.
    pub(super) words: Vec<Word>,
    /// `name=value` before it.
    pub(super) assignments: Vec<Word>,
    pub(super) redirections: Vec<Redirection>,
    /// It stands for the whole of a compound command that ends here.
    pub(super) closes: bool,
    /// The place of the `&` after it.
    pub(super) background: Option<Range<usize>>,
}

/// A word, its quotes taken away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Bytes of the script.
    pub(super) span: Range<usize>,
}

/// `2>/dev/null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirection {
    /// Before the operator: `2`, or nothing.
    pub(super) descriptor: String,
    /// `>`, `>>`, `>&`, `&>`, `<`, …
    pub(super) operator: String,
    pub(super) target: Word,
}

/// Words before a command that are no part of it.
const RESERVED: [&str; 10] = ["if", "then", "else", "elif", "do", "while", "until", "!", "{", "time"];

/// Words that end a compound command.
const CLOSING: [&str; 4] = ["}", "done", "fi", "esac"];

/// How deep `$(…)` and `(…)` may be nested before the rest is left unread.
const MAX_DEPTH: usize = 50;

/// Returns the commands of a script in the order in which they begin to be read, those in `$(…)` and `(…)` too.
pub(super) fn commands(script: &str) -> Vec<Command> {
    let mut parser = Parser {
        script,
        at: 0,
        depth: 0,
        found: Vec::new(),
        current: Command::default(),
        bodies: Vec::new(),
    };
    while parser.at < script.len() {
        parser.list(None);
        parser.at += parser.peek().map_or(0, char::len_utf8);
    }
    parser.found
}

impl Command {
    /// Its name without the directory; `None` where there is only an assignment or a redirection.
    pub(super) fn name(&self) -> Option<&str> {
        name_of(&self.words)
    }

    /// `case … in`: patterns follow.
    fn is_head_of_case(&self) -> bool {
        matches!(self.words.as_slice(), [case, _, word] if case.text == "case" && word.text == "in")
    }

    /// From its name to its last argument.
    pub(super) fn span(&self) -> Range<usize> {
        span_of(&self.words)
    }
}

/// The name of the command that these words are.
pub(super) fn name_of(words: &[Word]) -> Option<&str> {
    words.first().map(|word| word.text.rsplit('/').next().unwrap_or_default())
}

/// From the first of these words to the last.
pub(super) fn span_of(words: &[Word]) -> Range<usize> {
    let start = words.first().map_or(0, |word| word.span.start);
    start..words.last().map_or(start, |word| word.span.end)
}

struct Parser<'s> {
    script: &'s str,
    at: usize,
    depth: usize,
    found: Vec<Command>,
    current: Command,
    /// The here-documents announced on this line: delimiter, and whether tabs before it count for nothing.
    bodies: Vec<(String, bool)>,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.script[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skips(&mut self, text: &str) -> bool {
        let there = self.rest().starts_with(text);
        if there {
            self.at += text.len();
        }
        there
    }

    /// Reads up to `close`, which it leaves unread, or to the end.
    fn list(&mut self, close: Option<char>) {
        // How many `case` are open, and whether a pattern of the innermost is being read.
        let mut cases = 0_usize;
        let mut pattern = false;
        while let Some(next) = self.peek() {
            match next {
                ')' if pattern => {
                    pattern = false;
                    self.at += 1;
                }
                ' ' | '\t' | '\r' | '\n' | '|' | '(' if pattern => self.at += 1,
                _ if close == Some(next) => break,
                '\n' => {
                    self.end();
                    self.at += 1;
                    self.skip_bodies();
                }
                ' ' | '\t' | '\r' | ')' => self.at += 1,
                '\\' if self.skips("\\\n") => {}
                '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                '(' => self.parenthesis(),
                '&' if self.rest().starts_with("&>") => self.redirection(String::new()),
                ';' | '|' | '&' => {
                    let start = self.at;
                    let both = ["&&", "||", ";;", "|&"].into_iter().any(|sign| self.skips(sign));
                    self.at += usize::from(!both);
                    if next == '&' && !both {
                        self.current.background = Some(start..self.at);
                    }
                    self.end();
                    pattern = cases > 0 && self.script[start..self.at] == *";;";
                }
                '<' | '>' => self.redirection(String::new()),
                _ => {
                    let word = self.word(close);
                    let is_descriptor =
                        !word.text.is_empty() && word.text.bytes().all(|b| b.is_ascii_digit());
                    if is_descriptor && matches!(self.peek(), Some('<' | '>')) {
                        self.redirection(word.text);
                    } else if pattern && word.text != "esac" {
                        // No command.
                    } else if self.add(word) {
                        cases = cases.saturating_sub(1);
                        pattern = false;
                    } else if self.current.is_head_of_case() {
                        self.current = Command::default();
                        cases += 1;
                        pattern = true;
                    }
                }
            }
        }
        self.end();
    }

    /// Adds a word to the current command. Returns whether it is `esac`.
    fn add(&mut self, word: Word) -> bool {
        let begins = self.current.words.is_empty() && !self.current.closes;
        let written = &self.script[word.span.clone()];
        let is_assignment = written.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if begins && RESERVED.contains(&written) {
            return false;
        }
        if begins && CLOSING.contains(&written) {
            self.current.closes = true;
            return written == "esac";
        }
        if begins && is_assignment {
            self.current.assignments.push(word);
        } else if !self.current.closes {
            self.current.words.push(word);
        }
        false
    }

    /// Ends the current command.
    fn end(&mut self) {
        let command = std::mem::take(&mut self.current);
        if command != Command::default() {
            self.found.push(command);
        }
    }

    fn parenthesis(&mut self) {
        if self.rest().starts_with("((") && self.current.words.is_empty() {
            self.arithmetic("((");
        } else if self.current.words.is_empty() {
            self.at += 1;
            self.nested(')');
            self.current.closes = true;
        } else {
            // `name()` begins a function, `name=(…)` a list: the words before it are no command.
            self.current = Command::default();
            self.at += 1;
        }
    }

    /// Reads commands within a command, and their closing sign.
    fn nested(&mut self, close: char) {
        if self.depth == MAX_DEPTH {
            self.at = self.script.len();
            return;
        }
        self.depth += 1;
        let outer = std::mem::take(&mut self.current);
        self.list(Some(close));
        self.current = outer;
        self.depth -= 1;
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Passes over `$((…))` or `((…))`.
    fn arithmetic(&mut self, open: &str) {
        let after = self.at + open.len();
        self.at = self.script[after..].find("))").map_or(self.script.len(), |offset| after + offset + 2);
    }

    fn redirection(&mut self, descriptor: String) {
        let operators = ["&>>", "&>", "<<<", "<<-", "<<", "<>", "<&", ">>", ">|", ">&", "<", ">"];
        let Some(operator) = operators.into_iter().find(|operator| self.skips(operator)) else {
            self.at += 1;
            return;
        };
        while self.skips(" ") || self.skips("\t") {}
        if self.skips("(") {
            // `<(…)` is a file that a command writes.
            self.nested(')');
            return;
        }
        let target = self.word(None);
        if matches!(operator, "<<" | "<<-") {
            self.bodies.push((target.text.clone(), operator == "<<-"));
        }
        self.current.redirections.push(Redirection { descriptor, operator: operator.to_owned(), target });
    }

    /// Passes over the here-documents that the last line announced.
    fn skip_bodies(&mut self) {
        for (delimiter, strips_tabs) in std::mem::take(&mut self.bodies) {
            while self.at < self.script.len() {
                let line = self.rest().lines().next().unwrap_or_default();
                let length = line.len() + 1;
                let line = if strips_tabs { line.trim_start_matches('\t') } else { line };
                let ends = line.trim_end_matches('\r') == delimiter;
                self.at = (self.at + length).min(self.script.len());
                if ends {
                    break;
                }
            }
        }
    }

    /// Reads one word; `close` ends it too.
    fn word(&mut self, close: Option<char>) -> Word {
        let start = self.at;
        let mut text = String::new();
        while let Some(next) = self.peek() {
            match next {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                _ if close == Some(next) => break,
                '\'' => {
                    let inside = self.rest()[1..].find('\'').unwrap_or(self.rest().len() - 1);
                    text.push_str(&self.script[self.at + 1..self.at + 1 + inside]);
                    self.at = (self.at + inside + 2).min(self.script.len());
                }
                '"' => {
                    self.at += 1;
                    self.double_quoted(&mut text);
                }
                _ => self.piece(&mut text),
            }
        }
        if self.at == start {
            // Nothing that a word may begin with: pass over it, so that reading goes on.
            self.at += self.peek().filter(|_| close.is_none()).map_or(0, char::len_utf8);
        }
        Word { text, span: start..self.at }
    }

    fn double_quoted(&mut self, text: &mut String) {
        while let Some(next) = self.peek() {
            if next == '"' {
                self.at += 1;
                return;
            }
            self.piece(text);
        }
    }

    /// Reads one character, or what a backslash, `$` or a backtick begins.
    fn piece(&mut self, text: &mut String) {
        let start = self.at;
        if self.rest().starts_with("$((") {
            self.arithmetic("$((");
        } else if self.skips("$(") {
            self.nested(')');
        } else if self.rest().starts_with("${") {
            self.at += self.rest().find('}').map_or(self.rest().len(), |end| end + 1);
        } else if self.skips("`") {
            self.nested('`');
        } else if self.skips("\\") {
            self.at += self.peek().map_or(0, char::len_utf8);
            text.push_str(self.script[start + 1..self.at].trim_matches('\n'));
            return;
        } else {
            self.at += self.peek().map_or(0, char::len_utf8);
        }
        text.push_str(&self.script[start..self.at]);
    }
}

#[cfg(test)]
mod tests;
