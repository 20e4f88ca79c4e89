//! What a seed draws: the fleet, the playbook, the API's temper, and what the user does.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall::{
    budget::RunTime,
    engine::{Purpose, RunSpec},
    fleet::Selection,
    playbook::{OnFailure, Order, Rate, Step, Template, Vars},
    sandbox::{Limiter, RateLimit, Window},
};

use crate::harness::Outside;

/// Where answers carry `X-RateLimit-*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Headers {
    Always,
    OnRefusal,
    RetryAfterOnly,
    Never,
}

/// One drawn world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) vpses: usize,
    pub(crate) page: usize,
    pub(crate) spec: RunSpec,
    pub(crate) limit: Option<(RateLimit, Window)>,
    pub(crate) limiter: Option<Limiter>,
    pub(crate) headers: Headers,
    pub(crate) latency: (f64, f64),
    /// The share of calls that something goes wrong with.
    pub(crate) faults: f64,
    /// Seconds by which the server's clock is ahead.
    pub(crate) skew: i64,
    /// Median of the commands' run times, in seconds.
    pub(crate) run_time: f64,
    pub(crate) outside: Outside,
}

/// What kind of server a seed is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Calm,
    Faulty,
    Interrupted,
    /// Headers on every answer, nobody else, nothing goes wrong: refusals would be our own fault.
    Told,
}

pub(crate) fn draw(kind: Kind, seed: u64) -> World {
    let mut random = StdRng::seed_from_u64(seed);
    let vpses = random.random_range(0..90);
    let windows = match kind {
        Kind::Told => vec![Window::Fixed, Window::FixedFromFirst],
        _ => vec![
            Window::Fixed,
            Window::FixedFromFirst,
            Window::Sliding,
            Window::SlidingCountingRefusals,
            Window::Bucket,
            Window::BucketNext,
        ],
    };
    let window = windows[random.random_range(0..windows.len())];
    let limited = matches!(kind, Kind::Told) || random.random_bool(0.8);
    let limit = limited.then(|| {
        let rate = RateLimit {
            limit: random.random_range(5..120),
            window: Duration::from_secs([3, 5, 10, 60][random.random_range(0..4)]),
        };
        (rate, window)
    });
    let headers = match kind {
        Kind::Told => Headers::Always,
        _ => [Headers::Always, Headers::OnRefusal, Headers::RetryAfterOnly, Headers::Never]
            [random.random_range(0..4)],
    };
    let others = !matches!(kind, Kind::Told) && random.random_bool(0.2);
    let api = limit.map(|(rate, window)| {
        let alone = Limiter::new(rate, window);
        let per_second = f64::from(rate.limit) / rate.window.as_secs_f64() / 5.0;
        if others { alone.with_others(per_second) } else { alone }
    });
    let least = random.random_range(0.001..0.1);
    let faults = match kind {
        Kind::Faulty => random.random_range(0.02..0.3),
        Kind::Interrupted if random.random_bool(0.5) => 0.05,
        Kind::Interrupted | Kind::Calm | Kind::Told => 0.0,
    };
    let outside = outside(kind, &mut random);
    World {
        seed,
        vpses,
        page: random.random_range(1..60),
        spec: spec(kind, &mut random),
        limit,
        limiter: api,
        headers,
        latency: (least, least + random.random_range(0.0..0.3)),
        faults,
        skew: random.random_range(-90..90),
        run_time: random.random_range(0.01..8.0),
        outside,
    }
}

fn outside(kind: Kind, random: &mut StdRng) -> Outside {
    let mut signals = Vec::new();
    if matches!(kind, Kind::Interrupted) {
        let first = Duration::from_secs_f64(random.random_range(0.0..40.0));
        signals.push((RunTime::from_start(first), [1, 2, 15][random.random_range(0..3)]));
        if random.random_bool(0.3) {
            let second = first + Duration::from_secs_f64(random.random_range(0.0..12.0));
            signals.push((RunTime::from_start(second), 2));
        }
    }
    Outside { signals, confirms: random.random_bool(0.8) }
}

fn spec(kind: Kind, random: &mut StdRng) -> RunSpec {
    let steps = (0..random.random_range(1..4))
        .map(|number| Step {
            name: format!("step {number}"),
            run: Template::verbatim(format!("command {number}")),
            timeout: Some(Duration::from_secs(random.random_range(5..60))),
            accept: if random.random_bool(0.8) { vec![0] } else { vec![0, 3] },
            on_failure: if random.random_bool(0.5) { OnFailure::Stop } else { OnFailure::Continue },
            idempotent: random.random_bool(0.2),
        })
        .collect();
    let calm = matches!(kind, Kind::Told);
    let rate = (!calm && random.random_bool(0.3)).then(|| Rate {
        requests: random.random_range(1..400),
        window: Duration::from_secs(random.random_range(1..20)),
    });
    RunSpec {
        purpose: if random.random_bool(0.95) { Purpose::Run } else { Purpose::List },
        selection: Selection { rules: vec![crate::model::everything()], ..Selection::default() },
        vars: Vars::default(),
        steps,
        order: [Order::Listed, Order::Name, Order::Random][random.random_range(0..3)],
        concurrency: random.random_bool(0.3).then(|| random.random_range(1..30)),
        connections: random.random_range(1..40),
        rate,
        deadline: (!calm && random.random_bool(0.2))
            .then(|| Duration::from_secs(random.random_range(1..200))),
        confirm_over: random.random_bool(0.2).then(|| random.random_range(0..60)),
        seed: random.random(),
    }
}
