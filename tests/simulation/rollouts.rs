//! What holds of batches and of the failures that a run allows.

use std::collections::BTreeMap;

use rollcall::{
    budget::RunTime,
    engine::{Call, EventKind, Ran, Stop, TargetResult},
    fleet::VpsId,
};

use crate::{
    harness::Seen,
    invariants::{Evidence, Verdict, ensure},
};

/// When a target's first start left, and when it was over.
#[derive(Debug, Default, Clone, Copy)]
struct Span {
    started: Option<RunTime>,
    over: Option<RunTime>,
}

/// In the order of their first starts.
fn spans(evidence: &Evidence) -> Vec<Span> {
    let mut spans: BTreeMap<VpsId, Span> = BTreeMap::new();
    let mut order: Vec<VpsId> = Vec::new();
    for (at, seen) in &evidence.account.log {
        match seen {
            Seen::Sent(_, Call::Start { vps, .. }) => {
                let span = spans.entry(vps.clone()).or_default();
                if span.started.is_none() {
                    span.started = Some(*at);
                    order.push(vps.clone());
                }
            }
            Seen::Told(EventKind::TargetFinished(result)) => {
                if let Ok(id) = result.vps.id() {
                    spans.entry(id.clone()).or_default().over.get_or_insert(*at);
                }
            }
            _ => {}
        }
    }
    order.iter().map(|id| spans[id]).collect()
}

/// Nothing of a batch is started before all that the batches before it started is over, and the pause with it.
pub(crate) fn batches_wait_for_each_other(evidence: &Evidence) -> Verdict {
    let spec = &evidence.world.spec;
    let Some(last) = spec.batches.last() else { return Ok(()) };
    let selected = evidence.world.guests.len() + evidence.world.bad_ids;
    let mut sizes =
        spec.batches.iter().chain(std::iter::repeat(last)).map(|size| size.rounded_up(selected).max(1));
    let spans = spans(evidence);
    let mut first = sizes.next().unwrap_or(1);
    while first < spans.len() {
        let over = spans[..first].iter().map(|span| span.over).max().flatten();
        let next = spans[first].started;
        let waited = over.zip(next).is_some_and(|(over, next)| next >= over + spec.pause);
        ensure(waited, || {
            format!("target {first} was started at {next:?}, those before it were over at {over:?}")
        })?;
        first += sizes.next().unwrap_or(1);
    }
    Ok(())
}

/// Once more have failed than may, nothing is started on a target on which nothing was.
pub(crate) fn nobody_is_started_after_too_many_failures(evidence: &Evidence) -> Verdict {
    let spec = &evidence.world.spec;
    let Some(allowed) = spec.max_failures else { return Ok(()) };
    let allowed = allowed.rounded_down(evidence.world.guests.len() + evidence.world.bad_ids);
    let mut failed = 0;
    let mut started: Vec<&VpsId> = Vec::new();
    for (at, seen) in &evidence.account.log {
        match seen {
            Seen::Told(EventKind::TargetFinished(result)) => {
                // What has no usable id fails before the run begins; it does not count.
                failed += usize::from(result.failed(spec.fail_on) && result.vps.id().is_ok());
            }
            Seen::Sent(_, Call::Start { vps, .. }) if !started.contains(&vps) => {
                ensure(failed <= allowed, || format!("{vps} was started at {at}, after {failed} failures"))?;
                started.push(vps);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Too many failures leave no target half done: whatever was begun then is seen through.
pub(crate) fn too_many_failures_leave_nobody_half_done(evidence: &Evidence) -> Verdict {
    if !matches!(evidence.account.run.stop, Some(Stop::MaxFailures { .. })) {
        return Ok(());
    }
    let half_done = |target: &TargetResult| {
        let reason = rollcall::engine::Reason::MaxFailures;
        target.ran != Ran::No && target.steps.iter().any(|step| step.reason == Some(reason))
    };
    let found = evidence.account.run.targets.iter().find(|target| half_done(target));
    ensure(found.is_none(), || format!("{:?}", found.map(|target| target.vps.raw_id())))
}
