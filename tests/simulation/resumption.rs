//! Runs that are interrupted at any instant, and gone on with.
//!
//! A seed draws a world as for all other runs, and what goes wrong with the process: it is killed after so many things that it
//! did, interrupted, has no more room on its disk, has lost its secrets. What was on the disk by then is all that the next
//! process has to go on with (`disk`, `process`); the API, and requests that were on their way, stay (`outside`). That is told until
//! nothing is left to be done (`story`), and judged by the server's journal (`invariants`) and by the same run uninterrupted
//! (`twin`).
//!
//! `ROLLCALL_SIMULATION_SEEDS` and `ROLLCALL_SIMULATION_SEED` are those of `seeds`.

mod disk;
mod invariants;
mod outside;
mod process;
mod story;
mod twin;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use story::{Story, Trouble, troubles, uninterrupted};

use crate::{
    limiter::{Kind, Limiter},
    seeds,
    world::{Headers, World},
};

/// Seeds a kind of limiter, where nobody asks for more: some 10,000 in all.
const SEEDS: u64 = 1500;
/// VPSes listed at most: what goes wrong on one does so on few others, and many small runs find more than few large ones.
const MOST: usize = 12;

fn try_seed(kind: Kind, seed: u64) -> Result<(), String> {
    let world = World::draw(kind, seed).at_most(MOST);
    catch_unwind(AssertUnwindSafe(|| {
        let (twin, _, life) = uninterrupted(&world)?;
        let troubles = troubles(&world, life.actions, life.selected);
        let Some(story) = Story::tell(&world, &troubles)? else { return Ok(()) };
        invariants::judge(&story, &twin).map_err(|why| format!("{why}\n{}", story.lines()))
    }))
    .unwrap_or_else(|_| Err("it panicked".to_owned()))
}

macro_rules! kinds {
    ($($name:ident: $kind:expr;)*) => {
        $(#[test]
        fn $name() {
            seeds::try_seeds($kind, SEEDS, try_seed);
        })*
    };
}

kinds! {
    a_crash_loses_nothing_under_a_fixed_aligned_window: Kind::FixedAligned;
    a_crash_loses_nothing_under_a_window_from_the_first_request: Kind::FixedFromFirst;
    a_crash_loses_nothing_under_a_sliding_log: Kind::SlidingLog;
    a_crash_loses_nothing_under_a_sliding_log_that_counts_refusals: Kind::SlidingLogCountingRefusals;
    a_crash_loses_nothing_under_a_token_bucket_that_says_when_it_is_full: Kind::TokenBucketFull;
    a_crash_loses_nothing_under_a_token_bucket_that_says_when_it_has_one: Kind::TokenBucketNext;
    a_crash_loses_nothing_without_a_limit: Kind::None;
}

/// Kills the process that works on a small run once after each thing that it does, and goes on with it.
fn survives_a_crash_at_every_point(world: &World) {
    let (twin, _, life) = uninterrupted(world).expect("a run that ends");
    for killed_after in 0..=life.actions {
        let trouble = Trouble { killed_after: Some(killed_after), ..Trouble::none(world) };
        let judged = Story::tell(world, &[trouble]).and_then(|story| match story {
            None if killed_after <= life.selected => Ok(()),
            None => Err("it is not on record whom it is for".to_owned()),
            Some(story) => {
                invariants::judge(&story, &twin).map_err(|why| format!("{why}\n{}", story.lines()))
            }
        });
        if let Err(why) = judged {
            panic!("killed after {killed_after} of {} things: {why}", life.actions);
        }
    }
}

fn small(steps: usize, bundle: bool) -> World {
    let limiter = Limiter::new(Kind::None, 600, Duration::from_mins(1));
    World::steady(3, limiter, Headers::None, 7, 0.3).with_steps(steps, bundle)
}

#[test]
fn k1_k2_k3_k4_a_small_run_survives_a_crash_at_every_point() {
    survives_a_crash_at_every_point(&small(2, false));
    survives_a_crash_at_every_point(&small(3, true));
}

#[test]
fn s11_idempotent_steps_survive_a_crash_at_every_point() {
    let mut world = small(2, false);
    world.spec.steps.iter_mut().for_each(|step| step.idempotent = true);
    survives_a_crash_at_every_point(&world);
}

#[test]
fn batches_survive_a_crash_at_every_point() {
    let mut world = small(2, true);
    world.spec.batches = vec!["1".parse().expect("a portion")];
    world.spec.pause = Duration::from_secs(3);
    survives_a_crash_at_every_point(&world);
}
