//! Why a run stopped early, in plain words.

use super::span;
use crate::engine::{Problem, Stop};

/// The word for machines.
pub(super) const fn kind(stop: &Stop) -> &'static str {
    match stop {
        Stop::Signal(_) => "signal",
        Stop::Auth(_) => "auth",
        Stop::Inventory(_) => "inventory",
        Stop::Selection(_) => "selection",
        Stop::Declined => "declined",
        Stop::Deadline => "deadline",
        Stop::Patience(_) => "patience",
    }
}

/// What stopped a run, and what to do about it. May hold remote text; it is made inert where it is shown.
pub fn stop_message(stop: &Stop) -> String {
    match stop {
        Stop::Signal(number) => format!("interrupted by {}", signal(*number)),
        Stop::Auth(problem) => auth(problem),
        Stop::Inventory(why) => format!("inventory incomplete, so nothing was started: {why}"),
        Stop::Selection(error) => error.to_string(),
        Stop::Declined => "not confirmed, so nothing was started".to_owned(),
        Stop::Deadline => "the run's deadline passed; what had not been started by then was not".to_owned(),
        Stop::Patience(Some(wait)) => {
            format!(
                "the API asks to wait {}, longer than this run may; nothing more was started",
                span::ahead(*wait)
            )
        }
        Stop::Patience(None) => {
            "the API has let nothing through for an hour; nothing more was started".to_owned()
        }
    }
}

fn signal(number: i32) -> String {
    match number {
        1 => "SIGHUP".to_owned(),
        2 => "SIGINT".to_owned(),
        15 => "SIGTERM".to_owned(),
        other => format!("signal {other}"),
    }
}

fn auth(problem: &Problem) -> String {
    let endpoint = &problem.endpoint;
    if problem.html {
        return format!(
            "{endpoint} was answered {} with an HTML page: something in front of the API turned rollcall away",
            problem.status
        );
    }
    let (what, todo) = if problem.status == 401 {
        (
            "token rejected",
            "keys are made under cloud.hostup.se/api-management; one may be expired or limited to certain IPs",
        )
    } else {
        (
            "the key may not do this",
            "it needs the scopes read:vm, to list and probe, and write:vm, to start and poll",
        )
    };
    format!("{what}: {endpoint} was answered {problem}\n  hint: {todo}")
}
