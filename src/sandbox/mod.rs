//! The other side of the wire: a loopback server that speaks HostUp's v2 API, for trying rollcall without an account.
//!
//! [`Options`] say what it is, [`Sandbox::start`] serves it on 127.0.0.1 until [`Sandbox::stop`]. The same seed is the
//! same fleet, the same outputs and the same faults. By default nothing runs for real; [`Guest::Shell`] and
//! [`Guest::Qga`] have to be asked for. The room has its own wire types and shares nothing with the client: a misreading
//! of the documents must not be able to agree with itself.
//!
//! From the wire inwards: `connection` accepts, `serve` judges (key, `throttle` over `limiter`, `faults`, `journal`),
//! `api` answers from `fleet` and `listing`, and `guest` is each server's agent, with a toy shell or a real one to carry
//! out its commands, or a real agent in its place. `shape` holds what the API's documents leave open.

mod answer;
mod api;
mod choice;
mod clock;
mod connection;
mod draw;
mod duration;
mod faults;
mod fleet;
mod guest;
mod journal;
mod limiter;
mod listing;
mod options;
mod problem;
mod request;
mod serve;
mod shape;
mod throttle;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::Router;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};

use self::{
    api::Api,
    clock::Clock,
    connection::{Link, Listener},
    draw::Draw,
    faults::Injector,
    guest::{Guests, QemuAgents, Shell},
    journal::Journal,
    request::Operation,
    serve::{Server, Tally, serve},
    throttle::Throttle,
};
pub use self::{
    duration::RunTime,
    faults::{Faults, FaultsError},
    limiter::{Decision, Limiter, RateLimit, Window},
    options::{Agents, Guest, Options, OptionsError, Variety},
    shape::*,
    throttle::{LimitCode, LimitHeaders, ResetFormat, RetryAfterFormat, Rounding, Scope, Throttling},
};

/// How long requests under way may take to end when the sandbox stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// A sandbox that is being served. Dropping it stops it too, without waiting for that.
pub struct Sandbox {
    server: Arc<Server>,
    address: SocketAddr,
    token: String,
    stopping: watch::Sender<bool>,
    serving: JoinHandle<io::Result<()>>,
}

/// A sandbox that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The port cannot be had.
    #[error("cannot listen on port {port} of 127.0.0.1 (choose another with port, or 0 for any free one)")]
    Port {
        /// Which.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The journal cannot be opened.
    #[error("cannot open the journal {}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There are not so many guest agents as servers.
    #[error("cannot use guest agents in {}: {problem}", directory.display())]
    Agents {
        /// Where their sockets were looked for.
        directory: PathBuf,
        /// What is wrong there.
        problem: String,
    },
    /// There is no room for the directories of the shell guest.
    #[error("cannot make a directory for the shell guest")]
    Directory {
        /// What the system says.
        source: io::Error,
    },
}

/// How many requests a sandbox has judged, by kind, and what became of some. Refused ones are counted under their kind too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pages of the listing.
    pub list: u64,
    /// Probes.
    pub probe: u64,
    /// Starts.
    pub start: u64,
    /// Polls.
    pub poll: u64,
    /// Everything else.
    pub other: u64,
    /// Requests answered 429.
    pub throttled: u64,
    /// Requests answered 401.
    pub unauthorized: u64,
    /// Commands that a guest began.
    pub begun: u64,
    /// When the first request was judged, since the server's start. A fixed window's first boundary came
    /// `window - first_request mod window` later (`phi`).
    pub first_request: Option<Duration>,
}

impl Counts {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.list + self.probe + self.start + self.poll + self.other
    }
}

impl Sandbox {
    /// Listens on 127.0.0.1 and serves from tasks on the current tokio runtime. When this returns, requests are taken.
    ///
    /// # Errors
    /// The port is taken, the journal cannot be opened, the shell guest gets no directory, or there are fewer guest agents
    /// than servers.
    pub async fn start(options: Options) -> Result<Self, SandboxError> {
        let port = options.port;
        let in_vain = |source| SandboxError::Port { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(in_vain)?;
        let address = listener.local_addr().map_err(in_vain)?;
        let journal = match &options.journal {
            Some(path) => Some(
                Journal::open(path).map_err(|source| SandboxError::Journal { path: path.clone(), source })?,
            ),
            None => None,
        };
        let guests = match &options.guest {
            Guest::Simulated => Guests::Simulated,
            Guest::Shell => Guests::Shell(
                Shell::new(options.at_once, options.output_cap)
                    .map_err(|source| SandboxError::Directory { source })?,
            ),
            Guest::Qga(directory) => Guests::Qga(agents(&options, directory)?),
        };
        let (stopping, stopped) = watch::channel(false);
        let server = Arc::new(Server {
            api: Api::new(&options, format!("http://{address}"), guests),
            clock: Clock::start(options.skew),
            throttle: Throttle::new(options.rate, options.window, options.throttling),
            injector: Injector::new(options.faults, options.seed),
            journal,
            tally: Tally::default(),
            authorization: format!("Bearer {}", options.token),
            latency: options.latency,
            latency_spread: options.latency_spread,
            draw: Draw::new(options.seed).named("latency"),
            stopping: stopped.clone(),
        });
        let router = Router::new().fallback(serve).with_state(server.clone());
        let service = router.into_make_service_with_connect_info::<Link>();
        let mut stopped = stopped;
        let farewell = async move {
            // A sender that is gone means the same.
            drop(stopped.wait_for(|stopping| *stopping).await);
        };
        let serving = axum::serve(Listener(listener), service).with_graceful_shutdown(farewell);
        let serving = tokio::spawn(serving.into_future());
        Ok(Self { server, address, token: options.token, stopping, serving })
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The API key that it accepts.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What it has served so far.
    pub fn served(&self) -> Counts {
        let tally = &self.server.tally;
        let of = |operation: Operation| tally.by_operation[operation as usize].load(Relaxed);
        Counts {
            list: of(Operation::List),
            probe: of(Operation::Probe),
            start: of(Operation::Start),
            poll: of(Operation::Poll),
            other: of(Operation::Other),
            throttled: tally.throttled.load(Relaxed),
            unauthorized: tally.unauthorized.load(Relaxed),
            begun: tally.begun.load(Relaxed),
            first_request: tally.first.load(Relaxed).checked_sub(1).map(Duration::from_nanos),
        }
    }

    /// The ids and names of all servers, in the order of the listing.
    pub fn servers(&self) -> impl Iterator<Item = (String, String)> {
        let fleet = &self.server.api.fleet;
        fleet.iter().map(|(index, server)| (fleet.id(index), server.name()))
    }

    /// How many commands the server of this id has begun; 0 where there is none of this id.
    pub fn begun(&self, id: &str) -> u32 {
        self.server.api.fleet.find(id).map_or(0, |server| self.server.api.begun(server))
    }

    /// Stops serving: requests under way get a second, held-back answers are dropped, commands of the shell guest
    /// are killed and their directories removed.
    pub async fn stop(self) {
        let Self { server, stopping, mut serving, .. } = self;
        stopping.send_replace(true);
        if let Guests::Shell(shell) = &server.api.guests {
            shell.stop();
        }
        if timeout(FAREWELL, &mut serving).await.is_err() {
            serving.abort();
        }
    }
}

/// Finds the agents of all servers in `directory`.
fn agents(options: &Options, directory: &Path) -> Result<QemuAgents, SandboxError> {
    let agents = if options.shape.gone_pid == GonePid::Cached {
        Err("they tell a result once, so there is none for gone-pid=cached to tell again".to_owned())
    } else {
        QemuAgents::new(directory, options.vms, options.output_cap)
    };
    agents.map_err(|problem| SandboxError::Agents { directory: directory.to_owned(), problem })
}
