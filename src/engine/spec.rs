//! Everything that a run is told before it begins.

use std::time::Duration;

use crate::{
    fleet::Selection,
    playbook::{Order, Rate, Step, Vars},
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
    /// How long the whole run may take.
    pub deadline: Option<Duration>,
    /// Ask before a run on more targets than this; `None`: never ask.
    pub confirm_over: Option<usize>,
    /// For the order, the sample and the jitter: the same seed and inputs give the same requests.
    pub seed: u64,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Only to know which VPSes are selected.
    List,
    /// To run the steps on them.
    Run,
}
