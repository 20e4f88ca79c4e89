//! Errors as HostUp writes them: RFC 7807 objects, or v1's shape where the `errors` knob says so.
//!
//! Source: HostUp docs, errors index and the pages of its codes.

use axum::http::StatusCode;
use serde::Serialize;

use super::{fleet::push_base32, shape::Errors};

/// An error on its way to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) detail: String,
    /// Where in the request it is wrong, as a JSON pointer or a parameter's name.
    pub(super) pointer: Option<&'static str>,
}

impl Problem {
    /// Makes a problem with this text.
    pub(super) fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), pointer: None }
    }

    /// Makes the 400 for a value that is not valid.
    pub(super) fn invalid(pointer: &'static str, detail: impl Into<String>) -> Self {
        Self { pointer: Some(pointer), ..Self::new(400, "invalid_request", detail) }
    }

    /// Makes the problem that a status stands for, with the documented code where there is one.
    pub(super) fn of_status(status: u16, code: Option<&str>) -> Self {
        let usual = match status {
            400 | 413 | 415 | 422 => "invalid_request",
            401 => "unauthorized",
            403 => "forbidden",
            404 | 410 => "vps_not_found",
            409 => "vps_not_ready",
            429 => "rate_limited",
            502 | 504 => "upstream_failed",
            503 => "upstream_unavailable",
            _ => "internal_error",
        };
        let code = code.unwrap_or(usual);
        Self::new(status, code, format!("The sandbox was told to answer {status} {code}."))
    }

    /// Writes the body. `request` is its number, `timestamp` when it was answered, `path` what it asked for.
    pub(super) fn body(&self, style: Errors, request: u64, timestamp: &str, path: &str) -> Vec<u8> {
        let request_id = request_id(request);
        let title = StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let written = match style {
            Errors::Legacy => serde_json::to_vec(&Legacy {
                error: title.unwrap_or("Error"),
                message: &self.detail,
                code: self.code.to_uppercase(),
                timestamp,
                request_id: &request_id,
            }),
            Errors::Problem | Errors::Json => serde_json::to_vec(&Rfc7807 {
                r#type: format!("https://developer.hostup.se/errors/{}", self.code),
                title: title.unwrap_or("Error"),
                status: self.status,
                detail: &self.detail,
                code: &self.code,
                instance: path,
                request_id: &request_id,
                timestamp,
                errors: self
                    .pointer
                    .map(|pointer| [Place { pointer, detail: &self.detail, code: "invalid" }]),
            }),
        };
        written.unwrap_or_default()
    }
}

/// The id of a request, in the form that HostUp's examples show.
pub(super) fn request_id(number: u64) -> String {
    let mut id = "req_01k0".to_owned();
    push_base32(&mut id, number, 22);
    id
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rfc7807<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    instance: &'a str,
    request_id: &'a str,
    timestamp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[Place<'a>; 1]>,
}

#[derive(Serialize)]
struct Place<'a> {
    pointer: &'a str,
    detail: &'a str,
    code: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Legacy<'a> {
    error: &'a str,
    message: &'a str,
    code: String,
    timestamp: &'a str,
    request_id: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_written_as_documented_and_as_v1_did() {
        let problem = Problem::invalid("/command", "command must not be empty");
        let text =
            |style| String::from_utf8(problem.body(style, 1, "2026-01-01T00:00:00Z", "/api/v2/vps")).unwrap();
        assert_eq!(
            text(Errors::Problem),
            concat!(
                r#"{"type":"https://developer.hostup.se/errors/invalid_request","title":"Bad Request","status":400,"#,
                r#""detail":"command must not be empty","code":"invalid_request","instance":"/api/v2/vps","#,
                r#""requestId":"req_01k00000000000000000000001","timestamp":"2026-01-01T00:00:00Z","#,
                r#""errors":[{"pointer":"/command","detail":"command must not be empty","code":"invalid"}]}"#
            )
        );
        assert!(text(Errors::Legacy).starts_with(
            r#"{"error":"Bad Request","message":"command must not be empty","code":"INVALID_REQUEST","#
        ));
    }
}
