//! A small run, once for each of its fallible points with only that one failing: its requests, and its writes.
//!
//! Engine, runner, client and store are the real ones, in one process with a sandbox. After each run its rows are held
//! against what the sandbox's servers began. What it looks like from outside the process is tested in `it`.

#![expect(clippy::unwrap_used, reason = "what a test asks of its tools either works or fails the test")]

mod requests;
mod trial;
mod writes;
