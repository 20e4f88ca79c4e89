//! `docs/promises.md` against the tests: none that it names is missing there, and none of a case is missing in it.
//!
//! A test says by its name which cases it is about. With `UPDATE_DOCS=1` the page's lists are written from those names.

#![expect(clippy::unwrap_used, reason = "what a test asks of its tools either works or fails the test")]

mod cases;
mod page;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use cases::{Case, PROMISES, begun_by};
use page::{NOT_YET, Row};

/// Where tests are.
const FOLDERS: [&str; 2] = ["src", "tests"];

/// The tests of each case, by their names; and what is wrong with names.
fn tests_by_case(tests: &BTreeSet<String>) -> (BTreeMap<Case, Vec<&str>>, Vec<String>) {
    let (mut of_cases, mut wrong) = (BTreeMap::<_, Vec<&str>>::new(), Vec::new());
    for test in tests {
        match begun_by(test) {
            Ok(cases) => cases.into_iter().for_each(|case| of_cases.entry(case).or_default().push(test)),
            Err(why) => wrong.push(why),
        }
    }
    (of_cases, wrong)
}

#[test]
fn docs_promises_names_the_tests_that_there_are() {
    let written = page::read();
    let tests = sources::tests_in(&FOLDERS);
    let (of_cases, mut wrong) = tests_by_case(&tests);
    let of = |case: &Case| of_cases.get(case).map(Vec::as_slice).unwrap_or_default();

    let renewed: Vec<String> = written
        .lines()
        .map(|line| Row::read(line).map_or_else(|| line.to_owned(), |row| row.with(of(&row.case))))
        .collect();
    let renewed = renewed.join("\n") + "\n";
    if page::renew(&renewed) {
        return;
    }

    let rows: Vec<Row<'_>> = written.lines().filter_map(Row::read).collect();
    let told: Vec<Case> = rows.iter().map(|row| row.case).collect();
    for case in Case::all().filter(|case| !told.contains(case)) {
        wrong.push(format!("{case} has no line in the page"));
    }
    if !told.is_sorted_by(|one, next| one < next) {
        wrong.push("the cases are not in their order, or one is there twice".to_owned());
    }
    for row in &rows {
        let named: BTreeSet<&str> = page::names(row.tests).collect();
        for test in named.iter().filter(|test| !of(&row.case).contains(test)) {
            let what = if tests.contains(*test) { "is not called after it" } else { "is not there" };
            wrong.push(format!("{}: the test `{test}` {what}", row.case));
        }
        for test in of(&row.case).iter().filter(|test| !named.contains(*test)) {
            wrong.push(format!("{}: the page does not name `{test}`", row.case));
        }
        if named.is_empty() && !row.tests.starts_with(NOT_YET) {
            wrong.push(format!("{} has neither a test nor the words `{NOT_YET}`", row.case));
        }
        if !page::names(row.tests).is_sorted() {
            wrong.push(format!("{}: its tests are not in the order of their names", row.case));
        }
    }
    assert!(
        wrong.is_empty(),
        "docs/promises.md is not what the tests are:\n  {}\nto write its lists anew: UPDATE_DOCS=1 cargo nextest run docs",
        wrong.join("\n  ")
    );
}

#[test]
fn docs_promises_has_tests_for_each_promise() {
    let text = page::read();
    let promises = page::promises(&text);
    let tests = sources::tests_in(&FOLDERS);
    let expected: BTreeSet<String> = (1..=PROMISES).map(|number| format!("G{number}")).collect();
    let found: BTreeSet<String> = promises.keys().map(|&promise| promise.to_owned()).collect();
    assert_eq!(found, expected, "each promise has a section with a line that begins with `Held by`");
    let missing: Vec<_> = promises
        .iter()
        .flat_map(|(promise, named)| named.iter().map(move |test| (promise, test)))
        .filter(|(_, test)| !tests.contains(**test))
        .collect();
    assert!(missing.is_empty(), "docs/promises.md names tests that are not there: {missing:?}");
    let empty: Vec<_> = promises.iter().filter(|(_, named)| named.is_empty()).collect();
    assert!(empty.is_empty(), "promises without a test: {empty:?}");
}
