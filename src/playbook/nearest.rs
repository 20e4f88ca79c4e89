//! "Did you mean …?": the known word nearest to the one that was written.

/// Returns the known word that is nearest to `written`, if one is near enough to be a slip: a third of its
/// letters wrong, missing, added or swapped with their neighbour. Letter case, `_` and `-` count for nothing.
pub(crate) fn nearest<'known>(
    written: &str,
    known: impl IntoIterator<Item = &'known str>,
) -> Option<&'known str> {
    // Longer than any word that is known; the distance would only cost time.
    if written.len() > 100 {
        return None;
    }
    let letters = |word: &str| -> Vec<char> {
        word.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
    };
    let wanted = letters(written);
    known
        .into_iter()
        .filter_map(|word| {
            let candidate = letters(word);
            let allowed = (wanted.len().max(candidate.len()) / 3).max(1);
            let distance = distance(&wanted, &candidate);
            // Of a one-letter word nothing would be left.
            (distance <= allowed && distance < candidate.len()).then_some((distance, word))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Counts the letters to change, add, drop or swap with their neighbour (optimal string alignment).
fn distance(left: &[char], right: &[char]) -> usize {
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in 0..=left.len() {
        for j in 0..=right.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let replaced = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
                let mut least = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
                if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                    least = least.min(rows[i - 2][j - 2] + 1);
                }
                least
            };
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_word_that_was_meant() {
        let known = ["name", "run", "timeout", "accept", "on_failure", "idempotent"];
        for (written, meant) in [
            ("timout", "timeout"),
            ("tiemout", "timeout"),
            ("rnu", "run"),
            ("Name", "name"),
            ("on-failure", "on_failure"),
            ("onFailure", "on_failure"),
            ("indempotent", "idempotent"),
        ] {
            assert_eq!(nearest(written, known), Some(meant), "{written}");
        }
    }

    #[test]
    fn another_word_is_not_mistaken_for_a_slip() {
        for written in ["", "command", "when", "x", &"run".repeat(100)] {
            assert_eq!(nearest(written, ["run", "timeout", "v"]), None, "{written}");
        }
    }
}
