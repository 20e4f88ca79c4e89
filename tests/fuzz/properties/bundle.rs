//! A bundle's output is taken apart into what its steps printed.

use std::fmt::Write as _;

use rollcall::{
    engine::Stream,
    playbook::bundle::{End, Marker, Part, Whole, take_apart},
};

use super::input::Input;

/// The marker of all inputs, as it is printed. No guest can guess a real one.
const MARKER: &str = "5f0c91d2a7e41b7730cc";

/// What a step did.
struct Done {
    stdout: String,
    stderr: String,
    code: i64,
}

/// **Property.** For any output, each step's streams and exit code are what they would have been alone. Where something
/// of the whole was left out, what is not said to be cut is still exact, no exit code is another step's, and nothing is
/// said to have ended that did not.
pub fn holds(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let steps = usize::from(input.number() % 14);
    let (missing, places) = (usize::from(input.number() % 3), [input.number(), input.number()]);
    let mut done = Vec::new();
    for _ in 0..steps {
        let code = i64::from(input.number());
        done.push(Done { stdout: input.text(), stderr: input.text(), code });
    }
    // What a guest cannot do is tried by nobody.
    if done.iter().any(|step| step.stdout.contains(MARKER) || step.stderr.contains(MARKER)) {
        return;
    }
    let (mut out, mut err) = (String::new(), String::new());
    for (number, Done { stdout, stderr, code }) in done.iter().enumerate() {
        writeln!(out, "{stdout}\n{MARKER} {number} {code} 17").unwrap();
        writeln!(err, "{stderr}\n{MARKER} {number}").unwrap();
    }
    complete(&done, missing, &out, &err);
    for (out_cut, err_cut) in [(true, false), (false, true), (true, true)] {
        let of =
            |text: &str, is_cut: bool| if is_cut { without_middle(text, places) } else { text.to_owned() };
        check_cut(&done, missing, &of(&out, out_cut), &of(&err, err_cut));
        // The agent keeps the beginning only, and says nothing of it in the text.
        let of = |text: &str, is_cut: bool| {
            if is_cut { text[..at(text, places[0])].to_owned() } else { text.to_owned() }
        };
        check_cut(&done, missing, &of(&out, out_cut), &of(&err, err_cut));
    }
}

fn apart<'a>(steps: usize, out: &'a str, err: &'a str, truncated: bool) -> Vec<Part<'a>> {
    let marker = Marker::new([0x5f_0c91_d2a7, 0xe4_1b77_30cc]);
    let whole = |text| Whole { text, truncated, gap: Stream::gap };
    let parts = take_apart(&marker, steps, whole(out), whole(err));
    assert_eq!(parts.len(), steps);
    parts
}

fn complete(done: &[Done], missing: usize, out: &str, err: &str) {
    let parts = apart(done.len() + missing, out, err, false);
    for (part, step) in parts.iter().zip(done) {
        assert_eq!((part.stdout.text, part.stdout.cut), (&*step.stdout, false));
        assert_eq!((part.stderr.text, part.stderr.cut), (&*step.stderr, false));
        assert_eq!(part.end, End::Exited { code: step.code, seconds: 17 });
    }
    for (number, part) in parts.iter().enumerate().skip(done.len()) {
        let first = number == done.len();
        assert_eq!(part.end, if first { End::Unfinished } else { End::NotReached });
        assert_eq!((part.stdout.text, part.stderr.text), ("", ""));
    }
}

fn check_cut(done: &[Done], missing: usize, out: &str, err: &str) {
    let parts = apart(done.len() + missing, out, err, true);
    for (number, part) in parts.iter().enumerate() {
        let step = done.get(number);
        if let End::Exited { code, .. } = part.end {
            assert_eq!(Some(code), step.map(|step| step.code), "step {number} of {out:?}");
        }
        let step = step.map_or(("", ""), |step| (&step.stdout, &step.stderr));
        assert!(part.stdout.cut || part.stdout.text == step.0, "step {number} of {out:?}: {part:?}");
        assert!(part.stderr.cut || part.stderr.text == step.1, "step {number} of {err:?}: {part:?}");
    }
}

/// As the client does with what is too long to be kept.
fn without_middle(text: &str, places: [u8; 2]) -> String {
    let (one, two) = (at(text, places[0]), at(text, places[1]));
    let (from, to) = (one.min(two), one.max(two));
    format!("{}{}{}", &text[..from], Stream::left_out(to - from), &text[to..])
}

/// A place in the text, as a part of 255.
fn at(text: &str, place: u8) -> usize {
    let mut at = text.len() * usize::from(place) / 255;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
