//! What an answer says about the budget, whatever else it says.

use std::time::Duration;

/// A moment on the server's clock: time since the Unix epoch.
///
/// It is comparable with other server times only; the offset to the run's time is learned from `Date` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerTime(pub Duration);

/// The budget-related part of one answer. Every field may be missing: no header is promised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// The answer was a 429: the request was not carried out.
    pub throttled: bool,
    /// `Retry-After` (RFC 9110 §10.2.3).
    pub retry_after: Option<RetryAfter>,
    /// `X-RateLimit-Limit`: requests a window.
    pub limit: Option<u64>,
    /// `X-RateLimit-Remaining`: requests left in this window.
    pub remaining: Option<u64>,
    /// `X-RateLimit-Reset`: when the window ends.
    pub reset: Option<Reset>,
    /// `Date`, in whole seconds: the server's clock when it answered.
    pub date: Option<ServerTime>,
}

/// `Retry-After`, in either of its forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// Seconds from the answer. An absurdly large number is kept as [`Duration::MAX`].
    In(Duration),
    /// An HTTP date, to be read against the answer's own `Date`.
    At(ServerTime),
}

/// `X-RateLimit-Reset`: HostUp documents an ISO timestamp; other forms in use are read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// A small number: seconds from the answer.
    In(Duration),
    /// An ISO timestamp, or an epoch in seconds.
    At(ServerTime),
}
