//! `docs/playbook.md` against the code: its tables, its sections and its recipes.

use std::{env, fs, path::PathBuf};

use serde_json::Map;

use super::*;
use crate::{
    engine::Status,
    playbook::{Context, Expression, Playbook, Source, Surroundings, Vars, language, step::Severity},
};

/// Has whatever a recipe asks for.
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

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/playbook.md")
}

/// The page with every generated part as the code has it.
fn renewed(page: &str) -> String {
    let mut renewed = page.to_owned();
    for (name, part) in parts() {
        let begin = format!("<!-- generated: {name} -->\n");
        let start =
            renewed.find(&begin).unwrap_or_else(|| panic!("docs/playbook.md has no {begin}")) + begin.len();
        let end = renewed[start..].find("<!-- end -->").unwrap_or_else(|| panic!("{begin} has no end"));
        renewed.replace_range(start..start + end, &part);
    }
    renewed
}

#[test]
fn docs_playbook_says_what_the_code_says() {
    let written = fs::read_to_string(page()).unwrap();
    let renewed = renewed(&written);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(page(), renewed).unwrap();
    } else {
        let differs = written.lines().zip(renewed.lines()).find(|(written, renewed)| written != renewed);
        assert!(
            written == renewed,
            "run: UPDATE_DOCS=1 cargo nextest run docs\nfirst difference: {differs:#?}"
        );
    }
}

#[test]
fn docs_have_a_section_for_everything_that_messages_refer_to() {
    let written = fs::read_to_string(page()).unwrap();
    let headings: Vec<_> = written
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"))
        .collect();
    let sections =
        ALL.iter().map(|keys| keys.section).chain(["warnings", "expressions", "templates", "columns"]);
    for section in sections {
        assert_eq!(
            headings.iter().filter(|heading| *heading == section).count(),
            1,
            "{section}: {headings:?}"
        );
    }
    for link in written.split("](#").skip(1).map(|rest| rest.split(')').next().unwrap_or_default()) {
        assert!(headings.iter().any(|heading| heading == link), "a link to #{link}, which is no heading");
    }
}

#[test]
fn docs_list_all_words_of_expressions_and_their_examples_are_true() {
    let names = |words: &[Word]| words.iter().map(|word| word.name).collect::<Vec<_>>();
    let known = |special: &[&'static str], known: &[&'static str]| [special, known].concat();
    assert_eq!(names(&FILTERS), known(&["default", "regex"], &language::FILTERS));
    assert_eq!(names(&TESTS), known(&["defined", "undefined", "matching"], &language::TESTS));

    let (nothing, vars) = (Map::new(), Vars::from_values([("x".to_owned(), 1.into())]));
    for word in FILTERS.iter().chain(&TESTS).chain(&FUNCTIONS) {
        // `vars` alone is no value.
        let example = word.example.replace("vars is", "vars.x is");
        let expression = Expression::compile(&example).unwrap_or_else(|error| panic!("{example}: {error:?}"));
        let value = expression.value(&Context::of_step(&nothing, &vars, &nothing));
        let gives = value.map_or_else(|_| "undefined".to_owned(), |value| value.to_string());
        assert_eq!(gives, word.gives, "{example}");
    }
}

#[test]
fn docs_list_all_statuses_and_columns() {
    let statuses: Vec<_> = Status::ALL.iter().map(|status| status.word()).collect();
    assert_eq!(STATUSES.map(|(status, _)| status).as_slice(), statuses);
    for (column, _) in COLUMNS {
        // No capture may take the name of a column.
        let text = format!("run: x\ncapture: {{ {column}: stdout }}\n");
        assert!(Playbook::parse(&Source::new("x", text), &Plenty).is_err(), "{column} is no column");
    }
}

/// The playbooks of a chapter, each with its heading.
fn recipes(page: &str) -> Vec<(String, String)> {
    let cookbook = page.split("\n## Cookbook\n").nth(1).unwrap_or_default();
    let cookbook = cookbook.split("\n## ").next().unwrap_or_default();
    let recipe = |section: &str| {
        let (heading, rest) = section.split_once('\n')?;
        let yaml = rest.split("```yaml\n").nth(1)?.split("```").next()?;
        Some((heading.to_owned(), yaml.to_owned()))
    };
    cookbook.split("\n### ").skip(1).filter_map(recipe).collect()
}

#[test]
fn docs_have_ten_recipes_without_mistake_or_warning() {
    let recipes = recipes(&fs::read_to_string(page()).unwrap());
    assert!(recipes.len() >= 10, "{} recipes", recipes.len());
    for (heading, text) in recipes {
        let parsed = Playbook::parse(&Source::new(heading.as_str(), text), &Plenty);
        let playbook = parsed.unwrap_or_else(|invalid| panic!("{heading}: {:?}", invalid.diagnostics));
        let warnings: Vec<_> = playbook.warnings.iter().filter(|one| one.severity > Severity::Info).collect();
        assert!(warnings.is_empty(), "{heading}: {warnings:?}");
    }
}
