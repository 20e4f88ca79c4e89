//! The answer to a probe, from any body.

use rollcall::engine::{Answer, Call};

use super::api;

/// **Property.** A body says yes or no in so many words, or is unreadable, however little of its texts is kept; only
/// a no has a reason.
pub fn holds(bytes: &[u8]) {
    match api::read_body_twice(&Call::Probe { vps: api::vps() }, bytes) {
        [Answer::Probed(one), Answer::Probed(two)] => {
            assert_eq!(one.available, two.available);
            assert!(!one.available || one.reason.is_none());
        }
        [one, two] => assert!(api::is_unreadable(&one) && api::is_unreadable(&two), "{one:?}\n{two:?}"),
    }
}
