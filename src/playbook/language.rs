//! The words of the one language: its filters, tests and functions, and what they may cost.
//!
//! Filters run in a minijinja [`Environment`] with fuel, strict about undefined names, without a loader; those that
//! minijinja lacks are in `filters`. What an expression is, and when it cannot be judged, is decided in `expression`.

mod filters;

use std::{net::IpAddr, sync::LazyLock};

use ipnet::IpNet;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use regex::{Regex, RegexBuilder};

pub(super) use self::filters::found;

/// The filters of expressions, in the order in which a message lists them. `default` and `regex` are not among them:
/// one looks at what is undefined, the other has its pattern compiled beforehand, and so they are the evaluation's
/// own.
pub(super) const FILTERS: [&str; 24] = [
    "int",
    "float",
    "trim",
    "lines",
    "split",
    "from_json",
    "from_kv",
    "bytes",
    "duration",
    "lower",
    "upper",
    "replace",
    "length",
    "first",
    "last",
    "min",
    "max",
    "sum",
    "abs",
    "round",
    "sort",
    "unique",
    "reverse",
    "join",
];

/// The tests of expressions besides `defined`, `undefined` and `matching`.
pub(super) const TESTS: [&str; 7] =
    ["startingwith", "endingwith", "string", "number", "boolean", "sequence", "mapping"];

/// What one evaluation may take: instructions, and for each 64 bytes that filters read or make. That is enough to take
/// some outputs of a quarter of a MiB apart, and some ten MiB at most.
const FUEL: u64 = 200_000;

/// The largest compiled regular expression, in bytes. Matching is linear in the text whatever its size.
const MAX_REGEX: usize = 256 * 1024;

/// What all evaluations have in common.
pub(super) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// Makes an environment with the words of the language and without what could reach a file, outlast its fuel or
/// pass for safe.
pub(crate) fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // Escaping for HTML protects nothing in a shell, and what calls itself safe must not seem to.
    for filter in ["safe", "escape", "e", "pprint"] {
        environment.remove_filter(filter);
    }
    for test in ["safe", "escaped"] {
        environment.remove_test(test);
    }
    // `debug` shows every variable, secret or not; a `namespace` can double in each turn of a loop.
    for function in ["debug", "namespace"] {
        environment.remove_global(function);
    }
    filters::add_to(&mut environment);
    environment.add_function("cidr", |address: &str, range: &str| {
        let address: IpAddr = address.parse().map_err(|_| invalid(NOT_AN_ADDRESS))?;
        Ok(network(range).map_err(invalid)?.contains(&address))
    });
    environment
}

/// What is said of a text that `cidr` cannot read.
pub(super) const NOT_AN_ADDRESS: &str = "not an IP address";

/// What is said of a value that a filter for texts is given.
const NOT_A_TEXT: &str = "not a text";

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// Compiles a pattern of `matching` or `regex`. It may match anywhere in the text.
pub(super) fn regex(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(MAX_REGEX).dfa_size_limit(MAX_REGEX).build().map_err(|error| {
        match error {
            regex::Error::CompiledTooBig(_) => {
                format!("the regular expression is too large (over {} KiB compiled)", MAX_REGEX / 1024)
            }
            // Its last line says what is wrong; those before draw the pattern, which may be a secret.
            other => {
                let text = other.to_string();
                let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("not a valid regular expression: {reason}")
            }
        }
    })
}

/// Reads a network of `cidr`: `192.0.2.0/24`, or one address. It holds no address of the other family.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse()
        .ok()
        .or_else(address)
        .ok_or_else(|| "not a network: write it like `192.0.2.0/24` or `2001:db8::/32`".to_owned())
}

#[cfg(test)]
mod tests {
    use minijinja::{Value, context};

    use super::*;

    fn evaluate(text: &str) -> Result<Value, Error> {
        ENVIRONMENT.compile_expression(text)?.eval(context! { ip => "192.0.2.7", name => "web-12" })
    }

    #[test]
    fn the_words_of_expressions_are_there() {
        for filter in FILTERS {
            assert!(ENVIRONMENT.compile_expression(&format!("name | {filter}")).is_ok(), "{filter}");
            assert!(evaluate(&format!("'{filter}' is filter")).unwrap().is_true(), "{filter}");
        }
        for test in TESTS.iter().chain(&["defined", "undefined", "matching"]) {
            assert!(evaluate(&format!("'{test}' is test")).unwrap().is_true(), "{test}");
        }
    }

    #[test]
    fn what_seems_safe_or_reads_everything_is_not() {
        for text in ["name | safe", "name | e", "name | escape", "name is safe", "debug()", "namespace()"] {
            assert!(evaluate(text).is_err(), "{text}");
        }
        assert!(evaluate("nothing + 1").is_err());
    }

    #[test]
    fn an_address_lies_in_its_networks() {
        for (text, expected) in [
            ("cidr(ip, '192.0.2.0/24')", true),
            ("cidr(ip, '192.0.2.99/24')", true),
            ("cidr(ip, '192.0.2.7')", true),
            ("cidr(ip, '192.0.3.0/24')", false),
            ("cidr(ip, '::/0')", false),
            ("cidr('2001:db8::1', '2001:db8::/32')", true),
        ] {
            assert_eq!(evaluate(text).unwrap().is_true(), expected, "{text}");
        }
        assert!(evaluate("cidr(ip, 'x')").is_err());
        assert!(evaluate("cidr(name, '::/0')").is_err());
    }

    #[test]
    fn f6_a_broken_or_oversized_pattern_is_refused() {
        assert!(evaluate("name is matching('^web-[0-9]+$')").unwrap().is_true());
        assert!(!evaluate("name is matching('^[0-9]+$')").unwrap().is_true());
        assert_eq!(regex("(").unwrap_err(), "not a valid regular expression: unclosed group");
        assert!(regex(r"(\w{1000}){1000}").unwrap_err().contains("too large"));
    }

    #[test]
    fn fuel_bounds_what_filters_make() {
        let text = format!("('{}' | replace('a', '{}')) | length", "a".repeat(4000), "b".repeat(4000));
        assert!(evaluate(&text).is_err());
    }
}
