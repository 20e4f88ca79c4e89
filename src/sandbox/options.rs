//! What a sandbox is asked to be: its options, and one table of keys that flags and the short form share.
//!
//! `rollcall sandbox --rate 300/5s` and `--sandbox 200,rate=300/5s` both end in [`Options::set`]. To add a knob is
//! to add a field, its default and one line of the table.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use jiff::SignedDuration;

use super::{
    choice::{choices, choose},
    duration::{self, RunTime},
    faults::Faults,
    limiter::{RateLimit, Window},
    shape::Shape,
    throttle::Throttling,
};

/// What answers when a command is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Guest {
    /// A table of plausible answers; nothing runs.
    #[default]
    Simulated,
    /// `/bin/sh -c COMMAND` on this machine, in a private directory per server.
    Shell,
    /// The same in whatever a real `qemu-ga` is in, one for each server: those that listen on the sockets of this
    /// directory, in the order of their names. All servers are listed as running and well, whatever `fleet` and
    /// `agents` say; a probe asks the agent. What it runs goes on when the sandbox stops.
    Qga(PathBuf),
}

choices! {
    /// How varied the fleet is.
    pub enum Variety {
        /// Mostly active and running; about one server in twenty has something odd about it.
        #[default]
        Mixed = "mixed",
        /// Every server is active and running Linux with a live agent.
        Uniform = "uniform",
    }

    /// Whose guest agents answer.
    pub enum Agents {
        /// All but about one in a hundred.
        #[default]
        Most = "most",
        /// All.
        All = "all",
    }
}

/// Everything a sandbox can be told. `Options::default()` is 200 servers, 300 requests per 5 s, simulated guests.
#[derive(Clone)]
pub struct Options {
    /// How many servers there are; `None` for 200, or for one a socket where the guest is [`Guest::Qga`].
    pub vms: Option<u32>,
    /// The rate limit; `None` for none.
    pub rate: Option<RateLimit>,
    /// How its windows count.
    pub window: Window,
    /// Which bucket a request falls in, and what its answers say of it.
    pub throttling: Throttling,
    /// How far the server's wall clock is ahead of ours (`Date`, `X-RateLimit-Reset`, timestamps).
    pub skew: SignedDuration,
    /// How long a request takes on the wire, there and back together.
    pub latency: Duration,
    /// How much longer than `latency` it may take; drawn evenly for each request.
    pub latency_spread: Duration,
    /// What answers commands.
    pub guest: Guest,
    /// How long simulated commands run, besides what they `sleep`.
    pub duration: RunTime,
    /// How many commands of the shell guest run at once; others queue.
    pub at_once: usize,
    /// How many bytes of each output stream are kept.
    pub output_cap: usize,
    /// What goes wrong.
    pub faults: Faults,
    /// What all draws come from: the same seed is the same fleet and the same luck.
    pub seed: u64,
    /// Where to write the journal.
    pub journal: Option<PathBuf>,
    /// The API key that is accepted.
    pub token: String,
    /// The port of 127.0.0.1 to listen on; 0 takes a free one.
    pub port: u16,
    /// How many servers a page holds when the request does not say.
    pub page_limit: u32,
    /// How varied the servers are.
    pub fleet: Variety,
    /// Whose agents answer.
    pub agents: Agents,
    /// A command that contains this is blocked, besides a few that always are.
    pub block: Option<String>,
    /// The API's open questions.
    pub shape: Shape,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            vms: None,
            rate: Some(RateLimit { limit: 300, window: Duration::from_secs(5) }),
            window: Window::default(),
            throttling: Throttling::default(),
            skew: SignedDuration::ZERO,
            latency: Duration::ZERO,
            latency_spread: Duration::ZERO,
            guest: Guest::default(),
            duration: RunTime { median: Duration::from_millis(200), sigma: 0.0 },
            at_once: 64,
            output_cap: 16 << 20,
            faults: Faults::default(),
            seed: 7,
            journal: None,
            token: "sandbox".to_owned(),
            port: 0,
            page_limit: 20,
            fleet: Variety::default(),
            agents: Agents::default(),
            block: None,
            shape: Shape::default(),
        }
    }
}

impl fmt::Debug for Options {
    /// Leaves the token out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vms, rate, window, guest, seed, port, .. } = self;
        write!(
            formatter,
            "Options({vms:?} servers, {rate:?} {window:?}, {guest:?}, seed {seed}, port {port}, ..)"
        )
    }
}

/// An option that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OptionsError {
    /// No such key.
    #[error("unknown sandbox option `{key}`; there are {}", known())]
    UnknownKey {
        /// What was written.
        key: String,
    },
    /// A part of the short form that is not `KEY=VALUE`.
    #[error("cannot read `{text}` in the sandbox options; write COUNT,KEY=VALUE,… such as 200,rate=300/5s")]
    NotAPair {
        /// What was written.
        text: String,
    },
    /// A value that its key does not take.
    #[error("sandbox option {key}: `{value}` is not {expected}")]
    BadValue {
        /// The key.
        key: String,
        /// What was written.
        value: String,
        /// What would have been right.
        expected: String,
    },
    /// The faults file could not be used.
    #[error("sandbox option faults: {0}")]
    Faults(String),
}

fn known() -> String {
    KEYS.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(", ")
}

/// Declares every key once: its name, its help, and what it sets to what.
macro_rules! keys {
    (($options:ident, $value:ident) $( $key:literal, $help:literal => $($field:ident).+ = $read:expr; )+) => {
        const KEYS: &[(&str, &str)] = &[ $( ($key, $help), )+ ];

        /// Sets one field; `None` if no key has this name.
        fn assign($options: &mut Options, key: &str, $value: &str) -> Option<Result<(), String>> {
            match key {
                $( $key => Some($read.map(|read| $options.$($field).+ = read)), )+
                _ => None,
            }
        }
    };
}

keys! { (options, value)
    "vms", "How many servers there are (200, or with guest qga one a socket)" => vms = number(value, 0, 1_000_000).map(Some);
    "rate", "Requests per window (300/5s), or none" => rate = rate(value);
    "window", "How windows count: fixed, fixed-first, sliding, sliding-strict, bucket, bucket-next" => window = choose(value);
    "scope", "What has a bucket of its own: key, operation, vps" => throttling.scope = choose(value);
    "headers", "Where rate-limit headers are: 429, all, retry-after, none" => throttling.headers = choose(value);
    "reset-rounding", "How X-RateLimit-Reset is rounded to seconds: up, down" => throttling.rounding = choose(value);
    "reset-format", "How X-RateLimit-Reset is written: iso, epoch, seconds" => throttling.reset = choose(value);
    "retry-after-format", "How Retry-After is written: seconds, date" => throttling.retry_after = choose(value);
    "rate-code", "Code of a 429: rate_limited, rate_limit_exceeded" => throttling.code = choose(value);
    "others", "Requests a second that another client takes from the same bucket" => throttling.others = number(value, 0.0, 1e6);
    "skew", "How far the server's clock is ahead (-3s, 2m)" => skew = duration::signed(value);
    "latency", "Time on the wire: 30ms, or 10ms..50ms drawn for each request" => latency = latency(value, &mut options.latency_spread);
    "guest", "What answers commands: simulated, shell (runs them on this machine), qga=DIR (runs them in the real qemu-ga behind each socket in DIR)" => guest = guest(value);
    "duration", "How long simulated commands run: 0.2s, or MEDIAN~SIGMA such as 5s~0.25" => duration = RunTime::parse(value);
    "at-once", "How many commands of the shell guest run at once" => at_once = number(value, 1, 10_000);
    "output-cap", "Bytes kept of each output stream" => output_cap = number(value, 0, 1 << 30);
    "faults", "A YAML file of faults" => faults = Faults::load(value.as_ref()).map_err(|error| error.to_string());
    "seed", "What the fleet and all chance come from" => seed = number(value, 0, u64::MAX);
    "journal", "A file to append one JSON line to for each request, and for each command that began or was told to have ended" => journal = path(value);
    "port", "The port of 127.0.0.1 to listen on; 0 takes a free one" => port = number(value, 0, u16::MAX);
    "page-limit", "Servers on a page when the request does not say" => page_limit = number(value, 1, 100);
    "fleet", "How varied the servers are: mixed, uniform" => fleet = choose(value);
    "agents", "Whose guest agents answer: most, all" => agents = choose(value);
    "block", "Block commands that contain this text" => block = text(value);
    "scopes", "What the key may do: read+write, read, write, write-implies-read, none" => shape.scopes = choose(value);
    "bodies", "Shape of probe, start and poll replies: bare, wrapped" => shape.bodies = choose(value);
    "exit-code", "Name of the exit code: exitCode, exitcode, exit_code" => shape.exit_code_name = choose(value);
    "booleans", "Booleans of poll replies: bool, int, text" => shape.booleans = choose(value);
    "poll-url", "What pollUrl is: relative, absolute, foreign, absent" => shape.poll_url = choose(value);
    "pid", "How a pid is given: number, text, absent" => shape.pid = choose(value);
    "empty-stream", "A stream without output: text, null, absent" => shape.empty_stream = choose(value);
    "gone-pid", "Answer for an unknown pid: 500, 404, 400, 410, cached" => shape.gone_pid = choose(value);
    "truncation", "Flags of cut output: new, old (always false), none" => shape.truncation = choose(value);
    "encoding", "Output as text: utf8, latin1 (each byte a character)" => shape.encoding = choose(value);
    "last-cursor", "nextCursor of the last page: null, absent, empty" => shape.last_cursor = choose(value);
    "over-limit", "A page limit above 100: reject, clamp" => shape.over_limit = choose(value);
    "no-agent", "Starting on a stopped server or dead agent: 500, 409" => shape.no_agent = choose(value);
    "errors", "How errors are written: problem, json, legacy" => shape.errors = choose(value);
    "block-code", "Code of a blocked command: invalid_request, command_blocked" => shape.block_code = choose(value);
}

impl Options {
    /// Reads `COUNT[,KEY=VALUE…]`, the value of `--sandbox`. The count may be left out.
    ///
    /// # Errors
    /// The first part that is no known key with a value it takes.
    pub fn parse(text: &str) -> Result<Self, OptionsError> {
        let mut options = Self::default();
        for (place, part) in text.split(',').map(str::trim).enumerate() {
            match part.split_once('=') {
                Some((key, value)) => options.set(key.trim(), value.trim())?,
                None if place == 0 => options.set("vms", part)?,
                None => return Err(OptionsError::NotAPair { text: part.to_owned() }),
            }
        }
        Ok(options)
    }

    /// Sets the option `key`, named as the flag of `rollcall sandbox`, from its text.
    ///
    /// # Errors
    /// An unknown key, or a value that it does not take. `faults` reads its file here and reports what is wrong in it.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), OptionsError> {
        match assign(self, key, value) {
            None => Err(OptionsError::UnknownKey { key: key.to_owned() }),
            Some(Err(problem)) if key == "faults" => Err(OptionsError::Faults(problem)),
            Some(Err(expected)) => {
                Err(OptionsError::BadValue { key: key.to_owned(), value: value.to_owned(), expected })
            }
            Some(Ok(())) => Ok(()),
        }
    }

    /// Every key with a line of help, in the order in which help should show them.
    pub fn keys() -> &'static [(&'static str, &'static str)] {
        KEYS
    }
}

fn number<T: Copy + FromStr + PartialOrd + fmt::Display>(text: &str, low: T, high: T) -> Result<T, String> {
    let read = text.parse().ok().filter(|number| (&low..=&high).contains(&number));
    read.ok_or_else(|| format!("a number from {low} to {high}"))
}

fn guest(text: &str) -> Result<Guest, String> {
    match (text, text.strip_prefix("qga=")) {
        ("simulated", _) => Ok(Guest::Simulated),
        ("shell", _) => Ok(Guest::Shell),
        (_, Some(directory)) if !directory.is_empty() => Ok(Guest::Qga(directory.into())),
        _ => Err("one of simulated, shell, qga=DIR".to_owned()),
    }
}

fn rate(text: &str) -> Result<Option<RateLimit>, String> {
    if text == "none" { Ok(None) } else { text.parse().map(Some) }
}

/// Reads `30ms` or `10ms..50ms`: gives the least and stores how much more it may be.
fn latency(text: &str, spread: &mut Duration) -> Result<Duration, String> {
    let (low, high) = text.split_once("..").unwrap_or((text, text));
    match (duration::parse(low), duration::parse(high)) {
        (Ok(low), Ok(high)) if low <= high => {
            *spread = high.saturating_sub(low);
            Ok(low)
        }
        _ => Err("a duration such as 30ms, or a range such as 10ms..50ms".to_owned()),
    }
}

fn path(text: &str) -> Result<Option<PathBuf>, String> {
    if text.is_empty() { Err("a path".to_owned()) } else { Ok(Some(text.into())) }
}

fn text(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() { Err("a text".to_owned()) } else { Ok(Some(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_sets_the_same_keys_as_the_flags() {
        let options =
            Options::parse("3000, rate=120/6s,window=sliding,guest=shell,latency=10ms..50ms").unwrap();
        assert_eq!(options.vms, Some(3000));
        assert_eq!(options.rate, Some(RateLimit { limit: 120, window: Duration::from_secs(6) }));
        assert_eq!((options.window, options.guest), (Window::Sliding, Guest::Shell));
        assert_eq!(options.latency, Duration::from_millis(10));
        assert_eq!(options.latency_spread, Duration::from_millis(40));
        assert_eq!(Options::parse("5,rate=none").unwrap().rate, None);
        assert_eq!(Options::parse("seed=9").unwrap().seed, 9);
        let options = Options::parse("3,guest=qga=/run/agents").unwrap();
        assert_eq!(options.guest, Guest::Qga("/run/agents".into()));
    }

    #[test]
    fn every_key_is_known_to_set_and_names_what_it_takes() {
        for (key, help) in Options::keys() {
            assert!(!help.is_empty() && !help.ends_with('.'), "{key}");
            match Options::default().set(key, "") {
                Err(OptionsError::BadValue { expected, .. }) => assert!(!expected.is_empty(), "{key}"),
                Err(OptionsError::Faults(_)) => assert_eq!(*key, "faults"),
                other => panic!("{key}: {other:?}"),
            }
        }
    }

    #[test]
    fn mistakes_name_the_key_the_value_and_the_remedy() {
        let message = |text| Options::parse(text).unwrap_err().to_string();
        assert!(message("200,rat=1/1s").starts_with("unknown sandbox option `rat`; there are vms, rate,"));
        assert_eq!(
            message("200,guest=real"),
            "sandbox option guest: `real` is not one of simulated, shell, qga=DIR"
        );
        assert!(message("guest=qga=").contains("qga=DIR") && message("guest=qga").contains("qga=DIR"));
        assert_eq!(message("many"), "sandbox option vms: `many` is not a number from 0 to 1000000");
        assert!(message("200,guest").contains("cannot read `guest`"));
        assert!(message("200,faults=/nowhere/faults.yaml").contains("/nowhere/faults.yaml"));
    }

    #[test]
    fn debug_output_hides_the_token() {
        let options = Options { token: "hunter2".to_owned(), ..Options::default() };
        assert!(!format!("{options:?}").contains("hunter2"));
    }
}
