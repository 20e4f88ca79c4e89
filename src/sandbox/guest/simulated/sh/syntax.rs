//! What a script is, once it has been read: lists of pipelines of commands, made of words not yet expanded.

use std::{cell::OnceCell, rc::Rc};

/// Commands one after the other.
#[derive(Debug, Default)]
pub(crate) struct List(pub(crate) Vec<Item>);

/// One pipeline, or several joined by `&&` and `||`.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) first: Pipeline,
    pub(crate) rest: Vec<(Joint, Pipeline)>,
    /// Whether `&` follows.
    pub(crate) background: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    And,
    Or,
}

/// Commands that feed each other.
#[derive(Debug)]
pub(crate) struct Pipeline {
    /// Whether `!` turns the exit code round.
    pub(crate) not: bool,
    pub(crate) commands: Vec<Command>,
}

#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) kind: Kind,
    pub(crate) redirects: Vec<Redirect>,
    /// Where it begins, for messages.
    pub(crate) line: u32,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Simple { assignments: Vec<(String, Word)>, words: Vec<Word> },
    Group(List),
    Subshell(List),
    If { arms: Vec<(List, List)>, otherwise: Option<List> },
    For { name: String, words: Option<Vec<Word>>, body: List },
    Loop { until: bool, condition: List, body: List },
    Case { word: Word, arms: Vec<(Vec<Word>, List)> },
    Function { name: String, body: Rc<Command> },
}

#[derive(Debug)]
pub(crate) struct Redirect {
    pub(crate) descriptor: usize,
    pub(crate) target: Target,
}

/// Where a redirection leads.
#[derive(Debug)]
pub(crate) enum Target {
    Read(Word),
    Write(Word),
    Append(Word),
    /// `<>`.
    ReadWrite(Word),
    /// `N>&M`, `N<&M`, `N>&-`.
    Copy(Word),
    /// Filled when the line after it has been read.
    Here(Rc<OnceCell<Word>>),
}

/// A word: pieces that are put together when it is expanded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Word(pub(crate) Vec<Piece>);

#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text {
        text: String,
        quoted: bool,
    },
    Parameter {
        name: String,
        action: Rc<Action>,
        quoted: bool,
    },
    /// `$(…)` or backquotes.
    Output {
        script: Rc<List>,
        quoted: bool,
    },
    /// `$((…))`.
    Arithmetic {
        expression: Word,
        quoted: bool,
    },
}

/// What `${…}` does with its parameter.
#[derive(Debug)]
pub(crate) enum Action {
    Plain,
    /// `${#x}`.
    Length,
    /// `${x-word}`; with `:` an empty value counts as none. So for the next three.
    Default {
        colon: bool,
        word: Word,
    },
    Assign {
        colon: bool,
        word: Word,
    },
    Complain {
        colon: bool,
        word: Word,
    },
    Alternative {
        colon: bool,
        word: Word,
    },
    /// `${x#pattern}`, `${x%%pattern}`.
    Trim {
        front: bool,
        longest: bool,
        pattern: Word,
    },
    /// Something that POSIX does not know.
    Bad,
}

impl Word {
    /// Appends text, joining it to the piece before where both are alike.
    pub(crate) fn push(&mut self, letter: char, is_quoted: bool) {
        match self.0.last_mut() {
            Some(Piece::Text { text, quoted }) if *quoted == is_quoted => text.push(letter),
            _ => self.0.push(Piece::Text { text: letter.to_string(), quoted: is_quoted }),
        }
    }

    /// The text, if there is nothing else and no part of it is quoted.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Text { text, quoted: false }] => Some(text),
            _ => None,
        }
    }
}

/// Whether this can be a variable's name.
pub(crate) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
