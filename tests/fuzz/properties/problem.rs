//! What an answer that is not 2xx says about itself, from any body.

use rollcall::{
    engine::{Answer, Call, Failure, Problem},
    hostup::RawAnswer,
};

use super::{api, input::Input};

/// Statuses with rules of their own, and some without.
const STATUSES: [u16; 13] = [302, 400, 401, 403, 404, 408, 409, 410, 413, 429, 500, 503, 599];

/// **Property.** The status alone decides; the words are few, whoever sent them, and without the key.
pub fn holds(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let status = input.choose(&STATUSES);
    let call = match input.number() % 3 {
        0 => Call::List { cursor: None },
        1 => Call::Probe { vps: api::vps() },
        _ => Call::Start { vps: api::vps(), command: "uptime".into() },
    };
    let headers = [("content-type", input.bytes()), ("location", input.bytes())];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_vec())).to_vec();
    let body = input.bytes().to_vec();
    for reply in api::read_twice(&call, &RawAnswer { status, headers, body }) {
        let problem = match &reply.answer {
            Answer::Failed(Failure::Throttled(problem)) if status == 429 => problem,
            Answer::Failed(Failure::Refused(problem)) if status != 429 => problem,
            other => panic!("{status}: {other:?}"),
        };
        assert_eq!((problem.status, reply.signals.throttled), (status, status == 429));
        let Problem { code, title, detail, request_id, .. } = problem;
        for text in [code, title, detail, request_id].into_iter().flatten() {
            // A sentence, three rejected fields with their places, and what joins them; a key may have been taken out.
            assert!(text.chars().count() < 7 * 520, "{} characters", text.chars().count());
        }
    }
}
