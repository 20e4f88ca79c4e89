//! The small run, and what must hold after it.

use std::{sync::Arc, time::Duration};

use futures::stream;
use rollcall::{
    budget::RunTime,
    engine::{Event, Ran, RunSpec, Status, TargetResult},
    fleet::Selection,
    hostup::{ApiKey, Client, ClientOptions},
    playbook::{Playbook, Source, Surroundings},
    runner::{Observer, Outcome, Run},
    sandbox::{Options, Sandbox},
};

/// Servers of a trial.
pub(crate) const SERVERS: usize = 3;

/// Two steps in a request each, so that each start is one step's.
const PLAYBOOK: &str = "
name: torture
steps:
- { name: one, run: uname -r, bundle: false }
- { name: two, run: uptime, bundle: false }
";

/// A sandbox, and how it is talked to.
pub(crate) struct Trial {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Arc<Client>,
}

impl Trial {
    /// With these faults in the API.
    pub(crate) async fn with_faults(faults: &str) -> Self {
        let text = format!("{SERVERS},fleet=uniform,agents=all,rate=none,duration=0s,gone-pid=404");
        let options = Options { faults: faults.parse().unwrap(), ..Options::parse(&text).unwrap() };
        let sandbox = Sandbox::start(options).await.unwrap();
        // Nothing here takes longer, but for what never comes.
        let options = ClientOptions { answer: Duration::from_secs(1), ..ClientOptions::default() };
        let key = ApiKey::from_text(sandbox.token()).unwrap();
        let client = Arc::new(Client::new(sandbox.url().parse().unwrap(), key, options).unwrap());
        Self { sandbox, client }
    }

    /// Drives a run to its end.
    pub(crate) async fn drive(&self, run: Run) -> Outcome {
        run.drive(self.client.clone(), stream::pending(), async |_| true, &mut Silent).await
    }

    /// What rows say is what servers know: nothing ran that is said not to have run, nothing ran twice, and what is said to
    /// have run did.
    pub(crate) fn judge(&self, targets: &[Arc<TargetResult>], what: &str) {
        for (id, _) in self.sandbox.servers() {
            let begun = self.sandbox.begun(&id) as usize;
            let Some(target) = targets.iter().find(|target| target.vps.raw_id() == id) else {
                assert_eq!(begun, 0, "{what}: {id} has no row");
                continue;
            };
            let ran = |least: Ran| target.steps.iter().filter(|step| step.ran >= least).count();
            assert!(begun <= ran(Ran::Maybe), "{what}: {begun} began: {target:?}");
            assert!(begun >= ran(Ran::Yes), "{what}: {begun} began: {target:?}");
            let ok = target.steps.iter().filter(|step| step.status == Status::Ok);
            assert!(ok.into_iter().all(|step| step.exit_code == Some(0) && step.ran == Ran::Yes), "{what}");
        }
    }
}

pub(crate) fn playbook() -> Playbook {
    Playbook::parse(&Source::new("torture.yaml", PLAYBOOK), &Nothing).unwrap()
}

pub(crate) fn spec() -> RunSpec {
    RunSpec::new(Selection::default(), playbook().steps, 1)
}

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

struct Silent;

impl Observer for Silent {
    fn observe(&mut self, _event: &Event) {}

    fn tick(&mut self, _now: RunTime) {}
}
