//! rollcall runs a command on many HostUp VPSes through the provider's API.

pub mod budget;
pub mod engine;
pub mod fleet;
pub mod hostup;
pub mod playbook;
pub mod progress;
pub mod report;
pub mod runner;
pub mod sandbox;
