//! `awk`: patterns and actions on lines, with variables, arrays, functions of text and numbers.
//!
//! `lexer` and `parser` make a tree of `syntax`; `run` carries it out on `value`s. User-defined functions, `getline`
//! and output to files or commands are not here, and a program that has them is refused.

mod calls;
mod lexer;
mod parser;
mod run;
mod syntax;
mod value;

use self::{parser::parse, run::Run};
use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    sh::Shell,
};

pub(super) fn awk(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut rest = words[1..].iter().peekable();
    let mut assigned = Vec::new();
    while let Some(word) = rest.next_if(|word| word.starts_with('-') && word.len() > 1) {
        let (flag, value) = word.split_at(2);
        let value =
            if value.is_empty() && flag != "--" { rest.next().map_or("", String::as_str) } else { value };
        match (flag, value) {
            ("-F", separator) => assigned.push(("FS".to_owned(), separator.to_owned())),
            ("-v", assignment) => match assignment.split_once('=') {
                Some((name, value)) => assigned.push((name.to_owned(), value.to_owned())),
                None => {
                    shell.complain("awk: -v wants VAR=VALUE\n");
                    return Ok(2);
                }
            },
            ("--", "") => break,
            _ => return Err(lost(format!("awk {word} is not simulated"))),
        }
    }
    let Some(source) = rest.next() else {
        shell.complain("usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]\n");
        return Ok(2);
    };
    shell.machine.spend_bytes(source.len() * 8)?;
    let program = match parse(source)? {
        Ok(program) => program,
        Err(what) => {
            shell.complain(&format!("awk: {what}\n"));
            return Ok(2);
        }
    };
    let files: Vec<String> = rest.cloned().collect();
    Run::new(shell).whole(&program, &assigned, &files)
}
