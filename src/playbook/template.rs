//! A step's command: text with `{{ … }}` in it, and what it becomes for one target.
//!
//! Every value is inserted as one shell word, quoted where it needs to be (a list as several words), unless the
//! author says `| raw`. What was rendered is never rendered again. A template sees `vars`, `target` and the captures of
//! earlier steps, and nothing else: no files, no includes, no clock; fuel and sizes are bounded, so that rendering
//! returns at once.
//!
//! The checks that find mistakes before the first request are in `names` and `shell`.

mod names;
pub(super) mod segments;
mod shell;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use minijinja::{
    Environment, Error, ErrorKind, Output, State, Value,
    syntax::SyntaxConfig,
    value::{Object, Serde, ValueKind},
};
use serde_json::Map;

use self::segments::{Segment, segments};
use super::{Diagnostic, MAX_COMMAND_CHARS, Vars, language, quoting::quoted, scope::Scope};

/// Instructions and pieces of output that one rendering may take; an ordinary command takes under a hundred.
const FUEL: u64 = 50_000;

/// The longest `{{ … }}` or `{% … %}`, in bytes. The engine's parser recurses into an expression.
const MAX_EXPRESSION: usize = 1000;

/// How many `{% … %}` a template may have. The engine recurses into each `elif`.
const MAX_STATEMENTS: usize = 200;

/// The longest template, in bytes: what stays of it may be no longer than [`MAX_COMMAND_CHARS`].
const MAX_TEMPLATE: usize = 64 * 1024;

/// The most words that one list becomes: each takes two characters of the command.
const MAX_WORDS: usize = MAX_COMMAND_CHARS / 2;

/// A compiled command template.
#[derive(Clone)]
pub struct Template {
    text: String,
    program: Program,
}

#[derive(Clone)]
enum Program {
    /// Sent as it stands.
    Constant(String),
    Rendered {
        environment: Arc<Environment<'static>>,
        reads_target: bool,
        captures: Arc<[String]>,
    },
}

/// Why a template gave no command for one target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(pub String);

impl Template {
    /// Text that is sent as it stands, never as a template (`exec`).
    pub fn verbatim(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { program: Program::Constant(text.clone()), text }
    }

    /// Compiles a step's `run`.
    ///
    /// # Errors
    /// All mistakes that can be known without a target, their spans counted from the beginning of `text`;
    /// a mistake of the command as a whole has none.
    pub(super) fn compile(text: &str, scope: &Scope<'_>) -> Result<Self, Vec<Diagnostic>> {
        if text.len() > MAX_TEMPLATE {
            let message = format!("too long: {} bytes, of at most {MAX_TEMPLATE}", text.len());
            return Err(vec![Diagnostic::nowhere(message)]);
        }
        let pieces = segments(text);
        let mut mistakes = too_much_to_parse(&pieces);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        if pieces.iter().all(|piece| matches!(piece, Segment::Literal(_)))
            && !text.contains(segments::COMMENT.0)
        {
            // As the engine does: the line break that ends a block is not part of the command.
            let template = Self {
                text: text.to_owned(),
                program: Program::Constant(text.strip_suffix('\n').unwrap_or(text).to_owned()),
            };
            return match template.check_without_target(scope) {
                Ok(()) => Ok(template),
                Err(RenderError(message)) => Err(vec![Diagnostic::nowhere(message)]),
            };
        }
        let mut environment = ENVIRONMENT.clone();
        environment
            .add_template_owned(NAME, text.to_owned())
            .map_err(|error| vec![syntax_mistake(text, &error)])?;
        let undeclared = environment
            .get_template(NAME)
            .map_err(|error| vec![syntax_mistake(text, &error)])?
            .undeclared_variables(false);
        mistakes.extend(names::check(text, &pieces, &undeclared, &environment, scope));
        mistakes.extend(shell::check(text, &pieces));
        let reads_target = undeclared.contains("target");
        let captures =
            scope.captured().filter(|name| undeclared.contains(*name)).map(str::to_owned).collect();
        let template = Self {
            text: text.to_owned(),
            program: Program::Rendered { environment: Arc::new(environment), reads_target, captures },
        };
        let literal = literal_length(text, &pieces);
        if literal > MAX_COMMAND_CHARS {
            mistakes.push(Diagnostic::nowhere(too_long(literal)));
        } else if mistakes.is_empty()
            && let Err(RenderError(message)) = template.check_without_target(scope)
        {
            mistakes.push(Diagnostic::nowhere(message));
        }
        if mistakes.is_empty() { Ok(template) } else { Err(mistakes) }
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the command depends on the target's fields.
    pub fn reads_target(&self) -> bool {
        matches!(self.program, Program::Rendered { reads_target: true, .. })
    }

    /// The captures that it reads, in the order in which they are made.
    pub fn captures_read(&self) -> &[String] {
        match &self.program {
            Program::Constant(_) => &[],
            Program::Rendered { captures, .. } => captures,
        }
    }

    /// The command for one target, of which so much was captured.
    ///
    /// # Errors
    /// An undefined field or capture, a NUL, or a command that is empty or over [`MAX_COMMAND_CHARS`] once rendered. No
    /// secret value is in the message.
    pub fn render(
        &self,
        target: &Map<String, serde_json::Value>,
        captured: &Map<String, serde_json::Value>,
        vars: &Vars,
    ) -> Result<String, RenderError> {
        let command = match &self.program {
            Program::Constant(text) => text.clone(),
            Program::Rendered { environment, captures: read, .. } => {
                let values = Value::from_pairs(vars.iter().map(|(name, value)| (name, Serde(value))));
                let read = read.iter().filter_map(|name| captured.get_key_value(name));
                let read = read.map(|(name, value)| (name.as_str(), Value::from(Serde(value))));
                let own = [("target", Value::from(Serde(target))), ("vars", values)];
                let context = Value::from_pairs(own.into_iter().chain(read));
                let rendered = environment.get_template(NAME).and_then(|template| template.render(context));
                rendered.map_err(|error| {
                    RenderError(vars.redacted(&explained(&self.text, &error)).into_owned())
                })?
            }
        };
        check_command(&command)?;
        Ok(command)
    }

    /// Renders what is the same for every target: then a mistake in it is one of the playbook.
    fn check_without_target(&self, scope: &Scope<'_>) -> Result<(), RenderError> {
        let all_known = scope.declared.iter().all(|name| scope.vars.value(name).is_some());
        match self.program {
            Program::Rendered { reads_target: true, .. } => Ok(()),
            Program::Rendered { .. } if !all_known || !self.captures_read().is_empty() => Ok(()),
            _ => self.render(&Map::new(), &Map::new(), scope.vars).map(drop),
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Template").field(&self.text).finish()
    }
}

/// What the API takes as a command. Source: HostUp docs, post-exec page: non-empty, at most 4096 characters.
fn check_command(command: &str) -> Result<(), RenderError> {
    let length = command.chars().count();
    if command.trim().is_empty() {
        Err(RenderError("the command is empty".to_owned()))
    } else if command.contains('\0') {
        Err(RenderError("the command contains a NUL character, which no shell can take".to_owned()))
    } else if length > MAX_COMMAND_CHARS {
        Err(RenderError(too_long(length)))
    } else {
        Ok(())
    }
}

fn too_long(length: usize) -> String {
    format!("the command is too long: {length} characters, of at most {MAX_COMMAND_CHARS}")
}

/// What the engine's parser must not be given, for it would overflow the stack.
fn too_much_to_parse(pieces: &[Segment]) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    let mut statements = 0;
    for piece in pieces {
        let inner = match piece {
            Segment::Literal(_) => continue,
            Segment::Expression { inner, .. } => inner,
            Segment::Statement { inner } => {
                statements += 1;
                if statements == MAX_STATEMENTS + 1 {
                    let message =
                        format!("too many statements: a command may have {MAX_STATEMENTS} `{{% … %}}`");
                    mistakes.push(Diagnostic::at(inner.clone(), message));
                }
                inner
            }
        };
        if inner.len() > MAX_EXPRESSION {
            let message = format!("expression too long: {} bytes, of at most {MAX_EXPRESSION}", inner.len());
            let help = "a `{{` or `{%` that was never closed reads on to the next one";
            mistakes.push(Diagnostic::at(inner.clone(), message).help(help));
        }
    }
    mistakes
}

/// The characters that are in every rendering, 0 where statements decide.
fn literal_length(text: &str, pieces: &[Segment]) -> usize {
    let mut length = 0;
    for piece in pieces {
        match piece {
            Segment::Literal(span) => length += text[span.clone()].chars().count(),
            Segment::Expression { .. } => {}
            Segment::Statement { .. } => return 0,
        }
    }
    length
}

fn syntax_mistake(text: &str, error: &Error) -> Diagnostic {
    let span = error.range().filter(|range| text.get(range.clone()).is_some()).unwrap_or(0..text.len());
    let detail = error.detail().unwrap_or("not a valid template");
    let mistake = Diagnostic::at(span.clone(), format!("template: {detail}"));
    let before = text[..span.start].trim_end();
    if before.ends_with("{{") && text[span].starts_with('.') {
        // `docker ps --format '{{.Names}}'` and the like.
        mistake
            .help("to send `{{` itself to the server, put `{% raw %}` before it and `{% endraw %}` after it")
    } else if detail.contains("unknown statement") {
        mistake.help("templates have `if`, `for` and `set`, and read no other files")
    } else if detail.contains("end of input") || detail.contains("end of comment") {
        mistake.help("a `{{`, `{%` or `{# ` was opened and never closed")
    } else {
        mistake
    }
}

/// What went wrong in a rendering, with the expression it went wrong in.
fn explained(text: &str, error: &Error) -> String {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.range().and_then(|range| text.get(range)) {
        Some(part) if !detail.contains(part) && part.len() <= 80 => format!("in `{part}`: {detail}"),
        _ => detail,
    }
}

/// The one name under which a template is kept in its environment. Its ending asks for no escaping.
const NAME: &str = "run";

/// What all templates have in common; each gets a copy, whose tables are shared.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = language::environment();
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(insert);
    let syntax = SyntaxConfig::builder().comment_delimiters(segments::COMMENT.0, segments::COMMENT.1).build();
    environment.set_syntax(syntax.expect("three different pairs of delimiters"));
    environment.add_filter("raw", raw);
    environment.add_filter("tojson", to_json);
    environment
});

/// A value to which the author said `| raw`.
#[derive(Debug)]
struct Raw(String);

impl Object for Raw {
    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The filter `raw`: the value as it stands, a list as words with blanks between them.
fn raw(value: &Value) -> Result<Value, Error> {
    Ok(Value::from_object(Raw(words(value)?.join(" "))))
}

/// The filter `tojson`: the engine's own says that its result is safe, which is meant for HTML.
fn to_json(value: &Value) -> Result<String, Error> {
    if value.len().is_some_and(|length| length > MAX_COMMAND_CHARS) {
        return Err(Error::new(ErrorKind::InvalidOperation, "too long for a command"));
    }
    serde_json::to_string(value).map_err(|error| {
        Error::new(ErrorKind::BadSerialization, "cannot be written as JSON").with_source(error)
    })
}

/// Writes what stands for `{{ … }}` in a command: the one door through which a value gets there.
fn insert(output: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(Raw(text)) = value.downcast_object_ref::<Raw>() {
        return Ok(output.write_str(text)?);
    }
    for (index, word) in words(value)?.iter().enumerate() {
        if index > 0 {
            output.write_str(" ")?;
        }
        output.write_str(&quoted(word))?;
    }
    Ok(())
}

/// The words that a value is: one for a scalar, one for each element of a list.
fn words(value: &Value) -> Result<Vec<String>, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            let mut words = Vec::new();
            for element in value.try_iter()? {
                if words.len() == MAX_WORDS {
                    return Err(Error::new(ErrorKind::InvalidOperation, "a list too long for a command"));
                }
                words.push(word(&element)?);
            }
            Ok(words)
        }
        _ => Ok(vec![word(value)?]),
    }
}

fn word(value: &Value) -> Result<String, Error> {
    let no_word = |what: &str| {
        let message = format!("{what} is not a word of a command");
        Err(Error::new(ErrorKind::InvalidOperation, message))
    };
    match value.kind() {
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Number => Ok(value.to_string()),
        ValueKind::Bool => Ok(if value.is_true() { "true" } else { "false" }.to_owned()),
        ValueKind::Undefined => Err(Error::new(ErrorKind::UndefinedError, "the value is undefined")),
        ValueKind::None => no_word("null"),
        ValueKind::Map => no_word("a mapping"),
        ValueKind::Seq | ValueKind::Iterable => no_word("a list in a list"),
        _ => match value.downcast_object_ref::<Raw>() {
            Some(Raw(text)) => Ok(text.clone()),
            None => no_word("this value"),
        },
    }
}

#[cfg(test)]
mod tests;
