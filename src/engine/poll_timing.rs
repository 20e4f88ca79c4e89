//! When to ask whether a command has ended.
//!
//! A poll too early is a wasted request, one too late delays a result. The run times seen so far in this run
//! say when the first poll is likely to find the command ended; later ones back off. While requests are scarce
//! the first poll waits for the slow ones too; while they are not, it goes for the median. As long as no run time is
//! known, only a few *pilots* are polled, and the others wait for what those show.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Run times remembered.
const SAMPLE: usize = 256;
/// The shortest wait for a first poll.
const SHORTEST_FIRST: Duration = Duration::from_millis(20);
/// Shortest and longest wait between polls of one command.
const GAP: (Duration, Duration) = (Duration::from_millis(200), Duration::from_mins(1));
/// The age at which a pilot is polled first, while requests are plenty and scarce.
const FIRST_OF_PILOT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(1));
/// One pilot for so many targets, and at most so many at first.
const PILOTS: (usize, usize) = (32, 8);
/// Fruitless polls of pilots for which there is one pilot more.
const FRUITLESS: usize = 6;
/// Known run times from which one is chosen for a command that is known too vaguely.
const ENOUGH: usize = 3;

/// From the age at which a pilot was seen running to the middle of the gap before its next poll.
const BETWEEN_POLLS: f64 = 1.3;

/// How dear a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requests {
    /// The API's limit decides how long the run takes.
    Scarce,
    /// The guests do.
    Plenty,
}

/// The run times of this run's commands, as far as polls have shown them.
#[derive(Debug, Default)]
pub(super) struct PollTiming {
    seen: VecDeque<RunLength>,
    /// Commands polled and found running, by their target, and at which age.
    running: BTreeMap<usize, Duration>,
    observed: usize,
    pilots: usize,
    fruitless: usize,
}

#[derive(Debug, Clone, Copy)]
struct RunLength {
    length: Duration,
    /// Known to half its length or better.
    good: bool,
}

impl PollTiming {
    /// A command was last seen running at the age `running` and first seen ended at the age `ended`.
    ///
    /// Where the two lie far apart one of the run times known to lie between is as likely as any; the middle alone
    /// would draw all of them to where polls happen to fall.
    pub(super) fn observe(&mut self, running: Duration, ended: Duration) {
        let width = ended.saturating_sub(running);
        let between: Vec<Duration> = self.good().filter(|&known| known > running && known <= ended).collect();
        let length = if width > ended.mul_f64(0.3) && between.len() >= ENOUGH {
            between[self.observed % between.len()]
        } else {
            running + width / 2
        };
        let good = width <= ended / 2 || between.len() >= ENOUGH;
        if self.seen.len() == SAMPLE {
            self.seen.pop_front();
        }
        self.observed += 1;
        self.seen.push_back(RunLength { length, good });
    }

    fn good(&self) -> impl Iterator<Item = Duration> {
        self.seen.iter().filter(|known| known.good).map(|known| known.length)
    }

    /// A command was seen running at this age. It counts until it is over, or the quick ones alone would be known.
    pub(super) fn still_runs(&mut self, target: usize, age: Duration) {
        self.running.insert(target, age);
    }

    /// A command is over, whether or not its run time is known.
    pub(super) fn over(&mut self, target: usize) {
        self.running.remove(&target);
    }

    /// The age at which a command is polled first; `None` while too little is known.
    ///
    /// The run times' quantile after Kaplan and Meier: a command that still runs counts as one that takes longer than
    /// the age at which it was last seen.
    pub(super) fn first(&self, requests: Requests) -> Option<Duration> {
        let known = self.known();
        let quantile = match requests {
            Requests::Scarce => 0.95,
            Requests::Plenty => 0.5,
        };
        #[expect(clippy::cast_precision_loss, reason = "at most 256")]
        let slack = match requests {
            // Few run times say little of the slow ones.
            Requests::Scarce => (1.0 + 1.0 / (known.len().max(1) as f64).sqrt()).max(1.1),
            Requests::Plenty => 1.1,
        };
        let longest = known.last().copied();
        // A few that hang must not hide for ever what the others show.
        let enough = known.len() >= ENOUGH.max(2 * self.running.len());
        let age = self.quantile(quantile, known).or_else(|| longest.filter(|_| enough))?;
        Some(age.mul_f64(slack).max(SHORTEST_FIRST))
    }

    /// The run times to go by, sorted: the good ones, where there are any.
    fn known(&self) -> Vec<Duration> {
        let mut known: Vec<Duration> = self.good().collect();
        if known.is_empty() {
            known.extend(self.seen.iter().map(|known| known.length));
        }
        known.sort_unstable();
        known
    }

    fn quantile(&self, quantile: f64, known: Vec<Duration>) -> Option<Duration> {
        let ended = known.into_iter().map(|age| (age, true));
        // One seen running is not looked at again for a while: it stands beside those that ended in the meantime.
        let running = self.running.values().map(|age| (age.mul_f64(BETWEEN_POLLS), false));
        let mut all: Vec<(Duration, bool)> = ended.chain(running).collect();
        all.sort_unstable();
        let mut surviving = 1.0;
        let count = all.len();
        for (place, (age, ended)) in all.into_iter().enumerate() {
            if ended {
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                let at_risk = (count - place) as f64;
                surviving *= 1.0 - 1.0 / at_risk;
                if 1.0 - surviving >= quantile {
                    return Some(age);
                }
            }
        }
        None
    }

    /// The age at which one more pilot is polled first, if one more is wanted among so many targets.
    pub(super) fn pilot(&mut self, targets: usize, requests: Requests) -> Option<Duration> {
        let (at_first, age) = match requests {
            Requests::Plenty => ((targets / PILOTS.0).clamp(1, PILOTS.1), FIRST_OF_PILOT.0),
            Requests::Scarce => (1, FIRST_OF_PILOT.1),
        };
        let wanted = at_first + self.fruitless / FRUITLESS;
        (self.pilots < wanted).then(|| {
            self.pilots += 1;
            age
        })
    }

    /// A pilot's poll showed nothing new.
    pub(super) fn pilot_still_runs(&mut self) {
        self.fruitless += 1;
    }

    /// A pilot is over, whether or not its run time is known.
    pub(super) fn pilot_ended(&mut self) {
        self.pilots = self.pilots.saturating_sub(1);
    }

    /// The age at which a pilot that was running at the age `age` is polled again.
    pub(super) fn next_of_pilot(age: Duration, requests: Requests) -> Duration {
        let growth = match requests {
            Requests::Scarce => 1.6,
            Requests::Plenty => 1.4,
        };
        later(age, age.mul_f64(growth))
    }

    /// The age at which a command that was running at the age `age` is polled again.
    pub(super) fn next(age: Duration, requests: Requests) -> Duration {
        match requests {
            Requests::Scarce => later(age, age * 2),
            Requests::Plenty => later(age, age + age / 4),
        }
    }
}

fn later(age: Duration, wanted: Duration) -> Duration {
    age + wanted.saturating_sub(age).clamp(GAP.0, GAP.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_poll_goes_for_the_median_or_for_the_slow_ones_too() {
        let mut timing = PollTiming::default();
        assert_eq!(timing.first(Requests::Plenty), None);
        for second in 1..=100 {
            timing.observe(seconds(second), seconds(second));
        }
        assert_eq!(timing.first(Requests::Plenty), Some(seconds(50).mul_f64(1.1)));
        assert_eq!(timing.first(Requests::Scarce), Some(seconds(95).mul_f64(1.1)));
    }

    #[test]
    fn the_first_to_end_does_not_speak_for_those_that_still_run() {
        let mut timing = PollTiming::default();
        for target in 0..7 {
            timing.still_runs(target, seconds(3));
        }
        timing.observe(seconds(1), seconds(1));
        assert_eq!(timing.first(Requests::Plenty), None);
        for target in 0..7 {
            timing.over(target);
        }
        assert_eq!(timing.first(Requests::Plenty), Some(seconds(1).mul_f64(1.1)));
    }

    #[test]
    fn commands_that_hang_do_not_hide_what_is_known_of_the_others() {
        let mut timing = PollTiming::default();
        timing.still_runs(1, seconds(500));
        for _ in 0..3 {
            timing.observe(seconds(5), seconds(5));
        }
        assert_eq!(timing.first(Requests::Scarce), Some(seconds(5).mul_f64(1.0 + 1.0 / 3_f64.sqrt())));
    }

    #[test]
    fn a_run_time_known_vaguely_counts_only_while_nothing_better_is_known() {
        let mut timing = PollTiming::default();
        timing.observe(Duration::ZERO, seconds(60));
        assert_eq!(timing.first(Requests::Plenty), Some(seconds(30).mul_f64(1.1)));
        timing.observe(seconds(4), seconds(6));
        assert_eq!(timing.first(Requests::Plenty), Some(seconds(5).mul_f64(1.1)));
    }

    #[test]
    fn a_wide_interval_takes_a_run_time_known_to_lie_in_it() {
        let mut timing = PollTiming::default();
        for _ in 0..3 {
            timing.observe(seconds(5), seconds(5));
        }
        timing.observe(Duration::ZERO, seconds(60));
        assert_eq!(timing.first(Requests::Scarce), Some(seconds(5).mul_f64(1.5)));
    }

    #[test]
    fn the_sample_forgets_the_oldest() {
        let mut timing = PollTiming::default();
        for _ in 0..SAMPLE {
            timing.observe(seconds(100), seconds(100));
        }
        for _ in 0..SAMPLE {
            timing.observe(seconds(1), seconds(1));
        }
        assert_eq!(timing.first(Requests::Scarce), Some(seconds(1).mul_f64(1.1)));
    }

    #[test]
    fn pilots_are_few_and_grow_with_what_they_fail_to_show() {
        let pilots = |timing: &mut PollTiming, targets, requests| {
            std::iter::from_fn(|| timing.pilot(targets, requests)).count()
        };
        let mut timing = PollTiming::default();
        assert_eq!(pilots(&mut timing, 10_000, Requests::Scarce), 1);
        assert_eq!(pilots(&mut timing, 64, Requests::Plenty), 1);
        assert_eq!(pilots(&mut timing, 10_000, Requests::Plenty), 6);
        for _ in 0..FRUITLESS {
            timing.pilot_still_runs();
        }
        assert_eq!(pilots(&mut timing, 10_000, Requests::Plenty), 1);
        timing.pilot_ended();
        assert_eq!(pilots(&mut timing, 10_000, Requests::Plenty), 1);
    }

    #[test]
    fn polls_back_off_between_their_shortest_and_longest_gap() {
        assert_eq!(PollTiming::next(seconds(10), Requests::Scarce), seconds(20));
        assert_eq!(PollTiming::next(seconds(10), Requests::Plenty), Duration::from_millis(12_500));
        assert_eq!(PollTiming::next_of_pilot(seconds(10), Requests::Plenty), seconds(14));
        assert_eq!(PollTiming::next(Duration::ZERO, Requests::Scarce), GAP.0);
        assert_eq!(PollTiming::next(seconds(600), Requests::Scarce), seconds(660));
    }
}
