//! The key is nowhere but in its header: not in anything that use, with every kind of trouble, leaves behind.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output},
};

use crate::{
    hostile::base64,
    remembered::files,
    sandbox::{STATE_HOME, Sandbox, finish, rollcall},
};

/// A key that reads differently in each encoding.
fn random_key() -> String {
    format!("hk+{}/{}==~%", ulid::Ulid::generate(), ulid::Ulid::generate())
}

/// Every way in which the key could be written: as it is, percent-encoded, and in base64 at each of its alignments.
fn forms(key: &str) -> Vec<String> {
    let mut forms = percent_encoded(key);
    forms.push(key.to_owned());
    for skipped in 0..3 {
        let bytes = &key.as_bytes()[skipped..];
        let encoded = base64(&bytes[..bytes.len() / 3 * 3]);
        forms.push(encoded.replace('+', "-").replace('/', "_"));
        forms.push(encoded);
    }
    forms
}

fn percent_encoded(key: &str) -> Vec<String> {
    let percent = |upper: bool, keeps: fn(char) -> bool| -> String {
        let encode = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        key.chars().map(|c| if keeps(c) { c.to_string() } else { encode(c as u8) }).collect()
    };
    let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    vec![
        percent(true, unreserved),
        percent(false, unreserved),
        percent(true, |c| c.is_ascii_alphanumeric()),
        percent(true, |c| c != '%'),
    ]
}

/// An API that says the key back in every place that there is, and fails in every way.
fn echoes(key: &str) -> String {
    let mut told = percent_encoded(key);
    told.extend([key.to_owned(), format!("Bearer {key}")]);
    for before in ["", "x", "xy", "Bearer "] {
        // Filled up, so that all of it is in whole groups.
        let text = format!("{before}{key}\n\n");
        let encoded = base64(&text.as_bytes()[..text.len() / 3 * 3]);
        told.extend([encoded.replace('+', "-").replace('/', "_"), encoded]);
    }
    let told = told.join(" and ");
    let problem = |status: u16| {
        let body = serde_json::json!({ "title": told, "detail": told, "code": told, "status": status, "requestId": told });
        format!("reply {status} {body}")
    };
    let exited = serde_json::json!({ "exited": true, "exitCode": 0, "stdout": told, "stderr": told });
    let started = serde_json::json!({ "pid": told, "pollUrl": format!("/api/{told}"), "note": told });
    let rules = serde_json::json!([
        { "on": "start", "nth": 2, "fault": problem(400) },
        { "on": "start", "nth": 3, "fault": problem(500) },
        { "on": "start", "nth": 4, "fault": format!("reply 200 {started}") },
        { "on": "start", "nth": 5, "fault": format!("reply 200 {told}") },
        { "on": "start", "nth": 6, "fault": format!("redirect http://127.0.0.1:9/?key={key}") },
        { "on": "probe", "nth": 7, "fault": problem(404) },
        { "on": "probe", "nth": 8, "fault": problem(503) },
        { "on": "poll", "nth": [2, 4], "fault": format!("reply 200 {exited}") },
        { "on": "poll", "nth": 3, "fault": problem(410) },
        { "on": "any", "fault": "delay 1ms", "headers": {
            "X-Request-Id": key, "X-Echo": key, "Set-Cookie": key, "X-RateLimit-Bucket": key } },
    ]);
    rules.to_string()
}

/// What was done: its sandbox, where its key is, and all that it left.
struct Use {
    sandbox: Sandbox,
    key: String,
    key_file: PathBuf,
    left: tempfile::TempDir,
    streams: Vec<(String, Vec<u8>)>,
}

impl Use {
    fn command(&self, command: &str) -> Command {
        let mut rollcall = rollcall();
        rollcall.args([command, "-vvv"]).env("RUST_LOG", "trace").env(STATE_HOME, self.left.path());
        rollcall.env("TMPDIR", self.left.path());
        rollcall
    }

    /// One that talks to the API.
    fn calling(&self, command: &str) -> Command {
        let mut rollcall = self.command(command);
        rollcall.args(["--api-url", &self.sandbox.url, "--api-key-file"]).arg(&self.key_file);
        rollcall
    }

    fn keep(&mut self, what: &str, mut command: Command) -> Output {
        let output = finish(&mut command);
        self.streams.push((format!("stdout of {what}"), output.stdout.clone()));
        self.streams.push((format!("stderr of {what}"), output.stderr.clone()));
        output
    }

    /// The key is in none of it.
    fn search(&self) {
        let stored = files(self.left.path())
            .into_iter()
            .map(|path| (path.display().to_string(), fs::read(path).unwrap()));
        let all: Vec<_> = self.streams.iter().cloned().chain(stored).collect();
        assert!(all.iter().any(|(what, _)| what.ends_with("rollcall.db")), "no store was searched");
        for (what, bytes) in all {
            // What is no text stays apart: no form of the key has anything but ASCII in it.
            let text = String::from_utf8_lossy(&bytes);
            for form in forms(&self.key) {
                let around = text.split_once(form.as_str()).map(|(before, _)| before.lines().last());
                assert_eq!(around, None, "{form} is in {what}");
            }
        }
    }
}

#[test]
fn c10_g7_the_key_is_in_nothing_that_use_leaves_behind() {
    let key = random_key();
    let place = tempfile::tempdir().unwrap();
    let key_file = place.path().join("key");
    fs::write(&key_file, &key).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    let flags = ["--vms", "12", "--duration", "10ms", "--gone-pid", "404", "--api-key-file"];
    let sandbox = Sandbox::with_faults(&[&flags[..], &[key_file.to_str().unwrap()]].concat(), &echoes(&key));
    let playbook = sandbox.file("playbook.yaml", "name: secret\nrun: uname; exit 3\n");
    let left = tempfile::tempdir().unwrap();
    let mut used = Use { sandbox, key: key.clone(), key_file, left, streams: Vec::new() };

    for format in ["json", "table", "text"] {
        let mut run = used.calling("run");
        for report in ["json", "table", "text"] {
            let path = used.left.path().join(format!("{format}-{report}"));
            run.arg("--report").arg(format!("{report}={}", path.display()));
        }
        run.args(["-o", format, "--all", "--log-format", if format == "json" { "json" } else { "text" }])
            .arg(&playbook);
        let output = used.keep(&format!("run as {format}"), run);
        assert!(!output.stderr.is_empty() && !output.stdout.is_empty());
        for command in ["show", "resume"] {
            let mut again = used.command(command);
            again.args(["last", "-o", format]);
            if command == "resume" {
                again.arg("--api-key-file").arg(&used.key_file);
            }
            used.keep(&format!("{command} as {format}"), again);
        }
    }
    if cfg!(debug_assertions) {
        let mut killed = used.calling("run");
        killed.arg(&playbook).env("ROLLCALL_FAILPOINT", "after_pid:3");
        assert_eq!(used.keep("a killed run", killed).status.code(), None);
        used.search();
        let mut resume = used.command("resume");
        resume.args(["last", "--api-key-file"]).arg(&used.key_file);
        used.keep("its resumption", resume);
    }
    let mut defect = used.calling("run");
    defect.arg(&playbook).env("ROLLCALL_FAILPOINT", "panic_in_call:1");
    used.keep("a defect", defect);
    for command in ["plan", "targets", "exec"] {
        let mut other = used.calling(command);
        match command {
            "plan" => other.arg(&playbook),
            "exec" => other.args(["--no-store", "--", "uname"]),
            _ => &mut other,
        };
        used.keep(command, other);
    }
    // The key from the environment, with arguments that are wrong, and at an API that does not know it.
    let elsewhere = Sandbox::start(&["--vms", "1"]);
    let url = elsewhere.url.clone();
    for arguments in [&["run", "--help"][..], &["run", "--nonsense"], &["targets", "--api-url", &url]] {
        let mut wrong = used.command(arguments[0]);
        wrong.args(&arguments[1..]).env("HOSTUP_API_KEY", &key);
        used.keep(&format!("{arguments:?}"), wrong);
    }
    used.keep("limits", used.command("limits"));
    used.search();
}

#[test]
fn a_key_that_is_somewhere_would_be_found() {
    let key = random_key();
    let found = |text: &str| forms(&key).iter().any(|form| text.contains(form.as_str()));
    assert!(found(&format!("a {key} b")) && !found("nothing"));
    for prefix in ["", "x", "xy"] {
        let mut text = format!("{prefix}{key}").into_bytes();
        text.truncate(text.len() / 3 * 3);
        assert!(found(&base64(&text)), "{prefix}");
    }
}
