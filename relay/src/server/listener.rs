//! Sockets: accepting, the places they take, TLS, and handing them to HTTP.
//!
//! Invariant: a connection has a place in the whole and one of its source before anything is read from it, and every
//! phase before the first request has a time limit. Not its concern: what requests mean.

use std::{net::SocketAddr, sync::Arc};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    http_service::{self, Upgrade, UpgradeSlot},
    limits,
    log_gate::LogGate,
    shared::{Peer, Shared},
    tls, websocket,
    write_deadline::WriteDeadline,
};

/// Everything that accepting needs.
pub(crate) struct Listener {
    pub(crate) tcp: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) failures: LogGate,
}

impl Listener {
    /// Accepts until the relay drains; returns the tasks that still serve.
    pub(crate) async fn run(self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let mut draining = self.shared.draining.clone();
        let handshakes = Arc::new(Semaphore::new(limits::HANDSHAKES));
        // Accepted, and waiting for a place; the others wait in the kernel. A place taken before would be one less for all.
        let mut newcomer = None;
        while !*draining.borrow_and_update() {
            tokio::select! {
                accepted = self.accept(), if newcomer.is_none() => newcomer = accepted,
                place = self.place(), if newcomer.is_some() => {
                    if let Some((stream, address)) = newcomer.take() {
                        let serve = serve_socket(stream, address, self.tls.clone(), handshakes.clone(), self.shared.clone());
                        tasks.spawn(async move {
                            serve.await;
                            drop(place);
                        });
                    }
                }
                Some(_) = tasks.join_next() => {}
                _ = draining.changed() => {}
            }
        }
        tasks
    }

    /// The next connection; cancelling loses none.
    async fn accept(&self) -> Option<(TcpStream, SocketAddr)> {
        match self.tcp.accept().await {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                // Out of file descriptors, mostly: the next try needs somebody to leave first.
                self.shared.metrics.failed_accepts.increment(1);
                if self.failures.opens() {
                    tracing::warn!(
                        kind = ?error.kind(),
                        "connections cannot be accepted; check the limit of open files"
                    );
                }
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                None
            }
        }
    }

    /// A place for one more connection. The semaphore is never closed.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.shared.places.clone().acquire_owned().await.ok()
    }
}

async fn serve_socket(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    handshakes: Arc<Semaphore>,
    shared: Arc<Shared>,
) {
    // Without it a small frame waits for the ack of the one before. A socket that refuses it works, slower.
    let _ = stream.set_nodelay(true);
    // Behind a trusted proxy all sockets come from one address; there each request is counted by what it forwards.
    let place = match shared.is_trusted_proxy(address.ip()) {
        true => None,
        false => match shared.sources.enter(shared.sources.prefix(address.ip())) {
            Some(place) => Some(place),
            None => {
                shared.metrics.refused_sources.increment(1);
                return;
            }
        },
    };
    let stream = WriteDeadline::new(stream);
    shared.metrics.sockets.increment(1);
    match tls {
        None => {
            serve_http(
                stream,
                Peer {
                    address: address.ip(),
                    exporter: None,
                },
                &shared,
            )
            .await
        }
        Some(acceptor) => {
            let Ok(turn) = handshakes.acquire_owned().await else {
                return;
            };
            let handshake = timeout(limits::HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await;
            drop(turn);
            match handshake {
                Ok(Ok(mut stream)) => {
                    let exporter = tls::bind(&mut stream);
                    serve_http(
                        stream,
                        Peer {
                            address: address.ip(),
                            exporter,
                        },
                        &shared,
                    )
                    .await;
                }
                Ok(Err(_)) | Err(_) => shared.metrics.failed_handshakes.increment(1),
            }
        }
    }
    shared.metrics.sockets.decrement(1);
    drop(place);
}

/// Serves the requests of one socket, and the WebSocket that it may become.
async fn serve_http<S>(stream: S, peer: Peer, shared: &Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Boxed, so that a WebSocket does not carry the memory of its upgrade for the rest of its life.
    let upgrade = Box::pin(serve_requests(stream, peer, shared)).await;
    let Some(Upgrade {
        stream,
        info,
        place,
    }) = upgrade
    else {
        return;
    };
    if let Ok(stream) = stream.await {
        let lane = shared.open(info).await;
        let draining = shared.draining.clone();
        websocket::serve(TokioIo::new(stream), lane, &shared.metrics, draining).await;
    }
    drop(place);
}

/// Serves requests until the socket ends or becomes a WebSocket.
async fn serve_requests<S>(stream: S, peer: Peer, shared: &Arc<Shared>) -> Option<Upgrade>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgrade = UpgradeSlot::default();
    let service =
        service_fn(|request| http_service::answer(shared, request, peer, upgrade.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_TIMEOUT)
        .max_headers(limits::HEADER_FIELDS)
        .max_header_size(limits::HEADER_BYTES)
        .max_buf_size(limits::HTTP_BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut draining = shared.draining.clone();
    let served = loop {
        let stopping = *draining.borrow_and_update();
        if stopping {
            connection.as_mut().graceful_shutdown();
        }
        tokio::select! {
            served = connection.as_mut() => break served,
            _ = draining.changed(), if !stopping => {}
        }
    };
    served.ok().and_then(|()| upgrade.lock().take())
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
