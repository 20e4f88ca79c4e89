//! Drives the engine in virtual time: what the runner does, without waiting.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

use rollcall::{
    budget::RunTime,
    engine::{Call, CallId, Effect, Engine, FinishedRun, Input, Reply, RunSpec},
};

/// More steps than any honest run of these sizes takes: the engine would be going round in circles.
const MOST_STEPS: usize = 400_000;

/// The other side: takes a call that leaves at a time, and says what comes back when.
pub(crate) trait Provider {
    fn answer(&mut self, now: RunTime, id: CallId, call: &Call) -> (RunTime, Reply);
}

/// What happens to a run from outside.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outside {
    /// When which signal comes.
    pub(crate) signals: Vec<(RunTime, i32)>,
    /// What the user answers when asked.
    pub(crate) confirms: bool,
}

/// A call that left, and what came back if anything did before the end.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) at: RunTime,
    pub(crate) call: Call,
    pub(crate) back: Option<(RunTime, Reply)>,
}

/// All that was seen of a run.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) sent: Vec<Sent>,
    pub(crate) run: FinishedRun,
    pub(crate) ended: RunTime,
}

pub(crate) fn run(spec: RunSpec, provider: &mut impl Provider, outside: &Outside) -> Account {
    let mut engine = Engine::new(spec);
    let mut queue = Queue::default();
    queue.push(RunTime::START, Input::Begin);
    for &(at, number) in &outside.signals {
        queue.push(at, Input::Interrupted(number));
    }
    let mut sent = Vec::<Sent>::new();
    let mut places: BTreeMap<CallId, usize> = BTreeMap::new();
    let mut wake: Option<RunTime> = None;
    for _ in 0..MOST_STEPS {
        let next = queue.next_at();
        let (now, input) = match (wake, next) {
            // The runner's timer fires when nothing else came before.
            (Some(at), next) if next.is_none_or(|next| at <= next) => {
                wake = None;
                (at.max(queue.now), Input::Tick)
            }
            (_, Some(_)) => queue.pop().expect("just seen"),
            (_, None) => panic!("the engine waits for nothing, with {} calls sent", sent.len()),
        };
        queue.now = now;
        if let Input::Answered { call, reply } = &input {
            sent[places[call]].back = Some((now, reply.clone()));
        }
        for effect in engine.step(now, input) {
            match effect {
                Effect::Send { id, call } => {
                    let (back_at, reply) = provider.answer(now, id, &call);
                    places.insert(id, sent.len());
                    sent.push(Sent { at: now, call, back: None });
                    queue.push(back_at.max(now), Input::Answered { call: id, reply });
                }
                Effect::WakeAt(at) => wake = Some(at),
                Effect::Ask { .. } => {
                    queue.push(now + Duration::from_secs(3), Input::Confirmed(outside.confirms));
                }
                Effect::Tell(_) => {}
                Effect::Finish => return Account { sent, run: engine.finish(now), ended: now },
            }
        }
    }
    panic!("no end after {MOST_STEPS} steps");
}

/// Inputs by their time, equal times in the order in which they were put in.
#[derive(Default)]
struct Queue {
    now: RunTime,
    order: BinaryHeap<Reverse<(RunTime, usize)>>,
    inputs: Vec<Option<Input>>,
}

impl Queue {
    fn push(&mut self, at: RunTime, input: Input) {
        self.order.push(Reverse((at, self.inputs.len())));
        self.inputs.push(Some(input));
    }

    fn next_at(&self) -> Option<RunTime> {
        self.order.peek().map(|Reverse((at, _))| *at)
    }

    fn pop(&mut self) -> Option<(RunTime, Input)> {
        let Reverse((at, place)) = self.order.pop()?;
        Some((at, self.inputs[place].take()?))
    }
}
