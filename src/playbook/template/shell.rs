//! Does each `{{ … }}` of a command stand where a shell word may stand?
//!
//! A value is inserted as a shell word with quotes of its own. Inside the author's quotes, in backticks, in a
//! comment, in a here-document, or after a backslash those quotes mean something else, and a value could run
//! commands. This file follows a POSIX shell through the literal text of a template, far enough to know.

use super::super::{Diagnostic, Span};
use super::segments::{Kind, Segment, Token, tokens};

/// Filters after which a value may stand anywhere: `raw` is the author's own word for it, numbers are inert.
const ALLOWED_ANYWHERE: [&str; 3] = ["raw", "int", "float"];

/// Returns a mistake for each expression that stands where its quotes would not protect it.
pub(super) fn check(text: &str, segments: &[Segment]) -> Vec<Diagnostic> {
    let mut shell = Shell::default();
    let mut mistakes = Vec::new();
    for segment in segments {
        match segment {
            Segment::Literal(span) => shell.read(&text[span.clone()]),
            Segment::Expression { whole, inner } => {
                if let Some(place) = shell.unsafe_place()
                    && !may_stand_anywhere(text, &tokens(text, inner))
                {
                    mistakes.push(mistake(text, whole, place));
                }
                shell.word();
            }
            Segment::Statement { .. } => {}
        }
    }
    mistakes
}

fn mistake(text: &str, whole: &Span, place: Place) -> Diagnostic {
    let (where_it_is, label, remedy) = match place {
        Place::SingleQuotes | Place::DoubleQuotes => (
            if place == Place::SingleQuotes { "single quotes" } else { "double quotes" },
            "is quoted already when it is inserted",
            "remove the quotes around it (or end them before it and begin again after it)",
        ),
        Place::Backticks => {
            ("backticks", "a backtick in the value would end them", "use `$(…)` instead of backticks")
        }
        Place::Arithmetic => ("shell arithmetic", "the shell would evaluate the value", "add `| int`"),
        Place::Comment => {
            ("a shell comment", "a line break in the value would end it", "move it out of the comment")
        }
        Place::HereDocument => (
            "a here-document",
            "its quotes would be part of the text",
            "use `printf '%s\\n' …` instead, with the value as an argument of its own",
        ),
        Place::AfterBackslash => {
            ("a backslash sequence", "the backslash takes its quotes away", "remove the backslash before it")
        }
        Place::AfterDollar => {
            ("a `$'…'` string", "`$` changes what its quotes mean", "remove the `$` before it")
        }
    };
    let expression = &text[whole.clone()];
    let message = format!("`{}` inside {where_it_is}", shortened(expression));
    let always = "or say `| int` for a number, or `| raw` if you are sure of the value";
    Diagnostic::at(whole.clone(), message).label(label).help(format!("{remedy}, {always}"))
}

fn shortened(expression: &str) -> String {
    let line = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 40 { "{{ … }}".to_owned() } else { line }
}

/// Whether a filter of [`ALLOWED_ANYWHERE`] is applied last, and to the whole expression: in `a ~ b | raw` it is
/// applied to `b` only, and the result is text to be quoted.
fn may_stand_anywhere(text: &str, tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    let mut last_filter = None;
    for (index, token) in tokens.iter().enumerate() {
        let written = &text[token.span.clone()];
        match (token.kind, written) {
            (Kind::Sign, "(" | "[" | "{") => depth += 1,
            (Kind::Sign, ")" | "]" | "}") => depth = depth.saturating_sub(1),
            (Kind::Sign, "|") if depth == 0 => last_filter = tokens.get(index + 1),
            (Kind::Sign, ".") => {}
            (Kind::Sign, _) | (Kind::Name, "if" | "else" | "and" | "or" | "not" | "in" | "is")
                if depth == 0 =>
            {
                return false;
            }
            _ => {}
        }
    }
    last_filter.is_some_and(|filter| ALLOWED_ANYWHERE.contains(&&text[filter.span.clone()]))
}

/// Why an expression may not stand at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    SingleQuotes,
    DoubleQuotes,
    Backticks,
    Arithmetic,
    Comment,
    HereDocument,
    AfterBackslash,
    AfterDollar,
}

/// What is open, innermost last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Single,
    /// `$'`, in which a backslash escapes.
    DollarSingle,
    Double,
    Backtick,
    /// `$(` or `(`: commands, whatever is around them.
    Commands,
    /// `$((`, which only `))` ends.
    Arithmetic,
    /// `(` in arithmetic.
    ArithmeticParenthesis,
    /// `${`.
    Parameter,
}

/// A here-document whose body has not ended.
#[derive(Debug, Clone, Default)]
struct HereDocument {
    delimiter: String,
    strips_tabs: bool,
}

/// A POSIX shell's reader (POSIX.1-2024, XCU §2.2 and §2.3), as far as quoting goes.
#[derive(Debug, Default)]
struct Shell {
    open: Vec<Frame>,
    /// The character before, which a backslash may have taken its meaning from.
    before: Option<char>,
    escaped: bool,
    comment: bool,
    /// Announced on this line; their bodies begin on the next.
    announced: Vec<HereDocument>,
    /// Being read, the first one now.
    bodies: Vec<HereDocument>,
    /// The line of the body that is being read.
    line: String,
}

impl Shell {
    /// Why a word with quotes of its own may not be inserted here.
    fn unsafe_place(&self) -> Option<Place> {
        if !self.bodies.is_empty() {
            return Some(Place::HereDocument);
        }
        if self.comment {
            return Some(Place::Comment);
        }
        // Commands in `$(…)` begin anew, unless backticks are around them: those end at any backtick.
        if self.open.contains(&Frame::Backtick) && self.open.last() != Some(&Frame::Single) {
            return Some(Place::Backticks);
        }
        let place = match self.open.iter().rev().find(|frame| **frame != Frame::Parameter) {
            Some(Frame::Single | Frame::DollarSingle) => Some(Place::SingleQuotes),
            Some(Frame::Double) => Some(Place::DoubleQuotes),
            Some(Frame::Arithmetic | Frame::ArithmeticParenthesis) => Some(Place::Arithmetic),
            Some(Frame::Backtick | Frame::Commands | Frame::Parameter) | None => None,
        };
        if place.is_some() {
            place
        } else if self.escaped {
            Some(Place::AfterBackslash)
        } else if self.before == Some('$') {
            Some(Place::AfterDollar)
        } else {
            None
        }
    }

    /// A value has been inserted.
    fn word(&mut self) {
        self.escaped = false;
        self.before = Some('x');
        self.line.push('x');
    }

    /// Reads literal text.
    fn read(&mut self, literal: &str) {
        let mut rest = literal;
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            if !self.bodies.is_empty() {
                self.read_body(character);
            } else if character == '<' && self.in_commands() && self.before == Some('<') && !self.escaped {
                rest = self.announce(rest);
            } else {
                self.read_command(character);
            }
        }
    }

    fn in_commands(&self) -> bool {
        !self.comment && matches!(self.open.last(), None | Some(Frame::Commands | Frame::Backtick))
    }

    fn read_body(&mut self, character: char) {
        if character != '\n' {
            self.line.push(character);
            return;
        }
        let body = &self.bodies[0];
        let line = if body.strips_tabs { self.line.trim_start_matches('\t') } else { &self.line };
        if line.trim_end_matches('\r') == body.delimiter {
            self.bodies.remove(0);
        }
        self.line.clear();
        self.before = Some('\n');
    }

    /// Reads what follows `<<`: a here-document's delimiter, unless it is `<<<`.
    fn announce<'rest>(&mut self, rest: &'rest str) -> &'rest str {
        self.before = Some(' ');
        if let Some(here_string) = rest.strip_prefix('<') {
            return here_string;
        }
        let (strips_tabs, rest) = match rest.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let word = rest.trim_start_matches([' ', '\t']);
        let length = word.find([' ', '\t', '\n', '\r', ';', '|', '&', '>', '<', ')']).unwrap_or(word.len());
        let delimiter = word[..length].replace(['\'', '"', '\\'], "");
        // In `((1 << 2))` it is a shift.
        if !delimiter.is_empty() && !delimiter.starts_with(|c: char| c.is_ascii_digit()) {
            self.announced.push(HereDocument { delimiter, strips_tabs });
        }
        &word[length..]
    }

    fn read_command(&mut self, character: char) {
        let before = self.before.replace(character);
        if self.comment {
            self.comment = character != '\n';
            self.end_of_line(character);
            return;
        }
        if std::mem::take(&mut self.escaped) {
            self.before = Some('x');
            return;
        }
        let top = self.open.last().copied();
        if top == Some(Frame::Single) {
            if character == '\'' {
                self.open.pop();
            }
            return;
        }
        match character {
            '\\' => self.escaped = true,
            _ if top == Some(Frame::DollarSingle) => {
                if character == '\'' {
                    self.open.pop();
                }
            }
            '"' if top == Some(Frame::Double) => {
                self.open.pop();
            }
            '"' => self.open.push(Frame::Double),
            '\'' if top != Some(Frame::Double) && !self.parameter_in_double_quotes() => {
                self.open.push(if before == Some('$') { Frame::DollarSingle } else { Frame::Single });
            }
            '`' => match self.open.iter().rposition(|frame| *frame == Frame::Backtick) {
                // A backtick ends the innermost pair, whatever was left open inside.
                Some(opened) => self.open.truncate(opened),
                None => self.open.push(Frame::Backtick),
            },
            // `$$` is the shell's own number, and its second half begins nothing.
            '$' if before == Some('$') => self.before = Some('x'),
            '{' if before == Some('$') => self.open.push(Frame::Parameter),
            '}' if top == Some(Frame::Parameter) => {
                self.open.pop();
            }
            '(' if before == Some('$') => {
                self.open.push(Frame::Commands);
                // Told apart from a parenthesis, for the next one may make it arithmetic.
                self.before = Some('\u{1}');
            }
            '(' if before == Some('\u{1}') => {
                self.open.pop();
                self.open.push(Frame::Arithmetic);
            }
            '(' if matches!(top, Some(Frame::Arithmetic | Frame::ArithmeticParenthesis)) => {
                self.open.push(Frame::ArithmeticParenthesis);
            }
            '(' if self.in_commands() => self.open.push(Frame::Commands),
            ')' if matches!(top, Some(Frame::Commands | Frame::ArithmeticParenthesis)) => {
                self.open.pop();
            }
            ')' if top == Some(Frame::Arithmetic) && before == Some('\u{2}') => {
                self.open.pop();
            }
            // The first half of its `))`.
            ')' if top == Some(Frame::Arithmetic) => self.before = Some('\u{2}'),
            '#' if self.in_commands() && starts_a_word(before) => self.comment = true,
            _ => self.end_of_line(character),
        }
    }

    /// In `"${x:-'…'}"` a single quote is a character like any other.
    fn parameter_in_double_quotes(&self) -> bool {
        self.open.last() == Some(&Frame::Parameter)
            && self.open.iter().rev().find(|frame| **frame != Frame::Parameter) == Some(&Frame::Double)
    }

    fn end_of_line(&mut self, character: char) {
        if character == '\n' {
            self.bodies.append(&mut self.announced);
            self.line.clear();
        }
    }
}

fn starts_a_word(before: Option<char>) -> bool {
    before.is_none_or(|before| {
        before.is_whitespace() || matches!(before, ';' | '&' | '|' | '(' | ')' | '\u{1}' | '`')
    })
}

#[cfg(test)]
mod tests {
    use super::super::segments::segments;
    use super::*;

    fn places(template: &str) -> Vec<String> {
        check(template, &segments(template)).into_iter().map(|mistake| mistake.message).collect()
    }

    #[test]
    fn where_a_word_may_stand_nothing_is_said() {
        for template in [
            "echo {{ x }}",
            "echo 'a b' \"c $d\" {{ x }}",
            "echo \"$(cmd {{ x }})\" {{ x }}",
            "echo \"${y:-\"a\"}\" {{ x }}",
            r#"echo \" \' {{ x }} "\"" {{ x }}"#,
            "echo a#b ${#y} $# {{ x }}",
            "# it's a comment\necho {{ x }}",
            "echo $'it\\'s' {{ x }}",
            "((a = 1 << 2)); echo {{ x }}",
            "cat <<EOF\nit's \"text\nEOF\necho {{ x }}",
            "cat <<-'END' | sort\n\tdon't\n\tEND\necho {{ x }}",
            "grep x <<< \"y\" {{ x }}",
            "echo $((1 + 2)) {{ x }}",
            "(cd /; echo {{ x }})",
            "case {{ x }} in a) echo it ;; esac; echo {{ x }}",
            "--opt={{ x }}",
            "echo \"it's\" {{ x }}",
            "echo 'it'\\''s' {{ x }}",
            "a=1; #'\necho {{ x }}",
            "echo ${y:-{{ x }}}",
            "{% raw %}docker ps --format '{{ .Names }}'{% endraw %} {{ x }}",
        ] {
            assert_eq!(places(template), Vec::<String>::new(), "{template}");
        }
    }

    #[test]
    fn where_quotes_would_not_protect_it_is_a_mistake() {
        for (template, place) in [
            ("echo \"{{ x }}\"", "double quotes"),
            ("echo '{{ x }}'", "single quotes"),
            ("echo \"a $(cmd) {{ x }}\"", "double quotes"),
            ("echo \"$(cmd \"{{ x }}\")\"", "double quotes"),
            ("echo \"${y:-{{ x }}}\"", "double quotes"),
            ("echo \"${y:-'{{ x }}'}\"", "double quotes"),
            ("echo \"$(echo '{{ x }}')\"", "single quotes"),
            ("sh -c 'echo {{ x }}'", "single quotes"),
            ("echo `cmd {{ x }}`", "backticks"),
            ("echo \"`cmd $(a {{ x }})`\"", "backticks"),
            ("echo $(({{ x }} + 1))", "shell arithmetic"),
            ("echo $(((1) + {{ x }}))", "shell arithmetic"),
            ("true # {{ x }}", "a shell comment"),
            ("(#{{ x }}\n)", "a shell comment"),
            ("cat <<EOF\n{{ x }}\nEOF", "a here-document"),
            ("cat <<A <<B\nA\n{{ x }}\nB", "a here-document"),
            ("echo \\{{ x }}", "a backslash sequence"),
            ("echo ${{ x }}", "a `$'…'` string"),
            ("echo \"\\\"{{ x }}\"", "double quotes"),
            ("echo it\\'s '{{ x }}'", "single quotes"),
            ("if {% if y %}a{% endif %} \"{{ x }}\"", "double quotes"),
        ] {
            assert_eq!(places(template), [format!("`{{{{ x }}}}` inside {place}")], "{template}");
        }
    }

    #[test]
    fn raw_and_numbers_may_stand_anywhere() {
        for expression in [
            "x | raw",
            "x.y['z']|int",
            "(a ~ b) | raw",
            "x | default(1) | float",
            "x|replace('|', ' or ')|raw",
        ] {
            assert_eq!(
                places(&format!("echo \"{{{{ {expression} }}}}\"")),
                Vec::<String>::new(),
                "{expression}"
            );
        }
        for expression in
            ["a ~ b | raw", "a | raw ~ b", "b if c else d | raw", "x | raw | upper", "raw", "x + y|int"]
        {
            assert_eq!(places(&format!("echo \"{{{{ {expression} }}}}\"")).len(), 1, "{expression}");
        }
    }

    proptest::proptest! {
        #[test]
        fn following_a_shell_never_panics(template in "[{}%#\"'`$()<\\\\ \\na|-]{0,40}") {
            check(&template, &segments(&template));
        }
    }
}
