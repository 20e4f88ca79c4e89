//! An API that does as it should, except where a test says otherwise.

use std::{collections::BTreeMap, time::Duration};

use rollcall::{
    budget::{RetryAfter, RunTime, Signals},
    engine::{
        Answer, Availability, Call, Engine, Exited, Failure, LeftOff, Page, Pid, PollAnswer, Reply, RunSpec,
        Started, Status, Stop, Stream, TargetResult,
    },
    fleet::{Selection, Vps},
    playbook::{Step, Template},
};
use serde_json::Value;

pub(super) use crate::server::{problem, refused};
use crate::{
    harness::{Account, People, Provider, Way, drive, drive_from},
    world::{command_text, listed_vps},
};

/// How long a request travels, each way.
pub(super) const TRAVEL: Duration = Duration::from_millis(10);

/// A call that the script is asked about.
pub(super) struct Moment<'a> {
    pub(super) at: RunTime,
    pub(super) call: &'a Call,
    /// How many calls of this kind to this VPS came before.
    pub(super) nth: usize,
}

impl Moment<'_> {
    pub(super) fn is_list(&self) -> bool {
        matches!(self.call, Call::List { .. })
    }

    pub(super) fn is_probe(&self) -> bool {
        matches!(self.call, Call::Probe { .. })
    }

    pub(super) fn is_start(&self) -> bool {
        matches!(self.call, Call::Start { .. })
    }

    pub(super) fn is_poll(&self) -> bool {
        matches!(self.call, Call::Poll { .. })
    }

    pub(super) fn is_to(&self, number: usize) -> bool {
        self.call.vps().is_some_and(|id| id.as_str() == id_of(number))
    }
}

/// What the script says to a call, and how long it takes to say it.
pub(super) struct Say(pub(super) Reply, pub(super) Duration);

impl Say {
    /// The same, so much later.
    pub(super) fn after(self, after: Duration) -> Self {
        Self(self.0, after)
    }
}

impl From<Answer> for Say {
    fn from(answer: Answer) -> Self {
        let throttled = matches!(answer, Answer::Failed(Failure::Throttled(_)));
        Self(Reply { signals: Signals { throttled, ..Signals::default() }, answer }, TRAVEL)
    }
}

struct Script<Told> {
    targets: usize,
    told: Told,
    counts: BTreeMap<(u8, String), usize>,
}

impl<Told: FnMut(&Moment) -> Option<Say>> Provider for Script<Told> {
    fn leaves(&mut self, _at: RunTime, _call: &Call) -> Way {
        Way::Arrives(TRAVEL)
    }

    fn arrives(&mut self, at: RunTime, call: &Call) -> (Duration, Reply) {
        let kind = match call {
            Call::List { .. } => 0,
            Call::Probe { .. } => 1,
            Call::Start { .. } => 2,
            Call::Poll { .. } => 3,
        };
        let count = self.counts.entry((kind, call.vps().map(ToString::to_string).unwrap_or_default()));
        let count = count.or_default();
        let moment = Moment { at, call, nth: *count };
        *count += 1;
        let Say(reply, after) = (self.told)(&moment).unwrap_or_else(|| self.as_it_should(call).into());
        (after, reply)
    }
}

impl<Told> Script<Told> {
    fn as_it_should(&self, call: &Call) -> Answer {
        match call {
            Call::List { .. } => page(0..self.targets, None),
            Call::Probe { .. } => available(true),
            Call::Start { .. } => started(Some(4242)),
            Call::Poll { .. } => exited(Some(0), None),
        }
    }
}

/// Runs `spec` on so many targets; the API does as it should where `told` says nothing.
pub(super) fn play(
    spec: RunSpec,
    targets: usize,
    people: &People,
    told: impl FnMut(&Moment) -> Option<Say>,
) -> Account {
    let mut script = Script { targets, told, counts: BTreeMap::new() };
    drive(spec, &mut script, people, 1_000_000).expect("a run that ends")
}

/// Goes on with a run at this time.
pub(super) fn go_on(
    spec: RunSpec,
    left_off: LeftOff,
    at: RunTime,
    told: impl FnMut(&Moment) -> Option<Say>,
) -> Account {
    let mut script = Script { targets: left_off.targets.len(), told, counts: BTreeMap::new() };
    let engine = Engine::going_on(spec, left_off);
    drive_from(at, engine, &mut script, &People::default(), 1_000_000).expect("a run that ends")
}

/// One target, one step, nobody interrupts.
pub(super) fn play_one(told: impl FnMut(&Moment) -> Option<Say>) -> Account {
    play(spec(1), 1, &People::default(), told)
}

/// A run of so many steps, on whatever is listed.
pub(super) fn spec(steps: usize) -> RunSpec {
    RunSpec::new(Selection::default(), (0..steps).map(step).collect(), 7)
}

fn step(number: usize) -> Step {
    // Each in a request of its own: bundles have scenes of their own.
    let run = Template::verbatim(command_text(number));
    Step { bundle: false, ..Step::new(format!("step {number}"), run) }
}

pub(super) fn id_of(number: usize) -> String {
    format!("vps_{number:04}")
}

pub(super) fn item(number: usize) -> Value {
    listed_vps(id_of(number), format!("web-{number}"))
}

pub(super) fn page(numbers: impl IntoIterator<Item = usize>, next: Option<&str>) -> Answer {
    let vpses = numbers.into_iter().map(item).filter_map(|item| item.as_object().cloned()).map(Vps::new);
    Answer::Listed(Page { vpses: vpses.collect(), next: next.map(str::to_owned) })
}

pub(super) fn page_of(items: impl IntoIterator<Item = Value>) -> Answer {
    let vpses = items.into_iter().filter_map(|item| item.as_object().cloned()).map(Vps::new);
    Answer::Listed(Page { vpses: vpses.collect(), next: None })
}

pub(super) fn available(available: bool) -> Answer {
    Answer::Probed(Availability { available, reason: None })
}

pub(super) fn started(pid: Option<u64>) -> Answer {
    Answer::Started(Started { pid: pid.and_then(Pid::new), url: None, raw: None, foreign_url: false })
}

pub(super) fn exited(exit_code: Option<i64>, signal: Option<i64>) -> Answer {
    let stdout = Stream { text: "ok\n".into(), ..Stream::default() };
    Answer::Polled(PollAnswer::Exited(Exited { exit_code, signal, stdout, stderr: Stream::default() }))
}

pub(super) fn running() -> Answer {
    Answer::Polled(PollAnswer::Running)
}

pub(super) fn no_reply() -> Answer {
    Answer::Failed(Failure::NoReply { message: "connection reset".to_owned() })
}

pub(super) fn unsent() -> Answer {
    Answer::Failed(Failure::Unsent { message: "connection refused".to_owned() })
}

pub(super) fn unreadable() -> Answer {
    Answer::Failed(Failure::Unreadable { message: "not JSON".to_owned() })
}

/// A 429 that says so much about how long to wait.
pub(super) fn throttled(retry_after: Option<Duration>) -> Say {
    let answer = Answer::Failed(Failure::Throttled(problem(429, "rate_limited")));
    let retry_after = retry_after.map(RetryAfter::In);
    Say(Reply { signals: Signals { throttled: true, retry_after, ..Signals::default() }, answer }, TRAVEL)
}

/// The only target's result.
pub(super) fn only(account: &Account) -> &TargetResult {
    assert_eq!(account.run.targets.len(), 1);
    &account.run.targets[0]
}

/// Status and reason of the only target, as a line: `unknown no_reply maybe`.
pub(super) fn outcome(account: &Account) -> String {
    line(only(account))
}

/// Status, reason and `ran` of a target, as a line.
pub(super) fn line(target: &TargetResult) -> String {
    let reason = target.reason.map(|reason| format!("{reason} ")).unwrap_or_default();
    format!("{} {reason}{}", target.status, target.ran)
}

pub(super) fn statuses(account: &Account) -> Vec<Status> {
    account.run.targets.iter().map(|target| target.status).collect()
}

pub(super) fn exit_code(account: &Account) -> u8 {
    account.run.exit_code(false)
}

/// How long after each other the requests of one kind left.
pub(super) fn times(account: &Account, fits: impl Fn(&Call) -> bool) -> Vec<Duration> {
    let requests = account.requests.iter().filter(|request| fits(&request.call));
    requests.map(|request| request.at.since_start()).collect()
}

pub(super) fn starts(account: &Account) -> usize {
    account.starts().count()
}

/// The words with which the inventory was given up.
pub(super) fn inventory_failure(account: &Account) -> &str {
    match &account.run.stop {
        Some(Stop::Inventory(words)) => words,
        other => panic!("stopped for {other:?}"),
    }
}
