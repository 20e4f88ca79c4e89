//! The filters that pipelines on made-up servers end in, as far as diagnostics use them.

use super::answers::{Answer, Call};

/// The text that a filter works on: the files are not looked at, only what is piped in.
fn lines<'a>(call: &'a Call) -> Vec<&'a str> {
    call.input.lines().collect()
}

fn joined<'a>(lines: impl IntoIterator<Item = &'a str>) -> Answer {
    Answer::says(lines.into_iter().flat_map(|line| [line, "\n"]).collect::<String>())
}

/// The number of `-5`, `-n 5`, `-n5`; 10 without one.
fn count(call: &Call) -> usize {
    let mut digits = call.arguments.iter().map(|argument| argument.trim_start_matches(['-', 'n']));
    digits.find_map(|digits| digits.parse().ok()).unwrap_or(10)
}

pub(super) fn head(call: &Call) -> Answer {
    joined(lines(call).into_iter().take(count(call)))
}

pub(super) fn tail(call: &Call) -> Answer {
    let lines = lines(call);
    let skip = match call.arguments.iter().find_map(|argument| argument.strip_prefix('+')) {
        Some(from) => from.parse::<usize>().unwrap_or(1).saturating_sub(1),
        None => lines.len().saturating_sub(count(call)),
    };
    joined(lines.into_iter().skip(skip))
}

pub(super) fn sort(call: &Call) -> Answer {
    let mut lines = lines(call);
    lines.sort_unstable();
    joined(lines)
}

pub(super) fn wc(call: &Call) -> Answer {
    let (lines, words, bytes) =
        (call.input.matches('\n').count(), call.input.split_whitespace().count(), call.input.len());
    Answer::says(match call.arguments.first().map(String::as_str) {
        Some("-l") => format!("{lines}\n"),
        Some("-w") => format!("{words}\n"),
        Some("-c") => format!("{bytes}\n"),
        _ => format!("{lines:7} {words:7} {bytes:7}\n"),
    })
}

/// `grep [-v] [-c] [-q] [-i] PATTERN`, the pattern being a regular expression.
pub(super) fn grep(call: &Call) -> Answer {
    let flag = |letter| call.arguments.iter().any(|word| word.starts_with('-') && word.contains(letter));
    let pattern = call.plain().next().unwrap_or_default();
    let Ok(pattern) =
        regex::RegexBuilder::new(pattern).case_insensitive(flag('i')).size_limit(1 << 20).build()
    else {
        return Answer::fails(2, "grep: invalid regular expression\n");
    };
    let found: Vec<&str> =
        lines(call).into_iter().filter(|line| pattern.is_match(line) != flag('v')).collect();
    let status = i32::from(found.is_empty());
    let answer = match (flag('q'), flag('c')) {
        (true, _) => Answer::default(),
        (_, true) => Answer::says(format!("{}\n", found.len())),
        _ => joined(found),
    };
    Answer { status, ..answer }
}

/// `cut -d C -f N`.
pub(super) fn cut(call: &Call) -> Answer {
    let value = |flag: &str| {
        let mut words = call.arguments.iter();
        let word = words.find(|word| word.starts_with(flag))?;
        if word.len() > 2 { Some(&word[2..]) } else { words.next().map(String::as_str) }
    };
    let delimiter = value("-d").unwrap_or("\t");
    let field: usize = value("-f").and_then(|field| field.parse().ok()).unwrap_or(1);
    joined(lines(call).into_iter().map(|line| {
        if line.contains(delimiter) {
            line.split(delimiter).nth(field.saturating_sub(1)).unwrap_or("")
        } else {
            line
        }
    }))
}

/// `awk '[NR==N|NR>N|END] { print [$N|NR|"text"][, …] }'`.
pub(super) fn awk(call: &Call) -> Answer {
    let unknown =
        || Answer::fails(2, "awk: the simulated guest knows only NR==N { print $N }; see guest=shell\n");
    let Some((condition, action)) = call.plain().next().and_then(|program| program.split_once('{')) else {
        return unknown();
    };
    let Some(printed) =
        action.trim_end().strip_suffix('}').and_then(|action| action.trim().strip_prefix("print"))
    else {
        return unknown();
    };
    let condition: String = condition.split_whitespace().collect();
    let number =
        |prefix: &str| condition.strip_prefix(prefix).and_then(|number| number.parse::<usize>().ok());
    let lines: Vec<(usize, &str)> = (1..).zip(call.input.lines()).collect();
    let chosen: Vec<(usize, &str)> = if condition.is_empty() {
        lines
    } else if condition == "END" {
        lines.last().map_or_else(|| vec![(0, "")], |last| vec![*last])
    } else if let Some(number) = number("NR==") {
        lines.into_iter().filter(|(line, _)| *line == number).collect()
    } else if let Some(number) = number("NR>") {
        lines.into_iter().filter(|(line, _)| *line > number).collect()
    } else {
        return unknown();
    };
    let mut text = String::new();
    for (number, line) in chosen {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let values = printed.trim().trim_end_matches(';').split(',').map(|wanted| match wanted.trim() {
            "" | "$0" => Some(line.to_owned()),
            "NR" => Some(number.to_string()),
            "$NF" => Some(fields.last().copied().unwrap_or_default().to_owned()),
            quoted if quoted.len() > 1 && quoted.starts_with('"') && quoted.ends_with('"') => {
                Some(quoted[1..quoted.len() - 1].to_owned())
            }
            field => {
                let field: usize = field.strip_prefix('$')?.parse().ok()?;
                Some(fields.get(field.checked_sub(1)?).copied().unwrap_or_default().to_owned())
            }
        });
        match values.collect::<Option<Vec<_>>>() {
            Some(values) => text += &(values.join(" ") + "\n"),
            None => return unknown(),
        }
    }
    Answer::says(text)
}
