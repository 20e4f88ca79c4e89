//! What must hold between a report and the journal, whatever happened in between.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    Case, Tally,
    playbook::Playbook,
    server::{Began, Ended, Line},
};

/// The final report of a run, as far as it is judged.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) exit_code: i32,
    targets: Vec<Target>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Target {
    id: String,
    name: String,
    status: String,
    reason: Option<String>,
    ran: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    name: String,
    status: String,
    reason: Option<String>,
    ran: String,
    exit_code: Option<i64>,
    pid: Option<u64>,
}

impl Report {
    /// Whether it is known whom the run is for.
    pub(super) fn has_rows(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Whether there is nothing left to be gone on with.
    pub(super) fn is_over(&self) -> bool {
        let is_open = |step: &Step| match step.status.as_str() {
            "running" | "cancelled" => true,
            "skipped" => matches!(step.reason.as_deref(), Some("store" | "auth" | "deadline" | "secret")),
            _ => false,
        };
        !self.targets.iter().any(|target| target.steps.iter().any(is_open))
    }
}

/// Holds a run's last report against the journal of its server.
pub(super) fn judge(
    playbook: &Playbook,
    report: Option<&Report>,
    journal: &[Line],
    servers: usize,
    case: &Case,
    tally: &mut Tally,
) {
    let mut began: BTreeMap<&str, Vec<(&Began, Vec<usize>)>> = BTreeMap::new();
    let mut ended: Vec<&Ended> = Vec::new();
    for line in journal {
        match line {
            Line::Began(line) => {
                let steps = playbook.steps_in(line);
                if !steps.is_empty() {
                    tally.posts += 1;
                    began.entry(&line.vps).or_default().push((line, steps));
                }
            }
            Line::Ended(line) => ended.push(line),
            Line::Request => {}
        }
    }
    for (vps, commands) in &began {
        never_twice(playbook, vps, commands, tally);
    }
    let Some(report) = report else {
        if !began.is_empty() {
            tally.contradictions.push(format!("no report, but {} servers began something", began.len()));
        }
        return;
    };
    let ids: BTreeSet<&str> = report.targets.iter().map(|target| target.id.as_str()).collect();
    if ids.len() != servers || report.targets.len() != servers {
        tally.contradictions.push(format!("{} rows for {servers} servers", report.targets.len()));
    }
    tally.contradictions.extend(
        began
            .keys()
            .filter(|vps| !ids.contains(**vps))
            .map(|vps| format!("{vps} began something and has no row")),
    );
    for target in &report.targets {
        tally.targets += 1;
        if target.status == "unknown" {
            let reason = target.reason.clone().unwrap_or_default();
            *tally.unknown.entry(reason).or_default() += 1;
        }
        let commands = began.get(target.id.as_str()).map_or(&[][..], Vec::as_slice);
        let row = Row { playbook, case, target, commands, ended: &ended };
        tally.contradictions.extend(row.contradictions().into_iter().map(|what| {
            format!("{} ({}): {what}; row {target:?}; began {commands:?}", target.name, target.id)
        }));
    }
}

/// G1: a task is accepted once, and one that is idempotent three times at most.
fn never_twice(playbook: &Playbook, vps: &str, commands: &[(&Began, Vec<usize>)], tally: &mut Tally) {
    let tasks: BTreeSet<&Vec<usize>> = commands.iter().map(|(_, steps)| steps).collect();
    tally.tasks += tasks.len() as u64;
    for (number, step) in playbook.steps.iter().enumerate() {
        let with_it: Vec<&Vec<usize>> =
            commands.iter().map(|(_, steps)| steps).filter(|steps| steps.contains(&number)).collect();
        let most = if step.idempotent { 3 } else { 1 };
        if with_it.len() > most {
            tally.twice += 1;
            tally.contradictions.push(format!("{vps}: {} was accepted {} times", step.name, with_it.len()));
        }
    }
}

/// A row, and all that happened on its server.
struct Row<'a> {
    playbook: &'a Playbook,
    case: &'a Case,
    target: &'a Target,
    commands: &'a [(&'a Began, Vec<usize>)],
    ended: &'a [&'a Ended],
}

impl Row<'_> {
    fn contradictions(&self) -> Vec<String> {
        let Self { playbook, target, commands, .. } = self;
        let mut found = Vec::new();
        if target.ran == "no" && !commands.is_empty() {
            found.push("said not to have run, and began something".to_owned());
        }
        if target.steps.len() != playbook.steps.len() {
            found.push(format!("{} steps of {}", target.steps.len(), playbook.steps.len()));
            return found;
        }
        for (number, step) in target.steps.iter().enumerate() {
            let carried: Vec<_> = commands.iter().filter(|(_, steps)| steps.contains(&number)).collect();
            let came_first = carried.iter().any(|(_, steps)| steps.first() == Some(&number));
            let is_left_out = step.status == "skipped" && step.reason.as_deref() == Some("earlier_step");
            let lies = self.case.faults.as_ref().is_some_and(|faults| faults.lies);
            let mut wrong = |what: &str| found.push(format!("{}: {what}", step.name));
            match step.ran.as_str() {
                "no" if came_first => wrong("said not to have run, and was accepted"),
                "no" if !carried.is_empty() && !is_left_out => {
                    wrong("said not to have run, and was sent with others");
                }
                "yes" if carried.is_empty() && !lies => wrong("said to have run, and never began"),
                _ => {}
            }
            let expected = playbook.steps[number].exit_code(&target.name);
            match step.status.as_str() {
                "ok" if expected != 0 || step.exit_code != Some(0) => wrong("ok, and its exit code is not 0"),
                "failed" if expected == 0 || step.exit_code != Some(expected) => {
                    wrong("failed, and its exit code is another");
                }
                "ok" | "failed" if !self.was_told(step, &carried) => wrong("no guest told that it ended so"),
                _ => {}
            }
        }
        if self.case.faults.is_none() {
            found.extend(self.unexpected());
        }
        found
    }

    /// Whether the journal has the end of the process that a row names, with its exit code where it stands alone.
    fn was_told(&self, step: &Step, carried: &[&(&Began, Vec<usize>)]) -> bool {
        let own = carried.iter().filter(|(began, _)| Some(began.pid) == step.pid);
        own.into_iter().any(|(began, _)| {
            let is_bundle = began.command.starts_with("unset ");
            self.ended.iter().any(|ended| {
                let same = ended.vps == self.target.id && ended.pid == began.pid;
                same && (is_bundle || ended.exit_code == step.exit_code)
            })
        })
    }

    /// Where nothing failed but rollcall itself, G3: the same rows as without a kill, but for what was caught in between.
    fn unexpected(&self) -> Option<String> {
        let target = self.target;
        let is_expected = match target.status.as_str() {
            "ok" | "failed" => true,
            // Killed between a start and its pid; and between the only answer to a poll and the disk.
            "unknown" => matches!(target.reason.as_deref(), Some("crashed" | "result_lost")),
            // Every step was left out on purpose.
            "skipped" => target.reason.as_deref() == Some("when"),
            _ => false,
        };
        (!is_expected).then(|| format!("{} {:?} without a fault", target.status, target.reason))
    }
}
