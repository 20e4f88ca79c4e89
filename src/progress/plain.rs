//! Plain lines, for pipes and logs: few, whole, and without colour or cursor movement.

use std::{fmt, io, time::Duration};

use super::standing::Standing;
use crate::budget::RunTime;

/// Between two lines, where something has changed.
const INTERVAL: Duration = Duration::from_secs(5);
/// Between two lines that say the same, so that a long wait is seen to be alive.
const INTERVAL_UNCHANGED: Duration = Duration::from_secs(30);

/// Writes lines like `rollcall: 134/200 done, 131 ok, 3 not; waiting 3 s for the limit (300 per 5 s)`.
pub(super) struct Plain {
    out: Box<dyn io::Write + Send>,
    last: RunTime,
    /// Servers listed and targets done when the last line was written.
    told: (String, usize),
}

impl fmt::Debug for Plain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Plain").field("last", &self.last).finish_non_exhaustive()
    }
}

impl Plain {
    /// Writes to `out`, and does not care whether it can.
    pub(super) fn new(out: Box<dyn io::Write + Send>) -> Self {
        Self { out, last: RunTime::START, told: (String::new(), 0) }
    }

    /// Writes a line now.
    pub(super) fn say(&mut self, line: &str) {
        // One write a line, so that lines of others do not end up inside it. A closed stderr must not end the run.
        let _ = self.out.write_all(format!("rollcall: {line}\n").as_bytes());
        let _ = self.out.flush();
    }

    /// Writes how the run stands, if it is time to.
    pub(super) fn show(&mut self, standing: &Standing) {
        let stand = (standing.selection(), standing.done);
        let interval = if stand == self.told { INTERVAL_UNCHANGED } else { INTERVAL };
        if standing.now().since(self.last.max(standing.began())) < interval {
            return;
        }
        self.last = standing.now();
        self.told = stand;
        self.say(&line(standing));
    }
}

fn line(standing: &Standing) -> String {
    let done = if standing.selected() || standing.done > 0 {
        let not = standing.done - standing.ok;
        format!("{}/{} done, {} ok, {not} not", standing.done, standing.targets(), standing.ok)
    } else {
        format!("listing, {} so far", standing.selection())
    };
    let limit = standing.limit().map(|limit| format!(" ({limit})")).unwrap_or_default();
    match standing.wait() {
        Some(wait) => format!("{done}; waiting {wait} for the limit{limit}"),
        None => done,
    }
}
