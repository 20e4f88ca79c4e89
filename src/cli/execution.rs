//! From a playbook and flags to an exit code: what `run`, `exec`, `retry` and `resume` have in common.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use ulid::Ulid;

use super::{
    Failure,
    confirmation::Confirmation,
    connection::Connection,
    in_flight,
    output::OutputArgs,
    recipe::Recipe,
    state::{Kept, Memory, StoreArgs, Unfinished},
};
use crate::{
    budget::RunTime,
    engine::{Event, EventKind, FinishedRun, InFlight, Ran, RunSpec, Status},
    fleet::{Selection, Vps},
    playbook::{Playbook, Severity},
    progress::{Mode, Progress},
    report::{self, Later, RunRecord},
    runner::{self, Observer, Outcome, Run, failpoint},
    store::NewRun,
};

/// The exit code of a selection that picks nothing. Source: failure model, section 2.
pub(super) const NOTHING_MATCHED: u8 = 8;

/// A run that is about to be.
pub(super) struct Execution<'a> {
    /// What the file, or the command, says.
    pub(super) playbook: Playbook,
    pub(super) selection: Selection,
    pub(super) allow_empty: bool,
    pub(super) confirmation: Confirmation,
    pub(super) connection: Connection,
    pub(super) store: &'a StoreArgs,
    /// How long a step may take that does not say.
    pub(super) timeout: Option<Duration>,
    /// How much is left to others on the same key, in per cent.
    pub(super) reserve: u8,
    pub(super) fail_on: Severity,
    /// The variables that were given as flags, and whose values are nowhere else.
    pub(super) given: Vec<&'a str>,
    pub(super) output: &'a OutputArgs,
}

impl Execution<'_> {
    /// Runs it to its end and writes its result.
    pub(super) async fn perform(self) -> Result<u8, Failure> {
        let connection = &self.connection;
        let mut memory = self.store.open(connection)?;
        let in_sandbox = connection.sandbox.is_some();
        if !self.store.is_used() && !in_sandbox && self.output.progress() != Mode::None {
            let _ = writeln!(
                io::stderr(),
                "rollcall: nothing is kept of this run (--no-store): if it is cut short, it cannot be resumed"
            );
        }
        let run_id = Ulid::generate();
        // To the millisecond, as it is kept: what is shown later then has the same times.
        let started_at = Timestamp::from_millisecond(Timestamp::now().as_millisecond())
            .map_err(|error| Failure::internal(format!("the clock shows no time: {error}")))?;

        let spec = memory.recall(self.spec(run_id), &self.playbook.sha256, started_at)?;
        let url = connection.client.url().to_string();
        let playbook = &self.playbook;
        let unfinished = memory.unfinished(&url, playbook)?;
        let recipe = Recipe::new(playbook, &self.given, self.timeout, self.reserve, self.fail_on);
        let secrets: Vec<String> = playbook.vars.secrets().map(str::to_owned).collect();
        let id = run_id.to_string();
        let new = NewRun {
            id: &id,
            started_at,
            url: &url,
            in_sandbox,
            playbook_name: &playbook.name,
            playbook_path: playbook.path.as_deref(),
            playbook_sha256: &playbook.sha256,
            source: &recipe.to_json(),
        };
        let (kept, recorder) = memory.begin(&new, &secrets)?;
        let performance = Performance {
            id,
            started_at,
            playbook,
            secrets,
            output: self.output,
            allow_empty: self.allow_empty,
            unfinished,
            later: match (&kept, in_sandbox) {
                (None, _) => Later::Nothing,
                (Some(_), true) => Later::Show,
                (Some(_), false) => Later::Everything,
            },
        };
        let run = Run::new(spec).recorded(recorder);
        let ask = |targets| self.confirmation.ask(targets);
        performance.perform(run, self.connection, memory, kept, ask).await
    }

    fn spec(&self, run_id: Ulid) -> RunSpec {
        // The run's own id is as good a seed as any, and it is in the report.
        let seed = u64::from_le_bytes(run_id.to_bytes()[8..].try_into().expect("8 of 16 bytes"));
        RunSpec {
            fail_on: self.fail_on,
            confirm_over: self.confirmation.over,
            reserve: self.reserve,
            ..spec_of(&self.playbook, self.selection.clone(), seed)
        }
    }
}

/// A run whose every part is ready.
pub(super) struct Performance<'a> {
    pub(super) id: String,
    pub(super) started_at: Timestamp,
    pub(super) playbook: &'a Playbook,
    pub(super) secrets: Vec<String>,
    pub(super) output: &'a OutputArgs,
    pub(super) allow_empty: bool,
    /// Other runs of the playbook that are not finished.
    pub(super) unfinished: Vec<Unfinished>,
    /// What can be done with the run later.
    pub(super) later: Later,
}

impl Performance<'_> {
    /// Runs it to its end, keeps it and writes its result.
    pub(super) async fn perform<Question: Future<Output = bool>>(
        self,
        run: Run,
        connection: Connection,
        mut memory: Memory,
        kept: Option<Kept>,
        ask: impl Fn(usize) -> Question,
    ) -> Result<u8, Failure> {
        let signals =
            runner::signals().map_err(|error| Failure::internal(format!("no signal handlers: {error}")))?;
        let playbook = self.playbook;
        let progress =
            Progress::new(self.output.progress(), super::stderr_moves_its_cursor(), &playbook.name);
        let mut watcher =
            Watcher { progress: progress.without(&self.secrets), unfinished: self.unfinished.clone() };
        let outcome = run.drive(connection.client.clone(), signals, ask, &mut watcher).await;
        watcher.progress.finish();
        let api_url = connection.client.url().to_string();
        if let Some(sandbox) = connection.sandbox {
            sandbox.stop().await;
        }

        let mut exit_code = self.exit_code(&outcome);
        let Outcome { run, unrecorded, .. } = outcome;
        if exit_code == NOTHING_MATCHED {
            let _ = writeln!(io::stderr(), "rollcall: 0 of {} listed VPSes match", run.tally.listed);
        }
        // The result is worth more than what is kept of it.
        let with_trouble = |failure: Failure, exit_code| {
            let _ = failure.report();
            if exit_code < Failure::INTERNAL { Failure::OUTPUT } else { exit_code }
        };
        if let Some(why) = &unrecorded {
            let what = format!("not all of this run could be written down: {why}");
            exit_code = with_trouble(Failure::new(Failure::OUTPUT, what), exit_code);
            let _ = io::stderr().write_all(unwritten(&run).as_bytes());
        }
        let learned = memory.keep(&run, &playbook.sha256, &self.id, Timestamp::now());
        if let Err(failure) = learned.and_then(|()| match &kept {
            Some(kept) => memory.end(kept, self.started_at, &run, exit_code, &self.secrets),
            None => Ok(()),
        }) {
            exit_code = with_trouble(failure, exit_code);
        }
        drop(kept);
        let record = self.record(run, api_url, exit_code);
        failpoint::pass("before_report");
        self.output.write(&record)
    }

    /// What the report is made of.
    pub(super) fn record(&self, run: FinishedRun, api_url: String, exit_code: u8) -> RunRecord {
        let Playbook { name, path, sha256, report, .. } = self.playbook;
        RunRecord {
            run_id: self.id.clone(),
            playbook_name: name.clone(),
            playbook_path: path.clone(),
            playbook_sha256: sha256.clone(),
            started_at: self.started_at,
            api_url,
            exit_code,
            columns: report.columns.clone(),
            group_by: self.output.group().map(str::to_owned).or_else(|| report.group_by.clone()),
            normalize: self.output.normalize(),
            secrets: self.secrets.clone(),
            later: self.later,
            run,
        }
    }

    fn exit_code(&self, outcome: &Outcome) -> u8 {
        let Outcome { run, defect, .. } = outcome;
        let code = run.exit_code(self.allow_empty);
        let enough = self
            .output
            .min_coverage()
            .zip(run.summary().coverage())
            .is_some_and(|(percent, coverage)| coverage * 100.0 >= f64::from(percent));
        match code {
            0..128 if *defect => Failure::INTERNAL,
            // Coverage forgives what did not run, never what ran and failed.
            3 if enough => 0,
            code => code,
        }
    }
}

/// What a store that failed may not have: a line for each target on which something was started.
fn unwritten(run: &FinishedRun) -> String {
    let mut text = String::new();
    for target in run.targets.iter().filter(|target| target.ran != Ran::No) {
        let name = report::inert(target.vps.name_or_id());
        let id = report::inert(target.vps.raw_id());
        for step in target.steps.iter().filter(|step| step.ran != Ran::No) {
            let pid = step.pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
            let exit = step.exit_code.map_or_else(String::new, |code| format!(", exit {code}"));
            let step_name = report::inert(&step.name);
            let _ =
                writeln!(text, "  perhaps not kept: {name} ({id}): {step_name}: {}{exit}{pid}", step.status);
        }
    }
    text
}

/// What the engine is told of a playbook.
pub(super) fn spec_of(playbook: &Playbook, selection: Selection, seed: u64) -> RunSpec {
    let Playbook { strategy, steps, vars, .. } = playbook;
    RunSpec {
        vars: vars.clone(),
        order: strategy.order,
        concurrency: strategy.concurrency.map(|most| most as usize),
        rate: strategy.rate,
        batches: strategy.batches.clone(),
        pause: strategy.pause.unwrap_or_default(),
        max_failures: strategy.max_failures,
        deadline: strategy.deadline,
        ..RunSpec::new(selection, steps.clone(), seed)
    }
}

/// Reads the value of `--fail-on`.
pub(super) fn parse_severity(text: &str) -> Result<Severity, String> {
    let severities = [Severity::Info, Severity::Warning, Severity::Error];
    let found = severities.into_iter().find(|severity| severity.word() == text);
    found.ok_or_else(|| "there are `info`, `warning` and `error`".to_owned())
}

/// Shows a run's events on stderr and in the log.
struct Watcher {
    progress: Progress,
    unfinished: Vec<Unfinished>,
}

impl Observer for Watcher {
    fn observe(&mut self, event: &Event) {
        self.progress.observe(event);
        match &event.kind {
            EventKind::Retrying { vps, message, at } => {
                let whom = vps.as_ref().map_or("the inventory", |vps| vps.as_str());
                let wait = at.since(event.at).as_millis();
                let message = report::inert(message);
                self.progress.suspend(|| tracing::info!(whom, wait_ms = wait, "again after: {message}"));
            }
            EventKind::TargetFinished(result) if result.status == Status::Unknown => {
                let message = report::inert(result.message.as_deref().unwrap_or_default()).into_owned();
                let id = report::inert(result.vps.raw_id()).into_owned();
                self.progress.suspend(|| tracing::info!(id, "outcome unknown: {message}"));
            }
            _ => {}
        }
    }

    fn tick(&mut self, now: RunTime) {
        self.progress.tick(now);
    }

    fn targets(&mut self, vpses: &[Arc<Vps>]) {
        for Unfinished { run, is_in_progress, open } in std::mem::take(&mut self.unfinished) {
            let both = vpses.iter().filter(|vps| open.contains(vps.raw_id())).count();
            if both > 0 {
                let targets = if both == 1 { "target" } else { "targets" };
                self.progress.suspend(|| {
                    if is_in_progress {
                        tracing::warn!(
                            "run {run} of this playbook is in progress on {both} of these {targets}"
                        );
                    } else {
                        tracing::warn!(
                            "run {run} of this playbook is not finished on {both} of these {targets}: \
                             `rollcall resume {run}` goes on with it and repeats nothing"
                        );
                    }
                });
            }
        }
    }

    fn in_flight(&mut self, now: RunTime, calls: &[InFlight]) {
        let lines = in_flight::lines(now, calls);
        self.progress.suspend(|| {
            let _ = io::stderr().write_all(lines.as_bytes());
        });
    }
}
