//! A limit as the API is taken to count it: a window that opens with its first request, or a bucket that refills
//! steadily.
//!
//! It is told when a request arrives, and decides; what the answer says of it is `api`'s to write.

use std::{collections::HashMap, time::Duration};

use crate::{
    budget::{LearnedFrom, LearnedLimit, Renewal, RunTime},
    engine::Call,
    fleet::VpsId,
};

/// One limit, and what it has counted.
#[derive(Debug)]
pub(super) struct Gate {
    shared_by: SharedBy,
    pub(super) limit: u64,
    window: Duration,
    renewal: Renewal,
    /// Whether every answer says what is left, or a refusal only when to come back.
    pub(super) announced: bool,
    /// One for all requests, or one for each VPS.
    counters: HashMap<Option<VpsId>, Counter>,
}

/// Which requests a limit is about.
#[derive(Debug, PartialEq, Eq)]
enum SharedBy {
    All,
    Operation(String),
    EachVps,
}

/// What is counted: in a window, its requests until it ends; in a bucket, when it will be full.
#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    ends: RunTime,
    count: u64,
}

/// What a limit has left after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) remaining: u64,
    /// When the window ends, or the bucket will be full.
    pub(super) reset: RunTime,
}

impl Gate {
    /// The limit as it became known; `window` is its length, where that did not.
    pub(super) fn new(known: &LearnedLimit, window: Duration) -> Self {
        let shared_by = match known.bucket.as_str() {
            "default" => SharedBy::All,
            "vps" => SharedBy::EachVps,
            operation => SharedBy::Operation(operation.to_owned()),
        };
        Self {
            shared_by,
            limit: known.limit.max(1),
            window: known.window.unwrap_or(window).max(Duration::from_millis(1)),
            renewal: known.renewal,
            announced: known.learned_from == LearnedFrom::Header,
            counters: HashMap::new(),
        }
    }

    /// Whether this call counts against it.
    pub(super) fn is_about(&self, call: &Call) -> bool {
        match &self.shared_by {
            SharedBy::All => true,
            SharedBy::EachVps => call.vps().is_some(),
            SharedBy::Operation(operation) => operation == call.operation().word(),
        }
    }

    /// When a call that arrives at `now` would be let through, where it is refused.
    pub(super) fn refuses(&self, now: RunTime, call: &Call) -> Option<RunTime> {
        let counter = self.counters.get(&self.key(call))?;
        let opens = match self.renewal {
            Renewal::AtOnce if counter.count >= self.limit => counter.ends,
            Renewal::AtOnce => return None,
            Renewal::Steadily => counter.ends - self.window.saturating_sub(self.interval()),
        };
        (opens > now).then_some(opens)
    }

    /// Counts a call that arrives at `now` and is let through.
    pub(super) fn count(&mut self, now: RunTime, call: &Call) -> Left {
        let (limit, window, interval, renewal) = (self.limit, self.window, self.interval(), self.renewal);
        let counter = self.counters.entry(self.key(call)).or_default();
        let remaining = match renewal {
            Renewal::AtOnce => {
                if counter.count == 0 || now >= counter.ends {
                    *counter = Counter { ends: now + window, count: 0 };
                }
                counter.count += 1;
                limit.saturating_sub(counter.count)
            }
            Renewal::Steadily => {
                counter.ends = counter.ends.max(now) + interval;
                let left = window.saturating_sub(counter.ends.since(now));
                u64::try_from(left.as_nanos() / interval.as_nanos()).unwrap_or(limit)
            }
        };
        Left { remaining, reset: counter.ends }
    }

    /// In a bucket, the time in which one request comes back.
    fn interval(&self) -> Duration {
        let requests = u32::try_from(self.limit).unwrap_or(u32::MAX);
        (self.window / requests).max(Duration::from_nanos(1))
    }

    fn key(&self, call: &Call) -> Option<VpsId> {
        if self.shared_by == SharedBy::EachVps { call.vps().cloned() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(bucket: &str, renewal: Renewal) -> Gate {
        let known = LearnedLimit {
            bucket: bucket.to_owned(),
            limit: 2,
            window: Some(Duration::from_secs(10)),
            renewal,
            learned_from: LearnedFrom::Header,
        };
        Gate::new(&known, Duration::from_mins(1))
    }

    const fn at(seconds: u64) -> RunTime {
        RunTime::from_start(Duration::from_secs(seconds))
    }

    fn probe(vps: &str) -> Call {
        Call::Probe { vps: vps.parse().unwrap() }
    }

    #[test]
    fn a_window_opens_with_its_first_request_and_renews_at_once() {
        let (mut gate, call) = (gate("default", Renewal::AtOnce), probe("a"));
        assert_eq!(gate.refuses(at(3), &call), None);
        assert_eq!(gate.count(at(3), &call), Left { remaining: 1, reset: at(13) });
        assert_eq!(gate.count(at(4), &call), Left { remaining: 0, reset: at(13) });
        assert_eq!(gate.refuses(at(12), &call), Some(at(13)));
        assert_eq!(gate.refuses(at(13), &call), None);
        assert_eq!(gate.count(at(15), &call), Left { remaining: 1, reset: at(25) });
    }

    #[test]
    fn a_bucket_gives_back_one_at_a_time() {
        let (mut gate, call) = (gate("default", Renewal::Steadily), probe("a"));
        assert_eq!(gate.count(at(0), &call), Left { remaining: 1, reset: at(5) });
        assert_eq!(gate.count(at(0), &call), Left { remaining: 0, reset: at(10) });
        assert_eq!(gate.refuses(at(4), &call), Some(at(5)));
        assert_eq!(gate.refuses(at(5), &call), None);
        assert_eq!(gate.count(at(5), &call), Left { remaining: 0, reset: at(15) });
        assert_eq!(gate.count(at(60), &call), Left { remaining: 1, reset: at(65) });
    }

    #[test]
    fn a_limit_counts_what_it_is_about() {
        let mut each = gate("vps", Renewal::AtOnce);
        each.count(at(0), &probe("a"));
        each.count(at(0), &probe("a"));
        assert_eq!(each.refuses(at(1), &probe("a")), Some(at(10)));
        assert_eq!(each.refuses(at(1), &probe("b")), None);
        let list = Call::List { cursor: None };
        assert!(!each.is_about(&list));
        let probes = gate("probe", Renewal::AtOnce);
        assert_eq!((probes.is_about(&probe("a")), probes.is_about(&list)), (true, false));
    }
}
