//! What goes wrong, and when: the faults file.
//!
//! A YAML list of rules. Each rule counts the requests that it matches, and for some of them it fires. Where several
//! rules fire on one request, the first in the file wins; all of them count it. Requests refused by the rate limit or
//! for their key are not seen by rules.
//!
//! ```yaml
//! - on: start            # list, probe, start, poll, other, any (the default), or a list of them
//!   target: "web-*"      # only VPSes whose name or id this glob matches
//!   nth: [3, 5]          # the third and fifth matching request; or every: 4; or percent: 2.5; or else all
//!   times: 2             # at most so often
//!   per_target: true     # nth, every, times count each VPS by itself
//!   fault: reset-after
//! - on: poll
//!   every: 10
//!   fault: status 503
//!   headers: { Retry-After: "1" }     # set on the answer, also without a fault; "" takes a header away
//! ```
//!
//! | fault | what happens |
//! |---|---|
//! | `503`, `status 409 upstream_failed` | this problem is answered, the code being optional |
//! | `html 502` | the same as a proxy's page |
//! | `redirect [URL]` | a 302 to another origin |
//! | `reply 200 {"exited":1}` | this status and body, as JSON |
//! | `reset-before` | the connection is reset and nothing is done |
//! | `reset-after` | the request is done (**the command has started**), then the connection is reset |
//! | `hang` | the request is done and never answered |
//! | `delay 3s` | the request is done, the answer leaves so much later |
//! | `truncate` | the body ends after half of its `Content-Length` |
//! | `wrong-type` | the JSON body is called `text/html` |
//! | `trickle [1s]` | the body comes a byte at a time, each so long after the other |
//! | `agent-off`, `stopped` | the VPS is found so by this request |
//! | `blocked` | a start is refused as a blocked command |
//! | `exec-forbidden` | a start fails since the guest's agent forbids exec; probes still say available |
//! | `freeze 2s` | the guest's file systems freeze now: starts and polls fail so long, probes do not |
//! | `forget [5s]` | the guest reboots now: all pids are forgotten, the agent is off so long (default 0) |
//! | `empty-page`, `repeat-cursor`, `overlap` | a listing's page has no items but a next cursor, gives the cursor it was asked with, or begins with the last server of the page before |
//!
//! With guest `qga` the real agents know nothing of it: `freeze` and `forget` only keep requests from them so long.
//!
//! `after: true` makes the first four (up to `reply`) happen after the request was done. Chance comes from the
//! sandbox's seed: the same seed and order of requests meets the same faults.

mod injector;
mod written;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use axum::http::{HeaderName, HeaderValue};
use globset::GlobMatcher;

pub(super) use self::injector::Injector;
use self::written::Written;
use super::request::Operation;

/// The rules of a faults file; by default none.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
}

/// A faults file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FaultsError {
    /// It cannot be read.
    #[error("cannot read {}: {problem}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        problem: io::Error,
    },
    /// It is not a list of rules.
    #[error("not a list of fault rules: {0}")]
    Yaml(String),
    /// A rule makes no sense.
    #[error("rule {number}: {problem}")]
    Rule {
        /// Which, from 1.
        number: usize,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

/// One rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    on: Vec<Operation>,
    target: Option<GlobMatcher>,
    when: When,
    times: Option<u64>,
    per_target: bool,
    /// Whether the request is done before an answer is put in place of its own.
    pub(super) after: bool,
    /// Headers to set on the answer; `None` takes one away.
    pub(super) headers: Vec<(HeaderName, Option<HeaderValue>)>,
    pub(super) fault: Fault,
    /// The fault as the file has it, for the journal.
    pub(super) text: String,
}

/// Which of the matching requests a rule fires for.
#[derive(Clone, Debug)]
enum When {
    Always,
    Every(u64),
    Nth(Vec<u64>),
    Percent(f64),
}

/// What goes wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing, besides headers.
    Nothing,
    Status {
        status: u16,
        code: Option<String>,
    },
    Html {
        status: u16,
    },
    Redirect {
        to: String,
    },
    Reply {
        status: u16,
        body: String,
    },
    Reset,
    Hang,
    Delay(Duration),
    Truncate,
    WrongType,
    Trickle(Duration),
    Guest(GuestFault),
    Page(PageFault),
}

/// A fault of the machine that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GuestFault {
    AgentOff,
    Stopped,
    Blocked,
    ExecForbidden,
    Freeze(Duration),
    Forget(Duration),
}

/// A fault of a listing's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageFault {
    Empty,
    RepeatCursor,
    Overlap,
}

impl Faults {
    /// Reads a faults file.
    ///
    /// # Errors
    /// The file cannot be read, is not YAML of the documented form, or a rule makes no sense.
    pub fn load(path: &Path) -> Result<Self, FaultsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|problem| FaultsError::Read { path: path.to_owned(), problem })?;
        text.parse()
    }
}

impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Self, FaultsError> {
        let written: Option<Vec<Written>> =
            serde_yaml::from_str(text).map_err(|error| FaultsError::Yaml(error.to_string()))?;
        let rules = (1..)
            .zip(written.unwrap_or_default())
            .map(|(number, rule)| rule.check().map_err(|problem| FaultsError::Rule { number, problem }))
            .collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
