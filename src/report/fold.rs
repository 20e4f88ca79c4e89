//! Which rows of the table are listed, and which are folded into one that says how many.

use std::{collections::HashMap, sync::Arc};

use super::words;
use crate::engine::{Reason, Status, TargetResult};

/// Alike rows up to this many are all listed.
const LISTED: usize = 20;
/// Of more `ok` rows than that, this many stay: they show what an answer looks like.
const OK_KEPT: usize = 3;

/// Targets alike in status, reason and message (all `ok` ones are alike), in the order of the listing.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// The targets with a row of their own.
    pub(super) listed: Vec<&'a TargetResult>,
    /// Those that share one row; none or at least two.
    pub(super) folded: Vec<&'a TargetResult>,
}

/// Divides targets into groups, worst status first, and folds the large ones unless `all`.
pub(super) fn groups(targets: &[Arc<TargetResult>], all: bool) -> Vec<Group<'_>> {
    let mut groups: Vec<(Status, Vec<&TargetResult>)> = Vec::new();
    let mut places: HashMap<(Status, Option<Reason>, Option<String>), usize> = HashMap::new();
    for target in targets {
        let alike = match target.status {
            Status::Ok => (Status::Ok, None, None),
            status => (status, target.reason, words::why(target)),
        };
        let place = *places.entry(alike).or_insert_with(|| {
            groups.push((target.status, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(target);
    }
    // Stable: within a status the groups stay in the order of the listing.
    groups.sort_by_key(|(status, _)| *status);
    groups
        .into_iter()
        .map(|(status, mut listed)| {
            let kept = if status == Status::Ok { OK_KEPT } else { LISTED };
            // One row saying "1 more" would be no shorter than that row.
            let fold = !all && listed.len() > LISTED + 1;
            let folded = if fold { listed.split_off(kept) } else { Vec::new() };
            Group { listed, folded }
        })
        .collect()
}
