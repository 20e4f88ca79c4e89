//! Tokens as an awk program; what expressions are made of is in `expressions`.

use super::{
    lexer::{Token, tokens},
    syntax::{Expression, Pattern, Program, Rule, Statement},
};
use crate::sandbox::guest::simulated::machine::{Stop, lost};

/// How deep expressions and blocks may stand in each other.
const DEEPEST: u32 = 50;

pub(super) enum Trouble {
    Syntax(String),
    Stop(Stop),
}

pub(super) type Parsed<T> = Result<T, Trouble>;

/// # Errors
/// `Err` inside where awk would refuse the program; the outer one for what is not simulated.
pub(super) fn parse(source: &str) -> Result<Result<Program, String>, Stop> {
    let tokens = match tokens(source) {
        Ok(tokens) => tokens,
        Err(what) => return Ok(Err(what)),
    };
    match (Parser { tokens, at: 0, depth: 0, ranges: 0, no_in: false, no_greater: false }).program() {
        Ok(program) => Ok(Ok(program)),
        Err(Trouble::Syntax(what)) => Ok(Err(what)),
        Err(Trouble::Stop(stop)) => Err(stop),
    }
}

pub(super) struct Parser {
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    pub(super) depth: u32,
    pub(super) ranges: usize,
    /// Where `in` belongs to a `for`.
    pub(super) no_in: bool,
    /// Where `>` would be a redirection.
    pub(super) no_greater: bool,
}

impl Parser {
    pub(super) fn look(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    pub(super) fn take(&mut self) -> Token {
        let token = self.look().clone();
        self.at += 1;
        token
    }

    pub(super) fn sees(&self, symbol: &str) -> bool {
        matches!(self.look(), Token::Symbol(own) if *own == symbol)
    }

    pub(super) fn takes(&mut self, symbol: &str) -> bool {
        let there = self.sees(symbol);
        self.at += usize::from(there);
        there
    }

    pub(super) fn takes_word(&mut self, keyword: &str) -> bool {
        let there = matches!(self.look(), Token::Keyword(own) if *own == keyword);
        self.at += usize::from(there);
        there
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Parsed<()> {
        if self.takes(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    pub(super) fn unexpected(&self) -> Trouble {
        Trouble::Syntax(match self.look() {
            Token::End => "syntax error at source line 1: unexpected end of program".to_owned(),
            Token::Symbol(symbol) => format!("syntax error at source line 1: unexpected {symbol}"),
            _ => "syntax error at source line 1".to_owned(),
        })
    }

    pub(super) fn newlines(&mut self) {
        while matches!(self.look(), Token::Newline) {
            self.at += 1;
        }
    }

    fn ends(&mut self) {
        while matches!(self.look(), Token::Newline | Token::Symbol(";")) {
            self.at += 1;
        }
    }

    pub(super) fn deeper<T>(&mut self, part: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Trouble::Stop(lost("this awk program is nested too deep")));
        }
        let parsed = part(self)?;
        self.depth -= 1;
        Ok(parsed)
    }

    fn program(&mut self) -> Parsed<Program> {
        let mut program = Program { begin: Vec::new(), rules: Vec::new(), end: Vec::new(), has_end: false };
        loop {
            self.ends();
            if matches!(self.look(), Token::End) {
                return Ok(program);
            }
            if self.takes_word("BEGIN") {
                program.begin.extend(self.block()?);
            } else if self.takes_word("END") {
                program.has_end = true;
                program.end.extend(self.block()?);
            } else {
                let rule = self.rule()?;
                program.rules.push(rule);
            }
        }
    }

    fn rule(&mut self) -> Parsed<Rule> {
        let pattern = if self.sees("{") {
            Pattern::Always
        } else {
            let from = self.expression()?;
            if self.takes(",") {
                self.newlines();
                self.ranges += 1;
                Pattern::Range(from, self.expression()?, self.ranges - 1)
            } else {
                Pattern::When(from)
            }
        };
        let action = if self.sees("{") { Some(self.block()?) } else { None };
        Ok(Rule { pattern, action })
    }

    fn block(&mut self) -> Parsed<Vec<Statement>> {
        self.expect("{")?;
        self.deeper(|parser| {
            let mut statements = Vec::new();
            loop {
                parser.ends();
                if parser.takes("}") {
                    return Ok(statements);
                }
                statements.push(parser.statement()?);
            }
        })
    }

    /// What stands under an `if` or a loop.
    fn body(&mut self) -> Parsed<Vec<Statement>> {
        self.newlines();
        if self.takes(";") {
            return Ok(Vec::new());
        }
        self.deeper(|parser| Ok(vec![parser.statement()?]))
    }

    fn statement(&mut self) -> Parsed<Statement> {
        if self.sees("{") {
            return Ok(Statement::Block(self.block()?));
        }
        let Token::Keyword(keyword) = *self.look() else {
            let statement = self.simple()?;
            return self.ended(statement);
        };
        match keyword {
            "if" => {
                self.at += 1;
                let condition = self.condition()?;
                let then = self.body()?;
                let before = self.at;
                self.ends();
                if self.takes_word("else") {
                    return Ok(Statement::If(condition, then, self.body()?));
                }
                self.at = before;
                Ok(Statement::If(condition, then, Vec::new()))
            }
            "while" => {
                self.at += 1;
                let condition = self.condition()?;
                Ok(Statement::While(condition, self.body()?))
            }
            "do" => {
                self.at += 1;
                let body = self.body()?;
                self.ends();
                if !self.takes_word("while") {
                    return Err(self.unexpected());
                }
                let condition = self.condition()?;
                self.ended(Statement::DoWhile(body, condition))
            }
            "for" => {
                self.at += 1;
                self.for_loop()
            }
            _ => {
                let statement = self.simple()?;
                self.ended(statement)
            }
        }
    }

    fn ended(&mut self, statement: Statement) -> Parsed<Statement> {
        match self.look() {
            Token::Newline | Token::Symbol(";") => self.at += 1,
            Token::Symbol("}") | Token::End => {}
            _ => return Err(self.unexpected()),
        }
        Ok(statement)
    }

    fn condition(&mut self) -> Parsed<Expression> {
        self.expect("(")?;
        let condition = self.expression()?;
        self.expect(")")?;
        Ok(condition)
    }

    fn for_loop(&mut self) -> Parsed<Statement> {
        self.expect("(")?;
        if let [Token::Name(name), Token::Keyword("in"), Token::Name(array), Token::Symbol(")")] =
            &self.tokens[self.at..(self.at + 4).min(self.tokens.len())]
        {
            let (name, array) = (name.clone(), array.clone());
            self.at += 4;
            return Ok(Statement::ForIn(name, array, self.body()?));
        }
        let nothing = || Statement::Block(Vec::new());
        let first = if self.sees(";") { nothing() } else { self.simple()? };
        self.expect(";")?;
        self.newlines();
        let condition = if self.sees(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        self.newlines();
        let step = if self.sees(")") { nothing() } else { self.simple()? };
        self.expect(")")?;
        Ok(Statement::For(Box::new(first), condition, Box::new(step), self.body()?))
    }

    fn simple(&mut self) -> Parsed<Statement> {
        let Token::Keyword(keyword) = *self.look() else { return Ok(Statement::Do(self.expression()?)) };
        self.at += 1;
        Ok(match keyword {
            "print" => Statement::Print(self.printed()?),
            "printf" => Statement::Printf(self.printed()?),
            "next" => Statement::Next,
            "break" => Statement::Break,
            "continue" => Statement::Continue,
            "exit" => {
                let ends = matches!(self.look(), Token::Newline | Token::Symbol(";" | "}") | Token::End);
                Statement::Exit(if ends { None } else { Some(self.expression()?) })
            }
            "delete" => {
                let Token::Name(name) = self.take() else { return Err(self.unexpected()) };
                let indices = if self.takes("[") { Some(self.list("]")?) } else { None };
                Statement::Delete(name, indices)
            }
            "function" | "func" | "getline" | "return" | "nextfile" => {
                return Err(Trouble::Stop(lost(format!("awk's {keyword} is not simulated"))));
            }
            _ => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        })
    }

    /// What a `print` prints. `(a, b)` may stand in parentheses of its own.
    fn printed(&mut self) -> Parsed<Vec<Expression>> {
        let before = self.at;
        let list = 'list: {
            if self.takes("(") {
                let list = self.list(")");
                let ends = |parser: &Self| {
                    matches!(
                        parser.look(),
                        Token::Newline | Token::Symbol(";" | "}" | ">" | ">>" | "|") | Token::End
                    )
                };
                match list {
                    Ok(list) if ends(self) => break 'list list,
                    Err(Trouble::Stop(stop)) => return Err(Trouble::Stop(stop)),
                    _ => self.at = before,
                }
            }
            let mut list = Vec::new();
            if matches!(
                self.look(),
                Token::Newline | Token::Symbol(";" | "}" | ">" | ">>" | "|") | Token::End
            ) {
                break 'list list;
            }
            let outer = std::mem::replace(&mut self.no_greater, true);
            loop {
                list.push(self.expression()?);
                if !self.takes(",") {
                    break;
                }
                self.newlines();
            }
            self.no_greater = outer;
            list
        };
        if self.sees(">") || self.sees(">>") || self.sees("|") {
            return Err(Trouble::Stop(lost("awk's output to files and commands is not simulated")));
        }
        Ok(list)
    }
}
