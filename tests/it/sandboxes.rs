//! The built-in API as a user starts it: this machine's alone, harmless, and the same again.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
};

use serde_json::Value;

use crate::{
    sandbox::{KEY, STATE_HOME, Sandbox, code, document, finish, rollcall, stderr, stdout},
    waiting::until,
};

#[test]
fn x1_it_listens_on_this_machine_alone_and_nothing_says_otherwise() {
    let sandbox = Sandbox::start(&["--vms", "1"]);
    let address: SocketAddr = sandbox.url.trim_start_matches("http://").parse().unwrap();
    assert!(TcpStream::connect(address).is_ok());
    // What listens everywhere listens at every address of this network, the whole of which is this machine.
    let other = SocketAddr::from(([127, 0, 0, 2], address.port()));
    assert!(TcpStream::connect(other).is_err(), "{other} is listened on");
    for flag in ["--bind", "--host", "--listen", "--address"] {
        let output = finish(rollcall().args(["sandbox", flag, "0.0.0.0"]));
        assert_eq!((code(&output), stdout(&output)), (2, ""), "{flag}: {output:?}");
    }
}

#[test]
fn x2_it_needs_no_key_and_never_gets_a_real_one() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, key) = (folder.path().join("journal"), "hup_real_4b1e77a0d24b58");
    let options = format!("2,rate=none,fleet=uniform,duration=0s,journal={}", journal.display());
    for real in [None, Some(key)] {
        let mut command = rollcall();
        command.envs(real.map(|key| ("HOSTUP_API_KEY", key))).env(STATE_HOME, folder.path());
        let output = finish(command.args(["exec", "-vvv", "--sandbox", &options, "--", "uname"]));
        assert_eq!(code(&output), 0, "{output:?}");
        assert!(!stderr(&output).contains(key) && !stdout(&output).contains(key));
    }
    let journal = fs::read_to_string(&journal).unwrap();
    assert!(
        journal.lines().count() > 8 && !journal.contains(key) && !journal.contains(r#""status":401"#),
        "{journal}"
    );
}

#[test]
fn x3_a_port_that_is_taken_is_named() {
    let sandbox = Sandbox::start(&["--vms", "1"]);
    let port = sandbox.url.rsplit(':').next().unwrap();
    let output = finish(rollcall().args(["sandbox", "--port", port]));
    assert_eq!((code(&output), stdout(&output)), (2, ""), "{output:?}");
    assert!(stderr(&output).contains(port), "{output:?}");
}

/// Sends a request and waits for its end, be it an answer or a reset.
fn ask(sandbox: &Sandbox, line: &str, body: &str) {
    let mut connection = TcpStream::connect(sandbox.url.trim_start_matches("http://")).unwrap();
    let head =
        format!("{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n");
    let length = body.len();
    let rest = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
    connection.write_all(format!("{head}{rest}").as_bytes()).unwrap();
    drop(connection.read_to_end(&mut Vec::new()));
}

/// The journal of forty rounds of requests, one at a time, without what a clock says.
fn timeless(seed: &str) -> Vec<Value> {
    let faults = "\
- { on: list, percent: 20, fault: html 502 }
- { on: start, percent: 40, fault: status 503 }
- { on: [probe, poll], percent: 20, fault: reset-before }
- { on: poll, percent: 20, fault: truncate }
";
    let sandbox = Sandbox::with_faults(&["--vms", "4", "--duration", "0s", "--seed", seed], faults);
    // Another of the same seed tells the same ids.
    let told =
        finish(Sandbox::start(&["--vms", "4", "--seed", seed]).rollcall("targets").args(["-o", "json"]));
    let told = document(&told);
    let ids: Vec<_> = told.as_array().unwrap().iter().map(|server| server["id"].as_str().unwrap()).collect();
    for round in 0..40 {
        let exec = format!("/api/v2/vps/{}/agent/exec", ids[round % ids.len()]);
        ask(&sandbox, "GET /api/v2/vps?limit=2", "");
        ask(&sandbox, &format!("GET {exec}"), "");
        ask(&sandbox, &format!("POST {exec}"), r#"{"command":"hostname"}"#);
        ask(&sandbox, &format!("GET {exec}?pid=1000"), "");
    }
    let mut journal =
        until("the whole journal", || Some(sandbox.journal()).filter(|_| sandbox.requests().len() == 160));
    for line in &mut journal {
        line.as_object_mut().unwrap().remove("at");
    }
    journal
}

#[test]
fn x4_the_same_seed_gives_the_same_faults_and_the_same_journal_but_for_its_times() {
    let first = timeless("11");
    assert_eq!(first, timeless("11"));
    assert_ne!(first, timeless("12"));
    let met: BTreeSet<_> = first.iter().filter_map(|line| line["fault"].as_str()).collect();
    assert_eq!(met, BTreeSet::from(["html 502", "reset-before", "status 503", "truncate"]));
}

#[test]
fn x5_commands_run_here_only_where_asked_for_and_each_server_has_a_directory_of_its_own() {
    let outside = tempfile::tempdir().unwrap();
    let mark = outside.path().join("mark");
    let command = format!("echo here > {}; echo mine > own; pwd; ls", mark.display());
    let run = |flags: &[&str]| {
        let sandbox = Sandbox::start(&[&["--vms", "3"], flags].concat());
        let output = finish(sandbox.rollcall("exec").args(["-o", "json", "--", &command]));
        document(&output)
    };
    run(&[]);
    assert!(!mark.exists(), "a simulated server ran a command on this machine");
    let report = run(&["--guest", "shell"]);
    assert!(mark.exists(), "{report}");
    let told = report["targets"].as_array().unwrap().iter();
    let told: Vec<&str> = told.map(|target| target["steps"][0]["stdout"].as_str().unwrap()).collect();
    let places: BTreeSet<&str> = told.iter().map(|text| text.lines().next().unwrap()).collect();
    assert_eq!(places.len(), 3, "{told:?}");
    assert!(told.iter().all(|text| text.lines().skip(1).eq(["own"])), "{told:?}");
    assert!(
        places.iter().all(|place| !Path::new(place).exists()),
        "they are gone with the sandbox: {places:?}"
    );
}
