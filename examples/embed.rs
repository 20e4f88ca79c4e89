//! Runs a playbook from inside another program, against a sandbox of 20 servers.
//!
//! ```sh
//! cargo run --example embed
//! ```
//!
//! With a real account, [`ApiUrl::default`] and a key of your own take the sandbox's place; the rest stays.
#![expect(clippy::print_stdout, reason = "the output is what the example is for")]

use std::{error::Error, sync::Arc};

use futures::stream;
use rollcall::{
    budget::RunTime,
    engine::{Event, EventKind, RunSpec},
    fleet::Selection,
    hostup::{ApiKey, ApiUrl, Client, ClientOptions},
    playbook::{Playbook, Source, Surroundings},
    runner::{Observer, Run},
    sandbox::{Options, Sandbox},
};

const PLAYBOOK: &str = "
name: kernel
targets:
  match: { serviceStatus: active, powerState: running }
run: uname -r
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start(Options { vms: Some(20), ..Options::default() }).await?;
    let url: ApiUrl = sandbox.url().parse()?;
    let key = ApiKey::from_text(sandbox.token())?;
    let client = Arc::new(Client::new(url, key, ClientOptions::default())?);

    let playbook = Playbook::parse(&Source::new("embedded", PLAYBOOK), &Nothing)?;
    let selection = Selection { rules: vec![playbook.targets], ..Selection::default() };
    let spec = RunSpec {
        vars: playbook.vars,
        order: playbook.strategy.order,
        rate: playbook.strategy.rate,
        deadline: playbook.strategy.deadline,
        ..RunSpec::new(selection, playbook.steps, 1)
    };
    // No signals and no question: a program of its own decides about both.
    let outcome =
        Run::new(spec).drive(client, stream::empty(), async |_| true, &mut Counter::default()).await;
    let run = outcome.run;
    sandbox.stop().await;

    for target in &run.targets {
        let exit_code = target.steps[0].exit_code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        println!("{:<10} {:<12} exit code {exit_code}", target.vps.name(), target.status);
    }
    println!("{} requests", run.requests.total());
    Ok(())
}

/// A playbook in a string may take nothing from the environment or from files.
struct Nothing;

impl Surroundings for Nothing {
    fn environment_variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, _path: &str) -> Result<String, String> {
        Err("no files here".to_owned())
    }

    fn overrides(&self) -> &[(String, String)] {
        &[]
    }
}

/// Says how many are done.
#[derive(Default)]
struct Counter {
    done: usize,
}

impl Observer for Counter {
    fn observe(&mut self, event: &Event) {
        if let EventKind::TargetFinished(_) = event.kind {
            self.done += 1;
            if self.done.is_multiple_of(5) {
                println!("{} done", self.done);
            }
        }
    }

    fn tick(&mut self, _now: RunTime) {}
}
