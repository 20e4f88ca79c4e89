//! What holds in every run: each a function over the world, the account of the run, and the server's journal.

use std::collections::{BTreeMap, BTreeSet};

use rollcall::{
    budget::RunTime,
    engine::{
        Answer, Availability, Call, EventKind, Failure, GRACE, Pid, PollAnswer, Ran, Reason, Started, Status,
        StepResult, Stop, TargetResult,
    },
    fleet::VpsId,
};

use crate::{
    guest::steps_of,
    harness::{Account, Request, Seen},
    judgements,
    limiter::Kind,
    pacing, rollouts,
    server::Process,
    world::World,
};

/// What an invariant may look at.
pub(crate) struct Evidence<'a> {
    pub(crate) world: &'a World,
    pub(crate) kind: Kind,
    pub(crate) account: &'a Account,
    pub(crate) journal: &'a BTreeMap<u64, Process>,
}

pub(crate) type Verdict = Result<(), String>;

/// A rule and its name.
pub(crate) type Invariant = (&'static str, fn(&Evidence) -> Verdict);

/// All of them.
pub(crate) const ALL: &[Invariant] = &[
    ("every selected VPS ends in exactly one result", every_selected_vps_ends_once),
    ("a step runs at most once, an idempotent one at most three times", no_step_runs_twice),
    ("probe before start before poll", probe_then_start_then_poll),
    ("at most one request in flight a target", one_request_in_flight_a_target),
    ("`ran` is truthful", ran_is_truthful),
    ("`ok` is never guessed", ok_is_never_guessed),
    ("statuses and reasons only as the failure model allows", statuses_and_reasons_fit),
    ("Retry-After is obeyed", pacing::retry_after_is_obeyed),
    ("one request goes first after a pause", pacing::one_request_goes_first_after_a_pause),
    ("no span holds more than the user's rate", pacing::user_rate_holds),
    ("no more in flight than connections", pacing::connections_hold),
    ("no more targets at work than the concurrency", pacing::concurrency_holds),
    ("no start leaves after a stop", no_start_after_a_stop),
    ("polls end with the grace", polls_end_with_the_grace),
    ("what a signal left unstarted is cancelled", unstarted_are_cancelled_by_a_signal),
    ("no start before the whole inventory", no_start_before_the_inventory),
    ("a run that is stopped early on starts nothing", early_stops_start_nothing),
    ("no 429 where the answers say what is left", pacing::no_refusals_where_the_budget_is_known),
    ("a limit that nobody names is found at little cost", pacing::an_unnamed_limit_is_found_at_little_cost),
    ("what has ended is asked for before long", pacing::what_has_ended_is_asked_for),
    ("batches wait for each other", rollouts::batches_wait_for_each_other),
    ("nobody is started after too many failures", rollouts::nobody_is_started_after_too_many_failures),
    ("too many failures leave nobody half done", rollouts::too_many_failures_leave_nobody_half_done),
    ("conditions are obeyed", judgements::conditions_are_obeyed),
    ("captures are their steps' own", judgements::captures_are_their_steps_own),
    ("`on_failure` is obeyed", judgements::on_failure_is_obeyed),
    (
        "nothing is changed after a failed expectation",
        judgements::nothing_is_changed_after_a_failed_expectation,
    ),
    ("markers are not missed where they are", judgements::markers_are_not_missed_where_they_are),
    ("requests are counted as sent", requests_are_counted),
    ("the summary adds up", summary_adds_up),
    ("the time spent adds up to the duration", time_spent_adds_up),
];

pub(crate) fn ensure(holds: bool, message: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(message()) }
}

pub(crate) fn results<'a>(evidence: &'a Evidence) -> impl Iterator<Item = (&'a VpsId, &'a TargetResult)> {
    let targets = evidence.account.run.targets.iter();
    targets.filter_map(|target| Some((target.vps.id().ok()?, &**target)))
}

fn step_results<'a>(evidence: &'a Evidence) -> impl Iterator<Item = (&'a VpsId, usize, &'a StepResult)> {
    results(evidence).flat_map(|(id, target)| {
        target.steps.iter().enumerate().map(move |(step, result)| (id, step, result))
    })
}

fn processes(evidence: &Evidence, vps: &VpsId, step: usize) -> usize {
    let on_it = evidence.journal.values().filter(|process| process.vps == *vps);
    on_it.flat_map(|process| &process.work.parts).filter(|part| part.step == step).count()
}

fn starts_of<'a>(
    evidence: &'a Evidence,
    vps: &'a VpsId,
    step: usize,
) -> impl Iterator<Item = &'a Request> + use<'a> {
    let guests = &evidence.world.guests;
    evidence.account.requests.iter().filter(move |request| {
        matches!(&request.call, Call::Start { vps: on, command } if on == vps
            && steps_of(&guests[on], command).contains(&step))
    })
}

pub(crate) fn every_selected_vps_ends_once(evidence: &Evidence) -> Verdict {
    let run = &evidence.account.run;
    let nobody = matches!(run.stop, Some(Stop::Inventory(_) | Stop::Selection(_) | Stop::Declined));
    let mut ids = BTreeSet::new();
    for target in &run.targets {
        ensure(ids.insert(target.vps.raw_id()), || format!("{} has two results", target.vps.raw_id()))?;
        let steps = evidence.world.spec.steps.len();
        ensure(target.steps.len() == steps, || format!("{} steps, not {steps}", target.steps.len()))?;
    }
    if nobody {
        return ensure(ids.is_empty(), || "results of a run without targets".to_owned());
    }
    let complete = evidence.account.told(|kind| matches!(kind, EventKind::SelectionCompleted(_))).is_some();
    let expected = evidence.world.guests.len() + evidence.world.bad_ids;
    ensure(!complete || ids.len() == expected, || format!("{} results of {expected}", ids.len()))
}

pub(crate) fn no_step_runs_twice(evidence: &Evidence) -> Verdict {
    let mut counts: BTreeMap<(&VpsId, usize), usize> = BTreeMap::new();
    for process in evidence.journal.values() {
        for part in &process.work.parts {
            *counts.entry((&process.vps, part.step)).or_default() += 1;
        }
    }
    for ((vps, step), count) in counts {
        let most = if evidence.world.spec.steps[step].idempotent { 3 } else { 1 };
        ensure(count <= most, || format!("step {step} ran {count} times on {vps}"))?;
    }
    Ok(())
}

fn probe_then_start_then_poll(evidence: &Evidence) -> Verdict {
    let mut available: BTreeSet<&VpsId> = BTreeSet::new();
    let mut pids: BTreeSet<(&VpsId, Pid)> = BTreeSet::new();
    let mut calls = BTreeMap::new();
    for (_, seen) in &evidence.account.log {
        match seen {
            Seen::Sent(id, call) => {
                calls.insert(*id, call);
                match call {
                    Call::Start { vps, .. } => {
                        ensure(available.contains(vps), || format!("{vps} was started before its probe"))?;
                    }
                    Call::Poll { vps, pid, .. } => {
                        ensure(pids.contains(&(vps, *pid)), || format!("{vps} {pid} was never started"))?;
                    }
                    Call::List { .. } | Call::Probe { .. } => {}
                }
            }
            Seen::Answered(id, reply) => match (&reply.answer, calls[id]) {
                (Answer::Probed(Availability { available: true, .. }), Call::Probe { vps }) => {
                    available.insert(vps);
                }
                (Answer::Started(Started { pid: Some(pid), .. }), Call::Start { vps, .. }) => {
                    pids.insert((vps, *pid));
                }
                // Asked again, an agent has forgotten: there is no reason to.
                (Answer::Polled(PollAnswer::Exited(_)), Call::Poll { vps, pid, .. }) => {
                    pids.remove(&(vps, *pid));
                }
                _ => {}
            },
            _ => {}
        }
    }
    Ok(())
}

fn one_request_in_flight_a_target(evidence: &Evidence) -> Verdict {
    let mut busy: BTreeSet<&VpsId> = BTreeSet::new();
    let mut calls = BTreeMap::new();
    for (at, seen) in &evidence.account.log {
        match seen {
            Seen::Sent(id, call) => {
                calls.insert(*id, call);
                if let Some(vps) = call.vps() {
                    ensure(busy.insert(vps), || format!("two requests to {vps} in flight at {at}"))?;
                }
            }
            Seen::Answered(id, _) => {
                if let Some(vps) = calls[id].vps() {
                    busy.remove(vps);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn ran_is_truthful(evidence: &Evidence) -> Verdict {
    for (vps, step, result) in step_results(evidence) {
        let truth = processes(evidence, vps, step);
        let told = format!("step {step} of {vps} ({} {:?}) ran {}", result.status, result.reason, result.ran);
        match result.ran {
            Ran::No => ensure(truth == 0, || format!("{told}, but ran {truth} times"))?,
            Ran::Yes => ensure(truth > 0, || format!("{told}, but never did"))?,
            Ran::Maybe => {
                let sent = starts_of(evidence, vps, step).next().is_some();
                ensure(sent, || format!("{told}, but no start was sent"))?;
            }
        }
    }
    Ok(())
}

pub(crate) fn ok_is_never_guessed(evidence: &Evidence) -> Verdict {
    for (vps, step, result) in step_results(evidence) {
        let killed = result.reason == Some(Reason::Killed);
        if !matches!(result.status, Status::Ok | Status::Failed | Status::CheckFailed) && !killed {
            continue;
        }
        let told = format!("step {step} of {vps}: {} {:?}", result.status, result.exit_code);
        let pid = result.pid.ok_or_else(|| format!("{told} without a pid"))?;
        let process =
            evidence.journal.get(&pid.number()).ok_or_else(|| format!("{told}: no such process"))?;
        let part = process.work.parts.iter().find(|part| part.step == step && process.vps == *vps);
        let part = part.ok_or_else(|| format!("{told}: the result of another process"))?;
        let real =
            part.exit_code == result.exit_code && part.signal == result.signal && part.killed == killed;
        ensure(real, || format!("{told}, really {part:?}"))?;
        let accept = &evidence.world.spec.steps[step].accept;
        let good = !killed && result.exit_code.is_some_and(|code| accept.contains(&code));
        let told_good = matches!(result.status, Status::Ok | Status::CheckFailed);
        ensure(good == told_good, || format!("{told}, accepted {accept:?}"))?;
        let holds = result.checks.iter().all(|check| check.holds);
        ensure(good == (told_good && holds) || result.status == Status::CheckFailed, || {
            format!("{told}: {:?}", result.checks)
        })?;
        let text = |stream: &Option<rollcall::engine::Stream>| {
            stream.as_ref().map(|stream| stream.shown().into_owned())
        };
        let output = (text(&result.stdout), text(&result.stderr));
        let printed = (Some(part.stdout.clone()), Some(part.stderr.clone()));
        ensure(output == printed, || format!("{told} printed {output:?}"))?;
    }
    Ok(())
}

/// | status | reasons | ran |
/// |---|---|---|
/// | ok, failed | none | yes |
/// | check_failed | none, capture_failed | yes |
/// | timed_out | none; killed | yes; behind the first step of a bundle maybe |
/// | unknown | of the start: maybe; of the poll: yes, behind the first step of a bundle maybe | |
/// | running | none, auth, rate_limited | the same |
/// | unavailable, refused, skipped | always one | no |
/// | cancelled | none | no |
#[expect(clippy::match_like_matches_macro, reason = "it is a table")]
pub(crate) fn allowed(result: &StepResult) -> bool {
    use Reason as R;
    match (result.status, result.reason, result.ran) {
        (Status::Ok | Status::Failed, None, Ran::Yes) => true,
        (Status::CheckFailed, None | Some(R::CaptureFailed), Ran::Yes) => true,
        (Status::TimedOut, Some(R::Killed), Ran::Yes) => true,
        (Status::TimedOut, None, Ran::Yes | Ran::Maybe) => true,
        (Status::Unknown, Some(R::NoReply | R::Http5xx | R::Redirect), Ran::Maybe) => true,
        (
            Status::Unknown,
            Some(R::NoPid | R::ResultLost | R::PollLost | R::ResultTooLarge | R::Mismatch | R::MarkerLost),
            Ran::Yes | Ran::Maybe,
        ) => true,
        (Status::Unknown, Some(R::NoExitCode), Ran::Yes) => true,
        (Status::Running, None | Some(R::Auth | R::RateLimited), Ran::Yes | Ran::Maybe) => true,
        (
            Status::Unavailable,
            Some(R::Agent | R::Gone | R::ProbeFailed | R::Unreachable | R::RateLimited),
            Ran::No,
        ) => true,
        (Status::Refused, Some(R::BadId | R::Api | R::Template), Ran::No) => true,
        (
            Status::Skipped,
            Some(R::Deadline | R::EarlierStep | R::Auth | R::When | R::MaxFailures),
            Ran::No,
        ) => true,
        (Status::Cancelled, None, Ran::No) => true,
        _ => false,
    }
}

fn statuses_and_reasons_fit(evidence: &Evidence) -> Verdict {
    for target in &evidence.account.run.targets {
        for result in &target.steps {
            ensure(allowed(result), || {
                format!("{}: {} {:?} ran {}", target.vps.raw_id(), result.status, result.reason, result.ran)
            })?;
        }
        let counts = target.steps.iter().filter(|step| step.reason != Some(Reason::When));
        let worst = counts.map(|step| step.status).min().or(Some(Status::Skipped));
        let most = target.steps.iter().map(|step| step.ran).max();
        ensure(worst == Some(target.status) && most == Some(target.ran), || {
            format!("{}: {} ran {}", target.vps.raw_id(), target.status, target.ran)
        })?;
    }
    Ok(())
}

fn no_start_after_a_stop(evidence: &Evidence) -> Verdict {
    let Some(stopped) = evidence.account.told(|kind| matches!(kind, EventKind::Stopping(_))) else {
        return Ok(());
    };
    let mut sees_through = false;
    for (at, seen) in &evidence.account.log[stopped..] {
        if let Seen::Told(EventKind::Stopping(stop)) = seen {
            // What was begun may go on; `rollouts` judges that.
            sees_through = matches!(stop, Stop::MaxFailures { .. });
        }
        let start = match seen {
            Seen::Sent(_, Call::Start { .. }) => !sees_through,
            seen => matches!(seen, Seen::Sent(_, Call::List { .. } | Call::Probe { .. })),
        };
        ensure(!start, || format!("{seen:?} at {at}"))?;
    }
    Ok(())
}

fn polls_end_with_the_grace(evidence: &Evidence) -> Verdict {
    let mut interrupted: Option<RunTime> = None;
    for (at, seen) in &evidence.account.log {
        if matches!(seen, Seen::Signal(_)) {
            interrupted.get_or_insert(*at);
        }
        let late = interrupted.is_some_and(|since| at.since(since) > GRACE);
        ensure(!late, || format!("{seen:?} at {at}, long after the signal"))?;
    }
    Ok(())
}

fn unstarted_are_cancelled_by_a_signal(evidence: &Evidence) -> Verdict {
    let stop = |kind: &EventKind| matches!(kind, EventKind::Stopping(_));
    let log = &evidence.account.log;
    let Some(stopped) = evidence.account.told(stop) else { return Ok(()) };
    if !matches!(log[stopped].1, Seen::Told(EventKind::Stopping(Stop::Signal(_)))) {
        return Ok(());
    }
    let started: BTreeSet<&VpsId> = evidence.account.starts().filter_map(Request::vps).collect();
    for (at, seen) in &log[stopped..] {
        let Seen::Told(EventKind::TargetFinished(result)) = seen else { continue };
        let never = result.vps.id().is_ok_and(|id| !started.contains(id));
        ensure(!never || result.status == Status::Cancelled, || {
            format!("{} is {} at {at}", result.vps.raw_id(), result.status)
        })?;
    }
    Ok(())
}

fn no_start_before_the_inventory(evidence: &Evidence) -> Verdict {
    let complete = evidence.account.told(|kind| matches!(kind, EventKind::SelectionCompleted(_)));
    let before = &evidence.account.log[..complete.unwrap_or(evidence.account.log.len())];
    let started = before.iter().find(|(_, seen)| matches!(seen, Seen::Sent(_, Call::Start { .. })));
    ensure(started.is_none(), || format!("{started:?}"))
}

fn early_stops_start_nothing(evidence: &Evidence) -> Verdict {
    let early =
        matches!(evidence.account.run.stop, Some(Stop::Inventory(_) | Stop::Selection(_) | Stop::Declined));
    ensure(!early || evidence.journal.is_empty(), || format!("{} processes", evidence.journal.len()))
}

fn requests_are_counted(evidence: &Evidence) -> Verdict {
    let requests = &evidence.account.requests;
    let count =
        |fits: fn(&Call) -> bool| requests.iter().filter(|request| fits(&request.call)).count() as u64;
    let throttled = requests
        .iter()
        .filter(|request| {
            let answer = request.answer.as_ref().map(|(_, reply)| &reply.answer);
            matches!(answer, Some(Answer::Failed(Failure::Throttled(_))))
        })
        .count() as u64;
    let counted = evidence.account.run.requests;
    let seen = [
        count(|call| matches!(call, Call::List { .. })),
        count(|call| matches!(call, Call::Probe { .. })),
        count(|call| matches!(call, Call::Start { .. })),
        count(|call| matches!(call, Call::Poll { .. })),
        throttled,
    ];
    let told = [counted.list, counted.probe, counted.start, counted.poll, counted.throttled];
    ensure(seen == told, || format!("sent {seen:?}, counted {told:?}"))
}

fn summary_adds_up(evidence: &Evidence) -> Verdict {
    let run = &evidence.account.run;
    let summary = run.summary();
    let sum: usize = Status::ALL.iter().map(|&status| summary.count(status)).sum();
    ensure(summary.targets() == run.targets.len() && sum == run.targets.len(), || format!("{summary:?}"))?;
    let finished = evidence
        .account
        .log
        .iter()
        .filter(|(_, seen)| matches!(seen, Seen::Told(EventKind::TargetFinished(_))))
        .count();
    // Where nobody is left over, what was told before is taken back.
    ensure(run.targets.is_empty() || finished == run.targets.len(), || {
        format!("{finished} targets told of, {} reported", run.targets.len())
    })
}

fn time_spent_adds_up(evidence: &Evidence) -> Verdict {
    let run = &evidence.account.run;
    ensure(run.time.total() == run.duration, || {
        format!("{:?} add up to {:?}, not to {:?}", run.time, run.time.total(), run.duration)
    })
}
