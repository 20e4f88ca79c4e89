//! Durations as people write them in options and fault files: `30ms`, `0.2s`, `5m`, `1h 30m`.

use std::time::Duration;

use jiff::SignedDuration;

use super::draw::Draw;

/// Reads a duration that is not negative. `0` alone is zero.
///
/// # Errors
/// What would have been right.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    signed(text)?.try_into().map_err(|_| EXPECTED.to_owned())
}

/// Reads a duration that may be negative (`-3s`).
///
/// # Errors
/// What would have been right.
pub(super) fn signed(text: &str) -> Result<SignedDuration, String> {
    match text.trim() {
        "0" => Ok(SignedDuration::ZERO),
        text => text.parse().map_err(|_| EXPECTED.to_owned()),
    }
}

const EXPECTED: &str = "a duration such as 30ms, 0.2s or 5m";

/// How long simulated commands run: always the same time, or log-normally spread around a median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunTime {
    /// Half of the commands run at most this long.
    pub median: Duration,
    /// The standard deviation of the logarithm; 0 for always the median.
    pub sigma: f64,
}

impl RunTime {
    /// Reads `0.2s`, or `5s~0.25` for a median and its sigma.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (median, sigma) = text.split_once('~').unwrap_or((text, "0"));
        let sigma = sigma.trim().parse().ok().filter(|sigma| (0.0..=10.0).contains(sigma));
        match (parse(median), sigma) {
            (Ok(median), Some(sigma)) => Ok(Self { median, sigma }),
            _ => Err("a duration such as 0.2s, or MEDIAN~SIGMA such as 5s~0.25 (sigma 0 to 10)".to_owned()),
        }
    }

    /// The run time that `draw` gets.
    pub(super) fn draw(self, draw: Draw) -> Duration {
        if self.sigma == 0.0 {
            return self.median;
        }
        let seconds = self.median.as_secs_f64() * (self.sigma * draw.normal()).exp();
        Duration::try_from_secs_f64(seconds).unwrap_or(self.median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse("30ms"), Ok(Duration::from_millis(30)));
        assert_eq!(parse("0.2s"), Ok(Duration::from_millis(200)));
        assert_eq!(parse("0"), Ok(Duration::ZERO));
        assert_eq!(signed("-3s"), Ok(SignedDuration::from_secs(-3)));
        assert!(parse("-3s").is_err());
        assert!(parse("soon").is_err());
    }

    #[test]
    fn half_of_the_drawn_run_times_are_below_the_median() {
        let run_time = RunTime::parse("5s~0.25").unwrap();
        let below = (0..1000).filter(|n| run_time.draw(Draw::new(7).at(*n)) < Duration::from_secs(5)).count();
        assert!((450..550).contains(&below), "{below}");
        assert!(RunTime::parse("5s~x").is_err());
    }
}
