//! What it proves that a request brought no answer.

use std::error::Error;

use crate::engine::Failure;

/// Sorts an error of the HTTP library.
///
/// reqwest says `is_connect` if no connection came about: a refused one, DNS, TLS, a proxy's refusal, or its time
/// limit for all of these. Then no byte of the request left. Everything else may have been received: even an error in
/// writing says nothing of the bytes before.
pub(super) fn failure(error: reqwest::Error) -> Failure {
    let unsent = error.is_connect() || error.is_builder();
    let message = words(error);
    if unsent { Failure::Unsent { message } } else { Failure::NoReply { message } }
}

/// The causes of an error in one line, without the library's own "error sending request" and "client error", and
/// without the URL.
pub(super) fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut causes: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        next = cause.source();
        let text = cause.to_string();
        if text.starts_with("client error (") && next.is_some() {
            continue;
        }
        // Some errors repeat their cause in their own words.
        if causes.last().is_some_and(|last| last.ends_with(&text)) {
            continue;
        }
        causes.retain(|last| !text.contains(last.as_str()));
        causes.push(text);
    }
    let words = if causes.is_empty() { error.to_string() } else { causes.join(": ") };
    words.replace(char::is_control, " ")
}
