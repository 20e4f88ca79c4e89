//! The main job: one command on every selected server, once, and what really came of it.

use std::collections::BTreeSet;

use crate::sandbox::{Sandbox, finish};

const PLAYBOOK: &str = r#"
name: main-job
targets:
  exclude: { name: "db-*" }
steps:
  - run: |
      echo "I am $ROLLCALL_SANDBOX_HOST"
      case "$ROLLCALL_SANDBOX_HOST" in web-*) echo "no web" >&2; exit 3;; esac
"#;

#[test]
fn each_selected_server_runs_the_command_once_and_its_own_result_is_told() {
    let sandbox = Sandbox::start(&["--vms", "60", "--guest", "shell"]);
    let listed = finish(sandbox.rollcall("targets").args(["-o", "json"]));
    let listed = crate::sandbox::document(&listed);
    let ids = |excluded: bool| -> BTreeSet<String> {
        let servers = listed.as_array().unwrap().iter();
        servers
            .filter(|server| server["name"].as_str().unwrap().starts_with("db-") == excluded)
            .map(|server| server["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let (selected, excluded) = (ids(false), ids(true));
    assert_eq!(selected.len() + excluded.len(), 60);
    assert!(!excluded.is_empty());

    let (code, report) = sandbox.run_json(PLAYBOOK, &[]);

    assert_eq!((code, &report["exitCode"]), (1, &1.into()));
    let targets = report["targets"].as_array().unwrap();
    let told: Vec<_> = targets.iter().map(|target| target["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(told.len(), selected.len());
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), selected);
    for target in targets {
        let (name, step) = (target["name"].as_str().unwrap(), &target["steps"][0]);
        assert_eq!(step["stdout"], format!("I am {name}\n"));
        let web = name.starts_with("web-");
        assert_eq!(step["exitCode"], if web { 3 } else { 0 }, "{name}");
        assert_eq!(step["stderr"], if web { "no web\n" } else { "" }, "{name}");
        assert_eq!(
            (&target["status"], &target["ran"]),
            (&if web { "failed" } else { "ok" }.into(), &"yes".into())
        );
    }

    assert_eq!(sandbox.begun(), selected.iter().cloned().collect::<Vec<_>>());
    let touched: BTreeSet<_> =
        sandbox.requests().iter().filter_map(|line| line["vps"].as_str().map(str::to_owned)).collect();
    assert_eq!(touched, selected);

    let summary = report["summary"].as_object().unwrap();
    let number = |key: &str| summary[key].as_u64().unwrap();
    let parts: u64 =
        summary.keys().filter(|key| *key != "targets" && *key != "coverage").map(|key| number(key)).sum();
    assert_eq!((number("targets"), parts), (selected.len() as u64, selected.len() as u64));
    assert_eq!(number("failed"), crate::sandbox::with_status(&report, "failed").len() as u64);
    assert!(number("failed") > 0 && number("ok") > 0);
}

#[test]
fn the_reported_requests_are_those_that_the_api_got() {
    let sandbox = Sandbox::start(&["--vms", "5"]);
    let (code, report) = sandbox.run_json("name: count\nrun: uname -r\n", &[]);
    assert_eq!(code, 0);
    for operation in ["list", "probe", "start", "poll"] {
        let came = sandbox.requests_of(operation).len();
        assert_eq!(report["api"]["requests"][operation], came, "{operation}");
    }
}
