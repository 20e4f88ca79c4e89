//! What holds of every run that was gone on with, by the server's journal, the record and the same run uninterrupted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rollcall::{
    engine::{
        Answer, Availability, Call, CallId, Entry, EventKind, FinishedRun, Intent, Reason, Reply, Status,
        StepResult, Stop, TargetResult, is_final,
    },
    fleet::VpsId,
};

use super::{story::Story, twin};
use crate::{
    harness::{Account, Seen},
    invariants::{self, Evidence, Verdict, ensure},
    judgements,
    limiter::Kind,
    world::World,
};

/// A rule about a run that was gone on with, and its name.
type Invariant = (&'static str, fn(&Story<'_>) -> Verdict);

/// Those that need nothing but the story itself.
const ALL: &[Invariant] = &[
    ("statuses and reasons only as the failure model allows", statuses_and_reasons_fit),
    ("what is on record is what is reported", the_record_is_the_report),
    ("what is final stays", what_is_final_stays),
    ("what is unknown is so for a reason", what_is_unknown_is_so_for_a_reason),
    ("nothing is left to be done", nothing_is_left_to_be_done),
    ("probe before start", probe_before_start),
    ("nothing is begun after a stop", nothing_is_begun_after_a_stop),
    ("a full disk stops starts and not polls", a_full_disk_stops_starts_and_not_polls),
    ("nothing is begun without its secrets", nothing_is_begun_without_its_secrets),
    ("batches wait for each other", batches_wait_for_each_other),
    ("nobody is begun after too many failures", nobody_is_begun_after_too_many_failures),
    ("the time spent adds up to the duration", time_spent_adds_up),
];

/// Those that hold of uninterrupted runs too.
const ALSO: &[invariants::Invariant] = &[
    ("every selected VPS ends in exactly one result", invariants::every_selected_vps_ends_once),
    ("a step runs at most once, an idempotent one at most three times", invariants::no_step_runs_twice),
    ("`ran` is truthful", invariants::ran_is_truthful),
    ("`ok` is never guessed", invariants::ok_is_never_guessed),
    ("conditions are obeyed", judgements::conditions_are_obeyed),
    ("captures are their steps' own", judgements::captures_are_their_steps_own),
    ("`on_failure` is obeyed", judgements::on_failure_is_obeyed),
    (
        "nothing is changed after a failed expectation",
        judgements::nothing_is_changed_after_a_failed_expectation,
    ),
    ("markers are not missed where they are", judgements::markers_are_not_missed_where_they_are),
];

/// Judges a story; `uninterrupted` is the same run without trouble.
pub(crate) fn judge(story: &Story<'_>, uninterrupted: &FinishedRun) -> Verdict {
    for (name, holds) in ALL {
        holds(story).map_err(|why| format!("{name}: {why}"))?;
    }
    let account = Account {
        run: story.run.clone(),
        log: story.outside.log.clone(),
        requests: story.outside.requests.clone(),
    };
    let journal = &story.outside.server.journal;
    let evidence = Evidence { world: story.world, kind: Kind::None, account: &account, journal };
    for (name, holds) in ALSO {
        holds(&evidence).map_err(|why| format!("{name}: {why}"))?;
    }
    twin::as_if_uninterrupted(story, uninterrupted).map_err(|why| format!("as if uninterrupted: {why}"))
}

pub(crate) fn told(target: &TargetResult) -> String {
    let steps: Vec<String> = target
        .steps
        .iter()
        .map(|step| format!("{} {:?} ran {} exit {:?}", step.status, step.reason, step.ran, step.exit_code))
        .collect();
    format!("{} {} {:?} [{}]", target.vps.raw_id(), target.status, target.reason, steps.join(", "))
}

/// In addition to what an uninterrupted run may say:
///
/// | status | reason | ran |
/// |---|---|---|
/// | unknown | crashed | maybe |
/// | skipped | store, secret | no |
fn statuses_and_reasons_fit(story: &Story<'_>) -> Verdict {
    for target in &story.run.targets {
        for step in &target.steps {
            let resumed = match (step.status, step.reason) {
                (Status::Unknown, Some(Reason::Crashed)) => step.ran == rollcall::engine::Ran::Maybe,
                (Status::Skipped, Some(Reason::Store | Reason::Secret)) => {
                    step.ran == rollcall::engine::Ran::No
                }
                _ => false,
            };
            ensure(resumed || invariants::allowed(step), || told(target))?;
        }
    }
    Ok(())
}

fn the_record_is_the_report(story: &Story<'_>) -> Verdict {
    let Some(left_off) = story.outside.disk.left_off() else { return Ok(()) };
    for (remembered, reported) in left_off.targets.iter().zip(&story.run.targets) {
        let recorded = remembered.result.as_ref();
        ensure(recorded.is_some_and(|recorded| same(recorded, reported)), || {
            let recorded = recorded.map(|recorded| told(recorded));
            format!("{recorded:?} on record, reported {}", told(reported))
        })?;
    }
    Ok(())
}

/// The same in all but the object that describes the VPS.
fn same(one: &TargetResult, other: &TargetResult) -> bool {
    let other = TargetResult { vps: Arc::clone(&one.vps), ..other.clone() };
    one.vps.raw_id() == other.vps.raw_id() && other == *one
}

fn what_is_final_stays(story: &Story<'_>) -> Verdict {
    for chapter in &story.chapters {
        let before = chapter.left_off.iter().flat_map(|left_off| &left_off.targets);
        for (remembered, after) in before.zip(&story.run.targets) {
            let Some(result) = &remembered.result else { continue };
            let stays = same(result, after) || !is_final(result, story.more_may_fail);
            ensure(stays, || format!("{} became {}", told(result), told(after)))?;
        }
        if let Some(run) = chapter.run.as_ref().filter(|_| chapter.trouble.room.is_none()) {
            for (result, after) in run.targets.iter().zip(&story.run.targets) {
                let stays = same(result, after) || !is_final(result, story.more_may_fail);
                ensure(stays, || format!("{} became {}", told(result), told(after)))?;
            }
        }
    }
    Ok(())
}

/// What was crashed into, what was told to a process that is gone, and what the API did wrong.
fn what_is_unknown_is_so_for_a_reason(story: &Story<'_>) -> Verdict {
    let World { faults, forgets, lag, .. } = story.world;
    let is_interrupted = story.chapters.iter().any(|chapter| !chapter.trouble.people.signals.is_empty());
    for (index, target) in story.run.targets.iter().enumerate() {
        for (number, step) in target.steps.iter().enumerate() {
            if step.status != Status::Unknown {
                continue;
            }
            let process = step.pid.and_then(|pid| story.outside.server.journal.get(&pid.number()));
            let is_forgotten = *forgets && process.is_some_and(|process| process.read);
            let justified = match step.reason {
                Some(Reason::Crashed) => is_without_answer(story, index, number),
                Some(Reason::ResultLost) => is_forgotten || faults.any(),
                Some(Reason::PollLost) => is_forgotten || faults.any() || !lag.is_zero(),
                Some(Reason::NoExitCode) => true,
                // Somebody did not want to wait for it.
                Some(Reason::NoReply) => is_interrupted || faults.any(),
                _ => faults.any(),
            };
            ensure(justified, || format!("step {number} of {}", told(target)))?;
        }
    }
    Ok(())
}

/// Whether a start that carried this step is on record, and no answer to it.
fn is_without_answer(story: &Story<'_>, target: usize, number: usize) -> bool {
    let entries = &story.outside.disk.entries;
    let carries = |intent: &Intent| {
        let offset = number.checked_sub(intent.first);
        intent.target == target && offset.is_some_and(|offset| intent.sent.get(offset) == Some(&true))
    };
    let is_answer =
        |entry: &Entry, to: CallId| matches!(entry, Entry::Answered { start, .. } if *start == to);
    entries.iter().any(|entry| match entry {
        Entry::Intent { start, intent, .. } => {
            carries(intent) && !entries.iter().any(|entry| is_answer(entry, *start))
        }
        _ => false,
    })
}

fn nothing_is_left_to_be_done(story: &Story<'_>) -> Verdict {
    if twin::is_cut_short(story.world) {
        return Ok(());
    }
    for target in &story.run.targets {
        let open = |step: &StepResult| match (step.status, step.reason) {
            (Status::Running | Status::Cancelled, _) => true,
            (Status::Skipped, reason) => {
                matches!(reason, Some(Reason::Store | Reason::Secret | Reason::Auth | Reason::Deadline))
            }
            _ => false,
        };
        let found = target.steps.iter().find(|step| open(step));
        // The API may ask for more patience than a run has.
        ensure(found.is_none() || target.status == Status::Unknown || story.run.stop.is_some(), || {
            told(target)
        })?;
    }
    Ok(())
}

fn probe_before_start(story: &Story<'_>) -> Verdict {
    let mut asked: BTreeMap<CallId, &VpsId> = BTreeMap::new();
    let mut available: BTreeSet<&VpsId> = BTreeSet::new();
    for (at, seen) in &story.outside.log {
        match seen {
            Seen::Sent(id, Call::Probe { vps }) => {
                asked.insert(*id, vps);
            }
            Seen::Answered(
                id,
                Reply { answer: Answer::Probed(Availability { available: true, .. }), .. },
            ) => {
                available.extend(asked.get(id));
            }
            Seen::Sent(_, Call::Start { vps, .. }) => {
                ensure(available.contains(vps), || {
                    format!("a start on {vps} at {at}, which was never found available")
                })?;
            }
            Seen::GoesOn => asked.clear(),
            _ => {}
        }
    }
    Ok(())
}

fn nothing_is_begun_after_a_stop(story: &Story<'_>) -> Verdict {
    for chapter in &story.chapters {
        let log = &story.outside.log[chapter.seen.clone()];
        let stopped = log.iter().find_map(|(at, seen)| match seen {
            Seen::Told(EventKind::Stopping(Stop::MaxFailures { .. })) => None,
            Seen::Told(EventKind::Stopping(_)) => Some(*at),
            _ => None,
        });
        let Some(stopped) = stopped else { continue };
        for entry in &story.outside.disk.entries[chapter.entries.clone()] {
            if let Entry::Intent { at, intent, .. } = entry {
                ensure(*at <= stopped, || format!("{intent:?} at {at}, stopped at {stopped}"))?;
            }
        }
    }
    Ok(())
}

fn a_full_disk_stops_starts_and_not_polls(story: &Story<'_>) -> Verdict {
    for chapter in &story.chapters {
        let Some(run) = chapter.run.as_ref().filter(|run| matches!(run.stop, Some(Stop::Store(_)))) else {
            continue;
        };
        for target in &run.targets {
            for step in &target.steps {
                let fits = match step.status {
                    // No poll is allowed, or none let through.
                    Status::Running => matches!(step.reason, Some(Reason::Auth | Reason::RateLimited)),
                    Status::Cancelled => false,
                    _ => true,
                };
                ensure(fits, || told(target))?;
            }
        }
    }
    Ok(())
}

fn nothing_is_begun_without_its_secrets(story: &Story<'_>) -> Verdict {
    for chapter in story.chapters.iter().filter(|chapter| chapter.trouble.lost_secrets) {
        let log = &story.outside.log[chapter.seen.clone()];
        let sent = log
            .iter()
            .find(|(_, seen)| matches!(seen, Seen::Sent(_, Call::Start { .. } | Call::Probe { .. })));
        ensure(sent.is_none(), || format!("{sent:?}"))?;
    }
    Ok(())
}

/// By what is on record: nothing of a batch is begun before all of those before it are over.
fn batches_wait_for_each_other(story: &Story<'_>) -> Verdict {
    let spec = &story.world.spec;
    let Some(last) = spec.batches.last() else { return Ok(()) };
    let selected = story.run.targets.len();
    let mut sizes =
        spec.batches.iter().chain(std::iter::repeat(last)).map(|size| size.rounded_up(selected).max(1));
    let mut room = sizes.next().unwrap_or(1);
    let mut begun: BTreeSet<usize> = BTreeSet::new();
    let mut over: BTreeSet<usize> = BTreeSet::new();
    for entry in &story.outside.disk.entries {
        match entry {
            Entry::Intent { intent, at, .. } if begun.insert(intent.target) => {
                if room == 0 {
                    let open: Vec<_> =
                        begun.iter().filter(|&&one| one != intent.target && !over.contains(&one)).collect();
                    ensure(open.is_empty(), || {
                        format!("target {} was begun at {at}, and {open:?} were not over", intent.target)
                    })?;
                    room = sizes.next().unwrap_or(1);
                }
                room -= 1;
            }
            Entry::Finished { target, .. } => {
                over.insert(*target);
            }
            _ => {}
        }
    }
    Ok(())
}

/// By what is on record: once more have failed than may, nothing is begun on a target on which nothing was.
fn nobody_is_begun_after_too_many_failures(story: &Story<'_>) -> Verdict {
    let spec = &story.world.spec;
    let Some(allowed) = spec.max_failures.filter(|_| !story.more_may_fail) else { return Ok(()) };
    let allowed = allowed.rounded_down(story.run.targets.len());
    let mut failed: BTreeSet<usize> = BTreeSet::new();
    let mut begun: BTreeSet<usize> = BTreeSet::new();
    for entry in &story.outside.disk.entries {
        match entry {
            Entry::Intent { intent, at, .. } if begun.insert(intent.target) => {
                ensure(failed.len() <= allowed, || {
                    format!("target {} was begun at {at}, after {failed:?} failed", intent.target)
                })?;
            }
            // What has no usable id fails before the run begins; it does not count.
            Entry::Finished { target, result } if result.vps.id().is_ok() => {
                if result.failed(spec.fail_on) {
                    failed.insert(*target);
                } else {
                    failed.remove(target);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn time_spent_adds_up(story: &Story<'_>) -> Verdict {
    let run = &story.run;
    ensure(run.time.total() == run.duration, || {
        format!("{:?} add up to {:?}, not to {:?}", run.time, run.time.total(), run.duration)
    })
}
