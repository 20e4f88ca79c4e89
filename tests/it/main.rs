//! The built program against a sandbox of its own in another process, over HTTP, as a user would run both.
//!
//! A module per behaviour. What is inside the program is tested where it is written.

#![expect(clippy::unwrap_used, reason = "what a test asks of its tools either works or fails the test")]

mod agent;
mod changes;
mod check;
mod durability;
mod exec;
mod failures;
mod full_disk;
mod generated;
mod history;
mod hostile;
mod inert;
mod init;
mod killed;
mod limits;
mod main_job;
mod output;
mod plan;
mod playbooks;
mod pruned;
mod remembered;
mod resumed;
mod retried;
mod running;
mod sandbox;
mod sandboxes;
mod scripted;
mod secrecy;
mod secrets;
mod signals;
mod stopped;
mod targets;
mod terminal;
mod tls;
mod usage;
mod waiting;
