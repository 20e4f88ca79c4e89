//! Is a `pollUrl` our own?
//!
//! The API says where to poll. That URL is used only if it is the one that rollcall would have built, give or take
//! extra query parameters, so that no answer can send the key elsewhere.

use super::url::{ApiUrl, exec_path};
use crate::{
    engine::{Pid, PollUrl},
    fleet::VpsId,
};

/// Longer ones are not looked at.
const MAX_LENGTH: usize = 2048;

/// What a `pollUrl` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ReadPollUrl {
    /// The process, where the path is that of this VPS's commands (at whatever origin) and names just one.
    pub(super) pid: Option<Pid>,
    /// The URL itself, where it may be used.
    pub(super) url: Option<PollUrl>,
}

/// Reads a `pollUrl`, relative or absolute, that came as an answer about `vps`.
///
/// Where the base has a path of its own, the API behind it may not know of it: a URL without that path counts as one
/// with it.
pub(super) fn read(base: &ApiUrl, vps: &VpsId, text: &str) -> ReadPollUrl {
    if let Some(pid) = plain_pid(vps, text) {
        return ReadPollUrl { pid: Some(pid), url: Some(PollUrl(format!("{}{text}", base.prefix()))) };
    }
    let ours = base.exec(vps);
    let Some(url) = (text.len() <= MAX_LENGTH).then(|| ours.join(text).ok()).flatten() else {
        return ReadPollUrl::default();
    };
    if url.path() != ours.path() && url.path() != exec_path(vps) {
        return ReadPollUrl::default();
    }
    let mut pids = url.query_pairs().filter(|(name, _)| name == "pid");
    let pid = match (pids.next(), pids.next()) {
        (Some((_, digits)), None) => digits.parse().ok().and_then(Pid::new),
        _ => None,
    };
    let usable = pid.is_some() && base.is_origin_of(&url);
    let url = usable.then(|| PollUrl(format!("{}?{}", ours.path(), url.query().unwrap_or_default())));
    ReadPollUrl { pid, url }
}

/// The process, where the text is to the letter what rollcall would build: by far the commonest, and parsing a URL
/// takes as long as all the rest of reading an answer.
fn plain_pid(vps: &VpsId, text: &str) -> Option<Pid> {
    let digits = text.strip_prefix(&*exec_path(vps))?.strip_prefix("?pid=")?;
    let plain = (1..20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok().and_then(Pid::new) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "/api/v2/vps/vps_1/agent/exec?pid=5";

    fn read_at(base: &str, text: &str) -> (Option<u64>, Option<String>) {
        let found = read(&base.parse().unwrap(), &"vps_1".parse().unwrap(), text);
        (found.pid.map(Pid::number), found.url.map(|url| url.0))
    }

    #[test]
    fn s10_relative_and_absolute_at_the_base_are_used() {
        for text in [
            OURS,
            "?pid=5",
            "exec?pid=5",
            "https://cloud.hostup.se/api/v2/vps/vps_1/agent/exec?pid=5",
            "https://CLOUD.hostup.se:443/api/v2/vps/vps_1/agent/exec?pid=5#x",
            "//cloud.hostup.se/api/v2/vps/vps_1/agent/exec?pid=5",
        ] {
            assert_eq!(read_at("https://cloud.hostup.se", text), (Some(5), Some(OURS.to_owned())), "{text}");
        }
        let more = format!("{OURS}&wait=1");
        assert_eq!(read_at("https://cloud.hostup.se", &more), (Some(5), Some(more.clone())));
    }

    #[test]
    fn s9_another_origin_or_path_is_not_used() {
        for (text, pid) in [
            ("https://evil.example/api/v2/vps/vps_1/agent/exec?pid=5", Some(5)),
            ("//evil.example/api/v2/vps/vps_1/agent/exec?pid=5", Some(5)),
            ("\\\\evil.example/api/v2/vps/vps_1/agent/exec?pid=5", Some(5)),
            ("http://cloud.hostup.se/api/v2/vps/vps_1/agent/exec?pid=5", Some(5)),
            ("https://cloud.hostup.se:444/api/v2/vps/vps_1/agent/exec?pid=5", Some(5)),
            ("https://me@cloud.hostup.se/api/v2/vps/vps_1/agent/exec?pid=5", Some(5)),
            ("https://cloud.hostup.se@evil.example/api/v2/vps/vps_1/agent/exec?pid=5", Some(5)),
            ("https://cloud.hostup.se/api/v2/vps/vps_2/agent/exec?pid=5", None),
            ("/api/v2/vps/vps_1/agent/../../vps_2/agent/exec?pid=5", None),
            ("/api/v2/vps/vps_1/agent/%65xec?pid=5", None),
            ("/api/v2/vps/vps_1/agent/exec/?pid=5", None),
            ("/API/v2/vps/vps_1/agent/exec?pid=5", None),
            ("/api/jobs/5", None),
            ("https://[bad", None),
            ("", None),
        ] {
            assert_eq!(read_at("https://cloud.hostup.se", text), (pid, None), "{text}");
        }
    }

    #[test]
    fn s14_the_pid_must_be_one_and_possible() {
        for query in ["pid=0", "pid=-1", "pid=9007199254740992", "pid=5&pid=6", "pid=", "id=5", "pid=5x"] {
            let text = format!("/api/v2/vps/vps_1/agent/exec?{query}");
            assert_eq!(read_at("https://cloud.hostup.se", &text), (None, None), "{text}");
        }
        assert_eq!(read_at("https://cloud.hostup.se", "?pid=9007199254740991").0, Some((1 << 53) - 1));
    }

    #[test]
    fn a_url_of_the_api_behind_a_gateway_gets_the_gateways_path() {
        let expected = (Some(5), Some(format!("/hostup{OURS}")));
        assert_eq!(read_at("https://gateway.example/hostup/", OURS), expected);
        assert_eq!(read_at("https://gateway.example/hostup/", &format!("/hostup{OURS}")), expected);
    }

    #[test]
    fn an_endless_url_is_not_looked_at() {
        let text = format!("{OURS}&x={}", "x".repeat(MAX_LENGTH));
        assert_eq!(read_at("https://cloud.hostup.se", &text), (None, None));
    }
}
