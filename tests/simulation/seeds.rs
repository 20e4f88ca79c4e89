//! Many seeds, a test for each kind of limiter so that they run side by side.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{
    harness::{Account, drive, lines},
    invariants::{ALL, Evidence},
    limiter::Kind,
    server::Server,
    world::World,
};

/// Seeds a kind of limiter, where nobody asks for more.
const SEEDS: u64 = 200;
/// Seeds that broke an invariant once.
const BROKEN_ONCE: [(Kind, u64); 6] = [
    (Kind::TokenBucketFull, 3009),
    (Kind::FixedAligned, 4514),
    (Kind::SlidingLogCountingRefusals, 5303),
    (Kind::TokenBucketNext, 3902),
    (Kind::FixedAligned, 8338),
    (Kind::TokenBucketFull, 6873),
];
/// One seed in so many is run twice.
const TWICE: u64 = 8;
/// Entries of the log that are shown of a run that failed.
const SHOWN: usize = 400;

fn try_seed(kind: Kind, seed: u64) -> Result<(), String> {
    let world = World::draw(kind, seed);
    let (account, server) = run(&world)?;
    let evidence = Evidence { world: &world, kind, account: &account, journal: &server.journal };
    for (name, holds) in ALL {
        holds(&evidence).map_err(|why| format!("{name}: {why}\n{}", lines(&account.log, SHOWN)))?;
    }
    if seed.is_multiple_of(TWICE) {
        let (again, _) = run(&world)?;
        if again.log != account.log {
            return Err("the same seed gave another sequence of requests".to_owned());
        }
    }
    Ok(())
}

fn run(world: &World) -> Result<(Account, Server<'_>), String> {
    let mut server = Server::new(world);
    let most = 1000 * (world.listed.len() as u64 + 20) * world.spec.steps.len() as u64;
    let account = catch_unwind(AssertUnwindSafe(|| {
        drive(world.spec.clone(), &mut server, &world.people, most)
            .map_err(|endless| format!("{endless}\n{}", lines(&endless.log, SHOWN)))
    }))
    .map_err(|_| "it panicked".to_owned())??;
    Ok((account, server))
}

/// Tries seeds of a kind of limiter, `usual` many where nobody asks for another number, and tells of those that fail.
pub(crate) fn try_seeds(kind: Kind, usual: u64, try_seed: fn(Kind, u64) -> Result<(), String>) {
    let name = format!("{kind:?}");
    let replayed = std::env::var("ROLLCALL_SIMULATION_SEED").ok();
    let seeds = if let Some(one) = replayed {
        let (wanted, seed) = one.split_once(':').expect("ROLLCALL_SIMULATION_SEED=KIND:SEED");
        if wanted != name {
            return;
        }
        let seed = seed.parse().expect("ROLLCALL_SIMULATION_SEED=KIND:SEED");
        seed..=seed
    } else {
        let wanted = std::env::var("ROLLCALL_SIMULATION_SEEDS").ok();
        1..=wanted.map_or(usual, |seeds| seeds.parse().expect("ROLLCALL_SIMULATION_SEEDS=N"))
    };
    let failed: Vec<(u64, String)> =
        seeds.filter_map(|seed| try_seed(kind, seed).err().map(|why| (seed, why))).collect();
    if let Some((seed, why)) = failed.first() {
        let briefly: Vec<String> = failed
            .iter()
            .take(20)
            .map(|(seed, why)| format!("{seed}: {}", why.lines().next().unwrap_or_default()))
            .collect();
        let all = briefly.join("\n");
        panic!(
            "replay with ROLLCALL_SIMULATION_SEED={name}:{seed}\n{why}\n{} seeds failed:\n{all}",
            failed.len()
        );
    }
}

#[test]
fn what_broke_an_invariant_once_does_so_no_more() {
    for (kind, seed) in BROKEN_ONCE {
        if let Err(why) = try_seed(kind, seed) {
            panic!("replay with ROLLCALL_SIMULATION_SEED={kind:?}:{seed}\n{why}");
        }
    }
}

macro_rules! kinds {
    ($($name:ident: $kind:expr;)*) => {
        $(#[test]
        fn $name() {
            try_seeds($kind, SEEDS, try_seed);
        })*
    };
}

kinds! {
    invariants_hold_under_a_fixed_aligned_window: Kind::FixedAligned;
    invariants_hold_under_a_window_from_the_first_request: Kind::FixedFromFirst;
    invariants_hold_under_a_sliding_log: Kind::SlidingLog;
    invariants_hold_under_a_sliding_log_that_counts_refusals: Kind::SlidingLogCountingRefusals;
    invariants_hold_under_a_token_bucket_that_says_when_it_is_full: Kind::TokenBucketFull;
    invariants_hold_under_a_token_bucket_that_says_when_it_has_one: Kind::TokenBucketNext;
    invariants_hold_without_a_limit: Kind::None;
}
