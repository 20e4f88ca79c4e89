//! A word taken apart: quotes, `$x`, `${…}`, `$(…)`, `$((…))`, backquotes.

use std::rc::Rc;

use super::{
    lexer::{Lexer, Trouble},
    parser::{self, Parser},
    syntax::{Action, Piece, Word},
};

/// What ends the text that is being read, and with it how quotes count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Blank or operator: an ordinary word.
    Blank,
    /// The second `"`.
    Quote,
    /// The end of a here-document.
    End,
    /// The `}` of `${…}`, which may stand in double quotes; in a pattern single quotes count even there.
    Brace { quoted: bool, pattern: bool },
    /// The `))` of `$((…))`.
    Parentheses,
}

impl Until {
    fn is_quoted(self) -> bool {
        matches!(self, Self::Quote | Self::End | Self::Parentheses | Self::Brace { quoted: true, .. })
    }
}

impl Lexer {
    pub(super) fn word(&mut self) -> Result<Word, Trouble> {
        self.pieces(Until::Blank)
    }

    /// The whole text as a here-document's.
    pub(super) fn here_text(&mut self) -> Result<Word, Trouble> {
        self.pieces(Until::End)
    }

    fn pieces(&mut self, until: Until) -> Result<Word, Trouble> {
        self.enter()?;
        let mut word = Word::default();
        let mut open = 0_u32;
        let quoted = until.is_quoted();
        loop {
            let Some(letter) = self.look() else { break self.ended(until)? };
            match (letter, until) {
                (' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')', Until::Blank) => break,
                ('"', Until::Quote) | ('}', Until::Brace { .. }) => {
                    self.take();
                    break;
                }
                (')', Until::Parentheses) if open == 0 => {
                    self.take();
                    if !self.take_if(')') {
                        return Err(self.error("Missing '))'"));
                    }
                    break;
                }
                ('\\', _) => self.backslash(until, &mut word),
                (
                    '\'',
                    Until::Blank | Until::Brace { quoted: false, .. } | Until::Brace { pattern: true, .. },
                ) => {
                    self.single_quoted(&mut word)?;
                }
                ('"', Until::Blank | Until::Brace { .. }) => {
                    self.take();
                    let inner = self.pieces(Until::Quote)?;
                    if inner.0.is_empty() {
                        // An empty pair of quotes is a word, too.
                        word.0.push(Piece::Text { text: String::new(), quoted: true });
                    }
                    word.0.extend(inner.0);
                }
                ('$', _) => self.dollar(quoted, &mut word)?,
                ('`', _) => word.0.push(self.backquoted(quoted)?),
                _ => {
                    open = match letter {
                        '(' => open + 1,
                        ')' => open.saturating_sub(1),
                        _ => open,
                    };
                    self.take();
                    word.push(letter, quoted);
                }
            }
        }
        self.leave();
        Ok(word)
    }

    fn ended(&self, until: Until) -> Result<(), Trouble> {
        match until {
            Until::Blank | Until::End => Ok(()),
            Until::Quote => Err(self.error("Unterminated quoted string")),
            Until::Brace { .. } => Err(self.error("Missing '}'")),
            Until::Parentheses => Err(self.error("Missing '))'")),
        }
    }

    fn backslash(&mut self, until: Until, word: &mut Word) {
        self.take();
        let escapes = match self.look() {
            None => false,
            Some('\n' | '$' | '`' | '\\') => true,
            Some('"') => until != Until::End,
            Some('}') => matches!(until, Until::Brace { .. }) || !until.is_quoted(),
            Some(_) => !until.is_quoted(),
        };
        if !escapes {
            word.push('\\', true);
        } else if let Some(letter) = self.take().filter(|letter| *letter != '\n') {
            word.push(letter, true);
        }
    }

    fn single_quoted(&mut self, word: &mut Word) -> Result<(), Trouble> {
        self.take();
        let mut text = String::new();
        loop {
            match self.take() {
                None => return Err(self.error("Unterminated quoted string")),
                Some('\'') => break,
                Some(letter) => text.push(letter),
            }
        }
        word.0.push(Piece::Text { text, quoted: true });
        Ok(())
    }

    fn dollar(&mut self, quoted: bool, word: &mut Word) -> Result<(), Trouble> {
        self.take();
        match self.look() {
            Some('(') if self.look_ahead() == Some('(') => {
                self.take();
                self.take();
                let expression = self.pieces(Until::Parentheses)?;
                word.0.push(Piece::Arithmetic { expression, quoted });
            }
            Some('(') => {
                self.take();
                let script = Rc::new(Parser(self).substitution()?);
                word.0.push(Piece::Output { script, quoted });
            }
            Some('{') => {
                self.take();
                word.0.push(self.braced(quoted)?);
            }
            _ => match self.parameter(false) {
                Some(name) => {
                    word.0.push(Piece::Parameter { name, action: Rc::new(Action::Plain), quoted });
                }
                None => word.push('$', quoted),
            },
        }
        Ok(())
    }

    /// A parameter's name. Without braces only one digit belongs to it.
    fn parameter(&mut self, braces: bool) -> Option<String> {
        let first = self.look()?;
        let mut name = String::new();
        if first.is_ascii_alphabetic() || first == '_' {
            while let Some(letter) =
                self.look().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            {
                name.push(letter);
                self.take();
            }
        } else if first.is_ascii_digit() {
            while let Some(digit) = self.look().filter(char::is_ascii_digit) {
                name.push(digit);
                self.take();
                if !braces {
                    break;
                }
            }
        } else if "@*#?-$!".contains(first) {
            name.extend(self.take());
        } else {
            return None;
        }
        Some(name)
    }

    fn braced(&mut self, quoted: bool) -> Result<Piece, Trouble> {
        let length =
            self.look() == Some('#') && self.look_ahead().is_some_and(|next| !"}:-=?+%#".contains(next));
        if length {
            self.take();
        }
        let Some(name) = self.parameter(true) else { return Err(self.error("Bad substitution")) };
        let action = if self.take_if('}') {
            if length { Action::Length } else { Action::Plain }
        } else {
            let colon = self.take_if(':');
            let operator = self.take();
            match operator {
                Some(letter @ ('-' | '=' | '?' | '+')) if !length => {
                    let word = self.pieces(Until::Brace { quoted, pattern: false })?;
                    match letter {
                        '-' => Action::Default { colon, word },
                        '=' => Action::Assign { colon, word },
                        '?' => Action::Complain { colon, word },
                        _ => Action::Alternative { colon, word },
                    }
                }
                Some(letter @ ('#' | '%')) if !length && !colon => {
                    let longest = self.take_if(letter);
                    let pattern = self.pieces(Until::Brace { quoted, pattern: true })?;
                    Action::Trim { front: letter == '#', longest, pattern }
                }
                _ => {
                    self.pieces(Until::Brace { quoted, pattern: false })?;
                    Action::Bad
                }
            }
        };
        Ok(Piece::Parameter { name, action: Rc::new(action), quoted })
    }

    fn backquoted(&mut self, quoted: bool) -> Result<Piece, Trouble> {
        let line = self.line;
        self.take();
        let mut text = String::new();
        loop {
            match self.take() {
                None => return Err(self.error("EOF in backquote substitution")),
                Some('`') => break,
                Some('\\') => match self.look() {
                    Some(letter @ ('$' | '`' | '\\')) => {
                        self.take();
                        text.push(letter);
                    }
                    Some('"') if quoted => {
                        self.take();
                        text.push('"');
                    }
                    _ => text.push('\\'),
                },
                Some(letter) => text.push(letter),
            }
        }
        let mut inner = self.within(&text, line);
        inner.enter()?;
        let script = Rc::new(parser::whole(&mut inner)?);
        Ok(Piece::Output { script, quoted })
    }
}
