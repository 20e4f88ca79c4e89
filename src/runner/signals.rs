//! The signals that a run listens to.

use std::io;

use futures::{Stream, StreamExt, stream};
use tokio::signal::unix::{SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// To end: SIGINT, SIGTERM or SIGHUP, by its number.
    Interrupt(i32),
    /// To say what is in flight: SIGUSR1, and SIGINFO (Ctrl-T) where there is one.
    Status,
}

/// These signals as they arrive. From here on none of them ends the process.
///
/// # Errors
/// If the operating system refuses the handlers.
pub fn signals() -> io::Result<impl Stream<Item = Signal>> {
    let interrupt = |kind: SignalKind| (kind, Signal::Interrupt(kind.as_raw_value()));
    let mut kinds = vec![
        interrupt(SignalKind::interrupt()),
        interrupt(SignalKind::terminate()),
        interrupt(SignalKind::hangup()),
        (SignalKind::user_defined1(), Signal::Status),
    ];
    kinds.extend(information().map(|kind| (kind, Signal::Status)));
    let streams = kinds
        .into_iter()
        .map(|(kind, meaning)| {
            let listener = signal(kind)?;
            Ok(stream::unfold(listener, move |mut listener| async move {
                listener.recv().await.map(|()| (meaning, listener))
            })
            .boxed())
        })
        .collect::<io::Result<Vec<_>>>()?;
    Ok(stream::select_all(streams))
}

/// From here on a write beyond the limit on the size of files (`ulimit -f`) fails as one on a full disk does. Without this
/// the system ends the process by SIGXFSZ, with starts on their way.
///
/// # Errors
/// If the operating system refuses the handler.
pub fn outlive_the_limit_on_files() -> io::Result<()> {
    // The handler stays when its listener goes; nobody needs to be told of the signal, for the write says it.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}

#[cfg(any(target_os = "macos", target_os = "freebsd", target_os = "openbsd", target_os = "netbsd"))]
fn information() -> Option<SignalKind> {
    Some(SignalKind::info())
}

#[cfg(not(any(target_os = "macos", target_os = "freebsd", target_os = "openbsd", target_os = "netbsd")))]
fn information() -> Option<SignalKind> {
    None
}
