//! What programs say on all servers of a fleet.

use std::collections::HashSet;

use super::*;
use crate::sandbox::fleet::Oddity;

#[test]
fn every_server_says_how_full_its_own_disk_is() {
    let fleet = fleet();
    for (_, server) in fleet.iter().take(20).filter(|(_, server)| server.oddity != Some(Oddity::Windows)) {
        let did = on(server, "df -P / | awk 'NR==2 { print $5 }'");
        assert_eq!((did.ended, did.stdout), (Ended::Exit(0), format!("{}%\n", server.disk_used)));
    }
}

#[test]
fn common_diagnostics_answer_on_every_linux_server() {
    let fleet = fleet();
    for (_, server) in fleet.iter().filter(|(_, server)| server.oddity != Some(Oddity::Windows)) {
        for command in [
            "uptime",
            "uname -a",
            "cat /etc/os-release",
            "free -m",
            "hostname",
            "id",
            "date",
            "df -h",
            "df -Pi",
            ". /etc/os-release && echo \"$ID $VERSION_ID\"",
            "cat /proc/loadavg /proc/uptime /proc/meminfo",
            "ps aux",
            "sshd -T",
            "du -sk /var/log",
            "find /var -type f -printf '%T@ %p\\n' | sort -n | tail -1",
            "ls -l /etc",
            "awk -F: '$3 == 0 { print $1 }' /etc/passwd",
            "if [ -f /var/run/reboot-required ]; then echo yes; else echo no; fi",
            "ls -d /lib/modules/*",
            "stat -c '%Y %s %n' /etc/passwd",
        ] {
            let did = on(server, command);
            assert_eq!(
                (did.ended, did.stderr.as_str()),
                (Ended::Exit(0), ""),
                "{command} on {}",
                server.name()
            );
            assert!(did.stdout.trim().len() > 1, "{command}: {}", did.stdout);
        }
    }
    let uptimes: HashSet<_> = fleet.iter().take(50).map(|(_, server)| on(server, "uptime").stdout).collect();
    assert!(uptimes.len() > 45);
}

#[test]
fn families_have_their_own_programs_and_files() {
    for (family, has, lacks) in [
        ("debian", "apt-get systemctl ss bash", "apk dnf rc-status chronyc"),
        ("ubuntu", "apt-get systemctl timedatectl", "apk yum"),
        ("alpine", "apk rc-status netstat ash", "systemctl bash apt-get openssl"),
        ("almalinux", "dnf yum chronyc needs-restarting", "apt-get apk"),
    ] {
        for (names, code) in [(has, 0), (lacks, 127)] {
            for name in names.split(' ') {
                assert_eq!(
                    on_family(family, &format!("command -v {name}")).ended,
                    Ended::Exit(code),
                    "{family} {name}"
                );
            }
        }
    }
    assert_eq!(on_family("alpine", "cat /etc/alpine-release").stdout, "3.22.1\n");
    assert!(on_family("almalinux", "cat /etc/redhat-release").stdout.starts_with("AlmaLinux"));
}

#[test]
fn a_server_says_the_same_thing_twice_and_nothing_that_it_wrote_stays() {
    let script = "free; ss -tuln; cat /etc/shadow; find / -type f | head -50; echo x >> /tmp/kept; cat /tmp/kept; ls /tmp";
    let (once, again) = (first(script), first(script));
    assert_eq!((once.ended, &once.stdout, &once.stderr), (Ended::Exit(0), &again.stdout, &again.stderr));
    assert!(once.stdout.ends_with("x\nkept\n"));
}

#[test]
fn windows_understands_nothing() {
    let did = on_family("windows", "uptime; echo x");
    assert_eq!((did.ended, did.stdout.as_str()), (Ended::Exit(1), ""));
    assert!(did.stderr.starts_with("'uptime;' is not recognized"));
}
