use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::{
    engine::{Ran, Status, Stop, TargetResult},
    fleet::{Tally, Vps},
};

/// A writer that the test reads.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stderr whose reader is gone.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

fn at(seconds: u64, kind: EventKind) -> Event {
    Event { at: RunTime::from_start(Duration::from_secs(seconds)), kind }
}

fn finished(status: Status) -> EventKind {
    let fields = json!({ "id": "vps_1", "name": "web-1" });
    EventKind::TargetFinished(Arc::new(TargetResult {
        vps: Arc::new(Vps::new(fields.as_object().unwrap().clone())),
        status,
        reason: None,
        message: None,
        ran: Ran::Yes,
        started_at: None,
        duration: None,
        captured: serde_json::Map::new(),
        steps: Vec::new(),
    }))
}

fn a_run() -> Vec<Event> {
    let tally = Tally { listed: 5, selected: 3, ..Tally::default() };
    let until = RunTime::from_start(Duration::from_millis(13_500));
    vec![
        at(0, EventKind::PageListed(tally.clone())),
        at(6, EventKind::PageListed(tally.clone())),
        at(7, EventKind::SelectionCompleted(tally)),
        at(8, finished(Status::Ok)),
        at(9, finished(Status::Failed)),
        at(11, EventKind::Throttled { until, limit: Some((300, Some(Duration::from_secs(5)))) }),
        at(12, EventKind::Warned("odd \x1b[2J thing".to_owned())),
        at(13, EventKind::Stopping(Stop::Signal(2))),
        at(18, finished(Status::Cancelled)),
    ]
}

#[test]
fn plain_lines_say_how_far_the_run_is_and_what_it_waits_for() {
    let screen = Screen::default();
    let mut progress = Progress::plain_on(Box::new(screen.clone()));
    for event in &a_run() {
        progress.observe(event);
    }
    progress.finish();
    let text = String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
    insta::assert_snapshot!(text, @r"
    rollcall: 5 listed, 3 selected
    rollcall: 2/3 done, 1 ok, 1 not; waiting 3 s for the limit (300 per 5 s)
    rollcall: warning: odd \x1b[2J thing
    rollcall: stopping: interrupted by SIGINT
    rollcall: 3/3 done, 1 ok, 2 not
    ");
}

#[test]
fn g13_a_closed_stderr_is_no_trouble() {
    let mut progress = Progress::plain_on(Box::new(Closed));
    for event in &a_run() {
        progress.observe(event);
    }
    progress.finish();
}
