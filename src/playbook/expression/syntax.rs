//! What an expression consists of, once parsed.

use minijinja::Value;

use super::{
    super::{Span, Vars},
    matcher::Matcher,
};

/// A part of an expression that has a value.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Span,
    /// How many nodes lie on the longest way down, this one included: what an evaluation recurses.
    pub(super) height: usize,
}

/// What a node does.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Literal(Value),
    /// A dotted path that begins with a bare name: a field of the VPS, or what a step knows.
    Field(Vec<String>),
    /// A variable, by the path below `vars`.
    Variable(Vec<String>),
    Item(Box<Node>, Box<Node>),
    List(Vec<Node>),
    Not(Box<Node>),
    Negative(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    /// `a < b <= c`: each pair must hold.
    Compare(Box<Node>, Vec<(Comparison, Node)>),
    Arithmetic(Operator, Box<Node>, Box<Node>),
    Defined(Box<Node>),
    Default(Box<Node>, Box<Node>),
    Matching(Box<Node>, Matcher),
    /// The filter `regex`.
    Extract(Box<Node>, Matcher),
    /// `cidr(address, network)`.
    Within(Box<Node>, Box<Node>),
    Test(&'static str, Box<Node>, Vec<Node>),
    Filter(&'static str, Box<Node>, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    DivideWhole,
    Remainder,
}

impl Comparison {
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }
}

impl Node {
    pub(super) fn new(kind: Kind, span: Span) -> Self {
        let mut node = Self { kind, span, height: 0 };
        node.height = 1 + node.children().iter().map(|child| child.height).max().unwrap_or(0);
        node
    }

    /// The parts, in the order of the text.
    pub(super) fn children(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::Literal(_) | Kind::Field(_) | Kind::Variable(_) => Vec::new(),
            Kind::Not(of) | Kind::Negative(of) | Kind::Defined(of) => vec![of],
            Kind::Item(left, right)
            | Kind::Arithmetic(_, left, right)
            | Kind::Default(left, right)
            | Kind::Within(left, right) => vec![left, right],
            Kind::List(nodes) | Kind::All(nodes) | Kind::Any(nodes) => nodes.iter().collect(),
            Kind::Compare(first, rest) => {
                std::iter::once(&**first).chain(rest.iter().map(|(_, node)| node)).collect()
            }
            Kind::Matching(of, matcher) | Kind::Extract(of, matcher) => {
                std::iter::once(&**of).chain(matcher.variable()).collect()
            }
            Kind::Test(_, of, arguments) | Kind::Filter(_, of, arguments) => {
                std::iter::once(&**of).chain(arguments).collect()
            }
        }
    }

    /// Whether a comparison, a test or logic is in it, so that it says yes or no of a VPS.
    pub(super) fn judges(&self) -> bool {
        let itself = matches!(
            self.kind,
            Kind::Not(_)
                | Kind::All(_)
                | Kind::Any(_)
                | Kind::Compare(..)
                | Kind::Defined(_)
                | Kind::Matching(..)
                | Kind::Within(..)
                | Kind::Test(..)
        );
        itself || self.children().into_iter().any(Self::judges)
    }

    /// Whether the value of a secret variable is in what it says.
    pub(super) fn reads_secret(&self, vars: &Vars) -> bool {
        let itself = matches!(&self.kind, Kind::Variable(path) if path.first().is_some_and(|name| vars.is_secret(name)));
        itself || self.children().into_iter().any(|child| child.reads_secret(vars))
    }

    /// Adds the dotted names that are read, in the order of the text, and the nodes that read them.
    pub(super) fn collect_names<'a>(&'a self, names: &mut Vec<(String, &'a Self)>) {
        match &self.kind {
            Kind::Field(path) => names.push((path.join("."), self)),
            Kind::Variable(path) => names.push((format!("vars.{}", path.join(".")), self)),
            _ => {}
        }
        for child in self.children() {
            child.collect_names(names);
        }
    }
}
