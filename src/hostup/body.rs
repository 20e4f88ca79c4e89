//! Reads a body to its end, or to what may be kept of it.
//!
//! Most bodies are so short that nothing could have to be left out of them: those are kept as they came, and parsed
//! as they are. Only a longer one goes through [`JsonTrim`] while it arrives.

use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::{
    document::Document,
    fault,
    redact::Redactor,
    trim::{JsonTrim, TrimLimits},
};

/// Bytes kept as they came, for messages about bodies that cannot be read.
const START: usize = 4096;

/// How much of a body is read and kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// Bytes read.
    pub(super) bytes: u64,
    /// What is kept of them.
    pub(super) kept: TrimLimits,
}

/// What came.
#[derive(Debug)]
pub(super) struct Body {
    /// The first bytes; all of them where it is short.
    first: Vec<u8>,
    kept: TrimLimits,
    /// How it ended.
    pub(super) end: End,
}

/// How the reading of a body ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is complete, and short enough to be kept as it came.
    Short,
    /// It is complete; this is its JSON, trimmed.
    Trimmed(String),
    /// It goes on past a limit. The rest was not read.
    TooLarge,
    /// The connection failed first, with these words.
    Cut(String),
    /// The time was over first.
    Late,
}

impl Body {
    /// The first bytes, as text.
    pub(super) fn start(&self) -> String {
        String::from_utf8_lossy(&self.first[..self.first.len().min(START)]).into_owned()
    }

    /// The JSON that it is, without the key; `None` if it is not complete or no JSON.
    pub(super) fn document(&self, redactor: &Redactor) -> Option<Document> {
        match &self.end {
            // What a usual parser does not take may be read once it is mended.
            End::Short => Document::read(&self.first, redactor).or_else(|| {
                let mut trim = JsonTrim::new(self.kept);
                trim.feed(&self.first).ok()?;
                Document::read_trimmed(&trim.finish().ok()?, redactor)
            }),
            End::Trimmed(json) => Document::read_trimmed(json, redactor),
            End::TooLarge | End::Cut(_) | End::Late => None,
        }
    }
}

/// Reads the body of an answer.
pub(super) async fn read(response: &mut Response, limits: BodyLimits, deadline: Instant) -> Body {
    let mut reading = Reading::new(limits);
    let end = read_to_end(response, &mut reading, deadline).await;
    reading.into_body(end)
}

/// Reads a body that is all there.
pub(super) fn read_whole(bytes: &[u8], limits: BodyLimits) -> Body {
    let mut reading = Reading::new(limits);
    let end = reading.take(bytes);
    reading.into_body(end)
}

async fn read_to_end(response: &mut Response, reading: &mut Reading, deadline: Instant) -> Result<(), End> {
    if response.content_length().is_some_and(|length| length > reading.left) {
        return Err(End::TooLarge);
    }
    loop {
        let chunk = timeout_at(deadline, response.chunk()).await.map_err(|_| End::Late)?;
        let Some(chunk) = chunk.map_err(|error| End::Cut(fault::words(error)))? else { return Ok(()) };
        reading.take(&chunk)?;
    }
}

/// A body of which more may come.
struct Reading {
    kept: TrimLimits,
    /// Bytes that may come yet.
    left: u64,
    /// Bytes up to which it is kept as it came.
    short: usize,
    first: Vec<u8>,
    /// Once it is longer than that.
    trim: Option<JsonTrim>,
}

impl Reading {
    fn new(limits: BodyLimits) -> Self {
        // A body of this length cannot hold a string or so many values that a limit is passed, however it is escaped.
        let TrimLimits { string, json, values } = limits.kept;
        let short = string.min(json / 6).min(values);
        Self { kept: limits.kept, left: limits.bytes, short, first: Vec::new(), trim: None }
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), End> {
        self.left = self.left.checked_sub(chunk.len() as u64).ok_or(End::TooLarge)?;
        if self.trim.is_none() {
            if self.first.len() + chunk.len() <= self.short {
                self.first.extend_from_slice(chunk);
                return Ok(());
            }
            let mut begun = JsonTrim::new(self.kept);
            begun.feed(&self.first).map_err(|_| End::TooLarge)?;
            self.first.truncate(START);
            self.trim = Some(begun);
        }
        let room = START.saturating_sub(self.first.len()).min(chunk.len());
        self.first.extend_from_slice(&chunk[..room]);
        match &mut self.trim {
            Some(trim) => trim.feed(chunk).map_err(|_| End::TooLarge),
            None => Ok(()),
        }
    }

    /// What came, whose reading ended so.
    fn into_body(self, end: Result<(), End>) -> Body {
        let complete = || match self.trim {
            None => End::Short,
            Some(trim) => trim.finish().map_or(End::TooLarge, End::Trimmed),
        };
        let end = end.map_or_else(|failed| failed, |()| complete());
        Body { first: self.first, kept: self.kept, end }
    }
}
