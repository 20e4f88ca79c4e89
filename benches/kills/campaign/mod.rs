//! Rounds of killing and resuming, and what is held against what.
//!
//! A [`Case`] says what a round is like, [`round`] carries one out, and a [`Tally`] adds up what came of it. The benchmark
//! `kills` makes thousands of rounds of it, the test `killed` a few.

mod attempt;
mod case;
mod judge;
mod playbook;
mod server;
mod tally;

use std::{error::Error, fs, os::unix::fs::PermissionsExt as _, path::PathBuf, thread};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tempfile::TempDir;

pub(crate) use self::{attempt::has_failpoints, case::Case, tally::Tally};
use self::{
    attempt::{Attempt, End, Kill},
    case::Faults,
    judge::Report,
    playbook::Playbook,
    server::Server,
};

/// Why a round could not be carried out.
pub(crate) type Trouble = Box<dyn Error + Send + Sync>;

/// Times that a run is gone on with at most: more than there are kills, and times that the API stops a run.
const MOST_ATTEMPTS: usize = 40;

/// The place where a round's files are.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Result<Self, Trouble> {
        let place = Self { directory: tempfile::tempdir()? };
        fs::write(place.key(), "sandbox")?;
        fs::set_permissions(place.key(), fs::Permissions::from_mode(0o600))?;
        Ok(place)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn key(&self) -> PathBuf {
        self.file("key")
    }

    fn state(&self) -> PathBuf {
        self.file("state")
    }
}

/// One round: a server, a run on it or two at once, killed and gone on with until they are over, and the judgement.
pub(crate) fn round(case: &Case, seed: u64, points: bool) -> Result<Tally, Trouble> {
    let mut random = StdRng::seed_from_u64(seed);
    let place = Place::new()?;
    let servers = random.random_range(case.servers.0..=case.servers.1);
    let server = Server::start(&place, servers, seed, case.faults.as_ref())?;
    let playbooks: Vec<Playbook> =
        ["a", "b"][..case.runs].iter().map(|run| Playbook::new(case.shape(seed), run)).collect();
    let seeds: Vec<u64> = playbooks.iter().map(|_| random.random()).collect();
    let followed: Vec<Result<Followed, Trouble>> = thread::scope(|scope| {
        let runs: Vec<_> = playbooks
            .iter()
            .zip(seeds)
            .map(|(playbook, seed)| {
                let (place, server) = (&place, &server);
                let random = StdRng::seed_from_u64(seed);
                scope.spawn(move || follow(place, server, playbook, case, random, points))
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap_or_else(|_| Err("a round panicked".into()))).collect()
    });
    let mut tally = Tally { rounds: 1, ..Tally::default() };
    let journal = server.journal()?;
    for (playbook, followed) in playbooks.iter().zip(followed) {
        let Followed { report, kills, resumes, contradictions } = followed?;
        tally.kills += kills.len() as u64;
        tally.resumes += resumes;
        for place in kills {
            *tally.by_place.entry(place).or_default() += 1;
        }
        let before = tally.contradictions.len();
        tally.contradictions.extend(contradictions);
        judge::judge(playbook, report.as_ref(), &journal, servers, case, &mut tally);
        for contradiction in &mut tally.contradictions[before..] {
            *contradiction = format!("{}, seed {seed}: {contradiction}", case.name);
        }
    }
    Ok(tally)
}

/// What came of a run that was followed to its end.
struct Followed {
    /// `None`: it never came to know whom it is for.
    report: Option<Report>,
    /// Where it was killed.
    kills: Vec<&'static str>,
    resumes: u64,
    contradictions: Vec<String>,
}

fn follow(
    place: &Place,
    server: &Server,
    playbook: &Playbook,
    case: &Case,
    mut random: StdRng,
    points: bool,
) -> Result<Followed, Trouble> {
    let attempt = Attempt::of(place, server, playbook)?;
    let mut kills_left = case.kills.unwrap_or_else(|| random.random_range(1..=9));
    let mut followed = Followed { report: None, kills: Vec::new(), resumes: 0, contradictions: Vec::new() };
    for _ in 0..MOST_ATTEMPTS {
        let run = attempt.run_on_record()?;
        if run.is_none() && server.journal()?.iter().any(|line| playbook.is_in(line)) {
            followed.contradictions.push("something began of which there is no record".to_owned());
            return Ok(followed);
        }
        followed.resumes += u64::from(run.is_some());
        let kill = (kills_left > 0).then(|| Kill::draw(&mut random, case.place, points));
        match attempt.go(run.as_deref(), kill.as_ref())? {
            End::Killed => {
                kills_left -= 1;
                followed.kills.push(kill.map_or("", |kill| kill.place));
            }
            End::Exited(code, Some(report)) if report.has_rows() => {
                let is_over = report.is_over();
                if code != report.exit_code {
                    followed.contradictions.push(format!("exit code {code}, but {} told", report.exit_code));
                }
                followed.report = Some(report);
                if is_over {
                    break;
                }
            }
            // It could not begin (the listing failed): it is tried again.
            End::Exited(..) => {}
        }
    }
    if case.faults.is_none()
        && case.runs == 1
        && let (Some(report), Some(run)) = (&followed.report, attempt.run_on_record()?)
    {
        looks_the_same_again(&attempt, server, &run, report, &mut followed.contradictions)?;
    }
    Ok(followed)
}

/// K4, K11: what is shown afterwards is what was reported, and going on with a run that is over sends nothing.
fn looks_the_same_again(
    attempt: &Attempt,
    server: &Server,
    run: &str,
    report: &Report,
    contradictions: &mut Vec<String>,
) -> Result<(), Trouble> {
    let requests = server.requests()?;
    for again in [attempt.show(run)?, attempt.go(Some(run), None)?] {
        match again {
            End::Exited(_, Some(again)) if again == *report => {}
            _ => contradictions.push("what is shown afterwards differs from what was reported".to_owned()),
        }
    }
    if server.requests()? != requests {
        contradictions.push("going on with a run that is over sent something".to_owned());
    }
    Ok(())
}
