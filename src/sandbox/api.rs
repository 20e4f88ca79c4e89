//! The API itself: what a request that got through is answered, and what it does to the guests.
//!
//! Everything here happens at once: no waiting but for a real guest agent, and no lock longer than one server's own.
//! What comes before (key, rate limit) and what goes wrong on the way is `serve`'s.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    draw::Draw,
    duration::RunTime,
    faults::{GuestFault, PageFault},
    fleet::{Fleet, Oddity, Server},
    guest::{Agent, Condition, Ended, Guests, Outcome, Output, Polled, Simulated, Trouble, Work, simulate},
    listing::{self, Listing},
    options::{Agents, Options, Variety},
    problem::Problem,
    request::Route,
    shape::{BlockCode, GonePid, NoAgent, Scopes, Shape},
    wire,
};

/// What is always blocked, as a sample of a filter whose rules HostUp does not publish.
const BLOCKED: [&str; 5] = ["rm -rf /*", "mkfs", "> /dev/sd", "of=/dev/", ":(){"];

/// The most characters of a command (HostUp docs, post-exec page).
const LONGEST_COMMAND: usize = 4096;

/// How many servers there are unless the options or the guest say.
const SERVERS: u32 = 200;

const AGENT_OFF: &str = "QEMU Guest Agent is not running";
const VM_OFF: &str = "VM is not running";

/// The servers, and what is known of them.
pub(super) struct Api {
    pub(super) fleet: Fleet,
    pub(super) shape: Shape,
    pub(super) guests: Guests,
    agents: Vec<Mutex<Agent>>,
    duration: RunTime,
    output_cap: usize,
    listing: Listing,
    block: Option<String>,
    origin: String,
    draw: Draw,
}

/// A request that got through.
pub(super) struct Asked<'a> {
    pub(super) route: &'a Route<'a>,
    pub(super) parameters: &'a [(String, String)],
    /// The server that the route names, if there is one of its id.
    pub(super) server: Option<usize>,
    pub(super) body: &'a [u8],
    pub(super) number: u64,
    pub(super) now: Duration,
    pub(super) wall: Timestamp,
    pub(super) guest_fault: Option<GuestFault>,
    pub(super) page_fault: Option<PageFault>,
}

/// What a success says.
#[derive(Debug)]
pub(super) struct Success {
    pub(super) body: Vec<u8>,
    /// The pid of the command that it began.
    pub(super) began: Option<u32>,
    /// How the command that it asked for ended.
    pub(super) ended: Option<Ended>,
}

/// The body of a start (HostUp docs, post-exec page).
#[derive(Deserialize)]
struct StartBody {
    command: String,
}

/// The command of a start's body, if it has one.
pub(super) fn command(body: &[u8]) -> Option<String> {
    serde_json::from_slice(body).ok().map(|StartBody { command }| command)
}

impl Api {
    /// Makes the servers. `origin` is where this one is found.
    pub(super) fn new(options: &Options, origin: String, guests: Guests) -> Self {
        let (servers, variety, agents) = match &guests {
            Guests::Qga(agents) => (agents.len(), Variety::Uniform, Agents::All),
            Guests::Simulated | Guests::Shell(_) => {
                (options.vms.unwrap_or(SERVERS), options.fleet, options.agents)
            }
        };
        let fleet = Fleet::new(options.seed, servers, variety, agents);
        Self {
            agents: (0..fleet.len()).map(|_| Mutex::default()).collect(),
            fleet,
            guests,
            shape: options.shape,
            duration: options.duration,
            output_cap: options.output_cap,
            listing: Listing {
                page_limit: options.page_limit as usize,
                over_limit: options.shape.over_limit,
                last_cursor: options.shape.last_cursor,
            },
            block: options.block.clone(),
            origin,
            draw: Draw::new(options.seed).named("guests"),
        }
    }

    /// Whether an answer can take its time, because somebody else is asked for it.
    pub(super) fn waits(&self) -> bool {
        matches!(self.guests, Guests::Qga(_))
    }

    /// How many commands this server has begun.
    pub(super) fn begun(&self, server: usize) -> u32 {
        self.agent(server).begun()
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// Every 4xx and 5xx that the API has of its own.
    pub(super) async fn answer(&self, asked: &Asked<'_>) -> Result<Success, Problem> {
        match asked.route {
            Route::Nowhere => return Err(Problem::new(404, "not_found", "There is no such endpoint.")),
            Route::WrongMethod { allow } => {
                return Err(Problem::new(405, "method_not_allowed", format!("This endpoint takes {allow}.")));
            }
            route => self.permit(route)?,
        }
        let server = asked.server.ok_or_else(|| Problem::new(404, "vps_not_found", "There is no such VPS."));
        match asked.route {
            Route::List => self
                .listing
                .page(&self.fleet, asked.parameters, asked.page_fault)
                .map(|body| Success { body, began: None, ended: None }),
            Route::One { .. } => Ok(self.success(asked, &listing::one(&self.fleet, server?))),
            Route::Probe { .. } => self.probe(asked, server?).await,
            Route::Start { id } => self.start(asked, server?, id).await,
            Route::Poll { pid, .. } => self.poll(asked, server?, pid).await,
            Route::Me | Route::Nowhere | Route::WrongMethod { .. } => {
                Ok(self.success(asked, &self.account()))
            }
        }
    }

    /// `read:vm` lists, reads and probes; `write:vm` starts and polls (HostUp docs, get-exec page).
    fn permit(&self, route: &Route) -> Result<(), Problem> {
        let (reads, writes) = match self.shape.scopes {
            Scopes::Both | Scopes::WriteImpliesRead => (true, true),
            Scopes::Read => (true, false),
            Scopes::Write => (false, true),
            Scopes::None => (false, false),
        };
        let (scope, has) = match route {
            Route::Start { .. } | Route::Poll { .. } => ("write:vm", writes),
            _ => ("read:vm", reads),
        };
        if has {
            Ok(())
        } else {
            Err(Problem::new(403, "forbidden", format!("The API key lacks the scope {scope}.")))
        }
    }

    fn account(&self) -> Account {
        let scopes = match self.shape.scopes {
            Scopes::Both => vec!["read:vm", "write:vm"],
            Scopes::Read => vec!["read:vm"],
            Scopes::Write | Scopes::WriteImpliesRead => vec!["write:vm"],
            Scopes::None => Vec::new(),
        };
        Account { name: "Sandbox", scopes }
    }

    fn success(&self, asked: &Asked, data: &impl Serialize) -> Success {
        let body = wire::body(data, self.shape.bodies, asked.number, || asked.wall.to_string());
        Success { body, began: None, ended: None }
    }

    fn agent(&self, server: usize) -> MutexGuard<'_, Agent> {
        self.agents[server].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the agent cannot be used now, and whether the machine is on; sets off what the fault does to the guest.
    fn trouble(asked: &Asked, server: &Server, agent: &mut Agent) -> (Option<&'static str>, bool) {
        match asked.guest_fault {
            Some(GuestFault::Freeze(length)) => agent.freeze(asked.now + length),
            Some(GuestFault::Forget(length)) => agent.reboot(asked.now + length),
            Some(GuestFault::Stopped) => return (Some(VM_OFF), false),
            Some(GuestFault::AgentOff) => return (Some(AGENT_OFF), true),
            Some(GuestFault::Blocked | GuestFault::ExecForbidden) | None => {}
        }
        let agent_off =
            server.oddity == Some(Oddity::AgentOff) || agent.condition(asked.now) == Condition::Away;
        match (server.is_on(), agent_off) {
            (false, _) => (Some(VM_OFF), false),
            (true, true) => (Some(AGENT_OFF), true),
            (true, false) => (None, true),
        }
    }

    async fn probe(&self, asked: &Asked<'_>, index: usize) -> Result<Success, Problem> {
        let server = self.fleet.server(index);
        provisioned(server)?;
        let (mut reason, vm_running) = Self::trouble(asked, server, &mut self.agent(index));
        if let (None, Guests::Qga(agents)) = (reason, &self.guests)
            && !agents.answers(index).await
        {
            reason = Some(AGENT_OFF);
        }
        Ok(self.success(asked, &wire::probe(reason, vm_running)))
    }

    async fn start(&self, asked: &Asked<'_>, index: usize, id: &str) -> Result<Success, Problem> {
        let command = self.check(asked)?;
        let pid = if let Guests::Qga(agents) = &self.guests {
            self.takes_commands(asked, index, &mut self.agent(index))?;
            let pid = agents.begin(index, &command).await.map_err(|trouble| self.passed_on(trouble))?;
            self.agent(index).begun_elsewhere();
            pid
        } else {
            self.begin(asked, index, id, command)?
        };
        let reply = wire::started(&self.shape, &self.origin, id, pid);
        Ok(Success { began: Some(pid), ..self.success(asked, &reply) })
    }

    /// Begins a command on a guest of the sandbox's own.
    fn begin(&self, asked: &Asked, index: usize, id: &str, command: String) -> Result<u32, Problem> {
        let (server, draw) = (self.fleet.server(index), self.draw.at(index as u64));
        let mut agent = self.agent(index);
        self.takes_commands(asked, index, &mut agent)?;
        let work = if let Guests::Shell(shell) = &self.guests {
            shell.begin(id, server.name(), command)
        } else {
            let run_time = self.duration.draw(draw.named("duration").at(agent.begun().into()));
            let Simulated { ended, stdout, stderr, took } = simulate(server, &command, asked.wall);
            let [stdout, stderr] = [stdout, stderr].map(|stream| Output::capped(stream, self.output_cap));
            Work::Until(asked.now + run_time + took, Outcome { ended, stdout, stderr })
        };
        Ok(agent.begin(work, draw))
    }

    async fn poll(&self, asked: &Asked<'_>, index: usize, pid: &str) -> Result<Success, Problem> {
        let server = self.fleet.server(index);
        let pid = pid.parse().map_err(|_| Problem::invalid("pid", "pid must be a whole number"))?;
        let polled = if let Guests::Qga(agents) = &self.guests {
            self.usable(asked, server, &mut self.agent(index))?;
            agents.poll(index, pid).await.map_err(|trouble| self.passed_on(trouble))?
        } else {
            let mut agent = self.agent(index);
            self.usable(asked, server, &mut agent)?;
            agent.poll(pid, asked.now, self.shape.gone_pid == GonePid::Cached)
        };
        if polled == Polled::Unknown {
            return Err(self.unknown_pid(&format!("PID {pid} does not exist")));
        }
        let ended = if let Polled::Exited(outcome) = &polled { Some(outcome.ended) } else { None };
        Ok(Success { ended, ..self.success(asked, &wire::polled(&self.shape, &polled)) })
    }

    /// What the API says where the agent says `words` of a pid.
    fn unknown_pid(&self, words: &str) -> Problem {
        let text = format!("Agent error: {words}");
        match self.shape.gone_pid {
            GonePid::InternalError | GonePid::Cached => Problem::new(500, "internal_error", text),
            GonePid::NotFound => Problem::new(404, "not_found", text),
            GonePid::BadRequest => Problem::invalid("pid", text),
            GonePid::Gone => Problem::new(410, "gone", text),
        }
    }

    /// What the API says of a real agent's trouble.
    fn passed_on(&self, trouble: Trouble) -> Problem {
        match trouble {
            Trouble::Away => self.no_agent(AGENT_OFF),
            Trouble::UnknownPid(words) => self.unknown_pid(&words),
            Trouble::Refused(words) | Trouble::Unanswered(words) => {
                Problem::new(500, "internal_error", format!("Agent error: {words}"))
            }
        }
    }

    fn no_agent(&self, reason: &str) -> Problem {
        match self.shape.no_agent {
            NoAgent::InternalError => Problem::new(500, "internal_error", reason),
            NoAgent::NotReady => Problem::new(409, "vps_not_ready", reason),
        }
    }

    /// Whether the server takes a command now.
    fn takes_commands(&self, asked: &Asked, index: usize, agent: &mut Agent) -> Result<(), Problem> {
        let server = self.fleet.server(index);
        provisioned(server)?;
        self.usable(asked, server, agent)?;
        if asked.guest_fault == Some(GuestFault::ExecForbidden) {
            let text = "Agent error: Command guest-exec has been disabled: the command is not allowed";
            return Err(Problem::new(500, "internal_error", text));
        }
        Ok(())
    }

    /// Whether the guest takes an exec or its status now.
    fn usable(&self, asked: &Asked, server: &Server, agent: &mut Agent) -> Result<(), Problem> {
        if let (Some(reason), _) = Self::trouble(asked, server, agent) {
            return Err(self.no_agent(reason));
        }
        if agent.condition(asked.now) == Condition::Frozen {
            let text = "Agent error: Command is not allowed while filesystems are frozen";
            return Err(Problem::new(500, "internal_error", text));
        }
        Ok(())
    }

    /// The command of a start, if the API would take it.
    fn check(&self, asked: &Asked) -> Result<String, Problem> {
        let command = command(asked.body)
            .ok_or_else(|| Problem::invalid("/command", "the body must be JSON with the string command"))?;
        if command.trim().is_empty() {
            return Err(Problem::invalid("/command", "command must not be empty"));
        }
        if command.chars().count() > LONGEST_COMMAND {
            return Err(Problem::invalid(
                "/command",
                format!("command must be at most {LONGEST_COMMAND} characters"),
            ));
        }
        let listed = BLOCKED.into_iter().chain(self.block.as_deref()).any(|text| command.contains(text));
        if listed || asked.guest_fault == Some(GuestFault::Blocked) {
            let code = match self.shape.block_code {
                BlockCode::InvalidRequest => "invalid_request",
                BlockCode::CommandBlocked => "command_blocked",
            };
            return Err(Problem::new(400, code, "This command has been blocked for safety reasons"));
        }
        Ok(command)
    }
}

fn provisioned(server: &Server) -> Result<(), Problem> {
    if server.oddity == Some(Oddity::Provisioning) {
        return Err(Problem::new(409, "vps_not_ready", "The VPS is still being provisioned."));
    }
    Ok(())
}

/// What `GET /api/v2/me` tells; HostUp publishes no schema.
#[derive(Serialize)]
struct Account {
    name: &'static str,
    scopes: Vec<&'static str>,
}
