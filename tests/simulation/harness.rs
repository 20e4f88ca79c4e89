//! Performs the engine's effects as the runner does, in virtual time.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    fmt::{self, Write},
    time::Duration,
};

use rollcall::{
    budget::RunTime,
    engine::{Call, CallId, Effect, Engine, Event, EventKind, FinishedRun, Input, Reply, RunSpec},
    fleet::VpsId,
};

/// The other side: the network and the API behind it.
pub(crate) trait Provider {
    /// A request leaves: when it arrives, or what comes back if it never does.
    fn leaves(&mut self, at: RunTime, call: &Call) -> Way;

    /// A request arrives: what comes back, and how long after.
    fn arrives(&mut self, at: RunTime, call: &Call) -> (Duration, Reply);
}

/// What becomes of a request on its way.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    Arrives(Duration),
    Lost(Duration, Box<Reply>),
}

/// The people around a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct People {
    /// When which signal comes.
    pub(crate) signals: Vec<(Duration, i32)>,
    /// The answer to the question, if one is asked, and how long it takes.
    pub(crate) confirms: Option<(Duration, bool)>,
}

/// Something seen from outside the engine, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seen {
    Sent(CallId, Call),
    Answered(CallId, Reply),
    Asked(usize),
    Signal(i32),
    Told(EventKind),
    Finished,
    /// Something is on the disk.
    Written(&'static str, CallId),
    /// The process was killed.
    Killed,
    /// It was started again.
    GoesOn,
}

/// A request, from its leaving to its answer.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) at: RunTime,
    pub(crate) call: Call,
    /// `None` where the run ended before.
    pub(crate) answer: Option<(RunTime, Reply)>,
}

impl Request {
    pub(crate) fn vps(&self) -> Option<&VpsId> {
        self.call.vps()
    }

    pub(crate) fn is_start(&self) -> bool {
        matches!(self.call, Call::Start { .. })
    }
}

/// All that can be known of a run.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) run: FinishedRun,
    pub(crate) log: Vec<(RunTime, Seen)>,
    /// In sending order.
    pub(crate) requests: Vec<Request>,
}

impl Account {
    pub(crate) fn starts(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(|request| request.is_start())
    }

    /// The place in the log of the first thing told that fits.
    pub(crate) fn told(&self, fits: impl Fn(&EventKind) -> bool) -> Option<usize> {
        self.log.iter().position(|(_, seen)| matches!(seen, Seen::Told(kind) if fits(kind)))
    }
}

/// A run that did not end.
#[derive(Debug)]
pub(crate) struct Endless {
    pub(crate) why: String,
    pub(crate) log: Vec<(RunTime, Seen)>,
}

impl fmt::Display for Endless {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.why)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Coming {
    Arrival(CallId),
    Answer(CallId),
    Signal(i32),
    Confirmation(bool),
}

/// Runs `spec` against `provider` until it is over, or for too long.
pub(crate) fn drive(
    spec: RunSpec,
    provider: &mut impl Provider,
    people: &People,
    most_steps: u64,
) -> Result<Account, Box<Endless>> {
    drive_from(RunTime::START, Engine::new(spec), provider, people, most_steps)
}

/// The same with a run that begins, or is gone on with, at this time.
pub(crate) fn drive_from(
    begins: RunTime,
    mut engine: Engine,
    provider: &mut impl Provider,
    people: &People,
    most_steps: u64,
) -> Result<Account, Box<Endless>> {
    let mut calendar: BinaryHeap<Reverse<(RunTime, u64, Coming)>> = BinaryHeap::new();
    let mut entries = 0;
    let mut schedule = |calendar: &mut BinaryHeap<_>, at: RunTime, coming: Coming| {
        entries += 1;
        calendar.push(Reverse((at, entries, coming)));
    };
    for &(at, number) in &people.signals {
        schedule(&mut calendar, begins + at, Coming::Signal(number));
    }
    let mut replies: BTreeMap<CallId, Reply> = BTreeMap::new();
    let mut requests: Vec<Request> = Vec::new();
    let mut numbers: BTreeMap<CallId, usize> = BTreeMap::new();
    let mut log = Vec::new();
    let mut wake_at: Option<RunTime> = None;
    let mut now = begins;
    let mut input = Input::Begin;
    let mut steps = 0;
    loop {
        steps += 1;
        if steps > most_steps || now.since(begins) > Duration::from_hours(72) {
            let why = format!("the run has no end: {steps} steps, {now}");
            return Err(Box::new(Endless { why, log }));
        }
        for effect in engine.step(now, input) {
            match effect {
                Effect::Record(_) => {}
                Effect::Send { id, call, duty: _ } => {
                    match provider.leaves(now, &call) {
                        Way::Arrives(after) => schedule(&mut calendar, now + after, Coming::Arrival(id)),
                        Way::Lost(after, reply) => {
                            replies.insert(id, *reply);
                            schedule(&mut calendar, now + after, Coming::Answer(id));
                        }
                    }
                    log.push((now, Seen::Sent(id, call.clone())));
                    numbers.insert(id, requests.len());
                    requests.push(Request { at: now, call, answer: None });
                }
                Effect::WakeAt(at) => wake_at = Some(at),
                Effect::Ask { targets } => {
                    log.push((now, Seen::Asked(targets)));
                    let (after, yes) = people.confirms.unwrap_or((Duration::from_secs(1), true));
                    schedule(&mut calendar, now + after, Coming::Confirmation(yes));
                }
                Effect::Tell(Event { kind, .. }) => log.push((now, Seen::Told(kind))),
                Effect::Finish => {
                    log.push((now, Seen::Finished));
                    let run = engine.finish(now);
                    return Ok(Account { run, log, requests });
                }
            }
        }
        input = loop {
            let coming = calendar.peek().map(|Reverse((at, ..))| *at);
            let Some(next) = [coming, wake_at].into_iter().flatten().min() else {
                let why = format!("the run waits for nothing at {now}");
                return Err(Box::new(Endless { why, log }));
            };
            now = now.max(next);
            if coming != Some(next) {
                wake_at = None;
                break Input::Tick;
            }
            let Some(Reverse((_, _, coming))) = calendar.pop() else { continue };
            match coming {
                Coming::Arrival(id) => {
                    let (after, reply) = provider.arrives(now, &requests[numbers[&id]].call);
                    replies.insert(id, reply);
                    schedule(&mut calendar, now + after, Coming::Answer(id));
                }
                Coming::Answer(id) => {
                    let reply = replies.remove(&id).expect("an answer that was scheduled");
                    log.push((now, Seen::Answered(id, reply.clone())));
                    requests[numbers[&id]].answer = Some((now, reply.clone()));
                    break Input::Answered { call: id, reply };
                }
                Coming::Signal(number) => {
                    log.push((now, Seen::Signal(number)));
                    break Input::Interrupted(number);
                }
                Coming::Confirmation(yes) => break Input::Confirmed(yes),
            }
        };
    }
}

/// The log as lines, its last `most` ones.
pub(crate) fn lines(log: &[(RunTime, Seen)], most: usize) -> String {
    let skipped = log.len().saturating_sub(most);
    let mut text = if skipped > 0 { format!("… {skipped} entries before\n") } else { String::new() };
    for (at, seen) in &log[skipped..] {
        let line = match seen {
            Seen::Told(EventKind::TargetFinished(result)) => format!(
                "finished {} {} {:?} ran {}",
                result.vps.raw_id(),
                result.status,
                result.reason,
                result.ran
            ),
            Seen::Answered(id, reply) => format!("answer {} {:?} {:?}", id.0, reply.answer, reply.signals),
            Seen::Sent(id, call) => format!("send {} {call:?}", id.0),
            other => format!("{other:?}"),
        };
        let short: String = line.chars().take(260).collect();
        writeln!(text, "{at:>12} {short}").expect("a String takes everything");
    }
    text
}
