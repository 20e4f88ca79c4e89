//! Which names a step's template or expression may read, and what is said of one that it may not.
//!
//! Both see `vars.<name>`, `target.<field>` and, bare, what was captured before; an expression that judges sees the
//! command's output too. Fields of a target are not judged: the API may have more tomorrow than are known today.

use super::{Diagnostic, Span, Vars, documented, expression::OUTPUT, nearest::nearest};

/// What may be read at one place of a playbook.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The variables whose value is known.
    pub(super) vars: &'a Vars,
    /// All variables, those too whose value could not be read.
    pub(super) declared: &'a [String],
    /// All captures of the playbook, in the order in which they are made.
    pub(super) captures: &'a [Captured],
    /// Which step reads, counted from 0.
    pub(super) step: usize,
    /// What in it reads.
    pub(super) place: Place,
}

/// What in a step reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `run`: nothing is known of this step yet.
    Command,
    /// `when`, likewise.
    When,
    /// The capture of this number, counted from 0: the output is known, and the captures above it.
    Capture(usize),
    /// `expect`: all that the step knows.
    Expect,
}

/// A capture, and where it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Captured {
    pub(super) name: String,
    /// Which step makes it, counted from 0.
    pub(super) step: usize,
    /// Which of its step's captures it is, counted from 0.
    pub(super) number: usize,
    /// The step's own name.
    pub(super) step_name: Option<String>,
    /// The line it stands in.
    pub(super) line: usize,
}

impl<'a> Scope<'a> {
    /// The scope of a playbook without captures, for its first command.
    pub(super) fn of_vars(vars: &'a Vars, declared: &'a [String]) -> Self {
        Self { vars, declared, captures: &[], step: 0, place: Place::Command }
    }

    /// The same for another reader.
    pub(super) fn at(self, step: usize, place: Place) -> Self {
        Self { step, place, ..self }
    }

    /// The captures that are made before this is read.
    pub(super) fn captured(&self) -> impl Iterator<Item = &'a str> {
        let (step, place) = (self.step, self.place);
        let before = move |captured: &&Captured| {
            captured.step < step
                || captured.step == step
                    && match place {
                        Place::Command | Place::When => false,
                        Place::Capture(number) => captured.number < number,
                        Place::Expect => true,
                    }
        };
        self.captures.iter().filter(before).map(|captured| captured.name.as_str())
    }

    /// Whether what the command printed is known.
    fn has_output(&self) -> bool {
        matches!(self.place, Place::Capture(_) | Place::Expect)
    }

    /// What is wrong with reading a bare name, if anything is.
    pub(super) fn unknown_name(&self, name: &str, span: Span) -> Option<Diagnostic> {
        let known = matches!(name, "vars" | "target")
            || (self.has_output() && OUTPUT.contains(&name))
            || self.captured().any(|captured| captured == name);
        if known {
            return None;
        }
        let mistake = Diagnostic::at(span, format!("`{name}` is not known here"));
        Some(if let Some(captured) = self.captures.iter().find(|captured| captured.name == name) {
            mistake.label(self.too_early(captured))
        } else if OUTPUT.contains(&name) {
            mistake.label("known only after the command has run").help(match self.place {
                Place::When => {
                    "`when` decides whether it runs; judge its output in `expect`, or an earlier step's in its `capture`"
                }
                _ => "take it from an earlier step, by a `capture` there",
            })
        } else if self.declares(name) {
            mistake.label(format!("did you mean `vars.{name}`?"))
        } else if documented::is_documented(name) {
            mistake.label(format!("did you mean `target.{name}`?"))
        } else {
            self.nearest_to(name, mistake)
        })
    }

    fn nearest_to(&self, name: &str, mistake: Diagnostic) -> Diagnostic {
        let output = OUTPUT.into_iter().filter(|_| self.has_output());
        let bare = self.captured().chain(output).chain(["vars", "target"]);
        if let Some(near) = nearest(name, bare) {
            mistake.label(format!("did you mean `{near}`?"))
        } else if let Some(near) = nearest(name, self.declared.iter().map(String::as_str)) {
            mistake.label(format!("did you mean `vars.{near}`?"))
        } else if let Some(near) = nearest(name, documented::paths().filter(|path| !path.contains('.'))) {
            mistake.label(format!("did you mean `target.{near}`?"))
        } else {
            let what = match self.place {
                Place::Command => "a command",
                Place::When => "`when`",
                Place::Capture(_) => "`capture`",
                Place::Expect => "`expect`",
            };
            let output = OUTPUT.into_iter().filter(|_| self.has_output());
            let seen = ["vars.<name>", "target.<field>"].into_iter().chain(output).chain(self.captured());
            let seen: Vec<_> = seen.map(|name| format!("`{name}`")).collect();
            let (last, others) = seen.split_last().expect("two are always there");
            let seen = format!("{} and {last}", others.join(", "));
            mistake.help(format!("{what} sees {seen}; a server's own field is `target.{name}`"))
        }
    }

    /// Why a capture that the playbook makes is not there yet.
    fn too_early(&self, captured: &Captured) -> String {
        let line = captured.line;
        if captured.step != self.step {
            let name = captured.step_name.as_ref().map(|name| format!(", \"{name}\"")).unwrap_or_default();
            return format!("captured by a later step{name} (line {line}); move that step up");
        }
        match self.place {
            Place::Capture(number) if number == captured.number => "a capture cannot read itself".to_owned(),
            Place::Capture(_) => format!("captured below, in line {line}; move that line up"),
            _ => "captured by this step, after its command has run".to_owned(),
        }
    }

    /// What is wrong with reading `vars.<name>`, if anything is.
    pub(super) fn unknown_variable(&self, name: &str, span: Span) -> Option<Diagnostic> {
        if self.declares(name) {
            return None;
        }
        let mistake = Diagnostic::at(span, format!("unknown variable `vars.{name}`"));
        let declared = || self.declared.iter().map(String::as_str);
        Some(if let Some(near) = nearest(name, declared()) {
            mistake.label(format!("did you mean `vars.{near}`?"))
        } else if self.captures.iter().any(|captured| captured.name == name) {
            mistake.label(format!("a capture is read as `{name}`, without `vars.`"))
        } else if self.declared.is_empty() {
            mistake.help(format!("this playbook has no `vars`; add `vars: {{ {name}: … }}`"))
        } else {
            let known = declared().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            mistake.help(format!("add it under `vars`, where there is: {known}"))
        })
    }

    fn declares(&self, name: &str) -> bool {
        self.declared.iter().any(|declared| declared == name)
    }
}
