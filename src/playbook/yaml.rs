//! YAML text becomes a tree in which every key and value knows its place.
//!
//! serde stops at the first thing it does not expect. To report all the mistakes of a playbook at once, the
//! text is first read into this untyped tree, repeated keys and all, and judged afterwards (`reader`, `schema`).
//! This is the only file that knows the YAML library. Its strict readings are chosen: `no` and `on` are text,
//! so is `012`, and tags of one's own are refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_yaml::{
    Error, Spanned,
    budget::BudgetBreach,
    options::{DuplicateKeyPolicy, NonFiniteFloatPolicy},
};

use super::{Diagnostic, Source, Span};

/// The largest text that is read, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

/// How deep lists and mappings may be nested, aliases followed. A playbook needs six levels; a level of the
/// library's reader takes up to 40 KiB of stack (measured, unoptimised), and threads may have 2 MiB.
const MAX_DEPTH: usize = 24;

/// How much aliases may repeat, in pieces of YAML.
const MAX_REPEATED: usize = 10_000;

/// A key or a value, and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// A scalar with its quotes; of a list or mapping in brackets the first one, of any other its first key.
    pub(super) span: Span,
    pub(super) content: Content,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Null,
    Boolean(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// All entries in their order, those under a repeated key too.
    Mapping(Vec<(Node, Node)>),
}

/// Reads one YAML document.
///
/// # Errors
/// The first mistake in the YAML itself: after it, the rest of a text means nothing.
pub(super) fn read(source: &Source) -> Result<Node, Diagnostic> {
    if source.text.len() > MAX_TEXT {
        let size = source.text.len();
        return Err(Diagnostic::nowhere(format!("too large: {size} bytes, of at most {MAX_TEXT}")));
    }
    let options = serde_yaml::options! {
        with_snippet: false,
        strict_booleans: true,
        reject_unsupported_tags: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        budget: serde_yaml::budget! { max_depth: MAX_DEPTH, max_documents: 1, max_nodes: 100_000 },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: MAX_REPEATED,
            max_replay_stack_depth: 16,
        },
    };
    let mut root: Node = serde_yaml::from_str_with_options(&source.text, options)
        .map_err(|error| diagnostic(source, error.without_snippet()))?;
    root.settle(&source.text);
    Ok(root)
}

impl Node {
    /// Makes spans fit to be shown: inside the text, without the blank lines after a block, and never empty where
    /// there is something to point at.
    fn settle(&mut self, text: &str) {
        let start = boundary(text, self.span.start);
        let end = boundary(text, self.span.end).max(start);
        self.span = start..start + text[start..end].trim_end().len();
        match &mut self.content {
            Content::List(items) => items.iter_mut().for_each(|item| item.settle(text)),
            Content::Mapping(entries) => {
                for (key, value) in entries.iter_mut() {
                    key.settle(text);
                    value.settle(text);
                }
                if self.span.is_empty()
                    && let Some((key, _)) = entries.first()
                {
                    self.span = key.span.clone();
                }
            }
            Content::Null | Content::Boolean(_) | Content::Number(_) | Content::Text(_) => {}
        }
    }
}

/// The last place at or before `at` where a character begins or the text ends.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

const NO_ALIASES: &str = "write out what the aliases (`*name`) repeat";

/// Says what is wrong with the YAML in words that help its author.
fn diagnostic(source: &Source, error: &Error) -> Diagnostic {
    let offset = error.location().map(|location| match location.span().byte_offset() {
        Some(offset) => boundary(&source.text, usize::try_from(offset).unwrap_or(usize::MAX)),
        None => offset_of(&source.text, location.line(), location.column()),
    });
    let at = |message: String| match offset {
        Some(offset) => {
            let width = source.text[offset..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
            Diagnostic::at(offset..offset + width, message)
        }
        None => Diagnostic::nowhere(message),
    };
    let shown = error.to_string();
    let message = shown.split(" at line ").next().unwrap_or(&shown);
    match error {
        Error::Budget { breach: BudgetBreach::Documents { .. }, .. } | Error::MultipleDocuments { .. } => {
            return at("a second YAML document".to_owned()).help(
                "a playbook is one document; remove this line and what follows, or make it a file of its own",
            );
        }
        Error::Budget { breach: BudgetBreach::Nodes { .. } | BudgetBreach::Events { .. }, .. } => {
            return at("too many keys and values".to_owned());
        }
        // These may come from the parser, or wrapped with a second place: only their text tells them apart.
        _ if message.contains("recursion limit exceeded") || message.contains("Depth {") => {
            return at(format!("nested too deeply: more than {MAX_DEPTH} levels"));
        }
        Error::Budget { .. } => return at("too many aliases".to_owned()).help(NO_ALIASES),
        _ if message.starts_with("alias ") && message.contains("exceeded") => {
            return at("too many aliases".to_owned()).help(NO_ALIASES);
        }
        _ => {}
    }
    let mistake = at(format!("not valid YAML: {message}"));
    match remedy(message, &source.text, offset.unwrap_or(0)) {
        Some(help) => mistake.help(help),
        None => mistake,
    }
}

/// The usual slip behind a message of the YAML library.
fn remedy(message: &str, text: &str, offset: usize) -> Option<&'static str> {
    let line_start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let begins_with_template = line.contains(": {{") || line.trim_start().starts_with("- {{");
    if begins_with_template {
        Some("a value that begins with `{{` needs quotes around the whole of it, or a block: `run: |`")
    } else if message.contains("tabs") {
        Some("indent with spaces: YAML takes no tabs there")
    } else if message.contains("mapping values are not allowed") {
        Some("a text with `: ` in it needs quotes around the whole of it, or a block: `run: |`")
    } else if message.contains("trailing content after") {
        Some(
            "YAML takes a value that begins with a quote to end with it; put the whole of it in the other quotes: '\"a\" in stdout'",
        )
    } else if message.contains("flow mapping") {
        Some(
            "inside `{ … }` a value with `[`, `]`, `{`, `}` or `,` in it needs quotes; or write its keys below each other, one a line",
        )
    } else if message.contains("unknown anchor") {
        Some("a text that begins with `*` needs quotes: \"*.example\"")
    } else if message.contains("unexpected character") {
        Some("a text that begins with a special character needs quotes")
    } else if message.contains("unsupported tag") {
        Some("a text that begins with `!` needs quotes; tags (`!name`) are not used in playbooks")
    } else {
        None
    }
}

/// The byte offset of a line and a column, both counted from 1, the column in characters.
fn offset_of(text: &str, line: u64, column: u64) -> usize {
    let line = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let in_line = text[start..].split_inclusive('\n').next().unwrap_or_default();
    start + in_line.char_indices().nth(column).map_or(in_line.trim_end().len(), |(offset, _)| offset)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Content>::deserialize(deserializer)?;
        // Where an alias stands, the mistake is in what it names.
        let span = spanned.defined.span();
        let start = span.byte_offset().and_then(|offset| usize::try_from(offset).ok()).unwrap_or_default();
        let length = span.byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        Ok(Self { span: start..start.saturating_add(length), content: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        // Infinities and NaN arrive as text, see the options above.
        Ok(Number::from_f64(value).map_or(Content::Null, Content::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Content, E> {
        Ok(Content::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut mapping = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            mapping.push(entry);
        }
        Ok(Content::Mapping(mapping))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn mistake(text: &str) -> (Diagnostic, (usize, usize)) {
        let source = Source::new("x.yaml", text);
        let mistake = read(&source).unwrap_err();
        let offset = mistake.span.clone().map_or(0, |span| span.start);
        let place = source.line_column(offset);
        (mistake, place)
    }

    fn slice<'text>(text: &'text str, node: &Node) -> &'text str {
        &text[node.span.clone()]
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let text = "\u{feff}é: [a, 'b']\nrun: |\n  x\n  y\n\nm:\n  k: 12\n";
        let root = read(&Source::new("x", text)).unwrap();
        let Content::Mapping(entries) = &root.content else { panic!("{root:?}") };
        let keys: Vec<_> = entries.iter().map(|(key, _)| slice(text, key)).collect();
        assert_eq!(keys, ["é", "run", "m"]);
        let Content::List(items) = &entries[0].1.content else { panic!("{root:?}") };
        assert_eq!((slice(text, &items[0]), slice(text, &items[1])), ("a", "'b'"));
        assert_eq!(slice(text, &entries[1].1), "x\n  y");
        assert_eq!(slice(text, &entries[2].1), "k", "a block mapping is shown by its first key");
    }

    #[test]
    fn scalars_are_read_strictly() {
        let text = "[no, on, 012, 1_000, 0x1F, 4.0, true, ~, '4', .inf, 1e999, 2024-01-01]";
        let Content::List(items) = read(&Source::new("x", text)).unwrap().content else { panic!("no list") };
        let texts: Vec<_> = items.iter().filter(|item| matches!(item.content, Content::Text(_))).collect();
        assert_eq!(texts.len(), 8, "{items:?}");
        assert_eq!(items[4].content, Content::Number(31.into()));
        assert_eq!(items[6].content, Content::Boolean(true));
        assert_eq!(items[7].content, Content::Null);
    }

    #[test]
    fn a_repeated_key_is_kept_for_the_reader_to_report() {
        let Content::Mapping(entries) = read(&Source::new("x", "a: 1\na: 2\n")).unwrap().content else {
            panic!("no mapping")
        };
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn pb3_a_syntax_error_names_its_place_and_the_usual_remedy() {
        for (text, place, message, help) in [
            ("a:\n\tb: 1\n", (2, 2), "tabs", "spaces"),
            ("run: echo a: b\n", (1, 12), "mapping values", "quotes"),
            ("name: *.log\n", (1, 7), "unknown anchor", "quotes"),
            ("run: %x\n", (1, 6), "unexpected character", "quotes"),
            ("expect: \"a\" in b\n", (1, 13), "trailing content", "the other quotes"),
            ("expect: 'a' in b\n", (1, 13), "trailing content", "the other quotes"),
            ("a: { b: c | regex(\"[0-9]\") }\n", (1, 20), "flow mapping", "needs quotes"),
            ("a: { b: c | replace(\"x\", \"y\") }\n", (1, 29), "", "quotes"),
            ("run: {{ vars.x }} y\n", (1, 19), "", "begins with `{{`"),
        ] {
            let (mistake, found) = mistake(text);
            assert_eq!(found, place, "{text:?}: {mistake:?}");
            assert!(mistake.message.starts_with("not valid YAML: "), "{mistake:?}");
            assert!(mistake.message.contains(message), "{mistake:?}");
            assert!(mistake.help.as_ref().is_some_and(|text| text.contains(help)), "{mistake:?}");
        }
        assert_eq!(mistake("a: [1,\n").1, (1, 4));
    }

    #[test]
    fn pb6_an_alias_bomb_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let items = vec![format!("*a{}", level - 1); 9].join(", ");
            writeln!(text, "a{level}: &a{level} [{items}]").unwrap();
        }
        assert_eq!(mistake(&text).0.message, "too many aliases");
    }

    #[test]
    fn pb7_deep_nesting_is_refused() {
        let block =
            |depth: usize| (0..depth).fold(String::new(), |text, level| text + &" ".repeat(level) + "a:\n");
        // Aliases nest without indentation.
        let mut chain = "a0: &a0 [x]\n".to_owned();
        for level in 1..3000 {
            writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
        }
        for text in [format!("a: {}", "[".repeat(10_000)), block(500), chain] {
            assert_eq!(mistake(&text).0.message, "nested too deeply: more than 24 levels");
        }
        assert!(read(&Source::new("x", block(MAX_DEPTH - 1))).is_ok());
    }

    #[test]
    fn pb8_a_text_over_a_mebibyte_is_refused_unread() {
        let (mistake, _) = mistake(&"#".repeat(MAX_TEXT + 1));
        assert_eq!(mistake.message, "too large: 1048577 bytes, of at most 1048576");
    }

    #[test]
    fn pb17_a_second_document_and_tags_of_ones_own_are_refused() {
        let (two, place) = mistake("a: 1\n---\nb: 2\n");
        assert_eq!((two.message.as_str(), place), ("a second YAML document", (2, 1)));
        for text in ["a: !!x y\n", "a: !x y\n"] {
            assert!(mistake(text).0.message.contains("unsupported tag"), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in "[-a: \\n\\t\\[\\]{}&*!|>'\"#%@?,é\\\\]{0,60}") {
            if let Ok(node) = read(&Source::new("x", text.as_str())) {
                proptest::prop_assert!(text.get(node.span).is_some());
            }
        }
    }
}
