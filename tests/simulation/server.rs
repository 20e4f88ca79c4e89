//! The model server of a world, and its journal: what really happened, whatever the client was told.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall::{
    budget::{Reset, RetryAfter, RunTime, ServerTime, Signals},
    engine::{
        Answer, Availability, Call, Exited, Failure, Page, Pid, PollAnswer, Problem, Reply, Started, Stream,
    },
    fleet::{Vps, VpsId},
};
use serde_json::Value;

use crate::{
    guest::{self, Work},
    harness::{Provider, Way},
    limiter::{Limiter, Ruling},
    world::{Headers, World},
};

/// What really ran.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) vps: VpsId,
    pub(crate) began: RunTime,
    pub(crate) work: Work,
    /// Its end was told, or was about to be.
    pub(crate) read: bool,
}

/// A world's API.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    world: &'a World,
    random: StdRng,
    /// One for each that is counted apart.
    limiters: BTreeMap<String, Limiter>,
    others_asked: Duration,
    declined: BTreeMap<VpsId, u32>,
    /// By pid.
    pub(crate) journal: BTreeMap<u64, Process>,
    storm_until: Duration,
}

impl<'a> Server<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self {
            world,
            random: StdRng::seed_from_u64(world.seed ^ 0x5eed),
            limiters: BTreeMap::new(),
            others_asked: Duration::ZERO,
            declined: BTreeMap::new(),
            journal: BTreeMap::new(),
            storm_until: Duration::ZERO,
        }
    }

    fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.random.random_bool(share)
    }

    fn travel(&mut self) -> Duration {
        let (shortest, longest) = self.world.latency;
        // One in fifty is slow, so that answers overtake each other widely.
        let slow = if self.random.random_bool(0.02) { 5 } else { 1 };
        self.random.random_range(shortest..=longest) * slow
    }

    /// Other clients take their share of the limit first.
    fn rule(&mut self, now: Duration, call: &Call) -> Ruling {
        let bucket = self.world.bucket_of(call);
        let world = self.world;
        let limiter = self.limiters.entry(bucket).or_insert_with(|| world.limiter.clone());
        if self.world.other_client > 0.0 {
            let gap = Duration::from_secs_f64(1.0 / self.world.other_client);
            while self.others_asked + gap <= now {
                self.others_asked += gap;
                limiter.ask(self.others_asked);
            }
        }
        let ruling = limiter.ask(now);
        if ruling.admitted && self.happens(self.world.faults.storm) {
            self.storm_until = now + Duration::from_millis(500);
        }
        if now < self.storm_until {
            return Ruling { admitted: false, remaining: 0, reset: now + Duration::from_secs(2) };
        }
        ruling
    }

    fn signals(&self, now: Duration, ruling: Ruling) -> Signals {
        let server_now = self.world.epoch + now;
        let date = Some(ServerTime(Duration::from_secs(server_now.as_secs())));
        let mut signals = Signals { throttled: !ruling.admitted, date, ..Signals::default() };
        if ruling.remaining == u64::MAX || self.world.headers == Headers::None {
            return signals;
        }
        let reset = self.world.epoch + ruling.reset;
        if self.world.headers == Headers::OnAll
            || (self.world.headers == Headers::OnRefusals && !ruling.admitted)
        {
            let rounded =
                reset.as_secs() + u64::from(self.world.reset_rounded_up && reset.subsec_nanos() > 0);
            signals.reset = Some(Reset::At(ServerTime(Duration::from_secs(rounded))));
            signals.limit = Some(self.world.limiter.limit);
            signals.remaining = Some(ruling.remaining);
        }
        if !ruling.admitted {
            let wait = ruling.reset.saturating_sub(now);
            let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            signals.retry_after = Some(if self.world.retry_after_as_date {
                RetryAfter::At(ServerTime(Duration::from_secs(server_now.as_secs() + whole)))
            } else {
                RetryAfter::In(Duration::from_secs(whole))
            });
        }
        signals
    }

    fn answer(&mut self, now: RunTime, call: &Call) -> Answer {
        let faults = self.world.faults;
        if self.happens(faults.unauthorized) {
            return refused(401, "unauthorized");
        }
        if self.happens(faults.error_before) {
            return refused([500, 502, 503, 504][self.random.random_range(0..4)], "internal_error");
        }
        if self.happens(faults.redirect) {
            return refused(302, "");
        }
        if call.vps().is_some() && self.happens(faults.forbidden) {
            return refused(403, "forbidden");
        }
        if call.vps().is_some() && self.happens(faults.conflict) {
            let code = ["vps_not_ready", "upstream_failed"][self.random.random_range(0..2)];
            return refused(409, code);
        }
        let answer = match call {
            Call::List { cursor } => self.list(cursor.as_deref()),
            Call::Probe { vps } => self.probe(vps),
            Call::Start { vps, command } => self.start(now, vps, command),
            Call::Poll { vps, pid, .. } => self.poll(now, vps, *pid),
        };
        let cut = "cut off".to_owned();
        if self.happens(faults.lost_after) {
            return Answer::Failed(Failure::NoReply { message: cut });
        }
        if self.happens(faults.error_after) {
            return refused(500, "internal_error");
        }
        if call.vps().is_some() && self.happens(faults.unreadable) {
            return match &answer {
                // An answer that is not 2xx stays what its status says.
                Answer::Failed(_) => answer,
                _ => Answer::Failed(Failure::Unreadable { message: cut }),
            };
        }
        if call.vps().is_some() && !matches!(answer, Answer::Failed(_)) && self.happens(faults.too_large) {
            return Answer::Failed(Failure::TooLarge);
        }
        answer
    }

    fn list(&mut self, cursor: Option<&str>) -> Answer {
        let from: usize = cursor.map_or(0, |cursor| cursor.parse().expect("a cursor of ours"));
        let to = (from + self.world.page).min(self.world.listed.len());
        let vpses = self.world.listed[from..to]
            .iter()
            .filter_map(Value::as_object)
            .map(|fields| Vps::new(fields.clone()))
            .collect();
        let next = (to < self.world.listed.len()).then(|| to.to_string());
        Answer::Listed(Page { vpses, next })
    }

    fn probe(&mut self, vps: &VpsId) -> Answer {
        let Some(guest) = self.world.guests.get(vps).filter(|guest| !guest.gone) else {
            return refused(404, "vps_not_found");
        };
        let declined = self.declined.entry(vps.clone()).or_default();
        if *declined < guest.declines {
            *declined += 1;
            let reason = Some("QEMU Guest Agent is not running".to_owned());
            return Answer::Probed(Availability { available: false, reason });
        }
        Answer::Probed(Availability { available: true, reason: None })
    }

    fn start(&mut self, now: RunTime, vps: &VpsId, command: &str) -> Answer {
        let guest = &self.world.guests[vps];
        let steps = guest::steps_of(guest, command);
        if steps.len() > 1 && self.world.refuses_bundles {
            return refused(422, "validation_failed");
        }
        let number = 1000 + self.journal.len() as u64;
        let killed = steps.len() > 1 && self.happens(self.world.faults.killed_script);
        let cut = killed.then(|| self.random.random_range(0..steps.len()));
        let work = guest::run(guest, command, number, cut);
        self.journal.insert(number, Process { vps: vps.clone(), began: now, work, read: false });
        let no_pid = self.happens(self.world.faults.no_pid);
        Answer::Started(Started {
            pid: if no_pid { None } else { Pid::new(number) },
            url: None,
            raw: no_pid.then(|| "{}".to_owned()),
            foreign_url: false,
        })
    }

    fn poll(&mut self, now: RunTime, vps: &VpsId, pid: Pid) -> Answer {
        if self.happens(self.world.faults.probe_shape) {
            return Answer::Polled(PollAnswer::Probe);
        }
        if self.happens(self.world.faults.wrong_pid) {
            return Answer::Polled(PollAnswer::OtherPid);
        }
        let forgets = self.world.forgets;
        let Some(process) = self.journal.get_mut(&pid.number()).filter(|process| process.vps == *vps) else {
            return refused(404, "not_found");
        };
        if now.since(process.began) < self.world.lag || (process.read && forgets) {
            return refused([404, 500][usize::from(self.world.seed.is_multiple_of(3))], "not_found");
        }
        if process.work.takes.is_none_or(|takes| process.began + takes > now) {
            return Answer::Polled(PollAnswer::Running);
        }
        process.read = true;
        let stream = |text: &str| Stream { text: text.into(), ..Stream::default() };
        Answer::Polled(PollAnswer::Exited(Exited {
            exit_code: process.work.exit_code,
            signal: process.work.signal,
            stdout: stream(&process.work.stdout),
            stderr: stream(&process.work.stderr),
        }))
    }
}

impl Provider for Server<'_> {
    fn leaves(&mut self, _at: RunTime, _call: &Call) -> Way {
        let after = self.travel();
        let failed =
            |failure| Box::new(Reply { signals: Signals::default(), answer: Answer::Failed(failure) });
        let message = || "no route".to_owned();
        if self.happens(self.world.faults.unsent) {
            return Way::Lost(after, failed(Failure::Unsent { message: message() }));
        }
        if self.happens(self.world.faults.lost_before) {
            let after = after + Duration::from_millis(self.random.random_range(0..30_000));
            return Way::Lost(after, failed(Failure::NoReply { message: message() }));
        }
        Way::Arrives(after)
    }

    fn arrives(&mut self, at: RunTime, call: &Call) -> (Duration, Reply) {
        let now = at.since_start();
        let ruling = self.rule(now, call);
        let answer = if ruling.admitted {
            self.answer(at, call)
        } else {
            Answer::Failed(Failure::Throttled(problem(429, "rate_limited")))
        };
        let signals = match &answer {
            Answer::Failed(Failure::NoReply { .. }) => Signals::default(),
            _ => self.signals(now, ruling),
        };
        (self.travel(), Reply { signals, answer })
    }
}

/// An answer with this status.
pub(crate) fn refused(status: u16, code: &str) -> Answer {
    Answer::Failed(Failure::Refused(problem(status, code)))
}

/// What an error answer says about itself.
pub(crate) fn problem(status: u16, code: &str) -> Problem {
    Problem { status, code: Some(code.to_owned()), ..Problem::default() }
}

/// How long a refusal asks to wait, and never less than a second.
pub(crate) fn pause_asked(signals: &Signals) -> Duration {
    let asked = match (signals.retry_after, signals.date) {
        (Some(RetryAfter::In(span)), _) => span,
        (Some(RetryAfter::At(until)), Some(date)) => until.0.saturating_sub(date.0),
        _ => Duration::ZERO,
    };
    asked.max(Duration::from_secs(1))
}
