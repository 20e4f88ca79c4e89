//! Does a template read only what there is?
//!
//! The engine says which names a compiled template reads and does not set itself; where they stand is looked up in
//! its tokens, and whether they may be read there is the [`Scope`]'s knowledge.

use std::collections::HashSet;

use minijinja::{Environment, ErrorKind, Value};

use super::super::{Diagnostic, Span, language, nearest::nearest, scope::Scope};
use super::segments::{Kind, Segment, Token, tokens};

/// The filters that templates have and expressions have not, or have otherwise.
const OWN_FILTERS: [&str; 4] = ["raw", "default", "regex", "tojson"];

/// Names of the filters that templates have; for "did you mean".
fn filters() -> impl Iterator<Item = &'static str> {
    OWN_FILTERS.into_iter().chain(language::FILTERS)
}

/// Returns a mistake for each unknown name, filter and test. `undeclared` are the names that the template reads
/// and does not set.
pub(super) fn check(
    text: &str,
    segments: &[Segment],
    undeclared: &HashSet<String>,
    environment: &Environment<'_>,
    scope: &Scope<'_>,
) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    for segment in segments {
        let inner = match segment {
            Segment::Literal(_) => continue,
            Segment::Expression { inner, .. } | Segment::Statement { inner } => inner,
        };
        let cut = tokens(text, inner);
        let reading = Reading { text, tokens: &cut, undeclared, environment, scope };
        if matches!(segment, Segment::Expression { .. })
            && let [only] = cut.as_slice()
            && matches!(reading.written(0), Some("vars" | "target"))
        {
            let whole = &text[only.span.clone()];
            mistakes.push(Diagnostic::at(only.span.clone(), format!("`{whole}` is not a value")).label(
                format!("name one: `{whole}.{}`", if whole == "vars" { "<name>" } else { "<field>" }),
            ));
            continue;
        }
        mistakes.extend((0..cut.len()).filter_map(|index| reading.mistake_at(index)));
    }
    mistakes
}

/// One expression or statement, being read.
struct Reading<'a> {
    text: &'a str,
    tokens: &'a [Token],
    undeclared: &'a HashSet<String>,
    environment: &'a Environment<'a>,
    scope: &'a Scope<'a>,
}

impl Reading<'_> {
    fn written(&self, index: usize) -> Option<&str> {
        self.tokens.get(index).map(|token| &self.text[token.span.clone()])
    }

    fn before(&self, index: usize, back: usize) -> Option<&str> {
        index.checked_sub(back).and_then(|index| self.written(index))
    }

    fn mistake_at(&self, index: usize) -> Option<Diagnostic> {
        let token = &self.tokens[index];
        if token.kind == Kind::Sign && self.text[token.span.clone()] == *"*" {
            return self.repetition(index);
        }
        if token.kind != Kind::Name {
            return None;
        }
        let name = &self.text[token.span.clone()];
        match self.before(index, 1) {
            Some(".") => None,
            Some("|") => self.unknown_filter(name, token.span.clone()).or_else(|| self.broken_pattern(index)),
            Some("filter") if index == 1 => self.unknown_filter(name, token.span.clone()),
            Some("is") if name == "not" => None,
            Some("is" | "not")
                if self.before(index, 1) == Some("is") || self.before(index, 2) == Some("is") =>
            {
                self.unknown_test(name, token.span.clone()).or_else(|| self.broken_pattern(index))
            }
            // The name of an argument: `default(value=1)`.
            _ if self.written(index + 1) == Some("=") && matches!(self.before(index, 1), Some("(" | ",")) => {
                None
            }
            _ if !self.undeclared.contains(name) => None,
            _ if name == "vars" => self.unknown_variable(index),
            _ if self.environment.globals().any(|(global, _)| global == name) => None,
            _ => self.scope.unknown_name(name, token.span.clone()),
        }
    }

    /// The member of `vars` that is read at `vars`: its name and place.
    fn variable(&self, index: usize) -> Option<(&str, Span)> {
        let member = self.tokens.get(index + 2)?;
        let written = &self.text[member.span.clone()];
        match (self.written(index + 1)?, member.kind) {
            (".", Kind::Name) => Some((written, member.span.clone())),
            ("[", Kind::Text) => Some((written.trim_matches(['"', '\'']), member.span.clone())),
            _ => None,
        }
    }

    fn unknown_variable(&self, index: usize) -> Option<Diagnostic> {
        let (name, span) = self.variable(index)?;
        self.scope.unknown_variable(name, span)
    }

    fn unknown_filter(&self, name: &str, span: Span) -> Option<Diagnostic> {
        if !self.is_unknown(&format!("x|{name}"), ErrorKind::UnknownFilter) {
            return None;
        }
        let mistake = Diagnostic::at(span, format!("unknown filter `{name}`"));
        Some(if matches!(name, "safe" | "escape" | "e" | "quote") {
            mistake.help("every value is quoted for the shell; `raw` inserts one as it stands")
        } else if let Some(near) = nearest(name, filters()) {
            mistake.label(format!("did you mean `{near}`?"))
        } else {
            mistake.help(format!("filters are {}, …", filters().collect::<Vec<_>>().join(", ")))
        })
    }

    fn unknown_test(&self, name: &str, span: Span) -> Option<Diagnostic> {
        self.is_unknown(&format!("x is {name}"), ErrorKind::UnknownTest).then(|| {
            let mistake = Diagnostic::at(span, format!("unknown test `{name}`"));
            match nearest(name, ["defined", "undefined", "none", "number", "string", "in"]) {
                Some(near) => mistake.label(format!("did you mean `{near}`?")),
                None => mistake.help("a field that may be missing is tested by `is defined`"),
            }
        })
    }

    /// The pattern of `regex("…")` or `matching("…")`, where it stands there and is none.
    fn broken_pattern(&self, index: usize) -> Option<Diagnostic> {
        let pattern = self.tokens.get(index + 2)?;
        if !matches!(self.written(index), Some("regex" | "matching"))
            || self.written(index + 1) != Some("(")
            || pattern.kind != Kind::Text
        {
            return None;
        }
        let text =
            self.environment.compile_expression(&self.text[pattern.span.clone()]).ok()?.eval(()).ok()?;
        let mistake = language::regex(text.as_str()?).err()?;
        Some(Diagnostic::at(pattern.span.clone(), mistake))
    }

    /// Asks the engine whether it has a filter or test; it looks for them only when it evaluates.
    fn is_unknown(&self, expression: &str, kind: ErrorKind) -> bool {
        let result = self
            .environment
            .compile_expression(expression)
            .and_then(|compiled| compiled.eval(Value::from_pairs([("x", 1)])));
        result.is_err_and(|error| error.kind() == kind)
    }

    /// Repeating a list is not bounded by fuel, and a million words are no command.
    fn repetition(&self, index: usize) -> Option<Diagnostic> {
        let is_list = |name: Option<&str>| {
            name.and_then(|name| self.scope.vars.value(name)).is_some_and(serde_json::Value::is_array)
        };
        let left_variable = (self.before(index, 2) == Some(".") && self.before(index, 3) == Some("vars"))
            .then(|| self.before(index, 1))
            .flatten();
        let right_variable = (self.written(index + 1) == Some("vars"))
            .then(|| self.variable(index + 1).map(|(name, _)| name))
            .flatten();
        let left = index.checked_sub(1).and_then(|index| self.tokens.get(index));
        let right = self.tokens.get(index + 1);
        let repeats = left
            .is_some_and(|token| token.kind == Kind::Text || &self.text[token.span.clone()] == "]")
            || right.is_some_and(|token| token.kind == Kind::Text || &self.text[token.span.clone()] == "[")
            || is_list(left_variable)
            || is_list(right_variable);
        repeats.then(|| {
            Diagnostic::at(self.tokens[index].span.clone(), "`*` repeats a text or a list here")
                .help("`*` is for numbers only")
        })
    }
}
