//! A `pollUrl` is used only where it is our own.

use std::sync::LazyLock;

use rollcall::{
    engine::{Answer, Call, Pid},
    hostup::{Client, RawAnswer},
};
use serde_json::json;

use super::api;

static CLIENTS: LazyLock<[(Client, String); 3]> = LazyLock::new(|| {
    ["http://127.0.0.1:8080", "http://localhost/hostup", "http://[::1]:9/a/b/"].map(|base| {
        let exec = format!("{}/api/v2/vps/vps_1/agent/exec?", base.trim_end_matches('/'));
        (api::client(base, 1 << 20), exec)
    })
});

/// **Property.** Whatever text stands as a `pollUrl`, with or without a pid beside it, polls go to our own origin, path
/// and process; one that is not used is told of, and a name for a process comes only from a URL that is our path.
pub fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for (client, exec) in CLIENTS.iter() {
        for body in [json!({ "pollUrl": text }), json!({ "pid": 5, "pollUrl": text })] {
            let call = Call::Start { vps: api::vps(), command: "uptime".into() };
            let answer = RawAnswer { status: 202, body: body.to_string().into(), ..RawAnswer::default() };
            let Answer::Started(started) = client.read(&call, &answer).unwrap().answer else {
                panic!("a start that was accepted is no start")
            };
            assert!(started.url.is_some() || started.foreign_url || started.pid.is_none(), "{started:?}");
            assert!(body.get("pid").is_none() || started.pid == Pid::new(5), "{started:?}");
            let Some(pid) = started.pid else { continue };
            let address = client.address(&Call::Poll { vps: api::vps(), pid, url: started.url });
            let query = address.strip_prefix(exec.as_str()).unwrap_or_else(|| panic!("{address}"));
            assert!(
                address.bytes().all(|byte| (0x21..0x7f).contains(&byte)) && !query.contains('#'),
                "{address}"
            );
            // One pid, and the right one, by a reader of queries that is not the client's.
            let query = decoded(query);
            let pids: Vec<_> = query.split('&').filter_map(|pair| pair.strip_prefix("pid=")).collect();
            let named = pids.first().and_then(|digits| digits.parse().ok());
            assert!(pids.len() == 1 && named == Some(pid.number()), "{address}");
        }
    }
}

/// A query with its percent-encoding undone, as far as it is one; an ampersand that was encoded stays encoded.
fn decoded(query: &str) -> String {
    let mut parts = query.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match digits {
            Some(byte) if byte.is_ascii() && byte != b'&' => {
                text.push(char::from(byte));
                text.push_str(&part[2..]);
            }
            _ => text.extend(["%", part]),
        }
    }
    text
}
