//! An awk program's text as tokens.

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Text(String),
    Pattern(String),
    Name(String),
    /// A name with a parenthesis right behind it.
    Called(String),
    Keyword(&'static str),
    Symbol(&'static str),
    Newline,
    End,
}

const KEYWORDS: [&str; 20] = [
    "BEGIN", "END", "if", "else", "while", "do", "for", "in", "next", "exit", "break", "continue", "delete",
    "print", "printf", "function", "func", "getline", "return", "nextfile",
];

const SYMBOLS: [&str; 39] = [
    "**=", "**", "&&", "||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "==", "<=", ">=", "!=", ">>",
    "!~", "{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", "<", ">", "|", "?", ":",
    "~",
];

/// # Errors
/// What is wrong with the text.
pub(super) fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let letters: Vec<char> = source.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(letter) = letters.get(at).copied() {
        let starts = |text: &str| {
            text.chars().enumerate().all(|(index, letter)| letters.get(at + index) == Some(&letter))
        };
        if letter == '\n' {
            tokens.push(Token::Newline);
            at += 1;
        } else if letter.is_ascii_whitespace() {
            at += 1;
        } else if starts("\\\n") {
            at += 2;
        } else if letter == '#' {
            while letters.get(at).is_some_and(|letter| *letter != '\n') {
                at += 1;
            }
        } else if letter == '"' {
            let (text, end) = quoted(&letters, at + 1, '"')?;
            tokens.push(Token::Text(unescaped(&text)));
            at = end;
        } else if letter == '/' && !ends_operand(tokens.last()) {
            let (text, end) = quoted(&letters, at + 1, '/')?;
            tokens.push(Token::Pattern(text.replace("\\/", "/")));
            at = end;
        } else if letter.is_ascii_digit()
            || (letter == '.' && letters.get(at + 1).is_some_and(char::is_ascii_digit))
        {
            let (number, end) = number(&letters, at);
            tokens.push(Token::Number(number));
            at = end;
        } else if letter.is_ascii_alphabetic() || letter == '_' {
            let end =
                letters[at..].iter().position(|letter| !letter.is_ascii_alphanumeric() && *letter != '_');
            let end = end.map_or(letters.len(), |length| at + length);
            let name: String = letters[at..end].iter().collect();
            at = end;
            tokens.push(match KEYWORDS.into_iter().find(|keyword| *keyword == name) {
                Some(keyword) => Token::Keyword(keyword),
                None if letters.get(at) == Some(&'(') => Token::Called(name),
                None => Token::Name(name),
            });
        } else if letter == '$' {
            tokens.push(Token::Symbol("$"));
            at += 1;
        } else if starts("=") && !starts("==") {
            tokens.push(Token::Symbol("="));
            at += 1;
        } else if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| starts(symbol)) {
            tokens.push(Token::Symbol(match symbol {
                "**" => "^",
                "**=" => "^=",
                symbol => symbol,
            }));
            at += symbol.len();
        } else {
            return Err(format!("syntax error at source line 1: unexpected {letter}"));
        }
    }
    tokens.push(Token::End);
    Ok(tokens)
}

/// Whether a `/` here divides.
fn ends_operand(token: Option<&Token>) -> bool {
    matches!(
        token,
        Some(
            Token::Number(_)
                | Token::Text(_)
                | Token::Pattern(_)
                | Token::Name(_)
                | Token::Symbol(")" | "]" | "$" | "++" | "--")
        )
    )
}

fn quoted(letters: &[char], mut at: usize, end: char) -> Result<(String, usize), String> {
    let (mut text, mut set) = (String::new(), false);
    loop {
        match letters.get(at) {
            None | Some('\n') => return Err(format!("syntax error at source line 1: no closing {end}")),
            Some('\\') => {
                text.push('\\');
                at += 1;
                text.extend(letters.get(at));
            }
            Some(letter) if *letter == end && !(set && end == '/') => return Ok((text, at + 1)),
            Some(letter) => {
                set = match letter {
                    '[' => true,
                    ']' => set && text.ends_with(['[', '^']) && !text.ends_with("]^"),
                    _ => set,
                };
                text.push(*letter);
            }
        }
        at += 1;
    }
}

fn number(letters: &[char], at: usize) -> (f64, usize) {
    let rest: String = letters[at..].iter().take(40).collect();
    let digits =
        |text: &str| text.len() - text.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let mut end = digits(&rest);
    if rest[end..].starts_with('.') {
        end += 1 + digits(&rest[end + 1..]);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['-', '+']));
        let exponent = digits(&rest[end + 1 + sign..]);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    (rest[..end].trim_end_matches('.').parse().unwrap_or(0.0), at + end)
}

/// A text with awk's escapes carried out; those that it does not know stay.
pub(super) fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\x07'),
            Some('b') => out.push('\x08'),
            Some('f') => out.push('\x0c'),
            Some('v') => out.push('\x0b'),
            Some(letter @ ('\\' | '"' | '/')) => out.push(letter),
            Some(first @ '0'..='7') => {
                let mut value = first.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = letters.clone().next().and_then(|letter| letter.to_digit(8)) else {
                        break;
                    };
                    value = value * 8 + digit;
                    letters.next();
                }
                out.extend(char::from_u32(value & 255));
            }
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}
