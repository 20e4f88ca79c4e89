//! Where the API is, and which places rollcall refuses to send a key to.

use std::{fmt, net::IpAddr, str::FromStr};

use reqwest::Url;

use crate::{engine::Pid, fleet::VpsId};

/// HostUp's own address (HostUp docs, post-exec page).
const DEFAULT: &str = "https://cloud.hostup.se";

/// The base URL of the API, to which `/api/v2/…` is added.
///
/// It is `https`, or `http` to this machine; it has no user name, query or fragment. It may have a path, for an API
/// behind a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl(Url);

/// A URL that is not used as the API's. The text itself is never repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiUrl {
    /// Not an absolute `http` or `https` URL.
    #[error("not an address of an API: write it as https://HOST, https://HOST:PORT or https://HOST/PREFIX")]
    NotHttp,
    /// Plain `http` to another machine.
    #[error(
        "http:// would carry the API key to `{host}` unprotected: use https:// \
         (http:// is for 127.0.0.0/8, [::1] and localhost)"
    )]
    Plain {
        /// The host named.
        host: String,
    },
    /// `https://user:password@…`.
    #[error("the address holds a user name or password: leave out everything up to the `@`")]
    UserInfo,
    /// `…?…`.
    #[error("the address holds a query: leave out everything from the `?`")]
    Query,
    /// `…#…`.
    #[error("the address holds a fragment: leave out everything from the `#`")]
    Fragment,
}

impl ApiUrl {
    /// Whether it is on this machine, by a literal address or as `localhost`.
    pub(super) fn is_loopback(&self) -> bool {
        self.0.host_str().is_some_and(is_loopback)
    }

    /// Whether the requests go over TLS.
    pub(super) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The listing: `/api/v2/vps`.
    pub(super) fn list(&self) -> Url {
        self.at("/api/v2/vps", None)
    }

    /// Commands on a VPS: `/api/v2/vps/{id}/agent/exec`.
    pub(super) fn exec(&self, vps: &VpsId) -> Url {
        self.at(&exec_path(vps), None)
    }

    /// A poll, as rollcall builds it.
    pub(super) fn poll(&self, vps: &VpsId, pid: Pid) -> Url {
        self.at(&exec_path(vps), Some(&format!("pid={pid}")))
    }

    /// A URL below the base. Neither argument can change the origin.
    pub(super) fn at(&self, path: &str, query: Option<&str>) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.prefix()));
        url.set_query(query);
        url
    }

    /// Whether another URL has this one's scheme, host and port, and no user name.
    pub(super) fn is_origin_of(&self, other: &Url) -> bool {
        self.0.scheme() == other.scheme()
            && self.0.host_str() == other.host_str()
            && self.0.port_or_known_default() == other.port_or_known_default()
            && other.username().is_empty()
            && other.password().is_none()
    }

    /// The base's own path, without a slash at its end.
    pub(super) fn prefix(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }
}

/// The path of commands on a VPS, without the base's own path. An id needs no escaping: see [`VpsId`].
pub(super) fn exec_path(vps: &VpsId) -> String {
    format!("/api/v2/vps/{vps}/agent/exec")
}

impl Default for ApiUrl {
    fn default() -> Self {
        Self(Url::parse(DEFAULT).expect("a constant that a test parses"))
    }
}

impl FromStr for ApiUrl {
    type Err = InvalidApiUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| InvalidApiUrl::NotHttp)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidApiUrl::NotHttp);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidApiUrl::UserInfo);
        }
        if url.query().is_some() {
            return Err(InvalidApiUrl::Query);
        }
        if url.fragment().is_some() {
            return Err(InvalidApiUrl::Fragment);
        }
        let host = url.host_str().ok_or(InvalidApiUrl::NotHttp)?;
        if url.scheme() == "http" && !is_loopback(host) {
            return Err(InvalidApiUrl::Plain { host: host.to_owned() });
        }
        Ok(Self(url))
    }
}

impl fmt::Display for ApiUrl {
    /// Without a slash at the end.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// The host is in the form that URL parsing gives it: lower case, `2130706433` as 127.0.0.1, IPv6 in brackets.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ApiUrl, InvalidApiUrl> {
        text.parse()
    }

    #[test]
    fn the_default_is_hostup_over_https() {
        assert_eq!(ApiUrl::default().to_string(), "https://cloud.hostup.se");
        assert_eq!(parse("https://cloud.hostup.se/"), Ok(ApiUrl::default()));
    }

    #[test]
    fn c4_plain_http_goes_to_this_machine_only() {
        for text in [
            "http://127.0.0.1:8080",
            "http://127.1.2.3",
            "http://2130706433/",
            "http://[::1]:80",
            "http://LOCALHOST:9",
        ] {
            assert!(parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in [
            "http://cloud.hostup.se",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "http://localhost.",
            "http://a.localhost",
            "http://0.0.0.0",
            "http://[::ffff:127.0.0.1]",
            "http://[::]",
            "http://128.0.0.1",
        ] {
            assert!(matches!(parse(text), Err(InvalidApiUrl::Plain { .. })), "{text}");
        }
        assert!(!parse("https://192.0.2.1").unwrap().is_loopback());
    }

    #[test]
    fn c5_userinfo_query_and_fragment_are_refused_and_not_repeated() {
        for (text, expected) in [
            ("https://hunter2@cloud.hostup.se", InvalidApiUrl::UserInfo),
            ("https://me:hunter2@cloud.hostup.se", InvalidApiUrl::UserInfo),
            ("http://:hunter2@127.0.0.1", InvalidApiUrl::UserInfo),
            ("https://cloud.hostup.se?key=hunter2", InvalidApiUrl::Query),
            ("https://cloud.hostup.se/#hunter2", InvalidApiUrl::Fragment),
            ("https://me:hunter2@bad host", InvalidApiUrl::NotHttp),
            ("me:hunter2@cloud.hostup.se", InvalidApiUrl::NotHttp),
            ("ftp://hunter2@cloud.hostup.se", InvalidApiUrl::NotHttp),
            ("cloud.hostup.se", InvalidApiUrl::NotHttp),
            ("localhost:8080", InvalidApiUrl::NotHttp),
            ("", InvalidApiUrl::NotHttp),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_path_prefix_is_kept_before_every_path() {
        let vps: VpsId = "vps_1".parse().unwrap();
        for text in ["https://gateway.example/hostup", "https://gateway.example/hostup/"] {
            let url = parse(text).unwrap();
            assert_eq!(url.to_string(), "https://gateway.example/hostup");
            assert_eq!(url.list().as_str(), "https://gateway.example/hostup/api/v2/vps");
            let poll = url.poll(&vps, Pid::new(7).unwrap());
            assert_eq!(poll.as_str(), "https://gateway.example/hostup/api/v2/vps/vps_1/agent/exec?pid=7");
        }
    }

    #[test]
    fn no_path_or_query_leads_to_another_origin() {
        let base = ApiUrl::default();
        for path in ["//evil.example/", "@evil.example/", "/\\evil.example", ":80@evil.example", "/../../x"] {
            assert!(base.is_origin_of(&base.at(path, Some("a@b#c"))), "{path}");
        }
    }
}
