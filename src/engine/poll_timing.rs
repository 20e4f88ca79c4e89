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
const GAP: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(1));
/// The age at which a pilot is polled first, while requests are plenty and scarce.
const FIRST_OF_PILOT: (Duration, Duration) = (Duration::from_millis(400), Duration::from_secs(1));
/// One pilot for so many targets, and at most so many at first.
const PILOTS: (usize, usize) = (32, 8);
/// Fruitless polls of pilots for which there is one pilot more.
const FRUITLESS: usize = 12;
/// Known run times from which one is chosen for a command that is known too vaguely.
const ENOUGH: usize = 3;

/// Run times of this run that outdo those of another.
const ENOUGH_OF_OUR_OWN: usize = 32;

/// The share of first polls that may be in vain while requests are scarce.
const IN_VAIN: f64 = 0.03;
/// How far one that is in vain moves the next ones.
const STEP: f64 = 0.12;
/// A first poll that is later than planned by more than this share says nothing about the plan.
const LATER: f64 = 1.25;
/// While requests are plenty the first poll goes for the median: at most so much later, if that finds nearly all.
const NEARLY_ALL: f64 = 1.04;
/// And later by this share of the median's own uncertainty.
const DOUBT: f64 = 0.15;
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
    /// Run times known to a third of their length or better: the others are drawn from them.
    narrow: usize,
    /// Of `seen`, the first so many were found out by another run.
    from_before: usize,
    pilots: usize,
    /// Pilots so far.
    piloted: usize,
    fruitless: usize,
    /// Targets whose first poll waits until a pilot has shown something.
    waiting: VecDeque<usize>,
    /// The first polls' ages, and how often the sample has changed since they were worked out.
    firsts: Option<Firsts>,
    /// The age of first polls while requests are scarce, once there has been one.
    patient: Option<Duration>,
    changes: usize,
    /// The age that those who wait were told last.
    told: Option<Duration>,
}

/// The ages at which commands are polled first.
#[derive(Debug, Clone, Copy)]
struct Firsts {
    scarce: Option<Duration>,
    plenty: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct RunLength {
    length: Duration,
    /// Known to half its length or better.
    good: bool,
}

impl PollTiming {
    /// Begins with what another run found out.
    pub(super) fn with(times: &[Duration]) -> Self {
        let seen = times.iter().map(|&length| RunLength { length, good: true });
        Self { seen: seen.collect(), from_before: times.len(), ..Self::default() }
    }

    /// What this run found out; nothing where it did not.
    pub(super) fn found(&self) -> Vec<Duration> {
        self.seen.iter().skip(self.from_before).map(|known| known.length).collect()
    }

    /// The target waits until a pilot has shown something; till then its first poll is at `age`, if that is known.
    pub(super) fn wait(&mut self, target: usize, age: Option<Duration>) {
        self.waiting.push_back(target);
        // Whoever was told nothing has everything to learn.
        self.told = self.told.filter(|told| age.is_some_and(|age| age <= *told));
    }

    /// Whether it is a good deal shorter than what was news before.
    pub(super) fn is_news(&mut self, age: Duration) -> bool {
        let news = self.told.is_none_or(|told| age < told.mul_f64(0.9));
        if news {
            self.told = Some(age);
        }
        news
    }

    /// All who wait.
    pub(super) fn take_waiting(&mut self) -> VecDeque<usize> {
        std::mem::take(&mut self.waiting)
    }

    /// Who waits longest.
    pub(super) fn next_waiting(&self) -> Option<usize> {
        self.waiting.front().copied()
    }

    /// The one who waits longest waits no more.
    pub(super) fn waits_no_more(&mut self) {
        self.waiting.pop_front();
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

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
            running + width.mul_f64(0.8)
        };
        let good = width <= ended / 2 || between.len() >= ENOUGH;
        self.narrow += usize::from(width <= ended.mul_f64(0.3));
        self.observed += 1;
        self.changes += 1;
        if self.observed >= ENOUGH_OF_OUR_OWN {
            self.seen.drain(..self.from_before);
            self.from_before = 0;
        }
        if !good {
            self.keep_the_least_vague(length);
            return;
        }
        if self.is_vague() {
            self.seen.clear();
            self.patient = None;
        }
        if self.seen.len() >= SAMPLE {
            self.seen.pop_front();
            self.from_before = self.from_before.saturating_sub(1);
        }
        self.seen.push_back(RunLength { length, good });
    }

    /// A command had ended before it was ever seen running: all that is known is that it takes no longer than that. While
    /// nothing better is known, the shortest of such times are gone by, and so polls come sooner and sooner, until one
    /// finds a command running.
    fn keep_the_least_vague(&mut self, length: Duration) {
        if self.good().next().is_some() {
            return;
        }
        let place = self.seen.partition_point(|known| known.length <= length);
        self.seen.insert(place, RunLength { length, good: false });
        self.seen.truncate(ENOUGH);
        self.patient = None;
    }

    /// Whether all that is known is that commands take no longer than so.
    pub(super) fn is_vague(&self) -> bool {
        self.seen.front().is_some_and(|known| !known.good)
    }

    fn good(&self) -> impl Iterator<Item = Duration> {
        self.seen.iter().filter(|known| known.good).map(|known| known.length)
    }

    /// A command was seen running at this age. It counts until it is over, or the quick ones alone would be known.
    pub(super) fn still_runs(&mut self, target: usize, age: Duration) {
        self.changes += 1;
        if self.running.len() < SAMPLE || self.running.contains_key(&target) {
            self.running.insert(target, age);
        }
    }

    /// A command is over, whether or not its run time is known.
    pub(super) fn over(&mut self, target: usize) {
        self.changes += usize::from(self.running.remove(&target).is_some());
    }

    /// The age at which a command is polled first; `None` while too little is known.
    ///
    /// The run times' quantile after Kaplan and Meier: a command that still runs counts as one that takes longer than
    /// the age at which it was last seen.
    pub(super) fn first(&mut self, requests: Requests) -> Option<Duration> {
        // A large sample changes little with one more, and working it out is not free.
        if self.firsts.is_none() || self.changes > self.seen.len() / 32 {
            self.changes = 0;
            self.firsts = Some(Firsts {
                scarce: self.work_out_first(Requests::Scarce),
                plenty: self.work_out_first(Requests::Plenty),
            });
        }
        match requests {
            Requests::Scarce => {
                if self.patient.is_none() {
                    self.patient = self.firsts?.scarce;
                }
                self.patient
            }
            Requests::Plenty => self.firsts?.plenty,
        }
    }

    /// The first poll of a command, sent at this age, found it ended or not.
    ///
    /// While requests are scarce hardly anything else is seen of the commands, and it is enough: an age that is raised by
    /// much at each poll in vain and lowered by little at each other one comes to lie where so many are in vain as the
    /// two are to each other.
    pub(super) fn first_poll_found(&mut self, age: Duration, ended: bool) {
        let Some(patient) = self.patient else { return };
        if ended && age <= patient.mul_f64(LATER) {
            self.patient = Some(patient.mul_f64(1.0 - STEP * IN_VAIN));
        } else if !ended && age >= patient.div_f64(LATER) {
            self.patient = Some(patient.max(age).mul_f64(1.0 + STEP * (1.0 - IN_VAIN)));
        }
    }

    fn work_out_first(&self, requests: Requests) -> Option<Duration> {
        let known = self.known();
        if self.pilots > 0 && self.observed < ENOUGH {
            return None;
        }
        // Few run times say little of the slow ones.
        #[expect(clippy::cast_precision_loss, reason = "at most 256")]
        let evidence = (self.narrow + self.from_before + self.observed / 8).clamp(1, SAMPLE) as f64;
        let uncertainty = 1.0 / evidence.sqrt();
        let longest = known.last().copied();
        // A few that hang must not hide for ever what the others show.
        let enough = known.len() >= ENOUGH.max(2 * self.running.len());
        let quantile = |share| self.quantile(share, known.clone()).or_else(|| longest.filter(|_| enough));
        let age = match requests {
            // No command takes longer than that, so there is nothing to add.
            Requests::Scarce if self.is_vague() => quantile(0.95)?,
            Requests::Scarce => quantile(0.95)?.mul_f64((1.0 + uncertainty).max(1.1)),
            Requests::Plenty => {
                let median = quantile(0.5)?;
                // Where they differ little, a little more patience finds nearly all of them.
                let nearly_all = quantile(0.95).unwrap_or(Duration::MAX).min(median.mul_f64(NEARLY_ALL));
                median.mul_f64(1.0 + uncertainty * DOUBT).max(nearly_all)
            }
        };
        Some(age.max(SHORTEST_FIRST))
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
            Requests::Scarce => ((targets / PILOTS.0).clamp(1, ENOUGH), FIRST_OF_PILOT.1),
        };
        let wanted = at_first + self.fruitless / FRUITLESS;
        (self.pilots < wanted).then(|| {
            // Each a little later than the one before: together they show more than all at the same ages would.
            let place = self.piloted % PILOTS.1;
            self.pilots += 1;
            self.piloted += 1;
            #[expect(clippy::cast_precision_loss, reason = "at most 8")]
            let growth = pilot_growth(requests).powf(place as f64 / PILOTS.1 as f64);
            age.mul_f64(growth)
        })
    }

    /// A pilot's poll showed nothing new.
    pub(super) fn pilot_still_runs(&mut self) {
        self.fruitless += 1;
    }

    /// A pilot is over, whether or not its run time is known.
    pub(super) fn pilot_ended(&mut self) {
        self.pilots = self.pilots.saturating_sub(1);
        self.firsts = None;
    }

    /// The age at which a pilot that was running at the age `age` is polled again.
    pub(super) fn next_of_pilot(age: Duration, requests: Requests) -> Duration {
        later(age, age.mul_f64(pilot_growth(requests)))
    }

    /// The age at which a command that was running at the age `age` is polled again.
    pub(super) fn next(age: Duration, requests: Requests) -> Duration {
        match requests {
            Requests::Scarce => later(age, age.mul_f64(1.5)),
            Requests::Plenty => later(age, age.mul_f64(1.18)),
        }
    }
}

fn pilot_growth(requests: Requests) -> f64 {
    match requests {
        Requests::Scarce => 1.6,
        Requests::Plenty => 1.4,
    }
}

fn later(age: Duration, wanted: Duration) -> Duration {
    age + wanted.saturating_sub(age).clamp(GAP.0, GAP.1)
}

#[cfg(test)]
mod tests;
