//! The real engine against a model server, in virtual time.
//!
//! A seed draws a world (fleet, playbook, limits, latencies, faults, signals); `harness` performs the engine's effects
//! as the runner does, but jumps from event to event instead of waiting; `invariants` judges what happened against
//! the server's own journal. `catalogue` scripts single replies for the numbered cases of the failure model, and
//! `efficiency` measures how close a run comes to its lower bound, and `plan` how close a forecast comes to the run.
//! `resumption` kills the process at any instant and goes on with its run, as often as a seed wants it.
//!
//! `ROLLCALL_SIMULATION_SEEDS=N` tries N seeds a kind of limiter; `ROLLCALL_SIMULATION_SEED=KIND:SEED` replays one.

mod bundles;
mod catalogue;
mod efficiency;
mod guest;
mod harness;
mod invariants;
mod judgements;
mod limiter;
mod pacing;
mod plan;
mod playbook;
mod resumption;
mod rollouts;
mod seeds;
mod server;
mod world;
