//! A program's flags and operands, as getopt takes them apart.

use crate::sandbox::guest::simulated::{
    machine::{Stop, lost},
    sh::Shell,
};

/// What a program was called with.
pub(super) struct Options {
    given: Vec<(char, String)>,
    pub(super) operands: Vec<String>,
}

impl Options {
    /// Reads words by the short flags that a program has (`n:` takes a value) and its long ones, each with the short
    /// one that it stands for.
    ///
    /// # Errors
    /// A flag that is not among them: real programs may have it.
    pub(super) fn read(words: &[String], short: &str, long: &[(&str, char)]) -> Result<Self, Stop> {
        let (mut given, mut operands) = (Vec::new(), Vec::new());
        let unknown = |flag: &str| lost(format!("{} {flag} is not simulated", words[0]));
        let takes_value = |letter: char| short.contains(&format!("{letter}:"));
        let mut rest = words[1..].iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                operands.extend(rest.by_ref().cloned());
            } else if let Some(name) = word.strip_prefix("--") {
                let (name, value) =
                    name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
                let (_, letter) =
                    long.iter().find(|(known, _)| *known == name).ok_or_else(|| unknown(word))?;
                let value = match value {
                    Some(value) => value.to_owned(),
                    None if takes_value(*letter) => rest.next().cloned().unwrap_or_default(),
                    None => String::new(),
                };
                given.push((*letter, value));
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                let mut letters = letters.chars();
                while let Some(letter) = letters.next() {
                    if letter == ':' || !short.contains(letter) {
                        return Err(unknown(&format!("-{letter}")));
                    }
                    if !takes_value(letter) {
                        given.push((letter, String::new()));
                        continue;
                    }
                    let value = match letters.as_str() {
                        "" => rest.next().cloned().unwrap_or_default(),
                        value => value.to_owned(),
                    };
                    given.push((letter, value));
                    break;
                }
            } else {
                operands.push(word.clone());
            }
        }
        Ok(Self { given, operands })
    }

    pub(super) fn has(&self, letter: char) -> bool {
        self.given.iter().any(|(known, _)| *known == letter)
    }

    /// The last value given for a flag.
    pub(super) fn value(&self, letter: char) -> Option<&str> {
        self.values(letter).last()
    }

    pub(super) fn values(&self, letter: char) -> impl Iterator<Item = &str> {
        self.given.iter().filter(move |(known, _)| *known == letter).map(|(_, value)| value.as_str())
    }
}

/// `-5` as `-n 5`, for `head` and `tail`.
pub(super) fn with_old_count(words: &[String]) -> Vec<String> {
    let mut words = words.to_vec();
    if let Some(word) = words.get_mut(1)
        && word.len() > 1
        && word.starts_with('-')
        && word[1..].bytes().all(|byte| byte.is_ascii_digit())
    {
        *word = format!("-n{}", &word[1..]);
    }
    words
}

impl Shell<'_, '_> {
    /// What a filter reads: the files that it is given, or standard input; and whether some could not be read.
    pub(super) fn inputs(
        &mut self,
        program: &str,
        files: &[String],
    ) -> Result<(Vec<(String, Vec<u8>)>, bool), Stop> {
        if files.is_empty() {
            return Ok((vec![("-".to_owned(), self.input()?)], false));
        }
        let (mut inputs, mut failed) = (Vec::new(), false);
        for file in files {
            match self.input_of(file)? {
                Ok(bytes) => inputs.push((file.clone(), bytes)),
                Err(why) => {
                    self.complain(&format!("{program}: {file}: {why}\n"));
                    failed = true;
                }
            }
        }
        Ok((inputs, failed))
    }

    /// A file's bytes, `-` being standard input.
    pub(super) fn input_of(&mut self, file: &str) -> Result<Result<Vec<u8>, &'static str>, Stop> {
        let path = self.path(file);
        if file == "-" || path == "/dev/stdin" {
            return self.input().map(Ok);
        }
        let read = self.machine.files.read(&path)?;
        self.machine.spend_bytes(read.as_ref().map_or(0, Vec::len))?;
        Ok(read)
    }

    /// The same as one text.
    pub(super) fn input_text(&mut self, program: &str, files: &[String]) -> Result<(String, bool), Stop> {
        let (inputs, failed) = self.inputs(program, files)?;
        let bytes: Vec<u8> = inputs.into_iter().flat_map(|(_, bytes)| bytes).collect();
        Ok((String::from_utf8_lossy(&bytes).into_owned(), failed))
    }

    /// A name as a path from the root.
    pub(super) fn path(&self, name: &str) -> String {
        crate::sandbox::guest::simulated::files::absolute(&self.state.directory, name)
    }
}

/// Lines, each with a new line after it, be it there in the text or not.
pub(super) fn joined<T: AsRef<str>>(lines: impl IntoIterator<Item = T>) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.as_ref());
        text.push('\n');
    }
    text
}
