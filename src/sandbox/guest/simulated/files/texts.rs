//! What stands in the files whose text matters.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::sandbox::{
    fleet::Server,
    guest::simulated::facts::{self, Family},
};

pub(super) fn os_release(server: &Server, _: Timestamp) -> String {
    let system = server.system;
    let codename = match system.codename {
        "" => String::new(),
        codename => format!("VERSION_CODENAME={codename}\n"),
    };
    let like = match facts::family(server) {
        Family::Debian if system.family == "ubuntu" => "ID_LIKE=debian\n",
        Family::RedHat => "ID_LIKE=\"rhel centos fedora\"\n",
        _ => "",
    };
    format!(
        "PRETTY_NAME=\"{0}\"\nNAME=\"{1}\"\nVERSION_ID=\"{2}\"\n{codename}ID={3}\n{like}",
        system.name,
        system.name.split(' ').next().unwrap_or_default(),
        system.version,
        system.family
    )
}

pub(super) fn debian_version(server: &Server, _: Timestamp) -> String {
    match server.system.codename {
        "noble" => "trixie/sid\n".to_owned(),
        "jammy" => "bookworm/sid\n".to_owned(),
        _ => format!("{}.1\n", server.system.version),
    }
}

/// Users: name, number, home, shell.
fn users(server: &Server) -> Vec<(&'static str, u32, &'static str, &'static str)> {
    let shell = if facts::family(server) == Family::Alpine { "/bin/ash" } else { "/bin/bash" };
    let mut users = vec![
        ("root", 0, "/root", shell),
        ("daemon", 1, "/usr/sbin", "/usr/sbin/nologin"),
        ("bin", 2, "/bin", "/usr/sbin/nologin"),
        ("www-data", 33, "/var/www", "/usr/sbin/nologin"),
        ("sshd", 100, "/run/sshd", "/usr/sbin/nologin"),
        ("nobody", 65_534, "/nonexistent", "/usr/sbin/nologin"),
        ("deploy", 1000, "/home/deploy", shell),
    ];
    if server.draw("users").at(1).below(70) == 0 {
        users.push(("toor", 0, "/root", shell));
    }
    if server.draw("users").at(2).below(4) == 0 {
        users.push(("backup-agent", 1001, "/home/backup-agent", shell));
    }
    users
}

pub(super) fn passwd(server: &Server, _: Timestamp) -> String {
    let line = |(name, number, home, shell): &(&str, u32, &str, &str)| {
        format!("{name}:x:{number}:{number}:{name}:{home}:{shell}\n")
    };
    users(server).iter().map(line).collect()
}

pub(super) fn group(server: &Server, _: Timestamp) -> String {
    let groups: String =
        users(server).iter().map(|(name, number, ..)| format!("{name}:x:{number}:\n")).collect();
    groups + "sudo:x:27:deploy\nadm:x:4:\n"
}

pub(super) fn shadow(server: &Server, _: Timestamp) -> String {
    let careless = server.draw("users").at(3).below(80) == 0;
    let line = |(name, ..): &(&str, u32, &str, &str)| {
        let password = match *name {
            "root" => "*",
            "deploy" if careless => "",
            "deploy" => "$y$j9T$c2FuZGJveA$0mFkZSB1cCBhbmQgbm9ib2R5cw",
            _ => "!",
        };
        format!("{name}:{password}:20200:0:99999:7:::\n")
    };
    users(server).iter().map(line).collect()
}

pub(super) fn sudoers(server: &Server, _: Timestamp) -> String {
    let all = if server.draw("sudo").below(20) == 0 { "NOPASSWD: ALL" } else { "ALL" };
    format!("root ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) {all}\n")
}

pub(super) fn authorized_keys(server: &Server, _: Timestamp) -> String {
    let draw = server.draw("keys");
    let mut text = String::new();
    for number in 0..=draw.below(3) {
        let hash = facts::hexadecimal(draw.at(number));
        _ = writeln!(text, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{hash} admin-{number}@example.com");
    }
    text
}

pub(super) fn sshd_config(server: &Server, _: Timestamp) -> String {
    let facts::Sshd { port, root_login, passwords } = facts::sshd(server);
    let root_login = root_login.replace("without-password", "prohibit-password");
    format!(
        "Include /etc/ssh/sshd_config.d/*.conf\nPort {port}\nPermitRootLogin {root_login}\nPasswordAuthentication {passwords}\nUsePAM yes\n"
    )
}

pub(super) fn meminfo(server: &Server, _: Timestamp) -> String {
    let memory = facts::memory(server);
    let lines = [
        ("MemTotal", memory.total),
        ("MemFree", memory.free),
        ("MemAvailable", memory.available()),
        ("Buffers", memory.cache / 10),
        ("Cached", memory.cache - memory.cache / 10),
        ("SwapTotal", 0),
        ("SwapFree", 0),
    ];
    lines.iter().map(|(name, value)| format!("{:<16}{:>8} kB\n", format!("{name}:"), value * 1024)).collect()
}

pub(super) fn stat(server: &Server, wall: Timestamp) -> String {
    let up = facts::uptime_seconds(server);
    let steal = server.draw("steal").below(up / 40 + 1);
    let mut text = format!("cpu  {} 0 {} {} {} 0 0 {steal} 0 0\n", up * 3, up, up * 90, up / 5);
    for core in 0..server.cores {
        _ = writeln!(text, "cpu{core} {} 0 {} {} {} 0 0 0 0 0", up * 3, up, up * 90, up / 5);
    }
    let boot = wall.as_second() - i64::try_from(up).unwrap_or(0);
    _ = writeln!(text, "ctxt {}\nbtime {boot}\nprocesses {}", up * 400, up / 9);
    text + "procs_running 1\nprocs_blocked 0\n"
}

pub(super) fn cpuinfo(server: &Server, _: Timestamp) -> String {
    let core = |core| {
        format!("processor\t: {core}\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC Processor\n\n")
    };
    (0..server.cores).map(core).collect()
}

pub(super) fn mounts(server: &Server, _: Timestamp) -> String {
    let broken = server.draw("mounts").below(90) == 0;
    let how = if broken { "ro" } else { "rw" };
    format!("/dev/vda1 / ext4 {how},relatime 0 0\nproc /proc proc rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n")
}

/// A certificate as only the simulated `openssl` can read it: its dates stand in it.
pub(super) fn certificate(server: &Server, wall: Timestamp) -> String {
    let days = facts::certificate_days(server).unwrap_or(0);
    let end = wall.saturating_add(SignedDuration::from_hours(24 * days + 7)).unwrap_or(wall).as_second();
    // The same hour for every run of a day.
    let end = end - end.rem_euclid(3600);
    format!("-----BEGIN CERTIFICATE-----\n{end}:{}.example.com\n-----END CERTIFICATE-----\n", server.name())
}
