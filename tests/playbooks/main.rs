//! The playbooks of `playbooks/`, as they are shipped: whether each says what it should of servers of every family.
//!
//! Each runs by the built program on the sandbox's shell guest, so that its scripts really run and rollcall itself
//! takes their answers apart: on this machine as it is, with nothing but busybox, and with tools put in front of
//! `PATH` that say what those of other systems say. What rollcall does with any playbook is tested in `tests/it`.

#![expect(clippy::unwrap_used, reason = "what a test asks of its tools either works or fails the test")]

mod families;
mod pack;
mod program;
mod shells;
mod toolbox;
