//! Functions, filters and tests by their names.

use super::{
    super::{
        super::{Span, language, nearest::nearest},
        ExpressionError,
        matcher::Matcher,
        syntax::{Kind, Node},
    },
    Parsed, Parser,
};

impl Parser {
    pub(super) fn call(&mut self, name: &str, span: Span) -> Parsed {
        if name != "cidr" {
            let message = format!("unknown function `{name}`; there is `cidr(address, \"192.0.2.0/24\")`");
            return Err(ExpressionError::at(span, message));
        }
        let arguments = self.list(")")?;
        let whole = span.start..self.end();
        let [address, network] = <[Node; 2]>::try_from(arguments).map_err(|_| {
            ExpressionError::at(
                whole,
                "`cidr` takes an address and a network: `cidr(primaryIp, \"192.0.2.0/24\")`",
            )
        })?;
        match text_of(&network) {
            Some(text) => {
                language::network(text)
                    .map_err(|reason| ExpressionError::at(network.span.clone(), reason))?;
            }
            None => only_from_the_author(&network, "a network")?,
        }
        self.node(Kind::Within(Box::new(address), Box::new(network)), span.start)
    }

    pub(super) fn filter(&mut self, of: Node, start: usize) -> Parsed {
        let (name, span) = self.word("the name of a filter")?;
        let arguments = if self.take_sign("(") { self.list(")")? } else { Vec::new() };
        if name == "default" {
            let [otherwise] = <[Node; 1]>::try_from(arguments).map_err(|_| {
                ExpressionError::at(span, "`default` takes the value to use instead: `default(0)`")
            })?;
            only_of_values(&of, "default")?;
            return self.node(Kind::Default(Box::new(of), Box::new(otherwise)), start);
        }
        if name == "regex" {
            let matcher = matcher(
                arguments,
                span,
                "`regex` takes a regular expression: `regex(\"version ([0-9.]+)\")`",
            )?;
            return self.node(Kind::Extract(Box::new(of), matcher), start);
        }
        if name == "sum" && !arguments.is_empty() {
            return Err(ExpressionError::at(span, "`sum` takes nothing in parentheses"));
        }
        match language::FILTERS.into_iter().find(|known| *known == name) {
            Some(filter) => self.node(Kind::Filter(filter, Box::new(of), arguments), start),
            None => Err(unknown("filter", &name, span, &["default", "regex"], &language::FILTERS)),
        }
    }

    pub(super) fn test(&mut self, of: Node, start: usize) -> Parsed {
        let (name, span) = self.word("the name of a test")?;
        let arguments = if self.take_sign("(") { self.list(")")? } else { Vec::new() };
        match name.as_str() {
            "defined" | "undefined" if arguments.is_empty() => {
                only_of_values(&of, &name)?;
                let defined = self.node(Kind::Defined(Box::new(of)), start)?;
                if name == "defined" { Ok(defined) } else { self.node(Kind::Not(Box::new(defined)), start) }
            }
            "none" => Err(ExpressionError::at(span, "a null field is undefined; write `is undefined`")),
            "matching" => {
                let takes = "`matching` takes a regular expression: `matching(\"^web-\")`";
                let matcher = matcher(arguments, span, takes)?;
                self.node(Kind::Matching(Box::new(of), matcher), start)
            }
            _ => match language::TESTS.into_iter().find(|known| *known == name) {
                Some(test) => self.node(Kind::Test(test, Box::new(of), arguments), start),
                None if matches!(name.as_str(), "defined" | "undefined") => {
                    Err(ExpressionError::at(span, format!("`{name}` takes nothing in parentheses")))
                }
                None => {
                    Err(unknown("test", &name, span, &["defined", "undefined", "matching"], &language::TESTS))
                }
            },
        }
    }
}

/// Reads the one argument of what looks for a pattern.
fn matcher(arguments: Vec<Node>, span: Span, takes: &str) -> Result<Matcher, ExpressionError> {
    let [pattern] = <[Node; 1]>::try_from(arguments).map_err(|_| ExpressionError::at(span, takes))?;
    if let Some(text) = text_of(&pattern) {
        let regex = language::regex(text);
        return regex.map(Matcher::Fixed).map_err(|reason| ExpressionError::at(pattern.span.clone(), reason));
    }
    only_from_the_author(&pattern, "a pattern")?;
    Ok(Matcher::of_variable(pattern))
}

fn text_of(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Literal(value) => value.as_str(),
        _ => None,
    }
}

/// What interprets a text takes it from the playbook, not from a provider.
fn only_from_the_author(node: &Node, what: &str) -> Result<(), ExpressionError> {
    match node.kind {
        Kind::Variable(_) => Ok(()),
        _ => Err(ExpressionError::at(node.span.clone(), format!("{what} is a text in quotes or a variable"))),
    }
}

/// `(a == 1) is undefined` would pick exactly the servers that lack `a`.
fn only_of_values(node: &Node, word: &str) -> Result<(), ExpressionError> {
    if node.judges() {
        let message = format!("`{word}` asks about a field, not about a comparison");
        return Err(ExpressionError::at(node.span.clone(), message));
    }
    Ok(())
}

fn unknown(what: &str, name: &str, span: Span, own: &[&str], others: &[&str]) -> ExpressionError {
    let known = || own.iter().chain(others).copied();
    let message = if let Some(near) = nearest(name, known()) {
        format!("unknown {what} `{name}`; did you mean `{near}`?")
    } else {
        let known: Vec<_> = known().map(|name| format!("`{name}`")).collect();
        format!("unknown {what} `{name}`; there are {}", known.join(", "))
    };
    ExpressionError::at(span, message)
}
