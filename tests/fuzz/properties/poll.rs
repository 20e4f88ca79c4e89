//! The answer to a poll, from any body.

use rollcall::engine::{Answer, Call, Pid, PollAnswer};

use super::api;

/// **Property.** A body says whether this process runs or how it ended, or is unreadable; that does not depend on how
/// much of its output is kept, and what is kept is within the cap.
pub fn holds(bytes: &[u8]) {
    let call = Call::Poll { vps: api::vps(), pid: Pid::new(5).unwrap(), url: None };
    match api::read_body_twice(&call, bytes) {
        [Answer::Polled(PollAnswer::Exited(one)), Answer::Polled(PollAnswer::Exited(two))] => {
            assert_eq!(one.signal, two.signal);
            // A spelling of its name may be longer than what is kept of a text; then none is known, and none guessed.
            let spelled_out = two.exit_code.is_some() || !has_long_name(bytes);
            assert!(
                one.exit_code == two.exit_code || !spelled_out,
                "{:?} {:?}",
                one.exit_code,
                two.exit_code
            );
            for (whole, kept) in [(one.stdout, two.stdout), (one.stderr, two.stderr)] {
                // Half of 48 bytes from each end, and the line between; a key taken out may make it a little longer. What
                // is no text is written out, each of its parts cut so.
                let is_text = !whole.shown().starts_with(['[', '{']);
                assert!(kept.text.len() <= 48 + 64 + 2 * 10 || !kept.truncated || !is_text, "{kept:?}");
                assert!(kept.truncated || kept.text == whole.text, "{kept:?}");
            }
        }
        [Answer::Polled(one), Answer::Polled(two)] => assert_eq!(one, two),
        [one, two] => assert!(api::is_unreadable(&one) && api::is_unreadable(&two), "{one:?}\n{two:?}"),
    }
}

/// Whether the name of a field is longer than what the one client keeps.
fn has_long_name(bytes: &[u8]) -> bool {
    let parts: Vec<_> = bytes.split(|&byte| byte == b'"').collect();
    parts.windows(2).any(|pair| pair[0].len() > 48 && pair[1].trim_ascii_start().starts_with(b":"))
}
