//! The pack as its readers see it: every playbook explains itself, and the table in its README is complete.

use std::{fs, path::Path};

use serde_json::Value;

use crate::program::{name, shipped};

/// A playbook's text, and what it says as YAML.
fn read(playbook: &Path) -> (String, Value) {
    let text = fs::read_to_string(playbook).unwrap();
    let content = serde_yaml::from_str(&text).unwrap();
    (text, content)
}

#[test]
fn every_playbook_says_what_it_asks_and_how_to_run_it() {
    for playbook in shipped() {
        let (text, content) = read(&playbook);
        let comment: Vec<_> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let example = format!("#   rollcall run playbooks/{}.yaml --", name(&playbook));
        assert!(comment[0].ends_with('?'), "{}: begin with the question", playbook.display());
        assert!(
            comment.iter().any(|line| line.starts_with(&example)),
            "{}: how to run it?",
            playbook.display()
        );
        assert_eq!(content["name"], name(&playbook));
        assert!(content["description"].as_str().unwrap().ends_with('?'), "{}", playbook.display());
        assert!(content["report"]["columns"].is_array(), "{}", playbook.display());
        assert_eq!(
            content["targets"]["exclude"]["operatingSystem.family"],
            "windows",
            "{}",
            playbook.display()
        );
    }
}

#[test]
fn every_step_says_that_it_only_looks_and_for_how_long() {
    for playbook in shipped() {
        let (_, content) = read(&playbook);
        let steps = content["steps"].as_array().unwrap();
        for step in steps {
            assert_eq!(step["effects"], "read", "{}: {step:#}", playbook.display());
            assert!(step["timeout"].is_string(), "{}: {step:#}", playbook.display());
            // In a bundle the guest ends a step in time by itself; one alone has to ask for it.
            assert!(steps.len() > 1 || step["kill_on_timeout"] == true, "{}: {step:#}", playbook.display());
        }
    }
}

#[test]
fn the_readme_has_every_playbook_with_its_vars() {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("playbooks/README.md")).unwrap();
    let rows: Vec<_> = readme.lines().filter(|line| line.starts_with("| [")).collect();
    assert_eq!(rows.len(), shipped().len());
    for playbook in shipped() {
        let link = format!("| [`{0}`]({0}.yaml) |", name(&playbook));
        let row = rows.iter().find(|row| row.starts_with(&link));
        let row = row.unwrap_or_else(|| panic!("{link} is missing"));
        let (_, content) = read(&playbook);
        for var in content["vars"].as_object().into_iter().flat_map(|vars| vars.keys()) {
            assert!(row.contains(&format!("`{var}` (")), "{link}: {var}");
        }
    }
}

#[test]
fn every_fixture_says_where_it_is_from() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tools");
    let readme = fs::read_to_string(directory.join("README.md")).unwrap();
    let patterns: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next())
        .flat_map(|cell| cell.trim_end_matches('`').split("`, `"))
        .map(|pattern| globset::Glob::new(pattern).unwrap().compile_matcher())
        .collect();
    for file in directory.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap();
        assert!(name == "README.md" || patterns.iter().any(|pattern| pattern.is_match(name)), "{name:?}");
    }
}
