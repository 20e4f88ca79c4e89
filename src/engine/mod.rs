//! The life of a run and of each target: a pure state machine.
//!
//! An [`Engine`] is given inputs (an answer, the time, an interrupt) and returns effects (send this call,
//! wake me then, tell this). It owns no socket, clock, task or file, so one harness can drive whole runs against
//! a model server in virtual time.
//!
//! Kept out: how a call looks on the wire (`hostup/`), waiting and signals (`runner/`), and when requests may
//! leave (`budget/` decides; the engine asks).

mod admission;
mod backoff;
mod call;
mod denials;
mod dispatch;
mod ending;
mod event;
mod expected_polls;
mod finished;
mod forecast;
mod in_flight;
mod judging;
mod listing;
mod outcome;
mod poll_timing;
mod record;
mod rehearsal;
mod replies;
mod resumption;
mod rollout;
mod run;
mod run_times;
mod selected;
mod spec;
mod step;
mod stopping;
mod target;
mod task;
mod time_spent;
mod timings;
mod verdict;
mod watching;

pub use call::{
    Answer, Availability, Call, CallId, Exited, Failure, Page, Pid, PollAnswer, PollUrl, Problem, Reply,
    Started, Stream,
};
pub use event::{Event, EventKind, RequestCounts, Stop};
pub use finished::FinishedRun;
pub use forecast::{
    Allowed, Forecast, HeldBack, Layout, Limit, Listed, RequestForecast, StartForecast, TargetForecast,
    TimeForecast, forecast,
};
pub use in_flight::{Doing, InFlight};
pub use judging::give_back_outputs;
pub use outcome::{Captured, CheckResult, Ran, Reason, Status, StepResult, Summary, TargetResult};
pub use record::{Duty, Entry, Intent};
pub use rehearsal::ASSUMED_RUN_TIME;
pub use resumption::{Ended, LeftOff, Remembered, RememberedStart, is_final};
pub use run::{Engine, GRACE, PATIENCE};
pub use run_times::{Carried, RunTimes};
pub use spec::{Purpose, RunSpec};
pub use step::{Effect, Input};
pub use time_spent::TimeSpent;
