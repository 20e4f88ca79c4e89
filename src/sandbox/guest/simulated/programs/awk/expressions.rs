//! Tokens as awk expressions, from the loosest operator to the tightest.

use super::{
    lexer::Token,
    parser::{Parsed, Parser, Trouble},
    syntax::Expression,
};
use crate::sandbox::guest::simulated::{
    machine::lost,
    programs::regular::{Notation, Regular},
};

/// The functions there are.
const FUNCTIONS: [&str; 21] = [
    "length", "substr", "index", "split", "sub", "gsub", "match", "sprintf", "tolower", "toupper", "int",
    "sqrt", "exp", "log", "sin", "cos", "atan2", "rand", "srand", "system", "close",
];

impl Parser {
    pub(super) fn list(&mut self, end: &str) -> Parsed<Vec<Expression>> {
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

    pub(super) fn expression(&mut self) -> Parsed<Expression> {
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
