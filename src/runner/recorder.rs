//! Writes down what happens, in a thread of its own.
//!
//! Whoever must not go on before something is on the disk waits for it. What has come together while the thread wrote is
//! written next, all at once: many starts share one wait for the disk.

use std::{
    fmt, future,
    sync::{
        Arc, OnceLock,
        mpsc::{self, Receiver, Sender, TryRecvError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    time::Instant,
};

use crate::{engine::Entry, store::RunLog};

/// Entries that are written at once.
const MOST_AT_ONCE: usize = 4096;

/// How long entries come together before they are written: each write is a wait for the disk, and as long as it takes
/// nobody holds a connection.
const GATHERING: Duration = Duration::from_micros(800);

/// The same where nobody waits for any of them.
const UNHURRIED: Duration = Duration::from_millis(10);

/// Where entries go.
pub trait Ledger: Send + 'static {
    /// Writes all of these, in order, or none; when it returns they are on the disk.
    ///
    /// # Errors
    /// Why they are not.
    fn write(&mut self, entries: &[Entry]) -> Result<(), String>;
}

impl Ledger for RunLog {
    fn write(&mut self, entries: &[Entry]) -> Result<(), String> {
        Self::write(self, entries).map_err(|error| error.to_string())
    }
}

/// Has things written down.
pub struct Recorder {
    jobs: Sender<Job>,
    written: UnboundedReceiver<Written>,
    thread: JoinHandle<()>,
    trouble: Arc<OnceLock<String>>,
}

/// A way to have things written down, for a call.
#[derive(Clone)]
pub(super) struct Pen {
    jobs: Sender<Job>,
    trouble: Arc<OnceLock<String>>,
}

/// Something that is being written down.
#[must_use]
pub(super) struct Writing(oneshot::Receiver<Result<(), String>>);

struct Job {
    entry: Entry,
    /// `None`: nobody waits for it.
    done: Option<Done>,
}

type Done = oneshot::Sender<Result<(), String>>;

/// Entries that are on the disk, or are not for this reason; and those who wait for them.
struct Written {
    waiting: Vec<Done>,
    outcome: Result<(), String>,
}

impl Recorder {
    /// Begins to write to a ledger.
    pub fn new(ledger: impl Ledger) -> Self {
        let (jobs, received) = mpsc::channel();
        let (told, written) = unbounded_channel();
        let trouble = Arc::new(OnceLock::new());
        let found = Arc::clone(&trouble);
        let thread = thread::spawn(move || keep_writing(ledger, &received, &told, &found));
        Self { jobs, written, thread, trouble }
    }

    pub(super) fn pen(&self) -> Pen {
        Pen { jobs: self.jobs.clone(), trouble: Arc::clone(&self.trouble) }
    }

    /// Tells those who wait when something has been written: somebody must see to it all the time. That it is not the
    /// writing thread itself spares waking up this one for each of them.
    pub(super) async fn tell_those_who_wait(&mut self) {
        match self.written.recv().await {
            Some(written) => written.tell(),
            // Nothing will be written any more, which those who wait see for themselves.
            None => future::pending().await,
        }
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// Why something is not.
    pub(super) fn close(self) -> Result<(), String> {
        drop(self.jobs);
        if self.thread.join().is_err() {
            return Err("rollcall failed while it wrote".to_owned());
        }
        match self.trouble.get() {
            Some(why) => Err(why.clone()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Recorder").field("trouble", &self.trouble).finish_non_exhaustive()
    }
}

impl Written {
    /// A call that is no longer there does not care.
    fn tell(self) {
        for done in self.waiting {
            let _ = done.send(self.outcome.clone());
        }
    }
}

impl Writing {
    /// When it returns, it is on the disk, or is not for this reason.
    pub(super) async fn done(self) -> Result<(), String> {
        self.0.await.unwrap_or_else(|_| Err("rollcall failed while it wrote".to_owned()))
    }
}

impl Pen {
    /// Writes something down before long, after all that came before it.
    pub(super) fn note(&self, entry: Entry) {
        self.hand_over(Job { entry, done: None });
    }

    /// Begins to write something down.
    pub(super) fn write(&self, entry: Entry) -> Writing {
        let (done, written) = oneshot::channel();
        self.hand_over(Job { entry, done: Some(done) });
        Writing(written)
    }

    /// Why something could not be written, once that is so.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }

    fn hand_over(&self, job: Job) {
        if self.jobs.send(job).is_err() {
            let _ = self.trouble.set("rollcall failed while it wrote".to_owned());
        }
    }
}

fn keep_writing(
    mut ledger: impl Ledger,
    jobs: &Receiver<Job>,
    told: &UnboundedSender<Written>,
    trouble: &OnceLock<String>,
) {
    while let Ok(first) = jobs.recv() {
        let mut batch = gather(first, jobs);
        if let Some(why) = trouble.get() {
            // They were handed over before anybody knew. What they build upon may be missing: nothing may leave on them.
            let is_intent = |job: &mut Job| matches!(job.entry, Entry::Intent { .. });
            let waiting = batch.extract_if(.., is_intent).filter_map(|job| job.done).collect();
            let _ = told.send(Written { waiting, outcome: Err(why.clone()) });
        }
        let (entries, waiting): (Vec<Entry>, Vec<Option<Done>>) =
            batch.into_iter().map(|job| (job.entry, job.done)).unzip();
        let outcome = if entries.is_empty() { Ok(()) } else { ledger.write(&entries) };
        if let Err(why) = &outcome {
            let _ = trouble.set(why.clone());
        }
        let _ = told.send(Written { waiting: waiting.into_iter().flatten().collect(), outcome });
    }
}

/// What has come together when those who wait for some of it have waited long enough.
#[expect(clippy::disallowed_methods, reason = "a thread that waits for the disk is outside tokio's time")]
fn gather(first: Job, jobs: &Receiver<Job>) -> Vec<Job> {
    let began = Instant::now();
    let mut batch = vec![first];
    loop {
        // Asleep, it is not woken up for each that comes.
        thread::sleep(GATHERING);
        let ended = loop {
            if batch.len() == MOST_AT_ONCE {
                return batch;
            }
            match jobs.try_recv() {
                Ok(job) => batch.push(job),
                Err(ended) => break ended,
            }
        };
        let is_awaited = batch.iter().any(|job| job.done.is_some());
        if is_awaited || ended == TryRecvError::Disconnected || began.elapsed() >= UNHURRIED {
            return batch;
        }
    }
}
