//! Every place where text of others is shown, in every format: whatever a server says, a terminal gets only characters
//! that are drawn, and no line of its own.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    sandbox::{STATE_HOME, exit_code, finish, rollcall, send},
    scripted::{self, Request, serve_bytes, whole},
    waiting::until,
};

/// Begins a line where a newline of others got through.
const FORGED: &str = "FORGED";

/// Moves the cursor, sets the clipboard and the title, reorders, hides, and begins a line that looks like another's.
const HOSTILE: &str = "x\u{1b}[2J\u{1b}]52;c;aGk=\u{7}\u{1b}]0;t\u{1b}\\\u{1b}P+q\u{1b}\\\u{9b}31m\u{90}q\u{9c}\u{85}\
    \u{0}\u{8}\u{b}\u{c}\u{e}\u{7f}\r\u{ad}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\
    \u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2060}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{fff9}\u{e0041}\n\
    FORGED: 5 targets: 5 ok\r\nFORGED";

/// Whether a terminal would obey it, or not show it.
fn acts(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t'))
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(character, '\u{e0000}'..='\u{e007f}')
}

fn assert_inert(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    if let Some((at, found)) = text.char_indices().find(|&(_, character)| acts(character)) {
        let before =
            text[..at].chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect::<String>();
        panic!("{what}: {found:?} after {before:?}");
    }
    let forged = text.lines().find(|line| line.trim_start().starts_with(FORGED));
    assert_eq!(forged, None, "{what}: {text}");
}

fn vps(number: usize) -> Value {
    json!({
        "id": format!("vps_{number}"), "name": format!("{number}{HOSTILE}"), "primaryIp": HOSTILE, "region": HOSTILE,
        "serviceStatus": "active", "powerState": "running", "tags": [HOSTILE, "plain"],
        "operatingSystem": { "family": HOSTILE, "name": HOSTILE }, HOSTILE: { HOSTILE: [HOSTILE, 1] },
    })
}

fn problem(status: u16) -> Vec<u8> {
    let body = json!({
        "type": HOSTILE, "title": HOSTILE, "detail": HOSTILE, "code": HOSTILE, "status": status, "instance": HOSTILE,
        "requestId": HOSTILE, "errors": [{ "pointer": HOSTILE, "detail": HOSTILE, "code": HOSTILE }],
    });
    whole(status, "Content-Type: application/problem+json\r\n", &body.to_string())
}

fn reply(body: &Value) -> Vec<u8> {
    whole(200, "Content-Type: application/json\r\n", &body.to_string())
}

/// An API that says hostile things wherever it can, each server in its own way; a command of the last never ends.
fn answer(request: &Request) -> Vec<u8> {
    let line = request.line.as_str();
    if line.starts_with("GET /api/v2/vps?") {
        let mut nowhere = vps(0);
        nowhere["id"] = json!(HOSTILE);
        // The first page's cursor is hostile, and what comes with it is asked for with it.
        return if line.contains("cursor=") {
            reply(&json!({ "data": (1..=10).map(vps).collect::<Vec<_>>(), "nextCursor": null }))
        } else {
            reply(&json!({ "data": [nowhere, "no VPS"], "nextCursor": HOSTILE }))
        };
    }
    let is_to = |number: usize| line.contains(&format!("/vps_{number}/"));
    match line.split_once(' ').unwrap() {
        ("GET", path) if !path.contains("pid=") => match () {
            () if is_to(1) => reply(&json!({ "available": false, "vmRunning": true, "reason": HOSTILE })),
            () if is_to(2) => problem(403),
            () => reply(&json!({ "available": true })),
        },
        ("POST", _) => match () {
            () if is_to(3) => problem(400),
            () if is_to(4) => problem(503),
            () if is_to(5) => reply(&json!({ "pid": HOSTILE, "pollUrl": HOSTILE, "note": HOSTILE })),
            () if is_to(6) => {
                reply(&json!({ "pid": 9, "pollUrl": format!("https://evil.example/{HOSTILE}") }))
            }
            () if is_to(7) => {
                let location =
                    "Location: https://evil.example/%1b[2J/\u{202e}\u{9b}\r\nContent-Type: text/html\r\n";
                whole(307, location, &format!("<html>{HOSTILE}</html>"))
            }
            () if is_to(8) => whole(200, "X-Odd: \u{1b}[2J\r\n", r#"{"pid":9}"#),
            () => reply(&json!({ "pid": 9 })),
        },
        _ if is_to(10) && request.authorization.ends_with("patient") => reply(&json!({ "exited": false })),
        _ => reply(
            &json!({ "exited": true, "exitCode": 3, "stdout": HOSTILE, "stderr": HOSTILE, "note": HOSTILE }),
        ),
    }
}

/// A folder with a playbook of harmless text, and what it takes to run it against an API.
struct Place {
    folder: tempfile::TempDir,
    url: String,
}

impl Place {
    fn new(url: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let playbook = "\
name: inert
report:
  columns: [name, stdout, operatingSystem.family, tags, shown]
steps:
  - name: look
    run: echo {{ target.name }}
    accept: [3]
    capture: { shown: stdout }
    expect: shown == 'nothing of the kind'
    severity: warning
  - name: look again
    when: shown is defined
    run: echo {{ shown }}
";
        fs::write(folder.path().join("playbook.yaml"), playbook).unwrap();
        Self { folder, url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn rollcall(&self, command: &str, arguments: &[&str]) -> Command {
        let mut rollcall = rollcall();
        rollcall.current_dir(self.folder.path()).env(STATE_HOME, self.folder.path());
        rollcall.env("HOSTUP_API_KEY", "hup_inert_for_tests").args([command, "--api-url", &self.url]);
        rollcall.args(arguments);
        rollcall
    }

    /// Runs it to its end; both streams are inert.
    fn checked(&self, command: &str, arguments: &[&str]) -> Output {
        let output = finish(&mut self.rollcall(command, arguments));
        let what = format!("{command} {arguments:?}");
        assert_inert(&format!("{what}, stdout"), &output.stdout);
        assert_inert(&format!("{what}, stderr"), &output.stderr);
        output
    }

    /// The same, and hostile text has been shown: escaped, as a terminal or as JSON has it.
    fn shown(&self, command: &str, arguments: &[&str]) -> Output {
        let output = self.checked(command, arguments);
        let shown = String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap();
        let escaped = [r"\x1b[2J", r"\u001b[2J"].iter().any(|escaped| shown.contains(escaped));
        assert!(escaped, "{command} {arguments:?} showed nothing of others: {shown}");
        output
    }
}

#[test]
fn a_run_shows_nothing_that_acts_in_any_format_or_log() {
    let place = Place::new(serve_bytes(answer));
    let formats = [
        &["-o", "table", "--all"][..],
        &["-o", "table"],
        &["-o", "table", "--group"],
        &["-o", "table", "--group=name"],
        &["-o", "table", "--group=shown", "--normalize", "self,time,numbers"],
        &["-o", "json", "-vvv"],
        &["-o", "text", "-vvv", "--log-format", "json"],
        &["-o", "text", "--progress", "plain", "-v", "--all"],
    ];
    // Each waits most of its time for an agent that says no to be asked once more.
    let place = &place;
    std::thread::scope(|scope| {
        for arguments in formats {
            scope.spawn(move || place.shown("run", &[arguments, &["playbook.yaml"]].concat()));
            scope.spawn(move || {
                let exec = place.shown("exec", &[arguments, &["--", "echo hello"]].concat());
                assert_eq!(exec.status.code(), Some(6), "{exec:?}");
            });
        }
    });
    let mut traced = place.rollcall("run", &["-o", "text", "playbook.yaml"]);
    let output = finish(traced.env("RUST_LOG", "trace"));
    assert_inert("RUST_LOG=trace", &[output.stdout, output.stderr].concat());
}

#[test]
fn report_files_and_what_is_kept_of_a_run_are_shown_as_inert_as_the_run_itself() {
    let place = Place::new(serve_bytes(answer));
    let reports = ["json", "table", "text"].map(|format| format!("{format}=report.{format}"));
    let flags: Vec<&str> = reports.iter().flat_map(|report| ["--report", report.as_str()]).collect();
    place.shown("run", &[&flags[..], &["playbook.yaml"]].concat());
    for format in ["json", "table", "text"] {
        assert_inert(format, &fs::read(place.path(&format!("report.{format}"))).unwrap());
        let mut show = rollcall();
        show.args(["show", "last", "-o", format, "--all"]).env(STATE_HOME, place.folder.path());
        let shown = finish(&mut show);
        assert_eq!(shown.status.code(), Some(0), "{shown:?}");
        assert_inert(&format!("show, {format}"), &[shown.stdout, shown.stderr].concat());
    }
    place.shown("resume", &["last", "-o", "table", "--all"]);
    place.shown("retry", &["last", "-o", "table", "--all"]);
    place.checked("retry", &["last", "--status", "unknown", "-o", "json"]);
}

#[test]
fn what_starts_nothing_shows_nothing_that_acts() {
    let place = Place::new(serve_bytes(answer));
    for arguments in [
        &[][..],
        &["-o", "json"],
        &["-o", "names"],
        &["--by", "name"],
        &["--by", "tags", "-o", "json"],
        &["--by", "operatingSystem.family", "-o", "names"],
        &["-vvv"],
    ] {
        place.shown("targets", arguments);
    }
    place.shown("plan", &["--show-text", "playbook.yaml"]);
    place.shown("plan", &["--show-text", "-o", "json", "playbook.yaml"]);
    place.checked("plan", &["playbook.yaml", "-vvv"]);
    place.checked("limits", &[]);
    place.checked("limits", &["--all", "-o", "json"]);
}

#[test]
fn what_the_api_says_when_it_says_no_is_inert() {
    for status in [400, 401, 403, 404] {
        let place = Place::new(serve_bytes(move |_| problem(status)));
        for (command, arguments) in [
            ("run", &["playbook.yaml", "-vv"][..]),
            ("run", &["playbook.yaml", "-o", "json"]),
            ("exec", &["-o", "text", "--", "id"]),
            ("plan", &["playbook.yaml"]),
            ("targets", &[]),
        ] {
            let output = place.shown(command, arguments);
            assert_eq!(output.status.code(), Some(4), "{status}: {output:?}");
        }
    }
    let odd = || format!("{HOSTILE}<html>{HOSTILE}");
    for answer in [
        whole(200, "Content-Type: text/html\r\n", &odd()),
        whole(200, "Content-Type: text/\u{202e}odd\u{9b}\r\n", "{}"),
        whole(200, "Content-Encoding: odd\r\n", &odd()),
        whole(302, "Location: https://evil.example/\u{202e}%1b\r\n", &odd()),
        reply(&json!({ "error": HOSTILE, "message": HOSTILE, "code": HOSTILE })),
        reply(&json!({ "data": [vps(1)], "nextCursor": { HOSTILE: HOSTILE } })),
    ] {
        let place = Place::new(serve_bytes(move |_| answer.clone()));
        let output = place.checked("run", &["playbook.yaml", "-vvv"]);
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        place.checked("targets", &["-vvv", "--log-format", "json"]);
    }
}

#[test]
fn i2_a_forbidden_listing_ends_the_run_with_the_title_shown_escaped() {
    let url = scripted::serve(|_| (403, json!({ "title": "no\u{1b}[2J scope", "status": 403 }).to_string()));
    let output = Place::new(url).shown("targets", &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(4), 0), "{told}");
    assert!(told.contains(r"403") && told.contains(r"no\x1b[2J scope"), "{told}");
}

#[test]
fn what_is_in_flight_is_told_inert() {
    let place = Place::new(serve_bytes(answer));
    let mut command = place.rollcall("exec", &["-o", "json", "--", "sleep 600"]);
    command.env("HOSTUP_API_KEY", "hup_inert_patient");
    let told = place.path("stderr");
    let stderr = fs::File::create(&told).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
    let mut child = command.spawn().unwrap();
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    // Before its own handlers are there, a signal would end it.
    until("the beginning of the run", || read(&told).contains("of 11 servers").then_some(()));
    until("a command in flight that is told", || {
        assert!(send("USR1", &child));
        read(&told).contains("(pid 9)").then_some(())
    });
    assert!(send("INT", &child) && send("INT", &child));
    let mut stdout = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    assert_eq!(exit_code(&mut child), 130);
    assert!(read(&told).contains(r"10x\x1b[2J"), "{}", read(&told));
    assert_inert("stderr", read(&told).as_bytes());
    assert_inert("stdout", &stdout);
}

/// A playbook may come from elsewhere, and so may what stands in a shell's history.
#[test]
fn what_a_playbook_or_an_argument_holds_is_inert() {
    let place = Place::new(serve_bytes(answer));
    let quoted = crate::hostile::ascii(&json!(HOSTILE.replace('\u{0}', "")).to_string());
    let odd = format!("name: {quoted}\nsteps:\n  - name: {quoted}\n    run: {quoted}\n    effects: change\n");
    fs::write(place.path("odd.yaml"), &odd).unwrap();
    fs::write(place.path("broken.yaml"), format!("{odd}    {quoted}: 1\n    expect: {quoted}\n")).unwrap();
    fs::write(place.path("raw.yaml"), format!("{odd}{HOSTILE}")).unwrap();
    place.shown("run", &["odd.yaml"]);
    place.shown("run", &["odd.yaml", "--yes", "--progress", "plain"]);
    place.shown("plan", &["odd.yaml", "--show-text"]);
    for (arguments, code) in [
        (&["run", "broken.yaml"][..], 2),
        (&["run", "raw.yaml"], 2),
        (&["check", "odd.yaml", "broken.yaml", "raw.yaml"], 2),
        (&["check", "-o", "json", "odd.yaml", "broken.yaml", "raw.yaml"], 2),
        (&["check", "nowhere\u{1b}[2J\nFORGED.yaml"], 2),
        (&["run", "nowhere\u{1b}[2J\u{202e}.yaml"], 2),
        (&["show", "--target", "odd\u{1b}[2J\u{202e}"], 2),
        (&["show", "last", "-o", "table"], 0),
    ] {
        let mut command = rollcall();
        command.current_dir(place.folder.path()).env(STATE_HOME, place.folder.path()).args(arguments);
        let output = finish(command.env("HOSTUP_API_KEY", "hup_inert_for_tests"));
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert_inert(&format!("{arguments:?}"), &[output.stdout, output.stderr].concat());
    }
    for flags in [
        ["--where", "name > 3"],
        ["--target", "plain"],
        ["--where", "name == 'odd\u{1b}[2J\u{202e}"],
        ["--where", "odd\u{1b}[2J\u{202e} == 1"],
        ["--target", "odd\u{1b}[2J\u{202e}"],
        ["--by", "odd\u{1b}[2J\u{202e}"],
    ] {
        let output = place.checked("targets", &flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {output:?}");
    }
}

#[test]
fn o1_arguments_that_are_wrong_are_repeated_without_what_a_terminal_would_obey() {
    for arguments in [
        &["run", "x", "--rate", "1\u{202e}\u{9b}31m\u{1b}[2J\rx"][..],
        &["sandbox", "--vms", "\u{1b}]52;c;aGk=\u{7}"],
        &["\u{1b}[2J"],
        &["targets", "--\u{202e}flag"],
        &["show", "\u{1b}[2J"],
    ] {
        let output = finish(rollcall().args(arguments));
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
        assert_inert(&format!("{arguments:?}"), &output.stderr);
    }
}
