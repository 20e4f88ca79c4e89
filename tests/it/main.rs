//! The built program against a sandbox of its own in another process, over HTTP, as a user would run both.
//!
//! A module per behaviour. What is inside the program is tested where it is written.

#![expect(clippy::unwrap_used, reason = "what a test asks of its tools either works or fails the test")]

mod changes;
mod check;
mod durability;
mod exec;
mod failures;
mod generated;
mod full_disk;
mod hostile;
mod init;
mod limits;
mod main_job;
mod killed;
mod output;
mod plan;
mod playbooks;
mod remembered;
mod sandbox;
mod scripted;
mod running;
mod signals;
mod targets;
mod usage;
mod waiting;
mod secrets;
