//! `raw-on-target` and `secret-in-run`: values that should not stand in a command, or not so.

use super::{
    super::{
        Diagnostic, Vars,
        template::segments::{Kind, Segment, Token, segments, tokens},
    },
    Lint,
};

/// Filters after which a value is a number, and inert.
const NUMBERS: [&str; 3] = ["int", "float", "length"];

pub(super) fn check(text: &str, captures: &[String], vars: &Vars) -> Vec<Diagnostic> {
    let mut said: Vec<&str> = vec!["target"];
    said.extend(captures.iter().map(String::as_str));
    let mut found = Vec::new();
    for segment in segments(text) {
        let (inner, is_expression) = match segment {
            Segment::Literal(_) => continue,
            Segment::Expression { inner, .. } => (inner, true),
            Segment::Statement { inner } => (inner, false),
        };
        let piece = Piece { text, tokens: tokens(text, &inner) };
        found.extend(piece.secrets(vars));
        if is_expression {
            found.extend(piece.raw(&said));
        } else if let Some(name) = piece.taken_from(&said) {
            said.push(name);
        }
    }
    found
}

/// One `{{ … }}` or `{% … %}`.
struct Piece<'t> {
    text: &'t str,
    tokens: Vec<Token>,
}

impl<'t> Piece<'t> {
    fn written(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| &self.text[token.span.clone()])
    }

    /// Whether a variable of that name is read at a token, and not a field or a filter of that name.
    fn reads(&self, index: usize, name: &str) -> bool {
        let before = index.checked_sub(1).map_or("", |before| self.written(before));
        self.tokens[index].kind == Kind::Name
            && self.written(index) == name
            && !matches!(before, "." | "|" | "is")
    }

    fn first_of(&self, names: &[&'t str]) -> Option<&'t str> {
        (0..self.tokens.len()).find_map(|index| names.iter().find(|name| self.reads(index, name)).copied())
    }

    /// `{% for x in target.tags %}`, `{% set x = target.name %}`: the name of what holds the same from there on.
    fn taken_from(&self, said: &[&'t str]) -> Option<&'t str> {
        (matches!(self.written(0), "for" | "set") && self.first_of(said).is_some()).then(|| self.written(1))
    }

    fn raw(&self, said: &[&'t str]) -> Option<Diagnostic> {
        let filter =
            (1..self.tokens.len()).find(|&at| self.written(at) == "raw" && self.written(at - 1) == "|")?;
        // `| int | raw`.
        let is_number = filter > 2 && NUMBERS.contains(&self.written(filter - 2));
        let source = self.first_of(said).filter(|_| !is_number)?;
        let (what, who) = match source {
            "target" => {
                ("a field of the server", "whoever can name or tag the server decides what is run on it")
            }
            _ => ("what a server printed", "whoever decides what it prints decides what is run on it"),
        };
        let span = self.tokens[0].span.start..self.tokens[filter].span.end;
        let warning = Diagnostic::warning(Lint::RawOnTarget, span, format!("`| raw` on {what}"));
        Some(
            warning
                .label(who)
                .help("leave `| raw` out: the value is then one quoted word; for a number write `| int`"),
        )
    }

    fn secrets(&self, vars: &Vars) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for index in (0..self.tokens.len()).filter(|&index| self.reads(index, "vars")) {
            let name = match self.written(index + 1) {
                "." | "[" => self.written(index + 2).trim_matches(['"', '\'']),
                _ => continue,
            };
            if vars.is_secret(name) {
                let span = self.tokens[index].span.start..self.tokens[index + 2].span.end;
                let message = format!("the secret `vars.{name}` is part of a command");
                found.push(
                    Diagnostic::warning(Lint::SecretInRun, span, message)
                        .label("the guest agent logs command lines, and the API may keep them")
                        .help("bring it to the server in a file by another way, and let the command read that file"),
                );
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(text: &str) -> Vec<(&'static str, &str)> {
        let mut vars = Vars::default();
        vars.set("token".to_owned(), json!("hunter2"), true);
        vars.set("mount".to_owned(), json!("/"), false);
        let captures = ["version".to_owned()];
        let named = |warning: Diagnostic| (warning.lint.unwrap().name(), &text[warning.span.unwrap()]);
        check(text, &captures, &vars).into_iter().map(named).collect()
    }

    #[test]
    fn raw_values_of_a_server_are_found() {
        for (text, at) in [
            ("echo {{ target.name | raw }}", "target.name | raw"),
            ("echo {{ target['name'] | upper | raw }}", "target['name'] | upper | raw"),
            ("echo {{ version | raw }}", "version | raw"),
            ("echo {{ 'x' ~ target.name | raw }}", "'x' ~ target.name | raw"),
            ("{% for t in target.tags %}{{ t | raw }}{% endfor %}", "t | raw"),
            ("{% set n = target.name %}{{ n | raw }}", "n | raw"),
        ] {
            assert_eq!(found(text), [("raw-on-target", at)], "{text}");
        }
    }

    #[test]
    fn what_the_author_wrote_or_what_is_quoted_may_stand() {
        for text in [
            "echo {{ vars.mount | raw }}",
            "echo {{ target.name }}",
            "echo {{ target.resources.memoryGb | int | raw }}",
            "echo {{ vars.target | raw }}",
            "echo raw {{ version }}",
            "{% for t in vars.mount %}{{ t | raw }}{% endfor %}",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn secrets_in_commands_are_found_wherever_they_stand() {
        for (text, at) in [
            ("curl -H {{ 'X: ' ~ vars.token }}", "vars.token"),
            ("echo {{ vars['token'] }}", "vars['token'"),
            ("{% if vars.token %}x{% endif %}", "vars.token"),
        ] {
            assert_eq!(found(text), [("secret-in-run", at)], "{text}");
        }
        assert_eq!(found("echo {{ vars.mount }} token {{ target.vars.token }} {{ 'vars.token' }}"), []);
    }
}
