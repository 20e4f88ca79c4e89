//! Everything that a run is told before it begins.

use std::time::Duration;

use super::RunTimes;
use crate::{
    budget::{DEFAULT_CONNECTIONS, Knowledge},
    fleet::Selection,
    playbook::{Order, Portion, Rate, Severity, Step, Vars},
};

/// Everything that a run is told before it begins.
#[derive(Debug, Clone)]
pub struct RunSpec {
    /// Only read the inventory, or run the steps too.
    pub purpose: Purpose,
    /// Which VPSes.
    pub selection: Selection,
    /// The values for templates and conditions.
    pub vars: Vars,
    /// What is run on each, in order.
    pub steps: Vec<Step>,
    /// In which order targets are taken.
    pub order: Order,
    /// Targets between probe and last answer at a time; `None`: no limit but the requests'.
    pub concurrency: Option<usize>,
    /// Requests in flight at a time.
    pub connections: usize,
    /// The user's ceiling on requests.
    pub rate: Option<Rate>,
    /// How many targets are started before the outcome of all of them is awaited: a size a batch, the last one
    /// repeats. Empty: all at once.
    pub batches: Vec<Portion>,
    /// How long to wait between two batches.
    pub pause: Duration,
    /// How many targets may fail before no new ones are started; `None`: none in the first of several batches, any
    /// number otherwise.
    pub max_failures: Option<Portion>,
    /// From which severity on a failed expectation is a failure.
    pub fail_on: Severity,
    /// How long the whole run may take.
    pub deadline: Option<Duration>,
    /// Ask before a run on more targets than this; `None`: never ask.
    pub confirm_over: Option<usize>,
    /// How much of what the API lets through is left to others on the same token, in per cent: 0 to 90.
    pub reserve: u8,
    /// What was known of the API's limits before.
    pub known: Knowledge,
    /// What was known of how long these steps take.
    pub run_times: RunTimes,
    /// For the order, the sample and the jitter: the same seed and inputs give the same requests.
    pub seed: u64,
}

impl RunSpec {
    /// A run of these steps on what is selected, all else as it is by default.
    pub fn new(selection: Selection, steps: Vec<Step>, seed: u64) -> Self {
        Self {
            purpose: Purpose::Run,
            selection,
            vars: Vars::default(),
            steps,
            order: Order::default(),
            concurrency: None,
            connections: DEFAULT_CONNECTIONS,
            rate: None,
            batches: Vec::new(),
            pause: Duration::ZERO,
            max_failures: None,
            fail_on: Severity::default(),
            deadline: None,
            confirm_over: None,
            reserve: 0,
            known: Knowledge::default(),
            run_times: RunTimes::default(),
            seed,
        }
    }
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Only to know which VPSes are selected.
    List,
    /// To run the steps on them.
    Run,
}
