//! The real engine against a model of the API, in virtual time.
//!
//! A seed draws a world (fleet, playbook, limits, latencies, faults, signals). `harness` performs the engine's effects
//! as the runner does, but jumps from event to event instead of waiting. `invariants` judges what happened by the
//! model's own records, which the engine cannot see. `catalogue` scripts single cases of the failure model.
//!
//! `ROLLCALL_SIMULATION_SEEDS=N` tries N seeds a kind of world; a failing one is printed, and
//! `ROLLCALL_SIMULATION_SEED=N` tries that one alone.

#![expect(clippy::unwrap_used, reason = "a test's own numbers")]

mod catalogue;
mod harness;
mod invariants;
mod model;
mod seeds;
mod world;
