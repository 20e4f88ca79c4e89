//! A bundle on a real shell against its steps alone.

use std::fmt::Write as _;

use rollcall::{
    engine::Stream,
    playbook::{
        OnFailure, Step, Template,
        bundle::{Bundle, End, Marker, Whole, take_apart},
    },
};

use super::{input::Input, shell};

/// Bytes that one step prints to one stream: each is four characters of the command.
const MOST: usize = 120;

/// **Property.** Whatever bytes steps print, and however they end, on a POSIX shell a bundle of them gives each the
/// streams and exit code that it has alone.
pub fn holds(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let steps = 1 + usize::from(input.number() % 4);
    let (mut bundle, mut commands) = (Bundle::new(), Vec::new());
    for _ in 0..steps {
        let code = input.number();
        let command = command(input.bytes(), input.bytes(), code);
        let step =
            Step { on_failure: OnFailure::Continue, ..Step::new("step", Template::verbatim(&command)) };
        if bundle.push(&step, &command) {
            commands.push(command);
        }
    }
    let marker = Marker::new([0x5f_0c91_d2a7, 0xe4_1b77_30cc]);
    let together = shell::with_tools(&bundle.text(&marker));
    let (out, err) = (String::from_utf8_lossy(&together.stdout), String::from_utf8_lossy(&together.stderr));
    let whole = |text| Whole { text, truncated: false, gap: Stream::gap };
    let parts = take_apart(&marker, commands.len(), whole(&out), whole(&err));
    for (command, part) in commands.iter().zip(parts) {
        let alone = shell::with_tools(command);
        assert_eq!(part.stdout.text, String::from_utf8_lossy(&alone.stdout), "{command}");
        assert_eq!(part.stderr.text, String::from_utf8_lossy(&alone.stderr), "{command}");
        let End::Exited { code, .. } = part.end else { panic!("{command}: {part:?}") };
        assert_eq!(Some(code), alone.status.code().map(i64::from), "{command}");
    }
}

/// A command of printable characters that prints these bytes. No byte of an input is ever read by a shell.
fn command(stdout: &[u8], stderr: &[u8], code: u8) -> String {
    let escaped = |bytes: &[u8]| {
        bytes.iter().take(MOST).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\{byte:03o}");
            text
        })
    };
    format!("printf '{}'; printf '{}' >&2; exit {code}", escaped(stdout), escaped(stderr))
}
