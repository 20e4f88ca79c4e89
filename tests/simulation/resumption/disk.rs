//! What is on record of a run: entries that wait to be written, and those that a crash leaves.

use std::{collections::VecDeque, sync::Arc};

use rollcall::{
    engine::{
        CallId, Ended, Entry, Intent, LeftOff, Remembered, RememberedStart, Stream, TargetResult,
        give_back_outputs,
    },
    fleet::Vps,
};

/// Why nothing can be written.
pub(crate) const FULL: &str = "no space left on device";

/// Who waits for an entry to be on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// A start, before it leaves.
    Start(CallId),
    /// An answer, before the engine hears of it.
    Answer(CallId),
}

/// The disk, and the queue in front of it.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    /// In the order in which they were written.
    pub(crate) entries: Vec<Entry>,
    pub(crate) queue: VecDeque<(Entry, Option<Waiter>)>,
    /// It is full after so many more writes.
    pub(crate) room: Option<u64>,
}

impl Disk {
    /// Writes the first `most` entries that wait, all or none; says who waits for them, and from where on they stand in the
    /// record.
    pub(crate) fn write(&mut self, most: usize) -> Result<(usize, Vec<Waiter>), Vec<Waiter>> {
        let first = self.entries.len();
        let jobs: Vec<_> = self.queue.drain(..most.min(self.queue.len())).collect();
        let waiters = jobs.iter().filter_map(|(_, waiter)| *waiter).collect();
        match &mut self.room {
            Some(0) => return Err(waiters),
            Some(room) => *room -= 1,
            None => {}
        }
        self.entries.extend(jobs.into_iter().map(|(entry, _)| entry));
        Ok((first, waiters))
    }

    /// What is kept at the end of a run, where there is room for it.
    pub(crate) fn keep(&mut self, entry: Entry) {
        if self.room != Some(0) {
            self.entries.push(entry);
        }
    }

    /// Where the run left off; `None` while it is not on record whom it is for.
    pub(crate) fn left_off(&self) -> Option<LeftOff> {
        let mut left_off = None;
        for entry in &self.entries {
            if let Entry::Targets { vpses, tally } = entry {
                let remembered = |vps: &Arc<Vps>| Remembered {
                    vps: Arc::new(Vps::new(vps.fields().into_owned()).settled()),
                    result: None,
                    starts: Vec::new(),
                };
                let targets = vpses.iter().map(remembered).collect();
                left_off = Some(LeftOff { targets, tally: tally.clone(), ..LeftOff::default() });
            } else if let Some(left_off) = &mut left_off {
                remember(left_off, entry);
            }
        }
        let mut left_off = left_off?;
        for Remembered { result, starts, .. } in &mut left_off.targets {
            if let Some(result) = result {
                *result = Arc::new(with_outputs_of(starts, result));
            }
        }
        Some(left_off)
    }
}

fn remember(left_off: &mut LeftOff, entry: &Entry) {
    match entry {
        Entry::Targets { .. } => {}
        Entry::Intent { start, at, intent } => {
            let intent: Intent = intent.clone();
            let target = &mut left_off.targets[intent.target];
            target.starts.push(RememberedStart { call: *start, at: *at, intent, answer: None, ended: None });
        }
        Entry::Answered { start, at, answer } => {
            if let Some(found) = start_of(left_off, *start) {
                found.answer = Some((*at, answer.clone()));
            }
        }
        Entry::Exited { start, polled, at, exited } => {
            if let Some(found) = start_of(left_off, *start) {
                found.ended = Some(Ended { polled: *polled, at: *at, exited: exited.clone() });
            }
        }
        Entry::Standing { worked, requests, time, .. } => {
            (left_off.worked, left_off.requests, left_off.time) = (*worked, *requests, *time);
        }
        Entry::Finished { target, result } => left_off.targets[*target].result = Some(Arc::clone(result)),
    }
}

fn start_of(left_off: &mut LeftOff, call: CallId) -> Option<&mut RememberedStart> {
    left_off.targets.iter_mut().flat_map(|target| &mut target.starts).find(|start| start.call == call)
}

/// A result as it is read back: what was printed comes from the starts.
fn with_outputs_of(starts: &[RememberedStart], result: &TargetResult) -> TargetResult {
    let mut result = result.clone();
    let nothing: Option<Stream> = None;
    for step in &mut result.steps {
        (step.stdout, step.stderr) = (nothing.clone(), nothing.clone());
    }
    give_back_outputs(&mut result, starts);
    result
}
