//! The words of the one language: its filters, tests and functions, and what they may cost.
//!
//! Filters run in a minijinja [`Environment`] with fuel, strict about undefined names, without a loader. What
//! an expression is, and when it cannot be judged, is decided in `expression`.

use std::{net::IpAddr, sync::LazyLock};

use ipnet::IpNet;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use regex::{Regex, RegexBuilder};

/// The filters of expressions, in the order in which a message lists them. `default` is not among them: it looks
/// at what is undefined, and so is the evaluation's own.
pub(super) const FILTERS: [&str; 19] = [
    "lower", "upper", "trim", "length", "int", "float", "abs", "round", "first", "last", "min", "max",
    "sort", "unique", "reverse", "join", "replace", "split", "lines",
];

/// The tests of expressions besides `defined`, `undefined` and `matching`.
pub(super) const TESTS: [&str; 7] =
    ["startingwith", "endingwith", "string", "number", "boolean", "sequence", "mapping"];

/// What one evaluation or rendering may take: instructions, and the bytes that filters make.
const FUEL: u64 = 50_000;

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
    environment.add_filter("int", int);
    environment.add_filter("float", float);
    environment.add_test("matching", |text: &str, pattern: &str| {
        Ok(regex(pattern).map_err(invalid)?.is_match(text))
    });
    environment.add_function("cidr", |address: &str, range: &str| {
        let address: IpAddr = address.parse().map_err(|_| invalid(NOT_AN_ADDRESS))?;
        Ok(network(range).map_err(invalid)?.contains(&address))
    });
    environment
}

/// What is said of a text that `cidr` cannot read.
pub(super) const NOT_AN_ADDRESS: &str = "not an IP address";

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// The filter `int`: the whole part of a number, or the number that a text is. Undefined where it is none, so
/// that `default` can stand in.
fn int(value: &Value) -> Value {
    if value.is_integer() {
        return value.clone();
    }
    let text = value.as_str().map(str::trim);
    if let Some(whole) = text.and_then(|text| text.parse::<i128>().ok()) {
        return Value::from(whole);
    }
    match number(value).map(f64::trunc) {
        #[expect(clippy::cast_possible_truncation, reason = "the guard keeps it far inside of i128")]
        Some(whole) if whole.abs() < 1e30 => Value::from(whole as i128),
        _ => Value::UNDEFINED,
    }
}

/// The filter `float`, undefined like [`int`].
fn float(value: &Value) -> Value {
    number(value).map_or(Value::UNDEFINED, Value::from)
}

/// A finite number, or the one that a text is.
pub(super) fn number(value: &Value) -> Option<f64> {
    let number = match value.as_str() {
        Some(text) => text.trim().parse().ok(),
        None if value.is_number() => f64::try_from(value.clone()).ok(),
        None => None,
    };
    number.filter(|number: &f64| number.is_finite())
}

/// Compiles a pattern of the test `matching`. It may match anywhere in the text.
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
    use minijinja::context;

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
    fn numbers_are_read_or_undefined() {
        for (text, expected) in [
            ("' 42 ' | int == 42", true),
            ("'4.9' | int == 4", true),
            ("4.9 | int == 4", true),
            ("'1.5' | float == 1.5", true),
            ("('x' | int) is undefined", true),
            ("('inf' | float) is undefined", true),
            ("(['4'] | int) is undefined", true),
        ] {
            assert_eq!(evaluate(text).unwrap().is_true(), expected, "{text}");
        }
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
