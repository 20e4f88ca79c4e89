//! The qga guest: commands go to real `qemu-ga` processes over their unix sockets, one agent a server.
//!
//! Nothing is kept here: pids, results that are told once and what is forgotten at a restart are the agents' own. A
//! command runs as `/bin/sh -c COMMAND` in whatever its agent is in, with that agent's rights and environment, and goes
//! on when the sandbox stops. How one request is carried to an agent and back is `exchange`'s.
//!
//! Source: QEMU `qga/qapi-schema.json`; Proxmox `src/PVE/API2/Qemu/Agent.pm` for what is asked when.

mod exchange;
#[cfg(test)]
pub(in crate::sandbox) mod scripted;

use std::{
    fs, io,
    os::unix::{fs::FileTypeExt as _, net::SocketAddr},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::IgnoredAny};

pub(in crate::sandbox) use self::exchange::Trouble;
use self::exchange::{Request, Socket};
use super::{Ended, Outcome, Output, Polled};

/// The agents of all servers, in the order of the servers.
pub(in crate::sandbox) struct QemuAgents {
    sockets: Vec<Socket>,
    cap: usize,
}

/// What `guest-exec` returns.
#[derive(Deserialize)]
struct Begun {
    pid: u32,
}

/// What `guest-exec-status` returns.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Status {
    exited: bool,
    exitcode: Option<i32>,
    signal: Option<i32>,
    out_data: Option<String>,
    err_data: Option<String>,
    out_truncated: Option<bool>,
    err_truncated: Option<bool>,
}

impl QemuAgents {
    /// Takes the first `count` sockets of the directory in the order of their names, or all of them. Whether an agent
    /// listens on a socket is only known when it is asked.
    ///
    /// # Errors
    /// Why there are no agents for so many servers.
    pub(in crate::sandbox) fn new(directory: &Path, count: Option<u32>, cap: usize) -> Result<Self, String> {
        let mut sockets = sockets(directory).map_err(|error| error.to_string())?;
        let found = sockets.len();
        if found == 0 {
            return Err(
                "there is no socket (start an agent: qemu-ga -m unix-listen -p DIR/1.sock)".to_owned()
            );
        }
        let count = count.map_or(found, |count| count as usize);
        if count > found {
            return Err(format!("{count} servers need a socket each; sockets found: {found}"));
        }
        sockets.truncate(count);
        if let Some((path, error)) =
            sockets.iter().find_map(|path| SocketAddr::from_pathname(path).err().map(|error| (path, error)))
        {
            return Err(format!("{}: {error}", path.display()));
        }
        Ok(Self { sockets: sockets.into_iter().map(Socket::new).collect(), cap })
    }

    /// How many there are.
    pub(in crate::sandbox) fn len(&self) -> u32 {
        u32::try_from(self.sockets.len()).unwrap_or(u32::MAX)
    }

    /// Whether the agent of this server answers a ping.
    pub(in crate::sandbox) async fn answers(&self, server: usize) -> bool {
        self.sockets[server].ask::<IgnoredAny>(Request::Ping).await.is_ok()
    }

    /// Has the agent of this server begin a command, and gives its pid.
    ///
    /// # Errors
    /// The agent's trouble. Where it is left unanswered, the command may have begun.
    pub(in crate::sandbox) async fn begin(&self, server: usize, command: &str) -> Result<u32, Trouble> {
        let request = Request::Exec { path: "/bin/sh", arg: ["-c", command], capture_output: true };
        self.sockets[server].ask(request).await.map(|Begun { pid }| pid)
    }

    /// Asks the agent of this server about a pid. It tells of an exit once.
    ///
    /// # Errors
    /// The agent's trouble. Where it is left unanswered, the result may be lost.
    pub(in crate::sandbox) async fn poll(&self, server: usize, pid: u32) -> Result<Polled, Trouble> {
        match self.sockets[server].ask::<Status>(Request::ExecStatus { pid }).await {
            Ok(status) => status.read(self.cap).map_err(Trouble::Unanswered),
            Err(Trouble::Refused(words)) if is_unknown_pid(&words) => Err(Trouble::UnknownPid(words)),
            Err(trouble) => Err(trouble),
        }
    }
}

/// How agents of several ages say that they do not know a pid.
fn is_unknown_pid(words: &str) -> bool {
    words == "Invalid parameter 'pid'" || words.starts_with("PID ") && words.ends_with(" does not exist")
}

impl Status {
    /// What it says of the command, with at most `cap` bytes of each stream.
    fn read(self, cap: usize) -> Result<Polled, String> {
        let ended = match (self.exited, self.exitcode, self.signal) {
            (false, ..) => return Ok(Polled::Running),
            (true, Some(code), _) => Ended::Exit(code),
            (true, None, Some(signal)) => Ended::Signal(signal),
            (true, None, None) => return Err("its answer does not say how the command ended".to_owned()),
        };
        let stream = |data: Option<String>, truncated: Option<bool>| {
            let bytes = STANDARD.decode(data.unwrap_or_default());
            let bytes = bytes.map_err(|error| format!("its answer cannot be read: {error}"))?;
            let kept = Output::capped(bytes, cap);
            Ok::<_, String>(Output { truncated: kept.truncated || truncated == Some(true), ..kept })
        };
        Ok(Polled::Exited(Outcome {
            ended,
            stdout: stream(self.out_data, self.out_truncated)?,
            stderr: stream(self.err_data, self.err_truncated)?,
        }))
    }
}

/// The sockets of a directory, sorted by name.
fn sockets(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut sockets = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        // A link to a socket is one too; what has gone meanwhile is none.
        if fs::metadata(&path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
            sockets.push(path);
        }
    }
    sockets.sort();
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::net::UnixListener;

    fn directory_of(names: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            UnixListener::bind(directory.path().join(name)).unwrap();
        }
        directory
    }

    fn read(status: serde_json::Value, cap: usize) -> Result<Polled, String> {
        serde_json::from_value::<Status>(status).unwrap().read(cap)
    }

    #[test]
    fn each_socket_is_a_server_in_the_order_of_names() {
        let directory = directory_of(&["b.sock", "a.sock", "c"]);
        fs::write(directory.path().join("a.pid"), "1").unwrap();
        let names: Vec<_> = sockets(directory.path()).unwrap();
        assert_eq!(names, ["a.sock", "b.sock", "c"].map(|name| directory.path().join(name)));
        let count = |wanted| QemuAgents::new(directory.path(), wanted, 1).map(|agents| agents.len());
        assert_eq!((count(None), count(Some(2))), (Ok(3), Ok(2)));
        assert_eq!(count(Some(4)), Err("4 servers need a socket each; sockets found: 3".to_owned()));
    }

    #[test]
    fn where_there_are_no_sockets_it_is_said() {
        let problem = |directory: &Path| QemuAgents::new(directory, None, 1).err().unwrap();
        assert!(problem(Path::new("/nowhere/at/all")).contains("No such file"));
        assert!(problem(directory_of(&[]).path()).starts_with("there is no socket"));
    }

    #[test]
    fn a_status_is_read_as_the_schema_has_it() {
        assert_eq!(read(json!({ "exited": false }), 9), Ok(Polled::Running));
        let status = json!({
            "exited": true, "exitcode": 3, "out-data": "AP8K", "err-data": "b29wcw==", "err-truncated": true
        });
        let output = |bytes: &[u8], truncated| Output { bytes: bytes.to_vec(), truncated };
        let exited = |ended, stdout, stderr| Ok(Polled::Exited(Outcome { ended, stdout, stderr }));
        assert_eq!(
            read(status.clone(), 9),
            exited(Ended::Exit(3), output(b"\0\xff\n", false), output(b"oops", true))
        );
        assert_eq!(read(status, 2), exited(Ended::Exit(3), output(b"\0\xff", true), output(b"oo", true)));
        let killed = json!({ "exited": true, "signal": 9, "out-truncated": false });
        assert_eq!(read(killed, 9), exited(Ended::Signal(9), Output::default(), Output::default()));
        assert!(read(json!({ "exited": true }), 9).is_err());
        assert!(read(json!({ "exited": true, "exitcode": 0, "out-data": "?" }), 9).is_err());
    }

    #[test]
    fn agents_of_all_ages_say_that_they_do_not_know_a_pid() {
        assert!(is_unknown_pid("Invalid parameter 'pid'") && is_unknown_pid("PID 7 does not exist"));
        assert!(!is_unknown_pid("Command guest-exec-status has been disabled"));
    }
}
