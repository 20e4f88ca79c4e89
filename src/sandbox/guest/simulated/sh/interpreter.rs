//! Carries a script out: lists, pipelines, conditions, loops, functions, subshells, jobs.
//!
//! Processes are carried out one after the other, each with a copy of its parent's [`State`]; the clock is turned
//! back for those that run at the same time. What simple commands do is in `simple`.

use std::{rc::Rc, time::Duration};

use super::{
    lexer::{Lexer, Trouble},
    parser::Parser,
    state::{Job, State},
    syntax::{Command, Item, Joint, Kind, List, Pipeline, Word},
};
use crate::sandbox::guest::{
    Ended,
    simulated::{
        machine::{Machine, Stop, lost},
        stream::{Descriptor, Source},
    },
};

/// A shell process on its machine.
pub(crate) struct Shell<'s, 'm> {
    pub(crate) machine: &'s mut Machine<'m>,
    pub(crate) state: State,
    /// What the last `$(…)` of the command that is being expanded ended with.
    pub(super) substituted: Option<i32>,
}

impl<'s, 'm> Shell<'s, 'm> {
    pub(crate) fn new(machine: &'s mut Machine<'m>, state: State) -> Self {
        Self { machine, state, substituted: None }
    }

    /// Carries out a whole script in this process, to its end.
    pub(crate) fn run(&mut self, script: &str) -> Result<Ended, Stop> {
        let done = self.text(script);
        match self.finish(done) {
            Ok(()) => Ok(Ended::Exit(self.state.status)),
            Err(Stop::Killed { pid, signal }) if pid == self.state.pid => Ok(Ended::Signal(signal)),
            Err(Stop::Lost(what)) => {
                self.complain(&format!("sh: {}: {what}; see guest=shell\n", self.state.line));
                Ok(Ended::Exit(2))
            }
            Err(stop) => Err(stop),
        }
    }

    /// Carries out text in this shell, line by line, as `eval` and `.` do.
    pub(crate) fn text(&mut self, script: &str) -> Result<(), Stop> {
        let depth = self.machine.dive()?;
        self.machine.spend_bytes(script.len())?;
        let (mut lexer, mut is_empty) = (Lexer::new(script), true);
        loop {
            match Parser(&mut lexer).line() {
                Ok(Some(list)) => self.list(&list)?,
                Ok(None) if is_empty => break self.state.status = 0,
                Ok(None) => break,
                Err(Trouble::TooDeep) => return Err(lost("this is nested too deep")),
                Err(Trouble::Syntax { line, message }) => {
                    self.complain(&format!("{}: {line}: Syntax error: {message}\n", self.state.name));
                    return Err(Stop::Exit(2));
                }
            }
            is_empty = false;
        }
        self.machine.rise_to(depth);
        Ok(())
    }

    /// Ends a process: its exit code is its status, and its last wish is carried out.
    fn finish(&mut self, done: Result<(), Stop>) -> Result<(), Stop> {
        self.settle(done)?;
        if let Some(farewell) = self.state.farewell.take() {
            let status = self.state.status;
            let done = self.text(&farewell);
            match done {
                Ok(()) => self.state.status = status,
                stopped => self.settle(stopped)?,
            }
        }
        Ok(())
    }

    fn settle(&mut self, done: Result<(), Stop>) -> Result<(), Stop> {
        match done {
            Err(Stop::Exit(status) | Stop::Return(status)) => self.state.status = status,
            Ok(()) | Err(Stop::Break(_) | Stop::Continue(_)) => {}
            Err(stop) => return Err(stop),
        }
        Ok(())
    }

    /// Carries something out in a copy of this process, and gives its exit code.
    pub(super) fn subshell(
        &mut self,
        work: impl FnOnce(&mut Shell<'_, 'm>) -> Result<(), Stop>,
    ) -> Result<i32, Stop> {
        let depth = self.machine.dive()?;
        let mut state = self.state.clone();
        (state.farewell, state.loops) = (None, 0);
        state.jobs.clear();
        let mut child = Shell::new(&mut *self.machine, state);
        let done = work(&mut child);
        child.finish(done)?;
        let status = child.state.status;
        self.machine.rise_to(depth);
        Ok(status)
    }

    pub(super) fn list(&mut self, list: &List) -> Result<(), Stop> {
        list.0.iter().try_for_each(|item| self.item(item))
    }

    /// A list whose failure is nobody's fault: a condition.
    fn condition(&mut self, list: &List) -> Result<bool, Stop> {
        self.state.unchecked += 1;
        let done = self.list(list);
        self.state.unchecked -= 1;
        done.map(|()| self.state.status == 0)
    }

    fn item(&mut self, item: &Item) -> Result<(), Stop> {
        if item.background { self.background(item) } else { self.joined(item) }
    }

    fn joined(&mut self, item: &Item) -> Result<(), Stop> {
        let all = std::iter::once((None, &item.first))
            .chain(item.rest.iter().map(|(joint, pipeline)| (Some(*joint), pipeline)));
        for (number, (joint, pipeline)) in all.enumerate() {
            let due = match joint {
                None => true,
                Some(Joint::And) => self.state.status == 0,
                Some(Joint::Or) => self.state.status != 0,
            };
            if due {
                let looks_away = u32::from(number < item.rest.len());
                self.state.unchecked += looks_away;
                let done = self.pipeline(pipeline);
                self.state.unchecked -= looks_away;
                done?;
            }
        }
        Ok(())
    }

    /// `&`: carried out at once, after which the clock is turned back.
    fn background(&mut self, item: &Item) -> Result<(), Stop> {
        let (began, deadline) = (self.machine.clock, self.machine.deadline.take());
        let pid = self.machine.fork();
        let mut holders = None;
        let status = self.subshell(|child| {
            child.state.descriptors[0] = Some(Descriptor::Null);
            match item.first.commands.as_slice() {
                [command] if item.rest.is_empty() && !item.first.not => {
                    // The process itself has what its only command redirects, and holds nothing else.
                    child.redirect(&command.redirects)?;
                    holders = Some(child.state.descriptors.clone());
                    child.kind(command)
                }
                _ => {
                    holders = Some(child.state.descriptors.clone());
                    child.joined(item)
                }
            }
        })?;
        let end = self.machine.clock;
        holders.iter().flatten().flatten().for_each(|descriptor| descriptor.hold(end));
        (self.machine.clock, self.machine.deadline) = (began, deadline);
        self.state.jobs.push(Job { pid, status, end });
        self.state.status = 0;
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Result<(), Stop> {
        let looks_away = u32::from(pipeline.not);
        self.state.unchecked += looks_away;
        let done = match pipeline.commands.as_slice() {
            [command] => self.command(command),
            commands => self.piped(commands),
        };
        self.state.unchecked -= looks_away;
        done?;
        if pipeline.not {
            self.state.status = i32::from(self.state.status == 0);
            return Ok(());
        }
        let counts = match pipeline.commands.as_slice() {
            [command] => matches!(command.kind, Kind::Simple { .. } | Kind::Subshell(_)),
            _ => true,
        };
        let failed = self.state.status != 0 && counts;
        if failed && self.state.switches.exit_on_error && self.state.unchecked == 0 {
            return Err(Stop::Exit(self.state.status));
        }
        Ok(())
    }

    /// Several commands at once, each fed by the one before.
    fn piped(&mut self, commands: &[Command]) -> Result<(), Stop> {
        let (began, mut end) = (self.machine.clock, Duration::ZERO);
        let mut input = None;
        for (number, command) in commands.iter().enumerate() {
            let is_last = number + 1 == commands.len();
            let (output, sink) = Descriptor::sink();
            let fed = input.take();
            self.machine.clock = began;
            self.state.status = self.subshell(|child| {
                if fed.is_some() {
                    child.state.descriptors[0] = fed;
                }
                if !is_last {
                    child.state.descriptors[1] = Some(output);
                }
                child.command(command)
            })?;
            end = end.max(self.machine.clock);
            let mut sink = sink.borrow_mut();
            sink.hold(self.machine.clock);
            input = Some(Descriptor::source(Source::of(&mut sink)));
        }
        self.machine.clock = end;
        Ok(())
    }

    pub(super) fn command(&mut self, command: &Command) -> Result<(), Stop> {
        self.machine.spend(20)?;
        self.state.line = command.line;
        if let Kind::Simple { assignments, words } = &command.kind {
            return self.simple(assignments, words, &command.redirects);
        }
        if command.redirects.is_empty() {
            return self.kind(command);
        }
        let before = self.state.descriptors.clone();
        let done = match self.redirect(&command.redirects) {
            // A compound command that cannot be redirected just fails.
            Err(Stop::Exit(status)) => {
                self.state.status = status;
                Ok(())
            }
            Err(stop) => Err(stop),
            Ok(()) => self.kind(command),
        };
        self.state.descriptors = before;
        done
    }

    /// A command whose redirections are in place.
    fn kind(&mut self, command: &Command) -> Result<(), Stop> {
        let depth = self.machine.dive()?;
        match &command.kind {
            Kind::Simple { assignments, words } => self.simple(assignments, words, &[])?,
            Kind::Group(list) => self.list(list)?,
            Kind::Subshell(list) => self.state.status = self.subshell(|child| child.list(list))?,
            Kind::If { arms, otherwise } => self.conditional(arms, otherwise.as_ref())?,
            Kind::For { name, words, body } => self.for_loop(name, words.as_deref(), body)?,
            Kind::Loop { until, condition, body } => self.conditional_loop(*until, condition, body)?,
            Kind::Case { word, arms } => self.case(word, arms)?,
            Kind::Function { name, body } => {
                self.state.functions.insert(name.clone(), Rc::clone(body));
                self.state.status = 0;
            }
        }
        self.machine.rise_to(depth);
        Ok(())
    }

    fn conditional(&mut self, arms: &[(List, List)], otherwise: Option<&List>) -> Result<(), Stop> {
        for (condition, then) in arms {
            if self.condition(condition)? {
                return self.list(then);
            }
        }
        self.state.status = 0;
        otherwise.map_or(Ok(()), |list| self.list(list))
    }

    fn for_loop(&mut self, name: &str, words: Option<&[Word]>, body: &List) -> Result<(), Stop> {
        let values = match words {
            Some(words) => self.fields(words)?,
            None => self.state.positional.clone(),
        };
        self.state.status = 0;
        for value in values {
            self.machine.spend(10)?;
            self.assign(name, value)?;
            if self.turn(|shell| shell.list(body))? {
                break;
            }
        }
        Ok(())
    }

    fn conditional_loop(&mut self, until: bool, condition: &List, body: &List) -> Result<(), Stop> {
        let (mut status, mut over) = (0, false);
        while !over {
            self.machine.spend(10)?;
            over = self.turn(|shell| {
                if shell.condition(condition)? == until {
                    shell.state.status = status;
                    return Err(Stop::Break(1));
                }
                shell.list(body)
            })?;
            status = self.state.status;
        }
        Ok(())
    }

    /// One turn of a loop; `true` where it was the last.
    fn turn(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Stop>) -> Result<bool, Stop> {
        self.state.loops += 1;
        let depth = self.machine.dive()?;
        let done = work(self);
        self.state.loops -= 1;
        self.machine.rise_to(depth);
        match done {
            Ok(()) | Err(Stop::Continue(1)) => Ok(false),
            Err(Stop::Break(1)) => Ok(true),
            Err(Stop::Break(more)) => Err(Stop::Break(more - 1)),
            Err(Stop::Continue(more)) => Err(Stop::Continue(more - 1)),
            Err(stop) => Err(stop),
        }
    }

    fn case(&mut self, word: &Word, arms: &[(Vec<Word>, List)]) -> Result<(), Stop> {
        let text = self.word(word)?;
        self.state.status = 0;
        for (patterns, list) in arms {
            for pattern in patterns {
                if self.pattern(pattern)?.matches(&text) {
                    return self.list(list);
                }
            }
        }
        Ok(())
    }

    /// Calls a function with these arguments.
    pub(super) fn function(&mut self, body: &Command, arguments: Vec<String>) -> Result<(), Stop> {
        let depth = self.machine.dive()?;
        let before = std::mem::replace(&mut self.state.positional, arguments);
        let loops = std::mem::take(&mut self.state.loops);
        self.state.put_aside.push(Vec::new());
        let done = self.command(body);
        for (name, variable) in self.state.put_aside.pop().into_iter().flatten().rev() {
            match variable {
                Some(variable) => self.state.variables.insert(name, variable),
                None => self.state.variables.remove(&name),
            };
        }
        (self.state.positional, self.state.loops) = (before, loops);
        match done {
            Err(Stop::Return(status)) => self.state.status = status,
            done => done?,
        }
        self.machine.rise_to(depth);
        Ok(())
    }
}
