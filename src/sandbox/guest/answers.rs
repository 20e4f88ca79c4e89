//! What programs answer on a made-up server: a table from program to answer.
//!
//! Plausible, different per server, the same for the same seed. How commands are joined is `script`'s and
//! `simulated`'s; the filters that pipelines end in are in `filters`.

use std::time::Duration;

use jiff::Timestamp;

use super::{Ended, filters};
use crate::sandbox::fleet::Server;

/// A program called on a server.
pub(super) struct Call<'a> {
    pub(super) server: &'a Server,
    pub(super) wall: Timestamp,
    pub(super) program: &'a str,
    pub(super) arguments: &'a [String],
    pub(super) input: &'a str,
}

impl Call<'_> {
    /// The arguments that are no flags.
    pub(super) fn plain(&self) -> impl Iterator<Item = &str> {
        self.arguments
            .iter()
            .map(String::as_str)
            .filter(|argument| !argument.starts_with('-') || *argument == "-")
    }

    fn has(&self, flag: &str) -> bool {
        self.arguments.iter().any(|argument| argument == flag)
    }
}

/// What it says and does.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) status: i32,
    pub(super) took: Duration,
    /// The shell itself ends so.
    pub(super) ends: Option<Ended>,
    /// A script to carry out in a shell below; its output and exit code are this program's.
    pub(super) script: Option<String>,
    /// Variables that the shell now has.
    pub(super) variables: Vec<(String, String)>,
}

impl Answer {
    /// Output and success.
    pub(super) fn says(stdout: impl Into<String>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    /// An exit code, quietly.
    pub(super) fn exits(status: i32) -> Self {
        Self { status, ..Self::default() }
    }

    /// An exit code and a complaint.
    pub(super) fn fails(status: i32, stderr: impl Into<String>) -> Self {
        Self { status, stderr: stderr.into(), ..Self::default() }
    }
}

type Program = fn(&Call) -> Answer;

/// Every program that Linux servers have.
static PROGRAMS: [(&str, Program); 37] = [
    (".", source),
    (":", |_| Answer::default()),
    ("[", test),
    ("apk", |call| on_family(call, &["alpine"], |_| Answer::says(""))),
    ("apt-get", |call| on_family(call, &["debian", "ubuntu"], |_| Answer::says(""))),
    ("awk", filters::awk),
    ("bash", shell),
    ("cat", cat),
    ("cd", |_| Answer::default()),
    ("command", found),
    ("cut", filters::cut),
    ("date", date),
    ("df", df),
    ("echo", echo),
    ("exit", exit),
    ("export", |_| Answer::default()),
    ("false", |_| Answer::exits(1)),
    ("free", free),
    ("grep", filters::grep),
    ("head", filters::head),
    ("hostname", |call| Answer::says(call.server.name() + "\n")),
    ("id", |call| {
        Answer::says(if call.has("-u") { "0\n" } else { "uid=0(root) gid=0(root) groups=0(root)\n" })
    }),
    ("kill", kill),
    ("nproc", |call| Answer::says(format!("{}\n", call.server.cores))),
    ("printf", printf),
    ("set", |_| Answer::default()),
    ("sh", shell),
    ("sleep", sleep),
    ("sort", filters::sort),
    ("systemctl", |call| on_family(call, &["debian", "ubuntu", "almalinux"], systemctl)),
    ("tail", filters::tail),
    ("test", test),
    ("true", |_| Answer::default()),
    ("uname", uname),
    ("uptime", uptime),
    ("wc", filters::wc),
    ("whoami", |_| Answer::says("root\n")),
];

/// Looks the program up and has it answer.
pub(super) fn answer(call: &Call) -> Answer {
    if call.server.system.family == "windows" {
        let program = call.program;
        return Answer::fails(
            1,
            format!(
                "'{program}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"
            ),
        );
    }
    let program = call.program.rsplit('/').next().unwrap_or(call.program);
    match PROGRAMS.iter().find(|(name, _)| *name == program) {
        Some((_, program)) => program(call),
        None => Answer::fails(127, format!("sh: 1: {}: not found\n", call.program)),
    }
}

fn on_family(call: &Call, families: &[&str], program: Program) -> Answer {
    if families.contains(&call.server.system.family) {
        program(call)
    } else {
        Answer::fails(127, format!("sh: 1: {}: not found\n", call.program))
    }
}

fn echo(call: &Call) -> Answer {
    match call.arguments {
        [flag, rest @ ..] if flag == "-n" => Answer::says(rest.join(" ")),
        words => Answer::says(words.join(" ") + "\n"),
    }
}

fn found(call: &Call) -> Answer {
    match call.plain().next() {
        Some(wanted) if PROGRAMS.iter().any(|(name, _)| *name == wanted) => {
            Answer::says(format!("/usr/bin/{wanted}\n"))
        }
        _ => Answer::exits(127),
    }
}

fn shell(call: &Call) -> Answer {
    let script = call.arguments.iter().skip_while(|argument| *argument != "-c").nth(1).cloned();
    Answer { script, ..Answer::default() }
}

fn exit(call: &Call) -> Answer {
    let code = call.arguments.first().and_then(|code| code.parse().ok()).unwrap_or(0);
    Answer { status: code & 255, ends: Some(Ended::Exit(code & 255)), ..Answer::default() }
}

fn kill(call: &Call) -> Answer {
    let signal = match call.arguments.first().map(|signal| signal.trim_start_matches('-')) {
        Some("9" | "KILL") => 9,
        Some("11" | "SEGV") => 11,
        _ => 15,
    };
    // `$$` is the only process that a script can name here.
    Answer { ends: Some(Ended::Signal(signal)), ..Answer::default() }
}

fn sleep(call: &Call) -> Answer {
    let seconds = call.arguments.first().and_then(|text| text.trim_end_matches('s').parse().ok());
    match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(took) => Answer { took, ..Answer::default() },
        None => Answer::fails(1, "sleep: invalid time interval\n"),
    }
}

fn printf(call: &Call) -> Answer {
    let mut arguments = call.arguments.iter().skip(1);
    let mut text = String::new();
    let mut letters = call.arguments.first().map_or("", String::as_str).chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.clone().next()) {
            ('%', Some('s' | 'd')) => text.push_str(arguments.next().map_or("", String::as_str)),
            ('%', Some('%')) => text.push('%'),
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('t')) => text.push('\t'),
            _ => {
                text.push(letter);
                continue;
            }
        }
        letters.next();
    }
    Answer::says(text)
}

fn date(call: &Call) -> Answer {
    let format = call.arguments.iter().find_map(|argument| argument.strip_prefix('+'));
    let format = format.unwrap_or("%a %b %e %H:%M:%S UTC %Y");
    match jiff::fmt::strtime::format(format, call.wall) {
        Ok(text) => Answer::says(text + "\n"),
        Err(_) => Answer::fails(1, "date: invalid format\n"),
    }
}

fn uptime(call: &Call) -> Answer {
    let draw = call.server.draw("uptime");
    let (days, hours, minutes) =
        (draw.at(1).between(1, 400), draw.at(2).between(1, 23), draw.at(3).between(0, 59));
    let load = loads(call.server);
    let clock =
        format!("{:02}:{:02}:{:02}", draw.at(4).below(24), draw.at(5).below(60), draw.at(6).below(60));
    Answer::says(format!(
        " {clock} up {days} days, {hours:2}:{minutes:02},  0 users,  load average: {load}\n"
    ))
}

fn loads(server: &Server) -> String {
    let draw = server.draw("load");
    let most = 60 * server.cores;
    let load = |number| f64::from(draw.at(number).between(0, most)) / 100.0;
    format!("{:.2}, {:.2}, {:.2}", load(1), load(2), load(3))
}

fn df(call: &Call) -> Answer {
    let server = call.server;
    let human = call.arguments.iter().any(|flag| flag.starts_with('-') && flag.contains('h'));
    let blocks = u64::from(server.storage_gb) * 1_000_000;
    let used = blocks * u64::from(server.disk_used) / 100;
    let size = |blocks: u64| if human { format!("{}G", blocks >> 20) } else { blocks.to_string() };
    let unit = if human { "Size" } else { "1024-blocks" };
    let line = |device: &str, blocks: u64, used: u64, percent: u32, place: &str| {
        format!(
            "{device:<14} {:>11} {:>9} {:>9} {percent:>7}% {place}\n",
            size(blocks),
            size(used),
            size(blocks - used)
        )
    };
    let mut text =
        format!("{:<14} {unit:>11} {:>9} {:>9} Capacity Mounted on\n", "Filesystem", "Used", "Available");
    if call.plain().next().is_none() {
        text += &line("tmpfs", u64::from(server.memory_gb) << 19, 0, 0, "/dev/shm");
    }
    text += &line("/dev/vda1", blocks, used, server.disk_used, "/");
    Answer::says(text)
}

fn free(call: &Call) -> Answer {
    let scale = if call.has("-m") { 1 } else { 1024 };
    let total = call.server.memory_gb * 1000;
    let used = total * call.server.draw("memory").between(15, 92) / 100;
    let free = (total - used) / 3;
    let [total, used, free, cache] =
        [total, used, free, total - used - free].map(|mebibytes| mebibytes * scale);
    let available = free + cache;
    Answer::says(format!(
        "{:15}{:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\nMem:    {total:>18} {used:>11} {free:>11} {:>11} {cache:>11} {available:>11}\nSwap:   {:>18} {:>11} {:>11}\n",
        "", "total", "used", "free", "shared", "buff/cache", "available", 0, 0, 0, 0
    ))
}

fn uname(call: &Call) -> Answer {
    let kernel = call.server.system.kernel;
    Answer::says(match call.arguments.first().map(String::as_str) {
        Some("-r") => format!("{kernel}\n"),
        Some("-n") => call.server.name() + "\n",
        Some("-m") => "x86_64\n".to_owned(),
        Some("-a") => {
            format!("Linux {} {kernel} #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux\n", call.server.name())
        }
        _ => "Linux\n".to_owned(),
    })
}

fn systemctl(call: &Call) -> Answer {
    let failed = call.server.draw("units").below(15) == 0;
    match call.plain().next() {
        Some("is-system-running") if failed => Answer { status: 1, ..Answer::says("degraded\n") },
        Some("is-system-running") => Answer::says("running\n"),
        Some("is-active") => Answer::says("active\n"),
        None | Some("list-units") if failed => Answer::says(
            "  UNIT              LOAD   ACTIVE SUB    DESCRIPTION\n* logrotate.service loaded failed failed Rotate log files\n\n1 loaded units listed.\n",
        ),
        None | Some("list-units") => {
            Answer::says("  UNIT LOAD ACTIVE SUB DESCRIPTION\n\n0 loaded units listed.\n")
        }
        Some(_) => Answer::default(),
    }
}

/// The text of a file, if the server has it.
fn file(server: &Server, path: &str) -> Option<String> {
    let system = server.system;
    let (debian, has_apt) = (system.family == "debian", matches!(system.family, "debian" | "ubuntu"));
    let text = match path {
        "/etc/os-release" | "/usr/lib/os-release" => {
            let codename = if system.codename.is_empty() {
                String::new()
            } else {
                format!("VERSION_CODENAME={}\n", system.codename)
            };
            format!(
                "PRETTY_NAME=\"{0}\"\nNAME=\"{1}\"\nVERSION_ID=\"{2}\"\n{codename}ID={3}\n",
                system.name,
                system.name.split(' ').next().unwrap_or_default(),
                system.version,
                system.family
            )
        }
        "/etc/hostname" => server.name() + "\n",
        "/etc/debian_version" if debian => format!("{}.1\n", system.version),
        "/etc/debian_version" if has_apt => "bookworm/sid\n".to_owned(),
        "/etc/alpine-release" if system.family == "alpine" => "3.22.1\n".to_owned(),
        "/etc/redhat-release" if system.family == "almalinux" => {
            format!("AlmaLinux release {}\n", system.version)
        }
        "/proc/loadavg" => format!("{} 1/120 4711\n", loads(server).replace(',', "")),
        "/var/run/reboot-required" | "/run/reboot-required" if has_apt && server.reboot_required => {
            "*** System restart required ***\n".to_owned()
        }
        "/var/run/reboot-required.pkgs" if has_apt && server.reboot_required => {
            "linux-image-amd64\n".to_owned()
        }
        _ => return None,
    };
    Some(text)
}

fn cat(call: &Call) -> Answer {
    let mut answer = Answer::default();
    if call.plain().next().is_none() {
        return Answer::says(call.input);
    }
    for path in call.plain() {
        if let Some(text) = file(call.server, path) {
            answer.stdout += &text;
        } else {
            answer.status = 1;
            answer.stderr.extend(["cat: ", path, ": No such file or directory\n"]);
        }
    }
    answer
}

/// `. FILE`: takes over the assignments of a file.
fn source(call: &Call) -> Answer {
    let Some(text) = call.plain().next().and_then(|path| file(call.server, path)) else {
        return Answer { ends: Some(Ended::Exit(2)), ..Answer::fails(2, "sh: 1: .: cannot open file\n") };
    };
    let assignments = text.lines().filter_map(|line| line.split_once('='));
    let variables =
        assignments.map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned())).collect();
    Answer { variables, ..Answer::default() }
}

fn test(call: &Call) -> Answer {
    const DIRECTORIES: [&str; 9] = ["/", "/etc", "/var", "/tmp", "/proc", "/run", "/usr", "/home", "/root"];
    let words: Vec<&str> = call.arguments.iter().map(String::as_str).filter(|word| *word != "]").collect();
    let (not, words) = match words.as_slice() {
        ["!", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    let has_file = |path: &str| file(call.server, path).is_some();
    let holds = match words {
        ["-f" | "-r" | "-s", path] => has_file(path),
        ["-d", path] => DIRECTORIES.contains(path),
        ["-e", path] => has_file(path) || DIRECTORIES.contains(path),
        ["-n", text] | [text] => !text.is_empty(),
        ["-z", text] => text.is_empty(),
        [left, "=" | "==", right] => left == right,
        [left, "!=", right] => left != right,
        [left, "-eq", right] => number(left) == number(right),
        [left, "-ne", right] => number(left) != number(right),
        [left, "-gt", right] => number(left) > number(right),
        [left, "-ge", right] => number(left) >= number(right),
        [left, "-lt", right] => number(left) < number(right),
        [left, "-le", right] => number(left) <= number(right),
        _ => false,
    };
    Answer::exits(i32::from(holds == not))
}
