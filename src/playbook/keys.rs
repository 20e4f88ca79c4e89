//! What a playbook may say: every key with its meaning, its shape, its default and an example.
//!
//! The table is the one source for whoever has to know the keys: `reader` (which there are, and which one a
//! mistyped key was meant to be), the JSON Schema for editors, and the reference in `docs/playbook.md`. Reading the
//! values is `schema`'s work; tests hold the two against each other.

mod table;

pub(super) use self::table::{ALL, PLAYBOOK, REPORT, STEP, STRATEGY, TARGETS, VARIABLE};

/// A mapping of a playbook, and the keys it may have.
#[derive(Debug)]
pub(super) struct Keys {
    /// What the mapping is, for messages: "a step".
    pub(super) of: &'static str,
    /// Where it stands: "in a step", "under `strategy`".
    pub(super) place: &'static str,
    /// Its section of the reference, and what the JSON Schema calls it.
    pub(super) section: &'static str,
    /// One sentence on what it is for.
    pub(super) meaning: &'static str,
    /// Which of its keys must be there.
    pub(super) needs: Needs,
    /// What to do about names that are none of its keys, where people expect that they are.
    pub(super) stray: Option<&'static str>,
    /// Its keys, in the order in which people write them.
    pub(super) groups: &'static [Group],
}

/// Which keys a mapping cannot do without.
#[derive(Debug, Clone, Copy)]
pub(super) enum Needs {
    Nothing,
    One(&'static str),
    ExactlyOneOf(&'static [&'static str]),
}

/// Keys that may stand in a mapping together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) keys: &'static [Key],
    /// The key without which these have no meaning here.
    pub(super) beside: Option<&'static str>,
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What it is for, one or two sentences of plain text: an editor shows them beside the key.
    pub(super) meaning: &'static str,
    pub(super) shape: Shape,
    pub(super) default: Default,
    /// Its value in an example, as YAML.
    pub(super) example: &'static str,
    /// What people write for it who know it from other tools.
    pub(super) synonyms: &'static [&'static str],
}

/// What holds where a key is not given.
#[derive(Debug, Clone, Copy)]
pub(super) enum Default {
    /// The same as this value, as YAML.
    Value(&'static str),
    /// What these words say.
    Words(&'static str),
    /// Nothing: the key is needed, or means nothing when it is not there.
    Nothing,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Text that is not blank.
    Text,
    /// Text with `{{ … }}` in it.
    Template,
    Expression,
    Duration,
    Rate,
    /// A whole number of targets to work on at a time.
    Concurrency,
    /// A number of targets or a percentage of them, nobody included.
    Portion,
    /// The same, of at least one.
    BatchSize,
    ExitCode,
    Boolean,
    /// One of these words, each with its meaning.
    Words(&'static [(&'static str, &'static str)]),
    /// A column of the report.
    Column,
    /// `outcome` or a column.
    Grouping,
    /// A glob, a number or a boolean to compare a field with.
    Pattern,
    /// A text, a number or a boolean, or a list of them, maybe empty.
    Literals,
    /// Nothing at all.
    Null,
    /// One, or a list of at least one.
    OneOrMore(&'static Self),
    /// A list of at least one.
    List(&'static Self),
    /// A mapping with these keys.
    Mapping(&'static Keys),
    /// A mapping whose keys are names of the author's choice.
    Named(Names, &'static Self),
    AnyOf(&'static [Self]),
}

/// What the author's own names in a mapping may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// The dotted path of a target's field.
    Path,
    /// A name that expressions and templates can use.
    Identifier,
    /// Any text.
    Free,
}

impl Keys {
    /// All keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.groups.iter().flat_map(|group| group.keys)
    }

    /// The names of all keys.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys().map(|key| key.name)
    }

    /// Whether it has a key of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// The key that another tool calls so.
    pub(super) fn by_synonym(&self, word: &str) -> Option<&'static str> {
        self.keys().find(|key| key.synonyms.contains(&word)).map(|key| key.name)
    }
}

impl Key {
    /// A key without default, example and synonyms; the methods below add them.
    const fn new(name: &'static str, shape: Shape, meaning: &'static str) -> Self {
        Self { name, meaning, shape, default: Default::Nothing, example: "", synonyms: &[] }
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.default = Default::Value(value);
        self
    }

    const fn otherwise(mut self, words: &'static str) -> Self {
        self.default = Default::Words(words);
        self
    }

    const fn example(mut self, value: &'static str) -> Self {
        self.example = value;
        self
    }

    const fn synonyms(mut self, words: &'static [&'static str]) -> Self {
        self.synonyms = words;
        self
    }
}

#[cfg(test)]
mod tests;
