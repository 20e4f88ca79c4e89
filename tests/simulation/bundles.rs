//! A bundle changes what a run costs, and nothing of what it finds.

use std::time::Duration;

use proptest::prelude::*;
use rollcall::engine::{FinishedRun, Status, StepResult};
use rollcall::playbook::Severity;

use crate::{
    harness::{People, drive},
    limiter::Kind,
    server::Server,
    world::{Command, Faults, World},
};

/// Everything that a step is found to be, but for the process and the seconds that it took.
fn found(step: &StepResult) -> impl PartialEq + std::fmt::Debug + use<> {
    // The model writes the pid into every output.
    let text = |stream: &rollcall::engine::Stream| {
        stream.shown().split(" in ").next().unwrap_or_default().to_owned()
    };
    let checks: Vec<_> =
        step.checks.iter().map(|check| (check.name.clone(), check.holds, check.message.clone())).collect();
    let streams = (step.stdout.as_ref().map(text), step.stderr.as_ref().map(text));
    (
        step.name.to_string(),
        step.status,
        step.reason,
        step.message.clone(),
        step.ran,
        step.exit_code,
        streams,
        checks,
    )
}

/// A world without faults, in which every command ends by itself and in time.
fn calm(seed: u64) -> World {
    let mut world = World::draw(Kind::None, seed);
    world.faults = Faults::default();
    world.people = People::default();
    world.refuses_bundles = false;
    // A step may have less time than a server takes that is late to know its processes (L5).
    world.lag = Duration::ZERO;
    (world.spec.deadline, world.spec.confirm_over, world.spec.rate) = (None, None, None);
    (world.spec.batches, world.spec.max_failures) = (Vec::new(), None);
    world.spec.fail_on = Severity::Error;
    for guest in world.guests.values_mut() {
        for Command { takes, exit_code, signal } in &mut guest.commands {
            *takes = Some(Duration::from_millis(500));
            *signal = None;
            *exit_code = Some(exit_code.unwrap_or(2).rem_euclid(256));
        }
    }
    world
}

fn played(world: &World) -> FinishedRun {
    let mut server = Server::new(world);
    drive(world.spec.clone(), &mut server, &world.people, 1_000_000).expect("a run that ends").run
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_run_finds_the_same_with_and_without_bundles(seed in any::<u64>()) {
        let bundled = calm(seed);
        let mut alone = bundled.clone();
        for step in &mut alone.spec.steps {
            step.bundle = false;
        }
        let (with, without) = (played(&bundled), played(&alone));
        prop_assert!(with.requests.start <= without.requests.start);
        prop_assert_eq!(with.targets.len(), without.targets.len());
        for target in &with.targets {
            let other = without.targets.iter().find(|other| other.vps.raw_id() == target.vps.raw_id()).unwrap();
            prop_assert_eq!((target.status, target.ran), (other.status, other.ran));
            prop_assert_eq!(&target.captured, &other.captured);
            for (one, other) in target.steps.iter().zip(&other.steps) {
                prop_assert_eq!(found(one), found(other));
            }
        }
    }
}

#[test]
fn twenty_independent_steps_cost_as_many_requests_as_one() {
    let requests = |steps: usize, bundle: bool| {
        let world = World::steady(
            50,
            crate::limiter::Limiter::new(Kind::None, 1, Duration::from_secs(1)),
            crate::world::Headers::None,
            3,
            0.25,
        );
        let world = world.with_steps(steps, bundle);
        let run = played(&world);
        assert_eq!(run.summary().count(Status::Ok), 50);
        run.requests
    };
    let (one, twenty, alone) = (requests(1, true), requests(20, true), requests(20, false));
    assert_eq!((twenty.list, twenty.probe, twenty.start), (one.list, one.probe, one.start));
    assert!(alone.start == 20 * one.start && alone.total() >= 10 * twenty.total(), "{alone:?} {twenty:?}");
}
