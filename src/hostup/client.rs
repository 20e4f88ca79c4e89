//! One call, one request, one reply.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use reqwest::{
    Method, RequestBuilder, StatusCode, Url,
    header::{
        ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName,
        HeaderValue, LOCATION,
    },
    redirect, retry,
};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::{
    body::{self, Body, BodyLimits, End},
    decode, fault, headers,
    key::ApiKey,
    poll_url,
    problem::{self, Refusal},
    redact::Redactor,
    trim::TrimLimits,
    url::ApiUrl,
};
use crate::{
    budget::Signals,
    engine::{Answer, Call, Failure, Reply},
};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// VPSes a page: the most that the API gives (HostUp docs, list page).
const PAGE: &str = "100";

/// A header block longer than this is not looked at. (hyper itself gives up at 100 headers, or 400 KiB.)
const MAX_HEADERS: usize = 64 * 1024;

/// Of an error's body.
const MAX_PROBLEM: u64 = 64 * 1024;

/// Of a page, and of the answer to a probe or start.
const MAX_BODY: u64 = 16 * 1024 * 1024;

/// Of the answer to a poll: two streams at the agent's cap of 16 MiB, each byte escaped as `\u00XX`, are 192 MiB.
const MAX_POLL: u64 = 256 * 1024 * 1024;

/// Of JSON values in any answer; a page of 100 VPSes has some 5,000.
const MAX_VALUES: usize = 200_000;

/// How a [`Client`] behaves.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Idle connections kept: as many as there are requests at once.
    pub connections: usize,
    /// How long a connection may be idle before it is dropped. A request on a connection that the server is just
    /// closing is lost, and a start lost so is an unknown outcome. Servers commonly close after 5 s or more.
    pub idle: Duration,
    /// For DNS, proxy, TCP and TLS together. Past it, nothing was sent.
    pub connect: Duration,
    /// For a whole list, probe or start, and for a poll up to its body.
    pub answer: Duration,
    /// For the body of a poll, which may be some 200 MB, and may be the only one that the agent gives.
    pub poll_body: Duration,
    /// Bytes kept of each output stream: half of them from its beginning, half from its end.
    pub stream: usize,
    /// What the requests say they come from.
    pub user_agent: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connections: 32,
            idle: Duration::from_secs(3),
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            poll_body: Duration::from_mins(2),
            stream: 256 * 1024,
            user_agent: concat!("rollcall/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// An answer as it stands on the wire, for [`Client::read`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Names and values, in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
}

/// No client could be made.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up: {0}")]
pub struct ClientError(String);

/// Sends calls to one API with one key.
///
/// It speaks HTTP/1.1, over verified TLS unless the API is on this machine. The key goes into one header of requests
/// to that one origin. Nothing is sent twice, but for what the library never wrote because an idle connection had
/// been closed; no redirect is followed. Proxies are taken from the environment, but never used for this machine.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: ApiUrl,
    key: ApiKey,
    redactor: Redactor,
    options: ClientOptions,
}

impl Client {
    /// Makes a client; nothing is sent.
    ///
    /// # Errors
    /// [`ClientError`] where the system's root certificates cannot be read, or the user agent is no header value.
    pub fn new(url: ApiUrl, key: ApiKey, options: ClientOptions) -> Result<Self, ClientError> {
        super::install_tls();
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .retry(retry::never())
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(options.connect)
            .pool_idle_timeout(options.idle)
            .pool_max_idle_per_host(options.connections)
            .user_agent(options.user_agent.clone());
        if url.is_loopback() {
            // A file or resolver that says otherwise must not send the key, unprotected, to another machine.
            let this_machine = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
            builder = builder.no_proxy().resolve_to_addrs("localhost", &this_machine);
        }
        if !url.is_https() {
            // Root certificates take a while to read, and a machine may have none.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| ClientError(fault::words(error)))?;
        let redactor = key.redactor();
        Ok(Self { http, url, key, redactor, options })
    }

    /// Where it sends its calls.
    pub fn url(&self) -> &ApiUrl {
        &self.url
    }

    /// Sends one call and waits for what comes of it, which takes no longer than its time limits.
    ///
    /// Dropping the future closes the connection; whether the request was received is then unknown.
    pub async fn send(&self, call: &Call) -> Reply {
        let (method, url) = self.target(call);
        // The path alone: headers hold the key, and a query what only the API knows the meaning of.
        let logged = tracing::enabled!(tracing::Level::DEBUG)
            .then(|| (method.clone(), url.path().to_owned(), Instant::now()));
        let (status, reply) = self.exchange(call, method, url).await;
        if let Some((method, path, began)) = logged {
            let ms = began.elapsed().as_millis();
            let failure = match &reply.answer {
                Answer::Failed(failure) => Some(failure_word(failure)),
                _ => None,
            };
            tracing::debug!(%method, path, status, ms, failure, "request done");
        }
        reply
    }

    /// The address to which a call is sent: always one at [`Self::url`], whatever the API said before.
    pub fn address(&self, call: &Call) -> String {
        self.target(call).1.into()
    }

    /// Reads an answer that did not come through [`Self::send`], but was kept or made up: gives what `send` would have.
    ///
    /// A header that HTTP cannot carry counts as missing; a status that it does not know gives `None`.
    ///
    /// ```
    /// use rollcall::{
    ///     engine::{Answer, Call},
    ///     hostup::{ApiKey, Client, ClientOptions, RawAnswer},
    /// };
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let key = ApiKey::from_text("hup_1234")?;
    /// let client = Client::new("http://127.0.0.1:8080".parse()?, key, ClientOptions::default())?;
    /// let kept = RawAnswer { status: 200, body: br#"{"available":true}"#.to_vec(), ..RawAnswer::default() };
    /// let reply = client.read(&Call::Probe { vps: "vps_1".parse()? }, &kept).ok_or("no such status")?;
    /// assert!(matches!(reply.answer, Answer::Probed(said) if said.available));
    /// # Ok(())
    /// # }
    /// ```
    pub fn read(&self, call: &Call, answer: &RawAnswer) -> Option<Reply> {
        let status = StatusCode::from_u16(answer.status).ok()?;
        let headers = answer.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::from_bytes(value).ok()?))
        });
        let headers: HeaderMap = headers.collect();
        if let Some(failure) = too_many(&headers) {
            return Some(self.unanswered(failure));
        }
        let (method, url) = self.target(call);
        let body = body::read_whole(&answer.body, self.limits(call, status));
        Some(self.reply(call, &method, &url, status, &headers, &body))
    }

    fn target(&self, call: &Call) -> (Method, Url) {
        match call {
            Call::List { cursor } => {
                let mut url = self.url.list();
                url.query_pairs_mut()
                    .append_pair("limit", PAGE)
                    .extend_pairs(cursor.iter().map(|cursor| ("cursor", cursor)));
                (Method::GET, url)
            }
            Call::Probe { vps } => (Method::GET, self.url.exec(vps)),
            Call::Start { vps, .. } => (Method::POST, self.url.exec(vps)),
            Call::Poll { vps, pid, url } => {
                let mut ours = self.url.poll(vps, *pid);
                // Checked when it came, and again: since then it may have been stored, and the key goes with it.
                let given = url.as_ref().map(|url| poll_url::read(&self.url, vps, &url.0));
                if let Some(poll_url::ReadPollUrl { pid: Some(named), url: Some(url) }) = given
                    && named == *pid
                    && let Some((_, query)) = url.0.split_once('?')
                    && ours.query() != Some(query)
                {
                    ours.set_query(Some(query));
                }
                (Method::GET, ours)
            }
        }
    }

    /// The request is made, sent and answered, or not.
    async fn exchange(&self, call: &Call, method: Method, url: Url) -> (Option<u16>, Reply) {
        let request = self.request(call, method.clone(), url.clone());
        let deadline = from_now(self.options.answer);
        let mut response = match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return (None, self.unanswered(fault::failure(error))),
            Err(_) => return (None, self.unanswered(late(self.options.answer))),
        };
        let status = response.status();
        if let Some(failure) = too_many(response.headers()) {
            return (Some(status.as_u16()), self.unanswered(failure));
        }
        let deadline = match call {
            Call::Poll { .. } if status.is_success() => from_now(self.options.poll_body),
            _ => deadline,
        };
        let limits = self.limits(call, status);
        let body = body::read(&mut response, limits, deadline).await;
        let reply = self.reply(call, &method, &url, status, response.headers(), &body);
        (Some(status.as_u16()), reply)
    }

    fn request(&self, call: &Call, method: Method, url: Url) -> RequestBuilder {
        let request = self
            .http
            .request(method, url)
            .header(AUTHORIZATION, self.key.authorization())
            .header(ACCEPT, JSON)
            .header(ACCEPT_ENCODING, IDENTITY);
        match call {
            Call::Start { command, .. } => request.json(&json!({ "command": &**command })),
            Call::List { .. } | Call::Probe { .. } | Call::Poll { .. } => request,
        }
    }

    fn unanswered(&self, failure: Failure) -> Reply {
        let failure = match failure {
            Failure::Unsent { message } => Failure::Unsent { message: self.redactor.clean(message) },
            Failure::NoReply { message } => Failure::NoReply { message: self.redactor.clean(message) },
            other => other,
        };
        Reply { signals: Signals::default(), answer: Answer::Failed(failure) }
    }

    /// What an answer says that has come.
    fn reply(
        &self,
        call: &Call,
        method: &Method,
        url: &Url,
        status: StatusCode,
        headers: &HeaderMap,
        body: &Body,
    ) -> Reply {
        let answer = if status.is_success() {
            self.accepted(call, headers, body)
        } else {
            self.refused(format!("{method} {}", url.path()), status, headers, body)
        };
        Reply { signals: headers::signals(status, headers), answer }
    }

    /// 2xx.
    fn accepted(&self, call: &Call, headers: &HeaderMap, body: &Body) -> Answer {
        let encoding = header(headers, &CONTENT_ENCODING).filter(|encoding| encoding != "identity");
        let document = if encoding.is_none() { body.document(&self.redactor) } else { None };
        match (call, document) {
            (Call::Start { vps, .. }, document) => {
                let raw = || self.redactor.clean(body.start());
                Answer::Started(decode::start(document.as_ref(), &self.url, vps, raw))
            }
            (_, None) => Answer::Failed(match &body.end {
                End::TooLarge => Failure::TooLarge,
                End::Cut(message) => Failure::NoReply { message: self.redactor.clean(message.clone()) },
                End::Late => late(match call {
                    Call::Poll { .. } => self.options.poll_body,
                    _ => self.options.answer,
                }),
                End::Short | End::Trimmed(_) => {
                    let content_type = header(headers, &CONTENT_TYPE);
                    unreadable(content_type.as_deref(), encoding.as_deref(), &body.start())
                }
            }),
            (Call::List { .. }, Some(document)) => decode::list(document),
            (Call::Probe { .. }, Some(document)) => decode::probe(&document),
            (Call::Poll { pid, .. }, Some(document)) => decode::poll(&document, *pid),
        }
    }

    /// Not 2xx. The status is the answer, however the body ends.
    fn refused(&self, endpoint: String, status: StatusCode, headers: &HeaderMap, body: &Body) -> Answer {
        let document = body.document(&self.redactor);
        let problem = Refusal {
            status: status.as_u16(),
            endpoint,
            content_type: header(headers, &CONTENT_TYPE).as_deref(),
            location: header(headers, &LOCATION).as_deref(),
            document: document.as_ref(),
            text: &body.start(),
        }
        .problem(&self.redactor);
        Answer::Failed(if status == StatusCode::TOO_MANY_REQUESTS {
            Failure::Throttled(problem)
        } else {
            Failure::Refused(problem)
        })
    }

    fn limits(&self, call: &Call, status: StatusCode) -> BodyLimits {
        let bytes = match call {
            _ if !status.is_success() => MAX_PROBLEM,
            Call::Poll { .. } => MAX_POLL,
            Call::List { .. } | Call::Probe { .. } | Call::Start { .. } => MAX_BODY,
        };
        // Both streams, each byte of them as long as an escape makes it, and a mebibyte for everything else.
        let json = self.options.stream.saturating_mul(2 * 6).saturating_add(1 << 20);
        let json = json.max(usize::try_from(MAX_BODY).unwrap_or(usize::MAX));
        BodyLimits { bytes, kept: TrimLimits { string: self.options.stream, json, values: MAX_VALUES } }
    }
}

/// Where a header block is longer than is looked at.
fn too_many(headers: &HeaderMap) -> Option<Failure> {
    let length: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let message = || format!("its headers are longer than {} KiB", MAX_HEADERS / 1024);
    (length > MAX_HEADERS).then(|| Failure::NoReply { message: message() })
}

fn from_now(limit: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(limit).unwrap_or_else(|| now + Duration::from_hours(8760))
}

fn late(limit: Duration) -> Failure {
    Failure::NoReply { message: format!("no complete answer within {limit:?}") }
}

fn unreadable(content_type: Option<&str>, encoding: Option<&str>, start: &str) -> Failure {
    let message = match (content_type, encoding) {
        (_, Some(encoding)) => format!("not JSON: it is encoded ({encoding}), which was not asked for"),
        _ if start.trim().is_empty() => "not JSON: it is empty".to_owned(),
        _ if problem::is_html(content_type, start) => {
            "not JSON but an HTML page, so something in front of the API answered".to_owned()
        }
        (Some(content_type), None) => format!("not JSON (it says it is {content_type})"),
        (None, None) => "not JSON".to_owned(),
    };
    Failure::Unreadable { message }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.chars().take(1024).collect())
}

fn failure_word(failure: &Failure) -> &'static str {
    match failure {
        Failure::Unsent { .. } => "unsent",
        Failure::NoReply { .. } => "no reply",
        Failure::Throttled(_) => "throttled",
        Failure::Refused(_) => "refused",
        Failure::Unreadable { .. } => "unreadable",
        Failure::TooLarge => "too large",
        Failure::Unrecorded { .. } => "unrecorded",
    }
}

#[cfg(test)]
mod tests;
