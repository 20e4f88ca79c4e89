//! What must hold of every run, judged by the model's records.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use rollcall::{
    budget::{RetryAfter, RunTime},
    engine::{
        Answer, Call, CallId, Failure, GRACE, Purpose, Ran, Reason, RunSpec, Status, Stop, TargetResult,
    },
    fleet::VpsId,
    sandbox::{RateLimit, Window},
};

use crate::{
    harness::{Account, Outside, Sent},
    model::Begun,
    world::{Headers, Kind},
};

/// All that is known of a simulated run.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) kind: Kind,
    pub(crate) spec: RunSpec,
    pub(crate) outside: Outside,
    pub(crate) limit: Option<(RateLimit, Window)>,
    pub(crate) headers: Headers,
    pub(crate) vpses: usize,
    pub(crate) account: Account,
    pub(crate) begun: Vec<Begun>,
    pub(crate) refusals: Vec<(CallId, RunTime)>,
    pub(crate) requests: BTreeMap<&'static str, u64>,
}

pub(crate) fn check(seen: &Seen) {
    every_target_ends_once(seen);
    nothing_runs_twice(seen);
    what_is_said_to_have_run_did(seen);
    one_request_a_target_at_a_time_and_in_order(seen);
    no_start_before_the_listing_is_complete(seen);
    nothing_leaves_inside_a_penalty(seen);
    one_scout_goes_first_after_a_penalty(seen);
    ceilings_hold(seen);
    a_signal_stops_starts(seen);
    counts_are_those_of_the_server(seen);
    statuses_have_reasons_that_fit(seen);
    if matches!(seen.kind, Kind::Told) {
        refusals_are_scouts(seen);
    }
}

fn every_target_ends_once(seen: &Seen) {
    let ids: Vec<&str> = seen.account.run.targets.iter().map(|target| target.vps.raw_id()).collect();
    let once: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), once.len(), "a target is reported twice");
    if seen.account.run.stop.is_none() && seen.spec.purpose == Purpose::Run {
        assert_eq!(ids.len(), seen.vpses, "a target is missing");
    }
    for target in &seen.account.run.targets {
        assert_eq!(target.steps.len(), seen.spec.steps.len(), "a step is missing");
    }
    assert!(seen.account.ended.since_start() < Duration::from_hours(24), "the run takes days");
}

fn nothing_runs_twice(seen: &Seen) {
    let mut runs: HashMap<(&VpsId, &str), u32> = HashMap::new();
    for begun in &seen.begun {
        *runs.entry((&begun.vps, &begun.command)).or_default() += 1;
    }
    for ((vps, command), times) in runs {
        let step = seen.spec.steps.iter().find(|step| step.run.text() == command).expect("a step of ours");
        let most = if step.idempotent { 3 } else { 1 };
        assert!(times <= most, "{vps} ran `{command}` {times} times");
    }
}

fn what_is_said_to_have_run_did(seen: &Seen) {
    for target in &seen.account.run.targets {
        for (number, step) in target.steps.iter().enumerate() {
            let command = seen.spec.steps[number].run.text();
            let begun: Vec<&Begun> = seen
                .begun
                .iter()
                .filter(|begun| begun.vps.as_str() == target.vps.raw_id() && begun.command == command)
                .collect();
            match step.ran {
                Ran::No => assert!(begun.is_empty(), "{} says no, but ran", target.vps.raw_id()),
                Ran::Yes => assert!(!begun.is_empty(), "{} says yes, but never ran", target.vps.raw_id()),
                Ran::Maybe => {}
            }
            if step.status == Status::Ok {
                let pid = step.pid.expect("ok has a pid").number();
                let real = begun.iter().find(|begun| begun.pid == pid).and_then(|begun| begun.code());
                assert_eq!(real, step.exit_code, "an exit code that the guest never gave");
                let accept = &seen.spec.steps[number].accept;
                assert!(real.is_some_and(|code| accept.contains(&code)), "ok with {real:?}");
            }
        }
        let most = target.steps.iter().map(|step| step.ran).max();
        assert_eq!(Some(target.ran), most.or(Some(Ran::No)));
    }
}

fn one_request_a_target_at_a_time_and_in_order(seen: &Seen) {
    let mut by_vps: HashMap<&VpsId, Vec<&Sent>> = HashMap::new();
    for sent in &seen.account.sent {
        if let Some(vps) = sent.call.vps() {
            by_vps.entry(vps).or_default().push(sent);
        }
    }
    for (vps, calls) in by_vps {
        for pair in calls.windows(2) {
            let back = pair[0].back.as_ref().map(|(at, _)| *at);
            assert!(back.is_some_and(|back| back <= pair[1].at), "{vps} has two requests in flight");
        }
        assert!(matches!(calls[0].call, Call::Probe { .. }), "{vps} is not probed first");
        let first_start = calls.iter().position(|sent| matches!(sent.call, Call::Start { .. }));
        let first_poll = calls.iter().position(|sent| matches!(sent.call, Call::Poll { .. }));
        assert!(first_poll.is_none() || first_start < first_poll, "{vps} is polled before its start");
    }
}

fn no_start_before_the_listing_is_complete(seen: &Seen) {
    let complete = seen.account.sent.iter().find_map(|sent| match &sent.back {
        Some((at, reply)) => match &reply.answer {
            Answer::Listed(page) if page.next.is_none() => Some(*at),
            _ => None,
        },
        None => None,
    });
    for sent in seen.account.sent.iter().filter(|sent| matches!(sent.call, Call::Start { .. })) {
        assert!(complete.is_some_and(|complete| complete <= sent.at), "a start on a partial listing");
    }
}

/// When which 429 came back, and how long it asked to wait.
fn penalties(seen: &Seen) -> Vec<(RunTime, Duration)> {
    let answered = seen.account.sent.iter().filter_map(|sent| sent.back.as_ref());
    answered
        .filter(|(_, reply)| matches!(reply.answer, Answer::Failed(Failure::Throttled(_))))
        .map(|(at, reply)| {
            let asked = match reply.signals.retry_after {
                Some(RetryAfter::In(wait)) => wait,
                Some(RetryAfter::At(_)) | None => Duration::ZERO,
            };
            (*at, asked.max(Duration::from_secs(1)))
        })
        .collect()
}

fn nothing_leaves_inside_a_penalty(seen: &Seen) {
    for (at, wait) in penalties(seen) {
        for sent in &seen.account.sent {
            let inside = sent.at > at && sent.at < at + wait;
            assert!(!inside, "a request left at {} inside a penalty of {wait:?} from {at}", sent.at);
        }
    }
}

fn one_scout_goes_first_after_a_penalty(seen: &Seen) {
    for (at, _) in penalties(seen) {
        let mut later = seen.account.sent.iter().filter(|sent| sent.at > at);
        let (Some(first), Some(second)) = (later.next(), later.next()) else { continue };
        let answered = first.back.as_ref().is_some_and(|(back, _)| *back <= second.at);
        assert!(answered, "two requests left after the penalty at {at} before an answer was there");
    }
}

fn ceilings_hold(seen: &Seen) {
    let sent = &seen.account.sent;
    if let Some(rate) = seen.spec.rate {
        let most = rate.requests as usize;
        for (index, first) in sent.iter().enumerate() {
            let in_span = sent[index..].iter().take_while(|other| other.at < first.at + rate.window).count();
            assert!(in_span <= most, "{in_span} requests in {:?}, not {most}", rate.window);
        }
    }
    let mut changes: Vec<(RunTime, i32)> = Vec::new();
    for one in sent {
        changes.push((one.at, 1));
        changes.extend(one.back.as_ref().map(|(back, _)| (*back, -1)));
    }
    // What came back at an instant made room for what left at it.
    changes.sort_by_key(|&(at, change)| (at, change));
    let mut in_flight = 0;
    for (_, change) in changes {
        in_flight += change;
        assert!(in_flight <= i32::try_from(seen.spec.connections).unwrap(), "{in_flight} in flight");
    }
    if let Some(most) = seen.spec.concurrency {
        let mut changes: Vec<(RunTime, i32)> = Vec::new();
        for target in &seen.account.run.targets {
            if let (Some(began), Some(took)) = (target.started_at, target.duration) {
                changes.extend([(began, 1), (began + took, -1)]);
            }
        }
        changes.sort_by_key(|&(at, change)| (at, change));
        let mut active = 0;
        for (_, change) in changes {
            active += change;
            assert!(active <= i32::try_from(most).unwrap(), "{active} targets at once, not {most}");
        }
    }
}

fn a_signal_stops_starts(seen: &Seen) {
    let Some(&(at, number)) = seen.outside.signals.first() else { return };
    if seen.account.ended < at {
        return;
    }
    for sent in
        seen.account.sent.iter().filter(|sent| matches!(sent.call, Call::Start { .. } | Call::Probe { .. }))
    {
        assert!(sent.at <= at, "a start or a probe left after the signal");
    }
    assert!(seen.account.ended <= at + GRACE, "the run goes on after the grace");
    if !matches!(seen.account.run.stop, None | Some(Stop::Inventory(_) | Stop::Selection(_) | Stop::Declined))
    {
        assert_eq!(seen.account.run.exit_code(false), u8::try_from(128 + number).unwrap());
    }
}

fn counts_are_those_of_the_server(seen: &Seen) {
    let counted = seen.account.run.requests;
    let at_server = |kind: &str| seen.requests.get(kind).copied().unwrap_or_default();
    assert_eq!(counted.list, at_server("list"));
    assert_eq!(counted.probe, at_server("probe"));
    assert_eq!(counted.start, at_server("start"));
    assert_eq!(counted.poll, at_server("poll"));
    assert!(counted.throttled <= seen.refusals.len() as u64);
}

/// The failure model's table of statuses, section 2.
fn statuses_have_reasons_that_fit(seen: &Seen) {
    for step in
        seen.account.run.targets.iter().flat_map(|target: &std::sync::Arc<TargetResult>| &target.steps)
    {
        let fits = match step.status {
            Status::Ok | Status::Failed => step.reason.is_none() && step.ran == Ran::Yes,
            Status::CheckFailed => false,
            Status::TimedOut => step.reason.is_none() && step.ran == Ran::Yes && step.pid.is_some(),
            Status::Unknown => step.reason.is_some() && step.ran != Ran::No,
            Status::Running => step.ran == Ran::Yes && step.pid.is_some(),
            Status::Unavailable => step.reason.is_some() && step.ran == Ran::No,
            Status::Refused => {
                matches!(step.reason, Some(Reason::Api | Reason::BadId | Reason::Template))
                    && step.ran == Ran::No
            }
            Status::Cancelled => step.reason.is_none() && step.ran == Ran::No,
            Status::Skipped => {
                matches!(step.reason, Some(Reason::EarlierStep | Reason::Deadline | Reason::Auth))
                    && step.ran == Ran::No
            }
        };
        assert!(fits, "{step:?}");
    }
}

/// Invariant 1 of the pacing policy: at most two refused requests a run, each of them alone in flight.
fn refusals_are_scouts(seen: &Seen) {
    assert_eq!(seen.headers, Headers::Always);
    assert!(seen.limit.is_some());
    assert!(seen.refusals.len() <= 2, "{} requests were refused", seen.refusals.len());
}
