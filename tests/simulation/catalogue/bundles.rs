//! B3, PB10 and PB19: several steps in one start, and commands that cannot be made for a target.

use rollcall::{
    engine::RunSpec,
    playbook::{Playbook, Source, Surroundings},
};
use serde_json::json;

use super::script::{exit_code, no_reply, only, page_of, play, spec, starts};
use crate::{
    harness::{Account, People},
    world::listed_vps,
};

/// Three steps that go in one start.
fn bundle(idempotent: [bool; 3]) -> RunSpec {
    let mut spec = spec(3);
    for (step, idempotent) in spec.steps.iter_mut().zip(idempotent) {
        (step.bundle, step.idempotent) = (true, idempotent);
    }
    spec
}

fn in_doubt(idempotent: [bool; 3]) -> Account {
    play(bundle(idempotent), 1, &People::default(), |moment| moment.is_start().then(|| no_reply().into()))
}

#[test]
fn b3_an_ambiguous_start_leaves_every_step_of_its_bundle_unknown() {
    let account = in_doubt([false; 3]);
    let steps: Vec<String> = only(&account)
        .steps
        .iter()
        .map(|step| format!("{} {} {}", step.status, step.reason.unwrap(), step.ran))
        .collect();
    assert_eq!(steps, ["unknown no_reply maybe"; 3]);
    assert_eq!((starts(&account), exit_code(&account)), (1, 6));
}

#[test]
fn b3_a_bundle_is_sent_again_only_where_all_its_steps_may_be() {
    for (idempotent, sent) in [
        ([true, true, true], 3),
        ([false, true, true], 1),
        ([true, false, true], 1),
        ([true, true, false], 1),
        ([false, false, false], 1),
    ] {
        let account = in_doubt(idempotent);
        assert_eq!(starts(&account), sent, "{idempotent:?}");
        assert!(only(&account).steps.iter().all(|step| step.status.word() == "unknown"), "{idempotent:?}");
    }
}

/// No variable comes from anywhere.
struct Nowhere;

impl Surroundings for Nowhere {
    fn environment_variable(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("{path} is not there"))
    }

    fn overrides(&self) -> &[(String, String)] {
        &[]
    }
}

#[test]
fn pb10_pb19_a_command_that_cannot_be_made_is_refused_for_that_target_alone() {
    let source = Source::new("names.yaml", "run: printf %s {{ target.name }}\n");
    let spec = RunSpec { steps: Playbook::parse(&source, &Nowhere).unwrap().steps, ..spec(1) };
    let items = ["fine".to_owned(), "x".repeat(5000), "a\0b".to_owned(), "fine as well".to_owned()];
    let items: Vec<_> =
        items.iter().enumerate().map(|(number, name)| listed_vps(format!("vps_{number}"), name)).collect();
    let account =
        play(spec, 0, &People::default(), |moment| moment.is_list().then(|| page_of(items.clone()).into()));
    let told: Vec<_> = account
        .run
        .targets
        .iter()
        .map(|target| {
            json!([
                target.status.word(),
                target.reason.map(|reason| reason.to_string()),
                target.ran.to_string()
            ])
        })
        .collect();
    let (ok, refused) = (json!(["ok", null, "yes"]), json!(["refused", "template", "no"]));
    assert_eq!(told, [ok.clone(), refused.clone(), refused, ok]);
    let why = |index: usize| account.run.targets[index].message.as_deref().unwrap_or_default().to_owned();
    assert!(why(1).contains("of at most 4096") && why(2).contains("NUL"), "{} {}", why(1), why(2));
    assert_eq!((starts(&account), exit_code(&account)), (2, 3));
}
