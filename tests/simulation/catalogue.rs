//! The numbered cases of the failure model, as far as the engine decides them: single replies, scripted.
//!
//! A test's name begins with the number of its case.

mod bundles;
mod inventory;
mod polls;
mod probes;
mod resumptions;
mod script;
mod starts;
mod stops;
mod throttles;
