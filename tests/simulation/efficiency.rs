//! How close a run comes to the least time that its limit allows, and how many requests a target costs.
//!
//! The bound is that of requests alone: a listing page a hundred targets, and three requests a target. What is asserted
//! is loose, so that the policy may change; the numbers are printed for whoever changes it.

use std::time::Duration;

use crate::{
    harness::drive,
    limiter::{Kind, Limiter},
    server::Server,
    world::{Headers, World},
};

struct Measured {
    makespan: Duration,
    bound: Duration,
    /// The longest run time: what is started last may add all of it.
    longest: Duration,
    requests_a_target: f64,
    refused: u64,
}

fn measure(targets: usize, kind: Kind, limit: u64, window: u64, headers: Headers) -> Measured {
    let window = Duration::from_secs(window);
    let world = World::steady(targets, Limiter::new(kind, limit, window), headers, 11, 0.25);
    let mut server = Server::new(&world);
    let account =
        drive(world.spec.clone(), &mut server, &world.people, 10_000_000).expect("a run that ends").run;
    let longest = world.guests.values().filter_map(|guest| guest.commands[0].takes).max().unwrap_or_default();
    let least = targets.div_ceil(100) + 3 * targets;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let (least, limit, count) = (least as f64, limit as f64, targets as f64);
    let windows = match kind {
        Kind::FixedAligned | Kind::FixedFromFirst | Kind::SlidingLog => (least / limit).ceil() - 1.0,
        _ => (least - limit).max(0.0) / limit,
    };
    let bound = (windows * window.as_secs_f64()).max(longest.as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let (requests, refused) = (account.requests.total() as f64, account.requests.throttled);
    assert_eq!(account.exit_code(false), 0);
    let measured = Measured {
        makespan: account.duration,
        bound: Duration::from_secs_f64(bound),
        longest,
        requests_a_target: requests / count,
        refused,
    };
    #[expect(clippy::print_stderr, reason = "it is what this is for; shown with --no-capture")]
    {
        eprintln!(
            "{kind:?} {limit}/{window:?} {headers:?}, {targets} targets: bound {bound:.1} s, took {:.1} s (d {:.1} s), \
             ratio {:.3}, {:.2} requests a target, {refused} refused",
            account.duration.as_secs_f64(),
            longest.as_secs_f64(),
            account.duration.as_secs_f64() / bound,
            measured.requests_a_target,
        );
    }
    measured
}

#[test]
fn a_limit_known_from_every_answer_is_used_well() {
    for (kind, limit, window) in
        [(Kind::FixedAligned, 300, 5), (Kind::TokenBucketFull, 300, 5), (Kind::FixedAligned, 120, 60)]
    {
        let measured = measure(500, kind, limit, window, Headers::OnAll);
        assert!(measured.makespan <= measured.bound.mul_f64(1.5) + measured.longest);
        assert!(measured.requests_a_target <= 3.6, "{}", measured.requests_a_target);
        assert!(measured.refused <= 2, "{}", measured.refused);
    }
}

#[test]
fn a_limit_known_from_refusals_is_used_well() {
    for (kind, limit, window) in [(Kind::FixedAligned, 300, 5), (Kind::FixedFromFirst, 300, 60)] {
        for headers in [Headers::OnRefusals, Headers::RetryAfterOnly] {
            let measured = measure(500, kind, limit, window, headers);
            assert!(measured.makespan <= measured.bound.mul_f64(1.5) + measured.longest);
            assert!(measured.requests_a_target <= 3.6, "{}", measured.requests_a_target);
        }
    }
}

#[test]
fn without_a_limit_the_guests_decide() {
    let measured = measure(500, Kind::None, 1_000_000, 1, Headers::None);
    assert!(measured.makespan <= measured.bound.mul_f64(1.5));
    assert!(measured.requests_a_target <= 4.5, "{}", measured.requests_a_target);
}
