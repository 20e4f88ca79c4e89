//! Text from outside is inert, and the key is nowhere but in its header.

use std::{fmt::Write as _, fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};

use crate::{
    sandbox::{Sandbox, code, document, finish, rollcall, stdout},
    scripted,
};

const PRINT_NAME: &str = "name: names\nrun: printf '%s\\n' {{ target.name }}\n";

/// A sandbox whose listing gives its servers these names.
pub(crate) fn sandbox_of_names(names: &[&str]) -> Sandbox {
    let count = names.len().to_string();
    let flags = ["--vms", &count, "--guest", "shell"];
    // The same seed makes up the same ids in both.
    let plain = Sandbox::start(&flags);
    let mut servers = document(&finish(plain.rollcall("targets").args(["-o", "json"])));
    for (server, name) in servers.as_array_mut().unwrap().iter_mut().zip(names) {
        server["name"] = json!(name);
    }
    let listing = ascii(&json!({ "data": servers, "nextCursor": null }).to_string());
    let rules = json!([{ "on": "list", "fault": format!("reply 200 {listing}") }]);
    // A faults file is YAML, which JSON is too, but for the characters that YAML does not take as they are.
    Sandbox::with_faults(&flags, &rules.to_string())
}

/// JSON of the same meaning in ASCII alone.
pub(crate) fn ascii(json: &str) -> String {
    let mut escaped = String::new();
    for character in json.chars() {
        if (' '..='~').contains(&character) {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").unwrap();
            }
        }
    }
    escaped
}

#[test]
fn pb13_names_reach_the_guest_as_the_text_they_are() {
    let outside = tempfile::tempdir().unwrap();
    let file = |name: &str| outside.path().join(name).display().to_string();
    let names = [
        format!("$(touch {})", file("a")),
        format!("'; touch {}; '", file("b")),
        format!("`touch {}`", file("c")),
        "{{ 7*7 }}".to_owned(),
        "{% raw %}".to_owned(),
        "a\nb".to_owned(),
    ];
    let sandbox = sandbox_of_names(&names.each_ref().map(String::as_str));
    let (code, report) = sandbox.run_json(PRINT_NAME, &[]);
    assert_eq!(code, 0, "{report}");
    let told: Vec<_> = report["targets"].as_array().unwrap().iter().map(printed).collect();
    let expected: Vec<_> = names.iter().map(|name| format!("{name}\n")).collect();
    assert_eq!(told, expected);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "a name was run as a command");
}

fn printed(target: &Value) -> String {
    target["steps"][0]["stdout"].as_str().unwrap().to_owned()
}

#[test]
fn what_exec_is_given_is_sent_as_it_is_whatever_names_look_like() {
    let outside = tempfile::tempdir().unwrap();
    let touch = format!("$(touch {}); x", outside.path().join("pwned").display());
    let sandbox = sandbox_of_names(&[&touch, "{{ 7*7 }}"]);
    let output = finish(sandbox.rollcall("exec").args(["--", "echo", "{{ target.name }}", "$(id)"]));
    assert_eq!(code(&output), 0, "{output:?}");
    let lines: Vec<_> =
        [touch.as_str(), "{{ 7*7 }}"].map(|name| format!("{name} | {{{{ target.name }}}} $(id)\n")).to_vec();
    assert_eq!(stdout(&output), lines.concat());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "a name was run as a command");
}

#[test]
fn no_name_and_no_output_passes_for_a_line_of_rollcalls_own() {
    let names = ["web | x", "web # failed: exit 3", "web ! y"];
    let sandbox = sandbox_of_names(&names);
    let output = finish(sandbox.rollcall("exec").args(["--", "echo 'web-1 # failed: exit 3'; exit 4"]));
    assert_eq!(code(&output), 1);
    let expected: Vec<_> = ["web \\x7c x", "web \\x23 failed: exit 3", "web \\x21 y"]
        .map(|name| format!("{name} | web-1 # failed: exit 3\n{name} # failed: exit 4\n"))
        .to_vec();
    assert_eq!(stdout(&output), expected.concat());
}

#[test]
fn o1_o2_control_characters_never_reach_the_screen() {
    let sandbox = sandbox_of_names(&["\u{1b}[2Jwiped", "two\rone", "\u{202e}desrever", "plain"]);
    let playbook =
        "name: controls\nrun: printf 'a\\033]0;title\\007b\\rc\\233d'; printf '\\033[31m' >&2; exit 1\n";
    for format in ["table", "text"] {
        let output = sandbox.run(playbook, &["-o", format, "--all"]);
        assert_eq!(code(&output), 1);
        let shown = [stdout(&output), crate::sandbox::stderr(&output)].concat();
        assert!(shown.contains("wiped") && shown.contains("desrever"), "{shown}");
        let raw = shown.chars().find(|&c| (c.is_control() && !"\n\t".contains(c)) || c == '\u{202e}');
        assert_eq!(raw, None, "{format}: {shown:?}");
    }
}

#[test]
fn c10_the_key_is_in_no_output_even_where_the_api_echoes_it() {
    let key: String = [ulid::Ulid::generate().to_string(), ulid::Ulid::generate().to_string()].concat();
    let key = &key[..40];
    let url = scripted::serve(|request| {
        let listing = json!({ "data": [{ "id": "vps_1", "name": "web-1", "serviceStatus": "active",
            "powerState": "running" }], "nextCursor": null });
        if request.line.starts_with("GET /api/v2/vps?") {
            return (200, listing.to_string());
        } else if request.line.ends_with("/agent/exec") && request.line.starts_with("GET ") {
            return (200, json!({ "available": true, "vmRunning": true }).to_string());
        }
        let echo = format!("you sent {}", request.authorization);
        (400, json!({ "title": echo, "detail": echo, "code": "invalid_request", "status": 400 }).to_string())
    });
    let directory = tempfile::tempdir().unwrap();
    let (key_file, playbook) = (directory.path().join("key"), directory.path().join("playbook.yaml"));
    fs::write(&key_file, key).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&playbook, "name: echo\nrun: id\n").unwrap();

    for format in ["json", "table", "text"] {
        let report = directory.path().join("report.json");
        let mut command = rollcall();
        command
            .args(["run", "-vvv", "-o", format, "--all", "--api-url", &url, "--api-key-file"])
            .arg(&key_file);
        command.arg("--report").arg(format!("json={}", report.display())).arg(&playbook);
        let output = finish(command.env("RUST_LOG", "trace"));
        assert_eq!(code(&output), 3, "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("you sent"),
            "the echo is not shown: {output:?}"
        );
        assert!(!output.stderr.is_empty(), "nothing was logged");
        for text in [output.stdout, output.stderr, read(&report)] {
            absent(key, &String::from_utf8_lossy(&text));
        }
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

/// The key is not in the text: not plain, and not in base64 at any of its three alignments.
fn absent(key: &str, text: &str) {
    assert!(!text.contains(key), "the key is in: {text}");
    for skipped in 0..3 {
        let encoded = base64(&key.as_bytes()[skipped..skipped + 36]);
        assert!(!text.contains(&encoded), "the key is in base64 in: {text}");
    }
}

/// Base64 (RFC 4648 §4) of a multiple of three bytes.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets = bytes.chunks_exact(3).flat_map(|three| {
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        [18, 12, 6, 0].map(|shift| LETTERS[(bits >> shift) as usize % 64])
    });
    sextets.map(char::from).collect()
}

#[test]
fn base64_is_as_the_standard_has_it() {
    assert_eq!(base64(b"foobar"), "Zm9vYmFy");
}
