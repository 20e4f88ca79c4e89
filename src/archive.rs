//! Texts that are kept from when they arrive to the report: outputs of commands, and what the listing said of a VPS.
//!
//! A [`Text`] is in memory or in an [`Archive`], and reads the same. Whoever makes it decides where it is; whoever
//! reads it need not know. Kept out: files, and how much memory there is (`runner/overflow.rs`).

use std::{borrow::Cow, fmt, sync::Arc};

/// Where texts are that are not in memory.
pub trait Archive: Send + Sync {
    /// Reads the text of `length` bytes that begins at byte `at`.
    ///
    /// # Errors
    /// [`Lost`]
    fn read(&self, at: u64, length: usize) -> Result<String, Lost>;
}

/// A text cannot be read back, for this reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a text that was put aside cannot be read back: {0}")]
pub struct Lost(pub String);

/// A text that never changes, wherever it is.
#[derive(Clone)]
pub struct Text(Place);

#[derive(Clone)]
enum Place {
    Here(Box<str>),
    There { archive: Arc<dyn Archive>, at: u64, length: u32 },
}

impl Text {
    /// A text in an archive: `length` bytes from byte `at`.
    pub fn archived(archive: Arc<dyn Archive>, at: u64, length: u32) -> Self {
        Self(Place::There { archive, at, length })
    }

    /// The text.
    ///
    /// # Errors
    /// [`Lost`], of an archived one.
    pub fn read(&self) -> Result<Cow<'_, str>, Lost> {
        match &self.0 {
            Place::Here(text) => Ok(Cow::Borrowed(text)),
            Place::There { archive, at, length } => archive.read(*at, *length as usize).map(Cow::Owned),
        }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Place::Here(text) => text.len(),
            Place::There { length, .. } => *length as usize,
        }
    }

    /// Whether it has no characters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part of it as a text of its own, in the same place. `part` is a slice of `read`, which is what
    /// [`read`](Self::read) gave; a text that is none comes into memory.
    #[must_use]
    pub fn part(&self, read: &str, part: &str) -> Self {
        let before = part.as_ptr().addr().checked_sub(read.as_ptr().addr());
        match (&self.0, before, u32::try_from(part.len())) {
            (Place::There { archive, at, .. }, Some(before), Ok(length))
                if before + part.len() <= read.len() =>
            {
                Self::archived(Arc::clone(archive), *at + before as u64, length)
            }
            _ => part.into(),
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        "".into()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Place::Here(text.into()))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Place::Here(text.into()))
    }
}

impl PartialEq for Text {
    /// Compares what they say. A lost text is like no other.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.read().is_ok_and(|one| other.read().is_ok_and(|two| one == two))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.read() {
            Ok(text) => fmt::Debug::fmt(&*text, formatter),
            Err(lost) => fmt::Debug::fmt(&lost, formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Shelf(&'static str);

    impl Archive for Shelf {
        fn read(&self, at: u64, length: usize) -> Result<String, Lost> {
            let from = usize::try_from(at).unwrap();
            self.0.get(from..from + length).map(str::to_owned).ok_or_else(|| Lost("torn".to_owned()))
        }
    }

    fn archived(at: u64, length: u32) -> Text {
        Text::archived(Arc::new(Shelf("one two three")), at, length)
    }

    #[test]
    fn a_text_reads_the_same_wherever_it_is() {
        assert_eq!(archived(4, 3), "two".into());
        assert_ne!(archived(4, 3), "six".into());
        assert_eq!((archived(4, 3).len(), format!("{:?}", archived(4, 3))), (3, "\"two\"".to_owned()));
        assert!(Text::default().is_empty());
    }

    #[test]
    fn a_lost_text_is_like_no_other() {
        let lost = archived(100, 3);
        assert_eq!(lost.read(), Err(Lost("torn".to_owned())));
        assert_ne!(lost, lost.clone());
    }

    #[test]
    fn a_part_stays_where_the_whole_is() {
        let whole = archived(4, 9);
        let read = whole.read().unwrap();
        let part = whole.part(&read, &read[4..]);
        assert!(matches!(part.0, Place::There { at: 8, length: 5, .. }));
        assert_eq!(part, "three".into());
        // What is no part of it is taken as it is.
        assert_eq!(whole.part(&read, "four"), "four".into());
        assert_eq!(Text::from("one two").part("one two", "two"), "two".into());
    }
}
