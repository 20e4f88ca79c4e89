//! Programs that measure: `df`, `free`, `nproc`, `ps`, `pgrep`, `dmesg`, `sysctl`.

use super::{
    options::{Options, joined},
    paths::human,
};
use crate::sandbox::{
    fleet::Server,
    guest::simulated::{
        facts,
        files::NONE,
        machine::{Stop, lost},
        sh::Shell,
    },
};

pub(super) fn df(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(
        words,
        "PhiklTx:t:a",
        &[("portability", 'P'), ("human-readable", 'h'), ("inodes", 'i'), ("local", 'l')],
    )?;
    if options.has('T') {
        return Err(lost("df -T is not simulated"));
    }
    let server = shell.machine.server;
    let (mut status, mut mounts) = (0, Vec::new());
    for name in &options.operands {
        let path = shell.path(name);
        match shell.machine.files.entry(&path) {
            None => {
                shell.complain(&format!("df: {name}: {NONE}\n"));
                status = 1;
            }
            Some(_) => mounts.push(if path.starts_with("/dev/shm") { "/dev/shm" } else { "/" }),
        }
    }
    if options.operands.is_empty() {
        mounts = vec!["/dev/shm", "/"];
        if options.values('x').any(|kind| kind == "tmpfs") {
            mounts.remove(0);
        }
    }
    if mounts.is_empty() {
        return Ok(status);
    }
    let inodes = options.has('i');
    let size = |blocks: u64| if options.has('h') { human(blocks) } else { blocks.to_string() };
    let titles = match (inodes, options.has('h'), options.has('P')) {
        (true, ..) => ["Inodes", "IUsed", "IFree", "IUse%"],
        (_, true, _) => ["Size", "Used", "Avail", "Use%"],
        (_, _, true) => ["1024-blocks", "Used", "Available", "Capacity"],
        _ => ["1K-blocks", "Used", "Available", "Use%"],
    };
    let row = |name: &str, [size, used, free, percent]: [String; 4], mount: &str| {
        format!("{name:<14} {size:>11} {used:>9} {free:>9} {percent:>8} {mount}")
    };
    let mut rows = vec![row("Filesystem", titles.map(str::to_owned), "Mounted on")];
    for mount in mounts {
        let (device, total, used, percent) = match (mount, inodes) {
            ("/", false) => {
                let (total, used) = facts::disk(server);
                ("/dev/vda1", total, used, server.disk_used)
            }
            ("/", true) => {
                let (total, percent) = (u64::from(server.storage_gb) * 65_536, facts::inodes_used(server));
                ("/dev/vda1", total, total * u64::from(percent) / 100, percent)
            }
            (_, false) => ("tmpfs", u64::from(server.memory_gb) << 19, 0, 0),
            (_, true) => ("tmpfs", u64::from(server.memory_gb) << 17, 1, 1),
        };
        let values = if inodes {
            [total, used, total - used].map(|count| count.to_string())
        } else {
            [total, used, total - used].map(size)
        };
        let [total, used, free] = values;
        rows.push(row(device, [total, used, free, format!("{percent}%")], mount));
    }
    shell.say(joined(rows));
    Ok(status)
}

pub(super) fn free(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "bkmghtw", &[("mebi", 'm'), ("human", 'h')])?;
    if ['g', 't', 'w'].into_iter().any(|letter| options.has(letter)) {
        return Err(lost("this flag of free is not simulated"));
    }
    let memory = facts::memory(shell.machine.server);
    let write = |mebibytes: u32| {
        if options.has('h') {
            human(u64::from(mebibytes) * 1024) + "i"
        } else if options.has('m') {
            mebibytes.to_string()
        } else {
            (u64::from(mebibytes) << if options.has('b') { 20 } else { 10 }).to_string()
        }
    };
    let [total, used, free, shared, cache, available] =
        [memory.total, memory.used, memory.free, 0, memory.cache, memory.available()].map(write);
    let zero = write(0);
    shell.say(format!(
        "{:15}{:>11} {:>11} {:>11} {:>11} {:>11} {:>11}\nMem:    {total:>18} {used:>11} {free:>11} {shared:>11} {cache:>11} {available:>11}\nSwap:   {zero:>18} {zero:>11} {zero:>11}\n",
        "", "total", "used", "free", "shared", "buff/cache", "available"
    ));
    Ok(0)
}

pub(super) fn nproc(shell: &mut Shell, _: &[String]) -> Result<i32, Stop> {
    let text = format!("{}\n", shell.machine.server.cores);
    shell.say(text);
    Ok(0)
}

/// A process: its number, user, name and command line.
struct Process {
    pid: u32,
    user: &'static str,
    name: &'static str,
    command: String,
}

fn processes(server: &Server) -> Vec<Process> {
    let mut pid = server.draw("processes").between(200, 900);
    let systemd = facts::has_systemd(server);
    let first = if systemd { ("systemd", "/sbin/init") } else { ("init", "/sbin/init") };
    let mut all = vec![Process { pid: 1, user: "root", name: first.0, command: first.1.to_owned() }];
    let mut names = vec![("root", "sshd"), ("root", "qemu-ga")];
    names.push(if systemd { ("root", "cron") } else { ("root", "crond") });
    if systemd {
        names.extend([("root", "systemd-journald"), ("root", "systemd-udevd")]);
    }
    let listening = facts::listeners(server);
    let own = listening.iter().map(|listener| listener.program).filter(|name| *name != "sshd");
    names.extend(
        own.map(|name| (if name == "systemd-resolve" { "systemd-resolve" } else { "www-data" }, name)),
    );
    names.dedup();
    for (user, name) in names {
        pid += server.draw(name).between(3, 60);
        all.push(Process { pid, user, name, command: format!("/usr/bin/{name}") });
    }
    all
}

pub(super) fn ps(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let all = processes(shell.machine.server);
    let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    let fields = match words.as_slice() {
        ["aux" | "-aux" | "auxww"] => {
            let head =
                "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND".to_owned();
            let rows = all.iter().map(|process| {
                format!(
                    "{:<10} {:>5}  0.0  0.1  16544  9120 ?        Ss   Jan01   0:01 {}",
                    process.user, process.pid, process.command
                )
            });
            shell.say(joined(std::iter::once(head).chain(rows)));
            return Ok(0);
        }
        ["-ef"] => {
            let head = "UID          PID    PPID  C STIME TTY          TIME CMD".to_owned();
            let rows = all.iter().map(|process| {
                let parent = u32::from(process.pid != 1);
                format!(
                    "{:<10} {:>5} {parent:>7}  0 Jan01 ?        00:00:01 {}",
                    process.user, process.pid, process.command
                )
            });
            shell.say(joined(std::iter::once(head).chain(rows)));
            return Ok(0);
        }
        ["-e" | "-A" | "ax"] => "pid,comm",
        ["-eo" | "-Ao" | "axo", fields] | ["-e" | "-A", "-o", fields] => fields,
        _ => return Err(lost("this use of ps is not simulated")),
    };
    let fields: Vec<&str> = fields.split(',').collect();
    let mut rows = Vec::new();
    if !fields.iter().all(|field| field.ends_with('=')) {
        rows.push(fields.iter().map(|field| field.to_uppercase()).collect::<Vec<_>>().join(" "));
    }
    for process in &all {
        let mut cells = Vec::new();
        for field in &fields {
            cells.push(match field.trim_end_matches('=') {
                "pid" => process.pid.to_string(),
                "ppid" => u32::from(process.pid != 1).to_string(),
                "user" | "uname" => process.user.to_owned(),
                "comm" | "ucmd" => process.name.to_owned(),
                "args" | "cmd" | "command" => process.command.clone(),
                "stat" | "state" | "s" => "S".to_owned(),
                "pcpu" | "%cpu" | "pmem" | "%mem" => "0.1".to_owned(),
                "rss" => "9120".to_owned(),
                other => return Err(lost(format!("ps -o {other} is not simulated"))),
            });
        }
        rows.push(cells.join(" "));
    }
    shell.say(joined(rows));
    Ok(0)
}

/// `pgrep` and `pidof`.
pub(super) fn pgrep(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "xcfls", &[])?;
    let Some(name) = options.operands.first() else { return Ok(2) };
    let all = processes(shell.machine.server);
    let exact = words[0] == "pidof" || options.has('x');
    let found = all
        .iter()
        .filter(|process| if exact { process.name == name } else { process.name.contains(name.as_str()) });
    let found: Vec<String> = found.map(|process| process.pid.to_string()).collect();
    if options.has('c') {
        shell.say(format!("{}\n", found.len()));
    } else if words[0] == "pidof" && !found.is_empty() {
        shell.say(found.join(" ") + "\n");
    } else {
        shell.say(joined(&found));
    }
    Ok(i32::from(found.is_empty()))
}

pub(super) fn dmesg(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    Options::read(words, "TkxHl:", &[("level", 'l')])?;
    let server = shell.machine.server;
    let mut rows = vec![
        format!("[    0.000000] Linux version {}", server.system.kernel),
        "[    1.412398] EXT4-fs (vda1): mounted filesystem with ordered data mode".to_owned(),
    ];
    for number in 0..facts::oom_kills(server) {
        let pid = server.draw("oom").at(u64::from(number) + 9).between(900, 30_000);
        rows.push(format!(
            "[ {:>4}.000001] Out of memory: Killed process {pid} (node) total-vm:2097152kB",
            90_000 + number
        ));
    }
    shell.say(joined(rows));
    Ok(0)
}

pub(super) fn sysctl(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let options = Options::read(words, "ne", &[])?;
    let mut status = 0;
    for key in &options.operands {
        let path = format!("/proc/sys/{}", key.replace('.', "/"));
        match shell.machine.files.read(&path)? {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                shell.say(if options.has('n') { text } else { format!("{key} = {text}") });
            }
            Err(_) => return Err(lost(format!("sysctl {key} is not simulated"))),
        }
        status = 0;
    }
    Ok(status)
}
