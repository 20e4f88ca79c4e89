//! A model of the API and the guests behind it: what each call gets, drawn by the world's seed.

use std::{collections::BTreeMap, time::Duration};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rollcall::{
    budget::{Reset, RetryAfter, RunTime, ServerTime, Signals},
    engine::{
        Answer, Availability, Call, CallId, Exited, Failure, Pid, PollAnswer, Problem, Reply, Started, Stream,
    },
    fleet::VpsId,
    playbook::{FieldRule, Pattern, TargetRules},
};
use serde_json::{Value, json};

use crate::{
    harness::Provider,
    world::{Headers, World},
};

/// The server's clock at the run's start, in seconds since the epoch.
const EPOCH: u64 = 1_800_000_000;

/// A selection of everything that is listed.
pub(crate) fn everything() -> TargetRules {
    let pattern = Pattern::glob("*").expect("a plain glob");
    let rule = FieldRule { path: "name".to_owned(), patterns: vec![pattern] };
    TargetRules { matching: vec![rule], ..TargetRules::default() }
}

/// A command that a guest really began.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    pub(crate) vps: VpsId,
    pub(crate) command: String,
    pub(crate) pid: u64,
    ends: RunTime,
    end: End,
    /// qemu-ga forgets a process once it has told its end.
    told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Code(i64),
    Signal(i64),
}

impl Begun {
    pub(crate) fn code(&self) -> Option<i64> {
        match self.end {
            End::Code(code) => Some(code),
            End::Signal(_) => None,
        }
    }
}

/// The API.
#[derive(Debug)]
pub(crate) struct Model<'a> {
    world: &'a mut World,
    random: StdRng,
    pub(crate) begun: Vec<Begun>,
    pub(crate) refusals: Vec<(CallId, RunTime)>,
    pub(crate) requests: BTreeMap<&'static str, u64>,
    /// The network reorders what is in flight, but time at the server never goes back.
    clock: RunTime,
}

impl<'a> Model<'a> {
    pub(crate) fn new(world: &'a mut World) -> Self {
        let random = StdRng::seed_from_u64(world.seed ^ 0x5eed);
        Self {
            world,
            random,
            begun: Vec::new(),
            refusals: Vec::new(),
            requests: BTreeMap::new(),
            clock: RunTime::START,
        }
    }

    fn travel(&mut self) -> Duration {
        let (least, most) = self.world.latency;
        Duration::from_secs_f64(self.random.random_range(least..=most) / 2.0)
    }

    fn server_time(&self, at: RunTime) -> Duration {
        let seconds = EPOCH.saturating_add_signed(self.world.skew);
        Duration::from_secs(seconds) + at.since_start()
    }

    /// The budget headers of an answer given at `at`; true if it is a refusal.
    fn limit(&mut self, at: RunTime) -> (Signals, bool) {
        let date = Some(ServerTime(Duration::from_secs(self.server_time(at).as_secs())));
        let Some(limiter) = &mut self.world.limiter else {
            return (Signals { date, ..Signals::default() }, false);
        };
        let decision = limiter.take(at.since_start());
        let reset_at = RunTime::from_start(decision.reset_at);
        // Whole seconds, rounded up, as the server's clock has them.
        let reset = whole_seconds_up(self.server_time(reset_at));
        let wait = whole_seconds_up(decision.retry_after).max(Duration::from_secs(1));
        let refused = !decision.allowed;
        let told = match self.world.headers {
            Headers::Always => true,
            Headers::OnRefusal => refused,
            Headers::RetryAfterOnly | Headers::Never => false,
        };
        let signals = Signals {
            throttled: refused,
            retry_after: (refused && self.world.headers != Headers::Never).then_some(RetryAfter::In(wait)),
            limit: told.then_some(u64::from(decision.limit)),
            remaining: told.then_some(u64::from(decision.remaining)),
            reset: told.then_some(Reset::At(ServerTime(reset))),
            date,
        };
        (signals, refused)
    }

    fn carry_out(&mut self, at: RunTime, call: &Call) -> Answer {
        match call {
            Call::List { cursor } => self.page(cursor.as_deref()),
            Call::Probe { vps } => Self::probe(vps),
            Call::Start { vps, command } => self.start(at, vps, command),
            Call::Poll { vps, pid, .. } => self.poll(at, vps, *pid),
        }
    }

    fn page(&self, cursor: Option<&str>) -> Answer {
        let from: usize = cursor.map_or(0, |cursor| cursor.parse().expect("a cursor of ours"));
        let to = (from + self.world.page).min(self.world.vpses);
        let items = (from..to).map(|number| {
            let id = if number % 37 == 36 { format!("../{number}") } else { format!("vps_{number}") };
            json!({ "id": id, "name": format!("web-{number}"), "serviceStatus": "active" })
        });
        Answer::page(items.collect::<Vec<Value>>(), (to < self.world.vpses).then(|| to.to_string()))
    }

    fn probe(vps: &VpsId) -> Answer {
        let number = number(vps);
        if number % 23 == 22 {
            return problem(404, "vps_not_found");
        }
        let available = number % 19 != 18;
        let reason = (!available).then(|| "QEMU Guest Agent is not running".to_owned());
        Answer::Probed(Availability { available, reason })
    }

    fn start(&mut self, at: RunTime, vps: &VpsId, command: &str) -> Answer {
        if number(vps) % 31 == 30 {
            return problem(400, "invalid_request");
        }
        let took = match number(vps) % 29 {
            28 => 1e6,
            _ => self.world.run_time * self.random.random_range(0.5..2.0),
        };
        let end = match self.random.random_range(0..12) {
            0 => End::Code(3),
            1 => End::Signal(9),
            2 => End::Code(127),
            _ => End::Code(0),
        };
        let pid = 1000 + self.begun.len() as u64;
        self.begun.push(Begun {
            vps: vps.clone(),
            command: command.to_owned(),
            pid,
            ends: at + Duration::from_secs_f64(took),
            end,
            told: false,
        });
        Answer::Started(Started { pid: Pid::new(pid), url: None, raw: None, foreign_url: false })
    }

    fn poll(&mut self, at: RunTime, vps: &VpsId, pid: Pid) -> Answer {
        let known = self.begun.iter_mut().find(|begun| begun.vps == *vps && begun.pid == pid.number());
        match known {
            Some(begun) if begun.ends > at => Answer::Polled(PollAnswer::Running),
            Some(begun) if !begun.told => {
                begun.told = true;
                let (exit_code, signal) = match begun.end {
                    End::Code(code) => (Some(code), None),
                    End::Signal(signal) => (None, Some(signal)),
                };
                let stdout = Stream { text: format!("{vps} {pid}\n"), ..Stream::default() };
                Answer::Polled(PollAnswer::Exited(Exited { exit_code, signal, stdout, ..Exited::default() }))
            }
            Some(_) | None => problem(500, "internal_error"),
        }
    }

    /// Something goes wrong: before the request is received, or after it was carried out.
    fn fault(&mut self, at: RunTime, call: &Call) -> Answer {
        let no_reply = || Answer::Failed(Failure::NoReply { message: "connection reset".to_owned() });
        match self.random.random_range(0..12) {
            0..=2 => Answer::Failed(Failure::Unsent { message: "connection refused".to_owned() }),
            3 => no_reply(),
            4 | 5 => {
                let _ = self.carry_out(at, call);
                no_reply()
            }
            6 => problem(503, "upstream_unavailable"),
            7 => {
                let _ = self.carry_out(at, call);
                problem(502, "upstream_failed")
            }
            8 => problem(302, ""),
            9 if matches!(call, Call::Poll { .. }) => Answer::Polled(PollAnswer::Probe),
            9 if matches!(call, Call::Start { .. }) => {
                let raw = Some("{}".to_owned());
                match self.carry_out(at, call) {
                    Answer::Started(_) => {
                        Answer::Started(Started { pid: None, url: None, raw, foreign_url: false })
                    }
                    refusal => refusal,
                }
            }
            10 => problem(404, "vps_not_found"),
            _ => problem(500, "internal_error"),
        }
    }
}

impl Provider for Model<'_> {
    fn answer(&mut self, now: RunTime, id: CallId, call: &Call) -> (RunTime, Reply) {
        let kind = match call {
            Call::List { .. } => "list",
            Call::Probe { .. } => "probe",
            Call::Start { .. } => "start",
            Call::Poll { .. } => "poll",
        };
        *self.requests.entry(kind).or_default() += 1;
        self.clock = self.clock.max(now + self.travel());
        let at = self.clock;
        let back = at + self.travel();
        let faulty = self.world.faults > 0.0 && self.random.random_bool(self.world.faults);
        let is_list = matches!(call, Call::List { .. });
        // A listing that fails for good ends the run; that is worth seeing now and then, not in every world.
        if faulty && (!is_list || self.random.random_bool(0.2)) {
            return (back, Reply { signals: Signals::default(), answer: self.fault(at, call) });
        }
        let (signals, refused) = self.limit(at);
        if refused {
            self.refusals.push((id, now));
            let answer = Answer::Failed(Failure::Throttled(Problem { status: 429, ..Problem::default() }));
            return (back, Reply { signals, answer });
        }
        (back, Reply { signals, answer: self.carry_out(at, call) })
    }
}

fn whole_seconds_up(span: Duration) -> Duration {
    Duration::from_secs(span.as_secs() + u64::from(span.subsec_nanos() > 0))
}

fn number(vps: &VpsId) -> usize {
    vps.as_str().trim_start_matches("vps_").parse().expect("an id of ours")
}

fn problem(status: u16, code: &str) -> Answer {
    Answer::Failed(Failure::Refused(Problem {
        status,
        code: Some(code.to_owned()),
        endpoint: "model".to_owned(),
        ..Problem::default()
    }))
}
