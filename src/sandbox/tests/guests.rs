//! Commands over HTTP, on simulated and on real guests.

use super::*;

#[tokio::test]
async fn simulated_guests_answer_each_in_its_own_way_and_always_the_same() {
    let (one, other) = (Client::of("").await, Client::of("").await);
    let mut hosts = Vec::new();
    for index in 0..10 {
        let command = "hostname; df -P / | awk 'NR==2 { print $5 }'; uname -r";
        let polled = one.run(index, command).await;
        assert_eq!(polled, other.run(index, command).await);
        hosts.push(polled["stdout"].as_str().unwrap().to_owned());
    }
    hosts.dedup();
    assert_eq!(hosts.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn simulated_commands_take_as_long_as_they_sleep() {
    let client = Client::of("").await;
    let pid = json(client.start_command(0, "sleep 30; exit 4").await).await["pid"].clone();
    assert_eq!(json(client.poll(0, &pid).await).await, json!({ "exited": false }));
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert_eq!(json(client.poll(0, &pid).await).await["exitCode"], 4);
}

#[tokio::test]
async fn shell_guests_give_real_exit_codes_signals_and_streams() {
    let client = Client::of("guest=shell,output-cap=1000").await;
    let polled = client.run(0, "printf '%s' \"$ROLLCALL_SANDBOX_HOST\"; echo oops >&2; exit 42").await;
    let name = client.sandbox.servers().next().unwrap().1;
    assert_eq!(
        polled,
        json!({
            "exited": true, "exitCode": 42, "stdout": name, "stdoutTruncated": false,
            "stderr": "oops\n", "stderrTruncated": false
        })
    );
    assert_eq!(client.run(1, "kill -9 $$").await["signal"], 9);
    let cut = client.run(2, "yes | head -c 5000").await;
    assert_eq!((cut["stdout"].as_str().unwrap().len(), &cut["stdoutTruncated"]), (1000, &json!(true)));
    client.sandbox.stop().await;
}

#[tokio::test]
async fn three_hundred_shell_guests_run_at_once_without_running_out() {
    let client =
        Client::start(Options::parse("300,rate=none,guest=shell,fleet=uniform,at-once=16").unwrap()).await;
    let runs = (0..300).map(|index| {
        let client = &client;
        async move { client.run(index, &format!("exit {}", index % 7)).await["exitCode"].as_u64() }
    });
    let codes = futures::future::join_all(runs).await;
    assert!(codes.iter().zip(0..).all(|(code, index): (_, u64)| *code == Some(index % 7)));
    assert_eq!(client.sandbox.served().begun, 300);
    client.sandbox.stop().await;
}
