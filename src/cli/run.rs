//! `rollcall run`: the main job.

use std::{
    io::{self, IsTerminal, Write},
    path::PathBuf,
    time::Duration,
};

use clap::Args;
use jiff::Timestamp;
use ulid::Ulid;

use super::{Failure, connection::ConnectionArgs, playbook_file, selection::SelectionArgs};
use crate::{
    budget::RunTime,
    engine::{Event, EventKind, FinishedRun, RunSpec, Status},
    fleet::Selection,
    playbook::{Playbook, Rate, parse_concurrency, parse_duration, parse_rate},
    progress::{Mode, Progress},
    report::{self, Format, RunRecord, Style},
    runner::{self, Observer},
};

/// The exit code of a selection that picks nothing. Source: failure model, section 2.
const NOTHING_MATCHED: u8 = 8;

const AFTER_HELP: &str = "\
Examples:
  rollcall run playbooks/disk-pressure.yaml --sandbox 200
  rollcall run audit.yaml --match name='web-*' --exclude tags=legacy
  rollcall run audit.yaml --targets suspects.txt -o json | jq '.targets[] | select(.status != \"ok\") | .name'
  rollcall run audit.yaml --rate 100/1m --deadline 30m --report json=audit.json";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct RunArgs {
    /// The playbook, or - for stdin
    #[arg(value_name = "PLAYBOOK")]
    playbook: String,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    connection: ConnectionArgs,

    #[command(flatten)]
    pace: PaceArgs,

    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
struct PaceArgs {
    /// Targets worked on at a time [default: as many as the API's limit feeds]
    #[arg(short = 'f', long, value_name = "N", value_parser = parse_concurrency)]
    concurrency: Option<u32>,

    /// At most so many requests in any such span, for example 300/1m, under whatever the API allows
    #[arg(long, value_name = "N/SPAN", value_parser = parse_rate)]
    rate: Option<Rate>,

    /// How long a step may take, for steps that do not say [default: 60s]
    #[arg(long, value_name = "SPAN", value_parser = parse_duration)]
    timeout: Option<Duration>,

    /// How long the whole run may take
    #[arg(long, value_name = "SPAN", value_parser = parse_duration)]
    deadline: Option<Duration>,

    /// Set a variable of the playbook
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = playbook_file::parse_override)]
    vars: Vec<(String, String)>,

    /// Ask before a run on more targets than this, at a terminal
    #[arg(long, value_name = "N", default_value_t = 500)]
    confirm_over: usize,

    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// What stdout gets: table, json or text
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,

    /// Write a report to a file as well; may be given more than once
    #[arg(long = "report", value_name = "FORMAT=PATH", value_parser = parse_report)]
    reports: Vec<(Format, PathBuf)>,

    /// What stderr shows meanwhile: auto, bar, plain or none
    #[arg(long, value_name = "MODE", default_value = "auto")]
    progress: Mode,

    /// List every target, also those that are alike
    #[arg(long)]
    all: bool,

    /// Exit 0 where at least this percentage of the targets answered, though some did not
    #[arg(long, value_name = "PCT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
}

fn parse_report(text: &str) -> Result<(Format, PathBuf), String> {
    match text.split_once('=') {
        Some((format, path)) if !path.is_empty() => {
            Ok((format.parse().map_err(|error| format!("{error}"))?, PathBuf::from(path)))
        }
        _ => Err("a report is given as FORMAT=PATH, for example json=audit.json".to_owned()),
    }
}

impl RunArgs {
    pub(super) async fn execute(&self) -> Result<u8, Failure> {
        let playbook = self.playbook()?;
        let selection = self.selection.with_rules(playbook.targets.clone())?;
        let connection = self.connection.open().await?;
        let interrupts = runner::interrupts()
            .map_err(|error| Failure::internal(format!("no signal handlers: {error}")))?;
        let run_id = Ulid::generate();
        let started_at = Timestamp::now();

        let secrets: Vec<String> = playbook.vars.secrets().map(str::to_owned).collect();
        let mut watcher = Watcher {
            progress: Progress::new(self.output.progress, super::stderr_moves_its_cursor(), &playbook.name)
                .without(&secrets),
        };
        let run = runner::drive(
            self.spec(&playbook, selection, run_id),
            connection.client.clone(),
            interrupts,
            ask,
            &mut watcher,
        )
        .await;
        watcher.progress.finish();
        if let Some(sandbox) = connection.sandbox {
            sandbox.stop().await;
        }

        let exit_code = self.exit_code(&run);
        if exit_code == NOTHING_MATCHED {
            let _ = writeln!(io::stderr(), "rollcall: 0 of {} listed VPSes match", run.tally.listed);
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
            secrets,
            run,
        };
        self.write(&record)
    }

    fn playbook(&self) -> Result<Playbook, Failure> {
        let mut playbook = playbook_file::read(&self.playbook, self.pace.vars.clone())?;
        let strategy = &mut playbook.strategy;
        strategy.concurrency = self.pace.concurrency.or(strategy.concurrency);
        strategy.rate = self.pace.rate.or(strategy.rate);
        strategy.deadline = self.pace.deadline.or(strategy.deadline);
        if let Some(timeout) = self.pace.timeout {
            // The flag replaces the default only: a step that says how long it takes knows better.
            for step in &mut playbook.steps {
                step.timeout.get_or_insert(timeout);
            }
        }
        Ok(playbook)
    }

    fn spec(&self, playbook: &Playbook, selection: Selection, run_id: Ulid) -> RunSpec {
        let at_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        let asks = at_terminal && !self.pace.yes && !self.connection.is_sandbox();
        // The run's own id is as good a seed as any, and it is in the report.
        let seed = u64::from_le_bytes(run_id.to_bytes()[8..].try_into().expect("8 of 16 bytes"));
        RunSpec {
            vars: playbook.vars.clone(),
            order: playbook.strategy.order,
            concurrency: playbook.strategy.concurrency.map(|most| most as usize),
            rate: playbook.strategy.rate,
            batches: playbook.strategy.batches.clone(),
            pause: playbook.strategy.pause.unwrap_or_default(),
            max_failures: playbook.strategy.max_failures,
            deadline: playbook.strategy.deadline,
            confirm_over: asks.then_some(self.pace.confirm_over),
            ..RunSpec::new(selection, playbook.steps.clone(), seed)
        }
    }

    fn exit_code(&self, run: &FinishedRun) -> u8 {
        let code = run.exit_code(self.selection.allow_empty());
        let enough = self
            .output
            .min_coverage
            .zip(run.summary().coverage())
            .is_some_and(|(percent, coverage)| coverage * 100.0 >= f64::from(percent));
        // Coverage forgives what did not run, never what ran and failed.
        if code == 3 && enough { 0 } else { code }
    }

    fn write(&self, record: &RunRecord) -> Result<u8, Failure> {
        let mut trouble = None;
        for (format, path) in &self.output.reports {
            if let Err(error) =
                report::write_atomically(path, *format, record, Style { all: true, ..Style::default() })
            {
                let message = format!("cannot write the report to {}: {error}", path.display());
                trouble.get_or_insert(Failure::new(Failure::OUTPUT, message));
            }
        }
        let style = Style::of_stdout(self.output.all);
        let mut stdout = anstream::AutoStream::auto(io::stdout()).lock();
        let written =
            report::write(self.output.output, record, style, &mut stdout).and_then(|()| stdout.flush());
        match written {
            // Whoever read it has seen enough: not our failure.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => {
                let message = format!("cannot write the report to stdout: {error}");
                trouble.get_or_insert(Failure::new(Failure::OUTPUT, message));
            }
            Ok(()) => {}
        }
        match trouble {
            // A signal's code says more than a report's trouble; the trouble is on stderr all the same.
            Some(failure) if record.exit_code >= 128 => {
                let _ = failure.report();
                Ok(record.exit_code)
            }
            Some(failure) => Err(failure),
            None => Ok(record.exit_code),
        }
    }
}

/// Asks at the terminal whether to go on.
async fn ask(targets: usize) -> bool {
    let answer = tokio::task::spawn_blocking(move || {
        let _ = write!(io::stderr(), "rollcall: this is for {targets} VPSes. Go on? [y/N] ");
        let mut line = String::new();
        io::stdin().read_line(&mut line).is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
    });
    answer.await.unwrap_or(false)
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
