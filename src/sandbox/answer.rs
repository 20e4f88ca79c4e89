//! An answer on its way out, and the ways in which a fault lets it leave.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER},
    },
    response::Response,
};
use futures::{StreamExt as _, stream};
use tokio::time::sleep;

use super::faults::Fault;

pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
pub(super) const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
pub(super) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Status, headers and body, not yet sent.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// How an answer leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    Whole,
    Late(Duration),
    /// Not at all: the connection is reset.
    Reset,
    /// Not at all, and the client is left waiting.
    Never,
    /// Half of it, then the connection is closed.
    CutOff,
    /// One byte each time this long has passed.
    Trickling(Duration),
}

impl Answer {
    /// Makes an answer; a status that HTTP does not have becomes 500.
    pub(super) fn new(status: u16, content_type: HeaderValue, body: impl Into<Vec<u8>>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(CONTENT_TYPE, content_type);
        Self { status, headers, body: body.into() }
    }

    /// What a fault puts in place of the API's own answer, unless that is a problem or nothing.
    pub(super) fn in_place(fault: &Fault) -> Option<Self> {
        match fault {
            Fault::Html { status } => {
                let title = StatusCode::from_u16(*status)
                    .ok()
                    .and_then(|status| status.canonical_reason())
                    .unwrap_or("");
                let page = format!(
                    "<html><head><title>{status} {title}</title></head><body><h1>{status} {title}</h1></body></html>\n"
                );
                Some(Self::new(*status, HTML, page))
            }
            Fault::Redirect { to } => {
                let mut answer = Self::new(302, HTML, "");
                answer.headers.extend(HeaderValue::from_str(to).ok().map(|to| (LOCATION, to)));
                Some(answer)
            }
            Fault::Reply { status, body } => Some(Self::new(*status, JSON, body.as_str())),
            _ => None,
        }
    }

    /// The seconds that its `Retry-After` gives, if it gives seconds.
    pub(super) fn retry_after(&self) -> Option<u64> {
        self.headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
    }

    /// Makes it axum's, with a body that leaves as it should.
    pub(super) fn depart(mut self, departure: Departure) -> Response {
        let body = match departure {
            Departure::CutOff => {
                self.headers.insert(CONTENT_LENGTH, self.body.len().into());
                cut_off(self.body)
            }
            Departure::Trickling(gap) => {
                self.headers.insert(CONTENT_LENGTH, self.body.len().into());
                trickling(self.body, gap)
            }
            _ => Body::from(self.body),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

impl Departure {
    /// How the answer to a request with this fault leaves.
    pub(super) fn of(fault: &Fault) -> Self {
        match fault {
            Fault::Reset => Self::Reset,
            Fault::Hang => Self::Never,
            Fault::Delay(delay) => Self::Late(*delay),
            Fault::Truncate => Self::CutOff,
            Fault::Trickle(gap) => Self::Trickling(*gap),
            _ => Self::Whole,
        }
    }

    /// Whether a client gets at least a status.
    pub(super) fn is_answer(self) -> bool {
        !matches!(self, Self::Reset | Self::Never)
    }
}

fn cut_off(mut body: Vec<u8>) -> Body {
    body.truncate(body.len() / 2);
    let half = stream::once(async { Ok(Bytes::from(body)) });
    let end = stream::once(async {
        // hyper sends what it has when it must wait for more, and drops it when more turns out an error.
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    Body::from_stream(half.chain(end))
}

fn trickling(body: Vec<u8>, gap: Duration) -> Body {
    Body::from_stream(stream::unfold(Bytes::from(body), move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        sleep(gap).await;
        let next = rest.split_to(1);
        Some((Ok::<_, std::io::Error>(next), rest))
    }))
}
