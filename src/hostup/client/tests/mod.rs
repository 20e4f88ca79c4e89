//! The client against a server that misbehaves to order.

mod addresses;
mod environment;
mod server;
mod sizes;

use std::{future::Future, sync::Arc};

use server::{Script, Server, answer, json};
use tokio::net::TcpListener;

use super::*;
use crate::engine::{Availability, Page, Pid, PollAnswer, PollUrl, Problem, Started};

const KEY: &str = "hup_live_4f9c21/+";

fn client_with(base: &str, options: ClientOptions) -> Client {
    Client::new(base.parse().unwrap(), ApiKey::from_text(KEY).unwrap(), options).unwrap()
}

fn client(server: &Server) -> Client {
    client_with(&format!("http://127.0.0.1:{}", server.port), ClientOptions::default())
}

/// A client that soon runs out of patience.
fn impatient(server: &Server) -> Client {
    let soon = Duration::from_secs(1);
    let options = ClientOptions { answer: soon, poll_body: soon, ..ClientOptions::default() };
    client_with(&format!("http://127.0.0.1:{}", server.port), options)
}

fn list() -> Call {
    Call::List { cursor: None }
}

fn probe() -> Call {
    Call::Probe { vps: "vps_1".parse().unwrap() }
}

fn start(command: &str) -> Call {
    Call::Start { vps: "vps_1".parse().unwrap(), command: Arc::from(command) }
}

fn poll(url: Option<&str>) -> Call {
    let url = url.map(|url| PollUrl(url.to_owned()));
    Call::Poll { vps: "vps_1".parse().unwrap(), pid: Pid::new(5).unwrap(), url }
}

async fn failure(send: impl Future<Output = Reply>) -> Failure {
    match send.await.answer {
        Answer::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

async fn problem(send: impl Future<Output = Reply>) -> Problem {
    match failure(send).await {
        Failure::Refused(problem) | Failure::Throttled(problem) => problem,
        other => panic!("{other:?}"),
    }
}

fn started(reply: Reply) -> Started {
    match reply.answer {
        Answer::Started(started) => started,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_call_is_one_documented_request() {
    let answers =
        [r#"{"data":[]}"#, r#"{"available":true}"#, r#"{"pid":5}"#, r#"{"exited":false}"#].map(json);
    let server = Server::play([Script::Answers(answers.into())]).await;
    let client = client(&server);
    let first = Call::List { cursor: Some("a b&c=1".to_owned()) };
    assert_eq!(client.send(&first).await.answer, Answer::Listed(Page::default()));
    let available = Availability { available: true, reason: None };
    assert_eq!(client.send(&probe()).await.answer, Answer::Probed(available));
    assert_eq!(started(client.send(&start("printf '%s\\n' \"å\"")).await).pid, Pid::new(5));
    assert_eq!(client.send(&poll(None)).await.answer, Answer::Polled(PollAnswer::Running));

    let requests = server.requests();
    let lines: Vec<&str> = requests.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "GET /api/v2/vps?limit=100&cursor=a+b%26c%3D1 HTTP/1.1",
            "GET /api/v2/vps/vps_1/agent/exec HTTP/1.1",
            "POST /api/v2/vps/vps_1/agent/exec HTTP/1.1",
            "GET /api/v2/vps/vps_1/agent/exec?pid=5 HTTP/1.1",
        ]
    );
    for request in &requests {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let mut headers: Vec<&str> = head.lines().skip(1).collect();
        headers.sort_unstable();
        let host = format!("host: 127.0.0.1:{}", server.port);
        let mut expected = vec![
            "accept: application/json",
            "accept-encoding: identity",
            "authorization: Bearer hup_live_4f9c21/+",
            &host,
            concat!("user-agent: rollcall/", env!("CARGO_PKG_VERSION")),
        ];
        if request.starts_with("POST") {
            expected.extend(["content-length: 35", "content-type: application/json"]);
            assert_eq!(body, r#"{"command":"printf '%s\\n' \"å\""}"#);
        }
        expected.sort_unstable();
        assert_eq!(headers, expected);
    }
    // The server keeps connections open, so they are used again.
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn s10_a_poll_goes_to_the_url_of_the_start_if_it_is_ours() {
    let server = Server::play([Script::Answers(vec![json("{}"); 4])]).await;
    let client = client(&server);
    for url in [
        "/api/v2/vps/vps_1/agent/exec?pid=5&wait=1",
        "@evil.example/api/v2/vps/vps_1/agent/exec?pid=5",
        "/api/v2/vps/vps_1/agent/exec?pid=6",
        "//evil.example/api/v2/vps/vps_1/agent/exec?pid=5&wait=1",
    ] {
        client.send(&poll(Some(url))).await;
    }
    let requests = server.requests();
    let asked: Vec<_> = requests.iter().map(|request| request.split(' ').nth(1).unwrap()).collect();
    let (given, built) = ("/api/v2/vps/vps_1/agent/exec?pid=5&wait=1", "/api/v2/vps/vps_1/agent/exec?pid=5");
    assert_eq!(asked, [given, built, built, built]);
}

#[tokio::test]
async fn s4_a_refused_connection_is_unsent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    drop(listener);
    let client = client_with(&base, ClientOptions::default());
    let Failure::Unsent { message } = failure(client.send(&start("true"))).await else {
        panic!("it was sent");
    };
    assert!(message.contains("refused") && !message.contains("api/v2"), "{message}");
}

#[tokio::test]
async fn s4_n9_a_failed_tls_handshake_is_unsent() {
    let server = Server::play([Script::Close]).await;
    let client = client_with(&format!("https://127.0.0.1:{}", server.port), ClientOptions::default());
    let failure = failure(client.send(&start("true"))).await;
    assert!(matches!(failure, Failure::Unsent { .. }), "{failure:?}");
    assert_eq!((server.requests().len(), server.connections()), (0, 1));
}

#[tokio::test]
async fn s4_a_connection_not_made_in_time_is_unsent() {
    // Connections wait in the kernel; nobody takes them, so that the TLS handshake goes unanswered.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let options = ClientOptions { connect: Duration::from_millis(100), ..ClientOptions::default() };
    let failure = failure(client_with(&base, options).send(&start("true"))).await;
    assert!(matches!(failure, Failure::Unsent { .. }), "{failure:?}");
}

#[tokio::test]
async fn s5_a_start_whose_answer_is_lost_may_have_been_received_and_is_not_sent_again() {
    let server = Server::play([Script::Close, Script::Answers(vec![json(r#"{"pid":5}"#)])]).await;
    let failure = failure(client(&server).send(&start("true"))).await;
    assert!(matches!(failure, Failure::NoReply { .. }), "{failure:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn s5_a_start_lost_on_an_idle_connection_is_not_sent_again_either() {
    // The connection is used once, and closed when the second request has been read.
    let first = Script::Answers(vec![json(r#"{"available":true}"#), Vec::new()]);
    let server = Server::play([first, Script::Answers(vec![json(r#"{"pid":5}"#)])]).await;
    let client = client(&server);
    client.send(&probe()).await;
    let failure = failure(client.send(&start("true"))).await;
    assert!(matches!(failure, Failure::NoReply { .. }), "{failure:?}");
    assert_eq!((server.requests().len(), server.connections()), (2, 1));
}

#[tokio::test]
async fn a_connection_idle_for_too_long_is_not_used_again() {
    let one = || Script::Answers(vec![json(r#"{"available":true}"#), json(r#"{"pid":5}"#)]);
    let server = Server::play([one(), one()]).await;
    let options = ClientOptions { idle: Duration::ZERO, ..ClientOptions::default() };
    let client = client_with(&format!("http://127.0.0.1:{}", server.port), options);
    client.send(&probe()).await;
    client.send(&probe()).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn s6_no_answer_in_time_is_no_reply() {
    let server = Server::play([Script::Silence]).await;
    let failure = failure(impatient(&server).send(&start("true"))).await;
    assert_eq!(failure, Failure::NoReply { message: "no complete answer within 1s".to_owned() });
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn n3_a_body_that_does_not_end_in_time_is_no_reply() {
    let unfinished =
        || Script::Unfinished(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"exited\":".to_vec());
    let server = Server::play([unfinished(), unfinished()]).await;
    for call in [list(), poll(None)] {
        let failure = failure(impatient(&server).send(&call)).await;
        assert_eq!(failure, Failure::NoReply { message: "no complete answer within 1s".to_owned() });
    }
}

#[tokio::test]
async fn a_cut_body_is_no_reply() {
    for cut in ["Content-Length: 20\r\n\r\n{\"exited\":true", "Transfer-Encoding: chunked\r\n\r\n4\r\n{\"ex"]
    {
        let server = Server::answer(format!("HTTP/1.1 200 OK\r\n{cut}")).await;
        let failure = failure(client(&server).send(&poll(None))).await;
        assert!(matches!(failure, Failure::NoReply { .. }), "{failure:?}");
    }
}

#[tokio::test]
async fn s8_a_start_answered_2xx_has_started_however_the_body_ends() {
    let head = "HTTP/1.1 202 Accepted\r\n";
    for (script, raw) in [
        (Script::Answers(vec![format!("{head}Content-Length: 20\r\n\r\n{{\"pid\":5").into()]), "{\"pid\":5"),
        (Script::Unfinished(format!("{head}Content-Length: 20\r\n\r\n{{\"pid\":5").into()), "{\"pid\":5"),
        (Script::Answers(vec![answer("204 No Content", "", "")]), ""),
        (
            Script::Answers(vec![answer("200 OK", "", "<html>hup_live_4f9c21/+</html>")]),
            "<html>[redacted]</html>",
        ),
        (Script::Answers(vec![answer("200 OK", "Content-Encoding: x\r\n", "{\"pid\":5}")]), "{\"pid\":5}"),
        (Script::Answers(vec![answer("201 Created", "", r#"{"success":false}"#)]), r#"{"success":false}"#),
    ] {
        let server = Server::play([script]).await;
        let started = started(impatient(&server).send(&start("true")).await);
        assert_eq!((started.pid, started.raw.as_deref()), (None, Some(raw)));
    }
    let server = Server::answer(format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n4\r\n{{\"pi\r\n5\r\nd\":5}}\r\n0\r\n\r\n"
    ))
    .await;
    assert_eq!(started(client(&server).send(&start("true")).await).pid, Pid::new(5));
}

#[tokio::test]
async fn s3_a_refusal_says_why() {
    let body = include_str!("../../../../tests/fixtures/api/problem.json");
    let server = Server::answer(answer("422 Unprocessable Entity", "", body)).await;
    let Failure::Refused(problem) = failure(client(&server).send(&start("true"))).await else {
        panic!("it was not refused");
    };
    assert_eq!((problem.status, problem.code.as_deref()), (422, Some("invalid_request")));
    assert_eq!(problem.endpoint, "POST /api/v2/vps/vps_1/agent/exec");
}

#[tokio::test]
async fn s7_the_status_of_a_refusal_stands_without_a_body() {
    for script in [
        Script::Answers(vec![answer("503 Service Unavailable", "", "")]),
        Script::Answers(vec![b"HTTP/1.1 503 X\r\nContent-Length: 99\r\n\r\n{\"title\":".to_vec()]),
        Script::Unfinished(b"HTTP/1.1 503 X\r\nContent-Length: 99\r\n\r\n".to_vec()),
    ] {
        let server = Server::play([script]).await;
        let problem = problem(impatient(&server).send(&start("true"))).await;
        let endpoint = "POST /api/v2/vps/vps_1/agent/exec".to_owned();
        assert_eq!(problem, Problem { status: 503, endpoint, ..Problem::default() });
    }
}

#[tokio::test]
async fn s15_a_429_is_one_whatever_its_body() {
    let server = Server::answer(answer("429 Slow", "Retry-After: 2\r\n", "<html>slow</html>")).await;
    let reply = client(&server).send(&start("true")).await;
    assert!(reply.signals.throttled && reply.signals.retry_after.is_some());
    let Answer::Failed(Failure::Throttled(problem)) = reply.answer else { panic!("{:?}", reply.answer) };
    assert!(problem.html);
}

#[tokio::test]
async fn n7_a_redirect_is_not_followed() {
    let elsewhere = Server::play([]).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = format!("Location: http://127.0.0.1:{}/\r\n", elsewhere.port);
        let server = Server::answer(answer(status, &location, "")).await;
        let problem = problem(client(&server).send(&list())).await;
        assert!(status.starts_with(&problem.status.to_string()));
        assert!(problem.detail.unwrap().contains(&elsewhere.port.to_string()));
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn i7_what_is_not_json_is_unreadable_and_says_what_it_is() {
    for (headers, body, words) in [
        ("Content-Type: text/html\r\n", "<html>log in</html>", "HTML"),
        ("", "", "empty"),
        ("Content-Type: text/plain\r\n", "hello", "text/plain"),
        ("Content-Encoding: gzip\r\n", "{\"data\":[]}", "gzip"),
        ("", "{}", "`data`"),
    ] {
        let server = Server::answer(answer("200 OK", headers, body)).await;
        let Failure::Unreadable { message } = failure(client(&server).send(&list())).await else {
            panic!("{body} was read");
        };
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_no_reply() {
    for noise in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 200 OK\r\nNo Colon\r\n\r\n"] {
        let server = Server::answer(noise).await;
        let failure = failure(client(&server).send(&list())).await;
        assert!(matches!(failure, Failure::NoReply { .. }), "{noise}: {failure:?}");
    }
}
