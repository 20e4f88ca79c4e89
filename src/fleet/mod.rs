//! A VPS as its JSON, and which ones a selection picks.
//!
//! A [`Vps`] keeps the API's own object, so that a field that the API adds tomorrow can be filtered on
//! tomorrow. A [`Selector`] judges each VPS as the listing brings it and, once the listing is complete, says what
//! was wrong with the selection as a whole.
//!
//! Kept out: where the VPSes come from (`hostup/`), when they are worked on (`engine/`), and the text of rules
//! (`playbook/` compiles them).

mod census;
mod error;
mod field;
mod names;
mod selection;
mod vps;
mod wanted;

pub use census::{Share, census};
pub use error::{NameProblem, SelectionError, UnknownField};
pub use names::{fold_names, natural_cmp};
pub use selection::{Selection, Selector, Tally};
pub use vps::{InvalidVpsId, Vps, VpsId};
