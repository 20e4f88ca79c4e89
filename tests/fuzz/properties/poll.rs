//! The answer to a poll, from any body.

use rollcall::engine::{Answer, Call, Pid, PollAnswer};

use super::api;

/// **Property.** A body says whether this process runs or how it ended, or is unreadable; that does not depend on how
/// much of its output is kept, and what is kept is within the cap.
pub fn holds(bytes: &[u8]) {
    let call = Call::Poll { vps: api::vps(), pid: Pid::new(5).unwrap(), url: None };
    match api::read_body_twice(&call, bytes) {
        [Answer::Polled(PollAnswer::Exited(one)), Answer::Polled(PollAnswer::Exited(two))] => {
            assert_eq!((one.exit_code, one.signal), (two.exit_code, two.signal));
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
