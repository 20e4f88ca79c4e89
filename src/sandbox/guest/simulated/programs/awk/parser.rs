//! Tokens as an awk program.

use super::{
    lexer::{Token, tokens},
    syntax::{Expression, Pattern, Program, Rule, Statement},
};
use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    programs::regular::{Notation, Regular},
};

/// How deep expressions and blocks may stand in each other.
const DEEPEST: u32 = 50;

/// The functions there are.
const FUNCTIONS: [&str; 21] = [
    "length", "substr", "index", "split", "sub", "gsub", "match", "sprintf", "tolower", "toupper", "int",
    "sqrt", "exp", "log", "sin", "cos", "atan2", "rand", "srand", "system", "close",
];

enum Trouble {
    Syntax(String),
    Stop(Stop),
}

type Parsed<T> = Result<T, Trouble>;

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

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    ranges: usize,
    /// Where `in` belongs to a `for`.
    no_in: bool,
    /// Where `>` would be a redirection.
    no_greater: bool,
}

impl Parser {
    fn look(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn take(&mut self) -> Token {
        let token = self.look().clone();
        self.at += 1;
        token
    }

    fn sees(&self, symbol: &str) -> bool {
        matches!(self.look(), Token::Symbol(own) if *own == symbol)
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let there = self.sees(symbol);
        self.at += usize::from(there);
        there
    }

    fn takes_word(&mut self, keyword: &str) -> bool {
        let there = matches!(self.look(), Token::Keyword(own) if *own == keyword);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, symbol: &str) -> Parsed<()> {
        if self.takes(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> Trouble {
        Trouble::Syntax(match self.look() {
            Token::End => "syntax error at source line 1: unexpected end of program".to_owned(),
            Token::Symbol(symbol) => format!("syntax error at source line 1: unexpected {symbol}"),
            _ => "syntax error at source line 1".to_owned(),
        })
    }

    fn newlines(&mut self) {
        while matches!(self.look(), Token::Newline) {
            self.at += 1;
        }
    }

    fn ends(&mut self) {
        while matches!(self.look(), Token::Newline | Token::Symbol(";")) {
            self.at += 1;
        }
    }

    fn deeper<T>(&mut self, part: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
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

    fn list(&mut self, end: &str) -> Parsed<Vec<Expression>> {
        let (no_in, no_greater) = (self.no_in, self.no_greater);
        (self.no_in, self.no_greater) = (false, false);
        let mut list = Vec::new();
        self.newlines();
        while !self.sees(end) {
            list.push(self.expression()?);
            self.newlines();
            if !self.takes(",") {
                break;
            }
            self.newlines();
        }
        self.expect(end)?;
        (self.no_in, self.no_greater) = (no_in, no_greater);
        Ok(list)
    }

    fn expression(&mut self) -> Parsed<Expression> {
        self.deeper(Self::choice)
    }

    fn choice(&mut self) -> Parsed<Expression> {
        let left = self.or()?;
        if self.takes("?") {
            self.newlines();
            let yes = self.expression()?;
            self.newlines();
            self.expect(":")?;
            self.newlines();
            let no = self.expression()?;
            return Ok(Expression::Choice(Box::new(left), Box::new(yes), Box::new(no)));
        }
        let operators = [
            ("=", None),
            ("+=", Some("+")),
            ("-=", Some("-")),
            ("*=", Some("*")),
            ("/=", Some("/")),
            ("%=", Some("%")),
            ("^=", Some("^")),
        ];
        for (symbol, operator) in operators {
            if self.sees(symbol) && is_place(&left) {
                self.at += 1;
                self.newlines();
                let right = self.expression()?;
                return Ok(Expression::Assign(Box::new(left), operator, Box::new(right)));
            }
        }
        Ok(left)
    }

    fn or(&mut self) -> Parsed<Expression> {
        let mut left = self.and()?;
        while self.takes("||") {
            self.newlines();
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expression> {
        let mut left = self.membership()?;
        while self.takes("&&") {
            self.newlines();
            left = Expression::And(Box::new(left), Box::new(self.membership()?));
        }
        Ok(left)
    }

    fn membership(&mut self) -> Parsed<Expression> {
        let mut left = self.matching()?;
        while !self.no_in && self.takes_word("in") {
            let Token::Name(array) = self.take() else { return Err(self.unexpected()) };
            left = Expression::In(vec![left], array);
        }
        Ok(left)
    }

    fn matching(&mut self) -> Parsed<Expression> {
        let mut left = self.comparison()?;
        loop {
            let holds = self.takes("~");
            if !holds && !self.takes("!~") {
                return Ok(left);
            }
            left = Expression::Match(Box::new(left), Box::new(self.comparison()?), holds);
        }
    }

    fn comparison(&mut self) -> Parsed<Expression> {
        let left = self.joined()?;
        for operator in ["<=", ">=", "==", "!=", "<", ">"] {
            if self.sees(operator) && !(operator == ">" && self.no_greater) {
                self.at += 1;
                return Ok(Expression::Binary(operator, Box::new(left), Box::new(self.joined()?)));
            }
        }
        Ok(left)
    }

    /// Values side by side are put together.
    fn joined(&mut self) -> Parsed<Expression> {
        let mut left = self.sum()?;
        loop {
            let begins = match self.look() {
                Token::Number(_) | Token::Text(_) | Token::Pattern(_) | Token::Name(_) | Token::Called(_) => {
                    true
                }
                Token::Symbol(symbol) => matches!(*symbol, "$" | "!" | "(" | "-" | "+" | "++" | "--"),
                _ => false,
            };
            if !begins {
                return Ok(left);
            }
            left = Expression::Binary(" ", Box::new(left), Box::new(self.sum()?));
        }
    }

    fn sum(&mut self) -> Parsed<Expression> {
        let mut left = self.product()?;
        loop {
            let operator = if self.takes("+") {
                "+"
            } else if self.takes("-") {
                "-"
            } else {
                return Ok(left);
            };
            left = Expression::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Parsed<Expression> {
        let mut left = self.sign()?;
        loop {
            let Some(operator) = ["*", "/", "%"].into_iter().find(|operator| self.sees(operator)) else {
                return Ok(left);
            };
            self.at += 1;
            left = Expression::Binary(operator, Box::new(left), Box::new(self.sign()?));
        }
    }

    fn sign(&mut self) -> Parsed<Expression> {
        if self.takes("!") {
            return Ok(Expression::Not(Box::new(self.deeper(Self::sign)?)));
        }
        if self.takes("-") {
            return Ok(Expression::Negative(Box::new(self.deeper(Self::sign)?)));
        }
        if self.takes("+") {
            return Ok(Expression::Positive(Box::new(self.deeper(Self::sign)?)));
        }
        let base = self.step()?;
        if self.takes("^") {
            let exponent = self.deeper(Self::sign)?;
            return Ok(Expression::Binary("^", Box::new(base), Box::new(exponent)));
        }
        Ok(base)
    }

    fn step(&mut self) -> Parsed<Expression> {
        for (symbol, change) in [("++", 1.0), ("--", -1.0)] {
            if self.takes(symbol) {
                let place = self.primary()?;
                return if is_place(&place) {
                    Ok(Expression::Step(Box::new(place), change, false))
                } else {
                    Err(self.unexpected())
                };
            }
        }
        let value = self.primary()?;
        for (symbol, change) in [("++", 1.0), ("--", -1.0)] {
            if is_place(&value) && self.takes(symbol) {
                return Ok(Expression::Step(Box::new(value), change, true));
            }
        }
        Ok(value)
    }

    fn primary(&mut self) -> Parsed<Expression> {
        match self.take() {
            Token::Number(number) => Ok(Expression::Number(number)),
            Token::Text(text) => Ok(Expression::Text(text)),
            Token::Pattern(text) => match Regular::new(&text, Notation::Awk, false) {
                Ok(Ok(pattern)) => Ok(Expression::Pattern(pattern)),
                Ok(Err(what)) => Err(Trouble::Syntax(what)),
                Err(stop) => Err(Trouble::Stop(stop)),
            },
            Token::Symbol("$") => {
                let field = if self.sees("++") || self.sees("--") || self.sees("-") {
                    self.deeper(Self::sign)?
                } else {
                    self.deeper(Self::primary)?
                };
                Ok(Expression::Field(Box::new(field)))
            }
            Token::Symbol("(") => {
                let mut list = self.deeper(|parser| parser.list(")"))?;
                if list.len() > 1 {
                    if !self.takes_word("in") {
                        return Err(self.unexpected());
                    }
                    let Token::Name(array) = self.take() else { return Err(self.unexpected()) };
                    return Ok(Expression::In(list, array));
                }
                list.pop().ok_or_else(|| self.unexpected()).map(grouped)
            }
            Token::Name(name) if name == "length" => Ok(Expression::Call("length", Vec::new())),
            Token::Name(name) if self.takes("[") => Ok(Expression::Element(name, self.list("]")?)),
            Token::Name(name) => Ok(Expression::Variable(name)),
            Token::Called(name) => {
                let known = FUNCTIONS.into_iter().find(|function| *function == name);
                let Some(function) =
                    known.filter(|function| !matches!(*function, "system" | "close" | "srand" | "rand"))
                else {
                    return Err(Trouble::Stop(lost(format!("awk's {name}() is not simulated"))));
                };
                self.expect("(")?;
                Ok(Expression::Call(function, self.deeper(|parser| parser.list(")"))?))
            }
            Token::Keyword("getline") => Err(Trouble::Stop(lost("awk's getline is not simulated"))),
            _ => {
                self.at -= 1;
                Err(self.unexpected())
            }
        }
    }
}

/// What stood in parentheses is no place to assign to, but for `$(1)`, which does not come here.
fn grouped(inner: Expression) -> Expression {
    if is_place(&inner) {
        Expression::Binary("()", Box::new(inner), Box::new(Expression::Number(0.0)))
    } else {
        inner
    }
}

fn is_place(expression: &Expression) -> bool {
    matches!(expression, Expression::Variable(_) | Expression::Field(_) | Expression::Element(..))
}
