//! Calls in flight: each in a task of its own, with what must be on the disk before it leaves and before its answer counts.
//!
//! Whoever waits for the disk holds no connection: a start gets one once its intent is written, and gives it back, as a poll
//! does, when its answer is there, though the engine hears what that means only when it is written too.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use futures::FutureExt;
use tokio::{
    sync::{
        Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::JoinSet,
};

use super::{
    Clock, failpoint,
    overflow::Overflow,
    recorder::{Pen, Writing},
};
use crate::{
    budget::Signals,
    engine::{Answer, Call, CallId, Duty, Entry, Exited, Failure, Input, PollAnswer, Reply},
    hostup::Client,
};

/// All of a run's calls that are not over.
pub(super) struct Calls {
    desk: Arc<Desk>,
    tasks: JoinSet<(CallId, Reply)>,
    news: UnboundedReceiver<Input>,
}

/// What calls need.
struct Desk {
    client: Arc<Client>,
    overflow: Arc<Overflow>,
    /// `None`: nothing is written down.
    pen: Option<Pen>,
    /// A permit for each request that may be on its way.
    connections: Semaphore,
    /// What the engine should know of a call that is not over.
    news: UnboundedSender<Input>,
    clock: Clock,
    defect: AtomicBool,
}

/// What is written down of a call.
enum Record {
    Nothing,
    Start { pen: Pen, intent: Writing },
    Poll { pen: Pen, start: CallId },
}

impl Calls {
    pub(super) fn new(client: Arc<Client>, connections: usize, pen: Option<Pen>, clock: Clock) -> Self {
        let (tell, news) = unbounded_channel();
        let desk = Desk {
            client,
            overflow: Overflow::new(),
            pen,
            connections: Semaphore::new(connections),
            news: tell,
            clock,
            defect: AtomicBool::new(false),
        };
        Self { desk: Arc::new(desk), tasks: JoinSet::new(), news }
    }

    /// Sends a call; what comes of it is among [`Self::news`].
    pub(super) fn send(&mut self, id: CallId, call: Call, duty: Duty) {
        // Boxed, for it is large, and a task is moved several times before it begins.
        self.tasks.spawn(Box::pin(bring_back(Arc::clone(&self.desk), id, call, duty)));
    }

    /// What happens next to any of them.
    pub(super) async fn news(&mut self) -> Input {
        tokio::select! {
            // What an answer leads to can wait, what lets others leave should not.
            biased;
            Some(news) = self.news.recv() => news,
            Some(Ok((call, reply))) = self.tasks.join_next() => Input::Answered { call, reply },
        }
    }

    /// Ends those that are in flight still; says whether a part of rollcall itself failed.
    pub(super) async fn end(mut self) -> bool {
        self.tasks.shutdown().await;
        self.desk.defect.load(Relaxed)
    }
}

impl Desk {
    /// Sends a request once there is a connection for it.
    async fn send(&self, call: &Call) -> Reply {
        let _permit = self.connections.acquire().await;
        let mut reply = self.client.send(call).await;
        put_aside(&mut reply.answer, &self.overflow);
        reply
    }

    /// An answer is there that has yet to be written down.
    fn landed(&self, call: CallId, reply: &Reply) {
        if reply.answer.is_the_servers() {
            self.tell(Input::Landed { call, signals: reply.signals.clone() });
        }
    }

    /// Tells the engine, unless the run is over.
    fn tell(&self, news: Input) {
        let _ = self.news.send(news);
    }
}

/// One call. What must be on the disk before it leaves is handed over to be written at once, not when its task begins.
fn bring_back(
    desk: Arc<Desk>,
    id: CallId,
    call: Call,
    duty: Duty,
) -> impl Future<Output = (CallId, Reply)> + Send {
    let record = match (&desk.pen, duty) {
        (None, _) | (_, Duty::None) => Record::Nothing,
        (Some(pen), Duty::Start(intent)) => {
            failpoint::pass("before_intent");
            let intent = pen.write(Entry::Intent { start: id, at: desk.clock.now(), intent });
            Record::Start { pen: pen.clone(), intent }
        }
        (Some(pen), Duty::Poll { start }) => Record::Poll { pen: pen.clone(), start },
    };
    async move {
        // A defect must not lose the fact that something was sent.
        let reply = AssertUnwindSafe(send(&desk, id, &call, record)).catch_unwind().await;
        let reply = reply.unwrap_or_else(|_| {
            desk.defect.store(true, Relaxed);
            failed(Failure::NoReply { message: "rollcall failed while it waited".to_owned() })
        });
        (id, reply)
    }
}

/// Sends a call, and writes down what must be on the disk before its answer counts.
async fn send(desk: &Desk, id: CallId, call: &Call, record: Record) -> Reply {
    match record {
        Record::Nothing => desk.send(call).await,
        Record::Start { pen, intent } => {
            if let Err(message) = intent.done().await {
                return failed(Failure::Unrecorded { message });
            }
            failpoint::pass("after_intent");
            failpoint::panic("panic_in_call");
            desk.tell(Input::Leaves(id));
            let reply = desk.send(call).await;
            failpoint::pass("after_reply");
            desk.landed(id, &reply);
            // What cannot be written down is still true, and the engine hears of the trouble.
            let entry = Entry::Answered { start: id, at: desk.clock.now(), answer: reply.answer.clone() };
            let _ = pen.write(entry).done().await;
            reply
        }
        Record::Poll { pen, start } => {
            failpoint::pass("after_pid");
            let polled = desk.clock.now();
            let reply = desk.send(call).await;
            if let Answer::Polled(PollAnswer::Exited(exited)) = &reply.answer {
                failpoint::pass("after_poll");
                desk.landed(id, &reply);
                let entry = Entry::Exited { start, polled, at: desk.clock.now(), exited: exited.clone() };
                let _ = pen.write(entry).done().await;
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
