//! Performs what the engine asks for: sends, waits, writes down, and brings back what happened.
//!
//! [`Run::drive`] is one loop that turns answers, timers, signals and the user's yes or no into the engine's inputs, and
//! carries out its effects with tokio, the client of `hostup/` and a [`Recorder`]. It decides nothing: when a request may
//! leave, what an answer means, what must be on the disk first and when a run is over are the engine's to say.
//!
//! Kept out: formats and printing (whoever calls passes an [`Observer`]), and rules of any kind.

mod calls;
pub(crate) mod failpoint;
mod overflow;
mod recorder;
mod signals;

use std::{future, sync::Arc, time::Duration};

use futures::{Stream, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use calls::Calls;
use recorder::Pen;
pub use recorder::{Ledger, Recorder};
pub use signals::{Signal, outlive_the_limit_on_files, signals};

use crate::{
    budget::RunTime,
    engine::{Effect, Engine, Entry, Event, FinishedRun, InFlight, Input, LeftOff, RequestCounts, RunSpec},
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

/// A run's own clock.
#[derive(Debug, Clone, Copy)]
struct Clock {
    /// What it showed when this process began to work on the run.
    begins: RunTime,
    began: Instant,
}

impl Clock {
    fn now(self) -> RunTime {
        self.begins + self.began.elapsed()
    }

    /// When it shows this time.
    fn instant(self, at: RunTime) -> Instant {
        self.began + at.since(self.begins)
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
        let engine = if recorder.is_some() { self.engine.writing_ahead() } else { self.engine };
        Self { engine, recorder, ..self }
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
        let Self { mut engine, begins, mut recorder } = self;
        let clock = Clock { begins, began: Instant::now() };
        let pen = recorder.as_ref().map(Recorder::pen);
        let mut calls = Calls::new(client, engine.connections(), pen.clone(), clock);
        let mut signals = std::pin::pin!(signals.fuse());
        let mut wake_at: Option<Instant> = None;
        let mut question = std::pin::pin!(futures::future::OptionFuture::from(None::<Question>));
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_told_of_trouble = false;
        let mut told = RequestCounts::default();

        let mut input = Input::Begin;
        let run = 'run: loop {
            for effect in engine.step(clock.now(), input) {
                match effect {
                    Effect::Send { id, call, duty } => calls.send(id, call, duty),
                    Effect::Record(entry) => {
                        if let Entry::Targets { vpses, .. } = &entry {
                            observer.targets(vpses);
                        }
                        if let Some(pen) = &pen {
                            pen.note(entry);
                        }
                    }
                    Effect::WakeAt(at) => wake_at = Some(clock.instant(at)),
                    Effect::Ask { targets } => question.set(Some(ask(targets)).into()),
                    Effect::Tell(event) => observer.observe(&event),
                    Effect::Finish => break 'run engine.finish(clock.now()),
                }
            }
            input = loop {
                if !is_told_of_trouble && let Some(why) = pen.as_ref().and_then(Pen::trouble) {
                    is_told_of_trouble = true;
                    break Input::Unrecorded(why.to_owned());
                }
                tokio::select! {
                    // News of calls come last, for there may always be some.
                    biased;
                    Some(signal) = signals.next() => match signal {
                        Signal::Interrupt(number) => break Input::Interrupted(number),
                        Signal::Status => observer.in_flight(clock.now(), &engine.what_is_in_flight()),
                    },
                    Some(yes) = &mut question => {
                        question.set(None.into());
                        break Input::Confirmed(yes);
                    }
                    _ = ticks.tick() => {
                        observer.tick(clock.now());
                        let requests = engine.requests();
                        if let Some(pen) = pen.as_ref().filter(|_| requests != told) {
                            told = requests;
                            pen.note(engine.standing(clock.now()));
                        }
                    }
                    () = told_of_writing(&mut recorder) => {}
                    () = sleep_until(wake_at.unwrap_or(clock.began)), if wake_at.is_some() => {
                        wake_at = None;
                        break Input::Tick;
                    }
                    news = calls.news() => break news,
                }
            };
        };
        // What is in flight still is of no more consequence. The recorder is done when the last pen is put down.
        drop(pen);
        let defect = calls.end().await;
        let unrecorded = recorder.and_then(|recorder| recorder.close().err());
        Outcome { run, unrecorded, defect }
    }
}

/// Never returns where nothing is written down.
async fn told_of_writing(recorder: &mut Option<Recorder>) {
    match recorder {
        Some(recorder) => recorder.tell_those_who_wait().await,
        None => future::pending().await,
    }
}
