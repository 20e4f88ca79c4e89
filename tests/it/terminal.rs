//! The program at a terminal, which it may ask, colour and redraw, and which has any width.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::ffi::OsStrExt as _,
    path::PathBuf,
    process::Command,
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::{
    hostile::sandbox_of_names,
    sandbox::{Sandbox, exit_code},
};

/// Reads a playbook that every server answers at once.
const PLAYBOOK: &str = "name: terminal\nrun: echo 42\n";

/// Runs a command whose three streams are a terminal of this width, on which this is typed; gives its exit code, and what
/// the terminal was sent.
fn at_terminal(mut command: Command, width: u16, typed: &str) -> (i32, String) {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let path = PathBuf::from(OsStr::from_bytes(ptsname(&ours, Vec::new()).unwrap().as_bytes()));
    let size = Winsize { ws_row: 24, ws_col: width, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&ours, size).unwrap();
    let theirs = || OpenOptions::new().read(true).write(true).open(&path).unwrap();
    command.stdin(theirs()).stdout(theirs()).stderr(theirs());
    let mut child = command.spawn().unwrap();
    // Only the child has the other side open now, so that its end is the end of what there is to read.
    drop(command);
    let mut ours = File::from(ours);
    ours.write_all(typed.as_bytes()).unwrap();
    let reading = std::thread::spawn(move || {
        let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
        // Linux ends a terminal whose other side is closed with an error (EIO).
        while let Ok(count @ 1..) = ours.read(&mut buffer) {
            shown.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&shown).into_owned()
    });
    let code = exit_code(&mut child);
    // A terminal begins each line anew by itself.
    (code, reading.join().unwrap().replace("\r\n", "\n"))
}

/// `rollcall run` of the playbook, which a terminal that can do everything shows.
fn run(sandbox: &Sandbox, arguments: &[&str]) -> Command {
    let playbook = sandbox.file("playbook.yaml", PLAYBOOK);
    let mut command = sandbox.rollcall("run");
    // Where CI is set, a terminal gets colours whatever it says of itself.
    command
        .env_remove("CI")
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .args(arguments)
        .arg(playbook);
    command
}

#[test]
fn f3_at_a_terminal_it_is_asked_and_only_a_yes_goes_on() {
    let sandbox = Sandbox::start(&["--vms", "3", "--guest", "shell"]);
    let question = "this is for 3 VPSes. Go on? [y/N]";
    // The last is Ctrl-D, the end of input.
    for no in ["n\n", "\n", "nay\n", "\u{4}"] {
        let (code, shown) = at_terminal(run(&sandbox, &["--confirm-over", "2"]), 80, no);
        assert_eq!(code, 2, "{no:?}: {shown}");
        assert!(shown.contains(question), "{no:?}: {shown}");
        assert_eq!(sandbox.requests_of("start"), [] as [serde_json::Value; 0], "{no:?}");
    }
    let (code, shown) = at_terminal(run(&sandbox, &["--confirm-over", "3"]), 80, "");
    assert!(code == 0 && !shown.contains("Go on?"), "{code}: {shown}");
    let (code, shown) = at_terminal(run(&sandbox, &["--confirm-over", "2"]), 80, "y\n");
    assert!(code == 0 && shown.contains(question), "{code}: {shown}");
    assert_eq!(sandbox.begun().len(), 6);
}

#[test]
fn o4_colour_and_cursor_movements_are_for_terminals_that_want_them() {
    let sandbox = Sandbox::start(&["--vms", "3", "--guest", "shell"]);
    let (code, shown) = at_terminal(run(&sandbox, &[]), 80, "");
    assert!(code == 0 && shown.contains("\u{1b}["), "{shown:?}");

    let mut dumb = run(&sandbox, &[]);
    dumb.env("TERM", "dumb");
    let (code, shown) = at_terminal(dumb, 80, "");
    assert!(code == 0 && !shown.contains(['\u{1b}', '\r']), "TERM=dumb: {shown:?}");

    let mut colourless = run(&sandbox, &["--progress", "plain"]);
    colourless.env("NO_COLOR", "1");
    let (code, shown) = at_terminal(colourless, 80, "");
    assert!(code == 0 && !shown.contains(['\u{1b}', '\r']), "NO_COLOR: {shown:?}");

    let output = crate::sandbox::finish(&mut run(&sandbox, &[]));
    let shown = [output.stdout, output.stderr].concat();
    assert!(!shown.contains(&0x1b) && !shown.contains(&b'\r'), "no terminal");
}

#[test]
fn o5_a_terminal_of_no_or_hardly_any_width_is_written_to() {
    let sandbox = sandbox_of_names(&["a-name-that-is-longer-than-the-terminal", "b"]);
    for (width, output) in [(0, "table"), (1, "table"), (20, "table"), (20, "text"), (0, "json")] {
        let (code, shown) = at_terminal(run(&sandbox, &["--all", "-o", output]), width, "");
        assert_eq!(code, 0, "{width}: {shown}");
        assert!(!shown.contains("panicked"), "{width}: {shown}");
        if (width, output) == (20, "table") {
            assert!(shown.contains('…'), "{shown}");
        }
    }
}

#[test]
fn o1_o2_a_terminal_gets_no_control_characters_of_others() {
    let sandbox =
        sandbox_of_names(&["\u{1b}]52;c;aGk=\u{7}wiped", "two\rone\u{8}", "\u{9b}2J", "\u{202e}desrever"]);
    let mut command = run(&sandbox, &["--all", "-vv"]);
    command.env("TERM", "dumb");
    let (code, shown) = at_terminal(command, 200, "");
    assert!(code == 0 && shown.contains("wiped") && shown.contains("desrever"), "{shown}");
    assert_harmless(&shown);

    // What is asked names the steps, and a playbook may come from elsewhere.
    let playbook =
        r#"{ name: "x\e[2J", steps: [{ name: "go\e[2J\r\u202e", run: "true", effects: change }] }"#;
    let mut command = sandbox.rollcall("run");
    command.env("TERM", "dumb").arg(sandbox.file("change.yaml", playbook));
    let (code, shown) = at_terminal(command, 200, "n\n");
    assert!(code == 2 && shown.contains(r"go\x1b[2J\r\u{202e}. Go on?"), "{code}: {shown}");
    assert_harmless(&shown);
}

fn assert_harmless(shown: &str) {
    let raw = shown.chars().find(|&c| (c.is_control() && !"\n\t".contains(c)) || c == '\u{202e}');
    assert_eq!(raw, None, "{shown:?}");
}
