//! Programs that say who and when: `uname`, `hostname`, `id`, `date`, `uptime`, `getent`.

use super::options::Options;
use crate::sandbox::guest::simulated::{
    facts,
    machine::{Stop, lost},
    sh::Shell,
};

pub(super) fn uname(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "asnrvmpio", &[("all", 'a'), ("kernel-release", 'r')])?;
    let server = shell.machine.server;
    let parts = [
        ('s', "Linux".to_owned()),
        ('n', server.name()),
        ('r', server.system.kernel.to_owned()),
        ('v', "#1 SMP PREEMPT_DYNAMIC".to_owned()),
        ('m', "x86_64".to_owned()),
        ('o', "GNU/Linux".to_owned()),
    ];
    let any = words.len() > 1;
    let wanted = |letter: char| options.has(letter) || options.has('a') || (!any && letter == 's');
    let mut chosen: Vec<&str> =
        parts.iter().filter(|(letter, _)| wanted(*letter)).map(|(_, text)| text.as_str()).collect();
    for _ in "pi".chars().filter(|letter| options.has(*letter)) {
        chosen.push("x86_64");
    }
    let text = chosen.join(" ") + "\n";
    shell.say(text);
    Ok(0)
}

pub(super) fn hostname(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "fsIid", &[("fqdn", 'f')])?;
    let server = shell.machine.server;
    let text = if options.has('I') || options.has('i') {
        server.address.map_or_else(String::new, |address| format!("{address} "))
    } else if options.has('f') {
        server.name() + ".example.com"
    } else if options.has('d') {
        "example.com".to_owned()
    } else {
        server.name()
    };
    shell.say(text + "\n");
    Ok(0)
}

pub(super) fn id(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "ungG", &[])?;
    if let Some(name) = options.operands.first().filter(|name| *name != "root") {
        let passwd = shell.machine.files.read("/etc/passwd")?.unwrap_or_default();
        let passwd = String::from_utf8_lossy(&passwd).into_owned();
        let line = passwd.lines().find(|line| line.split(':').next() == Some(name));
        let Some(number) = line.and_then(|line| line.split(':').nth(2)) else {
            shell.complain(&format!("id: ‘{name}’: no such user\n"));
            return Ok(1);
        };
        shell.say(format!("uid={number}({name}) gid={number}({name}) groups={number}({name})\n"));
        return Ok(0);
    }
    let numbers = ['u', 'g', 'G'].into_iter().any(|letter| options.has(letter));
    shell.say(match (numbers, options.has('n')) {
        (true, false) => "0\n",
        (_, true) => "root\n",
        _ => "uid=0(root) gid=0(root) groups=0(root)\n",
    });
    Ok(0)
}

pub(super) fn date(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let (mut time, mut format) = (shell.machine.wall(), "%a %b %e %H:%M:%S UTC %Y".to_owned());
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-u" | "--utc" => {}
            "-R" => "%a, %d %b %Y %H:%M:%S +0000".clone_into(&mut format),
            "-I" => "%Y-%m-%d".clone_into(&mut format),
            "-Iseconds" | "-Is" => "%Y-%m-%dT%H:%M:%S+00:00".clone_into(&mut format),
            "-d" | "-r" | "--date" => {
                let value = rest.next().map_or("", String::as_str);
                let seconds = if word == "-r" {
                    let path = shell.path(value);
                    shell.machine.files.entry(&path).map(|entry| entry.modified)
                } else {
                    value.strip_prefix('@').and_then(|seconds| seconds.parse().ok())
                };
                time = match seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()) {
                    Some(time) => time,
                    None if value == "now" => time,
                    None => return Err(lost(format!("date {word} '{value}' is not simulated"))),
                };
            }
            word => match word.strip_prefix('+') {
                Some(own) => own.clone_into(&mut format),
                None => return Err(lost(format!("date {word} is not simulated"))),
            },
        }
    }
    let format = format
        .replace("%Z", "UTC")
        .replace("%z", "+0000")
        .replace("%N", &format!("{:09}", time.subsec_nanosecond()));
    match jiff::fmt::strtime::format(&format, time) {
        Ok(text) => shell.say(text + "\n"),
        Err(_) => return Err(lost(format!("date +'{format}' is not simulated"))),
    }
    Ok(0)
}

pub(super) fn uptime(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "ps", &[("pretty", 'p'), ("since", 's')])?;
    let server = shell.machine.server;
    let (days, hours, minutes) = facts::uptime(server);
    if options.has('p') {
        shell.say(format!("up {days} days, {hours} hours, {minutes} minutes\n"));
        return Ok(0);
    }
    if options.has('s') {
        let up = i64::try_from(facts::uptime_seconds(server)).unwrap_or(0);
        let boot = super::paths::time(shell.machine.wall().as_second() - up, "%Y-%m-%d %H:%M:%S");
        shell.say(boot + "\n");
        return Ok(0);
    }
    // The hour is drawn, so that the same seed gives the same text whenever it is asked.
    let draw = server.draw("uptime");
    let clock =
        format!("{:02}:{:02}:{:02}", draw.at(4).below(24), draw.at(5).below(60), draw.at(6).below(60));
    let loads = facts::loads(server).join(", ");
    shell.say(format!(" {clock} up {days} days, {hours:2}:{minutes:02},  0 users,  load average: {loads}\n"));
    Ok(0)
}

pub(super) fn getent(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let database = words.get(1).map_or("", String::as_str);
    let keys = words.get(2..).unwrap_or_default().to_vec();
    match database {
        "passwd" | "group" | "shadow" => {
            let text = shell.machine.files.read(&format!("/etc/{database}"))?.unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let mut status = 0;
            if keys.is_empty() {
                shell.say(text.clone());
            }
            for key in keys {
                let line = text.lines().find(|line| {
                    let mut fields = line.split(':');
                    fields.next() == Some(&key) || fields.nth(1) == Some(&key)
                });
                match line {
                    Some(line) => shell.say(format!("{line}\n")),
                    None => status = 2,
                }
            }
            Ok(status)
        }
        "hosts" | "ahosts" | "ahostsv4" => {
            let mut status = 0;
            for key in keys {
                match super::network::address_of(shell.machine.server, &key) {
                    Some(address) => shell.say(format!("{address:<15} {key}\n")),
                    None => status = 2,
                }
            }
            Ok(status)
        }
        other => Err(lost(format!("getent {other} is not simulated"))),
    }
}
