//! Answers of the API, read as the client reads them.

use std::sync::LazyLock;

use rollcall::{
    engine::{Answer, Call, Failure, Reply},
    fleet::VpsId,
    hostup::{ApiKey, Client, ClientOptions, RawAnswer},
};

use super::secret;

/// The API key that every answer may try to echo.
pub(super) const KEY: &str = "hup_live/4f9c21+be==";

/// Where the API of [`client`] is.
pub(super) const ORIGIN: &str = "http://127.0.0.1:8080";

/// The VPS that every call is about.
pub(super) fn vps() -> VpsId {
    "vps_1".parse().unwrap()
}

/// A client at `base` that keeps so many bytes of each text.
pub(super) fn client(base: &str, stream: usize) -> Client {
    let options = ClientOptions { stream, ..ClientOptions::default() };
    Client::new(base.parse().unwrap(), ApiKey::from_text(KEY).unwrap(), options).unwrap()
}

/// Keeps nearly everything as it comes.
static ROOMY: LazyLock<Client> = LazyLock::new(|| client(ORIGIN, 1 << 20));

/// Leaves out the middle of all but short texts, and mends while it reads.
static NARROW: LazyLock<Client> = LazyLock::new(|| client(ORIGIN, 48));

/// Reads an answer with a client that keeps everything and with one that keeps little. Neither lets the key through.
pub(super) fn read_twice(call: &Call, answer: &RawAnswer) -> [Reply; 2] {
    [&*ROOMY, &*NARROW].map(|client| {
        let reply = client.read(call, answer).unwrap();
        let told = format!("{reply:?}");
        for form in secret::spellings(KEY) {
            assert!(!told.contains(&form), "{form}: {told}");
        }
        reply
    })
}

/// Reads a body that came with 200.
pub(super) fn read_body_twice(call: &Call, body: &[u8]) -> [Answer; 2] {
    let answer = RawAnswer { status: 200, body: body.to_vec(), ..RawAnswer::default() };
    read_twice(call, &answer).map(|reply| reply.answer)
}

/// A body that is not what was asked for is said to be unreadable, or too large, and nothing else.
pub(super) fn is_unreadable(answer: &Answer) -> bool {
    matches!(answer, Answer::Failed(Failure::Unreadable { .. } | Failure::TooLarge))
}
