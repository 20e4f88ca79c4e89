//! The signals that interrupt a run.

use std::io;

use futures::{Stream, StreamExt, stream};
use tokio::signal::unix::{SignalKind, signal};

/// Numbers of SIGINT, SIGTERM and SIGHUP as they arrive. From here on they no longer end the process.
///
/// # Errors
/// If the operating system refuses the handlers.
pub fn interrupts() -> io::Result<impl Stream<Item = i32>> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let streams = kinds
        .into_iter()
        .map(|kind| {
            let listener = signal(kind)?;
            let number = kind.as_raw_value();
            Ok(stream::unfold(listener, move |mut listener| async move {
                listener.recv().await.map(|()| (number, listener))
            })
            .boxed())
        })
        .collect::<io::Result<Vec<_>>>()?;
    Ok(stream::select_all(streams))
}
