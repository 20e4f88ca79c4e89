//! What progress tells, fed with events and made-up time.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use indicatif::ProgressDrawTarget;
use serde_json::json;

use super::*;
use crate::{
    engine::{Captured, EventKind, Problem, Ran, Status, Stop, TargetResult},
    fleet::{Tally, Vps},
};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A pipe whose reader is gone.
struct Closed;

impl io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

fn plain() -> (Progress, Written) {
    let written = Written::default();
    let progress = Progress::of_shape(Shape::Plain(Plain::new(Box::new(written.clone()))), "disk-pressure");
    (progress, written)
}

fn at(ms: u64) -> RunTime {
    RunTime::from_start(Duration::from_millis(ms))
}

fn event(ms: u64, kind: EventKind) -> Event {
    Event { at: at(ms), kind }
}

fn finished(status: Status) -> EventKind {
    EventKind::TargetFinished(result(status))
}

fn result(status: Status) -> Arc<TargetResult> {
    let serde_json::Value::Object(fields) = json!({ "id": "vps_1", "name": "web-1" }) else {
        panic!("an object")
    };
    Arc::new(TargetResult {
        vps: Arc::new(Vps::new(fields)),
        status,
        reason: None,
        message: None,
        ran: Ran::Yes,
        started_at: None,
        duration: None,
        captured: Captured::default(),
        steps: Vec::new(),
    })
}

fn tally(selected: usize) -> Tally {
    Tally { listed: 214, selected, ..Tally::default() }
}

fn halfway() -> Vec<Event> {
    let limit = Some((300, Some(Duration::from_secs(5))));
    let mut events = vec![
        event(100, EventKind::PageListed(tally(100))),
        event(200, EventKind::SelectionCompleted(tally(200))),
    ];
    events.extend((0..131).map(|_| event(900, finished(Status::Ok))));
    events.push(event(900, finished(Status::CheckFailed)));
    events.push(event(900, finished(Status::Unknown)));
    events.push(event(900, finished(Status::Unavailable)));
    events.push(event(3_000, EventKind::Throttled { until: at(8_000), limit }));
    events
}

#[test]
fn plain_says_a_line_now_and_then() {
    let (mut progress, written) = plain();
    for event in halfway() {
        progress.observe(&event);
    }
    for second in 3..9 {
        progress.tick(at(second * 1_000));
    }
    assert_eq!(
        written.text(),
        "rollcall: disk-pressure: 200 of 214 servers\n\
         rollcall: 134/200 done, 131 ok, 3 not; waiting 3 s for the limit (300 per 5 s)\n"
    );
}

/// Of a run that was begun an hour ago: 100 of 200 were done then.
fn gone_on() -> Vec<Event> {
    let hour = 3_600_000;
    let done = std::iter::repeat_n(result(Status::Ok), 99).chain([result(Status::Failed)]).collect();
    let mut events = vec![event(hour, EventKind::GoneOn { tally: tally(200), done })];
    events.extend((0..20).map(|_| event(hour + 4_000, finished(Status::Ok))));
    events
}

#[test]
fn what_was_done_before_counts_and_its_time_does_not() {
    let (mut progress, written) = plain();
    let mut standing = Standing::default();
    for event in gone_on() {
        progress.observe(&event);
        standing.observe(&event);
    }
    progress.tick(at(3_600_000 + 5_000));
    assert_eq!(
        written.text(),
        "rollcall: disk-pressure: 200 of 214 servers, 100 of them done before\n\
         rollcall: 120/200 done, 119 ok, 1 not\n"
    );
    assert_eq!(bar::message(&standing), "ok 119 · failing 1   about 16 s left");
}

#[test]
fn plain_tells_of_the_listing_and_repeats_itself_rarely() {
    let (mut progress, written) = plain();
    progress.observe(&event(100, EventKind::PageListed(tally(100))));
    for second in 0..60 {
        progress.tick(at(second * 1_000));
    }
    assert_eq!(written.text(), "rollcall: listing, 100 of 214 servers so far\n".repeat(2));
}

#[test]
fn warnings_and_stops_are_said_at_once_and_inert() {
    let (progress, written) = plain();
    let mut progress = progress.without(&["hunter2".to_owned()]);
    progress.observe(&event(1, EventKind::Warned("odd\x1b[2J\nfake hunter2".to_owned())));
    let failed = EventKind::Retrying { vps: None, message: "502\r".to_owned(), at: at(1_002) };
    progress.observe(&event(2, failed));
    let problem = Problem { status: 401, endpoint: "GET /x".to_owned(), ..Problem::default() };
    progress.observe(&event(3, EventKind::Stopping(Stop::Auth(problem))));
    assert_eq!(
        written.text(),
        "rollcall: warning: odd\\x1b[2J\\nfake [redacted]\n\
         rollcall: asking for the list of servers again in 1 s: 502\\r\n\
         rollcall: stopping: token rejected: GET /x was answered 401\n"
    );
}

#[test]
fn a_flood_of_warnings_ends() {
    let (mut progress, written) = plain();
    for _ in 0..1_000 {
        progress.observe(&event(1, EventKind::Warned("same".to_owned())));
    }
    assert_eq!(written.text().lines().count(), 21);
    assert!(written.text().ends_with("there are more warnings, which are not shown\n"));
}

#[test]
fn the_bar_tells_counts_limit_and_wait() {
    let mut standing = Standing::default();
    for event in halfway() {
        standing.observe(&event);
    }
    standing.pass(at(5_200));
    let message = bar::message(&standing);
    assert_eq!(
        message,
        "ok 131 · failing 2 · unavailable 1   300 per 5 s · window opens in 3 s · about 2 s left"
    );
    standing.observe(&event(9_000, finished(Status::Cancelled)));
    let message = bar::message(&standing);
    assert!(message.contains("failing 2 · unavailable 1 · not tried 1"), "{message}");
    assert!(!message.contains("window"), "the wait is over: {message}");
}

#[test]
fn a_bar_writes_notices_above_itself() {
    let written = Written::default();
    let bar = Bar::new(ProgressDrawTarget::hidden(), Box::new(written.clone()));
    let mut progress = Progress::of_shape(Shape::Bar(bar), "disk-pressure");
    for event in halfway() {
        progress.observe(&event);
    }
    assert_eq!(progress.suspend(|| 7), 7);
    progress.finish();
    assert_eq!(written.text(), "disk-pressure: 200 of 214 servers\n");
}

#[test]
fn k9_a_closed_stderr_ends_nothing() {
    let bar = Bar::new(ProgressDrawTarget::hidden(), Box::new(Closed));
    for shape in [Shape::Plain(Plain::new(Box::new(Closed))), Shape::Bar(bar), Shape::None] {
        let mut progress = Progress::of_shape(shape, "disk-pressure");
        for event in halfway() {
            progress.observe(&event);
        }
        progress.tick(at(60_000));
        progress.finish();
        assert_eq!(progress.standing.done, 134);
    }
}

#[test]
fn o4_without_a_terminal_there_is_no_bar() {
    let shape = |mode, terminal| match Progress::new(mode, terminal, "p").shape {
        Shape::Bar(_) => "bar",
        Shape::Plain(_) => "plain",
        Shape::None => "none",
    };
    let shapes = Mode::ALL.map(|mode| (shape(mode, true), shape(mode, false)));
    assert_eq!(shapes, [("bar", "plain"), ("bar", "plain"), ("plain", "plain"), ("none", "none")]);
}

#[test]
fn each_name_gives_its_mode_and_another_names_them_all() {
    for mode in Mode::ALL {
        assert_eq!(mode.to_string().parse(), Ok(mode));
    }
    let error = "bars".parse::<Mode>().unwrap_err().to_string();
    assert_eq!(
        error,
        "no way of showing progress is called `bars`; there are `auto`, `bar`, `plain`, `none`"
    );
}
