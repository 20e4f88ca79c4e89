//! `Retry-After` and the rate-limit headers, and the budget that hears them.

use std::time::Duration;

use rollcall::{
    budget::{Budget, Operation, RunTime, Terms},
    engine::Call,
    hostup::RawAnswer,
};

use super::{api, input::Input};

/// **Property.** Any header value is read or counts as missing. A budget that hears it several times never overflows,
/// never names a time that has passed, and lets something leave again once the time that it names is there.
pub fn holds(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let status = input.choose(&[200, 429, 503]);
    let steps = [input.number(), input.number(), input.number()];
    let names = ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "date"];
    let headers: Vec<_> = names.iter().map(|name| ((*name).to_owned(), input.bytes().to_vec())).collect();
    let answer = RawAnswer { status, headers, body: Vec::new() };
    let [one, two] = api::read_twice(&Call::Probe { vps: api::vps() }, &answer).map(|reply| reply.signals);
    assert_eq!(one, two);

    let mut budget = Budget::new(&Terms { connections: 2, seed: 7, ..Terms::default() });
    let mut now = RunTime::START;
    for step in steps.into_iter().cycle().take(12) {
        match budget.take(now, Operation::Probe, Some(usize::from(step % 3))) {
            Ok(ticket) => {
                now = now + Duration::from_millis(u64::from(step) * 10);
                if let Some(until) = budget.answered(now, ticket, &one) {
                    assert!(until >= now, "{until} is before {now}");
                }
            }
            Err(wait) => {
                let until = wait.until().expect("nothing is in flight");
                assert!(until > now, "{until} is not after {now}");
                now = until;
            }
        }
        let _ = (budget.credit(now), budget.knowledge(), budget.paused_until(now), budget.is_spent());
    }
}
