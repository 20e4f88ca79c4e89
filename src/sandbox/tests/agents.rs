//! Real guest agents behind the API, played by scripts: what each of their answers becomes over HTTP.

use super::*;
use crate::sandbox::guest::scripted::Scripted;

/// A sandbox whose one server's agent answers so to everything but pings.
async fn with_agent(options: &str, answer: Value) -> (Client, Scripted) {
    let agent = Scripted::start(move |request| {
        let ping = request["execute"] == "guest-ping";
        Some(if ping { json!({ "return": {} }) } else { answer.clone() })
    });
    let text = format!("rate=none,guest=qga={},{options}", agent.directory().display());
    (Client::start(Options::parse(text.trim_end_matches(',')).unwrap()).await, agent)
}

fn says(words: &str) -> Value {
    json!({ "error": { "class": "GenericError", "desc": words } })
}

#[tokio::test]
async fn a_directory_of_one_socket_is_a_fleet_of_one_server() {
    let (client, agent) = with_agent("", json!({ "return": { "pid": 77 } })).await;
    assert_eq!(client.sandbox.servers().count(), 1);
    assert_eq!(json(client.probe(0).await).await["available"], true);
    assert_eq!(json(client.start_command(0, "id").await).await["pid"], 77);
    assert_eq!((client.sandbox.served().begun, client.sandbox.begun(&client.id(0))), (1, 1));
    drop(std::fs::remove_file(&agent.path));
    let probe = json(client.probe(0).await).await;
    assert_eq!((&probe["available"], &probe["vmRunning"]), (&json!(false), &json!(true)));
    assert_eq!(problem(client.start_command(0, "id").await).await, (500, "internal_error".to_owned()));
    assert_eq!(client.sandbox.served().begun, 1);
}

#[tokio::test]
async fn streams_and_ends_are_carried_as_the_agent_tells_them() {
    let exited =
        json!({ "return": { "exited": true, "signal": 9, "out-data": "aGkK", "out-truncated": true } });
    let (client, _agent) = with_agent("", exited).await;
    assert_eq!(
        json(client.poll(0, &json!(5)).await).await,
        json!({ "exited": true, "signal": 9, "stdout": "hi\n", "stdoutTruncated": true, "stderr": "" })
    );
    let (client, _agent) = with_agent("", json!({ "return": { "exited": false } })).await;
    assert_eq!(json(client.poll(0, &json!(5)).await).await, json!({ "exited": false }));
}

#[tokio::test]
async fn an_agents_refusal_is_a_500_in_its_own_words() {
    let (client, _agent) = with_agent("gone-pid=404", says("Command guest-exec has been disabled")).await;
    for response in [client.start_command(0, "id").await, client.poll(0, &json!(5)).await] {
        assert_eq!(response.status(), 500);
        let body = json(response).await;
        assert_eq!(body["detail"], "Agent error: Command guest-exec has been disabled");
    }
    assert_eq!(client.sandbox.served().begun, 0);
}

#[tokio::test]
async fn a_pid_that_the_agent_does_not_know_is_answered_as_the_api_would() {
    for (options, status) in [("", 500), ("gone-pid=404", 404), ("gone-pid=410", 410)] {
        let (client, _agent) = with_agent(options, says("Invalid parameter 'pid'")).await;
        let response = client.poll(0, &json!(5)).await;
        assert_eq!(response.status(), status);
        assert_eq!(json(response).await["detail"], "Agent error: Invalid parameter 'pid'");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_does_not_call_back_what_the_agent_was_asked() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let agent = Scripted::start(move |_| {
        tokio::task::block_in_place(|| held.lock().unwrap().recv()).ok()?;
        Some(json!({ "return": { "pid": 77 } }))
    });
    let options = format!("rate=none,guest=qga={}", agent.directory().display());
    let client = Client::start(Options::parse(&options).unwrap()).await;
    let start = client.try_start(0, "id");
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), start).await.is_err());
    release.send(()).unwrap();
    while client.sandbox.served().begun == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn agents_that_there_are_not_are_named_before_anything_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().display();
    for options in [format!("guest=qga={at}"), format!("3,guest=qga={at}/none")] {
        let error = Sandbox::start(Options::parse(&options).unwrap()).await.err().unwrap().to_string();
        assert!(error.starts_with(&format!("cannot use guest agents in {at}")), "{error}");
    }
    let text = format!("guest=qga={at},gone-pid=cached");
    let error = Sandbox::start(Options::parse(&text).unwrap()).await.err().unwrap().to_string();
    assert!(error.contains("gone-pid=cached"), "{error}");
}
