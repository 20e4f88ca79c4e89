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
pub(super) async fn read(mut response: Response, limits: BodyLimits, deadline: Instant) -> Body {
    let mut first = Vec::new();
    let end = read_to_end(&mut response, limits, deadline, &mut first).await;
    Body { first, kept: limits.kept, end: end.unwrap_or_else(|end| end) }
}

async fn read_to_end(
    response: &mut Response,
    limits: BodyLimits,
    deadline: Instant,
    first: &mut Vec<u8>,
) -> Result<End, End> {
    if response.content_length().is_some_and(|length| length > limits.bytes) {
        return Err(End::TooLarge);
    }
    // A body of this length cannot hold a string or so many values that a limit is passed, however it is escaped.
    let TrimLimits { string, json, values } = limits.kept;
    let short = string.min(json / 6).min(values);
    let mut trim = None;
    let mut left = limits.bytes;
    loop {
        let chunk = timeout_at(deadline, response.chunk()).await.map_err(|_| End::Late)?;
        let Some(chunk) = chunk.map_err(|error| End::Cut(fault::words(error)))? else { break };
        left = left.checked_sub(chunk.len() as u64).ok_or(End::TooLarge)?;
        if trim.is_none() && first.len() + chunk.len() <= short {
            first.extend_from_slice(&chunk);
            continue;
        }
        if trim.is_none() {
            let mut begun = JsonTrim::new(limits.kept);
            begun.feed(first).map_err(|_| End::TooLarge)?;
            first.truncate(START);
            trim = Some(begun);
        }
        let room = START.saturating_sub(first.len()).min(chunk.len());
        first.extend_from_slice(&chunk[..room]);
        if let Some(trim) = &mut trim {
            trim.feed(&chunk).map_err(|_| End::TooLarge)?;
        }
    }
    match trim {
        None => Ok(End::Short),
        Some(trim) => trim.finish().map(End::Trimmed).map_err(|_| End::TooLarge),
    }
}
