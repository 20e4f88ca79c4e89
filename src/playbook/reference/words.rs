//! What the words of expressions, the columns and the statuses mean, for the reference.
//!
//! The examples are evaluated by the tests, and the lists held against what the language knows.

/// A word of the language.
pub(super) struct Word {
    pub(super) name: &'static str,
    meaning: &'static str,
    pub(super) example: &'static str,
    /// The value of the example as JSON, or `undefined`.
    pub(super) gives: &'static str,
}

impl Word {
    pub(super) fn cells(&self) -> [String; 4] {
        let code = |text: &str| format!("`{text}`");
        [code(self.name), self.meaning.to_owned(), code(self.example), code(self.gives)]
    }
}

const fn word(name: &'static str, meaning: &'static str, example: &'static str, gives: &'static str) -> Word {
    Word { name, meaning, example, gives }
}

/// The filters. What they cannot convert or find is undefined.
pub(super) const FILTERS: [Word; 26] = [
    word("default", "What stands in for a value that is undefined.", "\"x\" | int | default(0)", "0"),
    word(
        "regex",
        "Of the first match the first group, or all of it. The pattern is a text written there.",
        "\"used 41%\" | regex(\"([0-9]+)%\")",
        "\"41\"",
    ),
    word("int", "The whole part of a number, or the number that a text is.", "\" 41 \" | int", "41"),
    word("float", "The number that a text is, with its fraction.", "\"0.52\" | float", "0.52"),
    word(
        "trim",
        "Without the blanks at both ends, or without the characters given.",
        "\"41%\" | trim(\"%\")",
        "\"41\"",
    ),
    word("lines", "The lines of a text.", "\"a\\nb\" | lines", "[\"a\",\"b\"]"),
    word(
        "split",
        "The parts between blanks, or between what is given.",
        "\"a,b\" | split(\",\")",
        "[\"a\",\"b\"]",
    ),
    word("from_json", "The value that a JSON text holds.", "(\"{\\\"up\\\": 3}\" | from_json).up", "3"),
    word(
        "from_kv",
        "The mapping that lines of KEY=VALUE are, as in os-release; with another separator if one is given.",
        "(\"ID=debian\" | from_kv).ID",
        "\"debian\"",
    ),
    word("bytes", "A size in bytes, by powers of 1024.", "\"1.5K\" | bytes", "1536"),
    word("duration", "A time in seconds.", "\"1h30m\" | duration", "5400"),
    word("lower", "In small letters.", "\"Web\" | lower", "\"web\""),
    word("upper", "In capital letters.", "\"web\" | upper", "\"WEB\""),
    word("replace", "With each occurrence of a text replaced.", "\"a.b\" | replace(\".\", \"-\")", "\"a-b\""),
    word("length", "How many elements a list has, or characters a text.", "[1, 2] | length", "2"),
    word("first", "The first element.", "\"a b\" | split | first", "\"a\""),
    word("last", "The last element.", "\"a b\" | split | last", "\"b\""),
    word("min", "The least element.", "[3, 1] | min", "1"),
    word("max", "The greatest element.", "[3, 1] | max", "3"),
    word("sum", "All elements added.", "[3, 1] | sum", "4"),
    word("abs", "Without its sign.", "-3 | abs", "3"),
    word("round", "Rounded, to so many decimals if given.", "2.345 | round(1)", "2.3"),
    word("sort", "In order.", "[3, 1] | sort", "[1,3]"),
    word("unique", "Each element once.", "[3, 3, 1] | unique", "[3,1]"),
    word("reverse", "The other way round.", "[3, 1] | reverse", "[1,3]"),
    word(
        "join",
        "The elements as one text, with what is given between them.",
        "[\"a\", \"b\"] | join(\", \")",
        "\"a, b\"",
    ),
];

/// The tests, after `is` or `is not`.
pub(super) const TESTS: [Word; 10] = [
    word("defined", "There is a value.", "vars is defined", "true"),
    word("undefined", "There is none.", "(\"x\" | int) is undefined", "true"),
    word(
        "matching",
        "A regular expression matches anywhere in the text.",
        "\"web-1\" is matching(\"^web\")",
        "true",
    ),
    word("startingwith", "A text begins so.", "\"web-1\" is startingwith(\"web\")", "true"),
    word("endingwith", "A text ends so.", "\"web-1\" is endingwith(\"1\")", "true"),
    word("string", "It is a text.", "\"1\" is string", "true"),
    word("number", "It is a number.", "1 is number", "true"),
    word("boolean", "It is true or false.", "true is boolean", "true"),
    word("sequence", "It is a list.", "[1] is sequence", "true"),
    word("mapping", "It is a mapping.", "(\"a=1\" | from_kv) is mapping", "true"),
];

/// The functions.
pub(super) const FUNCTIONS: [Word; 1] =
    [word("cidr", "Whether an address is in a network.", "cidr(\"192.0.2.9\", \"192.0.2.0/24\")", "true")];

/// The columns that rollcall itself has.
pub(super) const COLUMNS: [(&str, &str); 8] = [
    ("status", "How it ended; always the first column, whether listed or not."),
    ("reason", "Why the status is what it is."),
    ("ran", "Whether the command ran: `yes`, `no` or `maybe`."),
    ("step", "The step that the next columns are about: the first that is not ok, or the last."),
    ("exit_code", "Its exit code, or the signal that ended it."),
    ("duration", "How long it took."),
    ("stdout", "The first line of its output."),
    ("stderr", "The first line of its error output."),
];

/// The statuses, worst first.
pub(super) const STATUSES: [(&str, &str); 10] = [
    ("unknown", "It may or may not have run, or its result is lost. It is never started again by itself."),
    ("running", "It was started, and rollcall stopped watching before it ended."),
    (
        "timed_out",
        "Its `timeout` or the run's `deadline` passed. It may run still, unless the reason is `killed`.",
    ),
    ("failed", "An exit code that `accept` does not list, or a signal."),
    ("check_failed", "An accepted exit code, but an `expect` does not hold or could not be judged."),
    ("refused", "The API said no to this command. It did not run."),
    ("unavailable", "The server's guest agent could not be reached. Nothing ran."),
    ("cancelled", "The run was interrupted before it was started."),
    ("skipped", "Not tried, for the reason given: `when`, `earlier_step`, `max_failures`, `deadline`."),
    ("ok", "An accepted exit code, and every `expect` holds."),
];
