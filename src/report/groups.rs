//! Which targets gave the same answer, or have the same value in a column.
//!
//! The same outcome is the same status and reason, and of each step the same exit code and both streams; an empty
//! stream is one too. How long it took and which process it was are not looked at.

use std::{cmp::Reverse, collections::HashMap};

use sha2::{Digest, Sha256};

use super::{Redactor, RunRecord, column::Column, finding::Finding, words};
use crate::engine::{Status, StepResult, Stream, TargetResult};

/// What targets are put together by.
#[derive(Debug)]
pub(super) enum By {
    /// All that became of them.
    Outcome,
    /// What a column shows.
    Column(Column),
}

/// Targets that belong together, in the order of the listing; at least one.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) members: Vec<&'a TargetResult>,
}

impl By {
    /// What the record asks for; `None`: a row a target.
    pub(super) fn of(record: &RunRecord) -> Option<Self> {
        record.group_by.as_deref().map(|name| match name {
            "outcome" => Self::Outcome,
            name => Self::Column(Column::named(name, record)),
        })
    }
}

impl By {
    /// Whether something about the servers may explain why some differ. Not where they are put together by that.
    pub(super) fn may_have_a_cause(&self) -> bool {
        match self {
            Self::Outcome => true,
            Self::Column(column) => !column.is_field(),
        }
    }
}

impl<'a> Group<'a> {
    /// The target whose answer stands for all.
    pub(super) fn first(&self) -> &'a TargetResult {
        self.members[0]
    }

    /// What all of them are, if it is the same.
    pub(super) fn shared<T: PartialEq>(&self, of: impl Fn(&'a TargetResult) -> T) -> Option<T> {
        let first = of(self.first());
        self.members[1..].iter().all(|target| of(target) == first).then_some(first)
    }
}

/// Divides a run's targets into groups: the largest first, and of groups of one size those that ended worst last,
/// where they are seen.
pub(super) fn divide<'a>(record: &'a RunRecord, by: &By, redactor: &Redactor) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    // Digests instead of the outputs: these may be many and large.
    let mut places: HashMap<[u8; 32], usize> = HashMap::new();
    for target in &record.run.targets {
        let key = Key::of(record, by, target, redactor);
        let place = *places.entry(key).or_insert_with(|| {
            groups.push(Group { members: Vec::new() });
            groups.len() - 1
        });
        groups[place].members.push(target);
    }
    groups.sort_by_key(|group| (Reverse(group.members.len()), Reverse(group.first().status)));
    groups
}

/// The group that the others are compared with: the answers of more than half of those who answered.
pub(super) fn majority<'a, 'b>(groups: &'b [Group<'a>]) -> Option<&'b Group<'a>> {
    let answered = |group: &&Group<'_>| group.first().status.answered();
    let all: usize = groups.iter().filter(answered).map(|group| group.members.len()).sum();
    groups.iter().find(answered).filter(|group| group.members.len() > 1 && group.members.len() * 2 > all)
}

/// What makes two targets the same.
struct Key<'a> {
    digest: Sha256,
    record: &'a RunRecord,
    target: &'a TargetResult,
}

impl<'a> Key<'a> {
    fn of(record: &'a RunRecord, by: &By, target: &'a TargetResult, redactor: &Redactor) -> [u8; 32] {
        let mut key = Key { digest: Sha256::new(), record, target };
        match by {
            By::Outcome => key.outcome(),
            By::Column(column) if column.is_stream() => {
                let step = Finding::of(target).map(|finding| finding.step);
                let stream = |step: &'a StepResult| {
                    if column.is_stderr() { step.stderr.as_ref() } else { step.stdout.as_ref() }
                };
                key.stream(step.and_then(stream));
            }
            By::Column(column) => {
                let shown = column.show(target, redactor);
                key.part(&shown.text);
            }
        }
        key.digest.finalize().into()
    }

    fn outcome(&mut self) {
        let target = self.target;
        self.ending(target.status, target.reason.map(crate::engine::Reason::word));
        if !target.status.answered() {
            self.compared(&words::without_request(&words::why(target).unwrap_or_default()));
        }
        for step in &target.steps {
            self.ending(step.status, step.reason.map(crate::engine::Reason::word));
            self.part(&format!("{:?} {:?}", step.exit_code, step.signal));
            self.stream(step.stdout.as_ref());
            self.stream(step.stderr.as_ref());
        }
    }

    fn ending(&mut self, status: Status, reason: Option<&str>) {
        self.part(status.word());
        self.part(reason.unwrap_or_default());
    }

    fn stream(&mut self, stream: Option<&Stream>) {
        match stream {
            None => self.part("not known"),
            Some(stream) => {
                self.part(if stream.truncated { "cut" } else { "whole" });
                self.compared(&stream.shown());
            }
        }
    }

    fn compared(&mut self, text: &str) {
        let text = self.record.normalize.text(text, &self.target.vps);
        self.part(&text);
    }

    fn part(&mut self, text: &str) {
        // With its length, or two parts could pass for one.
        self.digest.update((text.len() as u64).to_le_bytes());
        self.digest.update(text);
    }
}
