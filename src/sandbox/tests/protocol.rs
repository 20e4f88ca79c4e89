//! Listing, probe, start, poll and the key, as documented, and with their shapes changed.

use super::*;

#[tokio::test]
async fn the_listing_pages_through_the_fleet() {
    let client = Client::start(Options::parse("45,rate=none").unwrap()).await;
    let first = json(client.get("/api/v2/vps").await).await;
    assert_eq!(first["data"].as_array().unwrap().len(), 20, "the default page");
    let cursor = first["nextCursor"].as_str().unwrap();
    let rest = json(client.get(&format!("/api/v2/vps?limit=100&cursor={cursor}")).await).await;
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["nextCursor"]), (25, &Value::Null));
    let one = &rest["data"][0];
    assert_eq!(&json(client.get(&format!("/api/v2/vps/{}", one["id"].as_str().unwrap())).await).await, one);
    for key in [
        "name",
        "primaryIp",
        "serviceStatus",
        "powerState",
        "operatingSystem",
        "billing",
        "resources",
        "tags",
    ] {
        assert!(one.get(key).is_some(), "{key}");
    }
    assert_eq!(problem(client.get("/api/v2/vps?limit=101").await).await, (400, "invalid_request".to_owned()));
    assert_eq!(problem(client.get("/api/v2/vps?cursor=x").await).await, (400, "invalid_cursor".to_owned()));
}

#[tokio::test]
async fn a_probe_says_available_or_why_not() {
    let client = Client::start(Options::parse("200,rate=none").unwrap()).await;
    let (mut on, mut reasons) = (0, Vec::new());
    for index in 0..200 {
        let response = client.probe(index).await;
        if response.status() == StatusCode::CONFLICT {
            assert_eq!(problem(response).await.1, "vps_not_ready");
            continue;
        }
        let probe = json(response).await;
        if probe["available"] == true {
            assert_eq!((&probe["reason"], &probe["vmRunning"]), (&Value::Null, &json!(true)));
            on += 1;
        } else {
            reasons.push((probe["reason"].as_str().unwrap().to_owned(), probe["vmRunning"] == true));
        }
    }
    assert_eq!(on, 193, "two agents are off, four machines are, and one is being made");
    assert_eq!(reasons.iter().filter(|(reason, on)| *on && reason.contains("Agent")).count(), 2);
    assert_eq!(reasons.iter().filter(|(_, on)| !on).count(), 4);
}

#[tokio::test]
async fn a_command_is_started_polled_and_told_once() {
    let client = Client::of("").await;
    let started = json(client.start_command(0, "echo hello; exit 3").await).await;
    let url = started["pollUrl"].as_str().unwrap();
    assert!(url.ends_with(&format!("?pid={}", started["pid"])), "{started}");
    let polled = json(client.get(url).await).await;
    assert_eq!(
        (&polled["exited"], &polled["exitCode"], &polled["stdout"]),
        (&json!(true), &json!(3), &json!("hello\n"))
    );
    assert_eq!(problem(client.get(url).await).await, (500, "internal_error".to_owned()), "read once");
    assert_eq!((client.sandbox.begun(&client.id(0)), client.sandbox.served().begun), (1, 1));
}

#[tokio::test]
async fn two_equal_posts_run_twice_whatever_key_they_carry() {
    let client = Client::of("").await;
    let path = format!("/api/v2/vps/{}/agent/exec", client.id(0));
    for _ in 0..2 {
        let post = client.request(Method::POST, &path).header("idempotency-key", "same");
        assert_eq!(post.body(r#"{"command":"id"}"#).send().await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(client.sandbox.begun(&client.id(0)), 2);
}

#[tokio::test]
async fn a_command_that_cannot_be_is_refused_and_nothing_begins() {
    let client = Client::of("block=forbidden").await;
    let path = format!("/api/v2/vps/{}/agent/exec", client.id(0));
    let long = json!({ "command": "å".repeat(4097) }).to_string();
    for body in ["", "{", "{}", r#"{"command":7}"#, r#"{"command":"  "}"#, &long] {
        let response = client.request(Method::POST, &path).body(body.to_owned()).send().await.unwrap();
        let body = json(response).await;
        assert_eq!(
            (&body["code"], &body["errors"][0]["pointer"]),
            (&json!("invalid_request"), &json!("/command"))
        );
    }
    let blocked = json(client.start_command(0, "echo forbidden").await).await;
    assert_eq!(blocked["detail"], "This command has been blocked for safety reasons");
    assert_eq!(client.start_command(0, &"å".repeat(4096)).await.status(), StatusCode::OK);
    assert_eq!(client.sandbox.served().begun, 1);
    let large = client.request(Method::POST, &path).body("x".repeat(300_000)).send().await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn only_the_right_key_with_the_right_scope_gets_in() {
    let client = Client::of("").await;
    for key in ["", "Bearer wrong", "Bearer sandbox ", "sandbox"] {
        let request =
            client.http.get(client.sandbox.url() + "/api/v2/vps").header("authorization", format!("{key}x"));
        assert_eq!(problem(request.send().await.unwrap()).await, (401, "unauthorized".to_owned()), "{key}");
    }
    let forbidden = (403, "forbidden".to_owned());
    let reader = Client::of("scopes=read").await;
    assert_eq!(reader.probe(0).await.status(), StatusCode::OK);
    assert_eq!(problem(reader.start_command(0, "id").await).await, forbidden);
    assert_eq!(problem(reader.poll(0, &json!(1)).await).await, forbidden);
    let writer = Client::of("scopes=write").await;
    assert_eq!(problem(writer.get("/api/v2/vps").await).await, forbidden);
    assert_eq!(writer.start_command(0, "id").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn unknown_places_methods_and_servers_have_their_problems() {
    let client = Client::of("").await;
    assert_eq!(problem(client.get("/api/v2/domains").await).await.0, 404);
    assert_eq!(
        problem(client.get("/api/v2/vps/web-001/agent/exec").await).await,
        (404, "vps_not_found".to_owned())
    );
    let deleted = client.request(Method::DELETE, "/api/v2/vps").send().await.unwrap();
    assert_eq!(deleted.headers()["allow"], "GET");
    assert_eq!(problem(deleted).await.0, 405);
    assert_eq!(problem(client.poll(0, &json!("many")).await).await, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn the_apis_open_questions_can_be_answered_otherwise() {
    let client =
        Client::of("bodies=wrapped,exit-code=exitcode,booleans=int,pid=absent,poll-url=absolute").await;
    let started = json(client.start_command(0, "true").await).await;
    assert_eq!(started["success"], true);
    let url = started["data"]["pollUrl"].as_str().unwrap().strip_prefix(&client.sandbox.url()).unwrap();
    let polled = json(client.get(url).await).await;
    assert_eq!((&polled["data"]["exited"], &polled["data"]["exitcode"]), (&json!(1), &json!(0)));

    let client = Client::of("gone-pid=cached,errors=legacy,last-cursor=absent,over-limit=clamp").await;
    let pid = json(client.start_command(0, "exit 5").await).await["pid"].clone();
    for _ in 0..2 {
        assert_eq!(json(client.poll(0, &pid).await).await["exitCode"], 5);
    }
    assert_eq!(json(client.poll(0, &json!(1)).await).await["code"], "INTERNAL_ERROR");
    let page = json(client.get("/api/v2/vps?limit=1000").await).await;
    assert!(page["data"].as_array().unwrap().len() == 10 && page.get("nextCursor").is_none());
    for (status, number) in [("404", 404), ("400", 400), ("410", 410)] {
        let client = Client::of(&format!("gone-pid={status}")).await;
        assert_eq!(problem(client.poll(0, &json!(1)).await).await.0, number);
    }
}
