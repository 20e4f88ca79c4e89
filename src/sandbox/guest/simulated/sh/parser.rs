//! Tokens as commands: the grammar of POSIX sh, with dash's words for what breaks it.

use std::rc::Rc;

use super::{
    lexer::{Lexer, Token, Trouble},
    syntax::{Command, Item, Joint, Kind, List, Pipeline, Redirect, Target, Word, is_name},
};

/// Words that end a list or begin something, where a command could begin.
const RESERVED: [&str; 16] = [
    "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "{", "}", "!",
    "in",
];

/// Reads the grammar from a lexer.
pub(crate) struct Parser<'a>(pub(crate) &'a mut Lexer);

/// All that is left of a script.
pub(super) fn whole(lexer: &mut Lexer) -> Result<List, Trouble> {
    let mut parser = Parser(lexer);
    let list = parser.list()?;
    match parser.0.next()? {
        Token::End => Ok(list),
        token => Err(parser.unexpected(&token, None)),
    }
}

impl Parser<'_> {
    /// The commands up to the next line's end; `None` at the script's.
    ///
    /// A shell carries these out before it reads on, so that what stands before a syntax error is done.
    pub(crate) fn line(&mut self) -> Result<Option<List>, Trouble> {
        self.newlines()?;
        if matches!(self.0.peek()?, Token::End) {
            return Ok(None);
        }
        let mut items = Vec::new();
        loop {
            let (item, separated) = self.item()?;
            items.push(item);
            match self.0.peek()? {
                Token::Newline => {
                    self.0.next()?;
                    break;
                }
                Token::End => break,
                _ if separated => {}
                _ => {
                    let token = self.0.next()?;
                    return Err(self.unexpected(&token, None));
                }
            }
        }
        Ok(Some(List(items)))
    }

    /// The inside of `$(…)`, with its end.
    pub(super) fn substitution(&mut self) -> Result<List, Trouble> {
        self.0.enter()?;
        let list = self.list()?;
        self.operator(")")?;
        self.0.leave();
        Ok(list)
    }

    fn newlines(&mut self) -> Result<(), Trouble> {
        while matches!(self.0.peek()?, Token::Newline) {
            self.0.next()?;
        }
        Ok(())
    }

    /// The reserved word that comes next.
    fn reserved(&mut self) -> Result<Option<&'static str>, Trouble> {
        let Token::Word(word) = self.0.peek()? else { return Ok(None) };
        let Some(text) = word.literal() else { return Ok(None) };
        Ok(RESERVED.into_iter().find(|word| *word == text))
    }

    fn takes(&mut self, wanted: &'static str) -> Result<bool, Trouble> {
        let there = self.reserved()? == Some(wanted);
        if there {
            self.0.next()?;
        }
        Ok(there)
    }

    fn expect(&mut self, wanted: &'static str) -> Result<(), Trouble> {
        if self.takes(wanted)? {
            return Ok(());
        }
        let token = self.0.next()?;
        Err(self.unexpected(&token, Some(wanted)))
    }

    fn at_operator(&mut self, wanted: &str) -> Result<bool, Trouble> {
        Ok(matches!(self.0.peek()?, Token::Operator(operator) if *operator == wanted))
    }

    fn takes_operator(&mut self, wanted: &str) -> Result<bool, Trouble> {
        let there = self.at_operator(wanted)?;
        if there {
            self.0.next()?;
        }
        Ok(there)
    }

    fn operator(&mut self, wanted: &'static str) -> Result<(), Trouble> {
        if self.takes_operator(wanted)? {
            return Ok(());
        }
        let token = self.0.next()?;
        Err(self.unexpected(&token, Some(wanted)))
    }

    fn unexpected(&self, token: &Token, wanted: Option<&str>) -> Trouble {
        let found = match token {
            Token::Word(word) => match word.literal() {
                Some(text) if RESERVED.contains(&text) => format!("\"{text}\""),
                _ => "word".to_owned(),
            },
            Token::Operator(operator @ ("<" | ">" | "<<" | ">>" | "<&" | ">&" | "<>" | ">|" | "<<-")) => {
                format!("redirection ({operator})")
            }
            Token::Operator(operator) => format!("\"{operator}\""),
            Token::Descriptor(_) => "redirection".to_owned(),
            Token::Newline => "newline".to_owned(),
            Token::End => "end of file".to_owned(),
        };
        let wanted = wanted.map_or_else(String::new, |wanted| format!(" (expecting \"{wanted}\")"));
        self.0.error(format!("{found} unexpected{wanted}"))
    }

    /// A list within something else: up to a closing word or operator, which stays.
    fn list(&mut self) -> Result<List, Trouble> {
        self.0.enter()?;
        let mut items = Vec::new();
        loop {
            self.newlines()?;
            let ends = match self.0.peek()? {
                Token::End | Token::Operator(")" | ";;") => true,
                _ => matches!(
                    self.reserved()?,
                    Some("then" | "elif" | "else" | "fi" | "do" | "done" | "esac" | "}")
                ),
            };
            if ends {
                break;
            }
            let (item, separated) = self.item()?;
            items.push(item);
            if !separated && !matches!(self.0.peek()?, Token::Newline) {
                break;
            }
        }
        self.0.leave();
        Ok(List(items))
    }

    /// A list that must have something in it, and the word that ends it.
    fn filled_list(&mut self, end: &'static str) -> Result<List, Trouble> {
        let list = self.list()?;
        if list.0.is_empty() {
            let token = self.0.next()?;
            return Err(self.unexpected(&token, None));
        }
        self.expect(end)?;
        Ok(list)
    }

    /// Pipelines joined by `&&` and `||`, and whether `;` or `&` ended them.
    fn item(&mut self) -> Result<(Item, bool), Trouble> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let joint = if self.takes_operator("&&")? {
                Joint::And
            } else if self.takes_operator("||")? {
                Joint::Or
            } else {
                break;
            };
            self.newlines()?;
            rest.push((joint, self.pipeline()?));
        }
        let background = self.takes_operator("&")?;
        let separated = background || self.takes_operator(";")?;
        Ok((Item { first, rest, background }, separated))
    }

    fn pipeline(&mut self) -> Result<Pipeline, Trouble> {
        let mut not = false;
        while self.takes("!")? {
            not = !not;
        }
        let mut commands = vec![self.command()?];
        while self.takes_operator("|")? {
            self.newlines()?;
            commands.push(self.command()?);
        }
        Ok(Pipeline { not, commands })
    }

    fn command(&mut self) -> Result<Command, Trouble> {
        self.0.peek()?;
        let line = self.0.line;
        self.0.enter()?;
        let kind = match self.reserved()? {
            Some("if") => self.conditional()?,
            Some("for") => self.for_loop()?,
            Some(word @ ("while" | "until")) => {
                self.0.next()?;
                let condition = self.filled_list("do")?;
                Kind::Loop { until: word == "until", condition, body: self.filled_list("done")? }
            }
            Some("case") => self.case()?,
            Some("{") => {
                self.0.next()?;
                Kind::Group(self.filled_list("}")?)
            }
            Some("in") | None if self.at_operator("(")? => {
                self.0.next()?;
                let list = self.list()?;
                if list.0.is_empty() {
                    let token = self.0.next()?;
                    return Err(self.unexpected(&token, None));
                }
                self.operator(")")?;
                Kind::Subshell(list)
            }
            Some("in") | None => {
                let command = self.simple(line)?;
                self.0.leave();
                return Ok(command);
            }
            Some(_) => {
                let token = self.0.next()?;
                return Err(self.unexpected(&token, None));
            }
        };
        let mut redirects = Vec::new();
        while let Some(redirect) = self.redirect()? {
            redirects.push(redirect);
        }
        self.0.leave();
        Ok(Command { kind, redirects, line })
    }

    fn conditional(&mut self) -> Result<Kind, Trouble> {
        self.0.next()?;
        let mut arms = Vec::new();
        loop {
            let condition = self.filled_list("then")?;
            let then = self.list()?;
            if then.0.is_empty() {
                let token = self.0.next()?;
                return Err(self.unexpected(&token, None));
            }
            arms.push((condition, then));
            if self.takes("else")? {
                return Ok(Kind::If { arms, otherwise: Some(self.filled_list("fi")?) });
            }
            if !self.takes("elif")? {
                self.expect("fi")?;
                return Ok(Kind::If { arms, otherwise: None });
            }
        }
    }

    fn for_loop(&mut self) -> Result<Kind, Trouble> {
        self.0.next()?;
        let name = match self.0.next()? {
            Token::Word(word) if word.literal().is_some_and(is_name) => {
                word.literal().unwrap_or_default().to_owned()
            }
            _ => return Err(self.0.error("Bad for loop variable")),
        };
        self.newlines()?;
        let mut words = None;
        if self.takes("in")? {
            let mut list = Vec::new();
            while let Token::Word(_) = self.0.peek()? {
                if let Token::Word(word) = self.0.next()? {
                    list.push(word);
                }
            }
            words = Some(list);
            if !matches!(self.0.peek()?, Token::Newline | Token::Operator(";")) {
                let token = self.0.next()?;
                return Err(self.unexpected(&token, None));
            }
        }
        self.takes_operator(";")?;
        self.newlines()?;
        self.expect("do")?;
        Ok(Kind::For { name, words, body: self.filled_list("done")? })
    }

    fn case(&mut self) -> Result<Kind, Trouble> {
        self.0.next()?;
        let word = match self.0.next()? {
            Token::Word(word) => word,
            token => return Err(self.unexpected(&token, None)),
        };
        self.newlines()?;
        self.expect("in")?;
        self.newlines()?;
        let mut arms = Vec::new();
        while !self.takes("esac")? {
            self.takes_operator("(")?;
            let mut patterns = Vec::new();
            loop {
                match self.0.next()? {
                    Token::Word(pattern) => patterns.push(pattern),
                    token => return Err(self.unexpected(&token, None)),
                }
                if !self.takes_operator("|")? {
                    break;
                }
            }
            self.operator(")")?;
            arms.push((patterns, self.list()?));
            if !self.takes_operator(";;")? {
                self.expect("esac")?;
                break;
            }
            self.newlines()?;
        }
        Ok(Kind::Case { word, arms })
    }

    fn simple(&mut self, line: u32) -> Result<Command, Trouble> {
        let (mut assignments, mut words, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if !matches!(self.0.peek()?, Token::Word(_)) {
                break;
            }
            let Token::Word(word) = self.0.next()? else { break };
            match assignment(&word).filter(|_| words.is_empty()) {
                Some(assigned) => assignments.push(assigned),
                None => words.push(word),
            }
            let alone = words.len() == 1 && assignments.is_empty() && redirects.is_empty();
            if alone && self.takes_operator("(")? {
                return self.function(&words[0], line);
            }
        }
        if assignments.is_empty() && words.is_empty() && redirects.is_empty() {
            let token = self.0.next()?;
            return Err(self.unexpected(&token, None));
        }
        Ok(Command { kind: Kind::Simple { assignments, words }, redirects, line })
    }

    fn function(&mut self, name: &Word, line: u32) -> Result<Command, Trouble> {
        self.operator(")")?;
        let Some(name) = name.literal().filter(|name| is_name(name)).map(str::to_owned) else {
            return Err(self.0.error("Bad function name"));
        };
        self.newlines()?;
        let body = Rc::new(self.command()?);
        Ok(Command { kind: Kind::Function { name, body }, redirects: Vec::new(), line })
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, Trouble> {
        let given = match self.0.peek()? {
            Token::Descriptor(number) => Some(*number),
            Token::Operator("<" | ">" | ">>" | "<<" | "<<-" | "<&" | ">&" | "<>" | ">|") => None,
            _ => return Ok(None),
        };
        if given.is_some() {
            self.0.next()?;
        }
        let Token::Operator(operator) = self.0.next()? else { return Ok(None) };
        let word = match self.0.next()? {
            Token::Word(word) => word,
            token => return Err(self.unexpected(&token, None)),
        };
        let descriptor = given.unwrap_or_else(|| usize::from(!operator.starts_with('<')));
        let target = match operator {
            "<" => Target::Read(word),
            ">>" => Target::Append(word),
            "<>" => Target::ReadWrite(word),
            "<&" | ">&" => Target::Copy(word),
            "<<" | "<<-" => Target::Here(self.0.announce(&word, operator == "<<-")),
            _ => Target::Write(word),
        };
        Ok(Some(Redirect { descriptor, target }))
    }
}

/// Splits `NAME=value`, the name and the `=` being unquoted.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let (super::syntax::Piece::Text { text, quoted: false }, rest) = word.0.split_first()? else {
        return None;
    };
    let (name, value) = text.split_once('=').filter(|(name, _)| is_name(name))?;
    let mut pieces = Vec::with_capacity(word.0.len());
    if !value.is_empty() {
        pieces.push(super::syntax::Piece::Text { text: value.to_owned(), quoted: false });
    }
    pieces.extend_from_slice(rest);
    Some((name.to_owned(), Word(pieces)))
}
