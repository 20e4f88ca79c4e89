//! Answers that are too long in every way.

use super::*;

fn chunked(body: &str) -> Vec<u8> {
    format!("{:x}\r\n{body}\r\n", body.len()).into_bytes()
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn n4_endless_headers_are_no_reply() {
    for more in ["X-More: 1\r\n".repeat(100), "x".repeat(4096)] {
        let server = Server::play([Script::Endless(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), more.into())]).await;
        let failure = failure(client(&server).send(&list())).await;
        assert!(matches!(failure, Failure::NoReply { .. }), "{failure:?}");
    }
}

#[tokio::test]
async fn n4_few_but_long_headers_are_no_reply() {
    let header = format!("X-Long: {}\r\n", "x".repeat(40_000));
    let server = Server::answer(answer("200 OK", &header, r#"{"data":[]}"#)).await;
    assert_eq!(client(&server).send(&list()).await.answer, Answer::Listed(Page::default()));
    let server = Server::answer(answer("200 OK", &header.repeat(2), r#"{"data":[]}"#)).await;
    let failure = failure(client(&server).send(&list())).await;
    assert_eq!(failure, Failure::NoReply { message: "its headers are longer than 64 KiB".to_owned() });
}

#[tokio::test]
async fn i10_a_page_past_the_cap_is_dropped() {
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n".to_vec();
    let endless = [CHUNKED.as_bytes(), &chunked(r#"{"data":[],"more":""#)].concat();
    let long_string = chunked(&"x".repeat(1 << 16));
    for script in [Script::Unfinished(announced), Script::Endless(endless, long_string)] {
        let server = Server::play([script]).await;
        assert_eq!(failure(client(&server).send(&list())).await, Failure::TooLarge);
    }
}

#[tokio::test]
async fn a_body_of_many_small_values_is_dropped_long_before_the_cap() {
    let begin = [CHUNKED.as_bytes(), &chunked(r#"{"data":[0"#)].concat();
    let server = Server::play([Script::Endless(begin, chunked(&",0".repeat(1 << 12)))]).await;
    assert_eq!(failure(client(&server).send(&list())).await, Failure::TooLarge);
}

#[tokio::test]
async fn l12_a_poll_past_the_hard_cap_is_dropped() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 268435457\r\n\r\n";
    let server = Server::play([Script::Unfinished(head.into())]).await;
    assert_eq!(failure(client(&server).send(&poll(None))).await, Failure::TooLarge);
}

#[tokio::test]
async fn an_endless_problem_is_still_a_refusal() {
    let head = b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let server = Server::play([Script::Endless(head, chunked(&"x".repeat(1 << 12)))]).await;
    assert_eq!(problem(client(&server).send(&list())).await.status, 500);
}

#[tokio::test]
async fn l11_l13_a_long_output_keeps_head_tail_and_exit_code() {
    let line = "a line of output, \\u00e5 and \\n";
    let body =
        format!(r#"{{"exited":true,"exitCode":3,"stdout":"BEGIN{}END","stderr":"#, line.repeat(100_000));
    let body = [body.as_bytes(), b"\"\xff\"}"].concat();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let server = Server::answer([head.as_bytes(), &body].concat()).await;
    let reply = client(&server).send(&poll(None)).await;
    let Answer::Polled(PollAnswer::Exited(exited)) = reply.answer else { panic!("{:?}", reply.answer) };
    assert_eq!(exited.exit_code, Some(3));
    assert!(exited.stdout.truncated && !exited.stdout.lossy);
    let text = exited.stdout.shown();
    assert!(text.starts_with("BEGINa line") && text.ends_with("å and \nEND"));
    let length = 256 * 1024;
    assert!((length - 6..length + 60).contains(&text.len()), "{}", text.len());
    assert!(exited.stderr.lossy && !exited.stderr.truncated);
}
