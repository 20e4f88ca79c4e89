//! Proxies, and where the key may be found afterwards.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tokio::process::Command;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Set in the process that a test starts to have an environment of its own.
const CHILD: &str = "ROLLCALL_TEST_PROXY_CHILD";

#[tokio::test]
async fn c8_n8_proxies_are_honoured_but_not_for_this_machine() {
    if let Ok(base) = std::env::var(CHILD) {
        let here = client_with(&base, ClientOptions::default());
        assert_eq!(here.send(&list()).await.answer, Answer::Listed(Page::default()));
        // Nobody can answer there (RFC 5737), so an answer to CONNECT shows that the proxy was asked.
        let there = client_with("https://192.0.2.1", ClientOptions::default());
        for call in [start("true"), list()] {
            let failure = failure(there.send(&call)).await;
            assert!(matches!(failure, Failure::Unsent { .. }), "{failure:?}");
        }
        return;
    }
    let server = Server::answer(json(r#"{"data":[]}"#)).await;
    let refusals = ["502 Bad Gateway", "407 Proxy Authentication Required"];
    let proxy = Server::play(refusals.map(|status| Script::Answers(vec![answer(status, "", "")]))).await;
    let proxy_url = format!("http://127.0.0.1:{}", proxy.port);
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "hostup::client::tests::environment::c8_n8_proxies_are_honoured_but_not_for_this_machine",
        ])
        .env(CHILD, format!("http://localhost:{}", server.port))
        .envs(
            ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"]
                .map(|name| (name, &proxy_url)),
        )
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env_remove("REQUEST_METHOD")
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(server.requests().len(), 1);
    let asked: Vec<_> =
        proxy.requests().iter().map(|request| request.lines().next().unwrap().to_owned()).collect();
    assert_eq!(asked, ["CONNECT 192.0.2.1:443 HTTP/1.1"; 2]);
    assert!(proxy.requests().iter().all(|request| !request.contains("hup_live")));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn c10_neither_the_log_nor_the_reply_nor_the_client_shows_the_key() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let echo =
        r#"{"code":"unauthorized","detail":"bad: hup_live_4f9c21\/+","title":"hup_live_4f9c21%2F%2B"}"#;
    let server = Server::answer(answer("401 Unauthorized", "", echo)).await;
    let client = client(&server);
    let reply = client.send(&list()).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for (place, text) in
        [("log", &log), ("reply", &format!("{reply:?}")), ("client", &format!("{client:?} {}", client.url()))]
    {
        assert!(!text.contains("hup_live"), "{place}: {text}");
    }
    let words = ["DEBUG", "method=GET", "path=\"/api/v2/vps\"", "status=401", "failure=\"refused\"", "ms="];
    assert!(words.iter().all(|word| log.contains(word)), "{log}");
}
