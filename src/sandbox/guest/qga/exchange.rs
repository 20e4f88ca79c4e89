//! One exchange with a `qemu-ga` on its unix socket: a line of JSON to it, a line of JSON from it.
//!
//! An agent talks to one client at a time, so each exchange waits for its turn and has a connection of its own. Behind
//! the socket of a virtual machine there is one line for all connections, and the answer to an earlier request that was
//! given up may still come: so `guest-sync-delimited` goes first, and nothing is believed until its own answer is back.
//! Time and bytes are bounded. What is asked, and what the answers mean, is `super`'s.
//!
//! Source: QEMU `qga/qapi-schema.json`, guest-sync-delimited and guest-exec.

use std::{io, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Take},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::Mutex,
    time::timeout,
};

/// How long an agent may take to be there: as long as Proxmox waits for the ping that it sends before each command.
pub(super) const IN_STEP: Duration = Duration::from_secs(3);
/// How long it may take to answer: Proxmox's usual time.
pub(super) const ANSWER: Duration = Duration::from_secs(5);
/// The longest line that is read: two streams at the agent's cap of 16 MiB are 43 MiB of base64.
const LONGEST_LINE: u64 = 64 << 20;
/// What an agent writes before the answer to `guest-sync-delimited`, and what makes it forget half a request.
const MARK: u8 = 0xFF;

/// The socket of one agent.
pub(super) struct Socket {
    path: PathBuf,
    turn: Mutex<()>,
}

/// What an agent can be asked.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "execute", content = "arguments", rename_all_fields = "kebab-case")]
pub(super) enum Request<'a> {
    #[serde(rename = "guest-sync-delimited")]
    Sync { id: u32 },
    #[serde(rename = "guest-ping")]
    Ping,
    #[serde(rename = "guest-exec")]
    Exec { path: &'a str, arg: [&'a str; 2], capture_output: bool },
    #[serde(rename = "guest-exec-status")]
    ExecStatus { pid: u32 },
}

/// Why an agent gave no result.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Trouble {
    /// It is not there, or busy. Of what it was to be asked nothing was sent.
    Away,
    /// It was asked and gave no answer that can be read, for this reason; it may have done what was asked.
    Unanswered(String),
    /// It says that it cannot, in its own words.
    Refused(String),
    /// The same of a pid that it does not know, or no longer.
    UnknownPid(String),
}

#[derive(Deserialize)]
struct Reply<T> {
    r#return: Option<T>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    desc: String,
}

impl Socket {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, turn: Mutex::default() }
    }

    /// Asks the agent, and gives what it returns.
    ///
    /// # Errors
    /// Every [`Trouble`] but the unknown pid, which only a pid's asker can tell.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, Trouble> {
        let opened = timeout(IN_STEP, async {
            let turn = self.turn.lock().await;
            Line::open(&self.path).await.map(|line| (turn, line))
        });
        let (turn, mut line) = match opened.await {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => {
                tracing::debug!(%error, socket = %self.path.display(), "the guest agent is not there");
                return Err(Trouble::Away);
            }
            Err(_) => return Err(Trouble::Away),
        };
        let answer = match timeout(ANSWER, line.exchange(request)).await {
            Ok(answer) => answer.map_err(|error| Trouble::Unanswered(error.to_string()))?,
            Err(_) => return Err(Trouble::Unanswered("got timeout".to_owned())),
        };
        drop((line, turn));
        match serde_json::from_slice(&answer) {
            Ok(Reply { error: Some(Refusal { desc }), .. }) => Err(Trouble::Refused(desc)),
            Ok(Reply { r#return: Some(result), .. }) => Ok(result),
            Ok(Reply { .. }) => Err(Trouble::Unanswered("its answer says nothing".to_owned())),
            Err(error) => Err(Trouble::Unanswered(format!("its answer cannot be read: {error}"))),
        }
    }
}

/// A connection that is in step: the next line is the answer to the next request.
struct Line {
    from: Take<BufReader<OwnedReadHalf>>,
    to: OwnedWriteHalf,
}

impl Line {
    async fn open(path: &PathBuf) -> io::Result<Self> {
        let (from, to) = UnixStream::connect(path).await?.into_split();
        let mut line = Self { from: BufReader::new(from).take(0), to };
        // Not from the sandbox's seed: two sandboxes with the same one must not take each other's answers.
        let id = rand::random();
        line.to.write_all(&[MARK]).await?;
        line.send(Request::Sync { id }).await?;
        loop {
            let text = line.next().await?;
            let Some(mark) = text.iter().rposition(|byte| *byte == MARK) else { continue };
            let ours = |reply: Reply<u32>| reply.r#return == Some(id);
            if serde_json::from_slice(&text[mark + 1..]).is_ok_and(ours) {
                return Ok(line);
            }
        }
    }

    async fn exchange(&mut self, request: Request<'_>) -> io::Result<Vec<u8>> {
        self.send(request).await?;
        self.next().await
    }

    async fn send(&mut self, request: Request<'_>) -> io::Result<()> {
        let mut text = serde_json::to_vec(&request)?;
        text.push(b'\n');
        self.to.write_all(&text).await
    }

    async fn next(&mut self) -> io::Result<Vec<u8>> {
        self.from.set_limit(LONGEST_LINE);
        let mut line = Vec::new();
        self.from.read_until(b'\n', &mut line).await?;
        match line.last() {
            Some(b'\n') => Ok(line),
            _ if self.from.limit() == 0 => Err(io::Error::other("its answer is too long")),
            _ => Err(io::Error::other("it has gone before it answered")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{self, Scripted};
    use super::*;
    use serde::de::IgnoredAny;
    use serde_json::{Value, json};

    fn refused(words: &str) -> Value {
        json!({ "error": { "class": "GenericError", "desc": words } })
    }

    async fn ping(agent: &Scripted) -> Result<Value, Trouble> {
        Socket::new(agent.path.clone()).ask(Request::Ping).await
    }

    #[test]
    fn requests_are_written_as_the_schema_has_them() {
        let text = |request| serde_json::to_string(&request).unwrap();
        assert_eq!(text(Request::Ping), r#"{"execute":"guest-ping"}"#);
        assert_eq!(
            text(Request::Exec { path: "/bin/sh", arg: ["-c", "id"], capture_output: true }),
            r#"{"execute":"guest-exec","arguments":{"path":"/bin/sh","arg":["-c","id"],"capture-output":true}}"#
        );
        assert_eq!(
            text(Request::ExecStatus { pid: 7 }),
            r#"{"execute":"guest-exec-status","arguments":{"pid":7}}"#
        );
    }

    #[tokio::test]
    async fn a_stale_answer_is_never_taken_for_ours() {
        let agent = Scripted::with_stale(
            b"{\"return\": {\"pid\": 1}}\n\xff{\"return\": 1}\n{\"return\": {\"pi\xff",
            |_| Some(json!({ "return": { "pid": 2 } })),
        );
        assert_eq!(ping(&agent).await, Ok(json!({ "pid": 2 })));
    }

    #[tokio::test]
    async fn what_the_agent_says_is_told_in_its_own_words() {
        let agent = Scripted::start(|_| Some(refused("Command guest-exec has been disabled")));
        assert_eq!(
            ping(&agent).await,
            Err(Trouble::Refused("Command guest-exec has been disabled".to_owned()))
        );
        let agent = Scripted::start(|_| Some(json!({})));
        assert_eq!(ping(&agent).await, Err(Trouble::Unanswered("its answer says nothing".to_owned())));
    }

    #[tokio::test]
    async fn an_agent_that_is_not_there_is_away() {
        let directory = tempfile::tempdir().unwrap();
        let socket = Socket::new(directory.path().join("none.sock"));
        assert_eq!(socket.ask::<IgnoredAny>(Request::Ping).await.err(), Some(Trouble::Away));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_agent_is_waited_for_three_seconds_and_five_once_it_was_asked() {
        let listener = scripted::bind();
        let start = tokio::time::Instant::now();
        let socket = Socket::new(listener.path.clone());
        assert_eq!(socket.ask::<IgnoredAny>(Request::Ping).await.err(), Some(Trouble::Away));
        assert_eq!(start.elapsed().as_secs(), 3);

        let agent = Scripted::start(|_| None);
        let start = tokio::time::Instant::now();
        assert_eq!(ping(&agent).await, Err(Trouble::Unanswered("got timeout".to_owned())));
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_given_up() {
        let length = usize::try_from(LONGEST_LINE).unwrap();
        let agent = Scripted::start(move |_| Some(json!({ "return": "x".repeat(length) })));
        assert_eq!(ping(&agent).await, Err(Trouble::Unanswered("its answer is too long".to_owned())));
    }

    #[tokio::test]
    async fn requests_to_one_agent_wait_for_their_turn() {
        let agent = Scripted::start(|_| Some(json!({ "return": {} })));
        let socket = Socket::new(agent.path.clone());
        let asked = (0..50).map(|_| socket.ask::<IgnoredAny>(Request::Ping));
        assert!(futures::future::join_all(asked).await.iter().all(Result::is_ok));
        assert_eq!(agent.most_at_once(), 1);
    }
}
