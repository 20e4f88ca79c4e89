//! What is counted of one run, and how a row shows it.

use std::{collections::BTreeMap, time::Duration};

use rollcall::{
    budget::RunTime,
    engine::{Answer, Call, EventKind, PollAnswer, Status},
};

use crate::{
    harness::{Account, Seen, drive},
    model::{Model, longest, ratio},
    server::Server,
    world::World,
};

/// The names of the columns.
pub(crate) const HEAD: &str = "\
model                                       targets     least      time  ratio (worst)  beyond d  a target    429  penalty  wasted  delay  first  median";

/// The figures of one run.
pub(crate) struct Figures {
    least: Duration,
    time: Duration,
    longest: Duration,
    targets: u64,
    requests: u64,
    refused: u64,
    /// Requests sent where an answer had asked to wait.
    in_penalty: u64,
    polls: u64,
    wasted: u64,
    /// From a command's end to its result, on average, over the average run time.
    delay: f64,
    first: Duration,
    median: Duration,
}

impl Figures {
    pub(crate) fn of(model: &Model, targets: usize, seed: u64) -> Self {
        let world = model.world(targets, seed);
        let mut server = Server::new(&world);
        let account =
            drive(world.spec.clone(), &mut server, &world.people, 1_000_000 + targets as u64 * 10_000)
                .unwrap_or_else(|endless| panic!("{} {targets}, seed {seed}: {endless}", model.name));
        let run = &account.run;
        let ok = run.summary().count(Status::Ok);
        assert_eq!(ok, targets, "{} {targets}, seed {seed}: not all is well", model.name);
        let mut results: Vec<Duration> = finished(&account).map(RunTime::since_start).collect();
        results.sort_unstable();
        let polls = || account.requests.iter().filter(|request| matches!(request.call, Call::Poll { .. }));
        let wasted = polls().filter(|request| {
            matches!(&request.answer, Some((_, reply)) if matches!(reply.answer, Answer::Polled(PollAnswer::Running)))
        });
        Self {
            least: model.least(&world, targets),
            time: run.duration,
            longest: longest(&world),
            targets: targets as u64,
            requests: run.requests.total(),
            refused: run.requests.throttled,
            in_penalty: in_penalty(&world, &account),
            polls: polls().count() as u64,
            wasted: wasted.count() as u64,
            delay: delay(&account, &server),
            first: results[0],
            median: results[results.len() / 2],
        }
    }

    fn ratio(&self) -> f64 {
        self.time.as_secs_f64() / self.least.as_secs_f64()
    }

    /// The ratio, had the run ended a longest command earlier: what is started last adds all of it.
    fn ratio_beyond_longest(&self) -> f64 {
        self.time.saturating_sub(self.longest).as_secs_f64() / self.least.as_secs_f64()
    }
}

fn finished(account: &Account) -> impl Iterator<Item = RunTime> {
    account
        .log
        .iter()
        .filter_map(|(at, seen)| matches!(seen, Seen::Told(EventKind::TargetFinished(_))).then_some(*at))
}

fn delay(account: &Account, server: &Server<'_>) -> f64 {
    let mut ends = BTreeMap::new();
    let mut run_times = Duration::ZERO;
    for process in server.journal.values() {
        let takes = process.work.takes.unwrap_or_default();
        run_times += takes;
        ends.insert(process.vps.clone(), process.began + takes);
    }
    let mut late = Duration::ZERO;
    for (at, seen) in &account.log {
        if let Seen::Told(EventKind::TargetFinished(result)) = seen
            && let Ok(id) = result.vps.id()
            && let Some(ended) = ends.get(id)
        {
            late += at.since(*ended);
        }
    }
    late.as_secs_f64() / run_times.as_secs_f64()
}

/// Requests sent in a bucket after a 429 of it was received and before its Retry-After was over.
fn in_penalty(world: &World, account: &Account) -> u64 {
    let mut closed: BTreeMap<String, RunTime> = BTreeMap::new();
    let mut answers: Vec<_> = account
        .requests
        .iter()
        .filter_map(|request| {
            let (at, reply) = request.answer.as_ref()?;
            let asked = reply.signals.throttled.then(|| crate::server::pause_asked(&reply.signals))?;
            Some((*at, world.bucket_of(&request.call), *at + asked))
        })
        .collect();
    answers.sort_unstable();
    let mut answers = answers.into_iter().peekable();
    let mut count = 0;
    for request in &account.requests {
        while let Some((_, bucket, until)) = answers.next_if(|(at, ..)| *at < request.at) {
            let closed = closed.entry(bucket).or_default();
            *closed = (*closed).max(until);
        }
        let until = closed.get(&world.bucket_of(&request.call)).copied().unwrap_or_default();
        count += u64::from(request.at < until);
    }
    count
}

/// One row: medians, and the worst ratio.
pub(crate) fn row(name: &str, targets: usize, runs: &[Figures]) -> String {
    let worst = runs.iter().map(Figures::ratio).fold(0.0, f64::max);
    let seconds = |of: fn(&Figures) -> Duration| median(runs, |figures| of(figures).as_secs_f64());
    let penalty: u64 = runs.iter().map(|figures| figures.in_penalty).sum();
    format!(
        "{name:43} {targets:>7} {:>7.1} s {:>7.1} s {:>6.3} {:>7} {:>9.3} {:>9.3} {:>6.0} {:>8} {:>6.1}% {:>6.2} {:>5.1}s {:>7.3}",
        seconds(|figures| figures.least),
        seconds(|figures| figures.time),
        median(runs, Figures::ratio),
        format!("({worst:.2})"),
        median(runs, Figures::ratio_beyond_longest),
        median(runs, |figures| ratio(figures.requests, figures.targets)),
        median(runs, |figures| ratio(figures.refused, 1)),
        penalty,
        median(runs, |figures| 100.0 * ratio(figures.wasted, figures.polls.max(1))),
        median(runs, |figures| figures.delay),
        seconds(|figures| figures.first),
        median(runs, |figures| figures.median.as_secs_f64() / figures.least.as_secs_f64()),
    )
}

fn median(runs: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(of).collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
