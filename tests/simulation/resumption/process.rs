//! One process that works on a run: performs the engine's effects as the runner does, with a disk, and may be killed between
//! any two things that it does.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
    time::Duration,
};

use rand::RngExt;
use rollcall::{
    budget::{RunTime, Signals},
    engine::{
        Answer, Call, CallId, Duty, Effect, Engine, Entry, Event, Exited, Failure, FinishedRun, Input,
        PollAnswer, Reply,
    },
};

use super::{
    disk::{FULL, Waiter},
    outside::Outside,
};
use crate::harness::{People, Provider, Request, Seen, Way};

/// After so many inputs it is written down how far the run has come.
const STANDING: u64 = 7;

/// How a process ended.
#[derive(Debug)]
pub(crate) enum End {
    Killed,
    Finished(Box<FinishedRun>),
    Endless(String),
}

/// What a process did.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) end: End,
    pub(crate) at: RunTime,
    /// Things that it did.
    pub(crate) actions: u64,
    /// How many of them when it was on record whom the run is for.
    pub(crate) selected: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Coming {
    /// A call's own task begins.
    Task(CallId),
    /// What waits is on the disk, or the disk is full.
    Written,
    /// The engine hears that the disk is full.
    Trouble,
    /// Its intent is on the disk.
    Leaves(CallId),
    /// The engine hears that an answer is there, which is being written down.
    Landed(CallId),
    Arrival(CallId),
    /// A request of a process that is gone arrives.
    Stray(usize),
    Answer(CallId),
    /// The engine hears of the answer.
    Heard(CallId),
    Signal(i32),
    Confirmation(bool),
}

enum Cut {
    Killed,
    Endless(String),
}

struct Carrying {
    call: Call,
    duty: Duty,
    left: RunTime,
    reply: Option<Reply>,
}

struct Process<'p, 'w> {
    outside: &'p mut Outside<'w>,
    people: &'p People,
    calendar: BinaryHeap<Reverse<(RunTime, u64, Coming)>>,
    entries: u64,
    calls: BTreeMap<CallId, Carrying>,
    strays: Vec<Call>,
    /// Requests that may be on their way, those that are, and those that wait until one of them is back.
    connections: usize,
    on_their_way: usize,
    without_connection: VecDeque<CallId>,
    now: RunTime,
    wake_at: Option<RunTime>,
    /// Something could not be written.
    trouble: bool,
    writes: bool,
    actions: u64,
    selected: u64,
    killed_after: Option<u64>,
}

/// Lets a process work on a run from `begins` on, until it is over or the process is killed after so many things that it did.
pub(crate) fn live(
    engine: Engine,
    begins: RunTime,
    outside: &mut Outside<'_>,
    people: &People,
    killed_after: Option<u64>,
    most_steps: u64,
) -> Life {
    outside.let_arrive(begins);
    let mut engine = engine.writing_ahead();
    let mut process = Process {
        people,
        calendar: BinaryHeap::new(),
        entries: 0,
        calls: BTreeMap::new(),
        strays: Vec::new(),
        connections: engine.connections(),
        on_their_way: 0,
        without_connection: VecDeque::new(),
        now: begins,
        wake_at: None,
        trouble: false,
        writes: false,
        actions: 0,
        selected: 0,
        killed_after,
        outside,
    };
    let cut = process.work(&mut engine, most_steps).err();
    let (now, actions, selected) = (process.now, process.actions, process.selected);
    process.die(cut.is_none());
    let end = match cut {
        None => {
            outside.log.push((now, Seen::Finished));
            outside.disk.keep(engine.standing(now));
            End::Finished(Box::new(engine.finish(now)))
        }
        Some(Cut::Killed) => {
            outside.log.push((now, Seen::Killed));
            End::Killed
        }
        Some(Cut::Endless(why)) => End::Endless(why),
    };
    Life { end, at: now, actions, selected }
}

impl Process<'_, '_> {
    fn work(&mut self, engine: &mut Engine, most_steps: u64) -> Result<(), Cut> {
        let begins = self.now;
        for &(at, number) in &self.people.signals {
            self.schedule(begins + at, Coming::Signal(number));
        }
        for (at, call) in std::mem::take(&mut self.outside.strays) {
            self.strays.push(call);
            self.schedule(at, Coming::Stray(self.strays.len() - 1));
        }
        let mut input = Input::Begin;
        for step in 0.. {
            if step > most_steps || self.now.since(begins) > Duration::from_hours(72) {
                return Err(Cut::Endless(format!("the run has no end: {step} steps, {}", self.now)));
            }
            for effect in engine.step(self.now, input) {
                if effect == Effect::Finish {
                    return Ok(());
                }
                self.perform(effect)?;
            }
            if step % STANDING == STANDING - 1 {
                self.note(engine.standing(self.now), None);
            }
            input = self.next_input()?;
        }
        Ok(())
    }

    /// Something is done; the process may not live to do more.
    fn act(&mut self) -> Result<(), Cut> {
        if self.killed_after == Some(self.actions) {
            return Err(Cut::Killed);
        }
        self.actions += 1;
        Ok(())
    }

    fn schedule(&mut self, at: RunTime, coming: Coming) {
        self.entries += 1;
        self.calendar.push(Reverse((at, self.entries, coming)));
    }

    /// A time from now on, at most so many milliseconds away.
    fn soon(&mut self, most: u64) -> RunTime {
        self.now + Duration::from_micros(self.outside.random.random_range(0..=1000 * most))
    }

    fn see(&mut self, seen: Seen) {
        self.outside.log.push((self.now, seen));
    }

    fn perform(&mut self, effect: Effect) -> Result<(), Cut> {
        self.act()?;
        match effect {
            Effect::Record(entry) => self.note(entry, None),
            Effect::Send { id, call, duty } => {
                self.calls.insert(id, Carrying { call, duty, left: self.now, reply: None });
                self.schedule(self.now, Coming::Task(id));
            }
            Effect::WakeAt(at) => self.wake_at = Some(at),
            Effect::Ask { targets } => {
                self.see(Seen::Asked(targets));
                let (after, yes) = self.people.confirms.unwrap_or((Duration::from_secs(1), true));
                self.schedule(self.now + after, Coming::Confirmation(yes));
            }
            Effect::Tell(Event { kind, .. }) => self.see(Seen::Told(kind)),
            Effect::Finish => {}
        }
        Ok(())
    }

    /// Has something written down.
    fn note(&mut self, entry: Entry, waiter: Option<Waiter>) {
        self.outside.disk.queue.push_back((entry, waiter));
        if !self.writes {
            self.writes = true;
            let at = self.soon(5);
            self.schedule(at, Coming::Written);
        }
    }

    fn next_input(&mut self) -> Result<Input, Cut> {
        loop {
            let coming = self.calendar.peek().map(|Reverse((at, ..))| *at);
            let Some(next) = [coming, self.wake_at].into_iter().flatten().min() else {
                return Err(Cut::Endless(format!("the run waits for nothing at {}", self.now)));
            };
            self.now = self.now.max(next);
            if coming != Some(next) {
                self.wake_at = None;
                return Ok(Input::Tick);
            }
            let Some(Reverse((_, _, coming))) = self.calendar.pop() else { continue };
            self.act()?;
            if let Some(input) = self.happens(coming) {
                return Ok(input);
            }
        }
    }

    fn happens(&mut self, coming: Coming) -> Option<Input> {
        match coming {
            Coming::Task(id) => self.task_begins(id),
            Coming::Written => {
                self.writes = false;
                self.written(usize::MAX);
            }
            Coming::Trouble => return Some(Input::Unrecorded(FULL.to_owned())),
            Coming::Leaves(id) => {
                self.leaves(id);
                return Some(Input::Leaves(id));
            }
            Coming::Landed(id) => {
                let signals = self.calls.get(&id)?.reply.as_ref()?.signals.clone();
                return Some(Input::Landed { call: id, signals });
            }
            Coming::Arrival(id) => {
                let (after, reply) = self.outside.server.arrives(self.now, &self.calls[&id].call);
                self.answer_comes(id, after, reply);
            }
            Coming::Stray(number) => {
                self.outside.server.arrives(self.now, &self.strays[number]);
            }
            Coming::Answer(id) => {
                self.on_their_way -= 1;
                if let Some(next) = self.without_connection.pop_front() {
                    self.departs(next);
                }
                self.write_down_answer(id);
            }
            Coming::Heard(id) => {
                let reply = self.calls.remove(&id)?.reply?;
                self.see(Seen::Answered(id, reply.clone()));
                return Some(Input::Answered { call: id, reply });
            }
            Coming::Signal(number) => {
                self.see(Seen::Signal(number));
                return Some(Input::Interrupted(number));
            }
            Coming::Confirmation(yes) => return Some(Input::Confirmed(yes)),
        }
        None
    }

    fn task_begins(&mut self, id: CallId) {
        match self.calls[&id].duty.clone() {
            Duty::Start(_) if self.trouble => self.is_unrecorded(id),
            Duty::Start(intent) => {
                let entry = Entry::Intent { start: id, at: self.now, intent };
                self.note(entry, Some(Waiter::Start(id)));
            }
            Duty::None | Duty::Poll { .. } => self.leaves(id),
        }
    }

    /// The next `most` entries are on the disk, or the disk is full.
    fn written(&mut self, most: usize) {
        let (waiters, full) = match self.outside.disk.write(most) {
            Ok((first, waiters)) => {
                self.are_on_record(first);
                (waiters, false)
            }
            Err(waiters) => (waiters, true),
        };
        if full && !self.trouble {
            self.trouble = true;
            let heard = self.soon(250);
            self.schedule(heard, Coming::Trouble);
        }
        for waiter in waiters {
            let at = self.soon(1);
            match waiter {
                Waiter::Start(id) if full => self.is_unrecorded(id),
                Waiter::Start(id) => self.schedule(at, Coming::Leaves(id)),
                Waiter::Answer(id) => self.schedule(at, Coming::Heard(id)),
            }
        }
    }

    fn are_on_record(&mut self, first: usize) {
        for number in first..self.outside.disk.entries.len() {
            let seen = match &self.outside.disk.entries[number] {
                Entry::Targets { .. } => {
                    self.selected = self.actions;
                    continue;
                }
                Entry::Intent { start, .. } => {
                    let call = self.calls[start].call.clone();
                    self.outside.requests.push(Request { at: self.now, call, answer: None });
                    Seen::Written("intent", *start)
                }
                Entry::Answered { start, .. } => Seen::Written("answer", *start),
                Entry::Exited { start, .. } => Seen::Written("end", *start),
                Entry::Standing { .. } | Entry::Finished { .. } => continue,
            };
            self.see(seen);
        }
    }

    fn is_unrecorded(&mut self, id: CallId) {
        let answer = Answer::Failed(Failure::Unrecorded { message: FULL.to_owned() });
        self.hears(id, Reply { signals: Signals::default(), answer });
    }

    fn hears(&mut self, id: CallId, reply: Reply) {
        if let Some(carrying) = self.calls.get_mut(&id) {
            carrying.reply = Some(reply);
            let at = self.soon(1);
            self.schedule(at, Coming::Heard(id));
        }
    }

    fn leaves(&mut self, id: CallId) {
        if self.on_their_way < self.connections {
            self.departs(id);
        } else {
            // Only what was prepared ahead of a connection.
            assert!(self.without_connection.len() < 2 * self.connections, "too much waits for a connection");
            self.without_connection.push_back(id);
        }
    }

    fn departs(&mut self, id: CallId) {
        self.on_their_way += 1;
        let Some(carrying) = self.calls.get_mut(&id) else { return };
        carrying.left = self.now;
        let call = carrying.call.clone();
        match self.outside.server.leaves(self.now, &call) {
            Way::Arrives(after) => self.schedule(self.now + after, Coming::Arrival(id)),
            Way::Lost(after, reply) => self.answer_comes(id, after, *reply),
        }
        if !matches!(call, Call::Start { .. }) {
            self.outside.requests.push(Request { at: self.now, call: call.clone(), answer: None });
        }
        self.see(Seen::Sent(id, call));
    }

    fn answer_comes(&mut self, id: CallId, after: Duration, reply: Reply) {
        if let Some(carrying) = self.calls.get_mut(&id) {
            carrying.reply = Some(reply);
        }
        self.schedule(self.now + after, Coming::Answer(id));
    }

    fn write_down_answer(&mut self, id: CallId) {
        let Some(Carrying { duty, left, reply: Some(reply), .. }) = self.calls.get(&id) else { return };
        let entry = match (duty, &reply.answer) {
            (Duty::Start(_), answer) => Entry::Answered { start: id, at: self.now, answer: answer.clone() },
            (Duty::Poll { start }, Answer::Polled(PollAnswer::Exited(exited))) => {
                let exited: Exited = exited.clone();
                Entry::Exited { start: *start, polled: *left, at: self.now, exited }
            }
            _ => {
                self.schedule(self.now, Coming::Heard(id));
                return;
            }
        };
        let is_the_servers = reply.answer.is_the_servers();
        self.note(entry, Some(Waiter::Answer(id)));
        if is_the_servers {
            let at = self.soon(1);
            self.schedule(at, Coming::Landed(id));
        }
    }

    /// What it sent is still on its way. What waits to be written is written if it ended by itself, and some of it perhaps
    /// otherwise.
    fn die(mut self, by_itself: bool) {
        let most = self.outside.disk.queue.len();
        let most = if by_itself { most } else { self.outside.random.random_range(0..=most) };
        // Half of all crashes find the disk idle.
        if by_itself || self.outside.random.random_bool(0.5) {
            self.written(most);
        }
        self.outside.disk.queue.clear();
        let mut calls = self.calls;
        for Reverse((at, _, coming)) in self.calendar {
            let call = match coming {
                Coming::Arrival(id) => calls.remove(&id).map(|carrying| carrying.call),
                Coming::Stray(number) => Some(self.strays[number].clone()),
                _ => None,
            };
            self.outside.strays.extend(call.map(|call| (at, call)));
        }
    }
}
