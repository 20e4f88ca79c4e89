//! What is secret stays out of all that is shown or kept.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::sandbox::{Sandbox, code, finish, rollcall, stderr, stdout};

/// No text holds it by chance.
const SECRET: &str = "wrdlbrmpft-8c1e77a0d24b";

fn assert_absent(what: &str, secret: &str, bytes: &[u8]) {
    let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    assert!(!found, "{what}: {}", String::from_utf8_lossy(bytes));
}

/// Every file of a directory and those below it.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn pb16_a_secret_that_guests_echo_is_redacted_on_screen_in_reports_and_in_the_store() {
    let sandbox = Sandbox::start(&["--vms", "2", "--guest", "shell"]);
    let playbook = "\
name: secretive
vars:
  token: { from_env: ROLLCALL_TEST_SECRET, secret: true }
report:
  columns: [name, seen, stdout]
steps:
  - name: echo
    run: printf 'out %s\\n' {{ vars.token }}; printf 'err %s\\n' {{ vars.token }} >&2
    capture: { seen: stdout }
  - name: echo again
    when: seen is defined
    run: printf 'again %s\\n' {{ seen }}; exit 3
";
    let file = sandbox.file("secretive.yaml", playbook);
    let report = |format: &str| sandbox.directory().join(format!("report.{format}"));
    for format in ["json", "table", "text"] {
        let mut command = sandbox.rollcall("run");
        command.env("ROLLCALL_TEST_SECRET", SECRET).arg(&file).args(["-o", format, "--all", "-vvv"]);
        command.arg("--report").arg(format!("{format}={}", report(format).display()));
        let output = finish(&mut command);
        assert_eq!(code(&output), 1, "{output:?}");
        assert!(stdout(&output).contains("out [redacted]"), "{format}: {}", stdout(&output));
        assert_absent(format, SECRET, &[output.stdout, output.stderr].concat());
        assert_absent(format, SECRET, &fs::read(report(format)).unwrap());
    }
    let kept = files(&sandbox.state());
    assert!(kept.iter().any(|path| path.ends_with("rollcall.db")), "{kept:?}");
    for path in kept {
        assert_absent(&path.display().to_string(), SECRET, &fs::read(&path).unwrap());
    }
    // The guests did get it.
    let began: Vec<_> = sandbox.journal().into_iter().filter(|line| line["kind"] == "began").collect();
    assert!(began.iter().any(|line| line["command"].as_str().unwrap().contains(SECRET)), "{began:?}");
}

#[test]
fn c3_a_key_file_that_others_can_read_is_warned_of_once_and_works() {
    let sandbox = Sandbox::start(&["--vms", "1"]);
    let key = sandbox.directory().join("key");
    for (mode, warnings) in [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1), (0o644, 1)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let output = finish(&mut sandbox.rollcall("targets"));
        assert_eq!(code(&output), 0, "{output:?}");
        let line = format!("chmod 600 {}", key.display());
        assert_eq!(stderr(&output).matches(&line).count(), warnings, "{mode:o}: {output:?}");
        assert_eq!(stderr(&output).lines().count(), warnings, "{mode:o}: {output:?}");
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that checks nothing must not look like one that does")]
fn c3_a_key_file_of_another_owner_is_warned_of() {
    let sandbox = Sandbox::start(&["--vms", "1"]);
    let key = sandbox.directory().join("key");
    if std::os::unix::fs::chown(&key, Some(65_534), None).is_err() {
        eprintln!("SKIPPED: only root can give a file to somebody else");
        return;
    }
    let output = finish(&mut sandbox.rollcall("targets"));
    assert_eq!((code(&output), stderr(&output).lines().count()), (0, 1), "{output:?}");
    assert!(stderr(&output).contains("belongs to another user (uid 65534)"), "{output:?}");
}

#[test]
fn c2_a_key_that_cannot_be_one_is_refused_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let playbook = "playbooks/os-inventory.yaml";
    for key in ["", "\n", "wrdlbrmpft\n8c1e77a0", "wrdlbrmpft-ö", "wrdlbrmpft\u{1b}[2J"] {
        let file = folder.path().join("key");
        fs::write(&file, key).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let from_file = finish(rollcall().args(["run", playbook, "--api-key-file"]).arg(&file));
        let from_environment = finish(rollcall().env("HOSTUP_API_KEY", key).args(["run", playbook]));
        for output in [from_file, from_environment] {
            assert_eq!((code(&output), stdout(&output)), (2, ""), "{key:?}: {output:?}");
            assert_absent(key, "wrdlbrmpft", &output.stderr);
        }
    }
}
