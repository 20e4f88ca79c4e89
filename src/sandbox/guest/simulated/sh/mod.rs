//! A small POSIX shell, in this process: it reads a script as dash does and carries it out on a [`Machine`], where
//! nothing is real.
//!
//! `lexer`, `words` and `parser` make a tree of `syntax`; `interpreter`, `simple` and `redirection` carry it out;
//! `expansion`, `fields`, `pattern` and `arithmetic` are what happens to words on the way. The builtins are here, the
//! programs next door. Where dash would say something, this says the same; what it cannot follow it gives up with
//! [`Stop::Lost`] instead of guessing.
//!
//! [`Machine`]: super::machine::Machine
//! [`Stop::Lost`]: super::machine::Stop::Lost

pub(crate) mod arithmetic;
mod builtins;
mod control;
pub(crate) mod echo;
mod expansion;
mod fields;
mod interpreter;
mod jobs;
mod lexer;
mod parser;
pub(crate) mod pattern;
pub(crate) mod printf;
mod reading;
mod redirection;
mod simple;
mod state;
mod syntax;
pub(crate) mod test;
mod words;

pub(crate) use self::{
    interpreter::Shell,
    simple::Meaning,
    state::{State, Variable},
    syntax::is_name,
};
