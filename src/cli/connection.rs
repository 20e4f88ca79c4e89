//! Which API, and with which key: flags, environment, or the sandbox inside this process.

use std::{
    env,
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use super::Failure;
use crate::{
    budget::DEFAULT_CONNECTIONS,
    hostup::{ApiKey, ApiUrl, Client, ClientOptions},
    sandbox::{Options, Sandbox},
    store::Account,
};

/// A key file larger than this is no key file.
const MAX_KEY_FILE: u64 = 64 * 1024;

/// Which API, and with which key.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct ApiArgs {
    #[arg(
        long,
        value_name = "URL",
        help = "Base URL of the API [default: https://cloud.hostup.se]",
        env = "ROLLCALL_API_URL"
    )]
    api_url: Option<String>,

    #[arg(
        long,
        value_name = "FILE",
        help = "File that holds the API key; else HOSTUP_API_KEY",
        env = "HOSTUP_API_KEY_FILE"
    )]
    api_key_file: Option<PathBuf>,
}

/// The same, or the sandbox inside this process.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct ConnectionArgs {
    #[command(flatten)]
    api: ApiArgs,

    /// Use a built-in API with N servers instead of the real one: no account, nothing real is touched
    #[arg(long, value_name = "N[,KEY=VALUE…]", conflicts_with = "api_url")]
    sandbox: Option<String>,
}

/// A client, and the sandbox that it talks to, if it does.
pub(super) struct Connection {
    pub(super) client: Arc<Client>,
    pub(super) sandbox: Option<Sandbox>,
    /// Whose limits are met; `None` with the sandbox, which is gone with this process.
    pub(super) account: Option<Account>,
}

impl Connection {
    fn to(url: ApiUrl, key: ApiKey) -> Result<Self, Failure> {
        let account = Some(Account::new(&url, &key));
        Self::with(url, key, None, account)
    }

    fn with(
        url: ApiUrl,
        key: ApiKey,
        sandbox: Option<Sandbox>,
        account: Option<Account>,
    ) -> Result<Self, Failure> {
        let options = ClientOptions { connections: DEFAULT_CONNECTIONS, ..ClientOptions::default() };
        let client = Client::new(url, key, options)
            .map_err(|error| Failure::internal(format!("no HTTP client: {error}")))?;
        Ok(Self { client: Arc::new(client), sandbox, account })
    }
}

impl ConnectionArgs {
    /// Opens the connection, to the API at this address unless another one, or the sandbox, is named.
    pub(super) async fn open_or_at(&self, url: &str) -> Result<Connection, Failure> {
        if self.sandbox.is_none() && self.api.api_url.is_none() {
            self.api.open_at(url)
        } else {
            self.open().await
        }
    }

    /// Whether the run is against the sandbox inside this process.
    pub(super) fn is_sandbox(&self) -> bool {
        self.sandbox.is_some()
    }

    /// Opens the connection: reads the key, starts the sandbox if asked to. Sends nothing.
    pub(super) async fn open(&self) -> Result<Connection, Failure> {
        let Some(text) = &self.sandbox else {
            let (url, key) = self.api.url_and_key(" To try rollcall without one, add --sandbox 200")?;
            return Connection::to(url, key);
        };
        let unusable = |error: &dyn std::fmt::Display| Failure::usage(format!("--sandbox: {error}"));
        let options = Options::parse(text).map_err(|error| unusable(&error))?;
        let sandbox = Sandbox::start(options).await.map_err(|error| unusable(&error))?;
        // The sandbox's own key: a real one in the environment must never reach it.
        let key = ApiKey::from_text(sandbox.token()).map_err(|error| unusable(&error))?;
        Connection::with(parse_url(&sandbox.url())?, key, Some(sandbox), None)
    }
}

impl ApiArgs {
    /// The address that the flags or the environment name, where it is another one than this.
    pub(super) fn other_than(&self, url: &str) -> Option<&str> {
        let is_same = |named: &&str| named.parse().is_ok_and(|named: ApiUrl| named.to_string() == url);
        self.api_url.as_deref().filter(|named| !is_same(named))
    }

    /// A connection to the API at this address. Sends nothing.
    pub(super) fn open_at(&self, url: &str) -> Result<Connection, Failure> {
        Connection::to(parse_url(url)?, self.key("")?)
    }

    /// The account that the flags and the environment name. Sends nothing.
    pub(super) fn account(&self, without_key: &str) -> Result<Account, Failure> {
        let (url, key) = self.url_and_key(without_key)?;
        Ok(Account::new(&url, &key))
    }

    /// `without_key` is what to do where there is no key to be had, after a full stop.
    fn url_and_key(&self, without_key: &str) -> Result<(ApiUrl, ApiKey), Failure> {
        let url = self.api_url.as_deref().map_or_else(|| Ok(ApiUrl::default()), parse_url)?;
        Ok((url, self.key(without_key)?))
    }

    fn key(&self, without_key: &str) -> Result<ApiKey, Failure> {
        let (text, place) = match &self.api_key_file {
            Some(path) => (key_from_file(path)?, path.display().to_string()),
            None => match env::var_os("HOSTUP_API_KEY") {
                Some(text) => {
                    let text =
                        text.into_string().map_err(|_| Failure::usage("HOSTUP_API_KEY is not text"))?;
                    (text, "HOSTUP_API_KEY".to_owned())
                }
                None => {
                    return Err(Failure::usage("no API key").hint(format!(
                        "set HOSTUP_API_KEY, or name a file with --api-key-file; keys are made under \
                         cloud.hostup.se/api-management and need read:vm and write:vm.{without_key}"
                    )));
                }
            },
        };
        ApiKey::from_text(&text).map_err(|error| Failure::usage(format!("{place}: {error}")))
    }
}

fn parse_url(text: &str) -> Result<ApiUrl, Failure> {
    text.parse().map_err(|error| Failure::usage(format!("--api-url: {error}")))
}

/// Reads a key's file as it is; warns where others can read it too.
pub(super) fn key_from_file(path: &Path) -> Result<String, Failure> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("cannot read the API key from {}: {why}", path.display()))
    };
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(unreadable(&"not a regular file"));
    }
    if metadata.len() > MAX_KEY_FILE {
        return Err(unreadable(&"too large for a key"));
    }
    warn_if_exposed(path, &metadata);
    fs::read_to_string(path).map_err(|error| unreadable(&error))
}

/// Others who can read the file can use the key, and who owns it can change it.
fn warn_if_exposed(path: &Path, metadata: &Metadata) {
    let path = || crate::report::inert(&path.display().to_string()).into_owned();
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        let (path, owner) = (path(), metadata.uid());
        tracing::warn!(
            "the API key's file belongs to another user (uid {owner}): chown it, then chmod 600 {path}"
        );
    } else if metadata.mode() & 0o077 != 0 {
        tracing::warn!("others can read the API key: chmod 600 {}", path());
    }
}
