//! A rule as a faults file has it, and what it means.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use axum::http::{HeaderName, HeaderValue};
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;

use super::{Fault, GuestFault, PageFault, Rule, When};
use crate::sandbox::{duration, request::Operation};

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    on: Option<OneOrMany<String>>,
    target: Option<String>,
    every: Option<u64>,
    nth: Option<OneOrMany<u64>>,
    percent: Option<f64>,
    times: Option<u64>,
    #[serde(default)]
    per_target: bool,
    #[serde(default)]
    after: bool,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    fault: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl Written {
    /// Makes a rule of it.
    ///
    /// # Errors
    /// What makes no sense, and what would.
    pub(super) fn check(self) -> Result<Rule, String> {
        let on = self.on.map(OneOrMany::into_vec).unwrap_or_default();
        let on = on.iter().map(|name| operations(name)).collect::<Result<Vec<_>, _>>()?.concat();
        let target = self.target.as_deref().map(glob).transpose()?;
        let when = match (self.every, self.nth, self.percent) {
            (None, None, None) => When::Always,
            (Some(every), None, None) if every > 0 => When::Every(every),
            (None, Some(nth), None) => When::Nth(nth.into_vec()),
            (None, None, Some(percent)) if (0.0..=100.0).contains(&percent) => When::Percent(percent),
            (Some(0), None, None) => return Err("`every` counts from 1".to_owned()),
            (None, None, Some(_)) => return Err("`percent` is from 0 to 100".to_owned()),
            _ => return Err("only one of `every`, `nth` and `percent` can be given".to_owned()),
        };
        let headers =
            self.headers.iter().map(|(name, value)| header(name, value)).collect::<Result<Vec<_>, _>>()?;
        let (fault, after) = match self.fault.as_deref() {
            Some("reset-after") => (Fault::Reset, true),
            Some(text) => (text.parse()?, self.after),
            None if headers.is_empty() => return Err("`fault` is missing".to_owned()),
            None => (Fault::Nothing, self.after),
        };
        let text = self.fault.unwrap_or_else(|| "headers".to_owned());
        let (times, per_target) = (self.times, self.per_target);
        Ok(Rule { on, target, when, times, per_target, after, headers, fault, text })
    }
}

fn operations(name: &str) -> Result<Vec<Operation>, String> {
    match Operation::ALL.into_iter().find(|operation| operation.name() == name) {
        Some(operation) => Ok(vec![operation]),
        None if name == "any" => Ok(Operation::ALL.to_vec()),
        None => Err(format!("`on: {name}` is none of list, probe, start, poll, other, any")),
    }
}

fn glob(text: &str) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(text).case_insensitive(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| format!("`target: {text}`: {error}"))
}

fn header(name: &str, value: &str) -> Result<(HeaderName, Option<HeaderValue>), String> {
    let wrong = || format!("`headers`: `{name}: {value}` cannot be a header");
    let header = name.parse().map_err(|_| wrong())?;
    let value = if value.is_empty() { None } else { Some(value.parse().map_err(|_| wrong())?) };
    Ok((header, value))
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let rest = rest.trim();
        let fault = match word {
            "status" => return status_fault(rest),
            "html" if rest.is_empty() => Self::Html { status: 502 },
            "html" => Self::Html { status: status(rest)? },
            "redirect" if rest.is_empty() => Self::Redirect { to: "https://elsewhere.example/".to_owned() },
            "redirect" => Self::Redirect { to: rest.to_owned() },
            "reply" => {
                let (number, body) = rest.split_once(' ').unwrap_or((rest, ""));
                Self::Reply { status: status(number)?, body: body.to_owned() }
            }
            "delay" => Self::Delay(duration::parse(rest)?),
            "trickle" => Self::Trickle(or_default(rest, Duration::from_secs(1))?),
            "freeze" => Self::Guest(GuestFault::Freeze(duration::parse(rest)?)),
            "forget" => Self::Guest(GuestFault::Forget(or_default(rest, Duration::ZERO)?)),
            _ if word.starts_with(|first: char| first.is_ascii_digit()) => return status_fault(text.trim()),
            _ if !rest.is_empty() => return Err(format!("`fault: {text}`: `{word}` takes nothing after it")),
            "reset-before" => Self::Reset,
            "hang" => Self::Hang,
            "truncate" => Self::Truncate,
            "wrong-type" => Self::WrongType,
            "agent-off" => Self::Guest(GuestFault::AgentOff),
            "stopped" => Self::Guest(GuestFault::Stopped),
            "blocked" => Self::Guest(GuestFault::Blocked),
            "exec-forbidden" => Self::Guest(GuestFault::ExecForbidden),
            "empty-page" => Self::Page(PageFault::Empty),
            "repeat-cursor" => Self::Page(PageFault::RepeatCursor),
            "overlap" => Self::Page(PageFault::Overlap),
            _ => {
                return Err(format!("`fault: {text}` is no fault; see the table in the sandbox's documents"));
            }
        };
        Ok(fault)
    }
}

fn status_fault(text: &str) -> Result<Fault, String> {
    let (number, code) = text.split_once(' ').unwrap_or((text, ""));
    let code = Some(code.trim().to_owned()).filter(|code| !code.is_empty());
    Ok(Fault::Status { status: status(number)?, code })
}

fn status(text: &str) -> Result<u16, String> {
    let status = text.trim().parse().ok().filter(|status| (200..=599).contains(status));
    status.ok_or_else(|| format!("`{text}` is no HTTP status from 200 to 599"))
}

fn or_default(text: &str, default: Duration) -> Result<Duration, String> {
    if text.is_empty() { Ok(default) } else { duration::parse(text) }
}
