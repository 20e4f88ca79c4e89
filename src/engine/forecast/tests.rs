//! Forecasts of small runs; that a real run does the same is shown in `tests/it/plan.rs`.

use serde_json::json;

use super::*;
use crate::{
    budget::{LearnedFrom, Renewal},
    fleet::Selection,
    playbook::{Capture, Effects, Expectation, Template},
};

const fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn step(name: &str) -> Step {
    Step::new(name, Template::verbatim(format!("echo {name}")))
}

fn condition(text: &str) -> Expression {
    Expression::compile(text).unwrap()
}

fn vpses(count: usize) -> Vec<Arc<Vps>> {
    let vps =
        |number| json!({ "id": format!("vps_{number}"), "name": format!("web-{number}"), "gb": number });
    (1..=count).map(|number| Arc::new(Vps::new(vps(number).as_object().unwrap().clone()))).collect()
}

fn spec(steps: Vec<Step>) -> RunSpec {
    RunSpec::new(Selection::default(), steps, 1)
}

fn listed(limits: Vec<LearnedLimit>) -> Listed {
    Listed { requests: 2, round_trip: milliseconds(10), limits }
}

fn limit(limit: u64, window: Option<Duration>) -> LearnedLimit {
    LearnedLimit {
        bucket: "default".to_owned(),
        limit,
        window,
        renewal: Renewal::AtOnce,
        learned_from: LearnedFrom::Header,
    }
}

fn forecast_of(spec: &RunSpec, targets: usize, limits: Vec<LearnedLimit>) -> Forecast {
    forecast(spec, &vpses(targets), &listed(limits), &Marker::new([1, 2]), true)
}

fn starts(forecast: &Forecast) -> Vec<Vec<usize>> {
    forecast.layouts[0].starts.iter().map(|start| start.steps.clone()).collect()
}

#[test]
fn steps_share_a_start_and_the_counts_follow() {
    let forecast = forecast_of(&spec(vec![step("a"), step("b")]), 100, vec![]);
    assert_eq!(starts(&forecast), [[0, 1]]);
    let RequestForecast { list, probe, start, conditional, poll, polls_freely } = forecast.requests;
    assert_eq!((list, probe, start, conditional, poll, polls_freely), (2, 100, 100, 0, 109, true));
    let sent = &forecast.targets[0].starts[0];
    assert_eq!(sent.text.as_ref().map(|text| text.chars().count()), Some(sent.chars));
    let silent =
        super::forecast(&spec(vec![step("a")]), &vpses(1), &listed(vec![]), &Marker::new([1, 2]), false);
    assert_eq!(silent.targets[0].starts[0].text, None);
}

#[test]
fn a_condition_on_a_capture_is_assumed_to_hold_and_marked() {
    let used = Capture { name: "used".to_owned(), value: condition("stdout | int") };
    let measure = Step { capture: vec![used], ..step("measure") };
    let restart = Step { when: Some(condition("used > 90")), ..step("restart") };
    let forecast = forecast_of(&spec(vec![measure, restart]), 3, vec![]);
    assert_eq!(starts(&forecast), [[0], [1]]);
    let [first, second] = &forecast.targets[0].starts[..] else { panic!("{forecast:?}") };
    assert_eq!(first.end, Some(Break::When { capture: "used".to_owned(), step: 0 }));
    assert_eq!((first.conditional, second.conditional), (false, true));
    assert_eq!((forecast.requests.start, forecast.requests.conditional), (6, 3));
}

#[test]
fn a_condition_on_the_target_is_judged_and_makes_another_layout() {
    let big = Step { when: Some(condition("target.gb > 7")), ..step("big") };
    let forecast = forecast_of(&spec(vec![step("a"), big.clone()]), 10, vec![]);
    let layouts: Vec<_> = forecast.layouts.iter().map(|layout| (starts_of(layout), layout.targets)).collect();
    assert_eq!(layouts, [(vec![vec![0]], 7), (vec![vec![0, 1]], 3)]);
    assert_eq!((&forecast.targets[0].skipped[..], &forecast.targets[9].skipped[..]), (&[1][..], &[][..]));
    // On whom nothing is started, nothing is spent.
    let alone = forecast_of(&spec(vec![big]), 10, vec![]);
    assert_eq!((alone.requests.probe, alone.requests.start), (3, 3));
}

fn starts_of(layout: &Layout) -> Vec<Vec<usize>> {
    layout.starts.iter().map(|start| start.steps.clone()).collect()
}

#[test]
fn a_change_waits_for_the_judgement_before_it() {
    let holds = Expectation { name: None, condition: condition("exit_code == 0") };
    let judged = Step { expect: vec![holds], ..step("judged") };
    let change = Step { effects: Effects::Change, ..step("change") };
    let forecast = forecast_of(&spec(vec![judged, change]), 1, vec![]);
    assert_eq!(starts(&forecast), [[0], [1]]);
    assert_eq!(forecast.targets[0].starts[0].end, Some(Break::ChangeAfterJudged { step: 0 }));
}

#[test]
fn what_cannot_be_sent_is_refused_and_costs_nothing() {
    let mut targets = vpses(1);
    targets.push(Arc::new(Vps::new(json!({ "id": "../x", "name": "odd" }).as_object().unwrap().clone())));
    let spec = spec(vec![step("a")]);
    let forecast = forecast(&spec, &targets, &listed(vec![]), &Marker::new([1, 2]), false);
    assert!(
        forecast.targets[1].refused.as_ref().is_some_and(|why| why.contains("not a VPS id")),
        "{forecast:?}"
    );
    assert_eq!((forecast.requests.probe, forecast.requests.start), (1, 1));
}

#[test]
fn batches_are_sizes_until_all_are_in_one() {
    let batches = |text: &[&str], targets| {
        let batches = text.iter().map(|size| size.parse().unwrap()).collect();
        forecast_of(&RunSpec { batches, ..spec(vec![step("a")]) }, targets, vec![]).batches
    };
    assert_eq!(batches(&["1", "10%", "100%"], 200), [1, 20, 179]);
    assert_eq!(batches(&["1", "10%", "100%"], 15), [1, 2, 12]);
    assert_eq!(batches(&["40%"], 10), [4, 4, 2]);
    assert_eq!(batches(&["5"], 3), [3]);
    assert_eq!(batches(&["5"], 0), [0; 0]);
    assert_eq!(batches(&[], 9), [0; 0]);
}

#[test]
fn failures_are_allowed_as_the_rollout_allows_them() {
    let allowed = |batches: &[&str], most: Option<&str>| {
        let spec = RunSpec {
            batches: batches.iter().map(|size| size.parse().unwrap()).collect(),
            max_failures: most.map(|most| most.parse().unwrap()),
            ..spec(vec![step("a")])
        };
        forecast_of(&spec, 19, vec![]).allowed
    };
    assert_eq!(allowed(&[], None), Allowed::All);
    assert_eq!(allowed(&["100%"], None), Allowed::All);
    assert_eq!(allowed(&["1", "100%"], None), Allowed::NoneInFirstBatch);
    assert_eq!(allowed(&["1"], Some("10%")), Allowed::AtMost(1));
    assert_eq!(allowed(&[], Some("0")), Allowed::AtMost(0));
}

#[test]
fn the_slowest_limit_decides_how_long_it_takes() {
    // 2 + 100 + 100 + 104 requests where they are scarce, 109 polls where they are not.
    let five = Duration::from_secs(5);
    let time = |limits: Vec<LearnedLimit>, rate: Option<&str>| {
        let rate = rate.map(|rate| crate::playbook::parse_rate(rate).unwrap());
        forecast_of(&RunSpec { rate, ..spec(vec![step("a")]) }, 100, limits).time
    };
    let held = |time: &TimeForecast| {
        let held = time.limit.clone().unwrap();
        (held.windows, held.span)
    };
    assert_eq!(time(vec![], None).limit, None);
    assert_eq!(held(&time(vec![limit(100, Some(five))], None)), (4, Some(3 * five)));
    assert_eq!(held(&time(vec![limit(100, None)], None)), (4, None));
    assert_eq!(held(&time(vec![limit(311, None)], None)), (1, Some(Duration::ZERO)));
    // A burst of 2, and a token each 600 ms (100 a minute less the burst, and one more).
    let own = time(vec![limit(100, Some(five))], Some("100/1m"));
    assert_eq!(held(&own), (4, Some(Duration::from_mins(1) * 304 / 99)));
    assert_eq!(own.total(), Duration::from_mins(1) * 304 / 99);
}

#[test]
fn what_no_limit_shortens_are_requests_in_a_row_and_pauses() {
    let run = RunSpec {
        batches: vec!["1".parse().unwrap(), "100%".parse().unwrap()],
        pause: Duration::from_secs(2),
        concurrency: Some(3),
        ..spec(vec![step("a")])
    };
    // The canary, then 3, 3 and 1 of the others: 4 times probe, start and poll after 2 pages.
    let time = forecast_of(&run, 8, vec![]).time;
    assert_eq!((time.in_a_row, time.pauses), (4, Duration::from_secs(2)));
    assert_eq!(time.least, milliseconds(10) * (2 + 4 * 3) + time.pauses);
    assert_eq!(time.total(), time.least);
    // Many beside each other are as many as there are connections.
    let wide = forecast_of(&RunSpec { connections: 10, ..spec(vec![step("a")]) }, 100, vec![]).time;
    assert_eq!(wide.least, milliseconds(10) * 32);
}
