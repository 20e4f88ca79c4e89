//! What a made-up process reads from and writes to: its descriptors 0 to 9.
//!
//! A background job is carried out ahead of its time, so what is written carries the time at which it is: sorted by
//! that, everything stands where it would have stood. A pipe also knows how long somebody holds it open.

use std::{cell::RefCell, rc::Rc, time::Duration};

/// Where one descriptor leads.
#[derive(Clone)]
pub(crate) enum Descriptor {
    /// `/dev/null`.
    Null,
    /// The writing end of a pipe.
    Sink(Rc<RefCell<Sink>>),
    /// The reading end, or a here-document.
    Source(Rc<RefCell<Source>>),
    File(Rc<RefCell<OpenFile>>),
}

/// What has been written to a pipe.
#[derive(Default)]
pub(crate) struct Sink {
    chunks: Vec<(Duration, Vec<u8>)>,
    length: usize,
    /// The last moment at which a process held it open.
    until: Duration,
}

impl Sink {
    pub(crate) fn write(&mut self, bytes: &[u8], now: Duration) {
        self.length += bytes.len();
        match self.chunks.last_mut() {
            Some((time, chunk)) if *time == now => chunk.extend_from_slice(bytes),
            _ => self.chunks.push((now, bytes.to_vec())),
        }
    }

    pub(crate) fn hold(&mut self, until: Duration) {
        self.until = self.until.max(until);
    }

    /// Undoes what would have happened after `end`, for whoever would have done it was killed then.
    pub(crate) fn cut(&mut self, end: Duration) {
        self.chunks.retain(|(time, _)| *time <= end);
        self.until = self.until.min(end);
    }

    /// All that was written, in the order of time, and when the last holder let go.
    pub(crate) fn finish(&mut self) -> (Vec<u8>, Duration) {
        let (source, until) = (Source::of(self), self.until);
        (source.bytes, until)
    }
}

/// What can be read, once.
#[derive(Default)]
pub(crate) struct Source {
    bytes: Vec<u8>,
    at: usize,
    /// Up to which place there was something to read at which time.
    ready: Vec<(usize, Duration)>,
    end: Duration,
}

impl Source {
    pub(crate) fn text(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// The other end of a pipe that nobody writes to any more.
    pub(crate) fn of(sink: &mut Sink) -> Self {
        let mut chunks = std::mem::take(&mut sink.chunks);
        chunks.sort_by_key(|(time, _)| *time);
        let (mut bytes, mut ready) = (Vec::with_capacity(sink.length), Vec::with_capacity(chunks.len()));
        for (time, chunk) in chunks {
            bytes.extend(chunk);
            ready.push((bytes.len(), time));
        }
        let end = ready.last().map_or(sink.until, |(_, time)| sink.until.max(*time));
        Self { bytes, at: 0, ready, end }
    }

    /// What is left, and the time at which the end was reached.
    fn rest(&mut self) -> (Vec<u8>, Duration) {
        let rest = self.bytes.split_off(self.at);
        (rest, self.end)
    }

    /// The next byte, and when it came; `None` at the end.
    fn byte(&mut self) -> (Option<u8>, Duration) {
        let Some(byte) = self.bytes.get(self.at).copied() else { return (None, self.end) };
        self.at += 1;
        let came = self.ready.partition_point(|(place, _)| *place < self.at);
        (Some(byte), self.ready.get(came).map_or(Duration::ZERO, |(_, time)| *time))
    }
}

/// A file's bytes, shared by all who have it open.
pub(crate) type Contents = Rc<RefCell<Vec<u8>>>;

/// A file that is open, and how far it has been read or written.
pub(crate) struct OpenFile {
    pub(crate) contents: Contents,
    pub(crate) at: usize,
    pub(crate) append: bool,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

impl Descriptor {
    pub(crate) fn sink() -> (Self, Rc<RefCell<Sink>>) {
        let sink = Rc::new(RefCell::new(Sink::default()));
        (Self::Sink(sink.clone()), sink)
    }

    pub(crate) fn source(source: Source) -> Self {
        Self::Source(Rc::new(RefCell::new(source)))
    }

    /// Writes; `false` where this cannot be written to.
    pub(crate) fn write(&self, bytes: &[u8], now: Duration) -> bool {
        match self {
            Self::Null => true,
            Self::Source(_) => false,
            Self::Sink(sink) => {
                sink.borrow_mut().write(bytes, now);
                true
            }
            Self::File(file) => {
                let OpenFile { contents, at, append, writable, .. } = &mut *file.borrow_mut();
                let mut contents = contents.borrow_mut();
                let place = if *append { contents.len() } else { (*at).min(contents.len()) };
                let over = (place + bytes.len()).min(contents.len());
                if *writable {
                    contents.splice(place..over, bytes.iter().copied());
                    *at = place + bytes.len();
                }
                *writable
            }
        }
    }

    /// Everything that is left to read, and when its end was there.
    pub(crate) fn rest(&self) -> Option<(Vec<u8>, Duration)> {
        match self {
            Self::Null => Some((Vec::new(), Duration::ZERO)),
            Self::Sink(_) => None,
            Self::Source(source) => Some(source.borrow_mut().rest()),
            Self::File(file) => {
                let file = &mut *file.borrow_mut();
                let contents = file.contents.borrow();
                let rest = contents.get(file.at..).unwrap_or_default().to_vec();
                file.at = file.at.max(contents.len());
                file.readable.then_some((rest, Duration::ZERO))
            }
        }
    }

    /// The next byte, and when it came.
    pub(crate) fn byte(&self) -> Option<(Option<u8>, Duration)> {
        match self {
            Self::Null => Some((None, Duration::ZERO)),
            Self::Sink(_) => None,
            Self::Source(source) => Some(source.borrow_mut().byte()),
            Self::File(file) => {
                let file = &mut *file.borrow_mut();
                let byte = file.contents.borrow().get(file.at).copied();
                file.at += usize::from(byte.is_some());
                file.readable.then_some((byte, Duration::ZERO))
            }
        }
    }

    /// Notes that a process has this open at `until`.
    pub(crate) fn hold(&self, until: Duration) {
        if let Self::Sink(sink) = self {
            sink.borrow_mut().hold(until);
        }
    }

    /// See [`Sink::cut`].
    pub(crate) fn cut(&self, end: Duration) {
        if let Self::Sink(sink) = self {
            sink.borrow_mut().cut(end);
        }
    }
}
