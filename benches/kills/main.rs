//! Kills rollcall again and again, and holds what it says in the end against what its servers saw.
//!
//! ```sh
//! cargo bench --bench kills -- --kills 2000              # all cases in turn, until so many kills
//! cargo bench --bench kills -- --kills 300 reset-after   # those cases whose names hold this word
//! ```
//!
//! Each round starts the real program against a real sandbox in another process, kills it at random times and at named
//! places, has it resume, kills that too, and lets it finish at last. The sandbox's journal knows what really began. In a
//! build with `debug_assertions` (`--profile dev`) the named places are there (`src/runner/failpoint.rs`); in others only
//! time decides. The exit code is 1 where anything was carried out twice or a report contradicts the journal.
//!
//! Everything stays on this machine; the processes are this program's own, and are ended by their ids.
#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod campaign;
mod table;

use std::{
    process::ExitCode,
    sync::{Mutex, PoisonError},
    thread,
};

use campaign::{Case, Tally, Trouble};

/// Rounds that go on at once: most of a round's time is waiting.
const AT_ONCE: usize = 4;

/// What the command line asks for.
struct Wanted {
    kills: u64,
    at_once: usize,
    seed: u64,
    words: Vec<String>,
}

/// How far all the rounds have come.
struct Progress {
    begun: usize,
    tallies: Vec<Tally>,
    trouble: Option<Trouble>,
}

fn main() -> Result<ExitCode, Trouble> {
    let wanted = Wanted::read()?;
    let points = campaign::has_failpoints()?;
    let mut cases = Case::all(points);
    cases.retain(|case| wanted.words.iter().all(|word| case.name.contains(word)));
    if cases.is_empty() {
        return Err("no case has a name with these words in it".into());
    }
    println!("named places are {}compiled in", if points { "" } else { "not " });
    let progress = Mutex::new(Progress {
        begun: 0,
        tallies: cases.iter().map(|_| Tally::default()).collect(),
        trouble: None,
    });
    thread::scope(|scope| {
        for _ in 0..wanted.at_once {
            scope.spawn(|| work(&wanted, &cases, points, &progress));
        }
    });
    let Progress { tallies, trouble, .. } = progress.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut sum = Tally::default();
    println!("{}", table::heading());
    for (case, tally) in cases.iter().zip(tallies) {
        println!("{}", table::line(&case.name, &tally));
        sum.add(tally);
    }
    println!("{}", table::line("all", &sum));
    println!("kills by place: {}", table::counts(sum.by_place.iter().map(|(place, kills)| (*place, *kills))));
    let reasons = sum.unknown.iter().map(|(reason, targets)| (reason.as_str(), *targets));
    println!("unknown by reason: {}", table::counts(reasons));
    for contradiction in &sum.contradictions {
        println!("CONTRADICTION: {contradiction}");
    }
    if let Some(trouble) = trouble {
        return Err(trouble);
    }
    Ok(if sum.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Rounds, one after the other, until there have been enough of them all together.
fn work(wanted: &Wanted, cases: &[Case], points: bool, progress: &Mutex<Progress>) {
    let lock = || progress.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let number = {
            let mut progress = lock();
            let kills: u64 = progress.tallies.iter().map(|tally| tally.kills).sum();
            let all_had_one = progress.begun >= rounds_for_all(cases);
            if progress.trouble.is_some() || (kills >= wanted.kills && all_had_one) {
                return;
            }
            progress.begun += 1;
            progress.begun - 1
        };
        let place = case_of_round(cases, number);
        let seed = wanted.seed + number as u64;
        let done = campaign::round(&cases[place], seed, points);
        let mut progress = lock();
        match done {
            Ok(tally) => progress.tallies[place].add(tally),
            Err(trouble) => {
                let what = format!("round {number} ({}, seed {seed}): {trouble}", cases[place].name);
                progress.trouble.get_or_insert(what.into());
            }
        }
    }
}

/// The case of the round of this number: every other the first, every fourth the second, and all others in turn.
fn case_of_round(cases: &[Case], number: usize) -> usize {
    match number % 4 {
        _ if cases.len() < 3 || cases[1].has_faults() => number % cases.len(),
        0 | 2 => 0,
        1 => 1,
        _ => 2 + number / 4 % (cases.len() - 2),
    }
}

/// How many rounds it takes until each case had one.
fn rounds_for_all(cases: &[Case]) -> usize {
    let mut had = vec![false; cases.len()];
    let mut number = 0;
    while had.contains(&false) {
        had[case_of_round(cases, number)] = true;
        number += 1;
    }
    number
}

impl Wanted {
    fn read() -> Result<Self, Trouble> {
        let mut wanted = Self { kills: 200, at_once: AT_ONCE, seed: 1, words: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<u64, Trouble> {
                let value = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?;
                value.parse().map_err(|_| format!("{argument} needs a number, not {value}").into())
            };
            match argument.as_str() {
                "--kills" => wanted.kills = number()?,
                "--at-once" => wanted.at_once = usize::try_from(number()?)?.max(1),
                "--seed" => wanted.seed = number()?,
                // Cargo adds flags of its own.
                flag if flag.starts_with("--") => {}
                word => wanted.words.push(word.to_owned()),
            }
        }
        Ok(wanted)
    }
}
