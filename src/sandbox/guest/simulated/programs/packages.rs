//! Package managers, each on its own family, asked only for what waits for an upgrade.

use super::options::joined;
use crate::sandbox::{
    fleet::Server,
    guest::simulated::{
        facts,
        machine::{Stop, lost},
        sh::Shell,
    },
};

const NAMES: [&str; 12] = [
    "openssl",
    "libc-bin",
    "curl",
    "systemd",
    "base-files",
    "openssh-server",
    "tzdata",
    "sudo",
    "perl-base",
    "zlib1g",
    "vim-common",
    "linux-image",
];

/// What waits: name, version, and whether it is about security.
fn waiting(server: &Server) -> Vec<(String, String, bool)> {
    let (all, security) = facts::upgrades(server);
    let draw = server.draw("packages");
    (0..all)
        .map(|number| {
            let base = NAMES[number as usize % NAMES.len()];
            let round = number as usize / NAMES.len();
            let name = if round == 0 { base.to_owned() } else { format!("{base}-extra{round}") };
            let version = draw.at(number.into());
            (
                name,
                format!("{}.{}.{}", version.at(1).below(9), version.at(2).below(20), version.at(3).below(9)),
                number < security,
            )
        })
        .collect()
}

pub(super) fn apt_get(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let mut rest = words[1..].iter();
    let (mut simulates, mut quiet, mut verb) = (false, false, "");
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-o" => drop(rest.next()),
            "--simulate" | "--dry-run" | "--just-print" => simulates = true,
            "--yes" | "--assume-yes" | "--no-install-recommends" => {}
            flags if flags.starts_with('-') => {
                simulates |= flags.contains('s');
                quiet |= flags.contains("qq") || (flags.contains('q') && flags.contains('s'));
            }
            other if verb.is_empty() => verb = other,
            _ => {}
        }
    }
    let server = shell.machine.server;
    match verb {
        "upgrade" | "dist-upgrade" | "full-upgrade" if simulates => {
            let distribution = if server.system.family == "ubuntu" { "Ubuntu" } else { "Debian" };
            let (version, codename) = (server.system.version, server.system.codename);
            let waiting = waiting(server);
            let mut rows = Vec::new();
            if !quiet {
                rows.extend(["Reading package lists...", "Building dependency tree..."].map(str::to_owned));
                rows.push(format!(
                    "{} upgraded, 0 newly installed, 0 to remove and 0 not upgraded.",
                    waiting.len()
                ));
            }
            for verb in ["Inst", "Conf"] {
                rows.extend(waiting.iter().map(|(name, new, security)| {
                    let from = match (*security, distribution) {
                        (true, "Debian") => format!("Debian-Security:{version}/stable-security"),
                        (true, _) => format!("Ubuntu:{version}/{codename}-security"),
                        (false, "Debian") => format!("Debian:{version}/stable"),
                        (false, _) => format!("Ubuntu:{version}/{codename}-updates"),
                    };
                    let old = if verb == "Inst" { format!(" [{new}-1]") } else { String::new() };
                    format!("{verb} {name}{old} ({new}-2 {from} [amd64])")
                }));
            }
            shell.say(joined(rows));
            Ok(0)
        }
        // Nothing is changed, so nothing can be said but that it went well.
        "update" | "upgrade" | "dist-upgrade" | "install" | "autoremove" | "clean" | "check" | "" => Ok(0),
        other => Err(lost(format!("apt-get {other} is not simulated"))),
    }
}

pub(super) fn apt(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    if !words.iter().any(|word| word == "--upgradable" || word == "--upgradeable") {
        return Err(lost("apt knows only list --upgradable in the simulated guest"));
    }
    let codename = shell.machine.server.system.codename;
    let rows = waiting(shell.machine.server).into_iter().map(|(name, new, security)| {
        let suite = if security { format!("{codename}-security") } else { codename.to_owned() };
        format!("{name}/{suite} {new}-2 amd64 [upgradable from: {new}-1]")
    });
    let rows = std::iter::once("Listing...".to_owned()).chain(rows);
    shell.say(joined(rows));
    Ok(0)
}

/// `dnf` and `yum`.
pub(super) fn dnf(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let verb = words[1..].iter().find(|word| !word.starts_with('-')).map_or("", String::as_str);
    if !matches!(verb, "check-update" | "check-upgrade") {
        return Err(lost(format!("{} {verb} is not simulated", words[0])));
    }
    let only_security = words.iter().any(|word| word == "--security");
    let waiting = waiting(shell.machine.server);
    let rows = waiting.iter().filter(|(.., security)| *security || !only_security);
    let rows: Vec<String> = rows
        .map(|(name, new, _)| {
            format!("{name:<40} {new}-2.el9 {:>20}", "baseos").replacen(
                &format!("{name} "),
                &format!("{name}.x86_64 "),
                1,
            )
        })
        .collect();
    if rows.is_empty() {
        return Ok(0);
    }
    shell.say("\n".to_owned() + &joined(rows));
    Ok(100)
}

pub(super) fn apk(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let verb = words[1..].iter().find(|word| !word.starts_with('-')).map_or("", String::as_str);
    match verb {
        "version" => {
            let rows = waiting(shell.machine.server)
                .into_iter()
                .map(|(name, new, _)| format!("{:<40} < {new}-r1", format!("{name}-{new}-r0")));
            let rows = std::iter::once(format!("{:<42} Available:", "Installed:")).chain(rows);
            shell.say(joined(rows));
            Ok(0)
        }
        "update" | "upgrade" | "" => Ok(0),
        other => Err(lost(format!("apk {other} is not simulated"))),
    }
}

pub(super) fn needs_restarting(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    if !words.iter().any(|word| word == "-r") {
        return Err(lost("needs-restarting knows only -r in the simulated guest"));
    }
    if shell.machine.server.reboot_required {
        shell.say(
            "Core libraries or services have been updated since boot-up:\n  * kernel\n\nReboot is required to fully utilize these updates.\n",
        );
        return Ok(1);
    }
    shell.say(
        "No core libraries or services have been updated since boot-up.\nReboot should not be necessary.\n",
    );
    Ok(0)
}
