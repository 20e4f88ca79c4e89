//! What is run: steps whose commands say which they are, and whose exit codes are known beforehand.

use std::fmt::Write as _;

use super::server::Began;

/// Which steps a playbook has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Single,
    Bundle,
    TwoRequests,
    Idempotent,
    Everything,
}

impl Shape {
    pub(super) const ALL: [Self; 5] =
        [Self::Single, Self::Bundle, Self::TwoRequests, Self::Idempotent, Self::Everything];
}

/// A playbook of one run.
pub(super) struct Playbook {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) steps: Vec<Step>,
}

/// A step of it.
pub(super) struct Step {
    pub(super) name: &'static str,
    /// What is in its command and in no other.
    label: String,
    pub(super) idempotent: bool,
}

impl Step {
    /// The exit code of its command on a server of this name.
    pub(super) fn exit_code(&self, server: &str) -> i64 {
        if self.name == "first" && server.starts_with("db-") { 3 } else { 0 }
    }
}

impl Playbook {
    /// That of the run `run`.
    pub(super) fn new(shape: Shape, run: &str) -> Self {
        let steps: &[&'static str] = match shape {
            Shape::Single => &["first"],
            Shape::Bundle => &["first", "second"],
            Shape::TwoRequests => &["second", "third"],
            Shape::Idempotent => &["again"],
            Shape::Everything => &["first", "second", "third", "again"],
        };
        let name = format!("kills-{run}");
        let mut text = format!("name: {name}\nsteps:\n");
        let mut all = Vec::new();
        for &step in steps {
            let label = format!("@{step}-{run}@");
            let (command, keys) = match step {
                "first" => ("case $(hostname) in db-*) exit 3;; esac", "on_failure: continue"),
                "second" => ("echo two", "capture: { two: stdout | trim }"),
                "third" => ("echo three", "when: two == \"two\" and target.name | length > 5"),
                _ => ("echo again", "idempotent: true"),
            };
            // Infallible for a String.
            let _ =
                writeln!(text, "- name: {step}\n  run: \": {label}; {command}\"\n  timeout: 10s\n  {keys}");
            all.push(Step { name: step, label, idempotent: step == "again" });
        }
        Self { name, text, steps: all }
    }

    /// The steps of it that a command is made of, in their order.
    pub(super) fn steps_in(&self, began: &Began) -> Vec<usize> {
        let is_in = |step: &usize| began.command.contains(&self.steps[*step].label);
        (0..self.steps.len()).filter(is_in).collect()
    }

    /// Whether a command is of this playbook.
    pub(super) fn is_in(&self, line: &super::server::Line) -> bool {
        matches!(line, super::server::Line::Began(began) if !self.steps_in(began).is_empty())
    }
}
