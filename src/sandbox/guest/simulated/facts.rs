//! What a made-up server is like beyond what the API lists: drawn from its seed, so that files and programs agree.

use crate::sandbox::{draw::Draw, fleet::Server};

/// Memory in MiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) total: u32,
    pub(crate) used: u32,
    pub(crate) free: u32,
    pub(crate) cache: u32,
}

impl Memory {
    pub(crate) fn available(self) -> u32 {
        self.free + self.cache
    }
}

/// How sshd is set up.
pub(crate) struct Sshd {
    pub(crate) port: u32,
    pub(crate) root_login: &'static str,
    pub(crate) passwords: &'static str,
}

/// A service that listens: its name, port, address and transport.
pub(crate) struct Listener {
    pub(crate) program: &'static str,
    pub(crate) port: u32,
    pub(crate) address: &'static str,
    pub(crate) transport: &'static str,
}

/// How a server's family does things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Debian,
    Alpine,
    RedHat,
}

/// A role's main service and user.
pub(crate) fn role(server: &Server) -> &'static str {
    server.tags().next().unwrap_or("web")
}

pub(crate) fn family(server: &Server) -> Family {
    match server.system.family {
        "alpine" => Family::Alpine,
        "almalinux" => Family::RedHat,
        _ => Family::Debian,
    }
}

pub(crate) fn has_systemd(server: &Server) -> bool {
    family(server) != Family::Alpine
}

/// Days, hours and minutes since the boot.
pub(crate) fn uptime(server: &Server) -> (u32, u32, u32) {
    let draw = server.draw("uptime");
    (draw.at(1).between(1, 400), draw.at(2).between(1, 23), draw.at(3).between(0, 59))
}

pub(crate) fn uptime_seconds(server: &Server) -> u64 {
    let (days, hours, minutes) = uptime(server);
    let seconds = server.draw("uptime").at(7).below(60);
    u64::from(days) * 86_400 + u64::from(hours) * 3600 + u64::from(minutes) * 60 + seconds
}

/// The load averages, as they are written.
pub(crate) fn loads(server: &Server) -> [String; 3] {
    let draw = server.draw("load");
    let most = 60 * server.cores;
    [1, 2, 3].map(|number| format!("{:.2}", f64::from(draw.at(number).between(0, most)) / 100.0))
}

pub(crate) fn memory(server: &Server) -> Memory {
    let total = server.memory_gb * 1000;
    let used = total * server.draw("memory").between(15, 92) / 100;
    let free = (total - used) / 3;
    Memory { total, used, free, cache: total - used - free }
}

/// The root disk in KiB: all of it, and what is used.
pub(crate) fn disk(server: &Server) -> (u64, u64) {
    let blocks = u64::from(server.storage_gb) * 1_000_000;
    (blocks, blocks * u64::from(server.disk_used) / 100)
}

/// How full the root file system's inodes are, in percent.
pub(crate) fn inodes_used(server: &Server) -> u32 {
    let draw = server.draw("inodes");
    if draw.at(1).below(60) == 0 { draw.between(91, 99) } else { draw.between(2, 38) }
}

/// The systemd units that have failed.
pub(crate) fn failed_units(server: &Server) -> Vec<(&'static str, &'static str)> {
    let failed = server.draw("units").below(15) == 0;
    if failed { vec![("logrotate.service", "Rotate log files")] } else { Vec::new() }
}

pub(crate) fn sshd(server: &Server) -> Sshd {
    let draw = server.draw("sshd");
    Sshd {
        port: if draw.at(1).below(10) == 0 { 2222 } else { 22 },
        root_login: match draw.at(2).below(8) {
            0 => "yes",
            1 | 2 => "no",
            _ => "without-password",
        },
        passwords: if draw.at(3).below(6) == 0 { "yes" } else { "no" },
    }
}

/// Everything that listens, sshd first.
pub(crate) fn listeners(server: &Server) -> Vec<Listener> {
    let tcp = |program, port, address| Listener { program, port, address, transport: "tcp" };
    let mut all = vec![tcp("sshd", sshd(server).port, "0.0.0.0")];
    match role(server) {
        "web" => all.extend([tcp("nginx", 80, "0.0.0.0"), tcp("nginx", 443, "0.0.0.0")]),
        "app" => all.push(tcp("node", 3000, "127.0.0.1")),
        "db" => {
            let open = server.draw("listen").below(8) == 0;
            all.push(tcp("postgres", 5432, if open { "0.0.0.0" } else { "127.0.0.1" }));
        }
        "cache" => all.push(tcp("redis-server", 6379, "127.0.0.1")),
        _ => {}
    }
    if has_systemd(server) && family(server) == Family::Debian {
        all.push(Listener { program: "systemd-resolve", port: 53, address: "127.0.0.53", transport: "udp" });
    }
    all
}

/// Packages that wait for an upgrade: all, and those that are about security.
pub(crate) fn upgrades(server: &Server) -> (u32, u32) {
    let draw = server.draw("upgrades");
    let all = if draw.at(1).below(3) == 0 { 0 } else { draw.at(2).between(1, 48) };
    (all, if all == 0 { 0 } else { draw.at(3).between(0, all / 2) })
}

/// When the TLS certificate ends, in days from now; `None` where there is none.
pub(crate) fn certificate_days(server: &Server) -> Option<i64> {
    let draw = server.draw("certificate");
    matches!(role(server), "web" | "app").then(|| {
        if draw.at(1).below(25) == 0 {
            i64::from(draw.at(2).between(0, 12)) - 6
        } else {
            i64::from(draw.between(20, 89))
        }
    })
}

/// How far the clock is off, in microseconds, and whether it is being held right.
pub(crate) fn clock_offset(server: &Server) -> (i64, bool) {
    let draw = server.draw("clock");
    let offset = i64::from(draw.at(1).between(0, 1800)) - 900;
    (offset, draw.at(2).below(30) != 0)
}

pub(crate) fn has_docker(server: &Server) -> bool {
    family(server) != Family::Alpine
        && matches!(role(server), "app" | "worker")
        && server.draw("docker").below(3) == 0
}

/// How many processes the kernel has killed for want of memory.
pub(crate) fn oom_kills(server: &Server) -> u32 {
    let draw = server.draw("oom");
    if draw.at(1).below(20) == 0 { draw.between(1, 4) } else { 0 }
}

/// A hash in hexadecimal, for identifiers.
pub(crate) fn hexadecimal(draw: Draw) -> String {
    format!("{:016x}{:016x}", draw.at(1).bits(), draw.at(2).bits())
}
