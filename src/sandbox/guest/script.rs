//! A toy shell: enough of POSIX sh to take apart what people ask servers, and nothing that runs.
//!
//! It knows lists (`;`, `&&`, `||`, `&`), pipelines, `if`, quotes, `$NAME`, `$(…)` and redirections (which only make
//! a stream vanish or join). What programs answer is `answers`' table; for everything else there is the shell guest.

use std::iter::Peekable;

/// A command line taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct List(pub(super) Vec<(Pipeline, Joint)>);

/// What stands after a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joint {
    /// `;`, a new line, or the end.
    Then,
    And,
    Or,
    /// `&`: goes on in the background.
    Background,
}

/// Commands that feed each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
    /// Whether `!` turns the exit code round.
    pub(super) not: bool,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Simple { words: Vec<Word>, redirects: Vec<Redirect> },
    If { arms: Vec<(List, List)>, otherwise: Option<List> },
}

/// Where a stream goes instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Redirect {
    /// Standard output to a file.
    Out,
    /// Standard error to a file.
    Err,
    ErrToOut,
    OutToErr,
    /// Standard input from a file.
    In,
}

/// A word: pieces that are put together once variables are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word(pub(super) Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// `$NAME`; unquoted values are split at blanks.
    Variable {
        name: String,
        quoted: bool,
    },
    /// `$(…)`, not yet taken apart.
    Output {
        script: String,
        quoted: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(Word),
    Redirect(Redirect),
    Joint(Joint),
    Pipe,
}

/// Takes a script apart; `None` where it uses more of the shell than this toy has.
pub(super) fn parse(script: &str) -> Option<List> {
    let mut tokens = tokens(script)?.into_iter().peekable();
    let list = list(&mut tokens)?;
    tokens.next().is_none().then_some(list)
}

type Tokens = Peekable<std::vec::IntoIter<Token>>;

/// The reserved word that comes next, if the next word is one that ends a list or that this toy does not know.
fn reserved(tokens: &mut Tokens) -> Option<&'static str> {
    const RESERVED: [&str; 14] =
        ["then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "{", "}", "("];
    let Some(Token::Word(Word(pieces))) = tokens.peek() else { return None };
    let [Piece::Text(text)] = pieces.as_slice() else { return None };
    RESERVED.into_iter().find(|word| word == text)
}

fn list(tokens: &mut Tokens) -> Option<List> {
    let mut pipelines = Vec::new();
    while tokens.peek().is_some() && reserved(tokens).is_none() {
        if tokens.next_if_eq(&Token::Joint(Joint::Then)).is_some() {
            continue;
        }
        let pipeline = pipeline(tokens)?;
        let joint = match tokens.next_if(|token| matches!(token, Token::Joint(_))) {
            Some(Token::Joint(joint)) => joint,
            _ => Joint::Then,
        };
        pipelines.push((pipeline, joint));
    }
    Some(List(pipelines))
}

fn pipeline(tokens: &mut Tokens) -> Option<Pipeline> {
    let bang = Token::Word(Word(vec![Piece::Text("!".to_owned())]));
    let not = tokens.next_if_eq(&bang).is_some();
    let mut commands = vec![command(tokens)?];
    while tokens.next_if_eq(&Token::Pipe).is_some() {
        commands.push(command(tokens)?);
    }
    Some(Pipeline { not, commands })
}

fn command(tokens: &mut Tokens) -> Option<Command> {
    if tokens.next_if_eq(&word("if")).is_some() {
        return conditional(tokens);
    }
    if reserved(tokens).is_some() {
        return None;
    }
    let (mut words, mut redirects) = (Vec::new(), Vec::new());
    loop {
        match tokens.next_if(|token| matches!(token, Token::Word(_) | Token::Redirect(_))) {
            Some(Token::Word(word)) => words.push(word),
            Some(Token::Redirect(redirect)) => {
                if matches!(redirect, Redirect::Out | Redirect::Err | Redirect::In) {
                    tokens.next_if(|token| matches!(token, Token::Word(_)))?;
                }
                redirects.push(redirect);
            }
            _ => break,
        }
    }
    (!words.is_empty()).then_some(Command::Simple { words, redirects })
}

fn conditional(tokens: &mut Tokens) -> Option<Command> {
    let mut arms = Vec::new();
    loop {
        let condition = list(tokens)?;
        tokens.next_if_eq(&word("then"))?;
        arms.push((condition, list(tokens)?));
        if tokens.next_if_eq(&word("elif")).is_none() {
            break;
        }
    }
    let otherwise = if tokens.next_if_eq(&word("else")).is_some() { Some(list(tokens)?) } else { None };
    tokens.next_if_eq(&word("fi"))?;
    Some(Command::If { arms, otherwise })
}

fn word(text: &str) -> Token {
    Token::Word(Word(vec![Piece::Text(text.to_owned())]))
}

fn tokens(script: &str) -> Option<Vec<Token>> {
    let mut reader = Reader { rest: script, tokens: Vec::new(), word: None };
    while let Some(next) = reader.rest.chars().next() {
        reader.token(next)?;
    }
    reader.end_word();
    Some(reader.tokens)
}

/// What stands for itself outside words and quotes, the longest first.
const SIGNS: [(&str, Token); 15] = [
    ("2>&1", Token::Redirect(Redirect::ErrToOut)),
    ("1>&2", Token::Redirect(Redirect::OutToErr)),
    (">&2", Token::Redirect(Redirect::OutToErr)),
    ("2>>", Token::Redirect(Redirect::Err)),
    ("2>", Token::Redirect(Redirect::Err)),
    ("1>", Token::Redirect(Redirect::Out)),
    (">>", Token::Redirect(Redirect::Out)),
    (">", Token::Redirect(Redirect::Out)),
    ("<", Token::Redirect(Redirect::In)),
    ("&&", Token::Joint(Joint::And)),
    ("||", Token::Joint(Joint::Or)),
    ("&", Token::Joint(Joint::Background)),
    ("|", Token::Pipe),
    (";", Token::Joint(Joint::Then)),
    ("\n", Token::Joint(Joint::Then)),
];

struct Reader<'a> {
    rest: &'a str,
    tokens: Vec<Token>,
    word: Option<Word>,
}

impl Reader<'_> {
    fn token(&mut self, next: char) -> Option<()> {
        let digit_sign = next.is_ascii_digit() && self.word.is_some();
        let sign = SIGNS.iter().find(|(sign, _)| !digit_sign && self.rest.starts_with(sign));
        if let Some((sign, token)) = sign {
            if *sign == "<" && self.rest.starts_with("<<") {
                return None;
            }
            self.end_word();
            self.skip(sign.len());
            self.tokens.push(token.clone());
            return Some(());
        }
        match next {
            ' ' | '\t' => {
                self.end_word();
                self.skip(1);
            }
            '#' if self.word.is_none() => self.skip(self.rest.find('\n').unwrap_or(self.rest.len())),
            '\'' => {
                let end = self.rest[1..].find('\'')?;
                let text = self.rest[1..=end].to_owned();
                self.push(Piece::Text(text));
                self.skip(end + 2);
            }
            '"' => {
                self.skip(1);
                self.push(Piece::Text(String::new()));
                while !self.rest.starts_with('"') {
                    self.character(self.rest.chars().next()?, true)?;
                }
                self.skip(1);
            }
            '`' | '(' | ')' => return None,
            _ => self.character(next, false)?,
        }
        Some(())
    }

    /// Reads one character of a word, or what a `$` or backslash makes of it.
    fn character(&mut self, next: char, quoted: bool) -> Option<()> {
        self.skip(next.len_utf8());
        match next {
            '\\' => {
                let escaped = self.rest.chars().next()?;
                self.skip(escaped.len_utf8());
                if quoted && !matches!(escaped, '"' | '\\' | '$' | '`') {
                    self.push(Piece::Text("\\".to_owned()));
                }
                self.push(Piece::Text(escaped.to_string()));
            }
            '$' => self.dollar(quoted)?,
            '`' => return None,
            _ => self.push(Piece::Text(next.to_string())),
        }
        Some(())
    }

    fn dollar(&mut self, quoted: bool) -> Option<()> {
        if self.rest.starts_with("((") {
            return None;
        }
        if self.rest.starts_with('(') {
            let script = self.rest[1..matching(self.rest)?].to_owned();
            self.skip(script.len() + 2);
            self.push(Piece::Output { script, quoted });
            return Some(());
        }
        let braced = self.rest.starts_with('{');
        self.skip(usize::from(braced));
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let length = match self.rest.chars().next() {
            Some('?' | '$') => 1,
            _ => self.rest.find(|letter| !plain(letter)).unwrap_or(self.rest.len()),
        };
        let name = self.rest[..length].to_owned();
        self.skip(length);
        if braced {
            self.rest = self.rest.strip_prefix('}')?;
        }
        self.push(if name.is_empty() {
            Piece::Text("$".to_owned())
        } else {
            Piece::Variable { name, quoted }
        });
        Some(())
    }

    fn push(&mut self, piece: Piece) {
        let pieces = &mut self.word.get_or_insert_default().0;
        match (pieces.last_mut(), piece) {
            (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(&more),
            (_, piece) => pieces.push(piece),
        }
    }

    fn end_word(&mut self) {
        self.tokens.extend(self.word.take().map(Token::Word));
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }
}

/// Where the bracket that `text` begins with is closed again.
fn matching(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    text.char_indices().find_map(|(place, letter)| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(script: &str) -> Vec<Vec<String>> {
        let text = |word: &Word| {
            let pieces = word.0.iter().map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Variable { name, quoted } => format!("<{name} {quoted}>"),
                Piece::Output { script, quoted } => format!("<({script}) {quoted}>"),
            });
            pieces.collect::<String>()
        };
        let list = parse(script).unwrap().0;
        let commands = list.iter().flat_map(|(pipeline, _)| &pipeline.commands);
        commands
            .map(|command| match command {
                Command::Simple { words, .. } => words.iter().map(text).collect(),
                Command::If { .. } => vec!["if".to_owned()],
            })
            .collect()
    }

    #[test]
    fn quotes_keep_blanks_and_variables_are_marked() {
        assert_eq!(words(r#"echo 'a  $b' "c $d" e\ f"#), [["echo", "a  $b", "c <d true>", "e f"]]);
        assert_eq!(
            words("echo ${ID}x $(df -P / | tail -1) $?"),
            [["echo", "<ID false>x", "<(df -P / | tail -1) false>", "<? false>"]]
        );
        assert_eq!(words("awk 'NR==2 { print $5 }'"), [["awk", "NR==2 { print $5 }"]]);
    }

    #[test]
    fn joints_pipes_and_redirections_are_told_apart() {
        let list = parse("a 2>/dev/null | b && c 2>&1 || d; e &\n! f >x").unwrap().0;
        let joints: Vec<Joint> = list.iter().map(|(_, joint)| *joint).collect();
        assert_eq!(joints, [Joint::And, Joint::Or, Joint::Then, Joint::Background, Joint::Then]);
        assert_eq!(list[0].0.commands.len(), 2);
        let Command::Simple { words, redirects } = &list[0].0.commands[0] else { panic!() };
        assert_eq!((words.len(), redirects.as_slice()), (1, [Redirect::Err].as_slice()));
        assert!(list[4].0.not);
    }

    #[test]
    fn conditions_nest_and_what_is_unknown_is_refused() {
        assert_eq!(words("if [ -f x ]; then echo y; elif a; then b; else c; fi; d"), [vec!["if"], vec!["d"]]);
        for script in
            ["for i in 1 2; do echo; done", "(a)", "if a; then b", "echo 'a", "cat <<E", "a |", "$((1+1))"]
        {
            assert_eq!(parse(script), None, "{script}");
        }
    }
}
