//! A script's text as tokens: words, operators, new lines. Words are taken apart in `words`.

use std::{cell::OnceCell, rc::Rc};

use super::syntax::{Piece, Word};

/// How deep constructs may stand in each other before the reader gives up.
const DEEPEST: u32 = 40;

#[derive(Clone, Debug)]
pub(crate) enum Token {
    Word(Word),
    Operator(&'static str),
    /// The digit before a redirection.
    Descriptor(usize),
    Newline,
    End,
}

/// Why a script cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No shell would take it.
    Syntax { line: u32, message: String },
    /// A shell might, but this one does not go that far.
    TooDeep,
}

/// The operators, each before those that it begins with.
const OPERATORS: [&str; 17] =
    ["<<-", "<<", "<&", "<>", "<", ">>", ">&", ">|", ">", "&&", "&", "||", "|", ";;", ";", "(", ")"];

/// A here-document that is announced, and whose text comes after the line's end.
struct Announced {
    delimiter: String,
    strip_tabs: bool,
    literal: bool,
    text: Rc<OnceCell<Word>>,
}

/// Reads a script token by token.
pub(crate) struct Lexer {
    letters: Vec<char>,
    at: usize,
    pub(super) line: u32,
    peeked: Option<Token>,
    announced: Vec<Announced>,
    depth: u32,
}

impl Lexer {
    pub(crate) fn new(script: &str) -> Self {
        Self::inside(script, 1, 0)
    }

    /// A lexer for text within a script: a here-document, or what stands between backquotes.
    pub(super) fn within(&self, text: &str, line: u32) -> Self {
        Self::inside(text, line, self.depth + 1)
    }

    fn inside(text: &str, line: u32, depth: u32) -> Self {
        Self { letters: text.chars().collect(), at: 0, line, peeked: None, announced: Vec::new(), depth }
    }

    /// Enters a construct; [`leave`](Self::leave) is its end.
    pub(super) fn enter(&mut self) -> Result<(), Trouble> {
        self.depth += 1;
        if self.depth > DEEPEST { Err(Trouble::TooDeep) } else { Ok(()) }
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn error(&self, message: impl Into<String>) -> Trouble {
        Trouble::Syntax { line: self.line, message: message.into() }
    }

    pub(super) fn look(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    pub(super) fn look_ahead(&self) -> Option<char> {
        self.letters.get(self.at + 1).copied()
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let letter = self.look()?;
        self.at += 1;
        if letter == '\n' {
            self.line += 1;
        }
        Some(letter)
    }

    pub(super) fn take_if(&mut self, wanted: char) -> bool {
        let there = self.look() == Some(wanted);
        if there {
            self.take();
        }
        there
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, letter)| self.letters.get(self.at + index) == Some(&letter))
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Result<&Token, Trouble> {
        if self.peeked.is_none() {
            let token = self.read()?;
            self.peeked = Some(token);
        }
        self.peeked.as_ref().ok_or(Trouble::TooDeep)
    }

    pub(super) fn next(&mut self) -> Result<Token, Trouble> {
        match self.peeked.take() {
            Some(token) => Ok(token),
            None => self.read(),
        }
    }

    fn read(&mut self) -> Result<Token, Trouble> {
        loop {
            match (self.look(), self.look_ahead()) {
                (Some(' ' | '\t'), _) => {
                    self.take();
                }
                (Some('\\'), Some('\n')) => {
                    self.take();
                    self.take();
                }
                (Some('#'), _) => {
                    while self.look().is_some_and(|letter| letter != '\n') {
                        self.take();
                    }
                }
                _ => break,
            }
        }
        let Some(letter) = self.look() else {
            self.here_documents()?;
            return Ok(Token::End);
        };
        if letter == '\n' {
            self.take();
            self.here_documents()?;
            return Ok(Token::Newline);
        }
        if let Some(operator) = OPERATORS.into_iter().find(|operator| self.starts_with(operator)) {
            self.at += operator.len();
            return Ok(Token::Operator(operator));
        }
        if let (Some(digit), Some('<' | '>')) = (letter.to_digit(10), self.look_ahead()) {
            self.take();
            return Ok(Token::Descriptor(digit as usize));
        }
        self.word().map(Token::Word)
    }

    /// Announces a here-document whose text begins after this line.
    pub(super) fn announce(&mut self, delimiter: &Word, strip_tabs: bool) -> Rc<OnceCell<Word>> {
        let (mut end, mut literal) = (String::new(), false);
        for piece in &delimiter.0 {
            if let Piece::Text { text, quoted } = piece {
                end.push_str(text);
                literal |= quoted;
            }
        }
        let text = Rc::new(OnceCell::new());
        self.announced.push(Announced { delimiter: end, strip_tabs, literal, text: text.clone() });
        text
    }

    fn here_documents(&mut self) -> Result<(), Trouble> {
        for Announced { delimiter, strip_tabs, literal, text } in std::mem::take(&mut self.announced) {
            let (mut body, first) = (String::new(), self.line);
            while self.look().is_some() {
                let mut line = String::new();
                while let Some(letter) = self.take() {
                    line.push(letter);
                    if letter == '\n' {
                        break;
                    }
                }
                let line = if strip_tabs { line.trim_start_matches('\t') } else { &line };
                if line.strip_suffix('\n').unwrap_or(line) == delimiter {
                    break;
                }
                body.push_str(line);
            }
            let word = if literal {
                Word(vec![Piece::Text { text: body, quoted: true }])
            } else {
                self.within(&body, first).here_text()?
            };
            // Announced once, so filled once.
            drop(text.set(word));
        }
        Ok(())
    }
}
