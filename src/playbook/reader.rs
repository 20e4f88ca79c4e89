//! Reads typed values out of a YAML tree and collects every mistake on the way, warnings too.
//!
//! Each question ("the text under this key", "one of these words") answers `None` where there is no good answer
//! and has then noted why, so that reading goes on and finds the next mistake too. Which keys there are, and what
//! they mean, is `schema`'s knowledge.

use super::{
    Diagnostic, QuantityError, Source, Span,
    keys::{ALL, Keys, Shape},
    nearest::nearest,
    placement,
    yaml::{Content, Node},
};

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Field<'n> {
    pub(super) key: &'n str,
    pub(super) key_span: Span,
    pub(super) node: &'n Node,
}

/// The entries of a mapping whose keys are known. An unknown key that was probably meant to be one of them has been
/// noted, and stands here for that one, so that the mistakes under it are found too.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    entries: Vec<Field<'n>>,
    /// Whether there were others that nothing could be made of.
    pub(super) strays: bool,
}

impl<'n> Field<'n> {
    /// The field under a key of a mapping that has been read before.
    pub(super) fn of(mapping: &'n Node, key: &str) -> Option<Self> {
        let Content::Mapping(entries) = &mapping.content else { return None };
        entries.iter().find_map(|(name, node)| match &name.content {
            Content::Text(text) if text == key => {
                Some(Field { key: text, key_span: name.span.clone(), node })
            }
            _ => None,
        })
    }

    /// Its value, or its key where the value takes no place in the text.
    fn place(&self) -> Span {
        if self.node.span.is_empty() { self.key_span.clone() } else { self.node.span.clone() }
    }
}

impl<'n> Fields<'n> {
    /// The field under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Field<'n>> {
        self.entries.iter().find(|field| field.key == key)
    }
}

/// Reads one source text and keeps its mistakes.
#[derive(Debug)]
pub(super) struct Reader<'s> {
    source: &'s Source,
    /// The section of the reference about what is being read.
    section: Option<&'static str>,
    found: Vec<Diagnostic>,
}

impl<'s> Reader<'s> {
    pub(super) fn new(source: &'s Source) -> Self {
        Self { source, section: None, found: Vec::new() }
    }

    /// From here on, mistakes are about what this section of the reference describes.
    pub(super) fn turn_to(&mut self, section: &'static str) {
        self.section = Some(section);
    }

    /// Notes a mistake or a warning.
    pub(super) fn note(&mut self, diagnostic: Diagnostic) {
        let section = diagnostic.section.or(self.section);
        self.found.push(Diagnostic { section, ..diagnostic });
    }

    /// Notes a mistake or a warning about a part of a scalar's text: a span of the text becomes one of the file.
    pub(super) fn note_inside(&mut self, field: &Field<'_>, text: &str, mut mistake: Diagnostic) {
        mistake.span = Some(match mistake.span {
            Some(part) => placement::place(&self.source.text, &field.node.span, text, &part),
            None => field.key_span.clone(),
        });
        self.note(mistake);
    }

    /// All that was noted.
    pub(super) fn into_found(self) -> Vec<Diagnostic> {
        self.found
    }

    pub(super) fn line_of(&self, span: &Span) -> usize {
        self.source.line_column(span.start).0
    }

    /// A node as it is written.
    pub(super) fn written(&self, node: &Node) -> &'s str {
        &self.source.text[node.span.clone()]
    }

    /// Reads a mapping with known keys; `at` is what to point at where it is something else.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, at: &Span, keys: &Keys) -> Option<Fields<'n>> {
        self.turn_to(keys.section);
        let (mut entries, unknown): (Vec<_>, Vec<_>) =
            self.entries(node, at, keys.of)?.into_iter().partition(|field| keys.has(field.key));
        let mut strays = false;
        for field in unknown {
            if let Some(meant) = self.unknown_key(&field, keys)
                && !entries.iter().any(|known| known.key == meant)
            {
                entries.push(Field { key: meant, ..field });
            } else {
                strays = true;
            }
        }
        Some(Fields { entries, strays })
    }

    /// Notes an unknown key, and answers which key of this mapping was probably meant.
    fn unknown_key(&mut self, field: &Field<'_>, keys: &Keys) -> Option<&'static str> {
        let key = field.key;
        let mistake = Diagnostic::at(
            field.key_span.clone(),
            format!("unknown key `{}` in {}", shortened(key), keys.of),
        );
        // The innermost first: `timeout` belongs in a step, though it may stand beside a `run` at the top.
        // But `name` under `targets` is the server's.
        let mut others = ALL.iter().rev().filter(|_| keys.stray.is_none() || key != "name");
        if let Some(other) = others.find(|other| other.has(key)) {
            let mistake = mistake.label(format!("`{key}` belongs {}", other.place));
            self.note(if key == "where" && keys.has("when") {
                mistake.help("what decides whether a step runs on a target is its `when`")
            } else {
                mistake
            });
            return None;
        }
        let meant = keys.by_synonym(key).or_else(|| nearest(key, keys.names()));
        let elsewhere =
            || ALL.iter().find_map(|other| other.by_synonym(key).map(|meant| (meant, other.place)));
        self.note(if let Some(meant) = meant {
            mistake.label(format!("did you mean `{meant}`?"))
        } else if let Some((meant, place)) = elsewhere() {
            mistake.label(format!("did you mean `{meant}`, {place}?"))
        } else {
            let names: Vec<_> = keys.names().collect();
            let help = format!("the keys of {} are {}", keys.of, listed(&names));
            mistake.help(match keys.stray {
                Some(remedy) => format!("{help}; {remedy}"),
                None => help,
            })
        });
        meant
    }

    /// Reads a mapping whose keys are names of the author's own.
    pub(super) fn entries<'n>(&mut self, node: &'n Node, at: &Span, what: &str) -> Option<Vec<Field<'n>>> {
        let Content::Mapping(mapping) = &node.content else {
            let place = if node.span.is_empty() { at.clone() } else { node.span.clone() };
            self.note(match &node.content {
                Content::Null => Diagnostic::at(at.clone(), format!("{what} is empty"))
                    .help("write its keys below it, indented, or remove it"),
                _ => Diagnostic::at(place, format!("{what} must be a mapping, not {}", self.found(node)))
                    .help("a mapping is keys with values, one a line: `key: value`"),
            });
            return None;
        };
        let mut fields: Vec<Field<'n>> = Vec::new();
        for (key, value) in mapping {
            let Content::Text(text) = &key.content else {
                let found = self.found(key);
                self.note(Diagnostic::at(key.span.clone(), format!("a key must be text, not {found}")));
                continue;
            };
            if let Some(first) = fields.iter().find(|field| field.key == text) {
                let line = self.line_of(&first.key_span);
                self.note(
                    Diagnostic::at(key.span.clone(), format!("duplicate key `{}`", shortened(text)))
                        .label(format!("it is already in line {line}"))
                        .help("only one of them can count; remove the other"),
                );
                continue;
            }
            fields.push(Field { key: text, key_span: key.span.clone(), node: value });
        }
        Some(fields)
    }

    /// Reads text that is not blank.
    pub(super) fn text<'n>(&mut self, field: &Field<'n>) -> Option<&'n str> {
        match &field.node.content {
            Content::Text(text) if text.trim().is_empty() => {
                let mistake = Diagnostic::at(field.place(), format!("`{}` is empty", field.key));
                self.note(mistake.help("write its text, or remove the key"));
                None
            }
            Content::Text(text) => Some(text),
            _ => {
                let mut mistake = self.unexpected(field, "text");
                if let Content::Number(_) | Content::Boolean(_) = field.node.content {
                    mistake = mistake.help(format!("put it in quotes: \"{}\"", self.written(field.node)));
                } else if self.source.text[field.node.span.start..].starts_with("{{") {
                    mistake = mistake
                        .help("a value that begins with `{{` needs quotes around the whole of it, or a block: `run: |`");
                }
                self.note(mistake);
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, field: &Field<'_>) -> Option<bool> {
        if let Content::Boolean(value) = field.node.content {
            return Some(value);
        }
        let mistake = self.unexpected(field, "`true` or `false`");
        let meant = match &field.node.content {
            Content::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "y" => "true",
                "false" | "no" | "off" | "n" => "false",
                _ => "",
            },
            _ => "",
        };
        self.note(if meant.is_empty() {
            mistake
        } else {
            mistake
                .help(format!("`yes`, `no`, `on`, `off` and whatever is in quotes are text; write `{meant}`"))
        });
        None
    }

    /// Reads one of several words.
    pub(super) fn one_of<T: Copy>(&mut self, field: &Field<'_>, words: &[(&'static str, T)]) -> Option<T> {
        let written = match &field.node.content {
            Content::Text(text) => text.as_str(),
            _ => "",
        };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
            return Some(*value);
        }
        let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let mistake = self.unexpected(field, &format!("one of {}", listed(&names)));
        let known = ALL.iter().flat_map(|keys| keys.keys()).find(|key| key.name == field.key);
        self.note(match (nearest(written, names), known.map(|key| key.shape)) {
            (Some(near), _) => mistake.label(format!("did you mean `{near}`?")),
            (None, Some(Shape::Words(words))) => {
                let meanings: Vec<_> =
                    words.iter().map(|(word, meaning)| format!("`{word}`: {meaning}")).collect();
                mistake.help(meanings.join("; "))
            }
            _ => mistake,
        });
        None
    }

    /// Reads a quantity that is written as text (`30s`), as a bare number, or as either: `number` says which.
    pub(super) fn quantity<T>(
        &mut self,
        field: &Field<'_>,
        what: &str,
        number: Bare,
        parse: fn(&str) -> Result<T, QuantityError>,
    ) -> Option<T> {
        let written = match (&field.node.content, number) {
            (Content::Text(text), Bare::Allowed | Bare::Explained) => text,
            (Content::Number(_), _) => self.written(field.node),
            _ => {
                let mistake = self.unexpected(field, what);
                self.note(mistake);
                return None;
            }
        };
        match parse(written) {
            Ok(value) => Some(value),
            Err(QuantityError(why)) => {
                let (message, help) = why.split_once("; ").unwrap_or((&why, ""));
                let mistake = Diagnostic::at(field.place(), format!("`{}`: {message}", field.key));
                self.note(if help.is_empty() { mistake } else { mistake.help(help) });
                None
            }
        }
    }

    /// Reads one value or a list of them. An empty list is a mistake, `empty` says why.
    pub(super) fn one_or_more<'n>(&mut self, field: &Field<'n>, empty: &str) -> &'n [Node] {
        match &field.node.content {
            Content::List(items) if items.is_empty() => {
                let message = format!("`{}` is an empty list: {empty}", shortened(field.key));
                self.note(Diagnostic::at(field.key_span.clone(), message));
                &[]
            }
            Content::List(items) => items,
            _ => std::slice::from_ref(field.node),
        }
    }

    /// "`timeout` must be a duration, not a list", at the value where it has a place of its own.
    pub(super) fn unexpected(&self, field: &Field<'_>, expected: &str) -> Diagnostic {
        let key = shortened(field.key);
        if field.node.content == Content::Null {
            return Diagnostic::at(field.key_span.clone(), format!("`{key}` has no value"))
                .help(format!("write {expected} after it, or remove the key"));
        }
        Diagnostic::at(field.place(), format!("`{key}` must be {expected}, not {}", self.found(field.node)))
    }

    /// What a node is, for messages.
    pub(super) fn found(&self, node: &Node) -> String {
        match &node.content {
            Content::Null => "nothing".to_owned(),
            Content::Boolean(_) => format!("`{}`", self.written(node)),
            Content::Number(_) => format!("the number {}", shortened(self.written(node))),
            Content::Text(text) if text.starts_with('0') && text == self.written(node) => {
                format!("the text `{}` (a number does not begin with 0)", shortened(text))
            }
            Content::Text(text) => format!("the text `{}`", shortened(text)),
            Content::List(_) => "a list".to_owned(),
            Content::Mapping(_) => "a mapping".to_owned(),
        }
    }
}

/// Whether a quantity may be a bare number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    /// It must be one.
    Expected,
    /// It may be one.
    Allowed,
    /// It lacks its unit, and the parser's message says so.
    Explained,
}

/// `` `a`, `b`, `c` ``.
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A text on one line, short enough for a message.
pub(super) fn shortened(text: &str) -> String {
    let mut line = text.trim().lines().next().unwrap_or_default();
    if let Some((end, _)) = line.char_indices().nth(40) {
        line = &line[..end];
    }
    if line.len() < text.trim().len() { format!("{line}…") } else { line.to_owned() }
}
