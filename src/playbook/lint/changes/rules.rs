//! Which commands change a server, and when: the table behind `changes-in-read`.

/// When a command is a change.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Always,
    /// Its first argument that is no option is one of these.
    Verb(&'static [&'static str]),
    /// Any of its arguments is one of these.
    Word(&'static [&'static str]),
    /// Any of its arguments begins with one of these.
    Prefix(&'static [&'static str]),
    /// It has an argument, and its last one is a place that keeps what is written there.
    LastIsKept,
}

/// Commands, when they are changes, and the options with which they only look.
pub(super) type Rule = (&'static [&'static str], When, &'static [&'static str]);

pub(super) const RULES: &[Rule] = &[
    (
        &["systemctl"],
        When::Verb(&[
            "restart",
            "start",
            "stop",
            "reload",
            "enable",
            "disable",
            "mask",
            "unmask",
            "try-restart",
            "reload-or-restart",
            "kill",
            "isolate",
            "daemon-reload",
            "reboot",
            "poweroff",
            "halt",
            "set-default",
            "set-property",
            "preset",
            "revert",
        ]),
        &[],
    ),
    (&["service", "rc-service"], When::Word(&["restart", "start", "stop", "reload", "force-reload"]), &[]),
    (&["rm", "rmdir", "unlink", "shred", "mv", "chmod", "chown", "chgrp", "truncate"], When::LastIsKept, &[]),
    (&["cp", "ln", "install", "touch", "mkdir", "tee"], When::LastIsKept, &[]),
    (
        &["apt-get", "apt", "aptitude"],
        When::Verb(&[
            "install",
            "upgrade",
            "dist-upgrade",
            "full-upgrade",
            "remove",
            "purge",
            "autoremove",
            "reinstall",
        ]),
        &["-s", "--simulate", "--dry-run", "--just-print", "--no-act"],
    ),
    (
        &["dnf", "yum", "microdnf", "zypper"],
        When::Verb(&[
            "install",
            "upgrade",
            "update",
            "remove",
            "erase",
            "reinstall",
            "downgrade",
            "autoremove",
            "distro-sync",
            "dist-upgrade",
            "dup",
            "patch",
        ]),
        &["--assumeno", "--dry-run"],
    ),
    (&["apk"], When::Verb(&["add", "del", "upgrade", "fix"]), &["-s", "--simulate"]),
    (&["snap"], When::Verb(&["install", "remove", "refresh"]), &["--list"]),
    (&["pip", "pip3"], When::Verb(&["install", "uninstall"]), &["--dry-run"]),
    (
        &["dpkg"],
        When::Prefix(&["-i", "-r", "-P", "--install", "--remove", "--purge", "--configure"]),
        &["--dry-run"],
    ),
    (&["rpm"], When::Prefix(&["-i", "-U", "-F", "-e", "--install", "--upgrade", "--erase"]), &["--test"]),
    (&["reboot", "shutdown", "poweroff", "halt"], When::Always, &["--show", "-w"]),
    (&["init", "telinit"], When::Verb(&["0", "1", "3", "5", "6", "q"]), &[]),
    (&["kill", "pkill", "killall"], When::Always, &["-0", "-l", "-L", "--list"]),
    (
        &[
            "useradd", "userdel", "usermod", "groupadd", "groupdel", "groupmod", "adduser", "deluser",
            "addgroup", "delgroup", "chpasswd",
        ],
        When::Always,
        &["-D"],
    ),
    (&["passwd"], When::Always, &["-S", "--status"]),
    (&["chage"], When::Always, &["-l", "--list"]),
    (&["sed"], When::Prefix(&["-i", "--in-place", "-Ei", "-ri", "-ni"]), &[]),
    (&["perl"], When::Prefix(&["-i", "-pi"]), &[]),
    (&["mkfs", "mkswap", "wipefs", "swapoff"], When::Always, &["-n", "--no-act"]),
    (&["umount"], When::Always, &[]),
    (&["sysctl"], When::Prefix(&["-w", "-p", "--write", "--load", "--system"]), &[]),
    (&["iptables", "ip6tables"], When::Prefix(&["-A", "-I", "-D", "-F", "-P", "-X"]), &[]),
    (&["nft"], When::Verb(&["add", "delete", "flush", "insert", "replace"]), &["-c", "--check"]),
    (
        &["ufw"],
        When::Verb(&["enable", "disable", "allow", "deny", "delete", "reset", "reload"]),
        &["--dry-run"],
    ),
    (&["firewall-cmd"], When::Prefix(&["--add-", "--remove-", "--reload", "--set-"]), &[]),
    (&["hostnamectl"], When::Prefix(&["set-hostname", "set-"]), &[]),
    (&["timedatectl"], When::Prefix(&["set-"]), &[]),
    (&["crontab"], When::Prefix(&["-r"]), &[]),
    (&["journalctl"], When::Prefix(&["--vacuum", "--rotate", "--flush"]), &[]),
    (
        &["docker", "podman"],
        When::Verb(&[
            "start", "stop", "restart", "rm", "rmi", "kill", "pull", "run", "update", "pause", "unpause",
        ]),
        &[],
    ),
];

/// Commands that run the one after their own options and words. Of those the options are listed that take a word of
/// their own, and the other words counted.
pub(super) const WRAPPERS: [(&str, &[&str], usize); 14] = [
    ("sudo", &["-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T"], 0),
    ("doas", &["-u", "-C"], 0),
    ("env", &["-u", "-C", "-S"], 0),
    ("nohup", &[], 0),
    ("setsid", &[], 0),
    ("nice", &["-n"], 0),
    ("ionice", &["-c", "-n", "-p"], 0),
    ("exec", &["-a"], 0),
    ("time", &[], 0),
    ("xargs", &["-n", "-P", "-I", "-L", "-d", "-a", "-E", "-s"], 0),
    ("busybox", &[], 0),
    ("flock", &["-w", "-E"], 1),
    ("chroot", &[], 1),
    ("timeout", &["-k", "-s"], 1),
];

/// Asked for help or their version, commands change nothing.
pub(super) const HARMLESS: [&str; 2] = ["--help", "--version"];

/// Places where a script may write what nobody else reads.
pub(super) const FLEETING: [&str; 6] = ["/dev/", "/tmp/", "/var/tmp/", "/run/", "/proc/self/", "/var/run/"];
