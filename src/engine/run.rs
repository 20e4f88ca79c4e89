//! The engine itself: inputs in, effects out.
//!
//! [`Engine::step`] is the only door. It takes in what happened, lets every timer fire that is due, sends whatever
//! the budget lets go (`dispatch`), and says when it wants to be woken. What a reply means to a target stands in
//! `replies`, what the end of a step or a target leads to in `ending`, what an interrupt means in `stopping`.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};

use super::{
    CallId, Effect, Event, EventKind, FinishedRun, Input, Purpose, RequestCounts, RunSpec, Stop,
    TargetResult,
    denials::Denials,
    expected_polls::ExpectedPolls,
    listing::Listing,
    resumption::LeftOff,
    rollout::Rollout,
    target::{Life, Target},
    time_spent::{TimeAccount, WaitsFor},
    timings::Timings,
};
use crate::{
    budget::{Budget, Operation, RunTime, Terms, Ticket, Wait},
    fleet::{Selector, Tally, Vps},
};

/// How long a signal waits for what runs. Source: failure model, K5.
pub const GRACE: Duration = Duration::from_secs(10);
/// How long the API may ask to wait, and how long it may let nothing through, in a run without a deadline.
/// Source: failure model, R3 and S12.
pub const PATIENCE: Duration = Duration::from_hours(1);

/// A run, as a state machine.
#[derive(Debug)]
pub struct Engine {
    pub(super) spec: RunSpec,
    pub(super) step_names: Vec<Arc<str>>,
    pub(super) budget: Budget,
    pub(super) selector: Selector,
    pub(super) listing: Listing,
    /// In the order of their results. A slot is its target until the result is there.
    pub(super) slots: Vec<Slot>,
    /// Selected, and kept back until the listing is complete and the question answered.
    pub(super) held: Vec<Arc<Vps>>,
    pub(super) released: bool,
    pub(super) asked: bool,
    pub(super) probes: VecDeque<usize>,
    pub(super) starts: VecDeque<usize>,
    pub(super) polls: VecDeque<usize>,
    /// Targets whose first request has left and that are not done.
    pub(super) active: usize,
    pub(super) unfinished: usize,
    /// Targets on which a command runs.
    pub(super) watched: usize,
    pub(super) timers: BinaryHeap<Reverse<(RunTime, Timer)>>,
    pub(super) calls: HashMap<CallId, Outstanding>,
    pub(super) next_call: u64,
    pub(super) timing: Timings,
    pub(super) expected_polls: ExpectedPolls,
    /// Requests were scarce when last looked at.
    pub(super) was_scarce: bool,
    /// From a request's leaving to its answer, as of late.
    pub(super) round_trip: Duration,
    pub(super) denials: Denials,
    pub(super) rollout: Rollout,
    /// Steps that go in a request of their own, for the API refused them in a bundle.
    pub(super) apart: Vec<bool>,
    pub(super) stop: Option<Stop>,
    pub(super) last_accepted: RunTime,
    /// How long it was worked on before.
    pub(super) worked_before: Duration,
    /// When this process began it, or went on with it.
    pub(super) began: RunTime,
    /// What it goes on with, till it has begun.
    left_off: Option<LeftOff>,
    /// How the selection divided the inventory, where that is known from before.
    pub(super) tally: Option<Tally>,
    pub(super) record: Record,
    /// More failed than may: how many did, and how many may.
    pub(super) too_many: Option<(usize, usize)>,
    pub(super) requests: RequestCounts,
    /// As of the last step.
    pub(super) now: RunTime,
    pub(super) time: TimeAccount,
    pub(super) random: StdRng,
    pub(super) effects: Vec<Effect>,
    finished: Option<RunTime>,
}

/// A target, or what became of it.
#[derive(Debug)]
pub(super) enum Slot {
    Open(Box<Target>),
    Done(Arc<TargetResult>),
}

/// Whether it is on record whom the run is for, so that what becomes of them can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    NotYet,
    /// It is, and what happened before is being put together.
    Retraced,
    Kept,
}

/// Where in its queue a target goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Front,
    Back,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Listing,
    Target(usize),
    Deadline,
    Grace,
    /// The next batch begins.
    Batch,
}

#[derive(Debug)]
pub(super) struct Outstanding {
    /// Till it has come back.
    pub(super) ticket: Option<Ticket>,
    pub(super) subject: Subject,
    pub(super) left: RunTime,
}

/// Whom a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Listing,
    Probe(usize),
    Start(usize),
    Poll(usize),
}

impl Subject {
    pub(super) fn operation(self) -> Operation {
        match self {
            Self::Listing => Operation::List,
            Self::Probe(_) => Operation::Probe,
            Self::Start(_) => Operation::Start,
            Self::Poll(_) => Operation::Poll,
        }
    }

    /// The target that it is for.
    pub(super) fn target(self) -> Option<usize> {
        match self {
            Self::Listing => None,
            Self::Probe(index) | Self::Start(index) | Self::Poll(index) => Some(index),
        }
    }
}

impl Engine {
    /// A run that has not begun; step it with [`Input::Begin`].
    pub fn new(spec: RunSpec) -> Self {
        let budget = Budget::new(&Terms {
            connections: spec.connections,
            rate: spec.rate,
            reserve: spec.reserve,
            known: spec.known.clone(),
            seed: spec.seed,
        });
        let selector = Selector::new(spec.selection.clone(), spec.vars.clone());
        Self {
            step_names: spec.steps.iter().map(|step| Arc::from(step.name.as_str())).collect(),
            budget,
            selector,
            listing: Listing::new(),
            slots: Vec::new(),
            held: Vec::new(),
            released: false,
            asked: false,
            probes: VecDeque::new(),
            starts: VecDeque::new(),
            polls: VecDeque::new(),
            active: 0,
            unfinished: 0,
            watched: 0,
            timers: BinaryHeap::new(),
            calls: HashMap::new(),
            next_call: 1,
            timing: Timings::new(&spec.run_times),
            expected_polls: ExpectedPolls::default(),
            was_scarce: false,
            round_trip: Duration::ZERO,
            denials: Denials::default(),
            rollout: Rollout::new(spec.batches.clone(), spec.pause, spec.max_failures),
            apart: vec![false; spec.steps.len()],
            stop: None,
            last_accepted: RunTime::START,
            worked_before: Duration::ZERO,
            began: RunTime::START,
            left_off: None,
            tally: None,
            record: Record::NotYet,
            too_many: None,
            requests: RequestCounts::default(),
            now: RunTime::START,
            time: TimeAccount::default(),
            random: StdRng::seed_from_u64(spec.seed),
            effects: Vec::new(),
            finished: None,
            spec,
        }
    }

    /// A run that is gone on with; step it with [`Input::Begin`] at a time that lies after all that is remembered. What
    /// `spec` says of the selection plays no part any more.
    pub fn going_on(spec: RunSpec, left_off: LeftOff) -> Self {
        Self { left_off: Some(left_off), ..Self::new(spec) }
    }

    /// Takes in what happened at `now` and says what is to be done, in this order. `now` never goes back.
    pub fn step(&mut self, now: RunTime, input: Input) -> Vec<Effect> {
        if self.finished.is_some() {
            return Vec::new();
        }
        self.now = now;
        match input {
            Input::Begin => self.begin(now),
            Input::Leaves(call) => self.leaves(now, call),
            Input::Landed { call, signals } => self.landed(now, call, &signals),
            Input::Answered { call, reply } => self.answered(now, call, reply),
            Input::Tick => {}
            Input::Confirmed(true) => self.release(now),
            Input::Confirmed(false) => self.stop_for(now, Stop::Declined),
            Input::Interrupted(number) => self.interrupted(now, number),
            Input::Unrecorded(why) => self.stop_for(now, Stop::Store(why)),
        }
        self.bring_polls_forward(now);
        self.fire_timers(now);
        let held_back = self.dispatch(now);
        let waits_for = self.waits_for(held_back);
        self.time.waits_for(now, waits_for);
        if self.is_over() {
            self.finished = Some(now);
            self.effects.push(Effect::Finish);
        } else {
            let wake_for_budget = held_back.and_then(Wait::until);
            let timer = self.timers.peek().map(|Reverse((at, _))| *at);
            if let Some(at) = [timer, wake_for_budget].into_iter().flatten().min() {
                self.effects.push(Effect::WakeAt(at));
            }
        }
        std::mem::take(&mut self.effects)
    }

    fn begin(&mut self, now: RunTime) {
        (self.began, self.last_accepted) = (now, now);
        if let Some(left_off) = self.left_off.take() {
            self.go_on(now, left_off);
        }
        if let Some(deadline) = self.spec.deadline {
            self.wake(now + deadline, Timer::Deadline);
        }
    }

    fn waits_for(&self, held_back: Option<Wait>) -> WaitsFor {
        match held_back {
            Some(Wait::Until(_)) => WaitsFor::Limit,
            Some(Wait::Rate(_)) => WaitsFor::Rate,
            Some(Wait::ForAnswer) if self.budget.is_spent() => WaitsFor::Limit,
            _ if !self.calls.is_empty() => WaitsFor::Network,
            _ if self.watched > 0 => WaitsFor::Guests,
            _ => WaitsFor::Pause,
        }
    }

    /// The run's results. Before [`Effect::Finish`] it is what is known so far, open targets left out.
    pub fn finish(self, now: RunTime) -> FinishedRun {
        let ended = self.finished.unwrap_or(now);
        let targets = self.slots.into_iter().filter_map(|slot| match slot {
            Slot::Done(result) => Some(result),
            Slot::Open(_) => None,
        });
        FinishedRun {
            targets: targets.collect(),
            selected: self.held,
            tally: self.tally.unwrap_or_else(|| self.selector.tally().clone()),
            stop: self.stop,
            requests: self.requests,
            time: self.time.spent(),
            duration: self.worked_before + ended.since(self.began),
            ended,
            knowledge: self.budget.knowledge(),
            run_times: self.timing.run_times(),
            batch: self.rollout.batch(),
            fail_on: self.spec.fail_on,
        }
    }

    fn fire_timers(&mut self, now: RunTime) {
        while let Some(&Reverse((at, timer))) = self.timers.peek()
            && at <= now
        {
            self.timers.pop();
            match timer {
                Timer::Listing => self.listing.again(),
                Timer::Deadline => self.deadline_passed(now),
                Timer::Grace => self.give_up(now),
                // The dispatcher looks for itself.
                Timer::Batch => {}
                Timer::Target(index) => {
                    // A timer that was overtaken by something else finds another due time, or none.
                    if let Slot::Open(target) = &mut self.slots[index]
                        && target.due == Some(at)
                    {
                        target.due = None;
                        match target.life {
                            Life::Probe { .. } => self.probes.push_front(index),
                            Life::Start => self.starts.push_front(index),
                            Life::Watch(_) => {
                                self.expected_polls.forget(index, Some(at));
                                match self.is_early(now, index) {
                                    Some(later) => self.wake_target(index, later),
                                    None => self.polls.push_back(index),
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Looks at a target again at `at`.
    pub(super) fn wake_target(&mut self, index: usize, at: RunTime) {
        if let Slot::Open(target) = &mut self.slots[index] {
            if matches!(target.life, Life::Watch(_)) {
                self.expected_polls.expect(index, target.due, at);
            }
            target.due = Some(at);
            self.wake(at, Timer::Target(index));
        }
    }

    pub(super) fn wake(&mut self, at: RunTime, timer: Timer) {
        self.timers.push(Reverse((at, timer)));
    }

    pub(super) fn tell(&mut self, at: RunTime, kind: EventKind) {
        self.effects.push(Effect::Tell(Event { at, kind }));
    }

    pub(super) fn open(&self, index: usize) -> Option<&Target> {
        match &self.slots[index] {
            Slot::Open(target) => Some(target),
            Slot::Done(_) => None,
        }
    }

    fn is_over(&self) -> bool {
        let nothing_more_comes = match (&self.stop, self.spec.purpose) {
            (Some(_), _) => true,
            (None, _) if !self.listing.is_complete() || self.asked => false,
            (None, Purpose::List) => return true,
            (None, Purpose::Run) => self.released,
        };
        nothing_more_comes && self.unfinished == 0
    }
}
