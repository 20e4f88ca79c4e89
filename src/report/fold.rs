//! Which rows of the table are listed, and which are folded into one that says how many.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use super::finding::Finding;
use crate::{
    engine::{Status, TargetResult},
    playbook::Severity,
};

/// Alike rows up to this many are all listed.
const LISTED: usize = 20;
/// Of more `ok` rows than that, this many stay: they show what an answer looks like.
const OK_KEPT: usize = 3;

/// Targets that are alike, in the order of the listing.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// How they ended.
    pub(super) status: Status,
    /// How much that weighs.
    pub(super) severity: Severity,
    /// The targets with a row of their own.
    pub(super) listed: Vec<&'a TargetResult>,
    /// Those that share one row; none or at least two.
    pub(super) folded: Vec<&'a TargetResult>,
}

/// Divides targets into groups, worst status first, and folds the large ones unless `all`.
///
/// All `ok` targets are alike. Others are if `told` of them is the same: whatever the table would no longer show of
/// the folded ones, and that matters.
pub(super) fn groups(
    targets: &[Arc<TargetResult>],
    all: bool,
    told: impl Fn(&TargetResult) -> String,
) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut places: HashMap<(Status, Option<Severity>, String), usize> = HashMap::new();
    for target in targets {
        let severity = Finding::of(target).map(|finding| finding.severity);
        let told = if target.status == Status::Ok { String::new() } else { told(target) };
        let place = *places.entry((target.status, severity, told)).or_insert_with(|| {
            let severity = severity.unwrap_or_default();
            groups.push(Group { status: target.status, severity, listed: Vec::new(), folded: Vec::new() });
            groups.len() - 1
        });
        groups[place].listed.push(target);
    }
    // Stable: what weighs the same stays in the order of the listing.
    groups.sort_by_key(|group| (group.status, Reverse(group.severity)));
    for group in &mut groups {
        let kept = if group.status == Status::Ok { OK_KEPT } else { LISTED };
        // One row saying "1 more" would be no shorter than that row.
        if !all && group.listed.len() > LISTED + 1 {
            group.folded = group.listed.split_off(kept);
        }
    }
    groups
}
