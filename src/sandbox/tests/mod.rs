//! The sandbox over real HTTP, as a client meets it.

mod agents;
mod faults;
mod guests;
mod limits;
mod protocol;

use std::path::Path;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::{Options, Sandbox};

/// A sandbox with a client for it.
struct Client {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Client {
    /// Starts a sandbox of ten servers, by default without a rate limit and with commands that end at once.
    async fn of(options: &str) -> Self {
        let text = format!("10,rate=none,duration=0s,{options}");
        Self::start(Options::parse(text.trim_end_matches(',')).unwrap()).await
    }

    /// Starts a sandbox with these faults.
    async fn with_faults(faults: &str) -> Self {
        let mut options = Options::parse("10,rate=none,duration=0s").unwrap();
        options.faults = faults.parse().unwrap();
        Self::start(options).await
    }

    async fn start(options: Options) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Self { sandbox: Sandbox::start(options).await.unwrap(), http: http.unwrap() }
    }

    /// The id of the server at this place of the listing.
    fn id(&self, index: usize) -> String {
        self.sandbox.servers().nth(index).unwrap().0
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.sandbox.url() + path).bearer_auth(self.sandbox.token())
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn try_start(&self, index: usize, command: &str) -> reqwest::Result<Response> {
        let path = format!("/api/v2/vps/{}/agent/exec", self.id(index));
        let body = json!({ "command": command }).to_string();
        self.request(Method::POST, &path).header("content-type", "application/json").body(body).send().await
    }

    async fn start_command(&self, index: usize, command: &str) -> Response {
        self.try_start(index, command).await.unwrap()
    }

    async fn probe(&self, index: usize) -> Response {
        self.get(&format!("/api/v2/vps/{}/agent/exec", self.id(index))).await
    }

    async fn poll(&self, index: usize, pid: &Value) -> Response {
        self.get(&format!("/api/v2/vps/{}/agent/exec?pid={pid}", self.id(index))).await
    }

    /// Starts a command and polls until it has exited.
    async fn run(&self, index: usize, command: &str) -> Value {
        let started = json(self.start_command(index, command).await).await;
        loop {
            let polled = json(self.poll(index, &started["pid"]).await).await;
            if polled["exited"] == true {
                return polled;
            }
        }
    }
}

async fn json(response: Response) -> Value {
    response.json().await.unwrap()
}

/// The status and code of a problem.
async fn problem(response: Response) -> (u16, String) {
    let status = response.status();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body = json(response).await;
    assert_eq!(body["status"], status.as_u16());
    (status.as_u16(), body["code"].as_str().unwrap().to_owned())
}

/// The journal's lines of this kind.
fn journal(path: &Path, kind: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["kind"] == kind).collect()
}

#[tokio::test]
async fn x3_a_taken_port_is_an_error_that_names_it() {
    let client = Client::of("").await;
    let port: u16 = client.sandbox.url().rsplit(':').next().unwrap().parse().unwrap();
    let error = Sandbox::start(Options { port, ..Options::default() }).await.err().unwrap();
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[tokio::test]
async fn stopping_frees_the_port_even_while_an_answer_is_held_back() {
    let client = Client::with_faults("- { on: probe, fault: hang }").await;
    let (http, url) = (client.http.clone(), client.sandbox.url());
    let path = format!("{url}/api/v2/vps/{}/agent/exec", client.id(0));
    let hanging = tokio::spawn(http.get(path).bearer_auth("sandbox").send());
    while client.sandbox.served().probe == 0 {
        tokio::task::yield_now().await;
    }
    client.sandbox.stop().await;
    assert!(hanging.await.unwrap().is_err(), "the client is not left waiting");
    assert!(http.get(url).send().await.unwrap_err().is_connect(), "nobody listens any more");
}

#[tokio::test(start_paused = true)]
async fn virtual_time_moves_the_server_too() {
    let client = Client::start(Options::parse("10,rate=none,duration=1h").unwrap()).await;
    let pid = json(client.start_command(0, "uptime").await).await["pid"].clone();
    assert_eq!(json(client.poll(0, &pid).await).await, json!({ "exited": false }));
    tokio::time::sleep(std::time::Duration::from_hours(1)).await;
    assert_eq!(json(client.poll(0, &pid).await).await["exitCode"], 0);
}

#[tokio::test]
async fn the_journal_tells_every_request_and_every_command_but_never_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let options = format!("10,rate=3/1h,duration=0s,journal={}", path.display());
    let mut options = Options::parse(&options).unwrap();
    options.token = "hunter2".to_owned();
    options.faults = "- { on: start, nth: 1, fault: reset-after }".parse().unwrap();
    let client = Client::start(options).await;
    client.get("/api/v2/vps?limit=1").await;
    client.try_start(0, "echo 'ö'").await.unwrap_err();
    client.http.get(client.sandbox.url() + "/api/v2/vps").bearer_auth("wrong").send().await.unwrap();
    client.poll(0, &json!(5)).await;
    assert_eq!(client.start_command(0, "id").await.status(), StatusCode::TOO_MANY_REQUESTS);

    let began = journal(&path, "began");
    assert_eq!(began.len(), 1);
    assert_eq!((&began[0]["vps"], &began[0]["command"]), (&json!(client.id(0)), &json!("echo 'ö'")));
    let keys = ["seq", "operation", "status", "command", "fault", "query"];
    let requests = journal(&path, "request");
    let requests: Vec<Vec<_>> =
        requests.iter().map(|line| keys.map(|key| line[key].clone()).to_vec()).collect();
    assert_eq!(
        json!(requests),
        json!([
            [1, "list", 200, null, null, "limit=1"],
            [2, "start", null, "echo 'ö'", "reset-after", null],
            [3, "list", 401, null, null, null],
            [4, "poll", 500, null, null, "pid=5"],
            [5, "start", 429, "id", null, null],
        ])
    );
    let last = journal(&path, "request").pop().unwrap();
    assert!((3000..=3600).contains(&last["retryAfter"].as_u64().unwrap()), "{last}");
    assert!(!std::fs::read_to_string(&path).unwrap().contains("hunter2"));
}
