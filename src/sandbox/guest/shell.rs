//! The shell guest: commands really run on this machine, as `/bin/sh -c COMMAND`, each server in its own directory.
//!
//! Only for who asks for it by name. A command gets an empty environment but for `PATH`, `HOME` (its server's
//! directory) and `ROLLCALL_SANDBOX_HOST`, no standard input, and a process group of its own. As with qemu-ga, it is
//! over when it has been reaped and both its pipes are closed, so that a child left in the background keeps it going.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs, io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::Command,
    sync::Semaphore,
};

use super::{Ended, Outcome, Output, Work};

/// Runs commands for all servers of a sandbox. Dropping it kills what is left and removes the directories.
pub(in crate::sandbox) struct Shell {
    home: TempDir,
    cap: usize,
    /// Bounds how many commands run at once; the others wait, though their pid is already known.
    places: Arc<Semaphore>,
    groups: Arc<Mutex<HashSet<u32>>>,
}

impl Shell {
    /// Makes the directory that the servers' directories are in.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub(in crate::sandbox) fn new(at_once: usize, cap: usize) -> io::Result<Self> {
        let home = tempfile::Builder::new().prefix("rollcall-sandbox-").tempdir()?;
        Ok(Self { home, cap, places: Arc::new(Semaphore::new(at_once)), groups: Arc::default() })
    }

    /// Begins a command on the server of this id and name, on the current tokio runtime.
    pub(in crate::sandbox) fn begin(&self, id: &str, name: String, command: String) -> Work {
        let outcome = Arc::new(OnceLock::new());
        let (places, groups, told) = (self.places.clone(), self.groups.clone(), outcome.clone());
        let (directory, cap) = (self.home.path().join(id), self.cap);
        tokio::spawn(async move {
            let Ok(_place) = places.acquire_owned().await else { return };
            let done = run(&directory, &name, &command, cap, &groups).await;
            // Only this task sets it.
            drop(told.set(done.unwrap_or_else(|error| not_run(&error))));
        });
        Work::Elsewhere(outcome)
    }

    /// Lets nothing more begin and kills what still runs.
    pub(in crate::sandbox) fn stop(&self) {
        self.places.close();
        let mut victims: Vec<String> = {
            let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            groups.iter().map(|group| format!("-{group}")).collect()
        };
        victims.extend(left_behind(self.home.path()).iter().map(u32::to_string));
        if !victims.is_empty() {
            // The shell's own `kill`: where there is no shell, nothing was run.
            let killed = std::process::Command::new("/bin/sh")
                .args(["-c", r#"kill -s KILL -- "$@" 2>/dev/null"#, "sh"])
                .args(&victims)
                .status();
            tracing::debug!(?killed, count = victims.len(), "killed what the sandbox's guests still ran");
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn run(
    directory: &Path,
    name: &str,
    command: &str,
    cap: usize,
    groups: &Mutex<HashSet<u32>>,
) -> io::Result<Outcome> {
    fs::create_dir_all(directory)?;
    let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
    let mut child = Command::new("/bin/sh")
        .arg("-c")
        .arg(command)
        .current_dir(directory)
        .env_clear()
        .env("PATH", path)
        .env("HOME", directory)
        .env("ROLLCALL_SANDBOX_HOST", name)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let group = child.id();
    groups.lock().unwrap_or_else(PoisonError::into_inner).extend(group);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (status, stdout, stderr) = tokio::join!(child.wait(), capture(stdout, cap), capture(stderr, cap));
    if let Some(group) = group {
        groups.lock().unwrap_or_else(PoisonError::into_inner).remove(&group);
    }
    Ok(Outcome { ended: ended(status?), stdout, stderr })
}

/// Reads a pipe to its end, keeping the first `cap` bytes; the rest is read too, so that the writer is never blocked.
async fn capture(pipe: Option<impl AsyncRead + Unpin>, cap: usize) -> Output {
    let mut output = Output::default();
    let Some(mut pipe) = pipe else { return output };
    let mut chunk = vec![0; 8 << 10];
    while let Ok(read @ 1..) = pipe.read(&mut chunk).await {
        let kept = read.min(cap - output.bytes.len());
        output.bytes.extend_from_slice(&chunk[..kept]);
        output.truncated |= kept < read;
    }
    output
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, signal) => Ended::Signal(signal.unwrap_or(9)),
    }
}

/// What a command leaves whose shell could not even be made.
fn not_run(error: &io::Error) -> Outcome {
    let stderr = format!("sandbox: cannot run /bin/sh: {error}\n").into_bytes();
    Outcome {
        ended: Ended::Exit(126),
        stderr: Output { bytes: stderr, truncated: false },
        ..Outcome::default()
    }
}

/// The processes that still have one of our directories for a home: daemons that left their group, or whose command
/// is long over. Only where `/proc` tells; elsewhere groups must do.
fn left_behind(home: &Path) -> Vec<u32> {
    let marker = [b"HOME=", home.as_os_str().as_encoded_bytes()].concat();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())));
    let ours = |path: &PathBuf| {
        fs::read(path.join("environ")).is_ok_and(|environment| {
            environment.split(|byte| *byte == 0).any(|entry| entry.starts_with(&marker))
        })
    };
    pids.filter(|(_, path)| ours(path)).map(|(pid, _)| pid).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Agent, Polled};
    use super::*;
    use crate::sandbox::draw::Draw;
    use std::time::Duration;

    const ID: &str = "vps_1";

    fn shell() -> Shell {
        Shell::new(4, 1000).unwrap()
    }

    /// Waits for the runtime rather than for a while: every turn of the loop is a look at the command.
    async fn outcome(shell: &Shell, command: &str) -> Outcome {
        let mut agent = Agent::default();
        let pid = agent.begin(shell.begin(ID, "web-1".to_owned(), command.to_owned()), Draw::new(7));
        loop {
            match agent.poll(pid, Duration::ZERO, false) {
                Polled::Exited(outcome) => return outcome,
                Polled::Running => tokio::task::yield_now().await,
                Polled::Unknown => panic!("forgotten"),
            }
        }
    }

    fn text(output: &Output) -> &str {
        std::str::from_utf8(&output.bytes).unwrap()
    }

    #[tokio::test]
    async fn commands_really_run_with_real_codes_streams_and_signals() {
        let shell = shell();
        let done = outcome(&shell, "echo out; echo err >&2; exit 3").await;
        assert_eq!((done.ended, text(&done.stdout), text(&done.stderr)), (Ended::Exit(3), "out\n", "err\n"));
        assert_eq!(outcome(&shell, "kill -9 $$").await.ended, Ended::Signal(9));
        assert_eq!(outcome(&shell, "cat").await.ended, Ended::Exit(0), "no standard input");
    }

    #[tokio::test]
    async fn the_environment_and_the_directory_are_the_servers_own() {
        let shell = shell();
        let done =
            outcome(&shell, "env | cut -d= -f1 | sort | tr '\\n' ' '; echo $ROLLCALL_SANDBOX_HOST").await;
        assert_eq!(text(&done.stdout), "HOME PATH PWD ROLLCALL_SANDBOX_HOST web-1\n");
        outcome(&shell, "echo kept > file").await;
        assert_eq!(text(&outcome(&shell, "cat ~/file").await.stdout), "kept\n");
        let home = shell.home.path().to_owned();
        assert!(home.join(ID).join("file").exists());
        drop(shell);
        assert!(!home.exists());
    }

    #[tokio::test]
    async fn output_past_the_cap_is_read_and_dropped() {
        let done = outcome(&shell(), "yes | head -c 500000; echo done >&2").await;
        assert_eq!((done.stdout.bytes.len(), done.stdout.truncated), (1000, true));
        assert_eq!((text(&done.stderr), done.stderr.truncated), ("done\n", false));
    }

    #[tokio::test]
    async fn a_background_child_keeps_the_command_running_and_dies_with_the_sandbox() {
        let shell = shell();
        let work = shell.begin(ID, "web-1".to_owned(), "sleep 600 & echo $$ > pid".to_owned());
        let pid_file = shell.home.path().join(ID).join("pid");
        while fs::read_to_string(&pid_file).map_or(0, |text| text.len()) == 0 {
            tokio::task::yield_now().await;
        }
        let mut agent = Agent::default();
        let pid = agent.begin(work, Draw::new(7));
        assert_eq!(agent.poll(pid, Duration::ZERO, false), Polled::Running);
        shell.stop();
        loop {
            match agent.poll(pid, Duration::ZERO, false) {
                Polled::Running => tokio::task::yield_now().await,
                polled => break assert!(matches!(polled, Polled::Exited(_)), "{polled:?}"),
            }
        }
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_daemon_that_left_its_group_is_found_and_killed() {
        let shell = shell();
        outcome(&shell, "setsid sleep 600 </dev/null >/dev/null 2>&1 &").await;
        while left_behind(shell.home.path()).is_empty() {
            tokio::task::yield_now().await;
        }
        shell.stop();
        while !left_behind(shell.home.path()).is_empty() {
            tokio::task::yield_now().await;
        }
    }
}
