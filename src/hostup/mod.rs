//! HostUp's v2 API: the wire format and the client.
//!
//! A [`Client`] turns one [`Call`](crate::engine::Call) into one HTTP request, and whatever comes back into one
//! [`Reply`](crate::engine::Reply): facts about the budget, and what kind of answer or failure it was. It sends
//! once, follows nothing, remembers nothing.
//!
//! Kept out: whether a call may be made again (`engine/`), when it may leave (`budget/`), and who waits for it
//! (`runner/`). Nothing outside this room knows a header, a path or a field name of the API.

mod body;
mod client;
mod decode;
mod document;
mod fault;
mod headers;
mod key;
mod poll_url;
mod problem;
mod redact;
mod trim;
mod url;

pub use client::{Client, ClientError, ClientOptions, RawAnswer};
pub use key::{ApiKey, InvalidApiKey};
pub use url::{ApiUrl, InvalidApiUrl};

/// Chooses ring as the TLS library of this process. Any number of calls do what one does.
///
/// [`Client::new`] calls it; a program that makes other TLS connections first calls it itself.
pub fn install_tls() {
    // An error means that one is installed already, be it by an earlier call or by the program around us.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
