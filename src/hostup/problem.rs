//! What an answer that is not 2xx says about itself.
//!
//! HostUp sends RFC 9457 problems (HostUp docs, errors pages), its v1 shape may show through, and proxies in front of
//! it send HTML or nothing. The HTTP status decides alone; a body only adds words.

use serde_json::{Map, Value};

use super::{document::Document, redact::Redactor};
use crate::engine::Problem;

/// Characters kept of each text: a message is for a line or two.
const MAX_TEXT: usize = 500;

/// Rejected fields told about.
const MAX_ERRORS: usize = 3;

/// A body that did not turn out to be 2xx, as far as it was read.
pub(super) struct Refusal<'a> {
    /// The HTTP status.
    pub(super) status: u16,
    /// The method and path asked.
    pub(super) endpoint: String,
    /// `Content-Type`.
    pub(super) content_type: Option<&'a str>,
    /// `Location`, of a redirect.
    pub(super) location: Option<&'a str>,
    /// The body as JSON, if it is that.
    pub(super) document: Option<&'a Document>,
    /// The body as text.
    pub(super) text: &'a str,
}

impl Refusal<'_> {
    /// Puts together what is known.
    pub(super) fn problem(&self, redactor: &Redactor) -> Problem {
        let mut problem = Problem {
            status: self.status,
            endpoint: self.endpoint.clone(),
            html: is_html(self.content_type, self.text),
            ..Problem::default()
        };
        if let Some(Value::Object(fields)) = self.document.map(|document| &document.value) {
            problem.code = text(fields, &["code"]);
            problem.title = text(fields, &["title", "error"]);
            problem.detail = with_rejected_fields(text(fields, &["detail", "message"]), fields);
            problem.request_id = text(fields, &["requestId", "request_id"]);
        } else if !problem.html {
            problem.detail = plain_text(self.text).map(|line| redactor.clean(line));
        }
        if let (300..=399, Some(location)) = (self.status, self.location) {
            let location = shortened(&redactor.clean(location.to_owned()));
            problem
                .detail
                .get_or_insert_with(|| format!("it redirects to {location}, which is not followed"));
        }
        problem
    }
}

/// Whether a page for people came where JSON was asked for.
pub(super) fn is_html(content_type: Option<&str>, body: &str) -> bool {
    let typed = content_type.is_some_and(|name| name.to_ascii_lowercase().contains("html"));
    typed || body.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('<')
}

/// The first of these fields that has text.
fn text(fields: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match fields.get(*name)? {
        Value::String(text) if !text.trim().is_empty() => Some(shortened(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// Adds what is wrong with which field (HostUp docs, errors pages: `errors[]` of `invalid_request`).
fn with_rejected_fields(detail: Option<String>, fields: &Map<String, Value>) -> Option<String> {
    let rejected: Vec<String> = fields
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter_map(|error| match (text(error, &["pointer"]), text(error, &["detail", "message", "code"])) {
            (Some(pointer), Some(detail)) => Some(format!("{pointer}: {detail}")),
            (pointer, detail) => detail.or(pointer),
        })
        .take(MAX_ERRORS)
        .collect();
    if rejected.is_empty() {
        return detail;
    }
    let rejected = rejected.join("; ");
    Some(detail.map_or(rejected.clone(), |detail| format!("{detail} ({rejected})")))
}

/// The first line of a body that is neither HTML nor (perhaps cut) JSON.
fn plain_text(body: &str) -> Option<String> {
    let line = body.trim_start().lines().next()?.trim_end();
    if line.is_empty() || line.starts_with(['{', '[', '"']) { None } else { Some(shortened(line)) }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostup::decode::document;

    fn problem_of(
        status: u16,
        content_type: Option<&str>,
        text: &str,
        document: Option<&Document>,
    ) -> Problem {
        let endpoint = "GET /api/v2/vps".to_owned();
        let redactor = Redactor::new("hup_live_4f9c21");
        Refusal { status, endpoint, content_type, location: None, document, text }.problem(&redactor)
    }

    #[test]
    fn a_documented_problem_is_read_with_its_rejected_fields() {
        let json = include_str!("../../tests/fixtures/api/problem.json");
        let problem = problem_of(400, None, json, Some(&document(json)));
        assert_eq!(
            problem,
            Problem {
                status: 400,
                code: Some("invalid_request".to_owned()),
                title: Some("Invalid request".to_owned()),
                detail: Some(
                    "The request body is not valid. (/command: must have at most 4096 characters)".to_owned()
                ),
                request_id: Some("req_01jz0000000000000000000004".to_owned()),
                html: false,
                endpoint: "GET /api/v2/vps".to_owned(),
            }
        );
    }

    #[test]
    fn s3_the_legacy_shape_is_read() {
        let json = include_str!("../../tests/fixtures/api/problem_legacy.json");
        let problem = problem_of(400, None, json, Some(&document(json)));
        assert_eq!(problem.code.as_deref(), Some("BAD_REQUEST"));
        assert_eq!(problem.title.as_deref(), Some("Bad Request"));
        assert_eq!(problem.detail.as_deref(), Some("This command has been blocked for safety reasons"));
        assert_eq!(problem.request_id.as_deref(), Some("req_01jz0000000000000000000005"));
    }

    #[test]
    fn the_http_status_wins_over_that_of_the_body() {
        let json = r#"{"status":500,"code":404,"title":"  ","detail":["no text"]}"#;
        let problem = problem_of(404, None, json, Some(&document(json)));
        assert_eq!((problem.status, problem.code.as_deref()), (404, Some("404")));
        assert_eq!((problem.title, problem.detail), (None, None));
    }

    #[test]
    fn html_is_known_by_its_type_or_its_first_character() {
        for (content_type, body, html) in [
            (Some("text/html; charset=utf-8"), "", true),
            (Some("Text/HTML"), "sorry", true),
            (None, "\r\n <!DOCTYPE html>", true),
            (Some("application/json"), "<html>", true),
            (Some("application/json"), "{}", false),
            (None, "", false),
        ] {
            let problem = problem_of(403, content_type, body, None);
            assert_eq!(problem.html, html, "{content_type:?} {body}");
            assert_eq!(problem.detail, None);
        }
    }

    #[test]
    fn a_plain_text_is_the_detail_and_a_cut_one_is_nothing() {
        for (body, detail) in [
            ("upstream connect error\nmore", Some("upstream connect error")),
            ("", None),
            (" \n", None),
            (r#"{"title":"cut he"#, None),
        ] {
            assert_eq!(problem_of(502, None, body, None).detail.as_deref(), detail, "{body}");
        }
    }

    #[test]
    fn texts_are_short_and_without_the_key() {
        let detail = problem_of(401, None, "bad key hup_live_4f9c21", None).detail;
        assert_eq!(detail.as_deref(), Some("bad key [redacted]"));
        let detail = problem_of(500, None, &"å".repeat(10_000), None).detail.unwrap();
        assert_eq!(detail.chars().count(), MAX_TEXT + 1);
    }

    #[test]
    fn n7_a_redirect_says_where_it_leads() {
        let refusal = Refusal {
            status: 302,
            endpoint: "GET /api/v2/vps".to_owned(),
            content_type: None,
            location: Some("https://elsewhere.example/?key=hup_live_4f9c21"),
            document: None,
            text: "",
        };
        let detail = refusal.problem(&Redactor::new("hup_live_4f9c21")).detail;
        let expected = "it redirects to https://elsewhere.example/?key=[redacted], which is not followed";
        assert_eq!(detail.as_deref(), Some(expected));
    }
}
