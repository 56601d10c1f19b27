//! The same semantics where networks block the upgrade, and back to the WebSocket when they stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use undertone::transport::{DisconnectCause, Timeouts, TransportConfig};

use crate::servers::{Block, proxy};
use crate::support::{Subject, TestRelay, challenge, host_binding, patient};

fn config(handshake: Duration, upgrade_retry: Duration) -> TransportConfig {
    let mut config = patient();
    config.timeouts = Timeouts {
        handshake,
        upgrade_retry,
        ..config.timeouts
    };
    config
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_forbidden_upgrade_falls_back_to_long_poll() {
    let relay = TestRelay::start().await;
    let upgrades = Arc::new(AtomicU32::new(0));
    let proxy = proxy(
        relay.address(),
        Block::Forbid,
        Arc::new(AtomicBool::new(true)),
        Arc::clone(&upgrades),
    )
    .await;
    let mut subject = Subject::connect(&proxy.url(), config(LONG, LONG));
    let (hello, binding, sender) = subject.up().await;
    assert_eq!(hello.protocol_version, 1);
    assert_eq!(binding, host_binding("127.0.0.1"));
    for request_id in 1..50 {
        subject.converse(&sender, request_id).await;
    }

    // The next connection does not try the upgrade again at once.
    subject.link.want(false);
    assert_eq!(subject.down().await.0, DisconnectCause::Requested);
    subject.link.want(true);
    let (_, _, sender) = subject.up().await;
    subject.converse(&sender, 1).await;
    assert_eq!(upgrades.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_swallowed_upgrade_falls_back_to_long_poll() {
    let relay = TestRelay::start().await;
    let proxy = proxy(
        relay.address(),
        Block::Swallow,
        Arc::new(AtomicBool::new(true)),
        Arc::default(),
    )
    .await;
    let mut subject = Subject::connect(&proxy.url(), config(Duration::from_millis(500), LONG));
    // The answer that comes over plain HTTP has no more time than the one that never comes.
    let (_, _, sender) = subject.up_at_last().await;
    subject.converse(&sender, 1).await;
}

#[tokio::test]
async fn the_websocket_is_tried_again_and_replaces_the_session() {
    let relay = TestRelay::start().await;
    let blocking = Arc::new(AtomicBool::new(true));
    let proxy = proxy(
        relay.address(),
        Block::Forbid,
        Arc::clone(&blocking),
        Arc::default(),
    )
    .await;
    let mut subject = Subject::connect(&proxy.url(), config(LONG, Duration::from_millis(50)));
    let _up = subject.up().await;
    blocking.store(false, Ordering::SeqCst);
    assert_eq!(subject.down().await.0, DisconnectCause::Replaced);
    let (_, _, sender) = subject.up().await;
    subject.converse(&sender, 1).await;
}

#[tokio::test]
async fn many_requests_and_answers_pass_a_long_poll_session_in_order() {
    let relay = TestRelay::start().await;
    let proxy = proxy(
        relay.address(),
        Block::Forbid,
        Arc::new(AtomicBool::new(true)),
        Arc::default(),
    )
    .await;
    let mut subject = Subject::connect(&proxy.url(), config(LONG, LONG));
    let (_, _, sender) = subject.up().await;
    for round in 0..20_u64 {
        for request_id in 1..=32 {
            sender.send(challenge(round * 32 + request_id)).unwrap();
        }
        for request_id in 1..=32 {
            assert_eq!(subject.frame().await.request_id, round * 32 + request_id);
        }
    }
}
