//! `split-bundle`: a step that waits for an answer which it does not need.
//!
//! Steps that need nothing between them share a request. One whose `run` or `when` reads a capture begins a new one.
//! Where the capture is made of fields and variables alone, the step could read those itself.

use super::{
    super::{Diagnostic, Expression, reader::Field},
    Lint, Place,
};

pub(super) fn check(places: &[Place<'_>]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, place) in places.iter().enumerate() {
        let earlier = &places[..index];
        let in_when = place.when.as_ref().and_then(|field| {
            let mut read = place.step.when.iter().flat_map(Expression::captures_read);
            Some((field, "when", read.find_map(|name| needless(earlier, name))?))
        });
        let mut read = place.step.run.captures_read().iter();
        let in_run = read.find_map(|name| needless(earlier, name)).map(|what| (&place.run, "run", what));
        found.extend(in_when.or(in_run).map(|(field, key, what)| warning(field, key, &what)));
    }
    found
}

/// A capture that an earlier step makes of nothing that it printed: its name and its expression.
fn needless(earlier: &[Place<'_>], name: &str) -> Option<(String, String)> {
    let captures = earlier.iter().flat_map(|place| &place.step.capture);
    let capture = captures.into_iter().find(|capture| capture.name == name)?;
    is_known_before(earlier, &capture.value, 0).then(|| (name.to_owned(), capture.value.text().to_owned()))
}

/// Whether an expression can be evaluated before any step has run, the captures that it reads included.
fn is_known_before(earlier: &[Place<'_>], expression: &Expression, depth: usize) -> bool {
    let printed = |name: &String| matches!(name.split('.').next(), Some("stdout" | "stderr" | "exit_code"));
    let value = |name: &str| {
        let mut captures = earlier.iter().flat_map(|place| &place.step.capture);
        captures.find(|capture| capture.name == name).map(|capture| &capture.value)
    };
    depth < 10
        && !expression.names().iter().any(printed)
        && expression
            .captures_read()
            .all(|name| value(name).is_some_and(|value| is_known_before(earlier, value, depth + 1)))
}

fn warning(field: &Field<'_>, key: &str, (name, expression): &(String, String)) -> Diagnostic {
    let message = format!("`{key}` reads the capture `{name}`, which depends on no output");
    Diagnostic::warning(Lint::SplitBundle, field.node.span.clone(), message)
        .label("so the step waits for an answer: two requests more for each server")
        .help(format!("write `{expression}` here instead"))
}
