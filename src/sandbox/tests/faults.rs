//! Faults over HTTP: what a client sees of each, and what has happened meanwhile.

use super::*;
use std::time::Duration;

#[tokio::test]
async fn a_reset_after_has_started_exactly_one_command_and_a_reset_before_none() {
    let client = Client::with_faults(
        "- { on: start, nth: 1, fault: reset-before }\n- { on: start, nth: 2, fault: reset-after }",
    )
    .await;
    for begun in [0, 1] {
        let error = client.try_start(0, "id").await.unwrap_err();
        assert!(!error.is_connect() && error.is_request(), "{error:?}");
        assert_eq!(client.sandbox.begun(&client.id(0)), begun);
    }
    assert_eq!(client.start_command(0, "id").await.status(), StatusCode::OK);
    assert_eq!(client.sandbox.served().begun, 2);
}

#[tokio::test]
async fn answers_put_in_place_come_before_the_request_is_done_or_after() {
    let client = Client::with_faults(
        "- { on: start, nth: 1, fault: status 503, headers: { Retry-After: garbage } }
- { on: start, nth: 2, fault: html 502, after: true }
- { on: start, nth: 3, fault: redirect }
- { on: start, nth: 4, fault: 'reply 202 {\"pid\":\"7\"}' }
- { on: start, nth: 5, fault: 409 upstream_failed }
- { on: start, nth: 6, fault: wrong-type }",
    )
    .await;
    let unavailable = client.start_command(0, "id").await;
    assert_eq!(unavailable.headers()["retry-after"], "garbage");
    assert_eq!(problem(unavailable).await, (503, "upstream_unavailable".to_owned()));
    assert_eq!(client.sandbox.served().begun, 0);
    let page = client.start_command(0, "id").await;
    assert_eq!((page.status().as_u16(), client.sandbox.served().begun), (502, 1));
    assert!(page.text().await.unwrap().contains("<h1>502 Bad Gateway</h1>"));
    let redirect = client.start_command(0, "id").await;
    assert_eq!(
        (redirect.status().as_u16(), &redirect.headers()["location"]),
        (302, &"https://elsewhere.example/".parse().unwrap())
    );
    let reply = client.start_command(0, "id").await;
    assert_eq!((reply.status().as_u16(), json(reply).await), (202, json!({ "pid": "7" })));
    assert_eq!(problem(client.start_command(0, "id").await).await, (409, "upstream_failed".to_owned()));
    let mistyped = client.start_command(0, "id").await;
    assert_eq!(mistyped.headers()["content-type"], "text/html; charset=utf-8");
    assert!(json(mistyped).await["pid"].is_number());
    assert_eq!(client.sandbox.served().begun, 2);
}

#[tokio::test]
async fn a_truncated_body_is_an_error_and_a_trickling_one_is_not() {
    let client = Client::with_faults(
        "- { on: probe, nth: 1, fault: truncate }\n- { on: probe, nth: 2, fault: trickle 1ms }",
    )
    .await;
    let cut = client.probe(0).await;
    assert_eq!(cut.status(), StatusCode::OK);
    assert!(cut.bytes().await.is_err());
    assert_eq!(json(client.probe(0).await).await["available"], true);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_and_one_that_never_comes_have_both_done_their_work() {
    let client = Client::with_faults(
        "- { on: start, nth: 1, fault: delay 30s }\n- { on: start, nth: 2, fault: hang }",
    )
    .await;
    let sent = tokio::time::Instant::now();
    assert_eq!(client.start_command(0, "id").await.status(), StatusCode::OK);
    assert!(sent.elapsed() >= Duration::from_secs(30));
    let never = tokio::time::timeout(Duration::from_hours(24), client.try_start(0, "id")).await;
    assert!(never.is_err());
    assert_eq!(client.sandbox.served().begun, 2);
}

#[tokio::test(start_paused = true)]
async fn guests_freeze_reboot_and_refuse() {
    let client = Client::with_faults(
        "- { on: poll, nth: 1, fault: freeze 10s }
- { on: poll, nth: 4, fault: forget 5s }
- { on: start, nth: 3, fault: exec-forbidden }
- { on: start, nth: 4, fault: blocked }
- { on: start, nth: 5, fault: stopped }
- { on: probe, nth: 4, fault: agent-off }",
    )
    .await;
    let first = json(client.start_command(0, "id").await).await["pid"].clone();
    let second = json(client.start_command(0, "sleep 1").await).await["pid"].clone();
    assert_eq!(client.poll(0, &first).await.status().as_u16(), 500, "frozen");
    assert_eq!(json(client.probe(0).await).await["available"], true, "which a probe does not tell");
    assert_eq!(client.poll(0, &first).await.status().as_u16(), 500);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(json(client.poll(0, &first).await).await["exitCode"], 0, "its record survived");

    assert_eq!(client.poll(0, &second).await.status().as_u16(), 500, "rebooting");
    assert_eq!(json(client.probe(0).await).await["available"], false);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(json(client.probe(0).await).await["available"], true);
    assert_eq!(client.poll(0, &second).await.status().as_u16(), 500, "forgotten");

    assert!(
        json(client.start_command(0, "id").await).await["detail"].as_str().unwrap().contains("not allowed")
    );
    assert_eq!(problem(client.start_command(0, "id").await).await.0, 400);
    assert_eq!(json(client.start_command(0, "id").await).await["detail"], "VM is not running");
    assert_eq!(json(client.probe(0).await).await["available"], false);
    assert_eq!(client.sandbox.served().begun, 2);
}

#[tokio::test]
async fn x4_the_same_seed_and_order_meet_the_same_faults() {
    let statuses = async || {
        let client = Client::with_faults("- { percent: 30, fault: 503 }").await;
        let mut statuses = Vec::new();
        for index in 0..30 {
            statuses.push(client.probe(index % 10).await.status());
        }
        statuses
    };
    let first = statuses().await;
    assert_eq!(first, statuses().await);
    assert!(first.contains(&StatusCode::OK) && first.contains(&StatusCode::SERVICE_UNAVAILABLE));
}

#[tokio::test]
async fn a_client_that_hangs_up_on_the_wire_cannot_call_its_request_back() {
    let client = Client::of("latency=60ms").await;
    let gave_up = tokio::time::timeout(Duration::from_millis(10), client.try_start(0, "id")).await;
    assert!(gave_up.is_err());
    while client.sandbox.served().begun == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.sandbox.begun(&client.id(0)), 1);
}
