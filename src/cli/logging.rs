//! Log lines on stderr.

use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(super) struct LoggingArgs {
    /// Log more: -v what is retried and why, -vv every request
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,

    /// How log lines are written
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true, value_name = "FORMAT")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl LoggingArgs {
    /// Begins to log. `RUST_LOG` overrules `-v`, as with other tools.
    pub(super) fn install(&self) {
        let default = match self.verbose {
            0 => "rollcall=warn",
            1 => "rollcall=info",
            2 => "rollcall=debug",
            _ => "rollcall=trace,reqwest=debug,hyper_util=debug",
        };
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
        // A closed stderr must not end the run, so a line that cannot be written is dropped in silence.
        let lines = fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
        let registry = tracing_subscriber::registry().with(filter);
        match self.log_format {
            LogFormat::Text => registry.with(lines.with_ansi(colour_on_stderr())).init(),
            LogFormat::Json => registry.with(lines.json()).init(),
        }
    }
}

fn colour_on_stderr() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
