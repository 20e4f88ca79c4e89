//! Several steps in one request, and their results taken apart again.
//!
//! Under a rate limit each request is money: *n* steps alone cost 1 + 2*n*. So neighbours that need nothing from
//! rollcall between them are sent as one POSIX script ([`Bundle`]), plain text that a person can read. It runs each step
//! in a shell of its own, obeys `on_failure`, and writes a marker after each; by these [`take_apart`] finds what each
//! step printed, byte for byte, and how it ended. Which neighbours need nothing between them is said by [`breaks`].
//!
//! Kept out: when a bundle is sent, and what a step's end means for its target (`engine/`).

mod breaks;
mod parts;
mod script;

pub use breaks::{Break, breaks};
pub use parts::{End, Part, Printed, Whole, take_apart};
pub use script::{Bundle, Marker};

#[cfg(test)]
mod tests;
