//! Which process an accepted start became (HostUp docs, post-exec page).

use super::{Fields, integer};
use crate::{
    engine::{Pid, Started},
    fleet::VpsId,
    hostup::{
        document::Document,
        poll_url::{self, ReadPollUrl},
        url::ApiUrl,
    },
};

/// Reads the answer to a start. It was 2xx, so the command counts as started whatever the body says; `raw` gives what
/// to keep of the body if it names no process.
pub(in crate::hostup) fn start(
    document: Option<&Document>,
    base: &ApiUrl,
    vps: &VpsId,
    raw: impl FnOnce() -> String,
) -> Started {
    let lost = |foreign_url| Started { pid: None, url: None, raw: Some(raw()), foreign_url };
    let Some(Ok(answer)) = document.map(Fields::of) else {
        return lost(false);
    };
    let named = answer.field("pollUrl").map(|url| match url.as_str() {
        Some(text) => poll_url::read(base, vps, text),
        None => ReadPollUrl::default(),
    });
    let is_named = named.is_some();
    let url = named.unwrap_or_default();
    let pid = match answer.field("pid") {
        Some(value) => integer(value).and_then(|number| u64::try_from(number).ok()).and_then(Pid::new),
        None => url.pid,
    };
    let Some(pid) = pid else { return lost(is_named && url.url.is_none()) };
    // A URL about another process than the one named is not one for this process.
    let usable = url.url.filter(|_| url.pid == Some(pid));
    Started { pid: Some(pid), foreign_url: is_named && usable.is_none(), url: usable, raw: None }
}

#[cfg(test)]
mod tests {
    use super::{super::document, *};

    const OURS: &str = "/api/v2/vps/vps_1/agent/exec?pid=5";

    fn started(json: &str) -> Started {
        let base = ApiUrl::default();
        start(Some(&document(json)), &base, &"vps_1".parse().unwrap(), || json.to_owned())
    }

    /// Pid, path of the poll, whether the URL given was turned away.
    fn facts(json: &str) -> (Option<u64>, Option<String>, bool) {
        let started = started(json);
        assert_eq!(started.raw.is_some(), started.pid.is_none(), "{json}");
        (started.pid.map(Pid::number), started.url.map(|url| url.0), started.foreign_url)
    }

    #[test]
    fn the_documented_answer_is_read() {
        let json = include_str!("../../../tests/fixtures/api/start.json");
        let vps = "vps_01jz0000000000000000000001".parse().unwrap();
        let started = start(Some(&document(json)), &ApiUrl::default(), &vps, String::new);
        assert_eq!(started.pid, Pid::new(5151));
        let path = "/api/v2/vps/vps_01jz0000000000000000000001/agent/exec?pid=5151";
        assert_eq!(started.url.unwrap().0, path);
    }

    #[test]
    fn s14_a_pid_is_a_number_a_numeric_string_or_only_in_the_url() {
        let ours = || Some(OURS.to_owned());
        for (json, expected) in [
            (format!(r#"{{"pid":5,"pollUrl":"{OURS}"}}"#), (Some(5), ours(), false)),
            (format!(r#"{{"pid":"5","pollUrl":"{OURS}"}}"#), (Some(5), ours(), false)),
            (format!(r#"{{"pollUrl":"{OURS}"}}"#), (Some(5), ours(), false)),
            (format!(r#"{{"pid":null,"pollUrl":"{OURS}"}}"#), (Some(5), ours(), false)),
            (
                format!(r#"{{"success":true,"data":{{"pid":5,"pollUrl":"{OURS}"}}}}"#),
                (Some(5), ours(), false),
            ),
            (r#"{"pid":5}"#.to_owned(), (Some(5), None, false)),
            (r#"{"pid":5,"pollUrl":null}"#.to_owned(), (Some(5), None, false)),
            (r#"{"pid":9007199254740991}"#.to_owned(), (Some((1 << 53) - 1), None, false)),
        ] {
            assert_eq!(facts(&json), expected, "{json}");
        }
    }

    #[test]
    fn s9_a_url_that_is_not_ours_is_left_and_said() {
        for json in [
            r#"{"pid":5,"pollUrl":"https://evil.example/api/v2/vps/vps_1/agent/exec?pid=5"}"#,
            r#"{"pid":5,"pollUrl":"/api/v2/vps/vps_1/agent/exec?pid=6"}"#,
            r#"{"pid":5,"pollUrl":"/api/jobs/5"}"#,
            r#"{"pid":5,"pollUrl":{}}"#,
            r#"{"pollUrl":"https://evil.example/api/v2/vps/vps_1/agent/exec?pid=5"}"#,
        ] {
            assert_eq!(facts(json), (Some(5), None, true), "{json}");
        }
    }

    #[test]
    fn s8_without_a_usable_pid_it_runs_all_the_same() {
        for json in [
            "{}",
            "[]",
            "5",
            "null",
            r#"{"pid":0}"#,
            r#"{"pid":-1}"#,
            r#"{"pid":5.5}"#,
            r#"{"pid":9007199254740992}"#,
            r#"{"pid":true}"#,
            r#"{"success":false,"error":"blocked","data":{"pid":5}}"#,
            r#"{"pid":0,"pollUrl":"/api/v2/vps/vps_1/agent/exec?pid=5"}"#,
        ] {
            let started = started(json);
            assert_eq!(
                (started.pid, started.url, started.raw.as_deref()),
                (None, None, Some(json)),
                "{json}"
            );
        }
        let raw = start(None, &ApiUrl::default(), &"vps_1".parse().unwrap(), || "<html>".to_owned()).raw;
        assert_eq!(raw.as_deref(), Some("<html>"));
    }
}
