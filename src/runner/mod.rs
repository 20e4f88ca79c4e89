//! Performs what the engine asks for: sends, waits, and brings back what happened.
//!
//! [`drive`] is one loop that turns answers, timers, signals and the user's yes or no into the engine's inputs, and
//! carries out its effects with tokio and the client of `hostup/`. It decides nothing: when a request may leave,
//! what an answer means and when a run is over are the engine's to say.
//!
//! Kept out: formats and printing (whoever calls passes an [`Observer`]), and rules of any kind.

mod overflow;
mod signals;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt, Stream, StreamExt};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use overflow::Overflow;
pub use signals::interrupts;

use crate::{
    budget::{RunTime, Signals},
    engine::{
        Answer, Call, CallId, Effect, Engine, Event, Exited, Failure, FinishedRun, Input, PollAnswer, Reply,
        RunSpec,
    },
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
}

/// Runs `spec` against `client` until it is over.
///
/// `interrupts` brings signal numbers; `ask` is asked at most once, whether to go on with so many targets. Every
/// start that was sent is awaited, unless the user interrupts twice.
pub async fn drive<Question>(
    spec: RunSpec,
    client: Arc<Client>,
    interrupts: impl Stream<Item = i32>,
    ask: impl Fn(usize) -> Question,
    observer: &mut dyn Observer,
) -> FinishedRun
where
    Question: Future<Output = bool>,
{
    let began = Instant::now();
    let now = || RunTime::from_start(began.elapsed());
    let mut engine = Engine::new(spec);
    let overflow = Overflow::new();
    let mut calls: JoinSet<(CallId, Reply)> = JoinSet::new();
    let mut interrupts = std::pin::pin!(interrupts.fuse());
    let mut wake_at: Option<Instant> = None;
    let mut question = std::pin::pin!(futures::future::OptionFuture::from(None::<Question>));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

    let mut input = Input::Begin;
    loop {
        for effect in engine.step(now(), input) {
            match effect {
                Effect::Send { id, call } => {
                    // Boxed, for it is large, and a task is moved several times before it begins.
                    calls.spawn(Box::pin(bring_back(Arc::clone(&client), Arc::clone(&overflow), id, call)));
                }
                Effect::WakeAt(at) => wake_at = Some(began + at.since_start()),
                Effect::Ask { targets } => question.set(Some(ask(targets)).into()),
                Effect::Tell(event) => observer.observe(&event),
                Effect::Finish => return engine.finish(now()),
            }
        }
        input = loop {
            tokio::select! {
                Some(Ok((call, reply))) = calls.join_next() => break Input::Answered { call, reply },
                () = sleep_until(wake_at.unwrap_or(began)), if wake_at.is_some() => {
                    wake_at = None;
                    break Input::Tick;
                }
                Some(number) = interrupts.next() => break Input::Interrupted(number),
                Some(yes) = &mut question => {
                    question.set(None.into());
                    break Input::Confirmed(yes);
                }
                _ = ticks.tick() => observer.tick(now()),
            }
        };
    }
}

/// One call, in a task of its own, so that nothing can cancel it halfway.
async fn bring_back(client: Arc<Client>, overflow: Arc<Overflow>, id: CallId, call: Call) -> (CallId, Reply) {
    // A defect in the client must not lose the fact that something was sent.
    let mut reply = AssertUnwindSafe(client.send(&call)).catch_unwind().await.unwrap_or_else(|_| Reply {
        signals: Signals::default(),
        answer: Answer::Failed(Failure::NoReply { message: "rollcall failed while it waited".to_owned() }),
    });
    put_aside(&mut reply.answer, &overflow);
    (id, reply)
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
