//! When which rule strikes, and what a faults file may not say.

use super::*;

fn fires(yaml: &str, requests: &[(Operation, usize)]) -> Vec<bool> {
    let injector = Injector::new(yaml.parse().unwrap(), 7);
    let name = |vps: usize| Some([["web-1", "db-1"][vps].to_owned(), format!("vps_{vps}")]);
    requests
        .iter()
        .map(|(operation, vps)| injector.meet(*operation, Some(*vps), || name(*vps)).is_some())
        .collect()
}

const PROBE: (Operation, usize) = (Operation::Probe, 0);
const START: (Operation, usize) = (Operation::Start, 0);
const OTHER_START: (Operation, usize) = (Operation::Start, 1);

#[test]
fn a_rule_fires_for_the_requests_it_names() {
    let requests = [PROBE, START, START, OTHER_START, START];
    for (rule, expected) in [
        ("on: start", [false, true, true, true, true]),
        ("on: [probe, poll]", [true, false, false, false, false]),
        ("on: any\n  every: 2", [false, true, false, true, false]),
        ("on: start\n  nth: [1, 3]", [false, true, false, true, false]),
        ("on: start\n  nth: 2", [false, false, true, false, false]),
        ("target: WEB-*\n  times: 2", [true, true, false, false, false]),
        ("target: vps_1", [false, false, false, true, false]),
        ("on: start\n  nth: 1\n  per_target: true", [false, true, false, true, false]),
        ("percent: 0", [false; 5]),
        ("percent: 100", [true; 5]),
    ] {
        assert_eq!(fires(&format!("- {rule}\n  fault: 503"), &requests), expected, "{rule}");
    }
}

#[test]
fn chance_comes_from_the_seed() {
    let rule = "- percent: 20\n  fault: hang";
    let requests = vec![PROBE; 1000];
    let fired = fires(rule, &requests);
    assert_eq!(fired, fires(rule, &requests));
    assert!((150..250).contains(&fired.iter().filter(|fired| **fired).count()));
}

#[test]
fn the_first_rule_that_fires_wins_and_all_count() {
    let injector =
        Injector::new("- { nth: 2, fault: hang }\n- { nth: [2, 3], fault: truncate }".parse().unwrap(), 7);
    let met: Vec<_> =
        (0..3).map(|_| injector.meet(Operation::Probe, None, || None).map(Rule::to_string)).collect();
    assert_eq!(met, [None, Some("hang".to_owned()), Some("truncate".to_owned())]);
}

#[test]
fn every_documented_fault_is_read() {
    let read = |text: &str| text.parse::<Fault>();
    assert_eq!(read("503"), Ok(Fault::Status { status: 503, code: None }));
    let code = Some("upstream_failed".to_owned());
    assert_eq!(read("status 409 upstream_failed"), Ok(Fault::Status { status: 409, code }));
    assert_eq!(
        read(r#"reply 200 {"exited": 1}"#),
        Ok(Fault::Reply { status: 200, body: r#"{"exited": 1}"#.to_owned() })
    );
    assert_eq!(read("delay 3s"), Ok(Fault::Delay(Duration::from_secs(3))));
    assert_eq!(read("trickle"), Ok(Fault::Trickle(Duration::from_secs(1))));
    assert_eq!(read("freeze 2s"), Ok(Fault::Guest(GuestFault::Freeze(Duration::from_secs(2)))));
    assert_eq!(read("forget"), Ok(Fault::Guest(GuestFault::Forget(Duration::ZERO))));
    for word in [
        "html",
        "html 504",
        "redirect",
        "reset-before",
        "hang",
        "truncate",
        "wrong-type",
        "agent-off",
        "stopped",
        "blocked",
        "exec-forbidden",
        "empty-page",
        "repeat-cursor",
        "overlap",
    ] {
        assert!(read(word).is_ok(), "{word}");
    }
    let rules: Faults = "- fault: reset-after".parse().unwrap();
    assert!(rules.rules[0].after && rules.rules[0].fault == Fault::Reset);
}

#[test]
fn mistakes_name_the_rule_and_the_remedy() {
    for (yaml, expected) in [
        ("- fault: 503\n- fault: explode", "rule 2: `fault: explode` is no fault"),
        ("- on: everything\n  fault: 503", "rule 1: `on: everything` is none of list, probe"),
        ("- every: 2\n  nth: 3\n  fault: 503", "rule 1: only one of"),
        ("- every: 0\n  fault: 503", "rule 1: `every` counts from 1"),
        ("- fault: status 999", "rule 1: `999` is no HTTP status"),
        ("- on: probe", "rule 1: `fault` is missing"),
        ("- fault: hang now", "`hang` takes nothing after it"),
        ("- fautl: 503", "not a list of fault rules"),
    ] {
        let message = yaml.parse::<Faults>().unwrap_err().to_string();
        assert!(message.contains(expected), "{yaml}: {message}");
    }
    assert!("".parse::<Faults>().unwrap().rules.is_empty());
}
