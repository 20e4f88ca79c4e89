//! What holds for any bytes: one file a subject, each with the `holds` that a fuzz target and a plain test share.
//!
//! A `holds` takes one input and panics where its property does not hold. The fuzz targets beside this directory look
//! for such inputs; `tests/corpora` runs those that are kept. The properties use the library as anybody could.

pub mod bundle;
pub mod bundle_shell;
pub mod expression;
pub mod headers;
pub mod inventory;
pub mod limits;
pub mod list;
pub mod plan;
pub mod playbook;
pub mod poll;
pub mod poll_url;
pub mod probe;
pub mod problem;
pub mod quoting;
pub mod redaction;
pub mod report;
pub mod sanitiser;
pub mod start;
pub mod store;
pub mod template;

mod api;
mod display;
mod guest;
mod input;
mod secret;
mod shell;
