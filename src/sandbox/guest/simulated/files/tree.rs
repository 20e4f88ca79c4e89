//! Which files a server has: by family and role, with sizes and ages.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Kind, Node, texts};
use crate::sandbox::{
    fleet::Server,
    guest::simulated::{
        facts::{self, Family},
        programs,
    },
};

const DAY: i64 = 86_400;

const DIRECTORIES: [&str; 36] = [
    "/",
    "/boot",
    "/dev",
    "/etc",
    "/etc/apt",
    "/etc/cron.d",
    "/etc/cron.daily",
    "/etc/default",
    "/etc/ssh",
    "/etc/ssh/sshd_config.d",
    "/etc/ssl",
    "/etc/ssl/certs",
    "/etc/sudoers.d",
    "/home",
    "/mnt",
    "/opt",
    "/proc",
    "/proc/sys",
    "/proc/sys/kernel",
    "/proc/sys/fs",
    "/root",
    "/root/.ssh",
    "/run",
    "/srv",
    "/sys",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/local",
    "/usr/local/bin",
    "/usr/share",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/spool",
];

/// The tree under construction.
struct Tree<'a> {
    nodes: BTreeMap<String, Node>,
    server: &'a Server,
    now: i64,
}

impl Tree<'_> {
    /// Puts a node of this age in days.
    fn put(&mut self, path: &str, kind: Kind, mode: u32, days: i64) {
        // Whatever has an age has it at the same second of any run.
        let second = i64::from(self.server.draw(path).between(0, 80_000));
        let modified = if days == 0 { self.now } else { self.now - days * DAY - second };
        self.nodes.insert(path.to_owned(), Node { kind, mode, owner: "root", modified });
    }

    fn directory(&mut self, path: &str) {
        self.put(path, Kind::Directory, 0o755, 90);
    }

    fn text(&mut self, path: &str, text: fn(&Server, Timestamp) -> String) {
        self.put(path, Kind::Text(text), 0o644, 200);
    }

    /// A text that the kernel makes anew each time.
    fn live(&mut self, path: &str, text: fn(&Server, Timestamp) -> String) {
        self.put(path, Kind::Text(text), 0o444, 0);
    }

    fn link(&mut self, path: &str, target: &str) {
        self.put(path, Kind::Link(target.to_owned()), 0o777, 200);
    }

    fn opaque(&mut self, path: &str, size: u64, mode: u32, days: i64) {
        self.put(path, Kind::Opaque(size), mode, days);
    }
}

pub(super) fn tree(server: &Server, wall: Timestamp) -> BTreeMap<String, Node> {
    let mut tree = Tree { nodes: BTreeMap::new(), server, now: wall.as_second() };
    for path in DIRECTORIES {
        tree.directory(path);
    }
    tree.put("/tmp", Kind::Directory, 0o1777, 1);
    tree.put("/var/tmp", Kind::Directory, 0o1777, 1);
    tree.put("/root", Kind::Directory, 0o700, 30);
    for (link, target) in [
        ("/bin", "usr/bin"),
        ("/sbin", "usr/bin"),
        ("/usr/sbin", "bin"),
        ("/lib", "usr/lib"),
        ("/var/run", "/run"),
        ("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC"),
    ] {
        tree.link(link, target);
    }
    for device in ["null", "zero", "full", "random", "urandom", "tty", "stdin", "stdout", "stderr"] {
        tree.put(&format!("/dev/{device}"), Kind::Device, 0o666, 0);
    }
    for name in programs::names(server) {
        tree.opaque(&format!("/usr/bin/{name}"), 60_000 + server.draw(name).below(90_000), 0o755, 200);
    }
    identity(&mut tree);
    kernel(&mut tree);
    logs(&mut tree);
    family(&mut tree);
    role(&mut tree);
    tree.nodes
}

fn identity(tree: &mut Tree) {
    tree.text("/etc/os-release", texts::os_release);
    tree.link("/usr/lib/os-release", "/etc/os-release");
    tree.text("/etc/hostname", |server, _| server.name() + "\n");
    tree.text("/etc/hosts", |server, _| format!("127.0.0.1 localhost\n127.0.1.1 {}\n", server.name()));
    tree.text("/etc/machine-id", |server, _| facts::hexadecimal(server.draw("machine-id")) + "\n");
    tree.text("/etc/timezone", |_, _| "Etc/UTC\n".to_owned());
    tree.text("/etc/passwd", texts::passwd);
    tree.text("/etc/group", texts::group);
    tree.put("/etc/shadow", Kind::Text(texts::shadow), 0o640, 40);
    tree.text("/etc/resolv.conf", |_, _| "nameserver 1.1.1.1\nnameserver 9.9.9.9\n".to_owned());
    tree.text("/etc/fstab", |_, _| "UUID=0a1b2c3d / ext4 errors=remount-ro 0 1\n".to_owned());
    tree.text("/etc/ssh/sshd_config", texts::sshd_config);
    tree.put("/etc/sudoers", Kind::Text(texts::sudoers), 0o440, 200);
    tree.text("/etc/login.defs", |_, _| "PASS_MAX_DAYS 99999\nUMASK 022\nUID_MIN 1000\n".to_owned());
    tree.text("/etc/crontab", |_, _| {
        "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n".to_owned()
    });
    tree.put("/root/.ssh/authorized_keys", Kind::Text(texts::authorized_keys), 0o600, 120);
    tree.directory("/home/deploy");
}

fn kernel(tree: &mut Tree) {
    tree.live("/proc/uptime", |server, _| {
        let up = facts::uptime_seconds(server);
        format!("{up}.42 {}.10\n", up * u64::from(server.cores) * 9 / 10)
    });
    tree.live("/proc/loadavg", |server, _| format!("{} 1/120 4711\n", facts::loads(server).join(" ")));
    tree.live("/proc/meminfo", texts::meminfo);
    tree.live("/proc/stat", texts::stat);
    tree.live("/proc/cpuinfo", texts::cpuinfo);
    tree.live("/proc/mounts", texts::mounts);
    tree.live("/proc/version", |server, _| format!("Linux version {} (build@host)\n", server.system.kernel));
    tree.live("/proc/cmdline", |server, _| {
        format!("BOOT_IMAGE=/boot/vmlinuz-{} ro quiet\n", server.system.kernel)
    });
    tree.live("/proc/swaps", |_, _| "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_owned());
    tree.live("/proc/sys/kernel/hostname", |server, _| server.name() + "\n");
    tree.live("/proc/sys/kernel/osrelease", |server, _| server.system.kernel.to_owned() + "\n");
    tree.live("/proc/sys/kernel/random/boot_id", |server, _| facts::hexadecimal(server.draw("boot")) + "\n");
    tree.live("/proc/sys/fs/file-nr", |server, _| {
        format!("{}\t0\t9223372036854775807\n", server.draw("file-nr").between(900, 9000))
    });
    tree.live("/proc/vmstat", |server, _| {
        format!("nr_free_pages {}\noom_kill {}\n", facts::memory(server).free * 256, facts::oom_kills(server))
    });
    for path in ["/proc/sys/kernel/random", "/proc/self", "/proc/net"] {
        tree.directory(path);
    }
    let kernel = tree.server.system.kernel;
    tree.directory("/usr/lib/modules");
    tree.directory(&format!("/usr/lib/modules/{kernel}"));
    tree.opaque(&format!("/usr/lib/modules/{kernel}/modules.order"), 140_000, 0o644, 30);
    tree.opaque(&format!("/boot/vmlinuz-{kernel}"), 8_172_224, 0o644, 30);
    tree.opaque(&format!("/boot/initrd.img-{kernel}"), 31_400_000, 0o644, 30);
}

fn logs(tree: &mut Tree) {
    let systemd = facts::has_systemd(tree.server);
    let files: &[(&str, u64)] = if systemd {
        &[
            ("wtmp", 90),
            ("btmp", 4000),
            ("lastlog", 12),
            ("dpkg.log", 900),
            ("auth.log", 5000),
            ("syslog", 20_000),
        ]
    } else {
        &[("wtmp", 90), ("messages", 12_000), ("dmesg", 40)]
    };
    for (name, kilobytes) in files {
        let size = tree.server.draw(name).below(kilobytes * 2) * 1024 + 384;
        tree.opaque(&format!("/var/log/{name}"), size, 0o640, 0);
        if *kilobytes > 4000 {
            tree.opaque(&format!("/var/log/{name}.1"), size / 2, 0o640, 7);
            tree.opaque(&format!("/var/log/{name}.2.gz"), size / 20, 0o640, 14);
        }
    }
    if systemd {
        let directory = format!("/var/log/journal/{}", facts::hexadecimal(tree.server.draw("machine-id")));
        tree.directory("/var/log/journal");
        tree.directory(&directory);
        let size = (1 + tree.server.draw("journal").below(48)) << 23;
        tree.opaque(&format!("{directory}/system.journal"), size, 0o640, 0);
    }
}

fn family(tree: &mut Tree) {
    let family = facts::family(tree.server);
    match family {
        Family::Debian => {
            tree.text("/etc/debian_version", texts::debian_version);
            tree.directory("/etc/apt/apt.conf.d");
            tree.directory("/var/lib/apt");
            tree.directory("/var/lib/dpkg");
            tree.directory("/var/lib/apt/periodic");
            let days = i64::from(tree.server.draw("apt-update").between(0, 9));
            tree.put("/var/lib/apt/lists", Kind::Directory, 0o755, days);
            tree.opaque("/var/lib/apt/periodic/update-success-stamp", 0, 0o644, days.max(1));
            tree.opaque("/var/lib/dpkg/status", 620_000, 0o644, days.max(1));
            if tree.server.draw("unattended").below(4) != 0 {
                tree.text("/etc/apt/apt.conf.d/20auto-upgrades", |_, _| {
                    let lines = ["Update-Package-Lists", "Unattended-Upgrade"];
                    lines.map(|line| format!("APT::Periodic::{line} \"1\";\n")).concat()
                });
            }
            if tree.server.reboot_required {
                tree.text("/run/reboot-required", |_, _| "*** System restart required ***\n".to_owned());
                tree.text("/run/reboot-required.pkgs", |server, _| {
                    let package = if server.system.family == "debian" { "amd64" } else { "generic" };
                    format!("linux-image-{package}\n")
                });
            }
        }
        Family::Alpine => {
            tree.text("/etc/alpine-release", |server, _| format!("{}.1\n", server.system.version));
            tree.directory("/etc/apk");
            tree.text("/etc/apk/repositories", |server, _| {
                format!("https://dl-cdn.alpinelinux.org/alpine/v{}/main\n", server.system.version)
            });
        }
        Family::RedHat => {
            tree.text("/etc/redhat-release", |server, _| {
                format!("AlmaLinux release {}\n", server.system.version)
            });
            tree.directory("/etc/dnf");
            tree.directory("/etc/yum.repos.d");
            tree.directory("/etc/selinux");
            tree.text("/etc/selinux/config", |_, _| "SELINUX=enforcing\nSELINUXTYPE=targeted\n".to_owned());
        }
    }
    if facts::has_systemd(tree.server) {
        for path in ["/run/systemd", "/run/systemd/system", "/etc/systemd", "/etc/systemd/system"] {
            tree.directory(path);
        }
    }
}

fn role(tree: &mut Tree) {
    let name = tree.server.name();
    if facts::certificate_days(tree.server).is_some() {
        let directory = format!("/etc/letsencrypt/live/{name}.example.com");
        for path in ["/etc/letsencrypt", "/etc/letsencrypt/live", &directory] {
            tree.directory(path);
        }
        for file in ["cert", "chain", "fullchain"] {
            tree.put(&format!("{directory}/{file}.pem"), Kind::Text(texts::certificate), 0o644, 20);
        }
        tree.opaque(&format!("{directory}/privkey.pem"), 1704, 0o600, 20);
    }
    let backup = tree.server.draw("backup");
    tree.directory("/var/backups");
    match facts::role(tree.server) {
        "web" => {
            tree.directory("/var/log/nginx");
            tree.directory("/etc/nginx");
            let size = backup.at(9).below(300 << 20);
            tree.opaque("/var/log/nginx/access.log", size, 0o640, 0);
            tree.opaque("/var/log/nginx/error.log", size / 90, 0o640, 0);
        }
        "db" => {
            let days = if backup.at(1).below(10) == 0 { 9 } else { 1 };
            tree.directory("/var/lib/postgresql");
            tree.opaque(
                "/var/backups/postgres.sql.gz",
                backup.at(2).below(4 << 30),
                0o600,
                days - 1 + i64::from(days == 1),
            );
        }
        _ => {}
    }
}
