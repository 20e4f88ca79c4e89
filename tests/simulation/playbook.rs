//! What a seed draws of a playbook: steps that read each other or not, and a rollout.

use std::time::Duration;

use rand::{RngExt, rngs::StdRng};
use rollcall::playbook::{
    Capture, Effects, Expectation, Expression, OnFailure, Portion, Severity, Step, Template,
};

use crate::world::command_text;

/// One to six steps.
pub(crate) fn steps(random: &mut StdRng) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for number in 0..random.random_range(1..=6) {
        let earlier: Vec<String> =
            steps.iter().flat_map(|step| &step.capture).map(|made| made.name.clone()).collect();
        steps.push(step(random, number, &earlier));
    }
    steps
}

fn step(random: &mut StdRng, number: usize, earlier: &[String]) -> Step {
    let mut step = Step::new(format!("step {number}"), Template::verbatim(command_text(number)));
    step.timeout = Some(Duration::from_secs([2, 10, 60, 600][random.random_range(0..4)]));
    step.kill_on_timeout = random.random_bool(0.1);
    step.when = random.random_bool(0.25).then(|| when(random, earlier));
    step.accept = if random.random_bool(0.2) { vec![0, 3] } else { vec![0] };
    if random.random_bool(0.4) {
        // A text is no number: such a capture fails.
        let value = if random.random_bool(0.9) { "exit_code" } else { "stdout | int" };
        step.capture.push(Capture { name: format!("code_{number}"), value: compiled(value) });
    }
    if random.random_bool(0.3) {
        let name = random.random_bool(0.5).then(|| "clean".to_owned());
        step.expect.push(Expectation { name, condition: compiled("exit_code == 0") });
    }
    step.severity = severity(random);
    step.on_failure = if random.random_bool(0.4) { OnFailure::Continue } else { OnFailure::Stop };
    step.effects = if random.random_bool(0.2) { Effects::Change } else { Effects::Read };
    step.idempotent = random.random_bool(0.4);
    step.bundle = random.random_bool(0.8);
    step
}

fn when(random: &mut StdRng, earlier: &[String]) -> Expression {
    if earlier.is_empty() || random.random_bool(0.4) {
        compiled("target.name != 'web-1'")
    } else {
        compiled(&format!("{} == 0", earlier[random.random_range(0..earlier.len())]))
    }
}

fn compiled(text: &str) -> Expression {
    Expression::compile(text).expect("an expression of ours")
}

pub(crate) fn severity(random: &mut StdRng) -> Severity {
    [Severity::Info, Severity::Warning, Severity::Error][random.random_range(0..3)]
}

pub(crate) fn batches(random: &mut StdRng) -> Vec<Portion> {
    let drawn: &[&str] = [&[][..], &[], &[], &["1", "100%"], &["10%"], &["3", "2"], &["1", "5", "50%"]]
        [random.random_range(0..7)];
    drawn.iter().map(|text| text.parse().expect("a portion")).collect()
}

pub(crate) fn max_failures(random: &mut StdRng) -> Option<Portion> {
    let drawn = [None, None, None, Some("0"), Some("2"), Some("25%")][random.random_range(0..6)];
    drawn.map(|text| text.parse().expect("a portion"))
}
