//! Simple commands: assignments, what a name stands for, and carrying it out.

use std::rc::Rc;

use super::{
    builtins,
    interpreter::Shell,
    state::Variable,
    syntax::{Redirect, Word},
};
use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    programs::{self, Program},
};

/// What a command's name stands for.
pub(crate) enum Meaning {
    /// Changes the shell itself; what goes wrong in it ends the shell.
    Special(Program),
    Function(Rc<super::syntax::Command>),
    Builtin(Program),
    Program(Program),
    /// Real servers have it; this one cannot say what it would do.
    Unknown,
    Missing,
}

impl Shell<'_, '_> {
    pub(super) fn simple(
        &mut self,
        assignments: &[(String, Word)],
        words: &[Word],
        redirects: &[Redirect],
    ) -> Result<(), Stop> {
        self.substituted = None;
        let words = self.fields(words)?;
        let Some(name) = words.first() else {
            return self.only_assignments(assignments, redirects);
        };
        let meaning = self.meaning(name);
        let before = self.state.descriptors.clone();
        match self.redirect(redirects) {
            // A special builtin that cannot be redirected ends the shell, anything else just fails.
            Err(Stop::Exit(status)) if !matches!(meaning, Meaning::Special(_)) => {
                self.state.status = status;
                self.state.descriptors = before;
                return Ok(());
            }
            done => done?,
        }
        let is_special = matches!(meaning, Meaning::Special(_));
        let mut put_aside = Vec::new();
        for (name, value) in assignments {
            let value = self.word(value)?;
            if !is_special {
                put_aside.push((name.clone(), self.state.variables.get(name).cloned()));
            }
            self.assign(name, value)?;
            if let Some(variable) = self.state.variables.get_mut(name).filter(|_| !is_special) {
                variable.exported = true;
            }
        }
        let keeps = is_special && words == ["exec"];
        let done = self.carry_out(meaning, words);
        if !keeps {
            self.state.descriptors = before;
        }
        for (name, variable) in put_aside.into_iter().rev() {
            match variable {
                Some(variable) => self.state.variables.insert(name, variable),
                None => self.state.variables.remove(&name),
            };
        }
        done
    }

    /// Assignments that stay. What a `$(…)` in them ends with is their exit code.
    fn only_assignments(
        &mut self,
        assignments: &[(String, Word)],
        redirects: &[Redirect],
    ) -> Result<(), Stop> {
        let before = self.state.descriptors.clone();
        let mut status = 0;
        match self.redirect(redirects) {
            Err(Stop::Exit(failed)) => status = failed,
            done => done?,
        }
        self.state.descriptors = before;
        for (name, value) in assignments {
            let value = self.word(value)?;
            self.assign(name, value)?;
        }
        self.state.status = self.substituted.take().unwrap_or(status);
        Ok(())
    }

    pub(crate) fn meaning(&self, name: &str) -> Meaning {
        if let Some(builtin) = builtins::special(name) {
            return Meaning::Special(builtin);
        }
        if let Some(body) = self.state.functions.get(name) {
            return Meaning::Function(body.clone());
        }
        if let Some(builtin) = builtins::ordinary(name) {
            return Meaning::Builtin(builtin);
        }
        programs::find(self.machine, name)
    }

    fn carry_out(&mut self, meaning: Meaning, words: Vec<String>) -> Result<(), Stop> {
        let status = match meaning {
            Meaning::Function(body) => return self.function(&body, words[1..].to_vec()),
            Meaning::Missing => {
                self.gripe(&format!("{}: not found", words[0]));
                127
            }
            Meaning::Unknown => return Err(not_simulated(&words[0])),
            Meaning::Special(program) | Meaning::Builtin(program) | Meaning::Program(program) => {
                self.call(program, &words)?
            }
        };
        self.state.status = status;
        Ok(())
    }

    /// Carries out a program or builtin, and sees whether it could write.
    fn call(&mut self, program: Program, words: &[String]) -> Result<i32, Stop> {
        self.machine.spend_bytes(words.iter().map(String::len).sum())?;
        self.state.write_failed = false;
        let status = program(self, words)?;
        if std::mem::take(&mut self.state.write_failed) && status == 0 {
            self.complain(&format!("{}: write error: Bad file descriptor\n", words[0]));
            return Ok(1);
        }
        Ok(status)
    }

    /// Carries out a program on behalf of another: `None` where there is none of this name.
    pub(crate) fn execute(&mut self, words: &[String]) -> Result<Option<i32>, Stop> {
        let Some(name) = words.first() else { return Ok(None) };
        match programs::find(self.machine, name) {
            Meaning::Program(program) => {
                let depth = self.machine.dive()?;
                let status = self.call(program, words)?;
                self.machine.rise_to(depth);
                Ok(Some(status))
            }
            Meaning::Unknown => Err(not_simulated(name)),
            _ => Ok(None),
        }
    }

    /// Sets a variable.
    ///
    /// # Errors
    /// Where it is read-only, which ends the shell.
    pub(crate) fn assign(&mut self, name: &str, value: String) -> Result<(), Stop> {
        self.machine.spend_bytes(value.len())?;
        let variable = self.state.variables.entry(name.to_owned()).or_insert_with(Variable::default);
        if variable.read_only {
            self.gripe(&format!("{name}: is read only"));
            return Err(Stop::Exit(2));
        }
        variable.value = value;
        Ok(())
    }

    /// A complaint of the shell itself.
    pub(crate) fn gripe(&mut self, what: &str) {
        let text = format!("{}: {}: {what}\n", self.state.name, self.state.line);
        self.complain(&text);
    }

    /// Writes to standard output.
    pub(crate) fn say(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        // What this costs is noticed at the next command.
        self.machine.burn(text.len());
        let now = self.machine.clock;
        let written = self.state.descriptors[1].as_ref().is_some_and(|out| out.write(text, now));
        self.state.write_failed |= !written && !text.is_empty();
    }

    /// Writes to standard error.
    pub(crate) fn complain(&mut self, text: &str) {
        let now = self.machine.clock;
        if let Some(err) = &self.state.descriptors[2] {
            err.write(text.as_bytes(), now);
        }
    }

    /// Everything on standard input, to its end.
    pub(crate) fn input(&mut self) -> Result<Vec<u8>, Stop> {
        let Some((bytes, end)) = self.state.descriptors[0].as_ref().and_then(|input| input.rest()) else {
            return Ok(Vec::new());
        };
        self.machine.spend_bytes(bytes.len())?;
        self.pass_until(end)?;
        Ok(bytes)
    }

    /// Waits until a time, holding what this process has open.
    pub(crate) fn pass_until(&mut self, then: std::time::Duration) -> Result<(), Stop> {
        let done = self.machine.reach(then, self.state.ignores_term);
        let now = self.machine.clock;
        self.state.descriptors.iter().flatten().for_each(|descriptor| descriptor.hold(now));
        done
    }
}

fn not_simulated(name: &str) -> Stop {
    lost(format!("{name} is not a program that the simulated guest has"))
}
