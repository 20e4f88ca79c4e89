//! Bytes that arrive in pieces, as text.

/// Part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Valid, perhaps empty.
    Text(&'a str),
    /// Stands for a few bytes that are not UTF-8, as one U+FFFD would.
    Invalid,
}

/// Decodes UTF-8 whose characters may be split between chunks.
#[derive(Debug, Default)]
pub(super) struct Utf8Reader {
    /// The first bytes of a character whose others are to come: three at most.
    pending: Vec<u8>,
}

impl Utf8Reader {
    /// Hands on all the characters that are complete.
    pub(super) fn feed<E>(
        &mut self,
        mut chunk: &[u8],
        mut take: impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.pending.is_empty()
            && let Some((&byte, after)) = chunk.split_first()
        {
            chunk = after;
            self.pending.push(byte);
            let bytes = std::mem::take(&mut self.pending);
            self.pending.extend(decode(&bytes, &mut take)?);
        }
        self.pending.extend(decode(chunk, &mut take)?);
        Ok(())
    }

    /// Whether the bytes ended within a character.
    pub(super) fn ends_within_a_character(&self) -> bool {
        !self.pending.is_empty()
    }
}

/// Hands on what can be decoded and returns the rest.
fn decode<'a, E>(bytes: &'a [u8], take: &mut impl FnMut(Piece<'_>) -> Result<(), E>) -> Result<&'a [u8], E> {
    let mut done = 0;
    for part in bytes.utf8_chunks() {
        take(Piece::Text(part.valid()))?;
        done += part.valid().len();
        if part.invalid().is_empty() {
            continue;
        }
        let rest = &bytes[done..];
        if rest.len() == part.invalid().len() && may_go_on(rest) {
            return Ok(rest);
        }
        take(Piece::Invalid)?;
        done += part.invalid().len();
    }
    Ok(&[])
}

fn may_go_on(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn chunks_decode_as_the_whole_does(
            chunks in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..6),
                    // Halves of real characters are likelier to meet than random bytes are.
                    prop::sample::select(vec![vec![0xe2], vec![0x82], vec![0xac], vec![0xf0, 0x9f], vec![0x98, 0x80]]),
                ],
                0..12,
            )
        ) {
            let mut reader = Utf8Reader::default();
            let mut text = String::new();
            for chunk in &chunks {
                let fed = reader.feed(chunk, |piece| {
                    match piece {
                        Piece::Text(part) => text.push_str(part),
                        Piece::Invalid => text.push('\u{fffd}'),
                    }
                    Ok::<_, Infallible>(())
                });
                prop_assert!(fed.is_ok());
            }
            if reader.ends_within_a_character() {
                text.push('\u{fffd}');
            }
            prop_assert_eq!(text, String::from_utf8_lossy(&chunks.concat()).into_owned());
        }
    }
}
