//! rollcall runs a command on many HostUp VPSes through the provider's API, and says exactly what happened on each.
//!
//! A [`playbook`] says which VPSes and which commands; the [`fleet`] room picks the targets; the [`engine`], which is
//! pure, decides which request is sent next and what an answer means, within what the [`budget`] allows; the
//! [`runner`] performs it through the client in [`hostup`]; [`report`] says what came of it. The [`sandbox`] is the
//! other side of the wire, for trying all this without an account:
//!
//! ```
//! use std::sync::Arc;
//!
//! use futures::stream;
//! use rollcall::{
//!     budget::RunTime,
//!     engine::{Event, RunSpec, Status},
//!     fleet::Selection,
//!     hostup::{ApiKey, Client, ClientOptions},
//!     playbook::Playbook,
//!     runner::{Observer, Run},
//!     sandbox::{Options, Sandbox},
//! };
//!
//! struct Silent;
//!
//! impl Observer for Silent {
//!     fn observe(&mut self, _: &Event) {}
//!     fn tick(&mut self, _: RunTime) {}
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let sandbox = Sandbox::start(Options::parse("3,fleet=uniform,duration=0s")?).await?;
//! let key = ApiKey::from_text(sandbox.token())?;
//! let client = Client::new(sandbox.url().parse()?, key, ClientOptions::default())?;
//! let playbook = Playbook::of_command("uptime")?;
//! let spec = RunSpec::new(Selection::default(), playbook.steps, 1);
//! let outcome = Run::new(spec).drive(Arc::new(client), stream::pending(), async |_| true, &mut Silent).await;
//! assert_eq!(outcome.run.summary().count(Status::Ok), 3);
//! sandbox.stop().await;
//! # Ok(())
//! # })
//! # }
//! ```

pub mod archive;
pub mod budget;
pub mod cli;
pub mod engine;
pub mod fleet;
pub mod hostup;
pub mod playbook;
pub mod progress;
mod redact;
pub mod report;
pub mod runner;
pub mod sandbox;
pub mod store;
