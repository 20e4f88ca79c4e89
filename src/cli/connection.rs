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

impl ConnectionArgs {
    /// Whether the run is against the sandbox inside this process.
    pub(super) fn is_sandbox(&self) -> bool {
        self.sandbox.is_some()
    }

    /// Opens the connection: reads the key, starts the sandbox if asked to. Sends nothing.
    pub(super) async fn open(&self) -> Result<Connection, Failure> {
        let options = ClientOptions { connections: DEFAULT_CONNECTIONS, ..ClientOptions::default() };
        let (url, key, sandbox, account) = if let Some(text) = &self.sandbox {
            let options =
                Options::parse(text).map_err(|error| Failure::usage(format!("--sandbox: {error}")))?;
            let sandbox = Sandbox::start(options)
                .await
                .map_err(|error| Failure::usage(format!("--sandbox: {error}")))?;
            // The sandbox's own key: a real one in the environment must never reach it.
            let key = ApiKey::from_text(sandbox.token())
                .map_err(|error| Failure::usage(format!("--sandbox: {error}")))?;
            (parse_url(&sandbox.url())?, key, Some(sandbox), None)
        } else {
            let (url, key) = self.api.url_and_key(" To try rollcall without one, add --sandbox 200")?;
            let account = Account::new(&url, &key);
            (url, key, None, Some(account))
        };
        let client = Client::new(url, key, options)
            .map_err(|error| Failure::internal(format!("no HTTP client: {error}")))?;
        Ok(Connection { client: Arc::new(client), sandbox, account })
    }
}

impl ApiArgs {
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

/// Others who can read the file can use the key.
fn warn_if_exposed(path: &Path, metadata: &Metadata) {
    if metadata.mode() & 0o077 != 0 {
        let path = crate::report::inert(&path.display().to_string()).into_owned();
        tracing::warn!("others can read the API key: chmod 600 {path}");
    }
}
