//! awk's own functions.

use super::{
    run::{Array, Done, Leave, Run},
    syntax::Expression,
    value::{Value, written},
};
use crate::sandbox::guest::simulated::{machine::lost, programs::sed::replace, sh::printf::float};

impl Run<'_, '_, '_> {
    pub(super) fn call(&mut self, name: &str, arguments: &[Expression]) -> Done<Value> {
        let missing = || Leave::Broken(format!("syntax error: not enough arguments for {name}"));
        let first = arguments.first();
        Ok(match name {
            "length" => match first {
                Some(Expression::Variable(array)) if self.arrays.contains_key(array) => {
                    number_of(self.arrays.get(array).map_or(0, |array| array.values.len()))
                }
                Some(text) => number_of(self.value(text)?.text().chars().count()),
                None => number_of(self.line().chars().count()),
            },
            "split" => {
                let [text, Expression::Variable(array), rest @ ..] = arguments else { return Err(missing()) };
                let text = self.value(text)?.text();
                let parts = match rest.first() {
                    None => self.split(&text, None)?,
                    Some(separator) => {
                        let pattern = match separator {
                            Expression::Pattern(_) => {
                                return Err(lost("awk's split by a pattern is not simulated").into());
                            }
                            separator => self.value(separator)?.text(),
                        };
                        self.split(&text, Some(pattern))?
                    }
                };
                let mut made = Array::default();
                for (part, number) in parts.iter().zip(1..) {
                    *made.element(&i32::to_string(&number)) = Value::Input(part.clone());
                }
                self.arrays.insert(array.clone(), made);
                number_of(parts.len())
            }
            "sub" | "gsub" => {
                let [pattern, with, rest @ ..] = arguments else { return Err(missing()) };
                let line = Expression::Field(Box::new(Expression::Number(0.0)));
                let place = rest.first().unwrap_or(&line);
                let (pattern, with) = (self.pattern_of(pattern)?, self.value(with)?.text());
                let text = self.value(place)?.text();
                self.shell.machine.spend_bytes(text.len() * 4)?;
                let mut count = 0;
                let replaced = replace(&pattern, &text, 1, name == "gsub", |groups, out| {
                    count += 1;
                    let found =
                        groups.first().copied().flatten().map_or("", |(start, end)| &text[start..end]);
                    expand(&with, found, out);
                });
                if let Some(replaced) = replaced {
                    self.assign(place, Value::Text(replaced))?;
                }
                number_of(count)
            }
            "match" => {
                let [text, pattern] = arguments else { return Err(missing()) };
                let text = self.value(text)?.text();
                let found = self
                    .pattern_of(pattern)?
                    .find(&text, 0)
                    .and_then(|groups| groups.first().copied().flatten());
                let letters = |end: usize| text[..end].chars().count();
                let (start, length) = match found {
                    Some((start, end)) => {
                        (number_of(letters(start) + 1), number_of(letters(end) - letters(start)))
                    }
                    None => (Value::Number(0.0), Value::Number(-1.0)),
                };
                self.assign(&Expression::Variable("RSTART".to_owned()), start.clone())?;
                self.assign(&Expression::Variable("RLENGTH".to_owned()), length)?;
                start
            }
            "sprintf" => Value::Text(self.formatted(arguments)?),
            _ => {
                let mut values = Vec::new();
                for argument in arguments {
                    values.push(self.value(argument)?);
                }
                plain(name, &values).ok_or_else(missing)?
            }
        })
    }

    /// `printf`'s text.
    pub(super) fn formatted(&mut self, arguments: &[Expression]) -> Done<String> {
        let mut values = Vec::new();
        for argument in arguments {
            values.push(self.value(argument)?);
        }
        let mut values = values.into_iter();
        let format = values.next().map(|format| format.text()).unwrap_or_default();
        let (mut out, mut rest) = (String::new(), format.as_str());
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let end = rest.find(|letter: char| letter.is_ascii_alphabetic() || letter == '%');
            let Some(end) = end else { return Ok(out + "%" + rest) };
            let (mut directive, kind) = (rest[..end].to_owned(), rest[end..].chars().next().unwrap_or('%'));
            rest = &rest[end + 1..];
            while let Some(star) = directive.find('*') {
                let size = values.next().map_or(0.0, |value| value.number());
                directive.replace_range(star..=star, &written(size.trunc(), "%.6g"));
            }
            if kind == '%' {
                out.push('%');
                continue;
            }
            let value = values.next().unwrap_or(Value::Unset);
            out.push_str(&one(&directive, kind, &value)?);
            self.shell.machine.spend_bytes(out.len())?;
        }
        Ok(out + rest)
    }
}

fn number_of(count: usize) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "counts of letters and fields are far below 2^52")]
    Value::Number(count as f64)
}

fn plain(name: &str, values: &[Value]) -> Option<Value> {
    let first = values.first()?;
    Some(match name {
        "tolower" => Value::Text(first.text().to_lowercase()),
        "toupper" => Value::Text(first.text().to_uppercase()),
        "int" => Value::Number(first.number().trunc()),
        "sqrt" => Value::Number(first.number().sqrt()),
        "exp" => Value::Number(first.number().exp()),
        "log" => Value::Number(first.number().ln()),
        "sin" => Value::Number(first.number().sin()),
        "cos" => Value::Number(first.number().cos()),
        "atan2" => Value::Number(first.number().atan2(values.get(1)?.number())),
        "index" => {
            let (text, wanted) = (first.text(), values.get(1)?.text());
            number_of(text.find(&wanted).map_or(0, |at| text[..at].chars().count() + 1))
        }
        "substr" => {
            // Rounded, and cut to what there is, as POSIX says.
            let start = values.get(1)?.number().round();
            let end = values.get(2).map_or(f64::INFINITY, |length| start + length.number().round());
            let letters = first.text();
            let kept = letters.chars().zip(1_u32..).filter(|(_, place)| {
                let place = f64::from(*place);
                place >= start && place < end
            });
            Value::Text(kept.map(|(letter, _)| letter).collect())
        }
        _ => return None,
    })
}

/// The replacement of `sub`: `&` is what was found, `\\&` an ampersand.
fn expand(with: &str, found: &str, out: &mut String) {
    let mut letters = with.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '&' => out.push_str(found),
            '\\' if matches!(letters.peek(), Some('&' | '\\')) => out.extend(letters.next()),
            letter => out.push(letter),
        }
    }
}

/// One value as `%-8.3f` and its like write it.
fn one(directive: &str, kind: char, value: &Value) -> Done<String> {
    let flags: String = directive.chars().take_while(|letter| "-+ #0".contains(*letter)).collect();
    let (width, precision) = directive[flags.len()..].split_once('.').map_or_else(
        || (&directive[flags.len()..], None),
        |(width, precision)| (width, Some(precision.parse::<usize>().unwrap_or(0))),
    );
    let width: usize = width.parse().unwrap_or(0);
    if width > 10_000 || precision.is_some_and(|precision| precision > 10_000) {
        return Err(lost("awk's printf is too wide").into());
    }
    let number = value.number();
    let whole = format!("{:.0}", number.trunc());
    let mut text = match kind {
        'd' | 'i' | 'u' => {
            let (sign, digits) = whole.strip_prefix('-').map_or(("", whole.as_str()), |digits| ("-", digits));
            let sign = if sign == "-" && digits != "0" {
                "-"
            } else if flags.contains('+') {
                "+"
            } else {
                ""
            };
            let least = precision.unwrap_or(0);
            format!("{sign}{digits:0>least$}")
        }
        #[expect(clippy::cast_possible_truncation, reason = "as C does it")]
        'x' => format!("{:x}", number as i64),
        #[expect(clippy::cast_possible_truncation, reason = "as C does it")]
        'X' => format!("{:X}", number as i64),
        #[expect(clippy::cast_possible_truncation, reason = "as C does it")]
        'o' => format!("{:o}", number as i64),
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' => float(number, kind, precision, &flags),
        'c' => match value {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a code point")]
            Value::Number(code) => char::from_u32(*code as u32).map(String::from).unwrap_or_default(),
            value => value.text().chars().take(1).collect(),
        },
        's' => value.text().chars().take(precision.unwrap_or(usize::MAX)).collect(),
        other => return Err(lost(format!("awk's printf %{other} is not simulated")).into()),
    };
    let missing = width.saturating_sub(text.chars().count());
    if flags.contains('-') {
        text.push_str(&" ".repeat(missing));
    } else if flags.contains('0') && !matches!(kind, 's' | 'c') {
        let sign = usize::from(text.starts_with(['-', '+']));
        text.insert_str(sign, &"0".repeat(missing));
    } else {
        text.insert_str(0, &" ".repeat(missing));
    }
    Ok(text)
}
