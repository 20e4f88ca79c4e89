//! Where the texts of a large run go: some into memory, the rest into a file without a name.
//!
//! A hundred thousand outputs of a kibibyte are 100 MB that nobody looks at before the report. So only the first few
//! megabytes stay in memory. The file is made when it is first needed, in the directory for temporary files (`TMPDIR`);
//! it has no name and is this user's alone, and the system takes it away when the process ends, however it ends. Where
//! there is none to be had, everything stays in memory.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use crate::archive::{Archive, Lost, Text};

/// Bytes of texts that stay in memory.
const IN_MEMORY: usize = 8 << 20;

/// A shorter text takes hardly more room than the note of where it is.
const SHORT: usize = 32;

/// Keeps texts.
#[derive(Debug)]
pub(super) struct Overflow {
    in_memory: AtomicUsize,
    /// `None` inside where it could not be made.
    file: OnceLock<Option<File>>,
    /// Where the file ends.
    end: AtomicU64,
    most: usize,
}

impl Overflow {
    pub(super) fn new() -> Arc<Self> {
        Self::above(IN_MEMORY)
    }

    fn above(most: usize) -> Arc<Self> {
        Arc::new(Self { in_memory: AtomicUsize::new(0), file: OnceLock::new(), end: AtomicU64::new(0), most })
    }

    /// Finds a place for a text. It is written at once, without leaving the thread: that takes a few microseconds,
    /// for the system writes it to the disk when it likes, if at all.
    pub(super) fn keep(self: &Arc<Self>, text: Text) -> Text {
        let length = text.len();
        if length <= SHORT || self.in_memory.fetch_add(length, Relaxed) + length <= self.most {
            return text;
        }
        self.in_memory.fetch_sub(length, Relaxed);
        self.write(&text).unwrap_or(text)
    }

    /// Writes a text to the file, if there is one and it takes it.
    fn write(self: &Arc<Self>, text: &Text) -> Option<Text> {
        let file = self.file.get_or_init(Self::make).as_ref()?;
        let text = text.read().ok()?;
        let length = u32::try_from(text.len()).ok()?;
        let at = self.end.fetch_add(length.into(), Relaxed);
        match file.write_all_at(text.as_bytes(), at) {
            Ok(()) => Some(Text::archived(Arc::<Self>::clone(self), at, length)),
            Err(error) => {
                tracing::debug!(%error, "a text stays in memory: the temporary file does not take it");
                None
            }
        }
    }

    fn make() -> Option<File> {
        let made = tempfile::tempfile();
        if let Err(error) = &made {
            tracing::warn!("no temporary file ({error}), so everything stays in memory");
        }
        made.ok()
    }
}

impl Archive for Overflow {
    fn read(&self, at: u64, length: usize) -> Result<String, Lost> {
        let read = || -> io::Result<String> {
            let file = self.file.get().and_then(Option::as_ref).ok_or(io::ErrorKind::NotFound)?;
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, at)?;
            String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
        };
        read().map_err(|error| {
            tracing::warn!("the temporary file cannot be read: {error}");
            Lost(error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_into_memory_is_read_back_from_the_file() {
        let overflow = Overflow::above(100);
        let texts: Vec<String> = (0..50).map(|number| format!("å{number:099}")).collect();
        let kept: Vec<Text> = texts.iter().map(|text| overflow.keep(text.as_str().into())).collect();
        assert!(overflow.in_memory.load(Relaxed) <= 100);
        assert_eq!(overflow.end.load(Relaxed), 50 * 101);
        for (text, kept) in texts.iter().zip(&kept) {
            assert_eq!(kept.read().as_deref(), Ok(text.as_str()));
        }
    }

    #[test]
    fn a_small_run_makes_no_file() {
        let overflow = Overflow::new();
        assert_eq!(overflow.keep("x".repeat(1000).into()).len(), 1000);
        assert!(overflow.file.get().is_none());
    }

    #[test]
    fn what_is_gone_from_the_file_is_lost_and_not_made_up() {
        let overflow = Overflow::above(0);
        let kept = overflow.keep("x".repeat(1000).into());
        overflow.file.get().and_then(Option::as_ref).unwrap().set_len(10).unwrap();
        assert!(kept.read().is_err());
    }
}
