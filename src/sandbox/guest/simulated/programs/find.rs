//! `find` over the simulated files.

use super::paths::time;
use crate::sandbox::guest::simulated::{
    files::{Entry, NONE},
    machine::{Stop, lost},
    sh::{Shell, pattern::Pattern},
};

enum Test {
    Always,
    Type(String),
    Name(Pattern),
    Path(Pattern),
    AnyCase(Pattern),
    /// Days or minutes since it was changed, against a number.
    Age(u32, i64, char),
    Newer(i64),
    Size(u64, u64, char),
    Mode(u32, char),
    Owner(String),
    Empty,
    Prune,
    Print,
    Printf(String),
    /// Whether all found go into one call.
    Exec(Vec<String>, bool, usize),
    Not(Box<Test>),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
}

struct Found<'a> {
    name: &'a str,
    path: &'a str,
    entry: &'a Entry,
    /// What `{}` of `-exec … +` has gathered, for each of them.
    gathered: &'a mut Vec<Vec<String>>,
    prune: bool,
}

struct Search {
    test: Test,
    least: u32,
    most: u32,
    gathered: Vec<Vec<String>>,
}

pub(super) fn find(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let begins = |word: &String| word.starts_with('-') || word == "(" || word == "!";
    let split = words[1..].iter().position(begins).map_or(words.len(), |at| at + 1);
    let mut places = words[1..split].to_vec();
    if places.is_empty() {
        places.push(".".to_owned());
    }
    let mut reader = Reader {
        words: &words[split..],
        least: 0,
        most: 20,
        acts: false,
        gathered: 0,
        now: shell.machine.wall().as_second(),
        shell,
    };
    let mut test = reader.or()?;
    if let Some(word) = reader.words.first() {
        return Err(lost(format!("find {word} is not simulated here")));
    }
    let Reader { least, most, acts, gathered, .. } = reader;
    if !acts {
        test = Test::And(Box::new(test), Box::new(Test::Print));
    }
    let mut search = Search { test, least, most, gathered: vec![Vec::new(); gathered] };
    let mut status = 0;
    for place in places {
        let path = shell.path(&place);
        match shell.machine.files.own_entry(&path) {
            Some(entry) => search.walk(shell, &place, &path, &entry, 0)?,
            None => {
                shell.complain(&format!("find: ‘{place}’: {NONE}\n"));
                status = 1;
            }
        }
    }
    let mut commands = Vec::new();
    executions(&search.test, &mut commands);
    for (command, number) in commands {
        let found = std::mem::take(&mut search.gathered[number]);
        if !found.is_empty() && run(shell, &[&command[..command.len() - 1], &found].concat())? != 0 {
            status = 1;
        }
    }
    Ok(status)
}

/// The calls that come at the end.
fn executions(test: &Test, commands: &mut Vec<(Vec<String>, usize)>) {
    match test {
        Test::Exec(command, true, number) => commands.push((command.clone(), *number)),
        Test::Not(inner) => executions(inner, commands),
        Test::And(left, right) | Test::Or(left, right) => {
            executions(left, commands);
            executions(right, commands);
        }
        _ => {}
    }
}

fn run(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    match shell.execute(words)? {
        Some(status) => Ok(status),
        None => {
            shell.complain(&format!("find: ‘{}’: {NONE}\n", words[0]));
            Ok(1)
        }
    }
}

impl Search {
    fn walk(
        &mut self,
        shell: &mut Shell,
        name: &str,
        path: &str,
        entry: &Entry,
        depth: u32,
    ) -> Result<(), Stop> {
        shell.machine.spend(4)?;
        let mut found = Found { name, path, entry, gathered: &mut self.gathered, prune: false };
        if depth >= self.least {
            holds(shell, &self.test, &mut found)?;
        }
        if found.prune || !entry.is_directory() || depth >= self.most {
            return Ok(());
        }
        for child in shell.machine.files.names(path) {
            let below = |base: &str| format!("{}/{child}", base.trim_end_matches('/'));
            let (name, path) = (below(name), below(path));
            if let Some(entry) = shell.machine.files.own_entry(&path) {
                self.walk(shell, &name, &path, &entry, depth + 1)?;
            }
        }
        Ok(())
    }
}

fn against(value: i64, number: i64, sign: char) -> bool {
    match sign {
        '+' => value > number,
        '-' => value < number,
        _ => value == number,
    }
}

fn holds(shell: &mut Shell, test: &Test, found: &mut Found) -> Result<bool, Stop> {
    let base = || found.name.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    Ok(match test {
        Test::Always => true,
        Test::Type(letters) => {
            let own = if found.entry.is_file() { 'f' } else { found.entry.letter() };
            letters.contains(own)
        }
        Test::Name(pattern) => pattern.matches(&base()),
        Test::AnyCase(pattern) => pattern.matches(&base().to_lowercase()),
        Test::Path(pattern) => pattern.matches(found.name),
        Test::Age(unit, number, sign) => {
            let age = shell.machine.wall().as_second() - found.entry.modified;
            against(age.div_euclid(i64::from(*unit)), *number, *sign)
        }
        Test::Newer(than) => found.entry.modified > *than,
        Test::Size(unit, number, sign) => {
            let units = found.entry.size.div_ceil(*unit);
            against(
                i64::try_from(units).unwrap_or(i64::MAX),
                i64::try_from(*number).unwrap_or(i64::MAX),
                *sign,
            )
        }
        Test::Mode(mode, '-') => found.entry.mode & mode == *mode,
        Test::Mode(mode, '/') => found.entry.mode & mode != 0,
        Test::Mode(mode, _) => found.entry.mode == *mode,
        Test::Owner(owner) => found.entry.owner == owner,
        Test::Empty => {
            if found.entry.is_directory() {
                shell.machine.files.names(found.path).is_empty()
            } else {
                found.entry.size == 0
            }
        }
        Test::Prune => {
            found.prune = true;
            true
        }
        Test::Print => {
            shell.say(format!("{}\n", found.name));
            true
        }
        Test::Printf(format) => {
            let text = printed(format, found)?;
            shell.say(text);
            true
        }
        Test::Exec(_, true, number) => {
            found.gathered[*number].push(found.name.to_owned());
            true
        }
        Test::Exec(command, false, _) => {
            let command: Vec<String> = command.iter().map(|word| word.replace("{}", found.name)).collect();
            run(shell, &command)? == 0
        }
        Test::Not(inner) => !holds(shell, inner, found)?,
        Test::And(left, right) => holds(shell, left, found)? && holds(shell, right, found)?,
        Test::Or(left, right) => holds(shell, left, found)? || holds(shell, right, found)?,
    })
}

fn printed(format: &str, found: &Found) -> Result<String, Stop> {
    let (mut out, mut letters) = (String::new(), format.chars());
    while let Some(letter) = letters.next() {
        match (letter, if matches!(letter, '%' | '\\') { letters.next() } else { None }) {
            ('%', Some('p')) => out.push_str(found.name),
            ('%', Some('f')) => out.push_str(found.name.rsplit('/').next().unwrap_or_default()),
            ('%', Some('h')) => {
                out.push_str(found.name.rsplit_once('/').map_or(".", |(directory, _)| directory))
            }
            ('%', Some('s')) => out.push_str(&found.entry.size.to_string()),
            ('%', Some('m')) => out.push_str(&format!("{:o}", found.entry.mode)),
            ('%', Some('u' | 'g')) => out.push_str(found.entry.owner),
            ('%', Some('y')) => out.push(if found.entry.is_file() { 'f' } else { found.entry.letter() }),
            ('%', Some('k')) => out.push_str(&(found.entry.size.div_ceil(4096) * 4).to_string()),
            ('%', Some('t')) => out.push_str(&time(found.entry.modified, "%a %b %e %H:%M:%S.0000000000 %Y")),
            ('%', Some('T')) => match letters.next() {
                Some('@') => out.push_str(&format!("{}.0000000000", found.entry.modified)),
                Some(letter) if "YmdHMSFT".contains(letter) => {
                    out.push_str(&time(found.entry.modified, &format!("%{letter}")));
                }
                _ => return Err(lost("this time of find -printf is not simulated")),
            },
            ('%', Some('%')) => out.push('%'),
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some('0')) => out.push('\0'),
            ('\\', Some('\\')) => out.push('\\'),
            ('%' | '\\', _) => return Err(lost(format!("find -printf '{format}' is not simulated"))),
            _ => out.push(letter),
        }
    }
    Ok(out)
}

struct Reader<'a, 'r, 's, 'm> {
    words: &'a [String],
    least: u32,
    most: u32,
    /// Whether there is something that is done, so that nothing is printed by itself.
    acts: bool,
    gathered: usize,
    now: i64,
    shell: &'r Shell<'s, 'm>,
}

impl Reader<'_, '_, '_, '_> {
    fn takes(&mut self, words: &[&str]) -> bool {
        let there = self.words.first().is_some_and(|word| words.contains(&word.as_str()));
        if there {
            self.words = &self.words[1..];
        }
        there
    }

    fn or(&mut self) -> Result<Test, Stop> {
        let mut left = self.and()?;
        while self.takes(&["-o", "-or"]) {
            left = Test::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Test, Stop> {
        let mut left = Test::Always;
        while self.words.first().is_some_and(|word| !matches!(word.as_str(), "-o" | "-or" | ")")) {
            self.takes(&["-a", "-and"]);
            left = Test::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn value(&mut self) -> Result<String, Stop> {
        let (first, rest) = self.words.split_first().ok_or_else(|| lost("find lacks an argument"))?;
        self.words = rest;
        Ok(first.clone())
    }

    fn signed(&mut self) -> Result<(String, char), Stop> {
        let value = self.value()?;
        let sign = value.chars().next().filter(|sign| "+-".contains(*sign)).unwrap_or('=');
        Ok((value.trim_start_matches(['+', '-']).to_owned(), sign))
    }

    fn one(&mut self) -> Result<Test, Stop> {
        let word = self.value()?;
        let number = |text: &str| {
            text.parse::<i64>().map_err(|_| lost(format!("find {word} {text} is not simulated")))
        };
        Ok(match word.as_str() {
            "!" | "-not" => Test::Not(Box::new(self.one()?)),
            "(" => {
                let inner = self.or()?;
                if !self.takes(&[")"]) {
                    return Err(lost("find lacks a )"));
                }
                inner
            }
            "-xdev" | "-mount" | "-depth" | "-noleaf" | "-ignore_readdir_race" | "-follow" | "-true" => {
                Test::Always
            }
            "-maxdepth" => {
                self.most = u32::try_from(number(&self.value()?)?).unwrap_or(0).min(20);
                Test::Always
            }
            "-mindepth" => {
                self.least = u32::try_from(number(&self.value()?)?).unwrap_or(0);
                Test::Always
            }
            "-type" => Test::Type(self.value()?),
            "-name" => Test::Name(Pattern::of(&self.value()?)),
            "-iname" => Test::AnyCase(Pattern::of(&self.value()?.to_lowercase())),
            "-path" | "-wholename" => Test::Path(Pattern::of(&self.value()?)),
            "-mtime" | "-ctime" | "-atime" | "-mmin" | "-cmin" => {
                let (value, sign) = self.signed()?;
                Test::Age(if word.ends_with("min") { 60 } else { 86_400 }, number(&value)?, sign)
            }
            "-newer" => {
                let path = self.shell.path(&self.value()?);
                Test::Newer(self.shell.machine.files.entry(&path).map_or(self.now, |entry| entry.modified))
            }
            "-size" => {
                let (value, sign) = self.signed()?;
                let digits = value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
                let unit = match &value[digits.len()..] {
                    "c" => 1,
                    "k" => 1 << 10,
                    "M" => 1 << 20,
                    "G" => 1 << 30,
                    _ => 512,
                };
                Test::Size(unit, number(digits)?.unsigned_abs(), sign)
            }
            "-perm" => {
                let value = self.value()?;
                let sign = value.chars().next().filter(|sign| "-/".contains(*sign)).unwrap_or('=');
                let mode = u32::from_str_radix(value.trim_start_matches(['-', '/']), 8);
                Test::Mode(mode.map_err(|_| lost(format!("find -perm {value} is not simulated")))?, sign)
            }
            "-user" | "-group" => Test::Owner(self.value()?),
            "-empty" => Test::Empty,
            "-prune" => Test::Prune,
            "-print" => {
                self.acts = true;
                Test::Print
            }
            "-printf" => {
                self.acts = true;
                Test::Printf(self.value()?)
            }
            "-print0" => {
                self.acts = true;
                Test::Printf("%p\\0".to_owned())
            }
            "-exec" => {
                self.acts = true;
                let end = self.words.iter().position(|word| word == ";" || word == "+");
                let (command, rest) = self.words.split_at(end.ok_or_else(|| lost("find -exec has no end"))?);
                let together = rest[0] == "+";
                self.words = &rest[1..];
                if command.is_empty() || (together && command.last().is_none_or(|word| word != "{}")) {
                    return Err(lost("this find -exec is not simulated"));
                }
                self.gathered += usize::from(together);
                Test::Exec(command.to_vec(), together, self.gathered.saturating_sub(1))
            }
            _ => return Err(lost(format!("find {word} is not simulated"))),
        })
    }
}
