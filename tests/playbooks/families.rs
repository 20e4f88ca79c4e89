//! On what the tools of other families say: each playbook reads them as they are documented, and judges them.
//!
//! The outputs, and where they are from, are in `tests/fixtures/tools`.

use std::{
    fs::{self, File},
    panic::Location,
    path::Path,
    thread,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use crate::{
    program::{playbook, report, targets},
    toolbox::{Answer, Says, Toolbox},
};

/// What a tool prints, and its exit code, when its arguments contain a text.
fn file(to: &'static str, name: &'static str, code: u8) -> Answer {
    Answer { to, says: Says::File(name), code }
}

/// The same for what is too short for a file of its own.
fn words(to: &'static str, text: &'static str, code: u8) -> Answer {
    Answer { to, says: Says::Words(text), code }
}

/// A server with some tools that this machine may not have.
struct Server {
    playbook: &'static str,
    tools: Vec<(&'static str, Vec<Answer>)>,
    vars: Vec<String>,
}

fn on(playbook: &'static str) -> Server {
    Server { playbook, tools: Vec::new(), vars: Vec::new() }
}

impl Server {
    fn has(mut self, tool: &'static str, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.tools.push((tool, answers.into_iter().collect()));
        self
    }

    fn var(mut self, var: impl Into<String>) -> Self {
        self.vars.push(var.into());
        self
    }

    /// Runs the playbook with this machine's base tools and with busybox's, and compares the status of the servers and
    /// those of the captures that are named.
    #[track_caller]
    fn says(&self, status: &str, captured: &Value) {
        let case = Location::caller();
        let toolboxes = [Some(Toolbox::of_this_machine()), Toolbox::of_busybox()];
        thread::scope(|scope| {
            for toolbox in toolboxes.into_iter().flatten() {
                scope.spawn(move || self.says_with(&toolbox, status, captured, case));
            }
        });
    }

    fn says_with(&self, toolbox: &Toolbox, status: &str, captured: &Value, case: &Location<'_>) {
        for (tool, answers) in &self.tools {
            toolbox.put(tool, answers);
        }
        let vars: Vec<&str> = self.vars.iter().map(String::as_str).collect();
        let said = report(&playbook(self.playbook), "1,guest=shell", toolbox.path().as_os_str(), &vars);
        for target in targets(&said) {
            assert_eq!(target["status"], status, "{case}: {target:#}");
            for (name, value) in captured.as_object().unwrap() {
                assert_eq!(&target["captured"][name], value, "{case}: {name} of {target:#}");
            }
        }
    }
}

const APT: &str = " -o Debug::NoLocking=1 -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= dist-upgrade ";
const DNF: &str = " -q -C check-update --security ";
const APK: &str = " --no-network version -l < ";

#[test]
fn security_updates_are_counted_by_apt() {
    let debian = [file(APT, "apt-get-dist-upgrade.debian-12.txt", 0)];
    on("security-updates").has("apt-get", debian).says("check_failed", &json!({ "pending": 5 }));
    let ubuntu = [file(APT, "apt-get-dist-upgrade.ubuntu-22.04.txt", 0)];
    on("security-updates").has("apt-get", ubuntu).says("check_failed", &json!({ "pending": 3 }));
    let broken = [words(APT, "E: Unmet dependencies.", 100)];
    on("security-updates").has("apt-get", broken).says("failed", &json!({}));
}

#[test]
fn security_updates_are_counted_by_dnf_and_yum() {
    let some = || [file(DNF, "dnf-check-update.txt", 100)];
    on("security-updates")
        .has("dnf", some())
        .says("check_failed", &json!({ "pending": 4, "lists_days": "-" }));
    on("security-updates").has("dnf", some()).var("max_pending=4").says("ok", &json!({ "pending": 4 }));
    on("security-updates").has("dnf", [words(DNF, "", 0)]).says("ok", &json!({ "pending": 0 }));
    on("security-updates").has("dnf", [words(DNF, "Error: no cache", 1)]).says("failed", &json!({}));
    let el7 = [file(DNF, "yum-check-update.el7.txt", 100)];
    on("security-updates").has("yum", el7).says("check_failed", &json!({ "pending": 5 }));
}

#[test]
fn updates_are_counted_by_apk_and_its_index_has_an_age() {
    let updates = || on("security-updates").has("apk", [file(APK, "apk-version.txt", 0)]);
    updates().says("check_failed", &json!({ "pending": 3 }));
    let none = || on("security-updates").has("apk", [file(APK, "apk-version.none.txt", 0)]);
    none().var("max_lists_age=100y").says("ok", &json!({ "pending": 0 }));
    // An index that was never fetched knows of no update.
    if !Path::new("/var/cache/apk").exists() {
        none().says("check_failed", &json!({ "pending": 0 }));
    }
}

#[test]
fn a_reboot_is_hinted_at_by_the_rhel_familys_tool() {
    if Path::new("/run/reboot-required").exists() {
        return; // This machine says so itself, before any tool is asked.
    }
    let server = |answer| on("pending-reboot").has("needs-restarting", [answer]);
    server(file(" -r ", "needs-restarting.el9.txt", 1))
        .says("check_failed", &json!({ "reboot": "yes", "because": "glibc kernel systemd" }));
    let because = "systemd -> 219-42.el7_4.4 glibc -> 2.17-196.el7_4.2 kernel -> 3.10.0-693.11.1.el7";
    server(file(" -r ", "needs-restarting.el7.txt", 1))
        .says("check_failed", &json!({ "reboot": "yes", "because": because }));
    server(file(" -r ", "needs-restarting.none.txt", 0)).says("ok", &json!({ "reboot": "no" }));
}

#[test]
fn a_newer_kernel_of_the_same_flavour_wants_a_reboot() {
    if Path::new("/run/reboot-required").exists() {
        return;
    }
    // No machine has kernels of this flavour, so the pattern reaches `ls` as it was made.
    let installed = "/lib/modules/6.1.0-9-acme/modules.order\n/lib/modules/6.1.0-18-acme/modules.order";
    let server = |running| {
        on("pending-reboot")
            .has("uname", [words(" -r ", running, 0)])
            .has("ls", [words(" -d /lib/modules/*[0-9]-acme/modules.order ", installed, 0)])
    };
    server("6.1.0-18-acme").says("ok", &json!({ "reboot": "no", "because": "-" }));
    let because = "kernel 6.1.0-18-acme is installed, 6.1.0-9-acme is running";
    server("6.1.0-9-acme").says("check_failed", &json!({ "reboot": "yes", "because": because }));
}

#[test]
fn failed_units_are_named() {
    let systemd = |state, code, units: &'static str| {
        let list = " list-units --state=failed --plain --no-legend --no-pager ";
        on("failed-units").has(
            "systemctl",
            [
                words(" is-system-running ", state, code),
                if units.is_empty() { words(list, "", 0) } else { file(list, units, 0) },
            ],
        )
    };
    let units = "logrotate.service motd-news.service nginx.service";
    systemd("degraded", 1, "systemctl-failed.txt")
        .says("check_failed", &json!({ "failed": 3, "units": units }));
    systemd("degraded", 1, "systemctl-failed.txt")
        .var("ignore=motd-news.service logrotate.service")
        .says("check_failed", &json!({ "failed": 1, "units": "nginx.service" }));
    systemd("running", 0, "").says("ok", &json!({ "failed": 0, "units": "" }));
    let openrc =
        |answer| on("failed-units").has("systemctl", [words(" ", "offline", 1)]).has("rc-status", [answer]);
    openrc(file(" --crashed ", "rc-status-crashed.txt", 0))
        .says("check_failed", &json!({ "failed": 1, "units": "nginx" }));
    openrc(words(" --crashed ", "", 1)).says("ok", &json!({ "failed": 0 }));
}

#[test]
fn clocks_are_judged_by_whoever_keeps_them() {
    let chrony = |name| on("time-sync").has("chronyc", [file(" -n tracking ", name, 0)]);
    let good = json!({ "synchronised": "yes", "source": "chrony", "offset": 0.000_006_523 });
    chrony("chronyc-tracking.txt").says("ok", &good);
    chrony("chronyc-tracking.txt").var("max_offset=0.000001").says("check_failed", &good);
    chrony("chronyc-tracking.unsynchronised.txt")
        .says("check_failed", &json!({ "synchronised": "no", "source": "chrony" }));
    let silent = || on("time-sync").has("chronyc", [words(" ", "506 Cannot talk to daemon", 1)]);
    for (synchronised, status) in [("yes", "ok"), ("no", "check_failed")] {
        silent()
            .has("timedatectl", [words(" show -p NTPSynchronized --value ", synchronised, 0)])
            .says(status, &json!({ "synchronised": synchronised, "source": "timedatectl", "offset": "-" }));
    }
    for (name, synchronised, status) in
        [("adjtimex.busybox.synchronised.txt", "yes", "ok"), ("adjtimex.busybox.txt", "no", "check_failed")]
    {
        silent()
            .has("adjtimex", [file(" ", name, 0)])
            .says(status, &json!({ "synchronised": synchronised, "source": "adjtimex" }));
    }
}

#[test]
fn open_ports_are_compared_with_the_allowed_ones() {
    let ss = || on("listening-ports").has("ss", [file(" -tuln ", "ss.txt", 0)]);
    let open = "22/tcp 53/tcp 53/udp 68/udp 443/tcp 546/udp 3306/tcp";
    ss().says("check_failed", &json!({ "unexpected": "53/tcp 53/udp 3306/tcp", "open": open }));
    ss().var(format!("allowed={open}")).says("ok", &json!({ "unexpected": "", "open": open }));
    on("listening-ports")
        .has("netstat", [file(" -tuln ", "netstat.busybox.txt", 0)])
        .says("check_failed", &json!({ "unexpected": "6379/tcp", "open": "22/tcp 68/udp 6379/tcp" }));
}

#[test]
fn sshd_is_judged_by_its_effective_configuration() {
    let ask = " -T -C user=root,host=client.example,addr=203.0.113.1 ";
    let shipped = json!({ "root_login": "without-password", "passwords": "yes", "keyboard": "no" });
    on("sshd-hardening").has("sshd", [file(ask, "sshd-T.debian-12.txt", 0)]).says("check_failed", &shipped);
    let hardened = "permitrootlogin prohibit-password\npasswordauthentication no\n\
        kbdinteractiveauthentication no\npermitemptypasswords no\nmaxauthtries 3";
    let server = || on("sshd-hardening").has("sshd", [words(ask, hardened, 0)]);
    server().says("ok", &json!({ "root_login": "prohibit-password" }));
    server().var("root_login=no").says("check_failed", &json!({}));
    server().var("max_auth_tries=2").says("check_failed", &json!({}));
    // OpenSSH before 8.7, in which PAM may still ask for a password.
    let old = "permitrootlogin no\npasswordauthentication no\nchallengeresponseauthentication yes\n\
        permitemptypasswords no\nmaxauthtries 3";
    on("sshd-hardening")
        .has("sshd", [words(ask, old, 0)])
        .says("check_failed", &json!({ "passwords": "no", "keyboard": "yes" }));
}

#[test]
fn containers_in_trouble_are_named() {
    let ask = " ps --all --format {{.Names}} {{.Status}} ";
    let docker = || on("containers").has("docker", [file(ask, "docker-ps.txt", 0)]);
    let all = json!({ "troubled": 4, "names": "api worker old ci-runner", "up": 4, "all": 8 });
    docker().says("check_failed", &all);
    docker().var("ignore=^(ci-|old$)").says("check_failed", &json!({ "names": "api worker", "all": 6 }));
    on("containers")
        .has("podman", [file(ask, "podman-ps.txt", 0)])
        .says("check_failed", &json!({ "troubled": 1, "names": "api", "up": 3, "all": 5 }));
    on("containers").has("podman", [words(ask, "", 0)]).says("ok", &json!({ "troubled": 0, "all": 0 }));
    on("containers").has("docker", [words(ask, "no daemon", 1)]).says("failed", &json!({}));
}

#[test]
fn the_fullest_file_system_counts() {
    let df = || [file(" -Pi ", "df-inodes.coreutils.txt", 0), file(" -P ", "df.coreutils.txt", 0)];
    let fullest = json!({ "space": 97, "mount": "/srv", "inodes": 9, "inodes_mount": "/" });
    on("disk-pressure").has("df", df()).says("check_failed", &fullest);
    on("disk-pressure").has("df", df()).var("max_space=98").says("ok", &fullest);
    on("disk-pressure")
        .has("df", df())
        .var("max_space=98")
        .var("max_inodes=9")
        .says("check_failed", &fullest);
}

#[test]
fn the_last_victim_of_the_oom_killer_is_named() {
    on("memory")
        .has("dmesg", [file(" ", "dmesg-oom.txt", 0)])
        .has(
            "grep",
            [
                words(
                    " /proc/meminfo ",
                    "MemTotal: 4000 kB\nMemAvailable: 1000 kB\nSwapTotal: 4096 kB\nSwapFree: 0 kB",
                    0,
                ),
                words(" /proc/vmstat ", "oom_kill 2", 0),
            ],
        )
        .says(
            "check_failed",
            &json!({ "available": 25, "swap_mb": 4, "oom_kills": 2, "victim": "php-fpm8.2" }),
        );
}

#[test]
fn the_journals_size_is_read_in_old_and_new_words() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("syslog"), vec![b'x'; 100_000]).unwrap();
    let path = format!("path={}", directory.path().display());
    let server =
        |name| on("log-volume").has("journalctl", [file(" --disk-usage ", name, 0)]).var(path.clone());
    let largest = directory.path().join("syslog");
    server("journalctl-disk-usage.txt").says("ok", &json!({ "journal_mb": 1228, "largest": largest }));
    server("journalctl-disk-usage.el7.txt").says("ok", &json!({ "journal_mb": 4096 }));
    server("journalctl-disk-usage.txt").var("max_journal=1G").says("check_failed", &json!({}));
}

#[test]
fn accounts_are_named_and_hashes_are_not() {
    let etc = tempfile::tempdir().unwrap();
    let write = |name, text| fs::write(etc.path().join(name), text).unwrap();
    write("passwd", "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nguest:x:1000:1000::/:/bin/sh\n");
    write("shadow", "root:$6$salt$secret:1:0:99999:7:::\ntoor:!:1::::::\nguest::1:0:99999:7:::\n");
    let server = || on("accounts").var(format!("etc={}", etc.path().display()));
    server().says("check_failed", &json!({ "second_roots": "toor", "no_password": "guest" }));
    write("shadow", "root:$6$salt$secret:1:0:99999:7:::\ntoor:!:1::::::\nguest:*:1:0:99999:7:::\n");
    server().says("check_failed", &json!({ "second_roots": "toor", "no_password": "" }));
    server().var("root_accounts=root toor").says("ok", &json!({ "second_roots": "", "no_password": "" }));
    let toolbox = Toolbox::of_this_machine();
    let etc = format!("etc={}", etc.path().display());
    let said = report(&playbook("accounts"), "1,guest=shell", toolbox.path().as_os_str(), &[&etc]);
    assert!(!said.to_string().contains("$6$"), "{said:#}");
}

#[test]
fn days_to_a_certificates_end_are_counted_over_leap_days() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a.pem", "b.pem", "key.pem"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let ends = |a, b| {
        on("tls-expiry")
            .has(
                "openssl",
                [
                    words("a.pem ", a, 0),
                    words("b.pem ", b, 0),
                    words("key.pem ", "Could not read certificate", 1),
                ],
            )
            .var(format!("files={}/*.pem", directory.path().display()))
    };
    // Days since 1970, by GNU date.
    for (end, days) in [
        ("notAfter=Jan  1 00:00:00 2031 GMT", 22_280),
        ("notAfter=Feb 29 23:59:59 2032 GMT", 22_704),
        ("notAfter=Mar  1 00:00:00 2032 GMT", 22_705),
        ("notAfter=Dec 31 12:00:00 2099 GMT", 47_481),
        ("notAfter=Mar  1 12:00:00 2100 GMT", 47_541),
    ] {
        let left = days - today();
        let certificate = directory.path().join("b.pem");
        ends("notAfter=Dec 31 23:59:59 2199 GMT", end)
            .says("ok", &json!({ "days_left": left, "certificate": certificate, "certificates": 2 }));
    }
    let past = ends("notAfter=Mar  1 00:00:00 2024 GMT", "notAfter=Dec 31 23:59:59 2199 GMT");
    past.says("check_failed", &json!({ "days_left": 19_783 - today() }));
    ends("notAfter=Jan  1 00:00:00 2031 GMT", "notAfter=Jan  1 00:00:00 2031 GMT")
        .var("min_days=36500")
        .says("check_failed", &json!({ "certificates": 2 }));
}

/// Days since 1970.
#[expect(clippy::disallowed_methods, reason = "the playbook counts from the day of this machine's clock")]
fn today() -> i64 {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(seconds / 86_400).unwrap()
}

#[test]
fn the_newest_backup_counts() {
    let directory = tempfile::tempdir().unwrap();
    let server = || on("backup-freshness").var(format!("path={}", directory.path().display()));
    server().says("check_failed", &json!({ "newest": "none", "age_hours": "-", "size_mb": "-" }));
    let old = directory.path().join("two days ago.sql.gz");
    fs::write(&old, vec![b'x'; 3 << 20]).unwrap();
    age(&old, Duration::from_mins(48 * 60 + 1));
    server().says("check_failed", &json!({ "newest": old, "age_hours": 48.0, "size_mb": 3.0 }));
    server().var("max_age=3d").says("ok", &json!({ "newest": old }));
    server().var("max_age=3d").var("files=*.tar").says("check_failed", &json!({ "newest": "none" }));
    let new = directory.path().join("now.tar");
    fs::write(&new, "x").unwrap();
    server().says("ok", &json!({ "newest": new, "age_hours": 0.0 }));
    server().var("min_size=1k").says("check_failed", &json!({ "newest": new }));
}

/// Makes a file older.
#[expect(clippy::disallowed_methods, reason = "files have times of this machine's clock")]
fn age(file: &Path, by: Duration) {
    File::options().write(true).open(file).unwrap().set_modified(SystemTime::now() - by).unwrap();
}

#[test]
fn names_and_pages_are_looked_up_with_what_there_is() {
    let server = || on("reachability").var("host=db.example").var("url=https://db.example/");
    let getent = |code| ("getent", [words(" hosts db.example ", "192.0.2.1 db.example", code)]);
    let curl = |code| ("curl", [words(" -fsS -m 15 -o /dev/null https://db.example/ ", "", code)]);
    let both = |dns, page| {
        let ((getent, hosts), (curl, pages)) = (getent(dns), curl(page));
        server()
            .has(getent, hosts)
            .has(curl, pages)
            .has("nslookup", [words(" db.example ", "** server can't find db.example: NXDOMAIN", 1)])
    };
    both(0, 0).says("ok", &json!({ "dns": "ok", "outbound": "ok" }));
    both(2, 0).says("check_failed", &json!({ "dns": "failed", "outbound": "ok" }));
    both(0, 28).says("check_failed", &json!({ "dns": "ok", "outbound": "failed" }));
    server()
        .has("getent", [words(" ", "", 127)])
        .has("nslookup", [words(" db.example ", "Address: 192.0.2.1", 0)])
        .has("wget", [words(" -q -O /dev/null https://db.example/ ", "", 0)])
        .says("ok", &json!({ "dns": "ok", "outbound": "ok" }));
}
