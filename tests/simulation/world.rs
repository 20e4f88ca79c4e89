//! What a seed draws: a fleet, a playbook, a network, an API with its limits, and its people.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall::{
    engine::{Call, RunSpec},
    fleet::{Selection, VpsId},
    playbook::{Order, Rate, Step, Template},
};
use serde_json::{Value, json};

use crate::{
    harness::People,
    limiter::{Kind, Limiter},
    playbook,
};

/// Which answers say something about the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Headers {
    OnAll,
    OnRefusals,
    RetryAfterOnly,
    None,
}

/// What has a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The token.
    Key,
    /// Each operation.
    Operation,
    /// Each VPS; listings have one together.
    Vps,
}

/// One made-up VPS.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    /// Listed, but no longer there.
    pub(crate) gone: bool,
    /// How often its agent says no before it says yes; 2 is for good.
    pub(crate) declines: u32,
    /// What becomes of each step's command.
    pub(crate) commands: Vec<Command>,
}

/// What a command does in a guest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Command {
    /// `None`: it never ends.
    pub(crate) takes: Option<Duration>,
    pub(crate) exit_code: Option<i64>,
    pub(crate) signal: Option<i64>,
}

/// How often what goes wrong: shares of requests.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Faults {
    pub(crate) unsent: f64,
    pub(crate) lost_before: f64,
    pub(crate) lost_after: f64,
    pub(crate) error_before: f64,
    pub(crate) error_after: f64,
    pub(crate) storm: f64,
    pub(crate) unreadable: f64,
    pub(crate) too_large: f64,
    pub(crate) wrong_pid: f64,
    pub(crate) probe_shape: f64,
    pub(crate) redirect: f64,
    pub(crate) forbidden: f64,
    pub(crate) unauthorized: f64,
    pub(crate) conflict: f64,
    pub(crate) no_pid: f64,
    /// A bundle's shell is killed.
    pub(crate) killed_script: f64,
}

impl Faults {
    pub(crate) fn any(&self) -> bool {
        *self != Self::default()
    }
}

/// Everything outside the engine, as one seed draws it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question about the API that has no answer yet")]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) spec: RunSpec,
    pub(crate) listed: Vec<Value>,
    pub(crate) page: usize,
    pub(crate) guests: BTreeMap<VpsId, Guest>,
    /// Ids listed that must never be used.
    pub(crate) bad_ids: usize,
    pub(crate) limiter: Limiter,
    pub(crate) scope: Scope,
    pub(crate) headers: Headers,
    pub(crate) reset_rounded_up: bool,
    pub(crate) retry_after_as_date: bool,
    /// Server clock minus run time.
    pub(crate) epoch: Duration,
    /// Requests a second of another client on the same token.
    pub(crate) other_client: f64,
    pub(crate) latency: (Duration, Duration),
    pub(crate) faults: Faults,
    /// A result can be read once only.
    pub(crate) forgets: bool,
    /// Nothing but single commands is taken.
    pub(crate) refuses_bundles: bool,
    /// A pid is not known for so long after its start.
    pub(crate) lag: Duration,
    pub(crate) people: People,
}

impl World {
    pub(crate) fn draw(kind: Kind, seed: u64) -> Self {
        let random = &mut StdRng::seed_from_u64(seed);
        let steps = playbook::steps(random);
        let count = match random.random_range(0..10) {
            0 => random.random_range(0..3),
            1..8 => random.random_range(1..40),
            8 => random.random_range(40..120),
            _ => random.random_range(100..=300),
        };
        let typical = Duration::from_millis(random.random_range(50..8000));
        let spread = if random.random_bool(0.3) { 0.0 } else { random.random_range(0.05..1.0) };
        let troubled = random.random_bool(0.5);
        let mut guests = BTreeMap::new();
        let mut listed = Vec::new();
        let mut bad_ids = 0;
        for number in 0..count {
            let odd = |random: &mut StdRng, share: f64| troubled && random.random_bool(share);
            if odd(random, 0.03) {
                bad_ids += 1;
                listed.push(listed_vps(format!("../{number}"), format!("bad-{number}")));
                continue;
            }
            let id: VpsId = format!("vps_{number:04}").parse().expect("a valid id");
            let item = listed_vps(id.as_str(), format!("web-{}", number % 97));
            listed.push(item.clone());
            if odd(random, 0.03) {
                listed.push(item);
            }
            let commands =
                steps.iter().map(|step| command(random, typical, spread, step, troubled)).collect();
            let declines = if odd(random, 0.08) { random.random_range(1..=2) } else { 0 };
            guests.insert(id, Guest { gone: odd(random, 0.04), declines, commands });
        }
        let scope = match random.random_range(0..10) {
            0..7 => Scope::Key,
            7..9 => Scope::Operation,
            _ => Scope::Vps,
        };
        let limiter = limiter(random, kind);
        // More than the whole limit, and nobody else would ever get through.
        #[expect(clippy::cast_precision_loss, reason = "limits are small")]
        let third = limiter.limit as f64 / limiter.window.as_secs_f64() / 3.0;
        let faults = if troubled { faults(random) } else { Faults::default() };
        let latency = Duration::from_millis(random.random_range(2..120));
        let spec = RunSpec {
            order: [Order::Listed, Order::Listed, Order::Name, Order::Random][random.random_range(0..4)],
            concurrency: random.random_bool(0.4).then(|| random.random_range(1..60)),
            connections: [32, 32, 8, 1, 64][random.random_range(0..5)],
            rate: random.random_bool(0.25).then(|| Rate {
                requests: random.random_range(1..400),
                window: Duration::from_secs([1, 5, 60][random.random_range(0..3)]),
            }),
            deadline: random.random_bool(0.3).then(|| Duration::from_secs(random.random_range(1..60))),
            confirm_over: random.random_bool(0.25).then(|| random.random_range(0..50)),
            batches: playbook::batches(random),
            pause: Duration::from_secs([0, 0, 3][random.random_range(0..3)]),
            max_failures: playbook::max_failures(random),
            fail_on: playbook::severity(random),
            ..RunSpec::new(Selection::default(), steps, random.random())
        };
        Self {
            seed,
            spec,
            listed,
            page: random.random_range(1..=100),
            guests,
            bad_ids,
            limiter,
            scope,
            headers: [
                Headers::OnAll,
                Headers::OnAll,
                Headers::OnRefusals,
                Headers::RetryAfterOnly,
                Headers::None,
            ][random.random_range(0..5)],
            reset_rounded_up: random.random_bool(0.7),
            retry_after_as_date: random.random_bool(0.1),
            epoch: Duration::from_millis(1_790_000_000_000 + random.random_range(0..4_000_000)),
            other_client: if random.random_bool(0.2) { third * random.random_range(0.1..1.0) } else { 0.0 },
            latency: (latency / 4, latency),
            faults,
            forgets: random.random_bool(0.7),
            refuses_bundles: random.random_bool(0.1),
            lag: if troubled && random.random_bool(0.2) { Duration::from_secs(4) } else { Duration::ZERO },
            people: people(random),
        }
    }

    /// A fleet on which every command takes about five seconds and nothing goes wrong.
    pub(crate) fn steady(targets: usize, limiter: Limiter, headers: Headers, seed: u64, sigma: f64) -> Self {
        let random = &mut StdRng::seed_from_u64(seed);
        let step = Step::new("step 0", Template::verbatim(command_text(0)));
        let spec = RunSpec::new(Selection::default(), vec![step], seed);
        let ids = (0..targets).map(|number| format!("vps_{number:05}"));
        let listed = ids.clone().map(|id| listed_vps(id, "web")).collect();
        let guests = ids.map(|id| {
            let takes = Some(log_normal(random, Duration::from_secs(5), sigma));
            let command = Command { takes, exit_code: Some(0), signal: None };
            let id = id.parse().expect("a valid id");
            (id, Guest { gone: false, declines: 0, commands: vec![command] })
        });
        Self {
            seed,
            spec,
            listed,
            page: 100,
            guests: guests.collect(),
            bad_ids: 0,
            limiter,
            scope: Scope::Key,
            headers,
            reset_rounded_up: true,
            retry_after_as_date: false,
            epoch: Duration::from_secs(1_790_000_000),
            other_client: 0.0,
            latency: (Duration::from_millis(10), Duration::from_millis(30)),
            faults: Faults::default(),
            forgets: true,
            refuses_bundles: false,
            lag: Duration::ZERO,
            people: People::default(),
        }
    }

    /// The same, of which no more than so many entries are listed.
    pub(crate) fn at_most(mut self, entries: usize) -> Self {
        self.listed.truncate(entries);
        let ids: Vec<&str> = self.listed.iter().filter_map(|item| item["id"].as_str()).collect();
        self.guests.retain(|id, _| ids.contains(&id.as_str()));
        self.bad_ids = ids.iter().filter(|id| id.parse::<VpsId>().is_err()).count();
        self
    }

    /// The same with so many steps, each as its first one.
    pub(crate) fn with_steps(mut self, steps: usize, bundle: bool) -> Self {
        let step = |number| {
            let run = Template::verbatim(command_text(number));
            Step { bundle, ..Step::new(format!("step {number}"), run) }
        };
        self.spec.steps = (0..steps).map(step).collect();
        for guest in self.guests.values_mut() {
            guest.commands = vec![guest.commands[0]; steps];
        }
        self
    }

    /// The name of the bucket in which a request is counted.
    pub(crate) fn bucket_of(&self, call: &Call) -> String {
        match (self.scope, call) {
            (Scope::Key, _) | (Scope::Vps, Call::List { .. }) => String::new(),
            (Scope::Operation, Call::List { .. }) => "list".to_owned(),
            (Scope::Operation, Call::Probe { .. }) => "probe".to_owned(),
            (Scope::Operation, Call::Start { .. }) => "start".to_owned(),
            (Scope::Operation, Call::Poll { .. }) => "poll".to_owned(),
            (Scope::Vps, call) => call.vps().map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Whether nothing but the limit is in the way.
    pub(crate) fn is_calm(&self) -> bool {
        !self.faults.any() && self.other_client == 0.0 && self.scope != Scope::Vps
    }
}

/// The command of a step, by which the server knows it.
pub(crate) fn command_text(step: usize) -> String {
    format!("run step {step}")
}

fn command(random: &mut StdRng, typical: Duration, spread: f64, step: &Step, troubled: bool) -> Command {
    let mut takes = Some(log_normal(random, typical, spread));
    if troubled && random.random_bool(0.05) {
        takes = if random.random_bool(0.5) { None } else { step.timeout.map(|timeout| timeout.mul_f64(1.5)) };
    }
    let (exit_code, signal) = match random.random_range(0..100) {
        0..80 => (Some(0), None),
        80..88 => (Some(3), None),
        88..92 => (Some([1, 256, -1, 3_221_225_477][random.random_range(0..4)]), None),
        92..96 => (None, Some(9)),
        96..98 => (None, None),
        _ => (Some(127), None),
    };
    Command { takes, exit_code, signal }
}

/// Log-normal, from the sum of uniform numbers, which is near enough to a normal one.
fn log_normal(random: &mut StdRng, median: Duration, sigma: f64) -> Duration {
    let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
    median.mul_f64((normal * sigma).exp())
}

fn limiter(random: &mut StdRng, kind: Kind) -> Limiter {
    let window = Duration::from_secs([1, 2, 5, 10, 60, 60][random.random_range(0..6)]);
    let limit = [5, 20, 60, 120, 300, 600][random.random_range(0..6)];
    let phase = window.mul_f64(random.random());
    Limiter::new(kind, limit, window).begun_before(phase)
}

fn faults(random: &mut StdRng) -> Faults {
    let mut share = |most: f64| if random.random_bool(0.3) { random.random_range(0.0..most) } else { 0.0 };
    Faults {
        unsent: share(0.3),
        lost_before: share(0.1),
        lost_after: share(0.1),
        error_before: share(0.2),
        error_after: share(0.1),
        storm: share(0.1),
        unreadable: share(0.05),
        too_large: share(0.02),
        wrong_pid: share(0.02),
        probe_shape: share(0.3),
        redirect: share(0.05),
        forbidden: share(0.05),
        unauthorized: share(0.002),
        conflict: share(0.05),
        no_pid: share(0.05),
        killed_script: share(0.1),
    }
}

fn people(random: &mut StdRng) -> People {
    let mut signals = Vec::new();
    if random.random_bool(0.35) {
        let first = Duration::from_millis(random.random_range(0..20_000));
        signals.push((first, [2, 15, 1][random.random_range(0..3)]));
        if random.random_bool(0.4) {
            signals.push((first + Duration::from_millis(random.random_range(0..12_000)), 2));
        }
    }
    let after = Duration::from_millis(random.random_range(0..20_000));
    People { signals, confirms: Some((after, random.random_bool(0.8))) }
}

/// A VPS as the listing has it: active and running, as a selection without rules wants it.
pub(crate) fn listed_vps(id: impl Into<String>, name: impl Into<String>) -> Value {
    json!({
        "id": id.into(), "name": name.into(), "serviceStatus": "active", "powerState": "running",
    })
}
