//! The flags that say how carefully a run goes; they replace the playbook's `strategy`.

use std::time::Duration;

use clap::Args;

use crate::playbook::{Effects, Playbook, Portion, Rate, parse_concurrency, parse_duration, parse_rate};

/// All the targets.
const ALL: Portion = Portion::Share(10_000);

/// The most that can be left to others, in per cent.
const MOST_RESERVED: u8 = 90;

#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(super) struct PaceArgs {
    /// Targets worked on at a time [default: as many as the API's limit feeds]
    #[arg(short = 'f', long, value_name = "N", value_parser = parse_concurrency)]
    concurrency: Option<u32>,

    /// At most so many requests in any such span, for example 300/1m, under whatever the API allows
    #[arg(long, value_name = "N/SPAN", value_parser = parse_rate)]
    rate: Option<Rate>,

    /// Leave this percentage of what the API lets through to others on the same key, 0 to 90 [default: 0]
    #[arg(long, value_name = "PCT", value_parser = parse_reserve)]
    reserve: Option<u8>,

    /// How many targets at a time, each batch after the one before: 1,10%,100%; the last size repeats
    #[arg(long, value_name = "LIST", value_parser = parse_batches)]
    batches: Option<Batches>,

    /// How many targets may fail before no new ones start [default: none in the first of several batches]
    #[arg(long, value_name = "N|PCT", value_parser = parse_portion)]
    max_failures: Option<Portion>,

    /// How long a step may take, for steps that do not say [default: 60s]
    #[arg(long, value_name = "SPAN", value_parser = parse_duration)]
    timeout: Option<Duration>,

    /// How long the whole run may take
    #[arg(long, value_name = "SPAN", value_parser = parse_duration)]
    deadline: Option<Duration>,
}

impl PaceArgs {
    /// How much is left to others on the same key, in per cent.
    pub(super) fn reserve(&self) -> Option<u8> {
        self.reserve
    }

    /// How long a step may take that does not say.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Puts what the flags say into the playbook, and gives a run that changes something its canary.
    pub(super) fn apply(&self, playbook: &mut Playbook) {
        let strategy = &mut playbook.strategy;
        strategy.concurrency = self.concurrency.or(strategy.concurrency);
        strategy.rate = self.rate.or(strategy.rate);
        strategy.deadline = self.deadline.or(strategy.deadline);
        strategy.max_failures = self.max_failures.or(strategy.max_failures);
        if let Some(Batches(sizes)) = &self.batches {
            strategy.batches.clone_from(sizes);
        }
        if strategy.batches.is_empty() && playbook.steps.iter().any(|step| step.effects == Effects::Change) {
            strategy.batches = vec![Portion::Count(1), ALL];
        }
        if let Some(timeout) = self.timeout {
            // The flag replaces the default only: a step that says how long it takes knows better.
            for step in &mut playbook.steps {
                step.timeout.get_or_insert(timeout);
            }
        }
    }
}

/// Reads `20` or `20%`. Left to others, more than 90 % would hardly leave a run of one's own.
fn parse_reserve(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    let percent = number.parse().ok().filter(|percent| digits && *percent <= MOST_RESERVED);
    percent.ok_or_else(|| format!("write a percentage from 0 to {MOST_RESERVED}, for example `20`"))
}

/// The sizes of `--batches`, one value of one flag.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Batches(Vec<Portion>);

fn parse_batches(text: &str) -> Result<Batches, String> {
    let size = |part: &str| match parse_portion(part)? {
        portion if portion.is_zero() => Err("a batch of nobody would never end".to_owned()),
        portion => Ok(portion),
    };
    text.split(',').map(size).collect::<Result<_, _>>().map(Batches)
}

pub(super) fn parse_portion(text: &str) -> Result<Portion, String> {
    text.parse().map_err(|error: crate::playbook::QuantityError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{Step, Template};

    #[test]
    fn batches_are_a_list_of_sizes_none_of_them_nobody() {
        let sizes = vec![Portion::Count(1), Portion::Share(1000), ALL];
        assert_eq!(parse_batches("1,10%, 100%"), Ok(Batches(sizes)));
        for text in ["", "1,", ",1", "0", "1,0%", "1;2", "-1", "1,101%"] {
            assert!(parse_batches(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_reserve_is_a_percentage_that_leaves_something_to_the_run() {
        for (text, percent) in [("0", 0), ("20", 20), ("20%", 20), ("90%", 90)] {
            assert_eq!(parse_reserve(text), Ok(percent), "{text}");
        }
        for text in ["", "%", "91", "100%", "-1", "+5", "2.5", "20 %", "20%%", "300", "all"] {
            assert!(parse_reserve(text).unwrap_err().contains("0 to 90"), "{text}");
        }
    }

    fn batches_of(effects: Effects, flags: &PaceArgs, written: Vec<Portion>) -> Vec<Portion> {
        let mut playbook = Playbook::of_command("true").unwrap();
        playbook.steps = vec![Step { effects, ..Step::new("a", Template::verbatim("true")) }];
        playbook.strategy.batches = written;
        flags.apply(&mut playbook);
        playbook.strategy.batches
    }

    #[test]
    fn what_changes_something_begins_with_one_canary_unless_batches_are_given() {
        let none = || PaceArgs {
            concurrency: None,
            rate: None,
            reserve: None,
            batches: None,
            max_failures: None,
            timeout: None,
            deadline: None,
        };
        let five = vec![Portion::Count(5)];
        assert_eq!(batches_of(Effects::Change, &none(), vec![]), [Portion::Count(1), ALL]);
        assert_eq!(batches_of(Effects::Read, &none(), vec![]), []);
        assert_eq!(batches_of(Effects::Change, &none(), five.clone()), five);
        let flag = PaceArgs { batches: Some(Batches(vec![ALL])), ..none() };
        assert_eq!(batches_of(Effects::Change, &flag, five), [ALL]);
    }
}
