//! How well requests are spent: the real engine against models of rate limits, in virtual time.
//!
//! ```sh
//! cargo bench --bench scheduling                        # the whole table
//! cargo bench --bench scheduling -- sliding 2000        # rows whose line holds these words
//! cargo bench --bench scheduling -- --seeds 20 --from 1000
//! ```
//!
//! Nothing waits and nothing is measured by a clock: the same commit prints the same table on every machine. `model` says
//! which servers there are, `figures` what is counted of a run; the server, the network and the guests are those of
//! `tests/simulation`. A row gives the median over its seeds, and in brackets the worst. The goals stand in
//! `docs/performance.md`, beside what they mean.
#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]

#[path = "../../tests/simulation/guest.rs"]
#[expect(dead_code, reason = "the tests look at more of it")]
mod guest;
#[path = "../../tests/simulation/harness.rs"]
#[expect(dead_code, reason = "the tests look at more of it")]
mod harness;
#[path = "../../tests/simulation/limiter.rs"]
mod limiter;
#[path = "../../tests/simulation/playbook.rs"]
mod playbook;
#[path = "../../tests/simulation/server.rs"]
mod server;
#[path = "../../tests/simulation/world.rs"]
#[expect(dead_code, reason = "only the tests draw whole worlds")]
mod world;

mod figures;
mod model;

use figures::Figures;
use model::MODELS;

/// Targets of a run.
const SIZES: [usize; 4] = [100, 500, 2000, 10_000];
/// The seeds are drawn apart from those on which the policy was tuned, which were 1 to 99.
const FIRST_SEED: u64 = 7001;
/// Runs of a row. The largest ones differ least from seed to seed.
const SEEDS: u64 = 50;

fn main() {
    let mut words = Vec::new();
    let (mut first, mut seeds) = (FIRST_SEED, SEEDS);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok()).expect("a number");
        match argument.as_str() {
            "--bench" => {}
            "--seeds" => seeds = number(),
            "--from" => first = number(),
            _ => words.push(argument),
        }
    }
    println!("{}", figures::HEAD);
    for model in MODELS {
        for targets in SIZES {
            let title = format!("{} {targets}", model.name);
            let fits = |word: &String| match word.parse::<usize>() {
                Ok(number) => number == targets,
                Err(_) => title.split(' ').any(|part| part.starts_with(word.as_str())),
            };
            if !words.iter().all(fits) {
                continue;
            }
            let seeds = if targets > 2000 { seeds.div_ceil(3) } else { seeds };
            let runs: Vec<Figures> =
                (first..first + seeds).map(|seed| Figures::of(model, targets, seed)).collect();
            println!("{}", figures::row(model.name, targets, &runs));
        }
    }
}
