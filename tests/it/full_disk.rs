//! A disk that takes no more: no new starts, what was begun is seen to its end, and nothing untrue is said.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::{
    running::{Running, statuses},
    sandbox::{ROLLCALL, Sandbox, code, document, finish, rollcall, stderr},
};

const PLAYBOOK: &str = "
name: full
steps:
- { name: one, run: uname -r, bundle: false }
- { name: two, run: uptime, bundle: false }
";

const SERVERS: usize = 20;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::start(&["--vms", &SERVERS.to_string(), "--duration", "10ms", "--gone-pid", "404"]);
    sandbox.file("playbook.yaml", PLAYBOOK);
    sandbox
}

/// A run whose files may have so many blocks of 512 bytes.
fn limited(sandbox: &Sandbox, state: &Path, blocks: u32) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -f {blocks}; exec \"$0\" \"$@\""), ROLLCALL, "run", "-o", "json"]);
    command.args(["--api-url", &sandbox.url, "--concurrency", "4", "--state-dir"]).arg(state);
    command.arg("--api-key-file").arg(sandbox.directory().join("key"));
    finish(command.arg(sandbox.directory().join("playbook.yaml")))
}

/// What may be said of a run whose disk was full, and of the going on with it on one that is not. Says whether the disk
/// was full in the midst of it.
fn judge(sandbox: &Sandbox, state: &Path, output: &Output, what: &str) -> bool {
    let begun = sandbox.begun();
    let of = |id: &Value| begun.iter().filter(|begun| id == begun.as_str()).count();
    if output.stdout.is_empty() {
        assert_eq!((code(output), begun.len()), (7, 0), "{what}: {output:?}");
        return false;
    }
    let report = document(output);
    let targets = report["targets"].as_array().unwrap();
    assert_eq!((targets.len(), &report["exitCode"]), (SERVERS, &code(output).into()), "{what}");
    // Where the disk was full at the very end only, all results are on it.
    let all_kept = !stderr(output).contains("perhaps not kept: ");
    let mut left_out = 0;
    for target in targets {
        let steps = target["steps"].as_array().unwrap();
        let ran = steps.iter().filter(|step| step["ran"] == "yes").count();
        assert_eq!(of(&target["id"]), ran, "{what}: {target}");
        for step in steps {
            let (status, reason) = (step["status"].as_str().unwrap(), step["reason"].as_str());
            left_out += usize::from(reason == Some("store"));
            assert!(status == "ok" || (status, reason) == ("skipped", Some("store")), "{what}: {step}");
        }
        if ran > 0 && !all_kept {
            let line = format!(
                "perhaps not kept: {} ({})",
                target["name"].as_str().unwrap(),
                target["id"].as_str().unwrap()
            );
            assert!(stderr(output).contains(&line), "{what}: {line} is not in {}", stderr(output));
        }
    }
    if left_out > 0 {
        assert_eq!((code(output), all_kept), (7, begun.is_empty()), "{what}: {}", stderr(output));
        assert!(stderr(output).contains("could be written down"), "{what}: {}", stderr(output));
    }
    let mut command = rollcall();
    command.args(["resume", "last", "--state-dir"]).arg(state);
    command.arg("--api-key-file").arg(sandbox.directory().join("key"));
    let (_, gone_on) = Running::of(sandbox, command).end();
    for (target, status) in gone_on["targets"].as_array().unwrap().iter().zip(statuses(&gone_on)) {
        assert!(status == "ok" || status == "unknown" && !all_kept, "{what}: {target}");
    }
    let twice = sandbox.begun().chunk_by(|one, other| one == other).filter(|same| same.len() > 2).count();
    assert_eq!(twice, 0, "{what}: a start was sent twice");
    left_out > 0 && !begun.is_empty()
}

#[test]
fn d2_where_files_may_not_grow_any_more_starts_stop_and_polls_do_not() {
    let round = |blocks| {
        let sandbox = sandbox();
        let state = sandbox.directory().join("state");
        let output = limited(&sandbox, &state, blocks);
        assert!(output.status.code().is_some(), "ended by a signal: {output:?}");
        judge(&sandbox, &state, &output, &format!("{blocks} blocks"))
    };
    // From nothing at all over some of it to everything.
    let rounds = at_once([16, 160, 260, 340, 420, 500, 600, 800, 1200, 20_000], round);
    let in_the_midst = rounds.iter().filter(|was| **was).count();
    assert!(in_the_midst >= 2, "the limit was hit in the midst of {in_the_midst} runs");
}

/// Several rounds side by side: each waits until the results that were lost are known to be.
fn at_once<T: Send, const ROUNDS: usize>(
    limits: [u32; ROUNDS],
    round: impl Fn(u32) -> T + Sync,
) -> [T; ROUNDS] {
    let round = &round;
    std::thread::scope(|scope| {
        limits.map(|limit| scope.spawn(move || round(limit))).map(|running| running.join().unwrap())
    })
}

/// A file system of its own, so small that it fills up; gone when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(path: PathBuf, kibibytes: u32) -> Option<Self> {
        std::fs::create_dir(&path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k,mode=700"), "tmpfs"]).arg(&path);
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then_some(Self(path))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that checks nothing must not look like one that does")]
fn d2_on_a_file_system_that_is_full_starts_stop_and_polls_do_not() {
    let round = |kibibytes| {
        let sandbox = sandbox();
        let small = Small::mount(sandbox.directory().join("small"), kibibytes)?;
        let state = small.0.join("state");
        let output = limited(&sandbox, &state, 100_000);
        // More room for the going on with it.
        let grown = Command::new("mount").args(["-o", "remount,size=20m"]).arg(&small.0).status().unwrap();
        assert!(grown.success());
        Some(judge(&sandbox, &state, &output, &format!("{kibibytes} KiB")))
    };
    let rounds = at_once([120, 240, 320, 400, 640], round);
    if rounds.contains(&None) {
        eprintln!("SKIPPED: no file system can be mounted here (that takes root)");
        return;
    }
    assert!(rounds.contains(&Some(true)), "the disk was full in the midst of no run");
}

#[test]
fn d7_a_report_for_which_there_is_no_room_costs_the_exit_code_and_leaves_no_half_file() {
    let sandbox = sandbox();
    let (state, report) = (sandbox.directory().join("state"), sandbox.directory().join("report.json"));
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 16; exec \"$0\" \"$@\"", ROLLCALL, "run", "-o", "json", "--no-store"]);
    command.args(["--api-url", &sandbox.url, "--api-key-file"]).arg(sandbox.directory().join("key"));
    command.arg("--report").arg(format!("json={}", report.display()));
    let output = finish(command.arg(sandbox.directory().join("playbook.yaml")));
    assert_eq!(code(&output), 7, "{output:?}");
    assert_eq!(statuses(&document(&output)), ["ok"; SERVERS]);
    assert!(stderr(&output).contains("cannot write the report to"), "{output:?}");
    let left = sandbox.directory().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> =
        left.filter(|name| name.to_string_lossy().contains("rollcall-") || name == "report.json").collect();
    assert!(left.is_empty() && !state.exists(), "{left:?}");
}
