//! The names of all test functions there are.

use std::{collections::BTreeSet, fs, path::Path};

/// The names of the test functions in these folders of the package and all below them.
pub(crate) fn tests_in(folders: &[&str]) -> BTreeSet<String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    folders.iter().flat_map(|folder| below(&package.join(folder))).collect()
}

fn below(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(tests_of(&fs::read_to_string(&path).unwrap()).map(str::to_owned));
        }
    }
    names
}

/// The functions of a text that have `#[test]` or `#[tokio::test]` before them.
fn tests_of(text: &str) -> impl Iterator<Item = &str> {
    let mut marked = false;
    text.lines().map(str::trim_start).filter_map(move |line| {
        marked = marked || line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
        let is_test = std::mem::take(&mut marked);
        is_test.then(|| function.split(['(', '<']).next().unwrap_or_default())
    })
}

#[test]
fn tests_are_told_from_other_functions() {
    let text = "\
#[test]
fn one() {}

fn helper(text: &str) {}

    #[tokio::test(start_paused = true)]
    #[cfg(unix)]
    async fn two() {}

/// A word on it.
#[test]
/// Another.
fn three(value in any::<u8>()) {}
// fn four() {}
";
    assert_eq!(tests_of(text).collect::<Vec<_>>(), ["one", "two", "three"]);
}
