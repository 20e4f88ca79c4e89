//! From a condition's text to its tree: minijinja parses, and what a condition may not hold is refused here.

use std::str::FromStr;

use ipnet::IpNet;
use minijinja::{
    Value,
    machinery::{self, Span as Place, Token, ast},
    syntax::SyntaxConfig,
};
use regex::{Regex, RegexBuilder};

use super::{ExpressionError, FILTERS};
use crate::playbook::{Span, nearest::nearest};

/// The largest compiled regular expression, in bytes.
const MAX_REGEX: usize = 256 * 1024;

/// How many parts may stand in parts. The parser recurses into each, and a test thread's stack is small.
const MAX_PREFIXES: usize = 100;

const TESTS: [&str; 5] = ["defined", "undefined", "matching", "startingwith", "endingwith"];

/// One part of a condition.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Value),
    /// A dotted name.
    Path(Vec<String>),
    /// `a[b]`
    Item(Box<Self>, Box<Self>),
    List(Vec<Self>),
    Not(Box<Self>),
    Negative(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// `a < b <= c`
    Comparison(Box<Self>, Vec<(Comparison, Self)>),
    Arithmetic(Arithmetic, Box<Self>, Box<Self>),
    /// `yes if condition else no`
    Choice {
        condition: Box<Self>,
        yes: Box<Self>,
        no: Box<Self>,
    },
    Defined(Box<Self>),
    Default(Box<Self>, Box<Self>),
    Filter(&'static str, Vec<Self>),
    Matching(Box<Self>, Regex),
    /// `startingwith`, `endingwith`.
    Edge {
        end: bool,
        text: Box<Self>,
        edge: Box<Self>,
    },
    Cidr(Box<Self>, Vec<IpNet>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    DivideWhole,
    Remainder,
    Concatenate,
}

impl Node {
    /// Calls `visitor` with this part and every part below it.
    pub(super) fn visit(&self, visitor: &mut impl FnMut(&Self)) {
        visitor(self);
        match self {
            Self::Constant(_) | Self::Path(_) => {}
            Self::Not(one)
            | Self::Negative(one)
            | Self::Defined(one)
            | Self::Matching(one, _)
            | Self::Cidr(one, _) => {
                one.visit(visitor);
            }
            Self::Item(one, other)
            | Self::And(one, other)
            | Self::Or(one, other)
            | Self::Arithmetic(_, one, other)
            | Self::Default(one, other)
            | Self::Edge { text: one, edge: other, .. } => {
                one.visit(visitor);
                other.visit(visitor);
            }
            Self::Comparison(first, others) => {
                first.visit(visitor);
                others.iter().for_each(|(_, other)| other.visit(visitor));
            }
            Self::Choice { condition, yes, no } => {
                condition.visit(visitor);
                yes.visit(visitor);
                no.visit(visitor);
            }
            Self::List(parts) | Self::Filter(_, parts) => parts.iter().for_each(|part| part.visit(visitor)),
        }
    }
}

/// Reads a whole condition.
pub(super) fn read(text: &str) -> Result<Node, ExpressionError> {
    let prefixes = machinery::tokenize(text, true, SyntaxConfig::default()).map_while(Result::ok).filter(
        |(token, _)| {
            matches!(token, Token::Minus | Token::ParenOpen | Token::BracketOpen | Token::Ident("not"))
        },
    );
    if prefixes.count() > MAX_PREFIXES {
        let message = format!("too deeply nested: at most {MAX_PREFIXES} of `(`, `[`, `-` and `not`");
        return Err(ExpressionError { message, span: None });
    }
    let parsed = machinery::parse_expr(text).map_err(|error| {
        let span = error.range().filter(|range| text.get(range.clone()).is_some());
        let message = match span.clone().map(|span| &text[span]) {
            Some("=") => "two values are compared with `==`",
            _ => error.detail().unwrap_or("not a condition"),
        };
        ExpressionError { message: message.to_owned(), span }
    })?;
    node(&parsed)
}

fn node(expression: &ast::Expr<'_>) -> Result<Node, ExpressionError> {
    Ok(match expression {
        ast::Expr::Const(constant) => match &constant.value {
            none if none.is_none() => {
                return refuse(
                    constant.span(),
                    "nothing can be compared with `none`: write `… is defined` or `… is undefined`",
                );
            }
            value => Node::Constant(value.clone()),
        },
        ast::Expr::Var(variable) => Node::Path(vec![variable.id.to_owned()]),
        ast::Expr::GetAttr(attribute) => match node(&attribute.expr)? {
            Node::Path(mut path) => {
                path.push(attribute.name.to_owned());
                Node::Path(path)
            }
            other => Node::Item(Box::new(other), Box::new(Node::Constant(attribute.name.into()))),
        },
        ast::Expr::GetItem(item) => Node::Item(boxed(&item.expr)?, boxed(&item.subscript_expr)?),
        ast::Expr::List(list) => Node::List(list.items.iter().map(node).collect::<Result<_, _>>()?),
        ast::Expr::Tuple(tuple) => Node::List(tuple.items.iter().map(node).collect::<Result<_, _>>()?),
        ast::Expr::UnaryOp(unary) => match unary.op {
            ast::UnaryOpKind::Not => Node::Not(boxed(&unary.expr)?),
            ast::UnaryOpKind::Neg => Node::Negative(boxed(&unary.expr)?),
        },
        ast::Expr::BinOp(binary) => binary_node(binary)?,
        ast::Expr::Compare(compare) => {
            let others = compare.ops.iter().map(|part| Ok((comparison(part.op), node(&part.expr)?)));
            Node::Comparison(boxed(&compare.expr)?, others.collect::<Result<_, _>>()?)
        }
        ast::Expr::IfExpr(choice) => {
            let Some(no) = &choice.false_expr else {
                return refuse(choice.span(), "`… if …` needs its `else …` here");
            };
            Node::Choice {
                condition: boxed(&choice.test_expr)?,
                yes: boxed(&choice.true_expr)?,
                no: boxed(no)?,
            }
        }
        ast::Expr::Filter(filter) => filter_node(filter, filter.span())?,
        ast::Expr::Test(test) => test_node(test, test.span())?,
        ast::Expr::Call(call) => call_node(call, call.span())?,
        ast::Expr::Slice(slice) => return refuse(slice.span(), "a condition has no slices"),
        ast::Expr::Map(map) => return refuse(map.span(), "a condition has no mappings"),
    })
}

fn boxed(expression: &ast::Expr<'_>) -> Result<Box<Node>, ExpressionError> {
    node(expression).map(Box::new)
}

fn binary_node(binary: &ast::Spanned<ast::BinOp<'_>>) -> Result<Node, ExpressionError> {
    let (left, right) = (boxed(&binary.left)?, boxed(&binary.right)?);
    let compare = |left, comparison, right: Box<Node>| Node::Comparison(left, vec![(comparison, *right)]);
    Ok(match binary.op {
        ast::BinOpKind::ScAnd => Node::And(left, right),
        ast::BinOpKind::ScOr => Node::Or(left, right),
        ast::BinOpKind::Eq => compare(left, Comparison::Equal, right),
        ast::BinOpKind::Ne => compare(left, Comparison::Different, right),
        ast::BinOpKind::Lt => compare(left, Comparison::Less, right),
        ast::BinOpKind::Lte => compare(left, Comparison::LessOrEqual, right),
        ast::BinOpKind::Gt => compare(left, Comparison::Greater, right),
        ast::BinOpKind::Gte => compare(left, Comparison::GreaterOrEqual, right),
        ast::BinOpKind::In => compare(left, Comparison::In, right),
        ast::BinOpKind::Add => Node::Arithmetic(Arithmetic::Add, left, right),
        ast::BinOpKind::Sub => Node::Arithmetic(Arithmetic::Subtract, left, right),
        ast::BinOpKind::Mul => Node::Arithmetic(Arithmetic::Multiply, left, right),
        ast::BinOpKind::Div => Node::Arithmetic(Arithmetic::Divide, left, right),
        ast::BinOpKind::FloorDiv => Node::Arithmetic(Arithmetic::DivideWhole, left, right),
        ast::BinOpKind::Rem => Node::Arithmetic(Arithmetic::Remainder, left, right),
        ast::BinOpKind::Concat => Node::Arithmetic(Arithmetic::Concatenate, left, right),
        ast::BinOpKind::Pow => return refuse(binary.span(), "a condition has no powers (`**`)"),
    })
}

fn comparison(kind: ast::CompareOpKind) -> Comparison {
    match kind {
        ast::CompareOpKind::Eq => Comparison::Equal,
        ast::CompareOpKind::Ne => Comparison::Different,
        ast::CompareOpKind::Lt => Comparison::Less,
        ast::CompareOpKind::Lte => Comparison::LessOrEqual,
        ast::CompareOpKind::Gt => Comparison::Greater,
        ast::CompareOpKind::Gte => Comparison::GreaterOrEqual,
        ast::CompareOpKind::In => Comparison::In,
        ast::CompareOpKind::NotIn => Comparison::NotIn,
    }
}

fn filter_node(filter: &ast::Filter<'_>, place: Place) -> Result<Node, ExpressionError> {
    let Some(input) = &filter.expr else { return refuse(place, "a filter needs a value before it") };
    let Some(&name) = FILTERS.iter().find(|&&known| known == filter.name) else {
        return refuse(place, unknown("filter", filter.name, &FILTERS));
    };
    let mut parts = vec![node(input)?];
    parts.extend(arguments(&filter.args, place)?);
    match (name, parts.len()) {
        ("default", 2) => {
            let other = parts.pop().map(Box::new);
            let input = parts.pop().map(Box::new);
            Ok(Node::Default(input.expect("two parts"), other.expect("two parts")))
        }
        ("default", _) => refuse(place, "`default` takes one value: `… | default(0)`"),
        ("replace", 3) | ("join", 1 | 2) | (_, 1) => Ok(Node::Filter(name, parts)),
        _ => refuse(place, format!("`{name}` does not take that many values")),
    }
}

fn test_node(test: &ast::Test<'_>, place: Place) -> Result<Node, ExpressionError> {
    let input = boxed(&test.expr)?;
    let mut values = arguments(&test.args, place)?;
    match (test.name, values.len()) {
        ("defined", 0) => Ok(Node::Defined(input)),
        ("undefined", 0) => Ok(Node::Not(Box::new(Node::Defined(input)))),
        ("matching", 1) => {
            let Some(Node::Constant(pattern)) = values.pop() else {
                return refuse(place, "`matching` takes its pattern as a text in quotes");
            };
            let pattern = pattern.as_str().unwrap_or_default().to_owned();
            match RegexBuilder::new(&pattern).size_limit(MAX_REGEX).build() {
                Ok(regex) => Ok(Node::Matching(input, regex)),
                Err(regex::Error::CompiledTooBig(_)) => refuse(place, "the regular expression is too large"),
                Err(error) => {
                    let said = error.to_string();
                    let why =
                        said.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    refuse(place, format!("not a regular expression: {why}"))
                }
            }
        }
        ("startingwith" | "endingwith", 1) => {
            let edge = Box::new(values.pop().expect("one value"));
            Ok(Node::Edge { end: test.name == "endingwith", text: input, edge })
        }
        (name, _) if TESTS.contains(&name) => {
            refuse(place, format!("`is {name}` does not take that many values"))
        }
        (name, _) => refuse(place, unknown("test", name, &TESTS)),
    }
}

fn call_node(call: &ast::Call<'_>, place: Place) -> Result<Node, ExpressionError> {
    let ast::Expr::Var(function) = &call.expr else {
        return refuse(place, "only `cidr(address, \"NETWORK\")` can be called");
    };
    if function.id != "cidr" {
        return refuse(place, unknown("function", function.id, &["cidr"]));
    }
    let mut values = arguments(&call.args, place)?.into_iter();
    let Some(address) = values.next() else {
        return refuse(place, "`cidr` takes an address and one or more networks");
    };
    let networks = values
        .map(|value| {
            let Node::Constant(network) = &value else {
                return refuse(place, "a network is a text in quotes: \"192.0.2.0/24\"");
            };
            let text = network.as_str().unwrap_or_default();
            IpNet::from_str(text).or_else(|_| {
                refuse(place, format!("`{text}` is not a network: write for example \"192.0.2.0/24\""))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if networks.is_empty() {
        return refuse(place, "`cidr` takes an address and one or more networks");
    }
    Ok(Node::Cidr(Box::new(address), networks))
}

fn arguments(arguments: &[ast::CallArg<'_>], place: Place) -> Result<Vec<Node>, ExpressionError> {
    arguments
        .iter()
        .map(|argument| match argument {
            ast::CallArg::Pos(value) => node(value),
            ast::CallArg::Kwarg(..) | ast::CallArg::PosSplat(_) | ast::CallArg::KwargSplat(_) => {
                refuse(place, "values are given by their place only")
            }
        })
        .collect()
}

fn unknown(what: &str, name: &str, known: &[&'static str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("unknown {what} `{name}`; did you mean `{near}`?"),
        None => format!("unknown {what} `{name}`; there are: {}", known.join(", ")),
    }
}

fn refuse<T>(place: Place, message: impl Into<String>) -> Result<T, ExpressionError> {
    let span: Span = place.start_offset as usize..place.end_offset as usize;
    Err(ExpressionError { message: message.into(), span: Some(span) })
}
