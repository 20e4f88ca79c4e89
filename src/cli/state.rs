//! What is kept between runs: where it is, whether it is used, and what a run begins with and leaves behind.

use std::{
    collections::HashSet,
    env,
    error::Error as _,
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::Args;
use jiff::Timestamp;

use super::{Failure, connection::Connection};
use crate::{
    budget::Knowledge,
    engine::{FinishedRun, RunSpec},
    playbook::{Playbook, quoted},
    runner::Recorder,
    store::{Account, Ending, Learned, NewRun, Owner, RunNumber, Store, StoreError},
};

/// What to do where the store cannot be used for a reason that lies outside of it.
const ELSEWHERE: &str = "name another directory with --state-dir, or run without one with --no-store";

/// Where what is kept between runs lies.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "State")]
pub(super) struct StateDirectoryArgs {
    #[arg(
        long,
        value_name = "DIR",
        help = "Where rollcall keeps its runs and what it learns [default: $XDG_STATE_HOME/rollcall or ~/.local/state/rollcall]",
        env = "ROLLCALL_STATE_DIR"
    )]
    state_dir: Option<PathBuf>,
}

/// Where it lies, and whether it is used.
#[derive(Debug, Args)]
#[command(next_help_heading = "State")]
pub(super) struct StoreArgs {
    #[command(flatten)]
    directory: StateDirectoryArgs,

    /// Begin with nothing that earlier runs learned, and keep nothing: a run that is cut short cannot be resumed
    #[arg(long)]
    no_store: bool,
}

impl StateDirectoryArgs {
    /// Opens the store if there is one.
    pub(super) fn open_existing(&self) -> Result<Option<Store>, Failure> {
        Store::open_existing(&self.directory()?).map_err(|error| unusable("", &error))
    }

    /// Opens the store, which must be there: something that is kept in it is named.
    pub(super) fn open_kept(&self) -> Result<Store, Failure> {
        self.open_existing()?.ok_or_else(|| Failure::usage("no runs are kept here"))
    }

    fn directory(&self) -> Result<PathBuf, Failure> {
        let named = self.state_dir.clone();
        let found = named.or_else(|| default_directory(env::var_os("XDG_STATE_HOME"), env::var_os("HOME")));
        found.ok_or_else(|| {
            Failure::usage("no state directory: neither XDG_STATE_HOME nor HOME says where it could be")
                .hint("name one with --state-dir, or run without one with --no-store")
        })
    }
}

/// The directory of the XDG base directory specification, which leaves out values that are no absolute paths.
fn default_directory(state_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute(state_home).or_else(|| Some(absolute(home)?.join(".local/state")))?;
    Some(state.join("rollcall"))
}

impl StoreArgs {
    /// Where it lies.
    pub(super) fn directory(&self) -> &StateDirectoryArgs {
        &self.directory
    }

    /// Whether anything is kept.
    pub(super) fn is_used(&self) -> bool {
        !self.no_store
    }

    /// Opens what is known of the account of a connection, for a command that starts nothing. A sandbox inside this process
    /// has none.
    pub(super) fn open_to_learn(&self, connection: &Connection) -> Result<Memory, Failure> {
        if connection.account.is_none() { Ok(Memory::none()) } else { self.open(connection) }
    }

    /// Opens what is kept, of runs and of the account of a connection; makes the store where there is none.
    pub(super) fn open(&self, connection: &Connection) -> Result<Memory, Failure> {
        if self.no_store {
            return Ok(Memory::none());
        }
        let store = Store::open(&self.directory.directory()?).map_err(|error| unusable("", &error))?;
        Ok(Memory { store: Some(store), account: connection.account.clone() })
    }
}

/// What is kept: of runs everything, and what was learned on an account. Nothing with `--no-store`.
pub(super) struct Memory {
    store: Option<Store>,
    /// `None` with the sandbox, whose limits are gone with it.
    account: Option<Account>,
}

/// A run that is being written down.
pub(super) struct Kept {
    number: RunNumber,
    /// As long as it lives, no other process works on the run.
    _owner: Owner,
}

/// A run that is not finished.
#[derive(Debug, Clone)]
pub(super) struct Unfinished {
    /// Its id.
    pub(super) run: String,
    /// A process works on it.
    pub(super) is_in_progress: bool,
    /// The targets with which it can be gone on.
    pub(super) open: HashSet<String>,
}

impl Memory {
    /// Keeps nothing.
    pub(super) fn none() -> Self {
        Self { store: None, account: None }
    }

    /// What is kept in this store for this account.
    pub(super) fn of(store: Store, account: Option<Account>) -> Self {
        Self { store: Some(store), account }
    }

    fn learning(&mut self) -> Option<(&mut Store, &Account)> {
        self.store.as_mut().zip(self.account.as_ref())
    }

    /// Begins to write down a run, without these secrets.
    pub(super) fn begin(
        &mut self,
        run: &NewRun<'_>,
        secrets: &[String],
    ) -> Result<(Option<Kept>, Option<Recorder>), Failure> {
        let Some(store) = &mut self.store else { return Ok((None, None)) };
        let mut begin = || -> Result<_, StoreError> {
            let owner = store.own(run.id)?;
            let number = store.begin_run(run)?;
            let log = store.log(number, secrets)?;
            Ok(owner.map(|owner| (Kept { number, _owner: owner }, Recorder::new(log))))
        };
        Ok(begin().map_err(|error| unusable("", &error))?.unzip())
    }

    /// Goes on to write down a run, without these secrets.
    pub(super) fn go_on(
        &mut self,
        number: RunNumber,
        owner: Owner,
        secrets: &[String],
    ) -> Result<(Option<Kept>, Option<Recorder>), Failure> {
        let Some(store) = &mut self.store else { return Ok((None, None)) };
        let log = store.reopen_run(number).and_then(|()| store.log(number, secrets));
        let log = log.map_err(|error| unusable("", &error))?;
        Ok((Some(Kept { number, _owner: owner }), Some(Recorder::new(log))))
    }

    /// Writes down how a run ended, without these secrets.
    pub(super) fn end(
        &mut self,
        kept: &Kept,
        started_at: Timestamp,
        run: &FinishedRun,
        exit_code: u8,
        secrets: &[String],
    ) -> Result<(), Failure> {
        let Some(store) = &mut self.store else { return Ok(()) };
        // By the run's own clock, which is never put back.
        let ended_at = started_at + run.ended.since_start();
        store
            .end_run(kept.number, ended_at, exit_code, &Ending::of(run), secrets)
            .map_err(|error| unusable("cannot write down how this run ended: ", &error))
    }

    /// Other runs of this playbook at this API that are not finished.
    pub(super) fn unfinished(&self, url: &str, playbook: &Playbook) -> Result<Vec<Unfinished>, Failure> {
        let Some(store) = &self.store else { return Ok(Vec::new()) };
        let failed = |error| unusable("", &error);
        let mut runs: Vec<Unfinished> = Vec::new();
        let open = store.open_targets(url, &playbook.sha256, playbook.path.as_deref()).map_err(failed)?;
        for (run, vps) in open {
            if let Some(known) = runs.last_mut().filter(|known| known.run == run) {
                known.open.insert(vps);
            } else {
                let is_in_progress = store.is_owned(&run).map_err(failed)?;
                runs.push(Unfinished { run, is_in_progress, open: HashSet::from([vps]) });
            }
        }
        Ok(runs)
    }

    /// Gives a run of this playbook what is known.
    pub(super) fn recall(
        &self,
        spec: RunSpec,
        playbook_sha256: &str,
        now: Timestamp,
    ) -> Result<RunSpec, Failure> {
        match &self.store {
            Some(store) => Self::recall_from(store, self.account.as_ref(), spec, playbook_sha256, now),
            None => Ok(spec),
        }
    }

    /// The same, from a store that is not kept in yet.
    pub(super) fn recall_from(
        store: &Store,
        account: Option<&Account>,
        spec: RunSpec,
        playbook_sha256: &str,
        now: Timestamp,
    ) -> Result<RunSpec, Failure> {
        let Some(account) = account else { return Ok(spec) };
        let unreadable = |error| unusable("", &error);
        let known = store.known(account, now).map_err(unreadable)?;
        let run_times = store.run_times(account, playbook_sha256, now).map_err(unreadable)?;
        Ok(RunSpec { known, run_times, ..spec })
    }

    /// Keeps what a run learned.
    pub(super) fn keep(
        &mut self,
        run: &FinishedRun,
        playbook_sha256: &str,
        run_id: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some((store, account)) = self.learning() else { return Ok(()) };
        let learned = Learned {
            account: account.clone(),
            at: now,
            run_id: Some(run_id.to_owned()),
            knowledge: run.knowledge.clone(),
        };
        let kept = store.keep_learned(&learned);
        kept.and_then(|()| store.keep_run_times(account, playbook_sha256, now, &run.run_times))
            .map_err(|error| unusable("cannot keep what this run learned: ", &error))
    }

    /// Keeps the limits that a mere listing learned, where they are news to what was known.
    pub(super) fn keep_listed(
        &mut self,
        known: &Knowledge,
        listed: &Knowledge,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some((store, account)) = self.learning() else { return Ok(()) };
        let knowledge = with_listed(known, listed);
        if knowledge == *known {
            return Ok(());
        }
        let learned = Learned { account: account.clone(), at: now, run_id: None, knowledge };
        store
            .keep_learned(&learned)
            .map_err(|error| unusable("cannot keep what the listing learned: ", &error))
    }
}

/// What is known after a listing. It sees few requests, so it says nothing against what a run learned but the number
/// of a limit.
fn with_listed(known: &Knowledge, listed: &Knowledge) -> Knowledge {
    let mut knowledge = known.clone();
    for limit in &listed.limits {
        match knowledge.limits.iter_mut().find(|known| known.bucket == limit.bucket) {
            Some(known) if known.limit != limit.limit => *known = limit.clone(),
            Some(known) => known.window = known.window.or(limit.window),
            None => knowledge.limits.push(limit.clone()),
        }
    }
    if !knowledge.limits.is_empty() {
        knowledge.let_through = None;
    }
    knowledge
}

/// The failure that the store cannot be used, with what to do about it.
pub(super) fn unusable(what: &str, error: &StoreError) -> Failure {
    let why = error.source().map_or_else(String::new, |source| format!(": {source}"));
    let shell = |path: &Path| quoted(&path.display().to_string()).into_owned();
    let hint = match error {
        StoreError::Exposed { path, .. } => format!("chmod 700 {}", shell(path)),
        StoreError::Replaceable { path } => format!("chmod o-w {}; or {ELSEWHERE}", shell(path)),
        StoreError::Newer { .. } => format!("use that newer rollcall; or {ELSEWHERE}"),
        StoreError::Damaged { path, .. } => {
            // With the log that belongs to it, which must not be taken for that of a new database.
            let directory = shell(path.parent().unwrap_or(path));
            format!("it was left as it is; move it aside: mv {directory} {directory}.damaged")
        }
        StoreError::Foreign { .. }
        | StoreError::Link { .. }
        | StoreError::Kind { .. }
        | StoreError::NotLocal { .. }
        | StoreError::Directory { .. }
        | StoreError::NotOurs { .. }
        | StoreError::ReadOnly { .. }
        | StoreError::Busy { .. }
        | StoreError::Failed { .. } => ELSEWHERE.to_owned(),
    };
    Failure::new(Failure::OUTPUT, format!("{what}{error}{why}")).hint(hint)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        budget::{LearnedFrom, LearnedLimit, LetThrough, Renewal},
        engine::{Carried, RunTimes},
        fleet::Selection,
        hostup::{ApiKey, ApiUrl},
    };

    #[test]
    fn c7_the_default_is_where_xdg_says_and_relative_paths_do_not_count() {
        let default = |state: &str, home: &str| {
            let value = |text: &str| (text != "-").then(|| OsString::from(text));
            default_directory(value(state), value(home)).map(|path| path.display().to_string())
        };
        let path = |text: &str| Some(text.to_owned());
        assert_eq!(default("/state", "/home/me"), path("/state/rollcall"));
        for unset in ["-", "", "state"] {
            assert_eq!(default(unset, "/home/me"), path("/home/me/.local/state/rollcall"), "{unset:?}");
            assert_eq!(default("-", unset), None, "{unset:?}");
        }
    }

    fn limit(bucket: &str, limit: u64, window: Option<u64>) -> LearnedLimit {
        LearnedLimit {
            bucket: bucket.to_owned(),
            limit,
            window: window.map(Duration::from_secs),
            renewal: Renewal::AtOnce,
            learned_from: LearnedFrom::Header,
        }
    }

    #[test]
    fn a_listing_adds_to_what_is_known_and_only_another_number_replaces_it() {
        let knowledge = |limits: &[LearnedLimit]| Knowledge { limits: limits.to_vec(), let_through: None };
        let run = knowledge(&[limit("default", 300, Some(5)), limit("start", 60, None)]);
        for (listed, expected) in [
            (knowledge(&[]), run.clone()),
            (knowledge(&[limit("default", 300, None)]), run.clone()),
            (
                knowledge(&[limit("default", 100, None)]),
                knowledge(&[limit("default", 100, None), limit("start", 60, None)]),
            ),
            (
                knowledge(&[limit("start", 60, Some(9)), limit("list", 8, None)]),
                knowledge(&[
                    limit("default", 300, Some(5)),
                    limit("start", 60, Some(9)),
                    limit("list", 8, None),
                ]),
            ),
        ] {
            assert_eq!(with_listed(&run, &listed), expected, "{listed:?}");
        }
    }

    #[test]
    fn what_a_listing_was_let_through_is_too_little_to_say_anything() {
        let through = |requests| Some(LetThrough { requests, span: Duration::from_secs(5) });
        let run = Knowledge { limits: Vec::new(), let_through: through(6003) };
        let quiet = Knowledge { limits: Vec::new(), let_through: through(2) };
        assert_eq!(with_listed(&run, &quiet), run);
        assert_eq!(with_listed(&Knowledge::default(), &quiet), Knowledge::default());
        let limited = Knowledge { limits: vec![limit("default", 300, None)], let_through: None };
        assert_eq!(with_listed(&run, &limited), limited);
    }

    #[test]
    fn d1_what_to_do_is_a_line_to_type() {
        let path = PathBuf::from("/my state/rollcall");
        let told = |error| format!("{:?}", unusable("", &error));
        let exposed = told(StoreError::Exposed { path: path.clone(), mode: 0o755 });
        assert!(exposed.contains("chmod 700 '/my state/rollcall'") && exposed.contains("755"), "{exposed}");
        let source = rusqlite::Error::InvalidQuery;
        let damaged = told(StoreError::Damaged { path: path.join("rollcall.db"), source });
        let line = "mv '/my state/rollcall' '/my state/rollcall'.damaged";
        assert!(damaged.contains(line), "{damaged}");
    }

    #[test]
    fn d6_a_directory_on_another_machine_is_named_with_the_ways_out() {
        let failure = unusable("", &StoreError::NotLocal { path: "/home/me/state".into(), kind: "NFS" });
        let told = format!("{failure:?}");
        for words in ["/home/me/state is not on a local file system", "NFS", "--state-dir", "--no-store"] {
            assert!(told.contains(words), "{words}: {told}");
        }
    }

    #[test]
    fn what_a_run_leaves_is_what_the_next_of_the_same_playbook_begins_with() {
        let folder = tempfile::tempdir().unwrap();
        let key = ApiKey::from_text("hup_1234").unwrap();
        let memory = || {
            let store = Store::open(&folder.path().join("state")).unwrap();
            Memory::of(store, Some(Account::new(&ApiUrl::default(), &key)))
        };
        let (now, run_id) = (Timestamp::UNIX_EPOCH, "01RUN");
        let spec = || RunSpec::new(Selection::default(), Vec::new(), 1);
        let mut run_times = RunTimes::default();
        run_times.insert(Carried { first: 0, steps: 2 }, vec![Duration::from_millis(350)]);
        let known = Knowledge { limits: vec![limit("default", 300, Some(5))], let_through: None };
        let run =
            FinishedRun { knowledge: known.clone(), run_times: run_times.clone(), ..FinishedRun::blank() };
        memory().keep(&run, "0011", run_id, now).unwrap();

        let same = memory().recall(spec(), "0011", now).unwrap();
        assert_eq!((same.known, same.run_times), (known.clone(), run_times));
        let other = memory().recall(spec(), "2233", now).unwrap();
        assert_eq!((other.known, other.run_times), (known, RunTimes::default()));
        let without = Memory::none().recall(spec(), "0011", now).unwrap();
        assert_eq!(without.known, Knowledge::default());
    }
}
