//! Writes down what happens, in a thread of its own.
//!
//! Whoever must not go on before something is on the disk waits for it. What has come together while the thread wrote is
//! written next, all at once: many starts share one wait for the disk.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use crate::{engine::Entry, store::RunLog};

/// Entries that are written at once.
const MOST_AT_ONCE: usize = 4096;

/// How long after an entry another one is waited for, before all are written: they come in bursts, and each write is a wait
/// for the disk.
const LULL: Duration = Duration::from_micros(20);

/// How long they are waited for at most.
const PATIENCE: Duration = Duration::from_millis(1);

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
    thread: JoinHandle<()>,
    trouble: Arc<OnceLock<String>>,
}

/// A way to have things written down, for a call.
#[derive(Clone)]
pub(super) struct Pen {
    jobs: Sender<Job>,
    trouble: Arc<OnceLock<String>>,
}

struct Job {
    /// `None`: nothing to write, only to hear when all that came before is written.
    entry: Option<Entry>,
    done: Option<oneshot::Sender<Result<(), String>>>,
}

impl Recorder {
    /// Begins to write to a ledger.
    pub fn new(ledger: impl Ledger) -> Self {
        let (jobs, received) = mpsc::channel();
        let trouble = Arc::new(OnceLock::new());
        let told = Arc::clone(&trouble);
        let thread = thread::spawn(move || keep_writing(ledger, &received, &told));
        Self { jobs, thread, trouble }
    }

    pub(super) fn pen(&self) -> Pen {
        Pen { jobs: self.jobs.clone(), trouble: Arc::clone(&self.trouble) }
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

impl Pen {
    /// Writes something down before long, after all that came before it.
    pub(super) fn note(&self, entry: Entry) {
        self.hand_over(Job { entry: Some(entry), done: None });
    }

    /// Writes something down; when it returns, it is on the disk.
    pub(super) async fn write(&self, entry: Entry) -> Result<(), String> {
        self.wait_for(Some(entry)).await
    }

    /// Waits until all that was noted before is on the disk.
    pub(super) async fn catch_up(&self) -> Result<(), String> {
        self.wait_for(None).await
    }

    async fn wait_for(&self, entry: Option<Entry>) -> Result<(), String> {
        let (done, written) = oneshot::channel();
        self.hand_over(Job { entry, done: Some(done) });
        written.await.unwrap_or_else(|_| Err("rollcall failed while it wrote".to_owned()))
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

fn keep_writing(mut ledger: impl Ledger, jobs: &Receiver<Job>, trouble: &OnceLock<String>) {
    while let Ok(first) = jobs.recv() {
        let mut entries = Vec::new();
        let mut waiting = Vec::new();
        let began = Instant::now();
        let mut next = Some(first);
        while let Some(Job { entry, done }) = next {
            match trouble.get() {
                // It was handed over before anybody knew. What it builds upon may be missing: nothing may leave on it.
                Some(why) if matches!(entry, Some(Entry::Intent { .. })) => tell(done, &Err(why.clone())),
                _ => {
                    entries.extend(entry);
                    waiting.push(done);
                }
            }
            let is_enough = entries.len() >= MOST_AT_ONCE || began.elapsed() >= PATIENCE;
            next = if is_enough { None } else { jobs.recv_timeout(LULL).ok() };
        }
        let written = if entries.is_empty() { Ok(()) } else { ledger.write(&entries) };
        if let Err(why) = &written {
            let _ = trouble.set(why.clone());
        }
        for done in waiting {
            tell(done, &written);
        }
    }
}

/// Tells whoever waits. A call that is no longer there does not care.
fn tell(done: Option<oneshot::Sender<Result<(), String>>>, written: &Result<(), String>) {
    if let Some(done) = done {
        let _ = done.send(written.clone());
    }
}
