//! The table and the reading of playbooks, held against each other.

use super::*;
use crate::playbook::{InvalidPlaybook, Playbook, Source, Surroundings};

/// A playbook has everything around it that an example may ask for.
struct Plenty;

impl Surroundings for Plenty {
    fn environment_variable(&self, _: &str) -> Option<String> {
        Some("x".to_owned())
    }

    fn file(&self, _: &str) -> Result<String, String> {
        Ok("x".to_owned())
    }

    fn overrides(&self) -> &[(String, String)] {
        &[]
    }
}

fn parse(text: &str) -> Result<Playbook, InvalidPlaybook> {
    Playbook::parse(&Source::new("x", text), &Plenty)
}

/// A playbook in which a key has a value, and nothing else is wrong.
fn with(keys: &Keys, key: &Key, value: &str) -> String {
    let entry = format!("{}: {value}", key.name);
    let vars = "vars: { mount: /, threshold: 90 }";
    match keys.section {
        "playbook" if matches!(key.name, "run" | "steps") => entry,
        "playbook" => format!("run: uptime\n{entry}"),
        "steps" if key.name == "run" => format!("{vars}\nsteps:\n  - {entry}"),
        "steps" => format!("{vars}\nsteps:\n  - run: uptime\n    {entry}"),
        "vars" if key.name == "secret" => format!("run: uptime\nvars:\n  x:\n    from_env: X\n    {entry}"),
        "vars" => format!("run: uptime\nvars:\n  x:\n    {entry}"),
        section => format!("run: uptime\n{section}:\n  {entry}"),
    }
}

fn all() -> impl Iterator<Item = (&'static Keys, &'static Key)> {
    ALL.into_iter().flat_map(|keys| keys.keys().map(move |key| (keys, key)))
}

#[test]
fn every_example_and_every_default_is_taken() {
    for (keys, key) in all() {
        let default = if let Default::Value(value) = key.default { value } else { key.example };
        for value in [key.example, default] {
            let text = with(keys, key, value);
            assert!(parse(&text).is_ok(), "{text}\n{:?}", parse(&text).unwrap_err().diagnostics);
        }
    }
}

#[test]
fn every_key_is_read() {
    for (keys, key) in all() {
        // No key takes a list in a list.
        let text = with(keys, key, "[[[]]]");
        let mistakes = parse(&text).expect_err(&text).diagnostics;
        let about = |name: &str| mistakes.iter().any(|mistake| mistake.message.contains(name));
        let name = if key.name == "vars" { "`vars`" } else { key.name };
        assert!(about(name) || (key.name == "steps" && about("a step")), "{text}\n{mistakes:?}");
    }
}

#[test]
fn the_words_of_the_table_are_those_that_are_read() {
    for (keys, key) in all() {
        let Shape::Words(words) = key.shape else { continue };
        for (word, _) in words {
            assert!(parse(&with(keys, key, word)).is_ok(), "{}: {word}", key.name);
        }
        let message = &parse(&with(keys, key, "xyzzy")).unwrap_err().diagnostics[0].message;
        let listed: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let expected = format!("one of {}, not", listed.join(", "));
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn what_is_needed_is_in_the_table() {
    for keys in ALL {
        let needed = match keys.needs {
            Needs::Nothing => &[][..],
            Needs::One(name) => &[name],
            Needs::ExactlyOneOf(names) => names,
        };
        assert!(needed.iter().all(|name| keys.has(name)), "{}", keys.of);
        assert!(
            keys.groups.iter().filter_map(|group| group.beside).all(|name| keys.has(name)),
            "{}",
            keys.of
        );
    }
}

#[test]
fn meanings_are_sentences_and_names_are_told_apart() {
    for (keys, key) in all() {
        let sentences = key.meaning.matches(". ").count() + 1;
        assert!(key.meaning.ends_with('.') && sentences <= 4, "{}: {}", key.name, key.meaning);
        assert!(!key.meaning.contains("  ") && !key.example.is_empty(), "{}", key.name);
        assert_eq!(keys.names().filter(|name| *name == key.name).count(), 1, "{}", key.name);
        // A synonym that is a key would never be looked up.
        for synonym in key.synonyms {
            assert!(!ALL.iter().any(|keys| keys.has(synonym)), "{}: {synonym}", key.name);
            assert_eq!(keys.by_synonym(synonym), Some(key.name), "{synonym} of {} is ambiguous", keys.of);
        }
    }
}
