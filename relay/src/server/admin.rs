//! The operator's listener: `/livez`, `/readyz`, `/metrics`.
//!
//! Invariant: nothing here names anybody. It has no authentication, so its address belongs on loopback or a private
//! network. Not its concern: clients.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{Method, StatusCode, header};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

use super::{
    body::{self, Response},
    limits,
    metrics::Metrics,
};

/// What the listener reports.
pub(crate) struct Admin {
    /// False while commits fail.
    pub(crate) healthy: Arc<AtomicBool>,
    /// True from the start of a stop.
    pub(crate) draining: watch::Receiver<bool>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Admin {
    /// Serves until it is aborted.
    pub(crate) async fn run(self, listener: TcpListener) {
        let this = Arc::new(self);
        let places = Arc::new(Semaphore::new(limits::ADMIN_CONNECTIONS));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
                continue;
            };
            let admin = this.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let answer = admin.answer(&request);
                    async { Ok::<_, Infallible>(answer) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(limits::HEADER_TIMEOUT)
                    .max_buf_size(limits::HTTP_BUFFER_BYTES)
                    .serve_connection(TokioIo::new(stream), service);
                // A broken admin connection concerns nobody but its client.
                let _ = connection.await;
                drop(place);
            });
        }
    }

    fn is_ready(&self) -> bool {
        self.healthy.load(Ordering::Acquire) && !*self.draining.borrow()
    }

    fn answer(&self, request: &Request<Incoming>) -> Response {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return body::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "alive\n"),
            "/readyz" if self.is_ready() => text(StatusCode::OK, "ready\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            "/metrics" => body::with_headers(
                body::full(StatusCode::OK, self.metrics.render()),
                &[(
                    header::CONTENT_TYPE,
                    "text/plain; version=0.0.4; charset=utf-8",
                )],
            ),
            _ => body::empty(StatusCode::NOT_FOUND),
        }
    }
}

fn text(status: StatusCode, text: &'static str) -> Response {
    body::with_headers(
        body::full(status, text),
        &[(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
    )
}
