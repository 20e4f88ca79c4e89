//! A server that says what it was told to say, to the byte.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What is done with one connection. Each part first reads one request, unless it says otherwise.
pub(super) enum Script {
    /// Answers one request with each of these, then closes.
    Answers(Vec<Vec<u8>>),
    /// Closes without an answer.
    Close,
    /// Never answers, until the client leaves.
    Silence,
    /// Answers with this, then never closes.
    Unfinished(Vec<u8>),
    /// Answers with the first, then with the second again and again until the client leaves.
    Endless(Vec<u8>, Vec<u8>),
}

/// The server; it ends with this value.
pub(super) struct Server {
    pub(super) port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Plays one script a connection. Connections past the last are closed at once.
    pub(super) async fn play(scripts: impl IntoIterator<Item = Script>) -> Self {
        Self::play_at(([127, 0, 0, 1], 0).into(), scripts).await
    }

    /// The same at an address of this machine.
    pub(super) async fn play_at(address: SocketAddr, scripts: impl IntoIterator<Item = Script>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (requests, connections) = (Arc::default(), Arc::default());
        let mut scripts: VecDeque<Script> = scripts.into_iter().collect();
        let (seen, accepted): (Arc<Mutex<Vec<String>>>, Arc<Mutex<usize>>) =
            (Arc::clone(&requests), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *accepted.lock().unwrap() += 1;
                if let Some(script) = scripts.pop_front() {
                    tokio::spawn(act(script, stream, Arc::clone(&seen)));
                }
            }
        });
        Self { port, requests, connections, task }
    }

    /// One connection, one answer, and the connection is closed.
    pub(super) async fn answer(answer: impl Into<Vec<u8>>) -> Self {
        Self::play([Script::Answers(vec![answer.into()])]).await
    }

    /// The requests so far, whole.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The connections so far, with or without a request.
    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A whole answer with a length.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// 200 with JSON.
pub(super) fn json(body: &str) -> Vec<u8> {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}

/// Errors in here mean that the client left, which is its right.
async fn act(script: Script, mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>) {
    let answers = match &script {
        Script::Answers(answers) => answers.clone(),
        Script::Unfinished(answer) | Script::Endless(answer, _) => vec![answer.clone()],
        Script::Close | Script::Silence => vec![Vec::new()],
    };
    for answer in answers {
        let Some(request) = read_request(&mut stream).await else { return };
        seen.lock().unwrap().push(request);
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
    match script {
        Script::Answers(_) | Script::Close => {}
        Script::Silence | Script::Unfinished(_) => {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        Script::Endless(_, more) => while stream.write_all(&more).await.is_ok() {},
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await.ok().filter(|&count| count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        // A TLS handshake is not text and never becomes a request.
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if bytes[0] == 0x16 {
                return None;
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return Some(text.into_owned());
        }
    }
}
