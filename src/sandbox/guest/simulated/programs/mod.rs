//! The programs of made-up servers: a table from name to what it does, by family.
//!
//! Text filters do what the real ones do. Programs about the system answer plausibly and differently per server, the
//! same for the same seed. Whatever a program cannot do as the real one would ends the script with a message.

mod awk;
mod columns;
mod find;
mod grep;
mod identity;
mod lines;
mod network;
mod options;
mod packages;
mod paths;
mod regular;
mod resources;
pub(crate) mod running;
mod sed;
mod services;

use super::{
    facts::{self, Family},
    machine::{Machine, Stop},
    sh::{Meaning, Shell, echo::echo, printf::printf, test::test},
};
use crate::sandbox::fleet::Server;

/// What carries a program out: its shell, and its name and arguments.
pub(crate) type Program = fn(&mut Shell, &[String]) -> Result<i32, Stop>;

/// Which servers have a program.
#[derive(Clone, Copy)]
enum On {
    All,
    Only(Family),
    /// All but Alpine.
    Systemd,
    Docker,
}

impl On {
    fn holds(self, server: &Server) -> bool {
        match self {
            Self::All => true,
            Self::Only(family) => facts::family(server) == family,
            Self::Systemd => facts::has_systemd(server),
            Self::Docker => facts::has_docker(server),
        }
    }
}

const TRUE: Program = |_, _| Ok(0);

static PROGRAMS: [(&str, On, Program); 99] = [
    ("[", On::All, test),
    ("adjtimex", On::Only(Family::Alpine), services::adjtimex),
    ("apk", On::Only(Family::Alpine), packages::apk),
    ("apt", On::Only(Family::Debian), packages::apt),
    ("apt-get", On::Only(Family::Debian), packages::apt_get),
    ("arch", On::All, |shell, _| {
        shell.say("x86_64\n");
        Ok(0)
    }),
    ("ash", On::Only(Family::Alpine), running::sh),
    ("awk", On::All, awk::awk),
    ("basename", On::All, paths::basename),
    ("bash", On::Systemd, running::sh),
    ("cat", On::All, lines::cat),
    ("chmod", On::All, paths::change),
    ("chronyc", On::Only(Family::RedHat), services::chronyc),
    ("cp", On::All, paths::change),
    ("curl", On::Systemd, network::curl),
    ("cut", On::All, columns::cut),
    ("dash", On::Only(Family::Debian), running::sh),
    ("date", On::All, identity::date),
    ("df", On::All, resources::df),
    ("dirname", On::All, paths::dirname),
    ("dmesg", On::All, resources::dmesg),
    ("dnf", On::Only(Family::RedHat), packages::dnf),
    ("docker", On::Docker, services::docker),
    ("du", On::All, paths::du),
    ("echo", On::All, echo),
    ("egrep", On::All, grep::grep),
    ("env", On::All, running::env),
    ("expr", On::All, running::expr),
    ("false", On::All, |_, _| Ok(1)),
    ("fgrep", On::All, grep::grep),
    ("find", On::All, find::find),
    ("free", On::All, resources::free),
    ("getent", On::All, identity::getent),
    ("grep", On::All, grep::grep),
    ("head", On::All, lines::head),
    ("hostname", On::All, identity::hostname),
    ("id", On::All, identity::id),
    ("ionice", On::All, running::wrapper),
    ("journalctl", On::Systemd, services::journalctl),
    ("ls", On::All, paths::ls),
    ("mawk", On::Only(Family::Debian), awk::awk),
    ("mkdir", On::All, paths::change),
    ("mktemp", On::All, running::mktemp),
    ("mv", On::All, paths::change),
    ("needs-restarting", On::Only(Family::RedHat), packages::needs_restarting),
    ("netstat", On::Only(Family::Alpine), network::sockets),
    ("nice", On::All, running::wrapper),
    ("nl", On::All, lines::nl),
    ("nohup", On::All, running::wrapper),
    ("nproc", On::All, resources::nproc),
    ("nslookup", On::Only(Family::Alpine), network::nslookup),
    ("openssl", On::Systemd, services::openssl),
    ("paste", On::All, columns::paste),
    ("pgrep", On::All, resources::pgrep),
    ("pidof", On::All, resources::pgrep),
    ("printenv", On::All, running::printenv),
    ("printf", On::All, printf),
    ("ps", On::All, resources::ps),
    ("pwd", On::All, |shell, _| {
        let text = shell.state.directory.clone() + "\n";
        shell.say(text);
        Ok(0)
    }),
    ("rc-status", On::Only(Family::Alpine), services::rc_status),
    ("readlink", On::All, paths::readlink),
    ("realpath", On::All, paths::readlink),
    ("rev", On::All, lines::rev),
    ("rm", On::All, paths::change),
    ("rmdir", On::All, paths::change),
    ("sed", On::All, sed::sed),
    ("seq", On::All, lines::seq),
    ("setsid", On::All, running::wrapper),
    ("sh", On::All, running::sh),
    ("sleep", On::All, running::sleep),
    ("sort", On::All, columns::sort),
    ("ss", On::Systemd, network::sockets),
    ("sshd", On::All, services::sshd),
    ("stat", On::All, paths::stat),
    ("stdbuf", On::Systemd, running::wrapper),
    ("sync", On::All, TRUE),
    ("sysctl", On::All, resources::sysctl),
    ("systemctl", On::Systemd, services::systemctl),
    ("tac", On::All, lines::tac),
    ("tail", On::All, lines::tail),
    ("tee", On::All, lines::tee),
    ("test", On::All, test),
    ("time", On::All, running::wrapper),
    ("timedatectl", On::Systemd, services::timedatectl),
    ("timeout", On::All, running::timeout),
    ("touch", On::All, paths::change),
    ("tr", On::All, columns::tr),
    ("true", On::All, TRUE),
    ("uname", On::All, identity::uname),
    ("uniq", On::All, lines::uniq),
    ("uptime", On::All, identity::uptime),
    ("wc", On::All, lines::wc),
    ("wget", On::All, network::wget),
    ("which", On::All, which),
    ("who", On::All, TRUE),
    ("whoami", On::All, |shell, _| {
        shell.say("root\n");
        Ok(0)
    }),
    ("xargs", On::All, running::xargs),
    ("yes", On::All, lines::yes),
    ("yum", On::Only(Family::RedHat), packages::dnf),
];

/// Programs that any server may have, and of which the simulated ones know nothing but that.
const UNKNOWN: [&str; 46] = [
    "base64",
    "bc",
    "blkid",
    "cmp",
    "comm",
    "crontab",
    "dd",
    "diff",
    "dig",
    "dpkg",
    "dpkg-query",
    "fold",
    "gawk",
    "getcap",
    "gpg",
    "gzip",
    "host",
    "install",
    "iostat",
    "ip",
    "iptables",
    "join",
    "last",
    "ln",
    "loginctl",
    "lsblk",
    "lscpu",
    "lsof",
    "md5sum",
    "mount",
    "nft",
    "od",
    "passwd",
    "perl",
    "ping",
    "pkill",
    "python3",
    "reboot",
    "rpm",
    "sha256sum",
    "shutdown",
    "split",
    "tar",
    "top",
    "vmstat",
    "zcat",
];

/// The names of a server's programs.
pub(crate) fn names(server: &Server) -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().filter(|(_, on, _)| on.holds(server)).map(|(name, ..)| *name).chain(UNKNOWN)
}

/// Finds a program by its name, or by a path to where programs are.
pub(crate) fn find(machine: &Machine, name: &str) -> Meaning {
    let name = match name.rsplit_once('/') {
        None => name,
        Some(("/bin" | "/sbin" | "/usr/bin" | "/usr/sbin", name)) => name,
        // A script that was written just now, say.
        Some(_) if machine.files.entry(name).is_some_and(|entry| entry.is_file()) => return Meaning::Unknown,
        Some(_) => return Meaning::Missing,
    };
    match PROGRAMS.iter().find(|(known, on, _)| *known == name && on.holds(machine.server)) {
        Some((_, _, program)) => Meaning::Program(*program),
        None if UNKNOWN.contains(&name) => Meaning::Unknown,
        None => Meaning::Missing,
    }
}

fn which(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut status = i32::from(words.len() == 1);
    for name in &words[1..] {
        match find(shell.machine, name) {
            Meaning::Program(_) | Meaning::Unknown => shell.say(format!("/usr/bin/{name}\n")),
            _ => status = 1,
        }
    }
    Ok(status)
}
