//! From a playbook and flags to an exit code: what `run` and `exec` have in common.

use std::io::{self, Write};

use jiff::Timestamp;
use ulid::Ulid;

use super::{
    Failure,
    confirmation::{Confirmation, ConfirmationArgs},
    connection::ConnectionArgs,
    output::OutputArgs,
    pace::PaceArgs,
    selection::SelectionArgs,
    state::StoreArgs,
};
use crate::{
    budget::RunTime,
    engine::{Event, EventKind, FinishedRun, RunSpec, Status},
    fleet::Selection,
    playbook::{Playbook, Severity},
    progress::Progress,
    report::{self, RunRecord},
    runner::{self, Observer},
};

/// The exit code of a selection that picks nothing. Source: failure model, section 2.
pub(super) const NOTHING_MATCHED: u8 = 8;

/// A run that is about to be.
pub(super) struct Execution<'a> {
    /// What the file, or the command, says.
    pub(super) playbook: Playbook,
    pub(super) selection: &'a SelectionArgs,
    pub(super) connection: &'a ConnectionArgs,
    pub(super) store: &'a StoreArgs,
    pub(super) pace: &'a PaceArgs,
    pub(super) fail_on: Severity,
    pub(super) confirmation: &'a ConfirmationArgs,
    pub(super) output: &'a OutputArgs,
}

impl Execution<'_> {
    /// Runs it to its end and writes its result.
    pub(super) async fn perform(mut self) -> Result<u8, Failure> {
        self.pace.apply(&mut self.playbook);
        let selection = self.selection.with_rules(self.playbook.targets.clone())?;
        let confirmation = self.confirmation.of(&self.playbook.steps, self.connection.is_sandbox())?;
        let connection = self.connection.open().await?;
        let mut memory = self.store.open(&connection)?;
        let interrupts = runner::interrupts()
            .map_err(|error| Failure::internal(format!("no signal handlers: {error}")))?;
        let run_id = Ulid::generate();
        let started_at = Timestamp::now();

        let playbook = &self.playbook;
        let secrets: Vec<String> = playbook.vars.secrets().map(str::to_owned).collect();
        let mut watcher = Watcher {
            progress: Progress::new(self.output.progress(), super::stderr_moves_its_cursor(), &playbook.name)
                .without(&secrets),
        };
        let spec = self.spec(selection, &confirmation, run_id);
        let run = runner::drive(
            memory.recall(spec, &playbook.sha256, started_at)?,
            connection.client.clone(),
            interrupts,
            |targets| confirmation.ask(targets),
            &mut watcher,
        )
        .await;
        watcher.progress.finish();
        if let Some(sandbox) = connection.sandbox {
            sandbox.stop().await;
        }

        let mut exit_code = self.exit_code(&run);
        if exit_code == NOTHING_MATCHED {
            let _ = writeln!(io::stderr(), "rollcall: 0 of {} listed VPSes match", run.tally.listed);
        }
        if let Err(failure) = memory.keep(&run, &playbook.sha256, run_id, Timestamp::now()) {
            // The result is worth more than what the next run could begin with.
            let _ = failure.report();
            exit_code = if exit_code < 128 { Failure::OUTPUT } else { exit_code };
        }
        let record = RunRecord {
            run_id: run_id.to_string(),
            playbook_name: playbook.name.clone(),
            playbook_path: playbook.path.clone(),
            playbook_sha256: playbook.sha256.clone(),
            started_at,
            api_url: connection.client.url().to_string(),
            exit_code,
            columns: playbook.report.columns.clone(),
            group_by: self.output.group().map(str::to_owned).or_else(|| playbook.report.group_by.clone()),
            normalize: self.output.normalize(),
            secrets,
            run,
        };
        self.output.write(&record)
    }

    fn spec(&self, selection: Selection, confirmation: &Confirmation, run_id: Ulid) -> RunSpec {
        // The run's own id is as good a seed as any, and it is in the report.
        let seed = u64::from_le_bytes(run_id.to_bytes()[8..].try_into().expect("8 of 16 bytes"));
        RunSpec {
            fail_on: self.fail_on,
            confirm_over: confirmation.over,
            reserve: self.pace.reserve(),
            ..spec_of(&self.playbook, selection, seed)
        }
    }

    fn exit_code(&self, run: &FinishedRun) -> u8 {
        let code = run.exit_code(self.selection.allow_empty());
        let enough = self
            .output
            .min_coverage()
            .zip(run.summary().coverage())
            .is_some_and(|(percent, coverage)| coverage * 100.0 >= f64::from(percent));
        // Coverage forgives what did not run, never what ran and failed.
        if code == 3 && enough { 0 } else { code }
    }
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
}
