//! Whole reports as snapshots, and what holds for every report.

mod audits;
mod build;
mod grouped;
mod properties;
mod snapshots;

pub(super) use build::{Target, ok, record};
