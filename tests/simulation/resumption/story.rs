//! What a seed makes of a run: processes that work on it one after the other, until nothing is left to be done.

use std::{ops::Range, sync::Arc, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall::{
    budget::RunTime,
    engine::{Engine, FinishedRun, LeftOff, Ran, RunSpec, TargetResult},
};

use super::{
    outside::Outside,
    process::{End, Life, live},
};
use crate::{
    harness::{People, Seen, lines},
    world::World,
};

/// Processes on which something goes wrong, at most.
const MOST_TROUBLES: usize = 5;
/// Processes after that, at most: what is over for a deadline, or still runs when its time is over, never is at an end.
const MOST_PEACEFUL: usize = 2;
/// Entries of the log that are shown of a run that failed.
const SHOWN: usize = 400;

/// A run, told from outside.
#[derive(Debug)]
pub(crate) struct Story<'a> {
    pub(crate) world: &'a World,
    pub(crate) outside: Outside<'a>,
    pub(crate) chapters: Vec<Chapter>,
    /// As it ended.
    pub(crate) run: FinishedRun,
    /// More were let fail than the playbook allows.
    pub(crate) more_may_fail: bool,
}

/// What one process did.
#[derive(Debug)]
pub(crate) struct Chapter {
    /// Where it went on.
    pub(crate) left_off: Option<LeftOff>,
    /// Of the log.
    pub(crate) seen: Range<usize>,
    /// Of what is on record.
    pub(crate) entries: Range<usize>,
    pub(crate) trouble: Trouble,
    /// `None`: it was killed.
    pub(crate) run: Option<FinishedRun>,
}

/// What goes wrong in the life of a process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble {
    pub(crate) killed_after: Option<u64>,
    pub(crate) people: People,
    /// The disk is full after so many writes.
    pub(crate) room: Option<u64>,
    pub(crate) lost_secrets: bool,
}

impl Trouble {
    /// None, but that somebody says yes to a question.
    pub(crate) fn none(world: &World) -> Self {
        let confirms = world.people.confirms.map(|(after, _)| (after, true));
        Self { people: People { signals: Vec::new(), confirms }, ..Self::default() }
    }

    /// Of the process of this number; `actions` is what there is to do, and `selected` where that begins.
    fn draw(random: &mut StdRng, world: &World, number: usize, actions: u64, selected: u64) -> Self {
        let mut trouble = Self::none(world);
        if number == 0 {
            trouble.people.signals.clone_from(&world.people.signals);
        } else if random.random_bool(0.2) {
            trouble.people.signals = vec![(Duration::from_millis(random.random_range(0..15_000)), 2)];
        }
        if random.random_bool(0.85) {
            let first = if number > 0 || random.random_bool(0.03) { 0 } else { selected };
            trouble.killed_after = Some(random.random_range(first..=actions.max(first + 1)));
        }
        trouble.room = random.random_bool(0.12).then(|| random.random_range(0..40));
        trouble.lost_secrets = number > 0 && random.random_bool(0.05);
        trouble
    }
}

/// A run that nothing and nobody interrupts.
pub(crate) fn uninterrupted(world: &World) -> Result<(FinishedRun, Outside<'_>, Life), String> {
    let mut outside = Outside::new(world);
    let people = Trouble::none(world).people;
    let mut life =
        live(Engine::new(world.spec.clone()), RunTime::START, &mut outside, &people, None, most_steps(world));
    match std::mem::replace(&mut life.end, End::Killed) {
        End::Finished(run) => Ok((*run, outside, life)),
        End::Killed => Err("it was killed".to_owned()),
        End::Endless(why) => Err(format!("{why}\n{}", lines(&outside.log, SHOWN))),
    }
}

fn most_steps(world: &World) -> u64 {
    1000 * (world.listed.len() as u64 + 20) * world.spec.steps.len() as u64
}

/// Draws what goes wrong, and how often.
pub(crate) fn troubles(world: &World, actions: u64, selected: u64) -> Vec<Trouble> {
    let random = &mut StdRng::seed_from_u64(world.seed ^ 0xc4a5);
    let mut troubles = Vec::new();
    while troubles.len() < MOST_TROUBLES && (troubles.is_empty() || random.random_bool(0.5)) {
        troubles.push(Trouble::draw(random, world, troubles.len(), actions, selected));
    }
    troubles
}

impl<'a> Story<'a> {
    /// Tells it to its end; `None` where the run came to its end before it was known whom it is for.
    pub(crate) fn tell(world: &'a World, troubles: &[Trouble]) -> Result<Option<Self>, String> {
        let mut outside = Outside::new(world);
        let told = tell(world, troubles, &mut outside);
        let (run, chapters, more_may_fail) = match told {
            Ok(Some(told)) => told,
            Ok(None) => return Ok(None),
            Err(why) => return Err(format!("{why}\n{}", lines(&outside.log, SHOWN))),
        };
        outside.let_arrive(RunTime::from_start(Duration::MAX));
        Ok(Some(Self { world, outside, chapters, run, more_may_fail }))
    }

    /// The log's last entries, for people.
    pub(crate) fn lines(&self) -> String {
        lines(&self.outside.log, SHOWN)
    }
}

type Told = Option<(FinishedRun, Vec<Chapter>, bool)>;

fn tell(world: &World, troubles: &[Trouble], outside: &mut Outside<'_>) -> Result<Told, String> {
    let random = &mut StdRng::seed_from_u64(world.seed ^ 0x90e5);
    let mut at = RunTime::START;
    let mut chapters: Vec<Chapter> = Vec::new();
    let mut more_may_fail = false;
    loop {
        let number = chapters.len();
        let trouble = troubles.get(number).cloned().unwrap_or_else(|| Trouble::none(world));
        let mut left_off = outside.disk.left_off();
        let mut spec = RunSpec { seed: world.spec.seed ^ number as u64, ..world.spec.clone() };
        if let Some(left_off) = &mut left_off {
            more_may_fail |= random.random_bool(0.1);
            left_off.more_may_fail = more_may_fail;
            left_off.lost_secrets = if trouble.lost_secrets { vec!["key".to_owned()] } else { Vec::new() };
            if more_may_fail {
                spec.max_failures = Some("100%".parse().expect("a portion"));
            }
            outside.log.push((at, Seen::GoesOn));
        } else if number > 0 {
            return if outside.server.journal.is_empty()
                && outside.requests.iter().all(|sent| !sent.is_start())
            {
                Ok(None)
            } else {
                Err("something was started, and it is not on record for whom".to_owned())
            };
        }
        let has_ended = left_off.as_ref().is_some_and(LeftOff::is_finished);
        let requests = outside.requests.len();
        let (seen, entries) = (outside.log.len(), outside.disk.entries.len());
        outside.disk.room = trouble.room;
        let engine = match left_off.clone() {
            Some(left_off) => Engine::going_on(spec.clone(), left_off),
            None => Engine::new(spec.clone()),
        };
        let life = live(engine, at, outside, &trouble.people, trouble.killed_after, most_steps(world));
        at = life.at;
        outside.disk.room = None;
        let run = match life.end {
            End::Finished(run) => Some(*run),
            End::Killed => None,
            End::Endless(why) => return Err(why),
        };
        rows_that_say_no_are_true(world, outside, &spec, at)?;
        let is_peaceful = number >= troubles.len();
        chapters.push(Chapter {
            left_off,
            seen: seen..outside.log.len(),
            entries: entries..outside.disk.entries.len(),
            trouble,
            run,
        });
        if is_peaceful && has_ended && outside.requests.len() > requests {
            return Err("a run that had ended sent something when it was gone on with".to_owned());
        }
        if is_peaceful && (has_ended || chapters.len() >= troubles.len() + MOST_PEACEFUL) {
            let run = chapters.last().and_then(|chapter| chapter.run.clone());
            return run.map(|run| Some((run, chapters, more_may_fail))).ok_or("it has no end".to_owned());
        }
        let pause = [0, 1, 1000, 60_000, 3_600_000][random.random_range(0..5)];
        at = at + Duration::from_millis(random.random_range(0..=pause));
    }
}

/// What `show` says of a run before it is gone on with is true of what was started so far.
fn rows_that_say_no_are_true(
    world: &World,
    outside: &Outside<'_>,
    spec: &RunSpec,
    at: RunTime,
) -> Result<(), String> {
    let Some(left_off) = outside.disk.left_off() else { return Ok(()) };
    let run = Engine::as_it_left_off(spec.clone(), left_off.clone(), at);
    if run.targets.len() != left_off.targets.len() {
        return Err(format!("{} results of {} targets", run.targets.len(), left_off.targets.len()));
    }
    let parts = |target: &TargetResult, step: usize| {
        let on_it =
            outside.server.journal.values().filter(|process| process.vps.as_str() == target.vps.raw_id());
        on_it.flat_map(|process| &process.work.parts).filter(|part| part.step == step).count()
    };
    for target in &run.targets {
        let target: &Arc<TargetResult> = target;
        if target.steps.len() != world.spec.steps.len() {
            return Err(format!("{} has {} steps", target.vps.raw_id(), target.steps.len()));
        }
        for (step, result) in target.steps.iter().enumerate() {
            let ran = parts(target, step);
            if result.ran == Ran::No && ran > 0 {
                let told = format!("{} {:?}", result.status, result.reason);
                return Err(format!("step {step} of {}: {told}, but it ran", target.vps.raw_id()));
            }
        }
    }
    Ok(())
}
