//! The journal: what was asked and what ran, one JSON line each, so that a test can prove both.
//!
//! A line is one write to a file opened for appending, unbuffered: whatever ends the server, only the last line can
//! be half. What says that a command began is on the disk before the answer leaves: it is what a client's own account
//! is held against. The key is never written. Times are whole milliseconds since the server's start.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Serialize, Serializer};

/// An open journal.
pub(super) struct Journal(Mutex<File>);

/// A line of the journal.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum Line<'a> {
    /// A request was received, and answered unless `status` is null.
    Request(Box<Received>),
    /// A guest accepted a command, so that it runs. Written before the answer leaves.
    #[serde(rename_all = "camelCase")]
    Began {
        #[serde(serialize_with = "milliseconds")]
        at: Duration,
        vps: &'a str,
        name: &'a str,
        command: &'a str,
        pid: u32,
    },
    /// A poll found that a command has ended. Written before the answer leaves, which may be lost.
    #[serde(rename_all = "camelCase")]
    Ended {
        #[serde(serialize_with = "milliseconds")]
        at: Duration,
        vps: &'a str,
        pid: u32,
        exit_code: Option<i32>,
        signal: Option<i32>,
    },
}

/// A request as the journal tells it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Received {
    /// When the rate limit judged it.
    #[serde(serialize_with = "milliseconds")]
    pub(super) at: Duration,
    /// Its number, from 1, in the order of arrival; lines are in the order of answers.
    pub(super) seq: u64,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) operation: &'static str,
    /// The VPS as the path names it, known or not.
    pub(super) vps: Option<String>,
    /// Null where no answer was given: a reset, a hang, or a client that left first.
    pub(super) status: Option<u16>,
    pub(super) command: Option<String>,
    /// The pid that a start gave, or that a poll asked for.
    pub(super) pid: Option<u32>,
    pub(super) fault: Option<String>,
    /// Seconds that the limiter sent the client away for, rounded up, shown to it or not; or what a fault's
    /// `Retry-After` said.
    pub(super) retry_after: Option<u64>,
    pub(super) user_agent: Option<String>,
}

fn milliseconds<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(at.as_millis()).unwrap_or(u64::MAX))
}

impl Journal {
    /// Opens the file, making it if needed; lines are appended.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }

    /// Appends a line. A disk that takes no more is told once, on the log, and does not stop the server.
    pub(super) fn write(&self, line: &Line) {
        let Ok(mut text) = serde_json::to_vec(line) else { return };
        text.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut written = file.write_all(&text);
        if let Line::Began { .. } = line {
            written = written.and_then(|()| file.sync_data());
        }
        if let Err(error) = written {
            tracing::warn!(%error, "the sandbox's journal could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_documented_keys() {
        let request = Received { at: Duration::from_micros(1500), seq: 1, ..Received::default() };
        assert_eq!(
            serde_json::to_string(&Line::Request(Box::new(request))).unwrap(),
            r#"{"kind":"request","at":1,"seq":1,"method":"","path":"","query":null,"operation":"","vps":null,"status":null,"command":null,"pid":null,"fault":null,"retryAfter":null,"userAgent":null}"#
        );
        let began = Line::Began { at: Duration::ZERO, vps: "vps_1", name: "web-1", command: "id", pid: 4 };
        assert_eq!(
            serde_json::to_string(&began).unwrap(),
            r#"{"kind":"began","at":0,"vps":"vps_1","name":"web-1","command":"id","pid":4}"#
        );
        let ended =
            Line::Ended { at: Duration::ZERO, vps: "vps_1", pid: 4, exit_code: Some(3), signal: None };
        assert_eq!(
            serde_json::to_string(&ended).unwrap(),
            r#"{"kind":"ended","at":0,"vps":"vps_1","pid":4,"exitCode":3,"signal":null}"#
        );
    }

    #[test]
    fn lines_are_appended_whole_and_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        std::fs::write(&path, "{}\n").unwrap();
        let journal = Journal::open(&path).unwrap();
        journal.write(&Line::Began { at: Duration::ZERO, vps: "v", name: "n", command: "a\nb", pid: 1 });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!((text.lines().count(), text.ends_with('\n')), (2, true));
    }
}
