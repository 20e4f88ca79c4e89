//! What an awk program is: rules of patterns and actions.

use crate::sandbox::guest::simulated::programs::regular::Regular;

pub(super) struct Program {
    pub(super) begin: Vec<Statement>,
    pub(super) rules: Vec<Rule>,
    pub(super) end: Vec<Statement>,
    /// Whether there is an `END`, be it empty: then the input is read.
    pub(super) has_end: bool,
}

pub(super) struct Rule {
    pub(super) pattern: Pattern,
    /// `None` prints the line.
    pub(super) action: Option<Vec<Statement>>,
}

pub(super) enum Pattern {
    Always,
    When(Expression),
    /// From one line to another; the number is the range's own.
    Range(Expression, Expression, usize),
}

pub(super) enum Statement {
    Print(Vec<Expression>),
    Printf(Vec<Expression>),
    Do(Expression),
    If(Expression, Vec<Self>, Vec<Self>),
    While(Expression, Vec<Self>),
    DoWhile(Vec<Self>, Expression),
    For(Box<Self>, Option<Expression>, Box<Self>, Vec<Self>),
    ForIn(String, String, Vec<Self>),
    Delete(String, Option<Vec<Expression>>),
    Block(Vec<Self>),
    Next,
    Exit(Option<Expression>),
    Break,
    Continue,
}

pub(super) enum Expression {
    Number(f64),
    Text(String),
    Pattern(Regular),
    Variable(String),
    Field(Box<Self>),
    Element(String, Vec<Self>),
    Assign(Box<Self>, Option<&'static str>, Box<Self>),
    /// `++x`, `x--`: the change, and whether the old value counts.
    Step(Box<Self>, f64, bool),
    Binary(&'static str, Box<Self>, Box<Self>),
    Negative(Box<Self>),
    Positive(Box<Self>),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    /// `~`; `false` turns it round.
    Match(Box<Self>, Box<Self>, bool),
    In(Vec<Self>, String),
    Choice(Box<Self>, Box<Self>, Box<Self>),
    Call(&'static str, Vec<Self>),
}
