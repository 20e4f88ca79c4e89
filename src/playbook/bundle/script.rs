//! The script that runs several steps as if each were alone.

use std::{fmt, fmt::Write as _, time::Duration};

use super::super::{DEFAULT_TIMEOUT, Effects, MAX_COMMAND_CHARS, OnFailure, Step};

/// What comes before the steps, with `{one}` and `{two}` for the halves of the marker.
///
/// - Its own names are unset first: one that the agent exports would be seen by the steps, or changed for them.
/// - The marker's halves meet only when they are printed, so that a step that prints this script prints no marker.
/// - The script's own stderr goes nowhere ("Killed" is the shell's word, not a step's); the real one is on 3.
/// - `exec` in a subshell, because some shells print "Killed" for a plain child even so. A syntax error, `cd`,
///   `set -e`, `exit` and `trap` stay inside. A step's shell has the name of this one, for its messages begin with it.
/// - The line break before a marker belongs to the marker: output without a final one comes back as it was.
/// - `timeout` is tried, not looked up: one that does not know `-k` would end every step.
const HEAD: &str = r#"unset a b c k n s
a={one} b={two} n=0
exec 3>&2 2>/dev/null
timeout -k 5 9 true && k=1
step() {
s=$(date +%s)
if [ "$1" != 0 ] && [ "$k" ]; then (exec timeout -k 5 "$1" sh -c "$3" "$0" </dev/null 2>&3 3>&-)
else (exec sh -c "$3" "$0" </dev/null 2>&3 3>&-); fi
c=$?
printf '\n%s%s %s %s %s\n' $a $b $n $c $(($(date +%s)-s))
printf '\n%s%s %s\n' $a $b $n >&3
n=$((n+1))
case " $2 " in *" $c "*|' * ') ;; *) exit 0; esac
}
"#;

/// Digits of one half of a marker.
const HALF: usize = 10;

/// What a guest cannot guess, so that it cannot pretend that a step has ended.
#[derive(Clone, PartialEq, Eq)]
pub struct Marker {
    one: String,
    two: String,
}

impl Marker {
    /// Makes a marker of 80 random bits: the lowest 40 of each number.
    pub fn new(random: [u64; 2]) -> Self {
        let half = |number: u64| format!("{:0HALF$x}", number & ((1 << (4 * HALF)) - 1));
        Self { one: half(random[0]), two: half(random[1]) }
    }

    /// A marker that was written down as [`whole`](Self::whole); `None` where the text is none.
    pub fn read(text: &str) -> Option<Self> {
        let hexadecimal = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let fits = text.len() == 2 * HALF && text.bytes().all(hexadecimal);
        fits.then(|| Self { one: text[..HALF].to_owned(), two: text[HALF..].to_owned() })
    }

    /// As it is printed.
    pub fn whole(&self) -> String {
        format!("{}{}", self.one, self.two)
    }
}

impl fmt::Debug for Marker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Marker")
    }
}

/// Steps that share a request, as far as they fit into one command.
#[derive(Debug, Clone)]
pub struct Bundle {
    lines: String,
    chars: usize,
    steps: usize,
}

impl Bundle {
    /// With no step in it yet.
    pub fn new() -> Self {
        let names = "{one}{two}".len();
        Self { lines: String::new(), chars: HEAD.chars().count() - names + 2 * HALF, steps: 0 }
    }

    /// Adds a step's rendered command; false, and nothing is added, where the script would be too long to be sent.
    pub fn push(&mut self, step: &Step, command: &str) -> bool {
        let seconds = Self::limit(step).map_or(0, |limit| limit.as_secs());
        let accept = match step.on_failure {
            OnFailure::Continue => "*".to_owned(),
            OnFailure::Stop => step.accept.iter().map(i64::to_string).collect::<Vec<_>>().join(" "),
        };
        let line = format!("step {seconds} '{accept}' '{}'\n", command.replace('\'', r"'\''"));
        let chars = self.chars + line.chars().count();
        if chars > MAX_COMMAND_CHARS {
            return false;
        }
        self.chars = chars;
        self.steps += 1;
        self.lines.push_str(&line);
        true
    }

    /// How long the guest itself lets a step run, in whole seconds; `None`: as long as it takes.
    ///
    /// No output can be read before the whole bundle has ended, so a step that hangs would take the others' with it. What
    /// changes something is never killed unless its author says so.
    pub fn limit(step: &Step) -> Option<Duration> {
        let kills = step.kill_on_timeout || step.effects == Effects::Read;
        let limit = step.timeout.unwrap_or(DEFAULT_TIMEOUT);
        let part = u64::from(limit.subsec_nanos() > 0);
        kills.then(|| Duration::from_secs(limit.as_secs() + part))
    }

    /// Steps in it.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Length of its text in characters, of at most [`MAX_COMMAND_CHARS`].
    pub fn chars(&self) -> usize {
        self.chars
    }

    /// The text to be sent.
    pub fn text(&self, marker: &Marker) -> String {
        let mut text = HEAD.replace("{one}", &marker.one).replace("{two}", &marker.two);
        let _ = text.write_str(&self.lines);
        text
    }
}

impl Default for Bundle {
    fn default() -> Self {
        Self::new()
    }
}
