//! What must be on the disk is, before anything leaves that builds upon it. A kill does not show that: what was written
//! and not synced survives the process, and only a power cut would take it. So the system calls are looked at.

use std::{
    collections::{HashMap, HashSet},
    fs,
    process::{Command, Stdio},
};

use crate::sandbox::{ROLLCALL, STATE_HOME, Sandbox, code, document, finish, stderr};

/// Two steps that share a request: their start carries a marker, by which its intent is recognized on the disk.
const PLAYBOOK: &str = "name: durable\nsteps: [{ run: uname -r }, { run: uptime }]\n";

const SERVERS: usize = 12;

const TRACED: &str = "trace=write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync";

/// Whether system calls can be looked at here. In CI they must be.
#[expect(clippy::print_stderr, reason = "a test that checks nothing must not look like one that does")]
fn can_trace() -> bool {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let can = tried.is_ok_and(|status| status.success());
    assert!(can || std::env::var_os("CI").is_none(), "strace is missing, or may not trace");
    if !can {
        eprintln!("SKIPPED: strace is missing, or may not trace");
    }
    can
}

#[test]
fn d11_each_start_leaves_after_the_sync_of_its_intent() {
    if !can_trace() {
        return;
    }
    let servers = SERVERS.to_string();
    let sandbox = Sandbox::start(&["--vms", &servers, "--duration", "10ms"]);
    let playbook = sandbox.file("playbook.yaml", PLAYBOOK);
    let trace = sandbox.directory().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-s", "1000000", "-e", TRACED, "-o"]).arg(&trace);
    command.args([ROLLCALL, "run", "--api-url", &sandbox.url, "--api-key-file"]);
    command.arg(sandbox.directory().join("key")).arg(playbook).env(STATE_HOME, sandbox.directory());
    let output = finish(&mut command);
    assert_eq!((code(&output), sandbox.begun().len()), (0, SERVERS), "{output:?}");
    let text = String::from_utf8_lossy(&fs::read(trace).unwrap()).into_owned();
    assert_eq!(starts_after_their_sync(&text), Ok(SERVERS));
}

/// How many starts left, each after its intent had been written to the log and the log been synced.
fn starts_after_their_sync(trace: &str) -> Result<usize, String> {
    let mut written: Vec<&str> = Vec::new();
    // How much of it is on the disk.
    let mut durable = 0;
    // By thread: a sync that has begun, and how much had been written by then.
    let mut syncing: HashMap<&str, usize> = HashMap::new();
    // Connections on which a start's head has left, and how much was durable by then.
    let mut heads: HashMap<&str, usize> = HashMap::new();
    let mut seen = HashSet::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let (name, rest) = call.split_once('(').unwrap_or((call, ""));
        let file = rest.split(',').next().unwrap_or_default().trim_end_matches(')');
        let is_log =
            rest.starts_with(|first: char| first.is_ascii_digit()) && file.contains("rollcall.db-wal>");
        match name {
            "pwrite64" | "pwritev" | "write" | "writev" if is_log => written.push(rest),
            "fsync" | "fdatasync" if is_log => {
                if call.contains("<unfinished") {
                    syncing.insert(thread, written.len());
                } else {
                    durable = written.len();
                }
            }
            _ if call.starts_with("<... f") => {
                durable = syncing.remove(thread).unwrap_or(durable);
            }
            "write" | "writev" | "sendto" | "sendmsg" => {
                if rest.contains("\"POST /") {
                    heads.insert(file, durable);
                }
                let Some(marker) = marker(rest) else { continue };
                let Some(count) = heads.remove(file) else {
                    return Err(format!("a body without a head: {rest}"));
                };
                if !written[..count].iter().any(|write| write.contains(&marker)) {
                    return Err(format!("a start left before its intent was synced: {rest}"));
                }
                seen.insert(marker);
            }
            _ => {}
        }
    }
    Ok(seen.len())
}

/// The marker in a start's command, whose halves stand apart there.
fn marker(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("na=")?;
    let (one, rest) = rest.split_once(" b=")?;
    let two = rest.get(..10)?;
    (one.len() == 10).then(|| format!("{one}{two}"))
}

#[test]
fn d13_two_runs_of_500_on_one_store_finish_and_begin_each_command_once() {
    let sandbox = Sandbox::start(&["--vms", "500", "--duration", "0s"]);
    let runs = ["a", "b"].map(|name| {
        let playbook =
            sandbox.file(&format!("{name}.yaml"), &format!("name: {name}\nrun: \"uname; : {name}\"\n"));
        let mut run = sandbox.rollcall("run");
        run.arg(playbook).args(["-o", "json"]);
        std::thread::spawn(move || finish(&mut run))
    });
    for run in runs {
        let output = run.join().unwrap();
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(!stderr(&output).contains("locked"), "{}", stderr(&output));
        assert_eq!(document(&output)["summary"]["ok"], 500);
    }
    let began: Vec<_> = sandbox.journal().into_iter().filter(|line| line["kind"] == "began").collect();
    let once: HashSet<_> =
        began.iter().map(|line| (line["vps"].to_string(), line["command"].to_string())).collect();
    assert_eq!((began.len(), once.len()), (1000, 1000));
}

#[test]
fn a_start_before_its_sync_would_be_seen() {
    let intent = r#"7 pwrite64(9</s/rollcall.db-wal>, "..a1b83823f1f602af659e..", 4096, 0) = 4096"#;
    let sync = "7 fdatasync(9</s/rollcall.db-wal>) = 0";
    let (begins, ends) =
        ("7 fdatasync(9</s/rollcall.db-wal> <unfinished ...>", "7 <... fdatasync resumed>) = 0");
    let head = r#"8 sendto(4<socket:[1]>, "POST /api/v2/vps/x/agent/exec HTTP/1.1", 99, 0, NULL, 0) = 99"#;
    let body =
        r#"8 sendto(4<socket:[1]>, "{\"command\":\"unset\\na=a1b83823f1 b=f602af659e n=0", 99, 0) = 99"#;
    let judged = |lines: &[&str]| starts_after_their_sync(&lines.join("\n")).is_ok();
    assert!(judged(&[intent, sync, head, body]));
    assert!(judged(&[intent, begins, ends, head, body]));
    assert!(!judged(&[intent, head, body, sync]));
    assert!(!judged(&[intent, head, sync, body]));
    assert!(!judged(&[sync, intent, head, body]));
    assert!(!judged(&[intent, begins, head, ends, body]));
    assert!(!judged(&[begins, intent, ends, head, body]));
}
