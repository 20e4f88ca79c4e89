//! Knobs that are one of a few words: an enum, and the word for each of its values.

/// A value that is picked by its word.
pub(super) trait Choice: Copy + 'static {
    /// Every word with its value, the default first.
    const ALL: &'static [(&'static str, Self)];
}

/// Finds the value that a word stands for.
///
/// # Errors
/// The words that would have been right.
pub(super) fn choose<T: Choice>(word: &str) -> Result<T, String> {
    T::ALL.iter().find(|(name, _)| *name == word).map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<&str> = T::ALL.iter().map(|(name, _)| *name).collect();
        format!("one of {}", words.join(", "))
    })
}

/// Declares an enum whose values are written `Value = "word"`.
macro_rules! choices {
    ($(
        $(#[$of_enum:meta])*
        $visibility:vis enum $name:ident { $( $(#[$of_value:meta])* $value:ident = $word:literal, )+ }
    )+) => { $(
        $(#[$of_enum])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        $visibility enum $name { $( $(#[$of_value])* $value, )+ }

        impl $crate::sandbox::choice::Choice for $name {
            const ALL: &'static [(&'static str, Self)] = &[ $( ($word, Self::$value), )+ ];
        }
    )+ };
}
pub(super) use choices;
