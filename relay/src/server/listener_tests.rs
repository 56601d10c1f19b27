//! Slow and silent peers, on a clock that only the test moves: each phase of a socket ends by itself.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::watch,
    time::Instant,
};

use super::*;
use crate::{
    config::Config,
    server::{committer::Committer, metrics::Metrics, relay::share},
    service::ConnectionInfo,
};

/// The HTTP side without a committing thread: nothing here gets as far as a request that needs one.
fn shared() -> (Arc<Shared>, watch::Sender<bool>) {
    let config = Config::loopback("unused");
    let hosts = crate::server::hosts::Hosts::from_config(&config).unwrap();
    let metrics = Arc::new(Metrics::new());
    let (drain, draining) = watch::channel(false);
    let folder = std::path::PathBuf::new();
    let shared = share(
        &config,
        hosts,
        folder,
        &Committer::new(usize::MAX),
        &metrics,
        draining,
    );
    (Arc::new(shared), drain)
}

fn serve(shared: &Arc<Shared>) -> DuplexStream {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let peer = Peer {
        address: [127, 0, 0, 1].into(),
        exporter: None,
    };
    let shared = shared.clone();
    tokio::spawn(async move { serve_http(WriteDeadline::new(near), peer, &shared).await });
    far
}

/// Reads to the end; how long that took on the virtual clock.
async fn until_closed(mut far: DuplexStream) -> Duration {
    let start = Instant::now();
    let mut rest = Vec::new();
    far.read_to_end(&mut rest).await.unwrap();
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn headers_that_never_end_are_cut_off() {
    let (shared, _drain) = shared();
    let mut loris = serve(&shared);
    loris
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b")
        .await
        .unwrap();
    assert!(until_closed(loris).await <= limits::HEADER_TIMEOUT + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn trickling_headers_buys_no_time() {
    let (shared, _drain) = shared();
    let mut loris = serve(&shared);
    let start = Instant::now();
    loris.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    while loris.write_all(b"X-A: b\r\n").await.is_ok() {
        tokio::time::advance(Duration::from_secs(1)).await;
        tokio::task::yield_now().await;
        assert!(start.elapsed() < 2 * limits::HEADER_TIMEOUT, "still open");
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_says_nothing_is_closed() {
    let (shared, _drain) = shared();
    let silent = serve(&shared);
    assert!(until_closed(silent).await <= limits::HEADER_TIMEOUT + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_closes_idle_sockets_at_once() {
    let (shared, drain) = shared();
    let mut idle = serve(&shared);
    idle.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut page = [0; 12];
    idle.read_exact(&mut page).await.unwrap();
    assert_eq!(&page, b"HTTP/1.1 200");
    drain.send_replace(true);
    assert_eq!(until_closed(idle).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_closed_closes_its_websocket_though_the_client_stays_silent() {
    let committer = Committer::new(usize::MAX);
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let info = ConnectionInfo {
        source: [0; 16],
        binding: undertone_wire::binding::BindingValue::Host([0; 32]),
    };
    let lane = crate::server::connection::Connection::open(committer, info).await;
    lane.end(undertone_wire::ErrorCode::TimedOut);
    let (_drain, draining) = watch::channel(false);
    let metrics = Metrics::new();
    websocket::serve(near, lane, &metrics, draining).await;
    let mut close = [0; 4];
    far.read_exact(&mut close).await.unwrap();
    assert_eq!(close[0], 0x88, "a close frame");
    assert!(
        metrics
            .render()
            .contains("undertone_relay_idle_closed_total 1")
    );
}
