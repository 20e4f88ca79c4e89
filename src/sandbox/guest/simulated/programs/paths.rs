//! Programs about paths: `ls`, `stat`, `du`, `basename`, `readlink`, and those that write: `rm`, `mkdir`, `cp`, …

use super::options::{Options, joined};
use crate::sandbox::guest::simulated::{
    files::{Access, Entry, NONE},
    machine::{Stop, lost},
    sh::Shell,
};

/// A time in Unix seconds, written by a format.
pub(super) fn time(seconds: i64, format: &str) -> String {
    jiff::Timestamp::from_second(seconds)
        .ok()
        .and_then(|time| jiff::fmt::strtime::format(format, time).ok())
        .unwrap_or_default()
}

/// `-rw-r--r--`.
fn letters(entry: &Entry) -> String {
    let mut text = String::from(entry.letter());
    for shift in [6, 3, 0] {
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            text.push(if entry.mode >> shift & bit == 0 { '-' } else { letter });
        }
    }
    if entry.mode & 0o1000 != 0 {
        text.pop();
        text.push('t');
    }
    text
}

pub(super) fn ls(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut options = Options::read(words, "1adAltrhFnpS", &[("all", 'a')])?;
    if options.operands.is_empty() {
        options.operands.push(".".to_owned());
    }
    if options.has('F') || options.has('p') || options.has('S') {
        return Err(lost("this flag of ls is not simulated"));
    }
    let (mut failed, mut files, mut directories) = (false, Vec::new(), Vec::new());
    for name in &options.operands {
        let path = shell.path(name);
        let entry = if options.has('l') {
            shell.machine.files.own_entry(&path)
        } else {
            shell.machine.files.entry(&path)
        };
        match entry {
            None => {
                shell.complain(&format!("ls: cannot access '{name}': {NONE}\n"));
                failed = true;
            }
            Some(entry) if entry.is_directory() && !options.has('d') => {
                directories.push((name.clone(), path))
            }
            Some(_) => files.push((name.clone(), path)),
        }
    }
    let mut out = listing(shell, &options, files);
    let titles = options.operands.len() > 1;
    for (name, path) in directories {
        let mut names = shell.machine.files.names(&path);
        shell.machine.spend(names.len() as u64)?;
        if options.has('a') {
            names.splice(0..0, [".".to_owned(), "..".to_owned()]);
        } else if !options.has('A') {
            names.retain(|name| !name.starts_with('.'));
        }
        if titles {
            out += &format!("{}{name}:\n", if out.is_empty() { "" } else { "\n" });
        }
        let entries: Vec<_> =
            names.into_iter().map(|name| (name.clone(), format!("{path}/{name}"))).collect();
        if options.has('l') {
            out += "total 0\n";
        }
        out += &listing(shell, &options, entries);
    }
    shell.say(out);
    Ok(if failed { 2 } else { 0 })
}

fn listing(shell: &Shell, options: &Options, names: Vec<(String, String)>) -> String {
    let files = &shell.machine.files;
    let absolute = |path: &str| crate::sandbox::guest::simulated::files::absolute("/", path);
    let mut rows: Vec<(String, String, Option<Entry>)> = names
        .into_iter()
        .map(|(name, path)| {
            let path = absolute(&path);
            let entry = files.own_entry(&path);
            (name, path, entry)
        })
        .collect();
    if options.has('t') {
        rows.sort_by_key(|(.., entry)| std::cmp::Reverse(entry.as_ref().map_or(0, |entry| entry.modified)));
    } else {
        rows.sort_by(|left, right| left.0.cmp(&right.0));
    }
    if options.has('r') {
        rows.reverse();
    }
    if !options.has('l') {
        return joined(rows.iter().map(|(name, ..)| name));
    }
    joined(rows.iter().filter_map(|(name, path, entry)| {
        let entry = entry.as_ref()?;
        let time = time(entry.modified, "%b %e %H:%M");
        let link = files.link(path).map_or_else(String::new, |target| format!(" -> {target}"));
        Some(format!(
            "{} 1 {} {} {:>8} {time} {name}{link}",
            letters(entry),
            entry.owner,
            entry.owner,
            entry.size
        ))
    }))
}

pub(super) fn stat(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "c:Lt", &[("format", 'c'), ("printf", 'c')])?;
    let Some(format) = options.value('c') else { return Err(lost("stat without -c is not simulated")) };
    let mut status = 0;
    for name in &options.operands {
        let path = shell.path(name);
        let files = &shell.machine.files;
        let entry = if options.has('L') { files.entry(&path) } else { files.own_entry(&path) };
        match entry {
            None => {
                shell.complain(&format!("stat: cannot statx '{name}': {NONE}\n"));
                status = 1;
            }
            Some(entry) => {
                let text = described(format, name, &entry)?;
                shell.say(text + "\n");
            }
        }
    }
    Ok(status)
}

fn described(format: &str, name: &str, entry: &Entry) -> Result<String, Stop> {
    let (mut out, mut letters_of) = (String::new(), format.chars());
    while let Some(letter) = letters_of.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        match letters_of.next() {
            Some('n') => out.push_str(name),
            Some('s') => out.push_str(&entry.size.to_string()),
            Some('b') => out.push_str(&(entry.size.div_ceil(4096) * 8).to_string()),
            Some('B') => out.push_str("512"),
            Some('Y' | 'Z') => out.push_str(&entry.modified.to_string()),
            Some('X') => out.push_str(&entry.modified.to_string()),
            Some('y' | 'z' | 'x') => out.push_str(&time(entry.modified, "%Y-%m-%d %H:%M:%S.000000000 +0000")),
            Some('a') => out.push_str(&format!("{:o}", entry.mode)),
            Some('A') => out.push_str(&letters(entry)),
            Some('U' | 'G') => out.push_str(entry.owner),
            Some('u' | 'g') => out.push('0'),
            Some('h') => out.push('1'),
            Some('F') => out.push_str(match entry.letter() {
                'd' => "directory",
                'l' => "symbolic link",
                'c' => "character special file",
                _ if entry.size == 0 => "regular empty file",
                _ => "regular file",
            }),
            Some('%') => out.push('%'),
            other => return Err(lost(format!("stat -c %{} is not simulated", other.unwrap_or(' ')))),
        }
    }
    Ok(out)
}

/// A size as `-h` writes it.
pub(super) fn human(kilobytes: u64) -> String {
    let (mut value, mut units) = (kilobytes * 10, "KMGTP".chars());
    let mut unit = units.next().unwrap_or('K');
    while value >= 10_240 {
        value = value.div_ceil(1024);
        unit = units.next().unwrap_or('P');
    }
    if value < 100 && unit != 'K' {
        format!("{}.{}{unit}", value / 10, value % 10)
    } else {
        format!("{}{unit}", value.div_ceil(10))
    }
}

pub(super) fn du(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut options = Options::read(
        words,
        "skhxacmd:",
        &[("summarize", 's'), ("max-depth", 'd'), ("one-file-system", 'x')],
    )?;
    if options.operands.is_empty() {
        options.operands.push(".".to_owned());
    }
    let deepest = if options.has('s') {
        0
    } else {
        options.value('d').and_then(|depth| depth.parse().ok()).unwrap_or(u32::MAX)
    };
    let write = |kilobytes: u64| {
        if options.has('h') {
            human(kilobytes)
        } else if options.has('m') {
            kilobytes.div_ceil(1024).to_string()
        } else {
            kilobytes.to_string()
        }
    };
    let (mut rows, mut status, mut total) = (Vec::new(), 0, 0);
    for name in &options.operands {
        let path = shell.path(name);
        if shell.machine.files.own_entry(&path).is_none() {
            shell.complain(&format!("du: cannot access '{name}': {NONE}\n"));
            status = 1;
            continue;
        }
        total += usage(shell, name, &path, 0, deepest, options.has('a'), &mut rows)?;
    }
    if options.has('c') {
        rows.push((total, "total".to_owned()));
    }
    shell.say(joined(rows.into_iter().map(|(size, name)| format!("{}\t{name}", write(size)))));
    Ok(status)
}

/// The KiB in and below a path, with a row for each directory.
fn usage(
    shell: &mut Shell,
    name: &str,
    path: &str,
    depth: u32,
    deepest: u32,
    all: bool,
    rows: &mut Vec<(u64, String)>,
) -> Result<u64, Stop> {
    shell.machine.spend(2)?;
    let Some(entry) = shell.machine.files.own_entry(path) else { return Ok(0) };
    let mut size = entry.size.div_ceil(4096) * 4;
    if entry.is_directory() {
        for child in shell.machine.files.names(path) {
            let below = |base: &str| format!("{}/{child}", base.trim_end_matches('/'));
            size += usage(shell, &below(name), &below(path), depth + 1, deepest, all, rows)?;
        }
    }
    if depth <= deepest && (entry.is_directory() || depth == 0 || all) {
        rows.push((size, name.to_owned()));
    }
    Ok(size)
}

pub(super) fn basename(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let Some(path) = words.get(1) else {
        shell.complain("basename: missing operand\n");
        return Ok(1);
    };
    let trimmed = path.trim_end_matches('/');
    let name = trimmed.rsplit('/').next().unwrap_or_default();
    let name = if name.is_empty() && !path.is_empty() { "/" } else { name };
    let suffix = words.get(2).map_or("", String::as_str);
    let name = name.strip_suffix(suffix).filter(|stem| !stem.is_empty()).unwrap_or(name);
    shell.say(format!("{name}\n"));
    Ok(0)
}

pub(super) fn dirname(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    for path in &words[1..] {
        let trimmed = path.trim_end_matches('/');
        let directory = match trimmed.rsplit_once('/') {
            _ if trimmed.is_empty() && !path.is_empty() => "/",
            None => ".",
            Some((directory, _)) if directory.trim_end_matches('/').is_empty() => "/",
            Some((directory, _)) => directory.trim_end_matches('/'),
        };
        shell.say(format!("{directory}\n"));
    }
    Ok(i32::from(words.len() == 1))
}

/// `readlink [-f]`, `realpath`.
pub(super) fn readlink(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "feqnms", &[("canonicalize", 'f')])?;
    let whole = words[0].ends_with("realpath") || options.has('f') || options.has('e');
    let mut status = 0;
    for name in &options.operands {
        let path = shell.path(name);
        let files = &shell.machine.files;
        let found = if whole { files.real_path(&path) } else { files.link(&path).map(str::to_owned) };
        match found {
            Some(found) => shell.say(found + "\n"),
            None => status = 1,
        }
    }
    Ok(status)
}

/// `mkdir`, `rm`, `rmdir`, `touch`, `chmod`, `cp`, `mv`: on the simulated files, and only for this command.
pub(super) fn change(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let program = words[0].rsplit('/').next().unwrap_or_default().to_owned();
    let options = Options::read(words, "prfvRaim:", &[])?;
    let mut operands = options.operands.clone();
    let mut problem = None;
    match program.as_str() {
        "chmod" => {
            let mode = if operands.is_empty() { String::new() } else { operands.remove(0) };
            for name in &operands {
                let path = shell.path(name);
                let before = shell.machine.files.entry(&path).map_or(0, |entry| entry.mode);
                let mode = match (u32::from_str_radix(&mode, 8), mode.as_str()) {
                    (Ok(mode), _) => mode,
                    (_, "+x" | "a+x") => before | 0o111,
                    (_, "u+x") => before | 0o100,
                    _ => return Err(lost(format!("chmod {mode} is not simulated"))),
                };
                if !shell.machine.files.set_mode(&path, mode) {
                    problem = Some((name.clone(), NONE));
                }
            }
        }
        "cp" | "mv" => {
            let [from, to] = operands.as_slice() else {
                return Err(lost(format!("{program} of several is not simulated")));
            };
            let (source, mut target) = (shell.path(from), shell.path(to));
            if shell.machine.files.entry(&target).is_some_and(|entry| entry.is_directory()) {
                target = format!("{target}/{}", source.rsplit('/').next().unwrap_or_default());
            }
            match shell.machine.files.read(&source)? {
                Err(why) => problem = Some((from.clone(), why)),
                Ok(bytes) => match shell.machine.files.open(&target, Access::Write)? {
                    Err(why) => problem = Some((to.clone(), why)),
                    Ok(contents) => {
                        *contents.borrow_mut() = bytes;
                        if program == "mv" {
                            shell.machine.files.remove(&source);
                        }
                    }
                },
            }
        }
        _ => {
            for name in &operands {
                let path = shell.path(name);
                let entry = shell.machine.files.own_entry(&path);
                let done = match (program.as_str(), entry) {
                    ("mkdir", Some(_)) if options.has('p') => Ok(()),
                    ("mkdir", _) if options.has('p') => make_all(shell, &path)?,
                    ("mkdir", _) => shell.machine.files.make_directory(&path)?,
                    ("touch", _) => shell.machine.files.open(&path, Access::Append)?.map(drop),
                    (_, None) if options.has('f') => Ok(()),
                    (_, None) => Err(NONE),
                    ("rm", Some(entry))
                        if entry.is_directory() && !(options.has('r') || options.has('R')) =>
                    {
                        Err("Is a directory")
                    }
                    ("rmdir", Some(_)) if !shell.machine.files.names(&path).is_empty() => {
                        Err("Directory not empty")
                    }
                    (_, Some(_)) => {
                        shell.machine.files.remove(&path);
                        Ok(())
                    }
                };
                problem = problem.or(done.err().map(|why| (name.clone(), why)));
            }
        }
    }
    if let Some((name, why)) = &problem {
        shell.complain(&format!("{program}: cannot access '{name}': {why}\n"));
    }
    Ok(i32::from(problem.is_some()))
}

fn make_all(shell: &mut Shell, path: &str) -> Result<Result<(), &'static str>, Stop> {
    for (end, _) in path.match_indices('/').skip(1).chain([(path.len(), "")]) {
        if shell.machine.files.entry(&path[..end]).is_none()
            && let Err(why) = shell.machine.files.make_directory(&path[..end])?
        {
            return Ok(Err(why));
        }
    }
    Ok(Ok(()))
}
