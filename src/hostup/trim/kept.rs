//! The head and the tail of a string that may be too long to keep.

use crate::engine::Stream;

/// What became of a string on its way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::hostup) struct Change {
    /// The middle was left out.
    pub(in crate::hostup) cut: bool,
    /// Something that is not text was replaced.
    pub(in crate::hostup) lossy: bool,
}

impl Change {
    /// What became of two strings together.
    pub(in crate::hostup) fn and(self, other: Self) -> Self {
        Self { cut: self.cut || other.cut, lossy: self.lossy || other.lossy }
    }

    /// One character that says all of it, for [`Change::untag`].
    fn tag(self) -> char {
        match (self.cut, self.lossy) {
            (false, false) => '0',
            (true, false) => '1',
            (false, true) => '2',
            (true, true) => '3',
        }
    }

    /// Takes apart what [`Kept::finish`] put together.
    pub(in crate::hostup) fn untag(tagged: &str) -> (Self, &str) {
        let mut text = tagged.chars();
        let (cut, lossy) = match text.next() {
            Some('1') => (true, false),
            Some('2') => (false, true),
            Some('3') => (true, true),
            _ => (false, false),
        };
        (Self { cut, lossy }, text.as_str())
    }
}

/// Collects a string and forgets its middle: memory is bounded by twice the cap.
#[derive(Debug)]
pub(super) struct Kept {
    /// Bytes of UTF-8 up to which the whole string is kept.
    cap: usize,
    head: String,
    tail: String,
    length: usize,
    lossy: bool,
}

impl Kept {
    pub(super) fn new(cap: usize) -> Self {
        Self { cap, head: String::new(), tail: String::new(), length: 0, lossy: false }
    }

    /// Goes on with text.
    pub(super) fn push(&mut self, text: &str) {
        let mut rest = text;
        // The head is open until the first character that does not fit.
        if self.length == self.head.len() {
            let room = (self.cap / 2).saturating_sub(self.head.len());
            let (fits, after) = text.split_at(boundary_before(text, room));
            self.head.push_str(fits);
            rest = after;
        }
        self.tail.push_str(rest);
        self.length += text.len();
        // As much as would complete a string of just the cap's length. Twice that, so that the copying is rare.
        let needed = self.cap - self.head.len();
        if self.tail.len() > 2 * needed {
            self.shorten_tail(needed);
        }
    }

    /// Goes on with one character.
    pub(super) fn push_char(&mut self, character: char) {
        self.push(character.encode_utf8(&mut [0; 4]));
    }

    /// Goes on with something that is not text.
    pub(super) fn push_replacement(&mut self) {
        self.lossy = true;
        self.push_char(char::REPLACEMENT_CHARACTER);
    }

    /// The string, or its head and tail with a line between them, behind a tag that says what became of it.
    pub(super) fn finish(mut self) -> String {
        let cut = self.length > self.cap;
        let mut tagged = String::from(Change { cut, lossy: self.lossy }.tag());
        if cut {
            self.shorten_tail(self.cap / 2);
        }
        tagged.push_str(&self.head);
        if cut {
            let left_out = self.length - self.head.len() - self.tail.len();
            tagged.push_str(&Stream::left_out(left_out));
        }
        tagged.push_str(&self.tail);
        tagged
    }

    fn shorten_tail(&mut self, to: usize) {
        let from = boundary_after(&self.tail, self.tail.len().saturating_sub(to));
        self.tail.drain(..from);
    }
}

fn boundary_before(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

fn boundary_after(text: &str, index: usize) -> usize {
    (index..text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keep(cap: usize, parts: &[String]) -> String {
        let mut kept = Kept::new(cap);
        for part in parts {
            kept.push(part);
        }
        kept.finish()
    }

    #[test]
    fn a_long_string_loses_its_middle_at_character_boundaries() {
        assert_eq!(keep(8, &["abcdefgh".into()]), "0abcdefgh");
        assert_eq!(keep(8, &["abcdefghi".into()]), "1abcd\n[… 1 bytes left out …]\nfghi");
        // `å` and `ö` are two bytes each: neither half of one is kept.
        assert_eq!(keep(8, &["abcå12ö34x".into()]), "1abc\n[… 6 bytes left out …]\n34x");
    }

    proptest! {
        #[test]
        fn what_is_kept_does_not_depend_on_the_parts(
            parts in prop::collection::vec("[a-cåß€😀]{0,9}", 0..8), cap in 0_usize..40,
        ) {
            let whole = parts.concat();
            let tagged = keep(cap, &parts);
            prop_assert_eq!(&tagged, &keep(cap, std::slice::from_ref(&whole)));
            let (change, text) = Change::untag(&tagged);
            prop_assert_eq!(change, Change { cut: whole.len() > cap, lossy: false });
            if !change.cut {
                prop_assert_eq!(text, whole);
                return Ok(());
            }
            // A character of four bytes may leave three unused at each end.
            let head = (cap / 2).saturating_sub(3)..=cap / 2;
            let found = head.clone().flat_map(|head| head_and_tail(&whole, head, cap)).any(|expected| expected == text);
            prop_assert!(found, "{} from {}", text, whole);
        }
    }

    /// All the ways to cut `whole` with a head of this length.
    fn head_and_tail(whole: &str, head: usize, cap: usize) -> Vec<String> {
        ((cap / 2).saturating_sub(3)..=cap / 2)
            .filter_map(|tail| {
                let left_out = Stream::left_out(whole.len() - head - tail);
                Some(format!("{}{left_out}{}", whole.get(..head)?, whole.get(whole.len() - tail..)?))
            })
            .collect()
    }
}
