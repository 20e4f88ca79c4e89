//! One process that runs, or goes on with a run, and is killed or not.

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rand::{RngExt as _, rngs::StdRng};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, config::DbConfig};

use super::{Place, Trouble, judge::Report, playbook::Playbook, server::Server};

/// How long a process may take before the round is given up: faults have it wait for half a minute, several times.
const PATIENCE: Duration = Duration::from_secs(400);

/// The most milliseconds after which one is killed: a run without faults takes about as long.
const LATEST: u64 = 900;

/// The named places at which a debug build dies.
pub(super) const PLACES: [&str; 7] = [
    "before_intent",
    "after_intent",
    "after_reply",
    "after_pid",
    "after_poll",
    "after_result",
    "before_report",
];

/// When a process is killed.
pub(super) struct Kill {
    pub(super) place: &'static str,
    how: How,
}

enum How {
    After(Duration),
    /// At the so manieth passage of its place.
    At(u32),
}

impl Kill {
    pub(super) fn draw(random: &mut StdRng, only: Option<&'static str>, points: bool) -> Self {
        if points && (only.is_some() || random.random_bool(0.5)) {
            let place = only.unwrap_or(PLACES[random.random_range(0..PLACES.len())]);
            // Where one place is asked for, it is to be reached; otherwise more often early than late, for there is less to
            // do each time.
            let most = if only.is_some() { 5 } else { random.random_range(1..=50) };
            let number = if place == "before_report" { 1 } else { random.random_range(1..=most) };
            return Self { place, how: How::At(number) };
        }
        Self { place: "some time", how: How::After(Duration::from_millis(random.random_range(0..LATEST))) }
    }
}

/// How a process ended.
pub(super) enum End {
    Killed,
    /// With this code, and this report if there is one.
    Exited(i32, Option<Report>),
}

/// What all processes of a run have in common.
pub(super) struct Attempt<'a> {
    place: &'a Place,
    server: &'a Server,
    playbook: &'a Playbook,
    file: PathBuf,
}

impl<'a> Attempt<'a> {
    pub(super) fn of(place: &'a Place, server: &'a Server, playbook: &'a Playbook) -> Result<Self, Trouble> {
        let file = place.file(&format!("{}.yaml", playbook.name));
        fs::write(&file, &playbook.text)?;
        Ok(Self { place, server, playbook, file })
    }

    /// The id of the run, if it is on record that it got so far as to know whom it is for.
    pub(super) fn run_on_record(&self) -> Result<Option<String>, Trouble> {
        let path = self.place.state().join("rollcall.db");
        if !path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        // What a killed process left in the log is for the next one to find.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            return Ok(None);
        }
        let query =
            "SELECT id FROM run WHERE playbook_name = ?1 AND tally IS NOT NULL ORDER BY number DESC LIMIT 1";
        Ok(connection.query_row(query, [&self.playbook.name], |row| row.get(0)).optional()?)
    }

    /// Begins the run, or goes on with it.
    pub(super) fn go(&self, run: Option<&str>, kill: Option<&Kill>) -> Result<End, Trouble> {
        let mut command = rollcall();
        match run {
            None => command.arg("run").arg(&self.file).args(["--api-url", &self.server.url]),
            Some(run) => command.args(["resume", run]),
        };
        command.arg("--api-key-file").arg(self.place.key());
        self.perform(command, kill)
    }

    /// Shows what is on record of the run.
    pub(super) fn show(&self, run: &str) -> Result<End, Trouble> {
        let mut command = rollcall();
        command.args(["show", run]);
        match self.perform(command, None)? {
            End::Exited(0, report) => Ok(End::Exited(0, report)),
            _ => Err("the run cannot be shown".into()),
        }
    }

    fn perform(&self, mut command: Command, kill: Option<&Kill>) -> Result<End, Trouble> {
        let (out, err) = (
            self.place.file(&format!("{}.out", self.playbook.name)),
            self.place.file(&format!("{}.err", self.playbook.name)),
        );
        command.args(["-o", "json", "--state-dir"]).arg(self.place.state());
        command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?);
        let mut latest = PATIENCE;
        match kill.map(|kill| (&kill.how, kill.place)) {
            Some((How::At(number), place)) => {
                command.env("ROLLCALL_FAILPOINT", format!("{place}:{number}"));
            }
            Some((How::After(time), _)) => latest = *time,
            None => {}
        }
        let (status, was_late) = wait(&mut command.spawn()?, latest)?;
        let told = || fs::read_to_string(&err).unwrap_or_default();
        if status.signal() == Some(9) {
            return if latest == PATIENCE && was_late {
                Err(format!("a process did not end; it said: {}", told()).into())
            } else {
                Ok(End::Killed)
            };
        }
        let code = status.code().ok_or_else(|| format!("ended by {status}"))?;
        if told().contains("panicked") || code == 70 {
            return Err(format!("exit code {code}: {}", told()).into());
        }
        // What begins with an error has no report.
        Ok(End::Exited(code, serde_json::from_str(&fs::read_to_string(&out)?).ok()))
    }
}

/// Whether this build dies at named places.
pub(crate) fn has_failpoints() -> Result<bool, Trouble> {
    let mut command = rollcall();
    command.args(["exec", "--sandbox", "1,fleet=uniform,rate=none", "--no-store", "--", "true"]);
    command.env("ROLLCALL_FAILPOINT", "before_report:1").stdout(Stdio::null()).stderr(Stdio::null());
    Ok(wait(&mut command.spawn()?, PATIENCE)?.0.signal() == Some(9))
}

fn rollcall() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollcall"));
    for name in
        ["ROLLCALL_FAILPOINT", "RUST_LOG", "ROLLCALL_STATE_DIR", "HOSTUP_API_KEY", "HOSTUP_API_KEY_FILE"]
    {
        command.env_remove(name);
    }
    command
}

/// Waits for a process, and kills it when it has not ended by `latest`; says whether that was so.
#[expect(clippy::disallowed_methods, reason = "another process is watched, on the machine's own clock")]
fn wait(child: &mut Child, latest: Duration) -> Result<(ExitStatus, bool), Trouble> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, false));
        }
        if began.elapsed() >= latest {
            child.kill()?;
            return Ok((child.wait()?, true));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
