//! The corpora of the fuzz targets, as plain tests: what fuzzing found once stays found.
//!
//! The properties, and the inputs, are in `tests/fuzz`.

#![expect(clippy::unwrap_used, reason = "what a test asks of its tools either works or fails the test")]

use std::{fs, panic, path::Path};

#[path = "../fuzz/properties/mod.rs"]
#[expect(
    clippy::missing_panics_doc,
    reason = "a property panics where it does not hold: that is how it is told"
)]
pub mod properties;

/// A test for each target, and one that none is missing.
macro_rules! targets {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                run(stringify!($target), properties::$target::holds);
            }
        )*

        #[test]
        fn every_fuzz_target_has_its_test() {
            assert_eq!(names("fuzz_targets"), [$(concat!(stringify!($target), ".rs")),*]);
            assert_eq!(names("corpus"), [$(stringify!($target)),*]);
        }
    };
}

targets! {
    bundle
    bundle_shell
    expression
    headers
    inventory
    limits
    list
    plan
    playbook
    poll
    poll_url
    probe
    problem
    quoting
    redaction
    report
    sanitiser
    start
    store
    template
}

/// The names in a directory of `tests/fuzz`.
fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(Path::new("tests/fuzz").join(directory)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Holds every input of a corpus against its property.
fn run(target: &str, holds: fn(&[u8])) {
    let corpus = format!("corpus/{target}");
    let inputs = names(&corpus);
    assert!(!inputs.is_empty(), "tests/fuzz/{corpus} is empty");
    for input in inputs {
        let path = Path::new("tests/fuzz").join(&corpus).join(input);
        let bytes = fs::read(&path).unwrap();
        let held = panic::catch_unwind(|| holds(&bytes));
        assert!(held.is_ok(), "the property does not hold of {}", path.display());
    }
}
