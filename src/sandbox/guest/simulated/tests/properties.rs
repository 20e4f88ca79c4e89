//! What holds for any text at all: no panic, and an end.

use proptest::prelude::*;

use super::*;

/// Pieces that scripts are made of, so that arbitrary texts get past the first word.
const PIECES: [&str; 60] = [
    "if ",
    "then ",
    "else ",
    "fi",
    "for i in ",
    "do ",
    "done",
    "while ",
    "case ",
    " in ",
    "esac",
    ";;",
    "{ ",
    "}",
    "(",
    ")",
    ";",
    "\n",
    "&",
    "&&",
    "||",
    "|",
    "!",
    "'",
    "\"",
    "\\",
    "$",
    "${",
    "$(",
    "$((",
    "))",
    "`",
    "x",
    "x=",
    "$x",
    "${x%",
    "#",
    "*",
    "[",
    "]",
    "<<E\n",
    "E\n",
    ">",
    "<",
    ">&",
    "2>",
    "/tmp/f",
    "echo ",
    "sed ",
    "s/a/b/",
    "awk ",
    "{ print $1 }",
    "grep -E ",
    "(a|b)*",
    "printf ",
    "%5d",
    "read y",
    "f() ",
    "exit ",
    "set -e",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_text_ends_without_a_panic(script in "\\PC{0,200}") {
        first(&script);
    }

    #[test]
    fn any_script_like_text_ends_without_a_panic(pieces in prop::collection::vec(prop::sample::select(&PIECES), 0..40)) {
        first(&pieces.concat());
    }

    #[test]
    fn any_program_of_a_filter_ends_without_a_panic(pieces in prop::collection::vec(prop::sample::select(&PIECES), 0..12)) {
        let program = pieces.concat().replace('\'', "");
        for filter in ["awk", "sed", "grep", "grep -E", "tr a", "cut -f", "sort -k", "printf", "find /etc", "test", "date", "head -n"] {
            first(&format!("printf 'a b\\n1 2\\n' | {filter} '{program}'"));
        }
    }
}
