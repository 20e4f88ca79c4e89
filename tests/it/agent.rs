//! Servers with a real guest agent: `qemu-ga` processes of the test's own, asked over their sockets.
//!
//! Needs Debian's qemu-guest-agent. Without it nothing here is tested, which is said; in CI it has to be there.

use std::{
    env, fs,
    os::unix::{net::UnixListener, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    sandbox::{Sandbox, code, document, finish, rollcall, stderr, with_status},
    waiting::until,
};

/// Running agents, one a socket. Ended when dropped, with what they still run.
struct Agents {
    directory: TempDir,
    agents: Vec<Agent>,
}

struct Agent {
    process: Child,
    name: String,
}

/// Where `qemu-ga` is, which is not in everybody's `PATH`; `None`, said loudly, where it is not installed.
#[expect(clippy::print_stderr, reason = "a test that was not made must not pass for one that was")]
fn qemu_ga() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = directories.map(|directory| directory.join("qemu-ga")).find(|program| program.is_file());
    if found.is_none() {
        assert!(env::var_os("CI").is_none(), "qemu-ga is not installed");
        eprintln!("SKIPPED, NOT TESTED: qemu-ga is not installed (apt-get install qemu-guest-agent)");
    }
    found
}

impl Agents {
    /// Starts so many: `agent-1`, `agent-2`, …
    fn start(count: usize) -> Option<Self> {
        let program = qemu_ga()?;
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("sockets")).unwrap();
        let names = (1..=count).map(|number| format!("agent-{number}"));
        let agents = names.map(|name| Agent::start(&program, directory.path(), name)).collect();
        Some(Self { directory, agents })
    }

    /// The option that has a sandbox use them.
    fn guest(&self) -> String {
        format!("qga={}", self.directory.path().join("sockets").display())
    }

    /// A file for their commands to write to.
    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Kills an agent, so that it forgets everything, and starts another in its place.
    fn restart(&mut self, number: usize) {
        let name = self.agents[number].name.clone();
        self.agents[number].end();
        self.agents[number] = Agent::start(&qemu_ga().unwrap(), self.directory.path(), name);
    }
}

impl Agent {
    fn start(program: &Path, directory: &Path, name: String) -> Self {
        let (socket, state) = (directory.join(format!("sockets/{name}.sock")), directory.join(&name));
        drop(fs::remove_file(&socket));
        fs::create_dir_all(&state).unwrap();
        let mut command = Command::new(program);
        command.args(["-m", "unix-listen", "-p"]).arg(&socket).arg("-t").arg(&state);
        command.arg("-f").arg(state.join("pid")).env("AGENT", &name);
        // A group of its own, so that its commands can be ended with it.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        until("the agent's socket", || socket.exists().then_some(()));
        Self { process, name }
    }

    fn end(&mut self) {
        let group = format!("-{}", self.process.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status());
        drop(self.process.wait());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.end();
    }
}

/// A server with a real agent, and another API to it than the default where `flags` say so.
fn one_agent(flags: &[&str], faults: &str) -> Option<(Agents, Sandbox)> {
    let agents = Agents::start(1)?;
    let sandbox = Sandbox::with_faults(&[&["--guest", &agents.guest()], flags].concat(), faults);
    Some((agents, sandbox))
}

/// The one target of a report, with its reason, whether it ran, and the exit code of the run.
fn told((code, report): &(i32, Value)) -> Value {
    let target = &report["targets"][0];
    json!([code, target["status"], target["reason"], target["ran"]])
}

#[test]
fn each_agent_runs_the_command_once_and_its_own_result_is_told() {
    let Some(agents) = Agents::start(3) else { return };
    let sandbox = Sandbox::start(&["--guest", &agents.guest()]);
    let ran = agents.file("ran");
    let playbook = format!(
        "name: main-job\nrun: |\n  echo \"$AGENT\" >> {}\n  echo \"I am $AGENT\"; echo quite >&2\n  \
         test \"$AGENT\" != agent-2 || exit 3\n",
        ran.display()
    );
    let (code, report) = sandbox.run_json(&playbook, &[]);

    assert_eq!((code, &report["summary"]["targets"]), (1, &json!(3)), "{report}");
    let steps: Vec<_> =
        report["targets"].as_array().unwrap().iter().map(|target| &target["steps"][0]).collect();
    let told =
        steps.iter().map(|step| json!([step["stdout"], step["stderr"], step["exitCode"], step["status"]]));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            json!(["I am agent-1\n", "quite\n", 0, "ok"]),
            json!(["I am agent-2\n", "quite\n", 3, "failed"]),
            json!(["I am agent-3\n", "quite\n", 0, "ok"]),
        ]
    );
    let mut ran: Vec<_> = fs::read_to_string(ran).unwrap().lines().map(str::to_owned).collect();
    ran.sort();
    assert_eq!(ran, ["agent-1", "agent-2", "agent-3"]);
}

#[test]
fn x5_the_sandbox_inside_the_program_takes_as_many_agents_as_it_is_told() {
    let Some(agents) = Agents::start(2) else { return };
    let names = |sandbox: &str| {
        let mut command = rollcall();
        command.args(["exec", "-o", "json", "--sandbox", sandbox, "--", "echo \"$AGENT\""]);
        let output = finish(&mut command);
        assert_eq!(code(&output), 0, "{output:?}");
        let report = document(&output);
        let targets = report["targets"].as_array().unwrap().iter();
        targets.map(|target| target["steps"][0]["stdout"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&format!("guest={}", agents.guest())), ["agent-1\n", "agent-2\n"]);
    assert_eq!(names(&format!("1,guest={}", agents.guest())), ["agent-1\n"]);
}

#[test]
fn more_servers_than_agents_are_a_mistake_in_the_arguments() {
    let directory = tempfile::tempdir().unwrap();
    let _socket = UnixListener::bind(directory.path().join("1.sock")).unwrap();
    let at = directory.path().display();
    let output = finish(rollcall().args(["targets", "--sandbox", &format!("2,guest=qga={at}")]));
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("2 servers need a socket each; sockets found: 1"), "{output:?}");
}

#[test]
fn p1_an_agent_that_has_gone_is_unavailable_and_the_others_go_on() {
    let Some(mut agents) = Agents::start(3) else { return };
    let sandbox = Sandbox::start(&["--guest", &agents.guest()]);
    agents.agents[1].end();
    let (code, report) = sandbox.run_json("name: gone\nrun: uname -r\n", &[]);
    assert_eq!((code, with_status(&report, "ok").len()), (3, 2), "{report}");
    let gone = with_status(&report, "unavailable");
    assert_eq!((&gone[0]["reason"], &gone[0]["ran"]), (&json!("agent"), &json!("no")));
}

#[test]
fn l9_a_result_that_was_told_to_nobody_is_unknown_and_never_failed() {
    // The time on the wire has the command end before it is polled.
    let flags = ["--gone-pid", "404", "--latency", "200ms"];
    let Some((agents, sandbox)) = one_agent(&flags, "- { on: poll, nth: 1, fault: reset-after }") else {
        return;
    };
    let ran = agents.file("ran");
    let result = sandbox.run_json(&format!("name: once\nrun: echo ran >> {}\n", ran.display()), &[]);
    assert_eq!(told(&result), json!([6, "unknown", "result_lost", "yes"]), "{}", result.1);
    let message = result.1["targets"][0]["message"].as_str().unwrap();
    assert!(message.contains("Invalid parameter 'pid'") || message.contains("does not exist"), "{message}");
    let statuses: Vec<_> = sandbox.requests_of("poll").iter().map(|line| line["status"].clone()).collect();
    assert_eq!(statuses, [json!(null), json!(404)]);
    assert_eq!(fs::read_to_string(ran).unwrap(), "ran\n");
}

#[test]
fn l3_a_killed_process_is_failed_with_its_signal() {
    let Some((_agents, sandbox)) = one_agent(&[], "[]") else { return };
    let result = sandbox.run_json("name: killed\nrun: echo before; kill -KILL $$\n", &[]);
    assert_eq!(told(&result), json!([1, "failed", null, "yes"]), "{}", result.1);
    let step = &result.1["targets"][0]["steps"][0];
    assert_eq!(json!([step["signal"], step["exitCode"], step["stdout"]]), json!([9, null, "before\n"]));
}

#[test]
fn l7_a_background_child_that_holds_the_pipes_is_timed_out_with_that_hint() {
    let Some((_agents, sandbox)) = one_agent(&[], "[]") else { return };
    let playbook = "name: held\nsteps:\n  - run: sleep 300 & echo done\n    timeout: 1s\n";
    let result = sandbox.run_json(playbook, &[]);
    assert_eq!(told(&result), json!([1, "timed_out", null, "yes"]), "{}", result.1);
    let message = result.1["targets"][0]["message"].as_str().unwrap();
    assert!(message.contains("background process holding its output"), "{message}");
}

#[test]
fn l11_of_16_mib_the_head_the_tail_and_the_exit_code_are_kept() {
    let Some((_agents, sandbox)) = one_agent(&[], "[]") else { return };
    // 16,777,216 bytes are as many as the agent keeps; those after them are not seen.
    let playbook = "name: large\nrun: |\n  echo head\n  head -c 16777201 /dev/zero | tr '\\0' x\n  \
                    printf '\\nthe tail\\n'\n  echo and more\n  exit 5\n";
    let result = sandbox.run_json(playbook, &[]);
    assert_eq!(told(&result), json!([1, "failed", null, "yes"]));
    let step = &result.1["targets"][0]["steps"][0];
    assert_eq!(json!([step["exitCode"], step["stdoutTruncated"]]), json!([5, true]));
    let stdout = step["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("head\nxxx") && stdout.ends_with("xxx\nthe tail\n"), "{}", stdout.len());
    assert!(stdout.len() < 1 << 20, "{}", stdout.len());
}

#[test]
fn l9_an_agent_restarted_in_the_middle_leaves_the_outcome_unknown() {
    // The answer lost before it makes "no such process" final, so that nothing has to be waited for.
    let faults = "- { on: poll, nth: 1, fault: reset-after }";
    let Some((mut agents, sandbox)) = one_agent(&["--gone-pid", "404"], faults) else { return };
    let playbook = sandbox.file("restart.yaml", "name: restart\nrun: sleep 300\n");
    let mut command = sandbox.rollcall("run");
    command.arg(playbook).args(["-o", "json"]);
    let run = thread::spawn(move || finish(&mut command));
    until("a poll", || (!sandbox.requests_of("poll").is_empty()).then_some(()));
    agents.restart(0);
    let output = run.join().unwrap();
    let result = (code(&output), document(&output));
    assert_eq!(told(&result), json!([6, "unknown", "result_lost", "yes"]), "{}", result.1);
    assert_eq!(sandbox.requests_of("start").len(), 1, "never started a second time");
    let next = sandbox.run_json("name: next\nrun: uname\n", &[]);
    assert_eq!(told(&next), json!([0, "ok", null, "yes"]), "{}", next.1);
}
