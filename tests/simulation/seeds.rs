//! Many worlds, each checked.

use std::{env, panic};

use crate::{
    harness,
    invariants::{self, Seen},
    model::Model,
    world::{self, Kind},
};

/// Seeds a kind of world, unless the environment says otherwise.
const SEEDS: u64 = 150;

fn simulate(kind: Kind, seed: u64) -> Seen {
    let mut world = world::draw(kind, seed);
    let spec = world.spec.clone();
    let outside = world.outside.clone();
    let (limit, headers) = (world.limit, world.headers);
    let vpses = world.vpses;
    let mut model = Model::new(&mut world);
    let account = harness::run(spec.clone(), &mut model, &outside);
    let (begun, refusals, requests) = (model.begun, model.refusals, model.requests);
    Seen { kind, spec, outside, limit, headers, vpses, account, begun, refusals, requests }
}

fn check(kind: Kind) {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("ROLLCALL_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ROLLCALL_SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let outcome = panic::catch_unwind(|| invariants::check(&simulate(kind, seed)));
        assert!(outcome.is_ok(), "replay with ROLLCALL_SIMULATION_SEED={seed} ({kind:?})");
    }
}

#[test]
fn calm_worlds_keep_every_invariant() {
    check(Kind::Calm);
}

#[test]
fn faulty_worlds_keep_every_invariant() {
    check(Kind::Faulty);
}

#[test]
fn interrupted_worlds_keep_every_invariant() {
    check(Kind::Interrupted);
}

#[test]
fn where_the_server_says_what_remains_nothing_is_refused_but_scouts() {
    check(Kind::Told);
}

#[test]
fn the_same_seed_gives_the_same_requests() {
    for seed in 0..20 {
        let [one, other] = [(); 2].map(|()| simulate(Kind::Faulty, seed).account);
        let calls = |account: &harness::Account| -> Vec<_> {
            account.sent.iter().map(|sent| (sent.at, sent.call.clone())).collect()
        };
        assert_eq!(calls(&one), calls(&other));
        assert_eq!(one.run, other.run);
    }
}
