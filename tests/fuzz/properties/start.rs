//! The answer to an accepted start, from any body.

use rollcall::engine::{Answer, Call};

use super::api;

/// **Property.** Whatever the body says, the command counts as started. It names one process or none, however little
/// of its texts is kept; where it names none, what came is kept, capped; the URL for polls stays at our origin.
pub fn holds(bytes: &[u8]) {
    let call = Call::Start { vps: api::vps(), command: "uptime".into() };
    let [Answer::Started(one), Answer::Started(two)] = api::read_body_twice(&call, bytes) else {
        panic!("a start that was accepted is no start")
    };
    // A URL may be too long to be kept whole. Then it is not used, and the process must have been named apart.
    if bytes.len() <= 48 {
        assert_eq!(one, two);
    }
    for started in [one, two] {
        assert_eq!(started.raw.is_some(), started.pid.is_none());
        // Each byte may have become U+FFFD.
        assert!(started.raw.is_none_or(|raw| raw.len() <= 3 * 4096 + 200));
        let Some(pid) = started.pid else {
            assert_eq!(started.url, None);
            continue;
        };
        assert!(pid.number() < 1 << 53);
        let address =
            api::client(api::ORIGIN, 48).address(&Call::Poll { vps: api::vps(), pid, url: started.url });
        assert!(address.starts_with("http://127.0.0.1:8080/api/v2/vps/vps_1/agent/exec?"), "{address}");
    }
}
