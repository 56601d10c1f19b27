//! Files are read and written on the blocking pool, never on a thread that serves sockets.

use std::io;

/// Runs what blocks on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(io::Error::other("stopped")))
}
