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
    let RequestForecast { list, probe, start, conditional, poll, refused } = forecast.requests;
    assert_eq!((list, probe, start, conditional, refused), (2, 100, 100, 0, 0));
    assert!((100..250).contains(&poll), "{poll}");
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
    let five = Duration::from_secs(5);
    let forecast = |limits: Vec<LearnedLimit>, rate: Option<&str>| {
        let rate = rate.map(|rate| crate::playbook::parse_rate(rate).unwrap());
        forecast_of(&RunSpec { rate, ..spec(vec![step("a")]) }, 100, limits)
    };
    let held = |forecast: &Forecast| {
        let held = forecast.time.limit.clone().unwrap();
        (held.windows, held.span)
    };
    let free = forecast(vec![], None).time;
    assert_eq!((free.limit, free.spent.unwrap().held_back()), (None, Duration::ZERO));

    // 302 requests at least, and few polls more than one a start.
    let limited = forecast(vec![limit(100, Some(five))], None);
    assert_eq!(held(&limited), (4, Some(3 * five)), "{:?}", limited.requests);
    let total = limited.time.total().unwrap();
    assert!(limited.time.bound() >= 3 * five && total >= limited.time.bound(), "{total:?}");
    assert!(limited.time.spent.unwrap().limit > five, "{:?}", limited.time);

    let own = forecast(vec![limit(100, Some(five))], Some("100/1m"));
    let (windows, span) = held(&own);
    assert!(windows == 4 && span >= Some(Duration::from_mins(1) * 300 / 99), "{span:?}");
    assert!(own.time.total() >= span && own.time.spent.unwrap().rate > 2 * Duration::from_mins(1));
    assert!(matches!(own.time.limit.unwrap().limit, Limit::Own(_)));
}

#[test]
fn a_window_of_unknown_length_is_counted_and_not_timed() {
    let time = |most| forecast_of(&spec(vec![step("a")]), 100, vec![limit(most, None)]).time;
    let several = time(100);
    assert_eq!((several.total(), several.limit.clone().unwrap().span), (None, None));
    assert_eq!(several.limit.unwrap().windows, 4);
    // All of it is in the first.
    let one = time(5000);
    assert!(one.total().is_some() && one.limit.unwrap().windows == 1);
}

#[test]
fn what_runs_found_out_counts_while_the_listing_agrees() {
    let known = |limits: Vec<LearnedLimit>, listed| {
        let spec = RunSpec {
            known: crate::budget::Knowledge { limits, let_through: None },
            ..spec(vec![step("a")])
        };
        forecast_of(&spec, 10, listed).time.limits
    };
    let five = Some(Duration::from_secs(5));
    let of = |bucket: &str, most| LearnedLimit { bucket: bucket.to_owned(), ..limit(most, five) };
    let (before, met) = (vec![limit(300, five)], vec![limit(300, None)]);
    assert_eq!(known(before.clone(), vec![]), before);
    assert_eq!(known(before.clone(), met.clone()), before, "the window is known from runs");
    assert_eq!(known(before, vec![limit(60, None)]), [limit(60, None)], "the API has changed its mind");
    let each = vec![of("list", 300), of("poll", 600)];
    assert_eq!(known(each.clone(), met), each);
}

#[test]
fn a_limit_holds_back_what_it_counts() {
    let of = |bucket: &str, renewal| {
        let ten = Some(Duration::from_secs(10));
        let limit = LearnedLimit { bucket: bucket.to_owned(), renewal, ..limit(50, ten) };
        let held = forecast_of(&spec(vec![step("a")]), 100, vec![limit]).time.limit.unwrap();
        (held.windows, held.span.unwrap())
    };
    let seconds = Duration::from_secs;
    assert_eq!(of("start", Renewal::AtOnce), (2, seconds(10)));
    assert_eq!(of("list", Renewal::AtOnce), (1, Duration::ZERO));
    assert_eq!(of("vps", Renewal::AtOnce), (1, Duration::ZERO));
    // Fifty at once, and a fifth of a second for each of the others.
    assert_eq!(of("start", Renewal::Steadily), (2, seconds(10)));
    assert_eq!(of("probe", Renewal::Steadily), (2, seconds(10)));
}

#[test]
fn a_reserve_takes_no_more_from_a_limit_than_the_run_leaves_to_others() {
    // A fifth of seven is one whole request, so six are left: 6 windows for 32 requests.
    let spec = RunSpec { reserve: 20, ..spec(vec![step("a")]) };
    let forecast = forecast_of(&spec, 10, vec![limit(7, Some(Duration::from_secs(5)))]);
    let total = forecast.requests.total();
    assert_eq!(forecast.time.limit.unwrap().windows, total.div_ceil(6), "{total}");
}

#[test]
fn run_times_are_known_or_taken_for_a_second() {
    let mut spec = spec(vec![step("a"), step("b")]);
    let unknown = forecast_of(&spec, 20, vec![]).time;
    assert_eq!(unknown.assumed, Some(Duration::from_secs(1)));
    assert!(unknown.total() >= Some(Duration::from_secs(2)), "two steps of a bundle, a second each");
    spec.run_times.insert(Carried { first: 0, steps: 2 }, vec![Duration::from_secs(30)]);
    let known = forecast_of(&spec, 20, vec![]).time;
    assert_eq!(known.assumed, None);
    assert!(known.total() >= Some(Duration::from_secs(30)));
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
    // The commands, a second each, come on top.
    let (total, spent) = (time.total().unwrap(), time.spent.unwrap());
    assert!(total >= time.least + 4 * Duration::from_secs(1), "{total:?}");
    assert_eq!(spent.pauses, time.pauses);
    // Many beside each other are as many as there are connections.
    let wide = forecast_of(&RunSpec { connections: 10, ..spec(vec![step("a")]) }, 100, vec![]);
    assert_eq!(
        wide.time.least,
        milliseconds(10) * u32::try_from(wide.requests.total().div_ceil(10)).unwrap()
    );
}
