//! `test` and `[`: POSIX's rules by the number of arguments, and its expressions with `-a`, `-o` and parentheses.

use super::{Shell, arithmetic};
use crate::sandbox::guest::simulated::{files::absolute, machine::Stop};

pub(crate) fn test(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    if words[0].ends_with('[') && arguments.pop() != Some("]") {
        shell.gripe("[: missing ]");
        return Ok(2);
    }
    shell.machine.spend(arguments.len() as u64)?;
    match decide(shell, &arguments) {
        Ok(holds) => Ok(i32::from(!holds)),
        Err(what) => {
            shell.gripe(&format!("{}: {what}", words[0]));
            Ok(2)
        }
    }
}

fn decide(shell: &Shell, words: &[&str]) -> Result<bool, String> {
    match words {
        [] => Ok(false),
        [word] => Ok(!word.is_empty()),
        ["!", word] => Ok(word.is_empty()),
        [left, operator, right] if is_binary(operator) => binary(shell, left, operator, right),
        ["!", left, operator, right] if is_binary(operator) => Ok(!binary(shell, left, operator, right)?),
        _ => {
            let mut rest = Rest { shell, words };
            let holds = rest.or()?;
            match rest.words.first() {
                None => Ok(holds),
                Some(word) => Err(format!("{word}: unexpected operator")),
            }
        }
    }
}

struct Rest<'a, 's, 'm> {
    shell: &'a Shell<'s, 'm>,
    words: &'a [&'a str],
}

impl Rest<'_, '_, '_> {
    fn takes(&mut self, word: &str) -> bool {
        let there = self.words.first() == Some(&word);
        if there {
            self.words = &self.words[1..];
        }
        there
    }

    fn or(&mut self) -> Result<bool, String> {
        let mut holds = self.and()?;
        while self.takes("-o") {
            holds |= self.and()?;
        }
        Ok(holds)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut holds = self.not()?;
        while self.takes("-a") {
            holds &= self.not()?;
        }
        Ok(holds)
    }

    fn not(&mut self) -> Result<bool, String> {
        let mut turned = false;
        while self.words.len() > 1 && self.takes("!") {
            turned = !turned;
        }
        Ok(self.primary()? != turned)
    }

    fn primary(&mut self) -> Result<bool, String> {
        let words = self.words;
        if let [left, operator, right, ..] = words
            && is_binary(operator)
        {
            self.words = &words[3..];
            return binary(self.shell, left, operator, right);
        }
        if words.len() > 1 && self.takes("(") {
            let holds = self.deeper()?;
            return if self.takes(")") { Ok(holds) } else { Err("closing paren expected".to_owned()) };
        }
        if let [operator, word, ..] = words
            && let Some(holds) = unary(self.shell, operator, word)
        {
            self.words = &words[2..];
            return Ok(holds);
        }
        let Some(word) = words.first() else { return Err("argument expected".to_owned()) };
        self.words = &words[1..];
        Ok(!word.is_empty())
    }

    fn deeper(&mut self) -> Result<bool, String> {
        let open = self.words.iter().filter(|word| **word == "(").count();
        if open > 40 { Err("nested too deep".to_owned()) } else { self.or() }
    }
}

fn is_binary(operator: &str) -> bool {
    matches!(
        operator,
        "=" | "==" | "!=" | "<" | ">" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-nt" | "-ot" | "-ef"
    )
}

fn binary(shell: &Shell, left: &str, operator: &str, right: &str) -> Result<bool, String> {
    let number = |text: &str| {
        arithmetic::number(text)
            .filter(|_| !text.trim().is_empty())
            .ok_or_else(|| format!("Illegal number: {text}"))
    };
    let changed = |path: &str| {
        let path = absolute(&shell.state.directory, path);
        shell.machine.files.entry(&path).map(|entry| entry.modified)
    };
    Ok(match operator {
        "=" | "==" => left == right,
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "-nt" => changed(left) > changed(right),
        "-ot" => changed(left) < changed(right),
        "-ef" => absolute(&shell.state.directory, left) == absolute(&shell.state.directory, right),
        _ => {
            let (left, right) = (number(left)?, number(right)?);
            match operator {
                "-eq" => left == right,
                "-ne" => left != right,
                "-lt" => left < right,
                "-le" => left <= right,
                "-gt" => left > right,
                _ => left >= right,
            }
        }
    })
}

fn unary(shell: &Shell, operator: &str, word: &str) -> Option<bool> {
    let files = &shell.machine.files;
    let path = absolute(&shell.state.directory, word);
    Some(match operator {
        "-n" => !word.is_empty(),
        "-z" => word.is_empty(),
        "-t" => false,
        "-h" | "-L" => files.is_link(&path),
        "-e" | "-a" | "-r" | "-w" | "-O" | "-G" => files.entry(&path).is_some(),
        "-f" => files.entry(&path).is_some_and(|entry| entry.is_file()),
        "-d" => files.entry(&path).is_some_and(|entry| entry.is_directory()),
        "-s" => files.entry(&path).is_some_and(|entry| entry.is_directory() || entry.size > 0),
        "-x" => files.entry(&path).is_some_and(|entry| entry.mode & 0o111 != 0),
        "-c" => files.entry(&path).is_some_and(|entry| entry.is_device()),
        "-u" => files.entry(&path).is_some_and(|entry| entry.mode & 0o4000 != 0),
        "-g" => files.entry(&path).is_some_and(|entry| entry.mode & 0o2000 != 0),
        "-k" => files.entry(&path).is_some_and(|entry| entry.mode & 0o1000 != 0),
        "-b" | "-p" | "-S" => false,
        _ => return None,
    })
}
