//! From tokens to nodes, by precedence climbing.
//!
//! Grammar and precedence are those of minijinja's expressions, of which this reads a part: no conditional
//! expression, mapping, slice or `**`. What is left out, and what would be wrong for every VPS, is an error
//! here with its place.

mod words;

use minijinja::Value;

use super::{
    super::Span,
    ExpressionError,
    syntax::{Comparison, Kind, Node, Operator},
    token::{self, Token, tokens},
};

/// How deep parentheses, lists and prefixes may nest, and how high a tree may be: both recurse.
const MAX_DEPTH: usize = 64;

/// How tightly an operator binds; the parser climbs from the loosest.
mod power {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const COMPARISON: u8 = 4;
    pub(super) const SUM: u8 = 5;
    pub(super) const PRODUCT: u8 = 6;
}

type Parsed = Result<Node, ExpressionError>;

/// Parses a whole text.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0 };
    let node = parser.expression(power::OR)?;
    match parser.kind() {
        token::Kind::End => Ok(node),
        _ => Err(parser.unexpected("an operator such as `and`, or the end")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn expression(&mut self, least: u8) -> Parsed {
        let start = self.start();
        let mut left = if least <= power::NOT && self.take_word("not") {
            let of = self.nested(|parser| parser.expression(power::NOT))?;
            self.node(Kind::Not(Box::new(of)), start)?
        } else {
            self.operand(least)?
        };
        if least <= power::AND && self.is_word("and") {
            let mut nodes = vec![left];
            while self.take_word("and") {
                nodes.push(self.expression(power::NOT)?);
            }
            left = self.node(Kind::All(nodes), start)?;
        }
        if least <= power::OR && self.is_word("or") {
            let mut nodes = vec![left];
            while self.take_word("or") {
                nodes.push(self.expression(power::AND)?);
            }
            left = self.node(Kind::Any(nodes), start)?;
        }
        Ok(left)
    }

    /// What stands between `and`, `or` and `not`: a comparison, or one side of it.
    fn operand(&mut self, least: u8) -> Parsed {
        let start = self.start();
        let mut left = self.filtered()?;
        while let Some(operator) = self.take_operator(&PRODUCTS) {
            let right = self.filtered()?;
            left = self.node(Kind::Arithmetic(operator, Box::new(left), Box::new(right)), start)?;
        }
        while least <= power::SUM
            && let Some(operator) = self.take_operator(&SUMS)
        {
            let right = self.operand(power::PRODUCT)?;
            left = self.node(Kind::Arithmetic(operator, Box::new(left), Box::new(right)), start)?;
        }
        if least > power::COMPARISON {
            return Ok(left);
        }
        let mut rest = Vec::new();
        while let Some(comparison) = self.take_comparison()? {
            rest.push((comparison, self.operand(power::SUM)?));
        }
        if rest.is_empty() { Ok(left) } else { self.node(Kind::Compare(Box::new(left), rest), start) }
    }

    /// A value with its filters and tests; both apply to what a `-` made of it.
    fn filtered(&mut self) -> Parsed {
        let start = self.start();
        let mut node = self.negatable()?;
        loop {
            if self.take_sign("|") {
                node = self.filter(node, start)?;
            } else if self.take_word("is") {
                let negated = self.take_word("not");
                node = self.test(node, start)?;
                if negated {
                    node = self.node(Kind::Not(Box::new(node)), start)?;
                }
            } else {
                return Ok(node);
            }
        }
    }

    fn negatable(&mut self) -> Parsed {
        let start = self.start();
        if self.take_sign("-") {
            let of = self.nested(Self::negatable)?;
            return self.node(Kind::Negative(Box::new(of)), start);
        }
        let node = self.primary()?;
        self.items(node, start)
    }

    fn primary(&mut self) -> Parsed {
        let span = self.span();
        match self.kind().clone() {
            token::Kind::Text(text) => {
                self.next += 1;
                self.node(Kind::Literal(Value::from(text)), span.start)
            }
            token::Kind::Number(number) => {
                self.next += 1;
                self.node(Kind::Literal(number), span.start)
            }
            token::Kind::Sign("(") => {
                self.next += 1;
                let mut node = self.nested(|parser| parser.expression(power::OR))?;
                self.expect(")")?;
                node.span = span.start..self.end();
                Ok(node)
            }
            token::Kind::Sign("[") => {
                self.next += 1;
                let nodes = self.list("]")?;
                self.node(Kind::List(nodes), span.start)
            }
            token::Kind::Name(name) => self.named(&name, span),
            token::Kind::Sign(_) | token::Kind::End => Err(self.unexpected("a field, a value or `(`")),
        }
    }

    fn named(&mut self, name: &str, span: Span) -> Parsed {
        match name {
            "true" | "True" | "false" | "False" => {
                self.next += 1;
                self.node(Kind::Literal(Value::from(name.eq_ignore_ascii_case("true"))), span.start)
            }
            "none" | "None" | "null" => Err(ExpressionError::at(
                span,
                format!(
                    "nothing can be compared with `{name}`; write `is undefined` or `is defined` after the field"
                ),
            )),
            "and" | "or" | "not" | "in" | "is" | "if" | "else" => {
                Err(self.unexpected("a field, a value or `(`"))
            }
            _ => {
                self.next += 1;
                if self.take_sign("(") {
                    return self.call(name, span);
                }
                if name != "vars" {
                    return self.node(Kind::Field(vec![name.to_owned()]), span.start);
                }
                match self.kind() {
                    token::Kind::Sign("." | "[") => self.node(Kind::Variable(Vec::new()), span.start),
                    _ => Err(ExpressionError::at(span, "`vars` is not a value; name one: `vars.<name>`")),
                }
            }
        }
    }

    /// `.name`, `.0` and `[…]` after a value.
    fn items(&mut self, mut node: Node, start: usize) -> Parsed {
        loop {
            let index = if self.take_sign(".") {
                let token = self.tokens[self.next].clone();
                let index = match token.kind {
                    token::Kind::Name(name) => Value::from(name),
                    token::Kind::Number(number) if number.is_integer() => number,
                    _ => return Err(self.unexpected("a name after `.`")),
                };
                self.next += 1;
                Node::new(Kind::Literal(index), token.span)
            } else if self.take_sign("[") {
                let index = self.nested(|parser| parser.expression(power::OR))?;
                self.expect("]")?;
                index
            } else {
                return Ok(node);
            };
            let name = match &index.kind {
                Kind::Literal(value) => value.as_str().map(str::to_owned),
                _ => None,
            };
            let kind = match (node.kind, name) {
                (Kind::Field(mut path), Some(name)) => {
                    path.push(name);
                    Kind::Field(path)
                }
                (Kind::Variable(mut path), Some(name)) => {
                    path.push(name);
                    Kind::Variable(path)
                }
                (Kind::Variable(path), None) if path.is_empty() => {
                    return Err(ExpressionError::at(index.span, "a variable's name is needed here"));
                }
                (kind, _) => Kind::Item(Box::new(Node { kind, ..node }), Box::new(index)),
            };
            node = self.node(kind, start)?;
        }
    }

    /// Values with commas between them, up to and with the closing sign.
    fn list(&mut self, close: &'static str) -> Result<Vec<Node>, ExpressionError> {
        let mut nodes = Vec::new();
        while !self.take_sign(close) {
            if !nodes.is_empty() {
                self.expect(",")?;
                if self.take_sign(close) {
                    break;
                }
            }
            nodes.push(self.nested(|parser| parser.expression(power::OR))?);
        }
        Ok(nodes)
    }

    fn take_comparison(&mut self) -> Result<Option<Comparison>, ExpressionError> {
        if self.take_word("in") {
            return Ok(Some(Comparison::In));
        }
        if self.take_word("not") {
            return if self.take_word("in") {
                Ok(Some(Comparison::NotIn))
            } else {
                Err(self.unexpected("`in` after `not`"))
            };
        }
        Ok(self.take_operator(&COMPARISONS))
    }

    fn take_operator<T: Copy>(&mut self, operators: &[(&str, T)]) -> Option<T> {
        let (_, operator) = operators.iter().find(|(sign, _)| self.take_sign(sign))?;
        Some(*operator)
    }

    fn word(&mut self, wanted: &str) -> Result<(String, Span), ExpressionError> {
        let span = self.span();
        match self.kind().clone() {
            token::Kind::Name(name) => {
                self.next += 1;
                Ok((name, span))
            }
            _ => Err(self.unexpected(wanted)),
        }
    }

    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, ExpressionError>,
    ) -> Result<T, ExpressionError> {
        if self.depth == MAX_DEPTH {
            return Err(too_deep(self.span()));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn node(&self, kind: Kind, start: usize) -> Parsed {
        let node = Node::new(kind, start..self.end());
        if node.height > MAX_DEPTH { Err(too_deep(node.span)) } else { Ok(node) }
    }

    fn kind(&self) -> &token::Kind {
        &self.tokens[self.next].kind
    }

    fn span(&self) -> Span {
        self.tokens[self.next].span.clone()
    }

    fn start(&self) -> usize {
        self.tokens[self.next].span.start
    }

    /// Where the last token that was taken ends.
    fn end(&self) -> usize {
        self.next.checked_sub(1).map_or(0, |last| self.tokens[last].span.end)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.kind(), token::Kind::Name(name) if name == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        self.next += usize::from(is);
        is
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.kind(), token::Kind::Sign(written) if *written == sign);
        self.next += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), ExpressionError> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn unexpected(&self, wanted: &str) -> ExpressionError {
        let found = match self.kind() {
            token::Kind::Name(name) if name == "if" => {
                "`if`, which expressions do not have (use `and`, `or`)".to_owned()
            }
            token::Kind::Name(name) => format!("`{name}`"),
            token::Kind::Text(_) => "a text".to_owned(),
            token::Kind::Number(_) => "a number".to_owned(),
            token::Kind::Sign(sign) => format!("`{sign}`"),
            token::Kind::End => "the end".to_owned(),
        };
        ExpressionError::at(self.span(), format!("expected {wanted}, found {found}"))
    }
}

const SUMS: [(&str, Operator); 2] = [("+", Operator::Add), ("-", Operator::Subtract)];

const PRODUCTS: [(&str, Operator); 4] = [
    ("*", Operator::Multiply),
    ("/", Operator::Divide),
    ("//", Operator::DivideWhole),
    ("%", Operator::Remainder),
];

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<", Comparison::Less),
    ("<=", Comparison::LessOrEqual),
    (">", Comparison::Greater),
    (">=", Comparison::GreaterOrEqual),
];

fn too_deep(span: Span) -> ExpressionError {
    ExpressionError::at(span, format!("nested too deeply (over {MAX_DEPTH} levels)"))
}
