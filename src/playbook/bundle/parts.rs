//! What a bundle printed, taken apart at its markers.

use std::{ops::Range, time::Duration};

use super::Marker;

/// What is known of one step of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'a> {
    /// How it ended.
    pub end: End,
    /// What it wrote to standard output.
    pub stdout: Printed<'a>,
    /// What it wrote to standard error.
    pub stderr: Printed<'a>,
}

/// A stream of one step, as it stands in its bundle's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Printed<'a> {
    /// The text.
    pub text: &'a str,
    /// Something of it is missing, or may be.
    pub cut: bool,
}

/// How a step of a bundle ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit code, after so many seconds.
    Exited {
        /// As the shell has it: 128 and the signal's number where one ended it.
        code: i64,
        /// Whole ones.
        seconds: u64,
    },
    /// A later step's marker is there: it has ended, but how is lost.
    Lost,
    /// The first without a marker: it may have begun, and what was printed last is its.
    Unfinished,
    /// Nothing of it is there.
    NotReached,
}

impl End {
    /// Whether `timeout` in the guest ended it after so long.
    ///
    /// Codes: 124 of coreutils, 143 (SIGTERM) of busybox, 137 (SIGKILL) of both for what ignores the first signal.
    pub fn is_killed(self, limit: Duration) -> bool {
        match self {
            Self::Exited { code: 124 | 137 | 143, seconds } => seconds >= limit.as_secs(),
            _ => false,
        }
    }
}

/// One of a bundle's streams, as the API gave it.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// The text.
    pub text: &'a str,
    /// Something of it is missing.
    pub truncated: bool,
    /// Finds where in a text something was left out.
    pub gap: fn(&str) -> Option<usize>,
}

/// Takes apart what a bundle of so many steps printed.
pub fn take_apart<'a>(marker: &Marker, steps: usize, stdout: Whole<'a>, stderr: Whole<'a>) -> Vec<Part<'a>> {
    let marker = marker.whole();
    let out = split(&marker, steps, 2, stdout);
    let err = split(&marker, steps, 0, stderr);
    let ended = out.iter().rposition(|piece| piece.numbers.is_some()).map_or(0, |last| last + 1);
    let parts = out.into_iter().zip(err).enumerate();
    parts
        .map(|(index, (out, err))| Part {
            end: match out.numbers.as_deref() {
                Some(&[code, seconds]) => End::Exited { code, seconds: u64::try_from(seconds).unwrap_or(0) },
                _ if index < ended => End::Lost,
                _ if index == ended => End::Unfinished,
                _ => End::NotReached,
            },
            stdout: out.printed,
            stderr: err.printed,
        })
        .collect()
}

/// What stands before a step's marker, and the numbers in it; `None` where there is no marker.
#[derive(Debug, Clone, Default)]
struct Piece<'a> {
    printed: Printed<'a>,
    numbers: Option<Vec<i64>>,
}

/// Cuts a stream at its markers, each of which has the step's number and so many numbers more.
fn split<'a>(marker: &str, steps: usize, more: usize, stream: Whole<'a>) -> Vec<Piece<'a>> {
    let mut pieces = vec![Piece::default(); steps];
    let (mut rest, mut next) = (stream.text, 0);
    while let Some(found) = find(marker, more, Whole { text: rest, ..stream }, next..steps) {
        let mut text = &rest[..found.start];
        if found.step > next {
            // Markers are missing: what was left out took them with it.
            let gap = (stream.gap)(text).unwrap_or(0);
            pieces[next].printed = Printed { text: &text[..gap], cut: true };
            for piece in &mut pieces[next + 1..found.step] {
                piece.printed.cut = true;
            }
            text = &text[gap..];
        }
        pieces[found.step].printed = Printed { text, cut: found.step > next };
        pieces[found.step].numbers = Some(found.numbers);
        (rest, next) = (&rest[found.end..], found.step + 1);
    }
    if let Some((piece, later)) = pieces.get_mut(next..).and_then(<[_]>::split_first_mut) {
        piece.printed = Printed { text: rest, cut: stream.truncated };
        // What is missing may have been theirs.
        for piece in later {
            piece.printed.cut = stream.truncated;
        }
    }
    if stream.truncated {
        let gaps: Vec<bool> = pieces.iter().map(|piece| (stream.gap)(piece.printed.text).is_some()).collect();
        let known = gaps.contains(&true) || pieces.iter().any(|piece| piece.printed.cut);
        for (piece, gap) in pieces.iter_mut().zip(gaps) {
            // Where nobody can say whose output is cut, it may be anybody's.
            piece.printed.cut |= gap || !known;
        }
    }
    pieces
}

/// A marker that was found.
struct Found {
    start: usize,
    end: usize,
    step: usize,
    numbers: Vec<i64>,
}

/// Finds the first marker of one of these steps in a text.
fn find(marker: &str, more: usize, stream: Whole<'_>, steps: Range<usize>) -> Option<Found> {
    let text = stream.text;
    // What was left out may begin within a marker, or just behind it: then the line break after it is not its own.
    let is_cut = |end: usize| stream.truncated && (stream.gap)(&text[end..]) == Some(0);
    let wanted = format!("\n{marker} ");
    let mut from = 0;
    while let Some(start) = text[from..].find(&wanted).map(|start| from + start) {
        let line = start + wanted.len();
        if let Some(length) = text[line..].find('\n') {
            let numbers: Option<Vec<i64>> =
                text[line..line + length].split(' ').map(|number| number.parse().ok()).collect();
            if let Some(numbers) = numbers.filter(|numbers| numbers.len() == 1 + more)
                && !is_cut(line + length)
                && let Some(step) = usize::try_from(numbers[0]).ok().filter(|step| steps.contains(step))
            {
                let numbers = numbers[1..].to_vec();
                return Some(Found { start, end: line + length + 1, step, numbers });
            }
        }
        from = start + 1;
    }
    None
}
