//! The targets of a kept run, once more.

use serde_json::Value;

use crate::{
    history::{PLAYBOOK, id},
    sandbox::{Sandbox, code, document, finish, stderr, stdout, with_status},
};

#[test]
fn y5_retry_takes_what_failed_or_never_ran_and_the_rest_only_by_name() {
    let faults = "\
- { on: start, target: app-02, fault: reset-after, times: 1 }
- { on: start, target: app-03, fault: blocked, times: 1 }
- { on: probe, target: worker-01, fault: agent-off, times: 2 }";
    let sandbox = Sandbox::with_faults(&["--vms", "5", "--guest", "shell"], faults);
    let playbook =
        "name: retried\nrun: test -e been && exit 0; touch been; test $ROLLCALL_SANDBOX_HOST != db-01\n";
    let (_, report) = sandbox.run_json(playbook, &[]);
    let names = |report: &Value| -> Vec<String> {
        let targets = report["targets"].as_array().unwrap().iter();
        targets.map(|target| target["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(with_status(&report, "unknown").len(), 1, "{report}");
    let first = id(&report);
    // The file plays no part any more.
    sandbox.file("playbook.yaml", "run: false\n");
    let retry = |arguments: &[&str]| finish(sandbox.rollcall("retry").args(["-o", "json"]).args(arguments));
    let output = retry(&[]);
    assert_eq!(code(&output), 0, "{output:?}");
    let again = document(&output);
    assert_eq!(names(&again), ["worker-01", "app-03", "db-01"]);
    assert_eq!((&again["playbook"], again["runId"] == report["runId"]), (&report["playbook"], false));

    let output = retry(&[]);
    assert_eq!((code(&output), stdout(&output)), (2, ""));
    assert!(stderr(&output).contains("nothing to try again"), "{output:?}");
    let output = retry(&[&first, "--status", "ok"]);
    assert_eq!(names(&document(&output)), ["app-01"]);
    let output = retry(&[&first, "--status", "unknown,refused"]);
    assert_eq!(names(&document(&output)), ["app-02", "app-03"]);
    assert!(stderr(&output).contains("on 1 of them the command may have run"), "{output:?}");
}

#[test]
fn targets_of_a_kept_run_are_picked_by_how_they_ended() {
    let faults = "- { on: start, target: app-02, fault: blocked, times: 1 }";
    let sandbox = Sandbox::with_faults(&["--vms", "3", "--duration", "0s"], faults);
    let report = sandbox.run_json(PLAYBOOK, &[]).1;
    let picked = |list: &str| {
        let output = finish(sandbox.rollcall("targets").args(["-o", "names", "--targets", list]));
        (code(&output), stdout(&output).to_owned())
    };
    assert_eq!(picked("last:refused"), (0, "app-02\n".to_owned()));
    assert_eq!(picked(&format!("{}:ok,refused", id(&report))), (0, "app-[01-02],worker-01\n".to_owned()));
    assert_eq!(picked("last:failed").0, 2);
    assert_eq!(picked("last:fail").0, 2);
}
