//! Programs about what runs: `systemctl`, `journalctl`, `rc-status`, `sshd -T`, clocks, containers, certificates.

use super::options::joined;
use crate::sandbox::{
    fleet::Server,
    guest::simulated::{
        facts::{self, Family},
        machine::{Stop, lost},
        sh::Shell,
    },
};

fn words_of(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// The units that run.
fn units(server: &Server) -> Vec<String> {
    let mut units =
        vec!["cron", "ssh", "sshd", "qemu-guest-agent", "systemd-journald", "systemd-udevd", "dbus"];
    units.push(if facts::family(server) == Family::RedHat { "chronyd" } else { "systemd-timesyncd" });
    if facts::has_docker(server) {
        units.extend(["docker", "containerd"]);
    }
    let mut units: Vec<String> = units.into_iter().map(str::to_owned).collect();
    units.extend(facts::listeners(server).iter().map(|listener| match listener.program {
        "postgres" => "postgresql".to_owned(),
        "systemd-resolve" => "systemd-resolved".to_owned(),
        program => program.to_owned(),
    }));
    units
}

pub(super) fn systemctl(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let server = shell.machine.server;
    let (flags, rest): (Vec<&str>, Vec<&str>) =
        words_of(&words[1..]).into_iter().partition(|word| word.starts_with('-'));
    let failed = facts::failed_units(server);
    let quiet = flags.iter().any(|flag| matches!(*flag, "-q" | "--quiet"));
    let state = |unit: &str| {
        let name = unit.trim_end_matches(".service");
        if failed.iter().any(|(failed, _)| failed.trim_end_matches(".service") == name) {
            "failed"
        } else if units(server).iter().any(|known| known == name) {
            "active"
        } else {
            "inactive"
        }
    };
    match rest.split_first() {
        Some((&"is-system-running", _)) => {
            let word = if failed.is_empty() { "running" } else { "degraded" };
            if !quiet {
                shell.say(format!("{word}\n"));
            }
            Ok(i32::from(!failed.is_empty()))
        }
        Some((verb @ (&"is-active" | &"is-failed" | &"is-enabled"), names)) => {
            let mut status = if *verb == "is-failed" { 1 } else { 3 };
            for name in names {
                let state = match (*verb, state(name)) {
                    ("is-enabled", "active") => "enabled",
                    ("is-enabled", _) => "disabled",
                    (_, state) => state,
                };
                let good = if *verb == "is-failed" {
                    state == "failed"
                } else {
                    matches!(state, "active" | "enabled")
                };
                if good {
                    status = 0;
                }
                if !quiet {
                    shell.say(format!("{state}\n"));
                }
            }
            Ok(if *verb == "is-enabled" && status != 0 { 1 } else { status })
        }
        None | Some((&"list-units", _)) => {
            let only_failed = flags.iter().any(|flag| matches!(*flag, "--failed" | "--state=failed"));
            let plain = flags.iter().any(|flag| matches!(*flag, "--plain"));
            let bare = flags.iter().any(|flag| matches!(*flag, "--no-legend" | "--legend=no"));
            let mut rows: Vec<String> =
                failed.iter().map(|(unit, text)| format!("{unit} loaded failed failed {text}")).collect();
            if !only_failed {
                rows.extend(
                    units(server).iter().map(|unit| format!("{unit}.service loaded active running {unit}")),
                );
            }
            let count = rows.len();
            if !plain {
                let mark = |row: &String| format!("{} {row}", if row.contains("failed") { "*" } else { " " });
                rows = rows.iter().map(mark).collect();
            }
            if !bare {
                rows.insert(0, "  UNIT LOAD ACTIVE SUB DESCRIPTION".to_owned());
                rows.extend([String::new(), format!("{count} loaded units listed.")]);
            }
            shell.say(joined(rows));
            Ok(0)
        }
        Some((&"show", names)) => show(shell, words, names.last().map(|unit| state(unit)), &rest),
        Some((
            &("start" | "stop" | "restart" | "reload" | "enable" | "disable" | "daemon-reload"
            | "reset-failed" | "try-restart" | "reload-or-restart"),
            _,
        )) => Ok(0),
        Some((verb, _)) => Err(lost(format!("systemctl {verb} is not simulated"))),
    }
}

fn show(shell: &mut Shell, words: &[String], state: Option<&str>, rest: &[&str]) -> Result<i32, Stop> {
    let mut properties = Vec::new();
    for (place, flag) in words.iter().enumerate() {
        let list = if flag == "-p" {
            words.get(place + 1).map(String::as_str)
        } else {
            flag.strip_prefix("--property=").or(flag.strip_prefix("-p"))
        };
        properties.extend(list.into_iter().flat_map(|list| list.split(',').map(str::to_owned)));
    }
    let bare = words.iter().any(|word| word == "--value");
    let state = if rest.len() > 1 { state.unwrap_or("inactive") } else { "active" };
    for property in properties {
        let value = match property.as_str() {
            "ActiveState" => state.to_owned(),
            "SubState" => if state == "active" {
                "running"
            } else if state == "failed" {
                "failed"
            } else {
                "dead"
            }
            .to_owned(),
            "LoadState" => if state == "inactive" { "not-found" } else { "loaded" }.to_owned(),
            "UnitFileState" => if state == "inactive" { "" } else { "enabled" }.to_owned(),
            "NRestarts" => "0".to_owned(),
            "NFailedUnits" => facts::failed_units(shell.machine.server).len().to_string(),
            "Version" => "252".to_owned(),
            other => return Err(lost(format!("systemctl show -p {other} is not simulated"))),
        };
        shell.say(if bare { format!("{value}\n") } else { format!("{property}={value}\n") });
    }
    Ok(0)
}

pub(super) fn rc_status(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    match words_of(&words[1..]).as_slice() {
        // It fails when there is nothing to say.
        ["--crashed"] => {
            let crashed = shell.machine.server.draw("units").below(15) == 0;
            if crashed {
                shell.say(" nginx\n");
            }
            Ok(i32::from(!crashed))
        }
        _ => Err(lost("this use of rc-status is not simulated")),
    }
}

pub(super) fn journalctl(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    if !words.iter().any(|word| word == "--disk-usage") {
        return Err(lost("journalctl knows only --disk-usage in the simulated guest"));
    }
    let megabytes = (1 + shell.machine.server.draw("journal").below(48)) << 3;
    shell.say(format!("Archived and active journals take up {megabytes}.0M in the file system.\n"));
    Ok(0)
}

pub(super) fn sshd(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    if !words.iter().any(|word| word == "-T") {
        return if words.iter().any(|word| word == "-t") {
            Ok(0)
        } else {
            Err(lost("sshd knows only -T and -t in the simulated guest"))
        };
    }
    let server = shell.machine.server;
    let facts::Sshd { port, root_login, passwords } = facts::sshd(server);
    let keyboard = if facts::family(server) == Family::RedHat { passwords } else { "no" };
    shell.say(format!(
        "port {port}\naddressfamily any\nlogingracetime 120\nmaxauthtries 6\nmaxsessions 10\npermitrootlogin {root_login}\n\
         pubkeyauthentication yes\npasswordauthentication {passwords}\nkbdinteractiveauthentication {keyboard}\n\
         x11forwarding no\npermitemptypasswords no\nallowtcpforwarding yes\nloglevel INFO\nusepam yes\n"
    ));
    Ok(0)
}

pub(super) fn timedatectl(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let (_, held) = facts::clock_offset(shell.machine.server);
    let yes = if held { "yes" } else { "no" };
    let bare = words.iter().any(|word| word == "--value");
    match words_of(&words[1..]).as_slice() {
        [] | ["status"] => {
            let now = shell.machine.wall().strftime("%a %Y-%m-%d %H:%M:%S UTC").to_string();
            shell.say(format!(
                "               Local time: {now}\n           Universal time: {now}\n                Time zone: Etc/UTC (UTC, +0000)\nSystem clock synchronized: {yes}\n              NTP service: active\n          RTC in local TZ: no\n"
            ));
            Ok(0)
        }
        ["show", rest @ ..] => {
            let all = [
                ("Timezone", "Etc/UTC"),
                ("LocalRTC", "no"),
                ("CanNTP", "yes"),
                ("NTP", "yes"),
                ("NTPSynchronized", yes),
            ];
            let wanted: Vec<&str> = rest
                .iter()
                .flat_map(|word| word.trim_start_matches("--property=").trim_start_matches("-p").split(','))
                .filter(|word| !word.is_empty() && !word.starts_with("--"))
                .collect();
            if let Some(other) = wanted.iter().find(|name| !all.iter().any(|(known, _)| known == *name)) {
                return Err(lost(format!("timedatectl show -p {other} is not simulated")));
            }
            for (name, value) in all.iter().filter(|(name, _)| wanted.is_empty() || wanted.contains(name)) {
                shell.say(if bare { format!("{value}\n") } else { format!("{name}={value}\n") });
            }
            Ok(0)
        }
        _ => Err(lost("this use of timedatectl is not simulated")),
    }
}

pub(super) fn chronyc(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    if words.last().is_none_or(|word| word != "tracking") {
        return Err(lost("chronyc knows only tracking in the simulated guest"));
    }
    let (offset, held) = facts::clock_offset(shell.machine.server);
    let leap = if held { "Normal" } else { "Not synchronised" };
    let side = if offset < 0 { "slow" } else { "fast" };
    let microseconds = offset.unsigned_abs();
    shell.say(format!(
        "Reference ID    : C0000201 (192.0.2.1)\nStratum         : 3\nSystem time     : 0.{microseconds:06}000 seconds {side} of NTP time\nLast offset     : +0.000012345 seconds\nLeap status     : {leap}\n"
    ));
    Ok(0)
}

/// busybox's `adjtimex`.
pub(super) fn adjtimex(shell: &mut Shell, _: &[String]) -> Result<i32, Stop> {
    let (offset, held) = facts::clock_offset(shell.machine.server);
    let status = if held { "8193 (PLL | NANO)" } else { "64 (UNSYNC)" };
    shell.say(format!("    mode:         0\n-o  offset:       {offset} us\n    status:       {status}\n"));
    Ok(0)
}

pub(super) fn docker(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    let draw = shell.machine.server.draw("containers");
    let containers: Vec<(&str, &str, String)> = ["api", "worker", "redis", "proxy"]
        .into_iter()
        .zip(0_u64..)
        .filter(|(_, number)| draw.at(*number).below(3) != 0)
        .map(|(name, number)| {
            let days = draw.at(number + 10).between(2, 60);
            let (state, status) = match draw.at(number + 20).below(14) {
                0 => ("exited", "Exited (137) 3 days ago".to_owned()),
                1 => ("running", format!("Up {days} days (unhealthy)")),
                _ => ("running", format!("Up {days} days")),
            };
            (name, state, status)
        })
        .collect();
    let all = words.iter().any(|word| matches!(word.as_str(), "-a" | "--all"));
    let shown = containers.iter().filter(|(_, state, _)| all || *state == "running");
    match words_of(&words[1..]).as_slice() {
        ["ps", rest @ ..] => {
            let mut format = None;
            let mut rest = rest.iter();
            while let Some(word) = rest.next() {
                match *word {
                    "-a" | "--all" => {}
                    "--format" => format = rest.next().copied(),
                    "-q" => format = Some("{{.ID}}"),
                    word => match word.strip_prefix("--format=") {
                        Some(given) => format = Some(given),
                        None => return Err(lost(format!("docker ps {word} is not simulated"))),
                    },
                }
            }
            let Some(format) = format else {
                return Err(lost("docker ps without --format is not simulated"));
            };
            let rows: Vec<String> = shown
                .map(|(name, state, status)| {
                    let id = facts::hexadecimal(draw.named(name))[..12].to_owned();
                    let image = format!("example/{name}:latest");
                    let parts = [
                        ("Names", *name),
                        ("Status", status),
                        ("State", state),
                        ("Image", &image),
                        ("ID", &id),
                    ];
                    parts.iter().fold(format.to_owned(), |text, (field, value)| {
                        text.replace(&format!("{{{{.{field}}}}}"), value)
                            .replace(&format!("{{{{ .{field} }}}}"), value)
                    })
                })
                .collect();
            if rows.iter().any(|row| row.contains("{{")) {
                return Err(lost("this format of docker ps is not simulated"));
            }
            shell.say(joined(rows));
            Ok(0)
        }
        ["--version"] => {
            shell.say("Docker version 27.5.1, build 9f9e405\n");
            Ok(0)
        }
        _ => Err(lost("docker knows only ps in the simulated guest")),
    }
}

pub(super) fn openssl(shell: &mut Shell, words: &[String]) -> Result<i32, Stop> {
    if words.get(1).is_some_and(|word| word == "version") {
        shell.say("OpenSSL 3.0.17 1 Jul 2025\n");
        return Ok(0);
    }
    if words.get(1).is_none_or(|word| word != "x509") {
        return Err(lost("openssl knows only x509 in the simulated guest"));
    }
    let (mut file, mut wanted) = ("-".to_owned(), Vec::new());
    let mut rest = words[2..].iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-noout" => {}
            "-in" => file = rest.next().cloned().unwrap_or_default(),
            "-checkend" => wanted.push(format!("check {}", rest.next().map_or("0", String::as_str))),
            "-enddate" | "-startdate" | "-subject" | "-dates" => wanted.push(word.clone()),
            word => return Err(lost(format!("openssl x509 {word} is not simulated"))),
        }
    }
    let text = shell.input_of(&file)?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let facts = text.as_deref().ok().and_then(|text| text.lines().nth(1)?.split_once(':'));
    let Some((end, name)) = facts.and_then(|(end, name)| Some((end.parse::<i64>().ok()?, name))) else {
        shell.complain(&format!("Could not find certificate from {file}\n"));
        return Ok(1);
    };
    let date = |seconds| super::paths::time(seconds, "%b %e %H:%M:%S %Y GMT");
    let (mut out, mut status) = (String::new(), 0);
    for wanted in wanted {
        match wanted.as_str() {
            "-enddate" => out += &format!("notAfter={}\n", date(end)),
            "-startdate" => out += &format!("notBefore={}\n", date(end - 90 * 86_400)),
            "-dates" => out += &format!("notBefore={}\nnotAfter={}\n", date(end - 90 * 86_400), date(end)),
            "-subject" => out += &format!("subject=CN = {name}\n"),
            check => {
                let seconds: i64 = check.trim_start_matches("check ").parse().unwrap_or(0);
                let ends = end < shell.machine.wall().as_second() + seconds;
                out += if ends { "Certificate will expire\n" } else { "Certificate will not expire\n" };
                status = i32::from(ends);
            }
        }
    }
    shell.say(out);
    Ok(status)
}
