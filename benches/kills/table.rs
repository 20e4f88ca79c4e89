//! The figures of a campaign, as lines.

use crate::campaign::Tally;

/// Above all lines.
pub(crate) fn heading() -> String {
    format!(
        "{:<36} {:>6} {:>6} {:>7} {:>7} {:>7} {:>7} {:>7} {:>6} {:>14}",
        "case",
        "rounds",
        "kills",
        "resumes",
        "targets",
        "tasks",
        "starts",
        "unknown",
        "twice",
        "contradictions"
    )
}

/// What came of a case.
pub(crate) fn line(name: &str, tally: &Tally) -> String {
    let unknown: u64 = tally.unknown.values().sum();
    format!(
        "{name:<36} {:>6} {:>6} {:>7} {:>7} {:>7} {:>7} {unknown:>7} {:>6} {:>14}",
        tally.rounds,
        tally.kills,
        tally.resumes,
        tally.targets,
        tally.tasks,
        tally.posts,
        tally.twice,
        tally.contradictions.len()
    )
}

/// How many kills happened where, or targets ended `unknown` why.
pub(crate) fn counts<'a>(counted: impl IntoIterator<Item = (&'a str, u64)>) -> String {
    counted.into_iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
}
