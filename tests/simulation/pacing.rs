//! What holds of the pacing in every run: pauses, the user's own bounds, refusals, and that nobody waits for ever.

use std::{collections::BTreeSet, time::Duration};

use rollcall::{budget::RunTime, engine::EventKind, fleet::VpsId};

use crate::{
    harness::{Request, Seen},
    invariants::{Evidence, Verdict, ensure},
    limiter::Kind,
    server::pause_asked,
    world::{Headers, Scope},
};

/// The refused requests, each with the time of its answer and the pause that it asks for, at least.
fn refusals<'a>(evidence: &'a Evidence) -> impl Iterator<Item = (&'a Request, RunTime, RunTime)> + use<'a> {
    evidence.account.requests.iter().filter_map(|request| {
        let (at, reply) = request.answer.as_ref()?;
        if !reply.signals.throttled {
            return None;
        }
        Some((request, *at, *at + pause_asked(&reply.signals)))
    })
}

pub(crate) fn retry_after_is_obeyed(evidence: &Evidence) -> Verdict {
    let requests = &evidence.account.requests;
    for (refused, at, until) in refusals(evidence) {
        // Requests are in sending order, so the first one after the refusal is the earliest. Those sent in the same
        // instant left before the answer was here.
        let after = &requests[requests.partition_point(|request| request.at <= at)..];
        let bucket = evidence.world.bucket_of(&refused.call);
        let in_pause = after.iter().take_while(|request| request.at < until);
        if let Some(request) =
            in_pause.into_iter().find(|request| evidence.world.bucket_of(&request.call) == bucket)
        {
            return Err(format!("{} was sent in the pause {at} to {until}", request.at));
        }
    }
    Ok(())
}

pub(crate) fn one_request_goes_first_after_a_pause(evidence: &Evidence) -> Verdict {
    let requests = &evidence.account.requests;
    // What has a limit of its own may go on when it is known to have one.
    let world = evidence.world;
    if world.scope != Scope::Key {
        return Ok(());
    }
    for (_, at, _) in refusals(evidence) {
        let first = requests.partition_point(|request| request.at <= at);
        let (Some(scout), Some(second)) = (requests.get(first), requests.get(first + 1)) else { continue };
        let answered = scout.answer.as_ref().map(|(answered, _)| *answered);
        ensure(answered.is_some_and(|answered| second.at >= answered), || {
            format!("after the refusal at {at}, {} went before the answer to {}", second.at, scout.at)
        })?;
    }
    Ok(())
}

pub(crate) fn user_rate_holds(evidence: &Evidence) -> Verdict {
    let Some(rate) = evidence.world.spec.rate else { return Ok(()) };
    let apart = usize::try_from(rate.requests).expect("a small rate");
    let requests = &evidence.account.requests;
    for (first, last) in requests.iter().zip(requests.iter().skip(apart)) {
        ensure(last.at.since(first.at) >= rate.window, || {
            format!("{} requests between {} and {}", apart + 1, first.at, last.at)
        })?;
    }
    Ok(())
}

pub(crate) fn connections_hold(evidence: &Evidence) -> Verdict {
    let mut in_flight = 0;
    for (at, seen) in &evidence.account.log {
        match seen {
            Seen::Sent(..) => in_flight += 1,
            Seen::Answered(..) => in_flight -= 1,
            _ => {}
        }
        let most = evidence.world.spec.connections;
        ensure(in_flight <= most, || format!("{in_flight} in flight at {at}, not {most}"))?;
    }
    Ok(())
}

pub(crate) fn concurrency_holds(evidence: &Evidence) -> Verdict {
    let Some(most) = evidence.world.spec.concurrency else { return Ok(()) };
    let mut at_work: BTreeSet<&VpsId> = BTreeSet::new();
    for (at, seen) in &evidence.account.log {
        match seen {
            Seen::Sent(_, call) => at_work.extend(call.vps()),
            Seen::Told(EventKind::TargetFinished(result)) => {
                if let Ok(id) = result.vps.id() {
                    at_work.remove(id);
                }
            }
            _ => {}
        }
        ensure(at_work.len() <= most, || format!("{} targets at work at {at}, not {most}", at_work.len()))?;
    }
    Ok(())
}

/// Holds for fixed windows and token buckets that nobody else uses; in each, a scout may come too early twice.
pub(crate) fn no_refusals_where_the_budget_is_known(evidence: &Evidence) -> Verdict {
    let world = evidence.world;
    let exact = matches!(
        evidence.kind,
        Kind::FixedAligned | Kind::FixedFromFirst | Kind::TokenBucketFull | Kind::TokenBucketNext
    );
    // Of a bucket whose Reset names the next token, nobody can tell whether it is one of several.
    let obscure = evidence.kind == Kind::TokenBucketNext && world.scope == Scope::Operation;
    if !exact || obscure || !world.is_calm() || world.headers != Headers::OnAll {
        return Ok(());
    }
    let refused = refusals(evidence).count();
    let limits = if world.scope == Scope::Operation { 4 } else { 1 };
    ensure(refused <= 2 * limits, || format!("{refused} refused in {limits} limits"))
}

/// Holds where one limit counts everything, others leave it alone, and only refusals tell of it.
pub(crate) fn an_unnamed_limit_is_found_at_little_cost(evidence: &Evidence) -> Verdict {
    let world = evidence.world;
    let unnamed = matches!(world.headers, Headers::OnRefusals | Headers::RetryAfterOnly);
    let long = world.limiter.window >= Duration::from_secs(5);
    if !world.is_calm() || world.scope != Scope::Key || !unnamed || !long {
        return Ok(());
    }
    let mut answers: Vec<RunTime> = refusals(evidence).map(|(_, at, _)| at).collect();
    answers.sort_unstable();
    let Some(&first) = answers.first() else { return Ok(()) };
    let requests = &evidence.account.requests;
    let next = requests.get(requests.partition_point(|request| request.at <= first));
    let at_first = answers.iter().filter(|&&at| next.is_none_or(|next| at < next.at)).count() as u64;
    let most = (8 + world.limiter.limit / 10 + 1).min(world.spec.connections as u64);
    ensure(at_first <= most, || format!("{at_first} refused at first, not {most}"))?;
    let in_all = answers.len();
    ensure(in_all <= 25 + requests.len() / 100, || format!("{in_all} of {} refused", requests.len()))
}

/// How long starts may go before polls, towards the end of a run.
const ENDGAME: Duration = Duration::from_mins(5);

/// Where nothing goes wrong, a result is there a while after its command has ended: two windows, the gap to the next poll,
/// and what starts may take before that.
pub(crate) fn what_has_ended_is_asked_for(evidence: &Evidence) -> Verdict {
    let world = evidence.world;
    if !world.is_calm() || world.scope != Scope::Key || evidence.account.run.stop.is_some() {
        return Ok(());
    }
    for (at, seen) in &evidence.account.log {
        let Seen::Told(EventKind::TargetFinished(result)) = seen else { continue };
        let ended = evidence.journal.values().filter(|process| result.vps.id() == Ok(&process.vps));
        let ended =
            ended.filter_map(|process| Some((process.began + process.work.takes?, process.work.takes?)));
        let Some((ended, takes)) = ended.max() else { continue };
        let rate = world.spec.rate.map_or(Duration::ZERO, |rate| rate.window * 2);
        let patience = takes * 2 + world.limiter.window * 2 + rate + Duration::from_secs(75) + ENDGAME;
        ensure(at.since(ended) <= patience, || {
            format!("{} ended at {ended} and was told of at {at}", result.vps.raw_id())
        })?;
    }
    Ok(())
}
