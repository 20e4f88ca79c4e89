//! The four calls of a run, and what may come back.
//!
//! They say list, probe, start and poll, and no more: any provider of this shape fits. `hostup/` turns a
//! [`Call`] into HTTP and what comes back into a [`Reply`].

use std::{borrow::Cow, fmt, num::NonZeroU64, sync::Arc};

use serde::{Deserialize, Serialize};

use serde_json::Value;

use crate::{
    archive::Text,
    budget::{Operation, Signals},
    fleet::{Vps, VpsId},
};

/// Numbers the calls of one run, in sending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// One request of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// One page of the inventory.
    List {
        /// Where the page begins, as the page before said; `None` for the first.
        cursor: Option<String>,
    },
    /// Is the guest agent there?
    Probe {
        /// The VPS asked.
        vps: VpsId,
    },
    /// Start a command. The only call that changes anything, and so the only one never sent twice.
    Start {
        /// Where.
        vps: VpsId,
        /// The command, as the guest's shell gets it.
        command: Arc<str>,
    },
    /// Has it ended?
    Poll {
        /// Where.
        vps: VpsId,
        /// Which process.
        pid: Pid,
        /// The URL that the start gave, where it is one of ours; otherwise it is built from `vps` and `pid`.
        url: Option<PollUrl>,
    },
}

/// The path and query of a checked `pollUrl`: same origin and path as the one that rollcall would build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollUrl(pub String);

/// A process id in the guest: 1 to 2^53 − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Pid(NonZeroU64);

impl Pid {
    /// A pid, if the number can be one.
    pub fn new(number: u64) -> Option<Self> {
        if number < 1 << 53 { NonZeroU64::new(number).map(Self) } else { None }
    }

    /// The number.
    pub fn number(self) -> u64 {
        self.0.get()
    }
}

impl TryFrom<u64> for Pid {
    type Error = &'static str;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("not a process id")
    }
}

impl From<Pid> for u64 {
    fn from(pid: Pid) -> Self {
        pid.number()
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What came back for a call: what it says about the budget, and the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// For the budget, whatever the answer was; empty where none came.
    pub signals: Signals,
    /// What the answer was.
    pub answer: Answer,
}

/// The answer to a call, in the terms that decide what happens next.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To [`Call::List`].
    Listed(Page),
    /// To [`Call::Probe`].
    Probed(Availability),
    /// To [`Call::Start`]: 2xx. The command runs, whether or not it can be followed.
    Started(Started),
    /// To [`Call::Poll`].
    Polled(PollAnswer),
    /// No usable answer.
    Failed(Failure),
}

impl Answer {
    /// Whether anything came from the server, whatever it was.
    pub fn is_the_servers(&self) -> bool {
        !matches!(
            self,
            Self::Failed(Failure::Unsent { .. } | Failure::NoReply { .. } | Failure::Unrecorded { .. })
        )
    }
}

/// One page of the inventory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The VPSes on it.
    pub vpses: Vec<Vps>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// What a probe said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Availability {
    /// Whether commands can be run; anything but a clear yes is no.
    pub available: bool,
    /// The server's words for why not. Shown, never branched on.
    pub reason: Option<String>,
}

/// What an accepted start said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The process; `None` if the answer named none that is usable: it runs, but cannot be followed.
    pub pid: Option<Pid>,
    /// The server's own URL for polls, where it may be used.
    pub url: Option<PollUrl>,
    /// The start of the raw answer, kept where `pid` is `None`.
    pub raw: Option<String>,
    /// A `pollUrl` that was not used, because it was not ours.
    pub foreign_url: bool,
}

/// What a poll said.
#[derive(Debug, Clone, PartialEq)]
pub enum PollAnswer {
    /// Still running.
    Running,
    /// The probe's shape: the server did not look at the pid.
    Probe,
    /// It names another pid than the one asked for.
    OtherPid,
    /// It has ended. For a guest agent this answer is the only one: asked again, it has forgotten.
    Exited(Exited),
}

/// How a command ended, and what it printed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exited {
    /// The exit code; `None` where a signal ended it or the server gave none that can be read.
    pub exit_code: Option<i64>,
    /// The signal (on Windows also an NTSTATUS) that ended it.
    pub signal: Option<i64>,
    /// What it wrote to standard output.
    pub stdout: Stream,
    /// What it wrote to standard error.
    pub stderr: Stream,
}

/// One output stream of a command.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stream {
    /// The text, byte for byte as the API gave it, up to the cap: then its head and its tail.
    pub text: Text,
    /// Something is missing: the server said so, or rollcall kept head and tail only.
    pub truncated: bool,
    /// Bytes that were not UTF-8 were replaced.
    pub lossy: bool,
}

impl Stream {
    /// The text, for people to read: where it is lost, a line that says how much is left out.
    pub fn shown(&self) -> Cow<'_, str> {
        self.text.read().unwrap_or_else(|_| Self::left_out(self.text.len()).into())
    }

    /// What stands where `bytes` bytes were left out of a text.
    pub fn left_out(bytes: usize) -> String {
        format!("{LEFT_OUT}{bytes} bytes left out …]\n")
    }

    /// Where something was left out of a text, as far as the text says so.
    pub fn gap(text: &str) -> Option<usize> {
        text.find(LEFT_OUT)
    }
}

/// How a line begins that stands for what was left out.
const LEFT_OUT: &str = "\n[… ";

/// Why a call brought nothing usable, by what it proves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Failure {
    /// No connection was made (refused, DNS, TLS): not a byte of the request left.
    Unsent {
        /// The library's words.
        message: String,
    },
    /// The request may have been received: reset, timed out, cut off, not readable as HTTP.
    NoReply {
        /// The library's words.
        message: String,
    },
    /// 429: not carried out.
    Throttled(Problem),
    /// Any other status that is not 2xx, 3xx included.
    Refused(Problem),
    /// 2xx, but the body is not what the call asks for (not JSON, no list, …).
    Unreadable {
        /// What is wrong with it.
        message: String,
    },
    /// The body went past the hard cap and was dropped.
    TooLarge,
    /// Not a byte left, for what was about to be sent could not be written down.
    Unrecorded {
        /// Why.
        message: String,
    },
}

/// What a non-2xx answer said about itself (RFC 9457, formerly RFC 7807), as far as it did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Problem {
    /// The HTTP status; a `status` in the body is not trusted.
    pub status: u16,
    /// A stable code (`vps_not_found`).
    pub code: Option<String>,
    /// A few words.
    pub title: Option<String>,
    /// A sentence.
    pub detail: Option<String>,
    /// What support will ask for.
    pub request_id: Option<String>,
    /// The body was HTML: something in front of the API answered.
    pub html: bool,
    /// The method and path that were asked (`GET /api/v2/vps`).
    pub endpoint: String,
}

impl fmt::Display for Problem {
    /// `409 vps_not_ready: VPS is not ready (request req_…)`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.status)?;
        if let Some(code) = &self.code {
            write!(formatter, " {code}")?;
        }
        if let Some(words) = self.detail.as_ref().or(self.title.as_ref()) {
            write!(formatter, ": {words}")?;
        } else if self.html {
            formatter.write_str(": an HTML page, so something in front of the API answered")?;
        }
        if let Some(id) = &self.request_id {
            write!(formatter, " (request {id})")?;
        }
        Ok(())
    }
}

impl Call {
    /// What it does.
    pub fn operation(&self) -> Operation {
        match self {
            Self::List { .. } => Operation::List,
            Self::Probe { .. } => Operation::Probe,
            Self::Start { .. } => Operation::Start,
            Self::Poll { .. } => Operation::Poll,
        }
    }

    /// The VPS it is about; `None` for a listing.
    pub fn vps(&self) -> Option<&VpsId> {
        match self {
            Self::List { .. } => None,
            Self::Probe { vps } | Self::Start { vps, .. } | Self::Poll { vps, .. } => Some(vps),
        }
    }
}

impl Answer {
    /// A page of VPSes, from plain JSON objects: for tests and models.
    pub fn page(items: impl IntoIterator<Item = Value>, next: Option<String>) -> Self {
        let vpses = items
            .into_iter()
            .filter_map(|item| match item {
                Value::Object(fields) => Some(Vps::new(fields)),
                _ => None,
            })
            .collect();
        Self::Listed(Page { vpses, next })
    }
}
