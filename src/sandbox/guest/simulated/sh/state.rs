//! What one shell process knows: its variables, functions, descriptors, directory and options.

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use super::syntax::Command;
use crate::sandbox::guest::simulated::stream::Descriptor;

/// A process's open descriptors.
pub(crate) type Descriptors = [Option<Descriptor>; 10];

#[derive(Clone, Debug, Default)]
pub(crate) struct Variable {
    pub(crate) value: String,
    pub(crate) exported: bool,
    pub(crate) read_only: bool,
}

/// A command that went on in the background. It has been carried out already, up to a time that may yet come.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) pid: u32,
    pub(crate) status: i32,
    pub(crate) end: Duration,
}

/// The switches of `set`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Switches {
    pub(crate) exit_on_error: bool,
    pub(crate) no_unset: bool,
    pub(crate) no_globs: bool,
    pub(crate) no_clobber: bool,
}

#[derive(Clone)]
pub(crate) struct State {
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) functions: BTreeMap<String, Rc<Command>>,
    pub(crate) positional: Vec<String>,
    /// `$0`.
    pub(crate) name: String,
    pub(crate) descriptors: Descriptors,
    pub(crate) directory: String,
    pub(crate) status: i32,
    pub(crate) switches: Switches,
    pub(crate) umask: u32,
    /// `$$`, which subshells share.
    pub(crate) pid: u32,
    pub(crate) jobs: Vec<Job>,
    /// What `trap … EXIT` asks for.
    pub(crate) farewell: Option<String>,
    pub(crate) ignores_term: bool,
    /// The values that `local` has put aside, a list for each function that runs.
    pub(crate) put_aside: Vec<Vec<(String, Option<Variable>)>>,
    pub(crate) loops: u32,
    /// Above 0 where a failure is a condition's, and `set -e` looks away.
    pub(crate) unchecked: u32,
    pub(crate) line: u32,
    /// Whether the program that runs could not write.
    pub(crate) write_failed: bool,
}

impl State {
    /// A shell as the guest agent starts it.
    pub(crate) fn new(pid: u32, descriptors: Descriptors) -> Self {
        let mut state = Self {
            variables: BTreeMap::new(),
            functions: BTreeMap::new(),
            positional: Vec::new(),
            name: "sh".to_owned(),
            descriptors,
            directory: "/".to_owned(),
            status: 0,
            switches: Switches::default(),
            umask: 0o022,
            pid,
            jobs: Vec::new(),
            farewell: None,
            ignores_term: false,
            put_aside: Vec::new(),
            loops: 0,
            unchecked: 0,
            line: 1,
            write_failed: false,
        };
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        for (name, value) in [("HOME", "/root"), ("LANG", "C.UTF-8"), ("PATH", path), ("PWD", "/")] {
            state.set_exported(name, value);
        }
        state.set_own();
        state
    }

    /// A shell in a process of its own, which knows what this one exports.
    pub(crate) fn child(&self, pid: u32) -> Self {
        let mut child = Self::new(pid, self.descriptors.clone());
        child.variables = self.variables.clone();
        child.variables.retain(|_, variable| variable.exported);
        for variable in child.variables.values_mut() {
            variable.read_only = false;
        }
        child.set_own();
        child.directory.clone_from(&self.directory);
        child.umask = self.umask;
        child.ignores_term = self.ignores_term;
        child
    }

    /// The variables that every shell sets for itself.
    fn set_own(&mut self) {
        for (name, value) in [("IFS", " \t\n"), ("OPTIND", "1"), ("PS4", "+ ")] {
            self.variables.entry(name.to_owned()).or_default().value = value.to_owned();
        }
    }

    fn set_exported(&mut self, name: &str, value: &str) {
        let variable = Variable { value: value.to_owned(), exported: true, read_only: false };
        self.variables.insert(name.to_owned(), variable);
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|variable| variable.value.as_str())
    }
}
