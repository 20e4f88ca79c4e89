//! An agent of a few lines, for answers that a real one gives only with luck.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
};

/// What an agent answers to a request; nothing where it stays silent.
type Script = dyn Fn(&Value) -> Option<Value> + Send + Sync;

/// A running agent, which is the only socket of its directory.
pub(in crate::sandbox) struct Scripted {
    pub(in crate::sandbox) path: PathBuf,
    directory: TempDir,
    clients: Arc<Clients>,
}

/// How many connections there are, and were at most at once.
#[derive(Default)]
struct Clients {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// A socket on which connections wait in vain.
pub(in crate::sandbox) struct Bound {
    pub(in crate::sandbox) path: PathBuf,
    directory: TempDir,
    listener: UnixListener,
}

pub(in crate::sandbox) fn bind() -> Bound {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("1.sock");
    Bound { listener: UnixListener::bind(&path).unwrap(), path, directory }
}

impl Scripted {
    pub(in crate::sandbox) fn start(
        script: impl Fn(&Value) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        Self::with_stale(b"", script)
    }

    /// The same, where what an earlier client has left comes first on each connection.
    pub(in crate::sandbox) fn with_stale(
        stale: &'static [u8],
        script: impl Fn(&Value) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        let Bound { path, directory, listener } = bind();
        let (script, clients): (Arc<Script>, _) = (Arc::new(script), Arc::<Clients>::default());
        let counted = clients.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (script, clients) = (script.clone(), counted.clone());
                tokio::spawn(async move {
                    clients.most.fetch_max(clients.now.fetch_add(1, Relaxed) + 1, Relaxed);
                    drop(serve(client, stale, &*script).await);
                    clients.now.fetch_sub(1, Relaxed);
                });
            }
        });
        Self { path, directory, clients }
    }

    /// The directory that `guest=qga=` names.
    pub(in crate::sandbox) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(in crate::sandbox) fn most_at_once(&self) -> usize {
        self.clients.most.load(Relaxed)
    }
}

async fn serve(client: UnixStream, stale: &[u8], script: &Script) -> std::io::Result<()> {
    let (from, mut to) = client.into_split();
    let mut from = BufReader::new(from);
    to.write_all(stale).await?;
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let request: Value = serde_json::from_slice(line.strip_prefix(b"\xff").unwrap_or(&line))?;
        let answer = if request["execute"] == "guest-sync-delimited" {
            to.write_all(b"\xff").await?;
            Some(json!({ "return": request["arguments"]["id"] }))
        } else {
            script(&request)
        };
        if let Some(answer) = answer {
            to.write_all(format!("{answer}\n").as_bytes()).await?;
        }
    }
}
