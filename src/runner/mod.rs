//! Performs what the engine asks for: sends, waits, writes down, and brings back what happened.
//!
//! [`Run::drive`] is one loop that turns answers, timers, signals and the user's yes or no into the engine's inputs, and
//! carries out its effects with tokio, the client of `hostup/` and a [`Recorder`]. It decides nothing: when a request may
//! leave, what an answer means, what must be on the disk first and when a run is over are the engine's to say.
//!
//! Kept out: formats and printing (whoever calls passes an [`Observer`]), and rules of any kind.

pub(crate) mod failpoint;
mod overflow;
mod recorder;
mod signals;

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::{FutureExt, Stream, StreamExt};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use overflow::Overflow;
use recorder::Pen;
pub use recorder::{Ledger, Recorder};
pub use signals::{Signal, outlive_the_limit_on_files, signals};

use crate::{
    budget::{RunTime, Signals},
    engine::{
        Answer, Call, CallId, Duty, Effect, Engine, Entry, Event, Exited, Failure, FinishedRun, InFlight,
        Input, LeftOff, PollAnswer, Reply, RequestCounts, RunSpec,
    },
    fleet::Vps,
    hostup::Client,
};

/// How often an observer is told the time.
const TICK: Duration = Duration::from_millis(250);

/// Watches a run: a progress bar, a log.
pub trait Observer {
    /// Something happened.
    fn observe(&mut self, event: &Event);

    /// Time passed; called a few times a second.
    fn tick(&mut self, now: RunTime);

    /// It is known whom the run is for, and nothing has been started yet.
    fn targets(&mut self, vpses: &[Arc<Vps>]) {
        let _ = vpses;
    }

    /// Somebody asks what is in flight.
    fn in_flight(&mut self, now: RunTime, calls: &[InFlight]) {
        let _ = (now, calls);
    }
}

/// A run that is about to be.
#[derive(Debug)]
pub struct Run {
    engine: Engine,
    /// The time on the run's own clock when it begins.
    begins: RunTime,
    recorder: Option<Recorder>,
}

/// How a run went.
#[derive(Debug)]
pub struct Outcome {
    /// What became of it.
    pub run: FinishedRun,
    /// Why not all of it could be written down, if that is so.
    pub unrecorded: Option<String>,
    /// A part of rollcall itself failed. What it was about is told as well as it is known.
    pub defect: bool,
}

impl Run {
    /// A new one, of which nothing is written down.
    pub fn new(spec: RunSpec) -> Self {
        Self { engine: Engine::new(spec), begins: RunTime::START, recorder: None }
    }

    /// One that is gone on with, at this time on its own clock.
    pub fn going_on(spec: RunSpec, left_off: LeftOff, at: RunTime) -> Self {
        Self { engine: Engine::going_on(spec, left_off), begins: at, recorder: None }
    }

    /// Has it written down.
    #[must_use]
    pub fn recorded(self, recorder: Option<Recorder>) -> Self {
        Self { recorder, ..self }
    }

    /// Drives it against `client` until it is over.
    ///
    /// `signals` come from outside; `ask` is asked at most once, whether to go on with so many targets. Every start that
    /// was sent is awaited, unless the user interrupts twice.
    pub async fn drive<Question>(
        self,
        client: Arc<Client>,
        signals: impl Stream<Item = Signal>,
        ask: impl Fn(usize) -> Question,
        observer: &mut dyn Observer,
    ) -> Outcome
    where
        Question: Future<Output = bool>,
    {
        let Self { mut engine, begins, recorder } = self;
        let began = Instant::now();
        let now = move || begins + began.elapsed();
        let pen = recorder.as_ref().map(Recorder::pen);
        let desk = Arc::new(Desk { client, overflow: Overflow::new(), pen, defect: AtomicBool::new(false) });
        let mut calls: JoinSet<(CallId, Reply)> = JoinSet::new();
        let mut signals = std::pin::pin!(signals.fuse());
        let mut wake_at: Option<Instant> = None;
        let mut question = std::pin::pin!(futures::future::OptionFuture::from(None::<Question>));
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_told_of_trouble = false;
        let mut told = RequestCounts::default();

        let mut input = Input::Begin;
        let run = 'run: loop {
            for effect in engine.step(now(), input) {
                match effect {
                    Effect::Send { id, call, duty } => {
                        // Boxed, for it is large, and a task is moved several times before it begins.
                        calls.spawn(Box::pin(bring_back(Arc::clone(&desk), id, call, duty, now)));
                    }
                    Effect::Record(entry) => {
                        if let Entry::Targets { vpses, .. } = &entry {
                            observer.targets(vpses);
                        }
                        if let Some(pen) = &desk.pen {
                            pen.note(entry);
                        }
                    }
                    Effect::WakeAt(at) => wake_at = Some(began + at.since(begins)),
                    Effect::Ask { targets } => question.set(Some(ask(targets)).into()),
                    Effect::Tell(event) => observer.observe(&event),
                    Effect::Finish => break 'run engine.finish(now()),
                }
            }
            input = loop {
                if !is_told_of_trouble && let Some(why) = desk.pen.as_ref().and_then(Pen::trouble) {
                    is_told_of_trouble = true;
                    break Input::Unrecorded(why.to_owned());
                }
                tokio::select! {
                    Some(Ok((call, reply))) = calls.join_next() => break Input::Answered { call, reply },
                    () = sleep_until(wake_at.unwrap_or(began)), if wake_at.is_some() => {
                        wake_at = None;
                        break Input::Tick;
                    }
                    Some(signal) = signals.next() => match signal {
                        Signal::Interrupt(number) => break Input::Interrupted(number),
                        Signal::Status => observer.in_flight(now(), &engine.what_is_in_flight()),
                    },
                    Some(yes) = &mut question => {
                        question.set(None.into());
                        break Input::Confirmed(yes);
                    }
                    _ = ticks.tick() => {
                        observer.tick(now());
                        let requests = engine.requests();
                        if let Some(pen) = desk.pen.as_ref().filter(|_| requests != told) {
                            told = requests;
                            pen.note(engine.standing(now()));
                        }
                    }
                }
            };
        };
        let defect = desk.defect.load(Relaxed);
        drop(desk);
        // What is in flight still is of no more consequence, but for its pen.
        calls.shutdown().await;
        let unrecorded = recorder.and_then(|recorder| recorder.close().err());
        Outcome { run, unrecorded, defect }
    }
}

/// What a call needs.
struct Desk {
    client: Arc<Client>,
    overflow: Arc<Overflow>,
    pen: Option<Pen>,
    defect: AtomicBool,
}

/// One call, in a task of its own, so that nothing can cancel it halfway.
async fn bring_back(
    desk: Arc<Desk>,
    id: CallId,
    call: Call,
    duty: Duty,
    now: impl Fn() -> RunTime,
) -> (CallId, Reply) {
    // A defect must not lose the fact that something was sent.
    let mut reply =
        AssertUnwindSafe(send(&desk, id, &call, duty, now)).catch_unwind().await.unwrap_or_else(|_| {
            desk.defect.store(true, Relaxed);
            failed(Failure::NoReply { message: "rollcall failed while it waited".to_owned() })
        });
    put_aside(&mut reply.answer, &desk.overflow);
    (id, reply)
}

/// Sends a call, and writes down what must be on the disk before and after.
async fn send(desk: &Desk, id: CallId, call: &Call, duty: Duty, now: impl Fn() -> RunTime) -> Reply {
    let Some(pen) = &desk.pen else { return desk.client.send(call).await };
    match duty {
        Duty::None => desk.client.send(call).await,
        Duty::Start(intent) => {
            if let Some(why) = pen.trouble() {
                return failed(Failure::Unrecorded { message: why.to_owned() });
            }
            failpoint::pass("before_intent");
            if let Err(message) = pen.write(Entry::Intent { start: id, at: now(), intent }).await {
                return failed(Failure::Unrecorded { message });
            }
            failpoint::pass("after_intent");
            failpoint::panic("panic_in_call");
            let reply = desk.client.send(call).await;
            failpoint::pass("after_reply");
            // Whatever follows from it is written after it, or waits for it.
            pen.note(Entry::Answered { start: id, at: now(), answer: reply.answer.clone() });
            reply
        }
        Duty::Poll { start } => {
            // The process that is asked for is on the disk. What cannot be written down is still true, and the engine hears
            // of the trouble.
            let _ = pen.catch_up().await;
            failpoint::pass("after_pid");
            let polled = now();
            let reply = desk.client.send(call).await;
            if let Answer::Polled(PollAnswer::Exited(exited)) = &reply.answer {
                failpoint::pass("after_poll");
                let _ = pen.write(Entry::Exited { start, polled, at: now(), exited: exited.clone() }).await;
                failpoint::pass("after_result");
            }
            reply
        }
    }
}

fn failed(failure: Failure) -> Reply {
    Reply { signals: Signals::default(), answer: Answer::Failed(failure) }
}

/// Finds a place for what is kept until the report.
fn put_aside(answer: &mut Answer, overflow: &Arc<Overflow>) {
    match answer {
        Answer::Listed(page) => {
            page.vpses.iter_mut().for_each(|vps| vps.put_aside(|json| overflow.keep(json)));
        }
        Answer::Polled(PollAnswer::Exited(Exited { stdout, stderr, .. })) => {
            for stream in [stdout, stderr] {
                stream.text = overflow.keep(std::mem::take(&mut stream.text));
            }
        }
        Answer::Probed(_) | Answer::Started(_) | Answer::Polled(_) | Answer::Failed(_) => {}
    }
}
