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
    If(Expression, Vec<Statement>, Vec<Statement>),
    While(Expression, Vec<Statement>),
    DoWhile(Vec<Statement>, Expression),
    For(Box<Statement>, Option<Expression>, Box<Statement>, Vec<Statement>),
    ForIn(String, String, Vec<Statement>),
    Delete(String, Option<Vec<Expression>>),
    Block(Vec<Statement>),
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
    Field(Box<Expression>),
    Element(String, Vec<Expression>),
    Assign(Box<Expression>, Option<&'static str>, Box<Expression>),
    /// `++x`, `x--`: the change, and whether the old value counts.
    Step(Box<Expression>, f64, bool),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Negative(Box<Expression>),
    Positive(Box<Expression>),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    /// `~`; `false` turns it round.
    Match(Box<Expression>, Box<Expression>, bool),
    In(Vec<Expression>, String),
    Choice(Box<Expression>, Box<Expression>, Box<Expression>),
    Call(&'static str, Vec<Expression>),
}
