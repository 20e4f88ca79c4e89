//! One request from its connection to its answer: the wire's delay, key, rate limit, faults, the API, the journal.
//!
//! Everything that decides happens in [`Server::judge`], which waits for nothing but a real guest agent, and then in a
//! task of its own: a client that hangs up can only do so before its request is judged or after, never in the middle.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    body::{Bytes, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderValue,
        header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, DATE, USER_AGENT},
        request::Parts,
    },
    response::Response,
};
use tokio::{sync::watch, time::sleep};

use super::{
    answer::{Answer, Departure, HTML, JSON, PROBLEM},
    api::{Api, Asked, Success, command},
    clock::Clock,
    connection::Link,
    draw::Draw,
    faults::{Fault, Injector, Rule},
    guest::Ended,
    journal::{Journal, Line, Received},
    problem::Problem,
    request::{Operation, Route, parameters},
    shape::Errors,
    throttle::{Throttle, retry_after_seconds},
};

/// The largest request body that is read, in bytes: several times what the longest command can need.
const LARGEST_BODY: usize = 256 << 10;

/// A running sandbox's whole state, shared by all its connections.
pub(super) struct Server {
    pub(super) api: Api,
    pub(super) clock: Clock,
    pub(super) throttle: Throttle,
    pub(super) injector: Injector,
    pub(super) journal: Option<Journal>,
    pub(super) tally: Tally,
    /// The whole `Authorization` header that is right.
    pub(super) authorization: String,
    pub(super) latency: Duration,
    pub(super) latency_spread: Duration,
    pub(super) draw: Draw,
    /// Becomes true, or loses its sender, when the sandbox stops.
    pub(super) stopping: watch::Receiver<bool>,
}

/// What has been counted.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) received: AtomicU64,
    pub(super) judged: AtomicU64,
    pub(super) by_operation: [AtomicU64; Operation::COUNT],
    pub(super) throttled: AtomicU64,
    pub(super) unauthorized: AtomicU64,
    pub(super) begun: AtomicU64,
    /// When the first request was judged, in nanoseconds and one more; 0 before it.
    pub(super) first: AtomicU64,
}

/// Serves one request; the only handler there is.
pub(super) async fn serve(
    State(server): State<Arc<Server>>,
    ConnectInfo(link): ConnectInfo<Link>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    // Read in any case: hyper closes a connection whose request was answered but not read.
    let body = to_bytes(body, LARGEST_BODY).await.ok();
    let wire = server.wire();
    let (answer, departure) = if wire.is_zero() && !server.api.waits() {
        server.judge(&parts, body.as_ref()).await
    } else {
        // A task of its own: what is on the wire arrives, and what was begun ends, even if its sender hangs up.
        let server = server.clone();
        let judged = tokio::spawn(async move {
            sleep(wire).await;
            server.judge(&parts, body.as_ref()).await
        });
        judged.await.unwrap_or((Answer::default(), Departure::Reset))
    };
    match departure {
        Departure::Never => server.wait(Duration::MAX).await,
        Departure::Late(delay) => server.wait(wire.saturating_add(delay)).await,
        _ if wire.is_zero() => {}
        _ => server.wait(wire).await,
    }
    if !departure.is_answer() {
        link.break_off();
    }
    answer.depart(departure)
}

/// A request as it stands before its judge.
struct Call<'a> {
    parts: &'a Parts,
    /// `None` where it was too large.
    body: Option<&'a Bytes>,
    parameters: &'a [(String, String)],
    route: &'a Route<'a>,
    server: Option<usize>,
    number: u64,
    now: Duration,
}

impl Server {
    /// How long one way over the wire takes this time: half of the latency drawn.
    fn wire(&self) -> Duration {
        if self.latency_spread.is_zero() {
            return self.latency / 2;
        }
        let number = self.tally.received.fetch_add(1, Relaxed);
        (self.latency + self.latency_spread.mul_f64(self.draw.at(number).unit())) / 2
    }

    /// Waits, but not longer than the sandbox runs.
    async fn wait(&self, time: Duration) {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            () = sleep(time) => {}
            _ = stopping.wait_for(|stopping| *stopping) => {}
        }
    }

    /// Decides what becomes of a request, does what it asks for, counts it and writes the journal.
    async fn judge(&self, parts: &Parts, body: Option<&Bytes>) -> (Answer, Departure) {
        let parameters = parameters(&parts.uri);
        let route = Route::of(&parts.method, &parts.uri, &parameters);
        let operation = route.operation();
        let server = route.id().and_then(|id| self.api.fleet.find(id));
        let key = parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let authorized = key == Some(self.authorization.as_bytes());
        let (now, decision) = if authorized {
            self.throttle.take(&self.clock, operation, server)
        } else {
            (self.clock.now(), None)
        };
        let number = self.tally.count(operation, now);
        let call = Call { parts, body, parameters: &parameters, route: &route, server, number, now };
        let mut line = self.journal.as_ref().map(|_| call.line());

        let refused = decision.filter(|decision| !decision.allowed);
        let (mut answer, departure) = if !authorized {
            self.tally.unauthorized.fetch_add(1, Relaxed);
            let problem = Problem::new(401, "unauthorized", "The API key is missing, wrong or expired.");
            (self.problem(&call, &problem), Departure::Whole)
        } else if refused.is_some() {
            self.tally.throttled.fetch_add(1, Relaxed);
            let text = "Too many requests; wait as long as Retry-After says.";
            (self.problem(&call, &Problem::new(429, self.throttle.code(), text)), Departure::Whole)
        } else {
            self.admit(&call, line.as_mut()).await
        };

        answer.headers.entry(DATE).or_insert_with(|| self.clock.date(now));
        if let Some(decision) = decision {
            self.throttle.write(&mut answer.headers, decision, &self.clock, now);
        }
        if let (Some(journal), Some(mut line)) = (&self.journal, line) {
            line.status = departure.is_answer().then_some(answer.status.as_u16());
            line.retry_after = refused.map(retry_after_seconds).or_else(|| answer.retry_after());
            journal.write(&Line::Request(Box::new(line)));
        }
        (answer, departure)
    }

    /// Lets a request meet its fault, if there is one for it, and the API.
    async fn admit(&self, call: &Call<'_>, mut line: Option<&mut Received>) -> (Answer, Departure) {
        let fleet = &self.api.fleet;
        let names = || call.server.map(|index| [fleet.server(index).name(), fleet.id(index)]);
        let Some(rule) = self.injector.meet(call.route.operation(), call.server, names) else {
            return (self.ask(call, None, line).await, Departure::Whole);
        };
        let Rule { fault, after, headers, .. } = rule;
        if let Some(line) = &mut line {
            line.fault = Some(rule.to_string());
        }
        let in_place = match fault {
            Fault::Status { status, code } => {
                Some(self.problem(call, &Problem::of_status(*status, code.as_deref())))
            }
            fault => Answer::in_place(fault),
        };
        let comes_first = in_place.is_some() || *fault == Fault::Reset;
        let own = if *after || !comes_first { Some(self.ask(call, Some(fault), line).await) } else { None };
        let mut answer = in_place.or(own).unwrap_or_default();
        if *fault == Fault::WrongType {
            answer.headers.insert(CONTENT_TYPE, HTML);
        }
        for (name, value) in headers {
            match value {
                Some(value) => answer.headers.insert(name, value.clone()),
                None => answer.headers.remove(name),
            };
        }
        (answer, Departure::of(fault))
    }

    /// Has the API answer.
    async fn ask(&self, call: &Call<'_>, fault: Option<&Fault>, line: Option<&mut Received>) -> Answer {
        let Some(body) = call.body else {
            return self.problem(call, &Problem::of_status(413, None));
        };
        let asked = Asked {
            route: call.route,
            parameters: call.parameters,
            server: call.server,
            body,
            number: call.number,
            now: call.now,
            wall: self.clock.wall(call.now),
            guest_fault: if let Some(Fault::Guest(fault)) = fault { Some(*fault) } else { None },
            page_fault: if let Some(Fault::Page(fault)) = fault { Some(*fault) } else { None },
        };
        let Success { body, began, ended } = match self.api.answer(&asked).await {
            Ok(success) => success,
            Err(problem) => return self.problem(call, &problem),
        };
        if let (Some(pid), Some(server)) = (began, call.server) {
            self.tally.begun.fetch_add(1, Relaxed);
            if let (Some(journal), Some(line)) = (&self.journal, line) {
                line.pid = Some(pid);
                journal.write(&Line::Began {
                    at: call.now,
                    vps: call.route.id().unwrap_or_default(),
                    name: &self.api.fleet.server(server).name(),
                    command: line.command.as_deref().unwrap_or_default(),
                    pid,
                });
            }
        }
        if let (Some(journal), Some(ended), Route::Poll { id, pid }) = (&self.journal, ended, call.route) {
            let (exit_code, signal) = match ended {
                Ended::Exit(code) => (Some(code), None),
                Ended::Signal(signal) => (None, Some(signal)),
            };
            let pid = pid.parse().unwrap_or_default();
            journal.write(&Line::Ended { at: call.now, vps: id, pid, exit_code, signal });
        }
        Answer::new(200, JSON, body)
    }

    fn problem(&self, call: &Call, problem: &Problem) -> Answer {
        let style = self.api.shape.errors;
        let timestamp = self.clock.wall(call.now).to_string();
        let body = problem.body(style, call.number, &timestamp, call.parts.uri.path());
        let mut answer =
            Answer::new(problem.status, if style == Errors::Problem { PROBLEM } else { JSON }, body);
        if let (405, Route::WrongMethod { allow }) = (problem.status, call.route) {
            answer.headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        answer
    }
}

impl Call<'_> {
    /// The journal's line about it, as far as it is known before the answer.
    fn line(&self) -> Received {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Received {
            at: self.now,
            seq: self.number,
            method: self.parts.method.to_string(),
            path: self.parts.uri.path().to_owned(),
            query: self.parts.uri.query().map(str::to_owned),
            operation: self.route.operation().name(),
            vps: self.route.id().map(str::to_owned),
            command: self.body.filter(|body| !body.is_empty()).and_then(|body| command(body)),
            pid: if let Route::Poll { pid, .. } = self.route { pid.parse().ok() } else { None },
            user_agent: self.parts.headers.get(USER_AGENT).map(text),
            ..Received::default()
        }
    }
}

impl Tally {
    /// Counts a request judged at `now` and gives its number.
    fn count(&self, operation: Operation, now: Duration) -> u64 {
        self.by_operation[operation as usize].fetch_add(1, Relaxed);
        if self.first.load(Relaxed) == 0 {
            let nanoseconds = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX).saturating_add(1);
            // Losing against another first request is as good.
            self.first.compare_exchange(0, nanoseconds, Relaxed, Relaxed).ok();
        }
        self.judged.fetch_add(1, Relaxed) + 1
    }
}
