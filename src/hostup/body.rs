//! Reads a body to its end, or to what may be kept of it.

use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use super::{
    fault,
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
    /// The first bytes, as text.
    pub(super) start: String,
    /// How it ended.
    pub(super) end: End,
}

/// How the reading of a body ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is complete; this is its JSON, trimmed.
    Complete(String),
    /// It goes on past a limit. The rest was not read.
    TooLarge,
    /// The connection failed first, with these words.
    Cut(String),
    /// The time was over first.
    Late,
}

/// Reads the body of an answer.
pub(super) async fn read(mut response: Response, limits: BodyLimits, deadline: Instant) -> Body {
    let mut start = Vec::new();
    let end = read_to_end(&mut response, limits, deadline, &mut start).await;
    Body { start: String::from_utf8_lossy(&start).into_owned(), end: end.unwrap_or_else(|end| end) }
}

async fn read_to_end(
    response: &mut Response,
    limits: BodyLimits,
    deadline: Instant,
    start: &mut Vec<u8>,
) -> Result<End, End> {
    if response.content_length().is_some_and(|length| length > limits.bytes) {
        return Err(End::TooLarge);
    }
    let mut trim = JsonTrim::new(limits.kept);
    let mut left = limits.bytes;
    loop {
        let chunk = timeout_at(deadline, response.chunk()).await.map_err(|_| End::Late)?;
        let Some(chunk) = chunk.map_err(|error| End::Cut(fault::words(error)))? else { break };
        let room = START.saturating_sub(start.len()).min(chunk.len());
        start.extend_from_slice(&chunk[..room]);
        left = left.checked_sub(chunk.len() as u64).ok_or(End::TooLarge)?;
        trim.feed(&chunk).map_err(|_| End::TooLarge)?;
    }
    trim.finish().map(End::Complete).map_err(|_| End::TooLarge)
}
