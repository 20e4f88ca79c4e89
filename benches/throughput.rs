//! What a run costs: requests a target, time over the least possible, and requests a second where nothing limits.
//!
//! ```sh
//! cargo bench --bench throughput
//! ```
//!
//! Each case is one run of the real program on its own sandbox, in one process, judged by its JSON report. The least
//! time that R accepted requests can take under L requests in W, whose first window opens with the first request, is
//! `(ceil(R / L) - 1) * W`: a ratio to it says how well a run is paced, however slow the machine is. The sandbox
//! shares the processor with the program, so the requests a second are a floor.
#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]

use std::{error::Error, process::Command, time::Duration};

use serde_json::Value;

/// The sandbox's limit in the first case.
const LIMIT: u64 = 300;
const WINDOW: Duration = Duration::from_secs(5);

struct Case {
    name: &'static str,
    sandbox: &'static str,
    limit: Option<(u64, Duration)>,
}

const CASES: [Case; 2] = [
    Case {
        name: "200 targets, 300 per 5 s",
        sandbox: "200,rate=300/5s,window=fixed-first,fleet=uniform,agents=all",
        limit: Some((LIMIT, WINDOW)),
    },
    Case {
        name: "2,000 targets, no limit",
        sandbox: "2000,rate=none,fleet=uniform,agents=all,duration=0s",
        limit: None,
    },
];

/// What the report of one run says.
struct Figures {
    targets: u64,
    requests: u64,
    throttled: u64,
    took: Duration,
}

impl Figures {
    /// Requests that the limit let through. Those that it did not were needless, so they must not raise the bound.
    fn accepted(&self) -> u64 {
        self.requests.saturating_sub(self.throttled)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<26} {:>9} {:>9} {:>6} {:>9} {:>9} {:>7} {:>9}",
        "case", "requests", "a target", "429", "time", "least", "ratio", "a second"
    );
    for case in &CASES {
        let figures = measure(case)?;
        println!("{}", row(case, &figures));
    }
    Ok(())
}

fn measure(case: &Case) -> Result<Figures, Box<dyn Error>> {
    let playbook = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/throughput.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_rollcall"))
        .args(["run", playbook, "--sandbox", case.sandbox, "--progress", "none", "-o", "json"])
        .output()?;
    // A run that did not do its work would be fast.
    if !output.status.success() {
        let messages = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: the run ended with {}\n{messages}", case.name, output.status).into());
    }
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let number = |pointer: &str| {
        let value = report.pointer(pointer).and_then(Value::as_u64);
        value.ok_or_else(|| format!("{}: the report has no number at {pointer}", case.name))
    };
    Ok(Figures {
        targets: number("/summary/targets")?,
        requests: number("/api/requests/total")?,
        throttled: number("/api/throttled")?,
        took: Duration::from_millis(number("/durationMs")?),
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
fn row(case: &Case, figures: &Figures) -> String {
    let least = case.limit.map(|(limit, window)| least_time(figures.accepted(), limit, window).as_secs_f64());
    let took = figures.took.as_secs_f64();
    let requests = figures.requests as f64;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    format!(
        "{:<26} {:>9} {:>9.3} {:>6} {:>7.2} s {:>9} {:>7} {:>9}",
        case.name,
        figures.requests,
        requests / figures.targets as f64,
        figures.throttled,
        took,
        or_dash(least.map(|least| format!("{least:.2} s"))),
        or_dash(least.filter(|&least| least > 0.0).map(|least| format!("{:.3}", took / least))),
        // Under a limit this would only measure the limit.
        or_dash(least.is_none().then(|| format!("{:.0}", requests / took))),
    )
}

/// The least time that so many requests can take where `limit` may leave in each `window`.
fn least_time(requests: u64, limit: u64, window: Duration) -> Duration {
    let windows = requests.div_ceil(limit).saturating_sub(1);
    window.saturating_mul(u32::try_from(windows).unwrap_or(u32::MAX))
}
