//! The servers, limits and fleets of the table.

use std::time::Duration;

use crate::{
    limiter::{Kind, Limiter},
    world::{Headers, Scope, World},
};
use rollcall::playbook::Rate;

/// One kind of server, and what is special about the run on it.
pub(crate) struct Model {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Requests and seconds.
    pub(crate) limit: (u64, u64),
    headers: Headers,
    scope: Scope,
    rounded_up: bool,
    /// The share of the limit that another client asks for.
    pub(crate) others: f64,
    /// The user's rate: requests and seconds.
    pub(crate) rate: Option<(u32, u64)>,
    reserve: u8,
    sigma: f64,
    /// Of the commands' five seconds.
    part: f64,
    /// Milliseconds there and back: the shortest and the longest.
    pub(crate) round_trip: (u64, u64),
}

const fn model(name: &'static str, kind: Kind, limit: (u64, u64), headers: Headers) -> Model {
    Model {
        name,
        kind,
        limit,
        headers,
        scope: Scope::Key,
        rounded_up: true,
        others: 0.0,
        rate: None,
        reserve: 0,
        sigma: 0.25,
        part: 1.0,
        round_trip: (20, 60),
    }
}

/// All of them.
pub(crate) const MODELS: &[Model] = &[
    model("fixed 120/60s, headers on all", Kind::FixedAligned, (120, 60), Headers::OnAll),
    model("fixed 300/5s, headers on all", Kind::FixedAligned, (300, 5), Headers::OnAll),
    model("fixed 600/60s, headers on all", Kind::FixedAligned, (600, 60), Headers::OnAll),
    model("fixed 1000/3600s, headers on all", Kind::FixedAligned, (1000, 3600), Headers::OnAll),
    model("fixed-first 300/60s, headers on all", Kind::FixedFromFirst, (300, 60), Headers::OnAll),
    model("sliding 300/60s, headers on all", Kind::SlidingLog, (300, 60), Headers::OnAll),
    model("strict 300/60s, headers on all", Kind::SlidingLogCountingRefusals, (300, 60), Headers::OnAll),
    model("bucket 300/60s, headers on all", Kind::TokenBucketFull, (300, 60), Headers::OnAll),
    model("bucket-next 300/60s, headers on all", Kind::TokenBucketNext, (300, 60), Headers::OnAll),
    Model {
        scope: Scope::Operation,
        ..model("operations 300/60s each, headers on all", Kind::FixedAligned, (300, 60), Headers::OnAll)
    },
    Model {
        rounded_up: false,
        ..model("fixed-down 300/60s, Reset rounded down", Kind::FixedAligned, (300, 60), Headers::OnAll)
    },
    Model {
        others: 0.2,
        ..model("shared 300/60s, another asks a fifth", Kind::FixedAligned, (300, 60), Headers::OnAll)
    },
    Model {
        reserve: 20,
        others: 0.2,
        ..model("reserve 300/60s, 20 % left to another", Kind::FixedAligned, (300, 60), Headers::OnAll)
    },
    model("fixed 300/60s, headers on 429", Kind::FixedAligned, (300, 60), Headers::OnRefusals),
    model("fixed 300/60s, Retry-After alone", Kind::FixedAligned, (300, 60), Headers::RetryAfterOnly),
    model("fixed 300/60s, no headers", Kind::FixedAligned, (300, 60), Headers::None),
    model("sliding 300/60s, headers on 429", Kind::SlidingLog, (300, 60), Headers::OnRefusals),
    model("sliding 300/60s, Retry-After alone", Kind::SlidingLog, (300, 60), Headers::RetryAfterOnly),
    model("bucket 300/60s, Retry-After alone", Kind::TokenBucketFull, (300, 60), Headers::RetryAfterOnly),
    Model {
        scope: Scope::Operation,
        ..model(
            "operations 300/60s each, Retry-After alone",
            Kind::FixedAligned,
            (300, 60),
            Headers::RetryAfterOnly,
        )
    },
    model("short 10/1s, headers on all", Kind::FixedAligned, (10, 1), Headers::OnAll),
    model("short 100/2s, headers on all", Kind::FixedAligned, (100, 2), Headers::OnAll),
    model("short-sliding 10/1s, headers on all", Kind::SlidingLog, (10, 1), Headers::OnAll),
    model("short 10/1s, Retry-After alone", Kind::FixedAligned, (10, 1), Headers::RetryAfterOnly),
    Model {
        scope: Scope::Vps,
        ..model("vps 2/10s each, headers on all", Kind::FixedFromFirst, (2, 10), Headers::OnAll)
    },
    Model {
        scope: Scope::Vps,
        ..model("vps 2/10s each, Retry-After alone", Kind::FixedFromFirst, (2, 10), Headers::RetryAfterOnly)
    },
    Model {
        rate: Some((150, 60)),
        ..model("rate 150/60s on 300/60s", Kind::FixedAligned, (300, 60), Headers::OnAll)
    },
    Model {
        rate: Some((600, 60)),
        ..model("rate 600/60s on 300/60s", Kind::FixedAligned, (300, 60), Headers::OnAll)
    },
    Model { rate: Some((300, 60)), ..model("rate 300/60s, no limit", Kind::None, (1, 1), Headers::None) },
    Model { sigma: 0.05, ..model("none, sigma 0.05", Kind::None, (1, 1), Headers::None) },
    model("none, sigma 0.25", Kind::None, (1, 1), Headers::None),
    Model { round_trip: (100, 140), ..model("none-far, 120 ms away", Kind::None, (1, 1), Headers::None) },
    Model {
        sigma: 0.0,
        part: 0.04,
        round_trip: (20, 22),
        ..model("none-quick, 0.2 s commands", Kind::None, (1, 1), Headers::None)
    },
];

impl Model {
    /// A world of this kind: every command takes about five seconds, and nothing goes wrong.
    pub(crate) fn world(&self, targets: usize, seed: u64) -> World {
        let window = Duration::from_secs(self.limit.1);
        // Somewhere in a window, by the golden ratio, so that few seeds cover it evenly.
        #[expect(clippy::cast_precision_loss, reason = "seeds are small")]
        let phase = window.mul_f64((seed as f64 * 0.618_033_988_75).fract());
        let limiter = Limiter::new(self.kind, self.limit.0, window).begun_before(phase);
        let mut world = World::steady(targets, limiter, self.headers, seed, self.sigma);
        let (shortest, longest) = self.round_trip;
        world.latency = (Duration::from_millis(shortest / 2), Duration::from_millis(longest / 2));
        world.scope = self.scope;
        world.reset_rounded_up = self.rounded_up;
        world.epoch += Duration::from_millis(seed * 137 % 1000);
        #[expect(clippy::cast_precision_loss, reason = "limits are small")]
        let limit = self.limit.0 as f64;
        world.other_client = self.others * limit / window.as_secs_f64();
        for guest in world.guests.values_mut() {
            guest.commands[0].takes = guest.commands[0].takes.map(|takes| takes.mul_f64(self.part));
        }
        world.spec.reserve = self.reserve;
        world.spec.rate =
            self.rate.map(|(requests, seconds)| Rate { requests, window: Duration::from_secs(seconds) });
        world
    }

    /// The least time that such a run can take, by requests alone. Source: the table of lower bounds in
    /// `docs/performance.md`.
    pub(crate) fn least(&self, world: &World, targets: usize) -> Duration {
        let all = targets.div_ceil(100) + 3 * targets;
        // Where each operation has its own limit, the most frequent one decides.
        let requests = if self.scope == Scope::Operation { targets } else { all } as u64;
        let (limit, window) = (self.limit.0, world.limiter.window);
        let windows = |requests: u64| u32::try_from(requests.div_ceil(limit)).expect("few windows");
        let by_limit = match self.kind {
            // Listings share one.
            _ if self.scope == Scope::Vps => window * (windows(targets.div_ceil(100) as u64) - 1),
            Kind::None => Duration::ZERO,
            Kind::FixedAligned => match windows(requests) {
                0 | 1 => Duration::ZERO,
                count => first_boundary(&world.limiter) + window * (count - 2),
            },
            Kind::FixedFromFirst | Kind::SlidingLog | Kind::SlidingLogCountingRefusals => {
                window * (windows(requests) - 1)
            }
            Kind::TokenBucketFull | Kind::TokenBucketNext => {
                window.mul_f64(ratio(requests.saturating_sub(limit), limit))
            }
        };
        let by_rate = world.spec.rate.map_or(Duration::ZERO, |rate| {
            let burst = u64::from((rate.requests / 50).max(1));
            let refills = u64::from(rate.requests) - burst + 1;
            rate.window.mul_f64(ratio(all as u64 - burst.min(all as u64), refills))
        });
        let mean_trip = Duration::from_millis(self.round_trip.0.midpoint(self.round_trip.1));
        let by_network = mean_trip.mul_f64(ratio(all as u64, world.spec.connections as u64));
        [by_limit, by_rate, by_network, self.critical(world)].into_iter().max().unwrap_or_default()
    }

    /// No run can be shorter than its longest command, with the requests around it.
    fn critical(&self, world: &World) -> Duration {
        let trip = Duration::from_millis(self.round_trip.0);
        trip * 4 + longest(world)
    }
}

/// From the beginning to the end of an aligned window's first one.
fn first_boundary(limiter: &Limiter) -> Duration {
    let into = limiter.phase.as_nanos() % limiter.window.as_nanos();
    limiter.window.saturating_sub(Duration::from_nanos(u64::try_from(into).expect("a short window")))
}

/// The longest command.
pub(crate) fn longest(world: &World) -> Duration {
    world.guests.values().filter_map(|guest| guest.commands[0].takes).max().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
