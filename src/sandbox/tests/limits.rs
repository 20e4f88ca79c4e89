//! Rate limits over HTTP: what a client is told, and that a refusal does nothing.

use super::*;

/// A sandbox that takes three requests and then none for an hour.
async fn limited(options: &str) -> Client {
    Client::of(&format!("rate=3/1h,window=fixed-first,{options}")).await
}

fn headers(response: &Response) -> Vec<&'static str> {
    let names = ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    names.into_iter().filter(|name| response.headers().contains_key(*name)).collect()
}

#[tokio::test]
async fn a_refusal_says_how_long_to_wait_and_starts_nothing() {
    let client = limited("").await;
    for _ in 0..3 {
        let allowed = client.start_command(0, "id").await;
        assert_eq!((allowed.status(), headers(&allowed).len()), (StatusCode::OK, 0));
    }
    let refused = client.start_command(0, "id").await;
    assert_eq!(refused.headers()["retry-after"], "3600");
    assert_eq!(
        (refused.headers()["x-ratelimit-limit"].clone(), refused.headers()["x-ratelimit-remaining"].clone()),
        ("3".parse().unwrap(), "0".parse().unwrap())
    );
    let date = jiff::fmt::rfc2822::parse(refused.headers()["date"].to_str().unwrap()).unwrap().timestamp();
    let reset: jiff::Timestamp = refused.headers()["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
    assert!((3599..=3601).contains(&reset.duration_since(date).as_secs()), "{reset} {date}");
    assert_eq!(problem(refused).await, (429, "rate_limited".to_owned()));
    let served = client.sandbox.served();
    assert_eq!((served.begun, served.throttled, served.start), (3, 1, 4));
    assert_eq!(client.sandbox.begun(&client.id(0)), 3);
}

#[tokio::test]
async fn headers_appear_where_they_are_asked_for() {
    for (mode, allowed, refused) in [("all", 3, 4), ("429", 0, 4), ("retry-after", 0, 1), ("none", 0, 0)] {
        let client = limited(&format!("headers={mode}")).await;
        for _ in 0..3 {
            assert_eq!(headers(&client.probe(0).await).len(), allowed, "{mode}");
        }
        assert_eq!(headers(&client.probe(0).await).len(), refused, "{mode}");
    }
}

#[tokio::test]
async fn each_operation_or_server_can_have_a_bucket_of_its_own() {
    let client = limited("scope=operation").await;
    for _ in 0..3 {
        assert_eq!(client.probe(0).await.status(), StatusCode::OK);
    }
    assert_eq!(client.probe(1).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(client.start_command(0, "id").await.status(), StatusCode::OK);
    let client = limited("scope=vps").await;
    for _ in 0..3 {
        assert_eq!(client.probe(0).await.status(), StatusCode::OK);
    }
    assert_eq!(client.start_command(0, "id").await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(client.probe(1).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_wrong_key_spends_nothing() {
    let client = limited("").await;
    for _ in 0..5 {
        let wrong = client.http.get(client.sandbox.url() + "/api/v2/vps").send().await.unwrap();
        assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(client.probe(0).await.status(), StatusCode::OK);
    assert_eq!(client.sandbox.served().unauthorized, 5);
}

#[tokio::test(start_paused = true)]
async fn waiting_as_told_opens_every_kind_of_window() {
    for window in ["fixed", "fixed-first", "sliding", "sliding-strict", "bucket", "bucket-next"] {
        let client = Client::start(Options::parse(&format!("10,rate=5/7s,window={window}")).unwrap()).await;
        let mut refused = client.probe(0).await;
        while refused.status() == StatusCode::OK {
            refused = client.probe(0).await;
        }
        let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=7).contains(&wait), "{window}: {wait}");
        tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
        assert_eq!(client.probe(0).await.status(), StatusCode::OK, "{window}");
    }
}

#[tokio::test]
async fn a_skewed_clock_shows_in_date_and_reset_alike() {
    let client = limited("headers=all,skew=-1h").await;
    let response = client.probe(0).await;
    let date = jiff::fmt::rfc2822::parse(response.headers()["date"].to_str().unwrap()).unwrap().timestamp();
    let behind = jiff::Timestamp::now().duration_since(date).as_secs();
    assert!((3595..=3605).contains(&behind), "{behind}");
}
