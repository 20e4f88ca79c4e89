//! What a run costs over real HTTP: its pace under a limit and without one, its memory, its processor time.
//!
//! ```sh
//! cargo bench --bench throughput            # all cases
//! cargo bench --bench throughput -- memory  # those whose names begin so
//! ```
//!
//! The sandbox is one process, rollcall another and the raw load generator (`wrk`, if it is there) a third, so that
//! memory and processor time are rollcall's own. Server and client are pinned to one core each (`taskset`): on a machine
//! of two cores, rollcall and the load generator then meet the same server under the same conditions, and neither takes
//! from it. Memory and processor time are those that the system counts for the process (`/usr/bin/time`).
//!
//! Everything stays on this machine, and every case ends by itself.
#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod bare;
mod raw;
mod run;
mod server;

use std::{error::Error, time::Duration};

use run::Run;
use server::{Pin, Server};

/// Requests that rollcall has in flight at most, and connections of the load generator.
const CONNECTIONS: u32 = 32;

type Outcome = Result<(), Box<dyn Error>>;
type Case = fn() -> Outcome;

const CASES: [(&str, Case); 6] = [
    ("limited", limited),
    ("unlimited", unlimited),
    ("latency", latency),
    ("store", store),
    ("memory-10000", || memory(10_000, 50)),
    ("memory-100000", || memory(100_000, 120)),
];

fn main() -> Outcome {
    // Cargo adds flags of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [sender, url, lines] = &wanted[..]
        && sender == bare::SENDER
    {
        println!("{}", bare::send(url, lines)?);
        return Ok(());
    }
    for missing in Pin::missing_tools() {
        println!("! {missing}");
    }
    for (name, case) in CASES {
        if wanted.is_empty() || wanted.iter().any(|word| name.starts_with(word.as_str())) {
            println!("\n{name}");
            case()?;
        }
    }
    Ok(())
}

/// 500 targets, and 300 requests in each 5 s.
///
/// The least time that R accepted requests can take under L requests in W, whose first window opens with the first
/// request, is `(ceil(R / L) - 1) * W`, however fast the machine is.
fn limited() -> Outcome {
    const LIMIT: u64 = 300;
    const WINDOW: Duration = Duration::from_secs(5);
    let server = Server::start(500, &["--rate", "300/5s", "--window", "fixed-first"])?;
    let figures = Run::of("nothing.yaml").on(&server)?;
    // Requests that were refused were needless, so they must not raise the bound.
    let accepted = figures.requests - figures.throttled;
    let windows = accepted.div_ceil(LIMIT).saturating_sub(1);
    let bound = WINDOW.as_secs_f64() * count(windows);
    println!("  500 targets, 300 requests per 5 s, {} refused", figures.throttled);
    goal("requests a target", figures.requests_a_target(), AtMost(3.25), 3);
    goal("makespan over bound", figures.seconds / bound, AtMost(1.10), 3);
    println!("    {:.2} s, bound {bound:.2} s", figures.seconds);
    Ok(())
}

/// Nothing limits, nothing takes time and nothing is written down, so the processor decides: rollcall's requests a second against those of a
/// load generator that sends the very same requests, measured right before and after, and those of reqwest alone, which
/// are the most that rollcall could reach. Then the same with a millisecond of latency, where a client that is fast
/// enough is as fast as any.
fn unlimited() -> Outcome {
    against_raw(20_000, "0ms")?;
    against_raw(10_000, "1ms")
}

fn against_raw(targets: u32, latency: &str) -> Outcome {
    // Results are kept, for the load generator asks for the same ones again and again.
    let shape = ["--rate", "none", "--duration", "0s", "--latency", latency, "--gone-pid", "cached"];
    let server = Server::start(targets, &shape)?;
    // The first run finds out which requests there are, and warms up the server.
    let requests = Run::of("nothing.yaml").without_store().on(&server)?.replay();
    let before = raw::measure(&server, &requests)?;
    let figures = Run::of("nothing.yaml").without_store().on(&server)?;
    let after = raw::measure(&server, &requests)?;
    let bare = bare::measure(&server, &requests)?;
    println!("  {targets} targets, no limit, latency {latency}, {CONNECTIONS} connections");
    let rate = figures.requests_a_second();
    println!("    {:.3} requests a target", figures.requests_a_target());
    println!("    {rate:.0} requests a second, {} of processor time each", figures.processor_a_request());
    match (before, after) {
        (Some(before), Some(after)) => {
            println!("    {before:.0} and {after:.0} requests a second by wrk, before and after");
            let raw = before.midpoint(after);
            println!("    {bare:.0} requests a second by reqwest alone: {:.3} of the raw rate", bare / raw);
            goal("of the raw rate", rate / raw, AtLeast(0.8), 3);
        }
        _ => println!("    ! wrk is missing (apt-get install wrk): no raw rate to compare with"),
    }
    Ok(())
}

/// 2,000 targets whose commands take 0.2 s, 20 ms away.
///
/// N targets need 3 N requests of a round trip each, C at a time; and one target alone needs its three round trips and
/// its command.
fn latency() -> Outcome {
    let server = Server::start(2000, &["--rate", "none", "--duration", "0.2s", "--latency", "20ms"])?;
    let figures = Run::of("nothing.yaml").on(&server)?;
    let (targets, round_trip, command) = (2000.0, 0.02, 0.2);
    let bound = f64::max(3.0 * targets * round_trip / f64::from(CONNECTIONS), 4.0 * round_trip + command);
    println!("  2000 targets, commands of 0.2 s, latency 20 ms, no limit");
    println!("    {:.3} requests a target", figures.requests_a_target());
    goal("makespan over bound", figures.seconds / bound, AtMost(1.3), 3);
    println!("    {:.2} s, bound {bound:.2} s", figures.seconds);
    Ok(())
}

/// 5,000 targets without a limit, with and without a store: writing down every start and every result, in time for each to
/// be on the disk before what follows from it. Each pair of runs meets the same server, one right after the other.
fn store() -> Outcome {
    for latency in ["0ms", "1ms", "20ms"] {
        let shape = ["--rate", "none", "--duration", "0.2s", "--latency", latency];
        let mut ratios = Vec::new();
        for _ in 0..3 {
            let server = Server::start(5000, &shape)?;
            let without = Run::of("kibibyte.yaml").without_store().on(&server)?.seconds;
            let with = Run::of("kibibyte.yaml").on(&server)?.seconds;
            println!("    latency {latency}: {with:.2} s with a store, {without:.2} s without");
            ratios.push(with / without);
        }
        ratios.sort_by(f64::total_cmp);
        goal("of the time without a store, the middle of three", ratios[1], AtMost(1.15), 3);
    }
    Ok(())
}

/// As many targets as given, each of which prints another kibibyte.
fn memory(targets: u32, most_megabytes: u32) -> Outcome {
    let server = Server::start(targets, &["--rate", "none", "--duration", "0s", "--latency", "0ms"])?;
    for format in ["json", "table"] {
        let figures = Run::of("kibibyte.yaml").writing(format).on(&server)?;
        println!("  {targets} targets with 1 KiB of output each, as {format}");
        match figures.process {
            None => println!("    ! /usr/bin/time is missing (apt-get install time): no figures"),
            Some(process) => {
                goal("MB of memory at most", process.megabytes, AtMost(most_megabytes.into()), 1);
                let (user, system) = (process.user, process.system);
                println!("    {:.2} s of processor time ({user:.2} user, {system:.2} system)", user + system);
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}
use Goal::{AtLeast, AtMost};

fn goal(what: &str, value: f64, goal: Goal, places: usize) {
    let (met, sign, limit) = match goal {
        AtMost(most) => (value <= most, '≤', most),
        AtLeast(least) => (value >= least, '≥', least),
    };
    let met = if met { "met" } else { "MISSED" };
    println!("    {value:.places$} {what}, goal {sign} {limit}: {met}");
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}
